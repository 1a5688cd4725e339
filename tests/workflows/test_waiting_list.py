"""Waiting lists: who waited longest is offered what becomes free, and takes it, leaves it or lets it pass."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from engine.errors import NotFound
from engine.fire import NotAllowedNow
from engine.outbox import Message as OutboxEntry
from models import TermBookingOrderType
from models import TermBookingStatus as S
from models import WaitingStatus as W
from notifications.messages import WaitingExpired, WaitingOffered
from tests.workflows import endings
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    WEEK,
    Cart,
    Centre,
    Course,
    codes,
    orders,
    refused,
    sundays,
)
from tests.workflows.hall import show
from tests.workflows.waiting import accept, decline, entries, offer_of, states, waiting, wanting
from workflows import capacity, waiting_orders
from workflows.messages import compose_message
from workflows.timeouts import release_overdue
from workflows.waiting_again import look_again
from workflows.waiting_past import end_past_waits

FIRST_START = NOW + timedelta(days=12, minutes=30)  # Sunday 12 April 09:30 in Toronto


def cancel_order(centre: Centre, held: Cart, karate: Course) -> None:
    centre.pull(orders.cancel, held, reason="moved")


def remove_order(centre: Centre, held: Cart, karate: Course) -> None:
    centre.pull(orders.remove, held)


def reopen_order(centre: Centre, held: Cart, karate: Course) -> None:
    centre.pull(orders.reopen, held)


def let_it_time_out(centre: Centre, held: Cart, karate: Course) -> None:
    centre.sweep(NOW + 15 * MINUTE)


def cancel_booking(centre: Centre, held: Cart, karate: Course) -> None:
    centre.pull(orders.confirm, held, reason="agreed", confirmation_type=ADMIN_CONFIRM)
    centre.do(endings.cancel, booking_id=centre.booking(held)["id"], actor=centre.admin, reason="moved")


def close_booking_before_it(centre: Centre, held: Cart, karate: Course) -> None:
    centre.pull(orders.confirm, held, reason="agreed", confirmation_type=ADMIN_CONFIRM)
    centre.do(endings.close, booking_id=centre.booking(held)["id"], actor=centre.admin, reason="moves",
              last_day=date(2026, 4, 5))  # fmt: skip


def raise_capacity(centre: Centre, held: Cart, karate: Course) -> None:
    centre.do(capacity.set_capacity, session_id=karate.ids[0], capacity=2, reason="a coach", actor=centre.admin)


FREED_BY = (
    cancel_order, remove_order, reopen_order, let_it_time_out, cancel_booking, close_booking_before_it, raise_capacity,
)  # fmt: skip


class TestAFreedPlace:
    @pytest.mark.parametrize("free", FREED_BY, ids=lambda f: f.__name__)
    def test_is_offered_however_it_became_free(
        self, riverside: Centre, free: Callable[[Centre, Cart, Course], None]
    ) -> None:
        karate, rossi, chen = riverside.course(capacity=1), riverside.family(), riverside.family("Chen")
        held = riverside.submitted(rossi, rossi.child(), karate.lines())
        waits = waiting(riverside, chen, chen.child("Lin Chen"), karate.lines())
        assert (states(riverside, waits), riverside.taken(karate)) == ([W.WAITING], [1])

        free(riverside, held, karate)

        assert states(riverside, waits) == [W.OFFERED]
        assert riverside.taken(karate) == [2 if free is raise_capacity else 1]

    def test_goes_to_who_waited_longest_and_is_held_for_a_day(self, riverside: Centre) -> None:
        karate = riverside.course(capacity=1)
        rossi, chen, okafor = (riverside.family(name) for name in ("Rossi", "Chen", "Okafor"))
        held = riverside.submitted(rossi, rossi.child(), karate.lines())
        second = waiting(riverside, okafor, okafor.child("Mia Okafor"), karate.lines(), now=NOW + MINUTE)
        first = waiting(riverside, chen, chen.child("Lin Chen"), karate.lines())

        riverside.pull(orders.cancel, held, now=NOW + HOUR)

        assert (states(riverside, first), states(riverside, second)) == ([W.OFFERED], [W.WAITING])
        (claim,) = riverside.claims(first)
        assert (claim["takes_place"], claim["blocks_time"]) == (True, False)
        assert riverside.timers(first) == [("WAITING_OFFER", "ARMED", NOW + 25 * HOUR)]

    def test_stays_offered_beside_an_interest_of_the_same_child(self, riverside: Centre) -> None:
        karate = riverside.course(capacity=1, rules={"order_types": ["BOOKING", "WAITING_LIST", "EOI"]})
        chen = riverside.family("Chen")
        lin = chen.child("Lin Chen")
        waits = waiting(riverside, chen, lin, karate.lines())

        interest = riverside.cart(chen, lin, karate.lines(), order_type=TermBookingOrderType.EOI)
        riverside.pull(orders.express, interest)

        assert states(riverside, waits) == [W.OFFERED]
        assert [claim["takes_place"] for cart in (waits, interest) for claim in riverside.claims(cart)] == [True, False]
        assert riverside.taken(karate) == [1]

    def test_is_offered_when_somebody_joins(self, riverside: Centre) -> None:
        karate, chen = riverside.course(capacity=1), riverside.family("Chen")

        waits = waiting(riverside, chen, chen.child("Lin Chen"), karate.lines())

        assert (states(riverside, waits), riverside.taken(karate)) == ([W.OFFERED], [1])

    def test_is_held_as_long_as_the_rule_says_and_never_past_the_cut_off(self, riverside: Centre) -> None:
        chen = riverside.family("Chen")
        quick = riverside.course(capacity=1, rules={"waiting_offer_hours": 2})
        late = riverside.course(capacity=1, rules={"booking_cut_off_minutes": 120}, name="Soccer")

        hurried = waiting(riverside, chen, chen.child("Lin Chen"), quick.lines())
        pressed = waiting(riverside, chen, chen.child("Kai Chen"), late.lines(), now=FIRST_START - 5 * HOUR)

        assert riverside.timers(hurried) == [("WAITING_OFFER", "ARMED", NOW + 2 * HOUR)]
        assert riverside.timers(pressed) == [("WAITING_OFFER", "ARMED", FIRST_START - 2 * HOUR)]

    def test_costs_nothing_more_where_nobody_waits(self, riverside: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
        karate, rossi = riverside.course(capacity=1), riverside.family()
        held = riverside.submitted(rossi, rossi.child(), karate.lines())
        sent: list[str] = []
        execute = psycopg.Cursor.execute

        def count(cursor: Any, query: Any, *more: Any, **named: Any) -> Any:
            sent.append(str(query))
            return execute(cursor, query, *more, **named)

        with monkeypatch.context() as patched:
            patched.setattr(psycopg.Cursor, "execute", count)
            riverside.pull(orders.cancel, held)

        assert len(sent) == 4, "begin, lock, holdings, one write; the commit is sent by the driver itself"


class TestWhoCannotTakeIt:
    def test_is_passed_over_and_keeps_the_position(self, riverside: Centre) -> None:
        karate, soccer = riverside.course(capacity=1), riverside.course(name="Soccer", capacity=9)
        rossi, chen, okafor = (riverside.family(name) for name in ("Rossi", "Chen", "Okafor"))
        held = riverside.submitted(rossi, rossi.child(), karate.lines())
        lin = chen.child("Lin Chen")
        first = waiting(riverside, chen, lin, karate.lines())
        second = waiting(riverside, okafor, okafor.child("Mia Okafor"), karate.lines(), now=NOW + MINUTE)
        elsewhere = riverside.submitted(chen, lin, soccer.lines())

        riverside.pull(orders.cancel, held, now=NOW + 2 * MINUTE)

        assert (states(riverside, first), states(riverside, second)) == ([W.WAITING], [W.OFFERED])
        (entry,) = entries(riverside, first)
        assert (entry["since"], entry["passed_over_at"]) == (NOW, NOW + 2 * MINUTE)
        assert entry["passed_over_for"].startswith("Lin Chen is already booked for Soccer")
        riverside.pull(orders.cancel, elsewhere, now=NOW + 3 * MINUTE)
        decline(riverside, okafor, second, now=NOW + 4 * MINUTE)
        assert states(riverside, first) == [W.OFFERED]

    def test_is_looked_at_again_when_the_reason_may_have_gone(self, riverside: Centre) -> None:
        karate, soccer = riverside.course(capacity=1), riverside.course(name="Soccer")
        rossi, chen = riverside.family(), riverside.family("Chen")
        held = riverside.submitted(rossi, rossi.child(), karate.lines())
        lin = chen.child("Lin Chen")
        first = waiting(riverside, chen, lin, karate.lines())
        elsewhere = riverside.submitted(chen, lin, soccer.lines())
        riverside.pull(orders.cancel, held, now=NOW + MINUTE)

        assert look_again(riverside.database, now=NOW + 2 * MINUTE) == 0
        (entry,) = entries(riverside, first)
        assert entry["passed_over_at"] == NOW + MINUTE, "since when the reason stands"
        riverside.pull(orders.cancel, elsewhere, now=NOW + 3 * MINUTE)
        assert states(riverside, first) == [W.WAITING]

        assert look_again(riverside.database, now=NOW + 4 * MINUTE) == 1
        assert states(riverside, first) == [W.OFFERED]
        assert look_again(riverside.database, now=NOW + 5 * MINUTE) == 0

    def test_too_old_since_the_rule_changed(self, riverside: Centre) -> None:
        karate, rossi, chen = riverside.course(capacity=1), riverside.family(), riverside.family("Chen")
        held = riverside.submitted(rossi, rossi.child(), karate.lines())
        waits = waiting(riverside, chen, chen.child("Lin Chen"), karate.lines())
        riverside.run("UPDATE term_program_set SET age_below_months = 96 WHERE id = %(id)s", id=karate.offering["id"])

        riverside.pull(orders.cancel, held)

        assert (states(riverside, waits), riverside.taken(karate)) == ([W.WAITING], [0])

    def test_nobody_after_the_cut_off(self, riverside: Centre) -> None:
        karate = riverside.course(capacity=1, rules={"booking_cut_off_minutes": 120})
        rossi, chen = riverside.family(), riverside.family("Chen")
        held = riverside.submitted(rossi, rossi.child(), karate.lines(), how=ADMIN_CONFIRM)
        waits = waiting(riverside, chen, chen.child("Lin Chen"), karate.lines())

        riverside.pull(orders.cancel, held, now=FIRST_START - HOUR)

        assert (states(riverside, waits), riverside.taken(karate)) == ([W.WAITING], [0])


def offered(centre: Centre, **columns: Any) -> tuple[Course, Any, Cart]:
    """A course with its one place offered to Lin Chen."""
    karate, chen = centre.course(capacity=1, **columns), centre.family("Chen", email="chen@family.example")
    return karate, chen, waiting(centre, chen, chen.child("Lin Chen"), karate.lines())


class TestAcceptance:
    def test_makes_an_order_like_any_other(self, riverside: Centre) -> None:
        karate, chen, waits = offered(riverside)

        (made,) = accept(riverside, chen, waits, now=NOW + HOUR)

        assert (riverside.status(made), riverside.status(waits)) == (S.SUBMITTED, S.REMOVED)
        assert riverside.order(waits)["cancel_reason"] == f"accepted as {made.reference}"
        assert states(riverside, waits) == [W.ACCEPTED]
        assert (riverside.taken(karate), riverside.claims(waits)) == ([1], [])
        (claim,) = riverside.claims(made)
        assert (claim["order_type"], claim["takes_place"], claim["blocks_time"]) == (0, True, True)
        assert riverside.timers(made) == [("AUTO_CANCEL", "ARMED", NOW + HOUR + 15 * MINUTE)]
        assert riverside.timers(waits) == [("WAITING_OFFER", "DISARMED", NOW + 24 * HOUR)]
        assert [total for _, _, total in riverside.billings(made)] == [1130]

    def test_the_order_times_out_and_its_place_goes_on(self, riverside: Centre) -> None:
        karate, chen, waits = offered(riverside)
        okafor = riverside.family("Okafor")
        (made,) = accept(riverside, chen, waits)
        behind = waiting(riverside, okafor, okafor.child("Mia Okafor"), karate.lines())

        riverside.sweep(NOW + 15 * MINUTE)

        assert (riverside.status(made), states(riverside, behind)) == (S.CANCELED, [W.OFFERED])

    def test_twice_is_refused(self, riverside: Centre) -> None:
        _, chen, waits = offered(riverside)
        accept(riverside, chen, waits)

        with pytest.raises(NotAllowedNow, match=r"WE-\w+ is accepted: accept is not allowed now"):
            accept(riverside, chen, waits)

    def test_after_it_ran_out_is_refused_before_and_after_the_sweep(self, riverside: Centre) -> None:
        karate, chen, waits = offered(riverside)
        late = lambda: accept(riverside, chen, waits, now=NOW + 24 * HOUR)  # noqa: E731

        before = codes(late)
        riverside.sweep(NOW + 24 * HOUR)

        assert before == ["offer_expired"]
        assert (states(riverside, waits), riverside.status(waits)) == ([W.EXPIRED], S.REMOVED)
        assert riverside.taken(karate) == [0]
        with pytest.raises(NotAllowedNow, match="is expired"):
            late()

    def test_asks_every_rule_again_and_changes_nothing_when_one_says_no(self, riverside: Centre) -> None:
        _, chen, waits = offered(riverside)
        soccer = riverside.course(name="Soccer")
        mia = {"id": entries(riverside, waits)[0]["attendee_id"]}
        riverside.submitted(chen, mia, soccer.lines())
        before = riverside.snapshot()

        found = codes(lambda: accept(riverside, chen, waits))

        assert found == ["double_booked"]
        assert (riverside.snapshot(), states(riverside, waits)) == (before, [W.OFFERED])

    def test_at_another_price_is_refused(self, riverside: Centre) -> None:
        karate, chen, waits = offered(riverside)
        riverside.run("UPDATE term_product SET price_minor = 2000 WHERE id = %(id)s", id=karate.ids[0])

        (reason,) = refused(lambda: accept(riverside, chen, waits, price_fingerprint="of the old price"))

        assert (reason.code, reason.facts["total_minor"]) == ("price_changed", 2000)
        assert states(riverside, waits) == [W.OFFERED]

    def test_keeps_the_extras_that_were_asked_for(self, riverside: Centre) -> None:
        karate, chen, lunch = riverside.course(capacity=1), riverside.family("Chen"), riverside.extra()
        lines = karate.lines(extras=[{"extra_id": lunch, "quantity": 1}])
        waits = waiting(riverside, chen, chen.child("Lin Chen"), lines)

        (made,) = accept(riverside, chen, waits)

        assert riverside.order(made)["total_minor"] == 1930

    def test_of_another_family_does_not_exist(self, riverside: Centre) -> None:
        _, _, waits = offered(riverside)

        with pytest.raises(NotFound):
            accept(riverside, riverside.family(), waits)

    def test_of_one_session_leaves_the_order_waiting_for_the_other(self, riverside: Centre) -> None:
        karate, rossi, chen = riverside.course(*sundays(2), capacity=1), riverside.family(), riverside.family("Chen")
        held = riverside.submitted(rossi, rossi.child(), karate.lines())
        waits = waiting(riverside, chen, chen.child("Lin Chen"), karate.lines())
        riverside.run("UPDATE term_product SET capacity = 2 WHERE id = %(id)s", id=karate.ids[0])
        riverside.do(capacity.set_capacity, session_id=karate.ids[0], capacity=3, reason="a coach",
                     actor=riverside.admin)  # fmt: skip

        accept(riverside, chen, waits)

        assert states(riverside, waits) == [W.ACCEPTED, W.WAITING]
        assert riverside.status(waits) == S.SUBMITTED
        riverside.pull(orders.cancel, held)
        assert states(riverside, waits) == [W.ACCEPTED, W.OFFERED]


class TestDeclineAndExpiry:
    def test_declined_it_passes_on_in_the_same_transaction(self, riverside: Centre) -> None:
        karate, chen, waits = offered(riverside)
        okafor = riverside.family("Okafor")
        behind = waiting(riverside, okafor, okafor.child("Mia Okafor"), karate.lines())

        decline(riverside, chen, waits, reason="found another")

        assert (states(riverside, waits), states(riverside, behind)) == ([W.DECLINED], [W.OFFERED])
        assert riverside.status(waits) == S.REMOVED
        assert riverside.taken(karate) == [1]
        with pytest.raises(NotAllowedNow, match="is declined"):
            accept(riverside, chen, waits)

    def test_expired_it_passes_on_and_leaves_the_queue(self, riverside: Centre) -> None:
        karate, _, waits = offered(riverside)
        okafor = riverside.family("Okafor")
        behind = waiting(riverside, okafor, okafor.child("Mia Okafor"), karate.lines())

        riverside.sweep(NOW + 24 * HOUR)

        assert (states(riverside, waits), states(riverside, behind)) == ([W.EXPIRED], [W.OFFERED])
        assert riverside.timers(waits) == [("WAITING_OFFER", "FIRED", NOW + 24 * HOUR)]
        assert riverside.timers(behind) == [("WAITING_OFFER", "ARMED", NOW + 48 * HOUR)]

    def test_overdue_it_is_void_when_somebody_reads_it(self, riverside: Centre) -> None:
        karate, _, waits = offered(riverside)
        rossi = riverside.family()
        cart = riverside.cart(rossi, rossi.child(), karate.lines())
        now = NOW + DAY
        assert codes(lambda: riverside.submit(cart, actor=rossi.actor, now=now)) == ["session_full"]

        released = release_overdue(riverside.database, riverside.organisation_id, session_ids=karate.ids,
                                   attendee_ids=[riverside.order(cart)["attendee_id"]], now=now)  # fmt: skip
        riverside.submit(cart, actor=rossi.actor, now=now)

        assert (released, states(riverside, waits), riverside.taken(karate)) == (1, [W.EXPIRED], [1])

    @pytest.mark.parametrize("verb", [orders.remove, orders.cancel, orders.reopen])
    def test_who_leaves_gives_the_offered_place_to_the_next(self, riverside: Centre, verb: Any) -> None:
        karate, chen, waits = offered(riverside)
        okafor = riverside.family("Okafor")
        behind = waiting(riverside, okafor, okafor.child("Mia Okafor"), karate.lines())

        riverside.pull(verb, waits, actor=chen.actor)

        assert (states(riverside, waits), states(riverside, behind)) == ([W.LEFT], [W.OFFERED])
        assert [status for _, status, _ in riverside.timers(waits)] == ["DISARMED"]


class TestWhatIsRefused:
    def test_waiting_twice_for_the_same_session(self, riverside: Centre) -> None:
        karate, chen = riverside.course(capacity=0, session={"capacity": 0}), riverside.family("Chen")
        lin = chen.child("Lin Chen")
        waiting(riverside, chen, lin, karate.lines())

        (reason,) = refused(lambda: waiting(riverside, chen, lin, karate.lines()))

        assert (reason.code, reason.field) == ("double_booked", "lines[0].session_id")
        assert reason.message == "Lin Chen waits for Karate, Sun 12 Apr 2026 09:30–10:30 already."

    def test_waiting_for_what_is_held(self, riverside: Centre) -> None:
        karate, rossi = riverside.course(), riverside.family()
        mia = rossi.child()
        riverside.submitted(rossi, mia, karate.lines())

        assert codes(lambda: waiting(riverside, rossi, mia, karate.lines())) == ["double_booked"]

    def test_a_booking_beside_an_open_offer_but_not_of_another_session(self, riverside: Centre) -> None:
        karate, chen, waits = offered(riverside)
        lin = {"id": entries(riverside, waits)[0]["attendee_id"]}
        riverside.run("UPDATE term_product SET capacity = 5 WHERE id = %(id)s", id=karate.ids[0])
        soccer = riverside.course(name="Soccer")

        beside = riverside.cart(chen, lin, karate.lines())
        found = codes(lambda: riverside.submit(beside, actor=chen.actor))
        other = riverside.submitted(chen, lin, soccer.lines())

        assert (found, beside.notices) == (["place_offered"], ["place_offered"])
        assert riverside.status(other) == S.SUBMITTED

    @pytest.mark.parametrize("verb", [orders.quote, orders.confirm, orders.approve_attendance])
    def test_what_only_an_enrolment_does(self, riverside: Centre, verb: Any) -> None:
        _, _, waits = offered(riverside)

        assert "is_waiting" in codes(lambda: riverside.pull(verb, waits))

    def test_for_a_seat(self, riverside: Centre) -> None:
        magic, rossi = show(riverside, rules={"order_types": ["BOOKING", "WAITING_LIST"]}), riverside.family()
        cart = wanting(riverside, rossi, rossi.child(), magic.asking("A1"))

        reasons = refused(lambda: riverside.do(waiting_orders.wait, order_id=cart.id, actor=rossi.actor))

        assert "seated_session" in [reason.code for reason in reasons]

    def test_joining_a_queue_with_another_kind_of_order(self, riverside: Centre) -> None:
        karate, rossi = riverside.course(), riverside.family()
        cart = riverside.cart(rossi, rossi.child(), karate.lines())

        assert codes(lambda: riverside.do(waiting_orders.wait, order_id=cart.id, actor=rossi.actor)) == ["not_waiting"]

    def test_who_may_not_book_may_not_wait(self, riverside: Centre) -> None:
        karate = riverside.course(capacity=0, session={"capacity": 0}, age_below_months=60, bookable_from=NOW + DAY)
        rossi = riverside.family()
        cart = wanting(riverside, rossi, rossi.child(), karate.lines())

        found = codes(lambda: riverside.do(waiting_orders.wait, order_id=cart.id, actor=rossi.actor))

        assert found == ["age_does_not_fit", "not_open_yet"]
        assert riverside.status(cart) == S.CREATED


class TestMail:
    def entry(self, centre: Centre, topic: str) -> OutboxEntry:
        row = centre.rows("SELECT * FROM outbox_message WHERE topic = %(topic)s ORDER BY id DESC LIMIT 1", topic=topic)[
            0
        ]
        return OutboxEntry(row["id"], row["topic"], row["payload"], row["created_at"])

    def test_tells_of_the_offer_and_that_it_ran_out(self, riverside: Centre) -> None:
        _, _, waits = offered(riverside)
        riverside.sweep(NOW + 24 * HOUR)

        with riverside.database.transaction(riverside.organisation_id) as tx:
            offer, over = (
                compose_message(tx, self.entry(riverside, topic), base_url="https://a.example", secret="")
                for topic in ("waiting.offered", "waiting.expired")
            )

        assert isinstance(offer, WaitingOffered)
        assert (offer.attendee_names, offer.expires_at) == (("Lin Chen",), NOW + 24 * HOUR)
        assert [session.title for session in offer.sessions] == ["Karate"]
        assert offer.link == f"https://a.example/waiting-offers/{offer_of(riverside, waits)}"
        assert isinstance(over, WaitingExpired)
        assert over.recipient.email == "chen@family.example"


class TestWhatIsOver:
    def test_is_not_waited_for_any_more(self, riverside: Centre) -> None:
        karate, chen = riverside.course(*sundays(2), capacity=0, session={"capacity": 0}), riverside.family("Chen")
        waits = waiting(riverside, chen, chen.child("Lin Chen"), karate.lines())

        end_past_waits(riverside.database, now=FIRST_START)
        after_the_first = (states(riverside, waits), riverside.status(waits))
        end_past_waits(riverside.database, now=FIRST_START + WEEK)

        assert after_the_first == ([W.LEFT, W.WAITING], S.SUBMITTED)
        assert (states(riverside, waits), riverside.status(waits)) == ([W.LEFT, W.LEFT], S.REMOVED)
        assert riverside.order(waits)["cancel_reason"] == "the session is over"

    def test_an_offer_of_a_session_that_was_closed_gives_its_place_back(self, riverside: Centre) -> None:
        karate, _, waits = offered(riverside)
        riverside.run("UPDATE term_product SET status = 'CLOSED' WHERE id = %(id)s", id=karate.ids[0])

        end_past_waits(riverside.database, now=NOW)

        assert (states(riverside, waits), riverside.taken(karate)) == ([W.LEFT], [0])
        assert [status for _, status, _ in riverside.timers(waits)] == ["DISARMED"]
