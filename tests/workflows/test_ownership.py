"""Whose account an order is for, and that nobody reaches another's: the server decides, never the client."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from engine.actor import Actor
from engine.database import Database
from engine.errors import Invalid, NotFound, NotPermitted
from engine.ids import new_id
from models import ActorKind
from models import TermBookingStatus as S
from tests.workflows.centre import BOOKING, PAY_NOW, Centre, make_centre, orders, sundays
from workflows.order_facts import Changed


class TestAccountResolution:
    def test_an_admin_selects_the_account_by_hand(self, riverside: Centre) -> None:
        rossi = riverside.family()
        mia = rossi.child()

        with pytest.raises(Invalid) as refusal:
            riverside.do(orders.new, actor=riverside.admin, account_id=None, attendee_id=mia["id"],
                         term_id=riverside.term["id"], order_type=BOOKING)  # fmt: skip

        assert [(r.code, r.field) for r in refusal.value.reasons] == [("required", "account_id")]

    def test_an_admin_who_is_a_guardian_too_still_selects(self, riverside: Centre) -> None:
        rossi = riverside.family()
        both = Actor(ActorKind.ADMIN, user_id=new_id(), account_ids=frozenset({rossi.id}))

        with pytest.raises(Invalid):
            riverside.do(orders.new, actor=both, account_id=None, attendee_id=rossi.child()["id"],
                         term_id=riverside.term["id"], order_type=BOOKING)  # fmt: skip

    def test_a_family_books_for_its_own(self, riverside: Centre) -> None:
        rossi = riverside.family()
        mia = rossi.child()

        made = riverside.do(orders.new, actor=rossi.actor, account_id=None, attendee_id=mia["id"],
                            term_id=riverside.term["id"], order_type=BOOKING)  # fmt: skip

        assert made.order.account_id == rossi.id

    def test_a_guardian_of_two_accounts_says_which(self, riverside: Centre) -> None:
        rossi, bianchi = riverside.family(), riverside.family("Bianchi family")
        both = Actor(ActorKind.FAMILY, user_id=new_id(), account_ids=frozenset({rossi.id, bianchi.id}))
        mia = rossi.child()
        new = partial(riverside.do, orders.new, actor=both, attendee_id=mia["id"], term_id=riverside.term["id"],
                      order_type=BOOKING)  # fmt: skip

        with pytest.raises(Invalid):
            new(account_id=None)
        assert new(account_id=rossi.id).order.account_id == rossi.id

    def test_a_family_does_not_book_for_another(self, riverside: Centre) -> None:
        rossi, chen = riverside.family(), riverside.family("Chen family")

        with pytest.raises(NotFound):
            riverside.draft(chen, chen.child(), actor=rossi.actor)

    @pytest.mark.parametrize("who", ["family", "admin"])
    def test_nor_for_anothers_child(self, riverside: Centre, who: str) -> None:
        rossi, chen = riverside.family(), riverside.family("Chen family")
        actor = rossi.actor if who == "family" else riverside.admin

        with pytest.raises(NotFound, match="no such attendee"):
            riverside.draft(rossi, chen.child(), actor=actor)

    @pytest.mark.parametrize("missing", ["account_id", "attendee_id", "term_id"])
    def test_what_does_not_exist(self, riverside: Centre, missing: str) -> None:
        rossi = riverside.family()
        known = {"account_id": rossi.id, "attendee_id": rossi.child()["id"], "term_id": riverside.term["id"]}

        with pytest.raises(NotFound):
            riverside.do(orders.new, actor=riverside.admin, order_type=BOOKING, **{**known, missing: new_id()})


VERBS: dict[str, Callable[..., Any]] = {
    "save": partial(orders.save, lines=[]),
    "submit": partial(orders.submit, confirmation_type=PAY_NOW, price_fingerprint=""),
    "quote": orders.quote, "accept": orders.accept, "confirm": orders.confirm, "reopen": orders.reopen,
    "remove": orders.remove, "cancel": orders.cancel,
}  # fmt: skip


class TestAnothersOrder:
    @pytest.mark.parametrize("verb", VERBS)
    def test_answers_like_one_that_does_not_exist(self, riverside: Centre, verb: str) -> None:
        rossi, chen, karate = riverside.family(), riverside.family("Chen family"), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())
        staff = Actor(ActorKind.STAFF, user_id=new_id(), site_ids=frozenset({riverside.site["id"]}))
        missing = riverside.draft(chen, chen.child())
        missing.id = new_id()

        messages = set()
        for actor, of in ((chen.actor, cart), (staff, cart), (chen.actor, missing), (riverside.admin, missing)):
            with pytest.raises(NotFound) as refusal:
                riverside.pull(VERBS[verb], of, actor=actor)
            messages.add((refusal.value.message, str(refusal.value.facts)))

        assert messages == {("There is no such order.", "{'what': 'order'}")}
        assert riverside.status(cart) == S.SUBMITTED

    @pytest.mark.parametrize("verb", VERBS)
    def test_of_another_organisation_does_not_exist(
        self, riverside: Centre, hillside: Centre, verb: str
    ) -> None:  # fmt: skip
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())

        for actor in (hillside.admin, rossi.actor):
            with pytest.raises(NotFound):
                hillside.pull(VERBS[verb], cart, actor=actor)

        assert riverside.status(cart) == S.SUBMITTED

    def test_sessions_and_extras_of_another_organisation_do_not_exist(
        self, riverside: Centre, hillside: Centre
    ) -> None:
        rossi, theirs = riverside.family(), hillside.course()
        lunch = hillside.extra()
        cart = riverside.draft(rossi, rossi.child())

        with pytest.raises(Invalid) as sessions:
            riverside.save(cart, theirs.lines(), actor=rossi.actor)
        with pytest.raises(Invalid) as extras:
            riverside.save(
                cart, riverside.course().lines(extras=[{"extra_id": lunch, "quantity": 1}]), actor=rossi.actor
            )

        assert [r.code for r in (*sessions.value.reasons, *extras.value.reasons)] == ["unknown", "unknown"]

    def test_finance_sees_it_and_does_not_move_it(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())
        finance = Actor(ActorKind.FINANCE, user_id=new_id())

        with pytest.raises(NotPermitted, match="is not for finance users"):
            riverside.pull(orders.confirm, cart, actor=finance)


@pytest.fixture(scope="module")
def hillside(checked_database: Database, database_url: str) -> Centre:
    """Another organisation in the same database."""
    return make_centre(checked_database, database_url, name="Hillside Centre")


class TestVersion:
    def test_of_what_was_seen_is_checked_when_it_is_given(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2))
        cart = riverside.cart(rossi, rossi.child(), karate.lines(0))

        riverside.save(cart, karate.lines(1), actor=rossi.actor, version=2)
        with pytest.raises(Changed) as refusal:
            riverside.save(cart, karate.lines(), actor=rossi.actor, version=2)

        assert refusal.value.facts == {"version": 3}
        assert riverside.order(cart)["version"] == 3
        assert cart.total_minor == 1130

    def test_rises_with_every_move(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.quoted(rossi, rossi.child(), karate.lines())

        assert riverside.order(cart)["version"] == len(riverside.history(cart)) == 4
