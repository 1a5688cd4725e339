"""Quotes: numbered, priced for good, held until they expire, never later than the next cut-off."""

from datetime import timedelta

import pytest

from engine.errors import NotPermitted
from models import TermBookingStatus as S
from tests.builders import TORONTO
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    DAY,
    FIRST,
    HOUR,
    MINUTE,
    NOW,
    WEEK,
    Cart,
    Centre,
    codes,
    orders,
    refused,
    sundays,
)

FIRST_START = FIRST.replace(tzinfo=TORONTO)


def quotes(centre: Centre, cart: Cart) -> list[dict[str, object]]:
    return centre.rows("SELECT * FROM quote WHERE order_id = %(id)s ORDER BY number", id=cart.id)


class TestExpiry:
    def test_after_its_validity(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(rules={"quote_validity_days": 5})

        cart = riverside.quoted(rossi, rossi.child(), karate.lines())

        assert quotes(riverside, cart)[0]["expires_at"] == NOW + 5 * DAY

    def test_never_later_than_the_next_cut_off(self, riverside: Centre) -> None:
        rossi = riverside.family()
        karate = riverside.course(*sundays(2), rules={"booking_cut_off_minutes": 120})

        cart = riverside.quoted(rossi, rossi.child(), karate.lines())

        assert quotes(riverside, cart)[0]["expires_at"] == FIRST_START - 2 * HOUR

    def test_asks_each_session_for_its_own_cut_off(self, riverside: Centre) -> None:
        rossi = riverside.family()
        early = riverside.course()
        late = riverside.course(FIRST + WEEK, name="Soccer", rules={"booking_cut_off_minutes": 3 * 24 * 60})

        cart = riverside.quoted(rossi, rossi.child(), [*early.lines(), *late.lines()])

        assert quotes(riverside, cart)[0]["expires_at"] == FIRST_START

    def test_of_undated_sessions_after_its_validity(self, riverside: Centre) -> None:
        rossi, lab = riverside.family(), riverside.course(None, name="Independent work")

        cart = riverside.quoted(rossi, rossi.child(), lab.lines())

        assert quotes(riverside, cart)[0]["expires_at"] == NOW + 14 * DAY

    def test_a_cut_off_that_was_overridden_does_not_expire_it_at_once(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(rules={"booking_cut_off_minutes": 120})
        cart = riverside.cart(rossi, rossi.child(), karate.lines(), actor=riverside.admin)
        late = FIRST_START - HOUR
        riverside.submit(cart, actor=riverside.admin, how=ADMIN_CONFIRM, override_reason="walk-in", now=late)

        riverside.pull(orders.quote, cart, now=late)
        riverside.pull(orders.accept, cart, now=late + MINUTE)

        assert riverside.status(cart) == S.ACCEPT
        assert quotes(riverside, cart)[0]["expires_at"] == FIRST_START

    def test_gives_back_what_it_held(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(rules={"quote_validity_days": 1})
        cart = riverside.quoted(rossi, rossi.child(), karate.lines())

        riverside.sweep(NOW + DAY)

        assert riverside.status(cart) == S.CANCELED
        assert riverside.taken(karate) == [0]
        assert riverside.timers(cart)[-1] == ("QUOTE_EXPIRY", "FIRED", NOW + DAY)


class TestAccept:
    def test_until_the_last_moment(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(rules={"quote_validity_days": 1})
        cart = riverside.quoted(rossi, rossi.child(), karate.lines())

        riverside.pull(orders.accept, cart, actor=rossi.actor, now=NOW + DAY - timedelta(microseconds=1))

        assert riverside.status(cart) == S.ACCEPT

    def test_not_when_it_has_expired_though_nothing_swept(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(rules={"quote_validity_days": 1})
        cart = riverside.quoted(rossi, rossi.child(), karate.lines())

        (reason,) = refused(lambda: riverside.pull(orders.accept, cart, actor=rossi.actor, now=NOW + DAY))

        assert reason.code == "quote_expired"
        assert reason.message == f"The quote of {cart.reference} expired on Wed 01 Apr 2026 09:00."
        assert riverside.status(cart) == S.QUOTE

    def test_not_when_the_order_costs_something_else_by_now(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart, other = (riverside.quoted(rossi, rossi.child(name), karate.lines()) for name in ("Mia", "Leo"))

        def accept_at_another_price() -> None:
            """No verb leaves a quote behind; the guard is asked all the same."""
            with riverside.database.transaction(riverside.organisation_id) as tx:
                tx.run("UPDATE term_booking_order SET billing_id = (SELECT billing_id FROM term_booking_order "
                       "WHERE id = %(other)s) WHERE id = %(id)s", id=cart.id, other=other.id)  # fmt: skip
                orders.accept(tx, order_id=cart.id, actor=rossi.actor, now=NOW)

        assert codes(accept_at_another_price) == ["quote_superseded"]
        assert riverside.status(cart) == S.QUOTE

    def test_without_a_timer_where_an_admin_confirms(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.quoted(rossi, rossi.child(), karate.lines(), how=ADMIN_CONFIRM)

        riverside.pull(orders.accept, cart, actor=rossi.actor)

        assert [timer[:2] for timer in riverside.timers(cart)] == [("QUOTE_EXPIRY", "DISARMED")]

    def test_then_times_out_like_a_submit(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.quoted(rossi, rossi.child(), karate.lines())
        riverside.pull(orders.accept, cart, actor=rossi.actor, now=NOW + HOUR)

        riverside.sweep(NOW + HOUR + 14 * MINUTE)
        before = riverside.status(cart)
        riverside.sweep(NOW + HOUR + 15 * MINUTE)

        assert (before, riverside.status(cart)) == (S.ACCEPT, S.CANCELED)


class TestReissue:
    def test_gives_a_new_number_and_arms_one_timer(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(FIRST + 6 * WEEK)
        cart = riverside.quoted(rossi, rossi.child(), karate.lines())

        riverside.pull(orders.quote, cart, now=NOW + DAY)

        first, second = quotes(riverside, cart)
        assert second["number"] == int(str(first["number"])) + 1
        assert second["expires_at"] == NOW + 15 * DAY
        assert [timer[1] for timer in riverside.timers(cart)] == ["DISARMED", "DISARMED", "ARMED"]
        assert riverside.history(cart)[-1] == ("quote", S.QUOTE, S.QUOTE)

    def test_of_an_expired_one_may_be_accepted(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(FIRST + 6 * WEEK)
        cart = riverside.quoted(rossi, rossi.child(), karate.lines())
        riverside.pull(orders.quote, cart, now=NOW + 20 * DAY)

        riverside.pull(orders.accept, cart, actor=rossi.actor, now=NOW + 21 * DAY)

        assert riverside.status(cart) == S.ACCEPT

    def test_numbers_have_no_gap(self, riverside: Centre) -> None:
        numbers = [row["number"] for row in riverside.rows("SELECT number FROM quote ORDER BY number")]

        assert numbers == list(range(1, len(numbers) + 1))


def test_a_family_does_not_quote_itself(riverside: Centre) -> None:
    rossi, karate = riverside.family(), riverside.course()
    cart = riverside.submitted(rossi, rossi.child(), karate.lines())

    with pytest.raises(NotPermitted):
        riverside.pull(orders.quote, cart, actor=rossi.actor)

    assert quotes(riverside, cart) == []
