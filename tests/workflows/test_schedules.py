"""Confirmed by a deposit, and by direct debit: what is agreed, what confirms, what is due then."""

from datetime import date, timedelta
from typing import Any

import pytest

from engine.actor import Actor
from engine.database import Row
from engine.ids import new_id
from models import ActorKind, PaymentStatus
from models import TermBookingStatus as S
from tests.workflows.centre import DAY, HOUR, MINUTE, NOW, Cart, Centre, Course, Family, How, orders, sundays
from tests.workflows.centre import refused as reasons_of
from tests.workflows.payment_world import event_of
from tests.workflows.test_direct_debit import activate, balance, give
from workflows import direct_debit as debits
from workflows import mandate, payments
from workflows.debit_run import collect_due
from workflows.payment_events import deliver_event
from workflows.payment_use import Use

DEPOSIT, DEBIT = How.PAY_NOW_PAY_DEPOSIT, How.DIRECT_DEBIT
ALL_TYPES = ["PAY_NOW_PAY_ALL", "PAY_NOW_PAY_DEPOSIT", "DIRECT_DEBIT", "ADMIN_CONFIRM", "CONFIRM_WITHOUT_PAYMENT"]
RULES: dict[str, Any] = {
    "confirmation_types": ALL_TYPES, "deposit": {"percent": "25"}, "rest_due": {"days_before_start": 7},
    "instalments": {"count": 3, "every": "MONTH", "first_after_days": 14},
}  # fmt: skip
FINANCE = Actor(ActorKind.FINANCE, user_id=new_id())
TODAY = NOW.date()


def course(centre: Centre, *, count: int = 3, **rules: Any) -> Course:
    """Sundays from 12 April at 11.30 each: 33.90."""
    found: Course = centre.course(*sundays(count), rules={**RULES, **rules})
    return found


def plan(centre: Centre, cart: Cart, how: How, actor: Actor) -> Any:
    return centre.pull(orders.payment_schedule, cart, confirmation_type=how, actor=actor)[1]


def submit(centre: Centre, by: Family, karate: Course, how: How, **known: Any) -> Cart:
    """A family's order with the schedule that it was shown."""
    cart = centre.cart(by, by.child(), karate.lines())
    schedule = plan(centre, cart, how, by.actor)
    centre.submit(cart, actor=by.actor, how=how, schedule_fingerprint=schedule.fingerprint, **known)
    return cart


def agreed(centre: Centre, cart: Cart) -> list[tuple[str, date, int]]:
    rows = centre.rows("SELECT i.kind, i.due_on, i.amount_minor FROM instalment i JOIN payment_schedule s "
                       "ON s.id = i.schedule_id WHERE s.order_id = %(id)s ORDER BY s.agreed_at, i.position",
                       id=cart.id)  # fmt: skip
    return [tuple(row.values()) for row in rows]  # type: ignore[misc]


def pay(centre: Centre, by: Family, cart: Cart, **known: Any) -> int:
    """The family pays what it is asked for; returns how much that is."""
    started = centre.pull(payments.start_payment, cart, provider="sandbox", actor=by.actor, **known)
    centre.run("UPDATE payment SET status = 'FAILED' WHERE id = %(id)s", id=started.payment_id)
    centre.pull(payments.record_manual_payment, cart, amount_minor=started.amount_minor, reason="as asked", **known)
    found: int = started.amount_minor
    return found


def invoice(centre: Centre, cart: Cart) -> Row:
    return centre.one("SELECT * FROM invoice WHERE booking_id = %(id)s", id=centre.booking(cart)["id"])


class TestDeposit:
    def test_is_asked_first_and_confirms_then_the_rest_is(self, riverside: Centre) -> None:
        rossi = riverside.family()
        cart = submit(riverside, rossi, course(riverside), DEPOSIT)
        assert agreed(riverside, cart) == [("DEPOSIT", TODAY, 848), ("REST", date(2026, 4, 5), 2542)]
        assert riverside.status(cart) == S.SUBMITTED

        assert pay(riverside, rossi, cart) == 848

        booking = riverside.booking(cart)
        assert (riverside.status(cart), booking["payment_state"]) == (S.APPROVED, "OPEN")
        assert (invoice(riverside, cart)["total_minor"], invoice(riverside, cart)["due_on"]) == (3390, date(2026, 4, 5))
        assert balance(riverside, rossi, "RECEIVABLE") == 2542
        assert pay(riverside, rossi, cart, now=NOW + DAY) == 2542
        assert (riverside.booking(cart)["payment_state"], balance(riverside, rossi, "RECEIVABLE")) == ("PAID", 0)

    def test_less_than_it_waits_for_finance_without_a_timeout(self, riverside: Centre) -> None:
        rossi = riverside.family()
        cart = submit(riverside, rossi, course(riverside), DEPOSIT)

        _, use = riverside.pull(payments.record_manual_payment, cart, amount_minor=847, reason="cash")

        assert (use, riverside.status(cart)) == (Use.HELD, S.SUBMITTED)
        assert riverside.timers(cart) == [("AUTO_CANCEL", "DISARMED", NOW + 15 * MINUTE)]
        assert pay(riverside, rossi, cart) == 1
        assert riverside.status(cart) == S.APPROVED

    def test_by_amount_of_each_offering(self, riverside: Centre) -> None:
        rossi = riverside.family()

        cart = submit(riverside, rossi, course(riverside, deposit={"amount_minor": 1000}), DEPOSIT)

        assert agreed(riverside, cart)[0] == ("DEPOSIT", TODAY, 1000)

    def test_the_rest_so_many_days_after_the_order(self, riverside: Centre) -> None:
        cart = submit(riverside, riverside.family(), course(riverside, rest_due={"days_after_order": 30}), DEPOSIT)

        assert agreed(riverside, cart)[1] == ("REST", TODAY + timedelta(days=30), 2542)

    def test_of_what_is_due_today_as_well_is_all_of_it(self, riverside: Centre) -> None:
        rossi = riverside.family()

        cart = submit(riverside, rossi, course(riverside, rest_due={"days_before_start": 60}), DEPOSIT)

        assert agreed(riverside, cart) == [("DEPOSIT", TODAY, 3390)]

    def test_of_nothing_confirms_with_the_submit(self, riverside: Centre) -> None:
        cart = submit(riverside, riverside.family(), course(riverside, deposit={"percent": "0"}), DEPOSIT)

        assert (riverside.status(cart), riverside.booking(cart)["payment_state"]) == (S.APPROVED, "OPEN")
        assert agreed(riverside, cart) == [("REST", date(2026, 4, 5), 3390)]

    def test_is_refused_where_an_offering_has_none(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, deposit="none")
        cart = riverside.cart(rossi, rossi.child(), karate.lines())

        (reason,) = reasons_of(lambda: riverside.submit(cart, actor=rossi.actor, how=DEPOSIT))

        assert (reason.code, reason.message) == (
            "no_deposit",
            "Karate takes no deposit; choose another way to confirm.",
        )

    def test_a_schedule_that_has_changed_since_it_was_shown_is_refused(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside)
        cart = riverside.cart(rossi, rossi.child(), karate.lines())
        shown = plan(riverside, cart, DEPOSIT, rossi.actor).fingerprint
        riverside.rule("deposit", {"percent": "50"}, karate.offering["id"])
        before = riverside.snapshot()

        (reason,) = reasons_of(
            lambda: riverside.submit(cart, actor=rossi.actor, how=DEPOSIT, schedule_fingerprint=shown)
        )

        assert (reason.code, reason.field) == ("schedule_changed", "schedule_fingerprint")
        assert "$16.95 on 31 Mar 2026, $16.95 on 05 Apr 2026" in reason.message
        assert riverside.snapshot() == before

    def test_late_money_for_it_revives_the_order_with_the_schedule_it_had(self, riverside: Centre) -> None:
        rossi = riverside.family()
        karate = course(riverside)
        cart = submit(riverside, rossi, karate, DEPOSIT)
        started = riverside.pull(payments.start_payment, cart, provider="sandbox", actor=rossi.actor)
        riverside.sweep(NOW + HOUR)
        assert riverside.status(cart) == S.CANCELED
        riverside.rule("deposit", {"percent": "50"}, karate.offering["id"])

        tell(riverside, started, now=NOW + 10 * DAY)

        assert (riverside.status(cart), riverside.booking(cart)["payment_state"]) == (S.APPROVED, "OPEN")
        assert agreed(riverside, cart)[2:] == [
            ("DEPOSIT", TODAY + 10 * DAY, 848), ("REST", TODAY + 10 * DAY, 2542),
        ]  # fmt: skip


def tell(centre: Centre, started: Any, *, now: Any) -> Any:
    """The provider tells that the money came in."""
    event = event_of(started, PaymentStatus.SUCCESS, event_id=str(new_id()))
    return deliver_event(centre.database, centre.organisation_id, provider="sandbox", event=event, now=now)


class TestDirectDebit:
    def test_waits_for_the_mandate_whose_activation_confirms_it(self, riverside: Centre) -> None:
        rossi = riverside.family()
        given = give(riverside, rossi)
        first, second = (submit(riverside, rossi, course(riverside), DEBIT) for _ in range(2))
        assert agreed(riverside, first) == [
            ("INSTALMENT", date(2026, 4, 14), 1130), ("INSTALMENT", date(2026, 5, 14), 1130),
            ("INSTALMENT", date(2026, 6, 14), 1130),
        ]  # fmt: skip
        assert riverside.timers(first) == [("AUTO_CANCEL", "ARMED", NOW + 72 * HOUR)]
        assert (riverside.status(first), riverside.status(second)) == (S.SUBMITTED, S.SUBMITTED)

        activate(riverside, given, now=NOW + HOUR)

        assert (riverside.status(first), riverside.status(second)) == (S.APPROVED, S.APPROVED)
        assert riverside.timers(first) == [("AUTO_CANCEL", "DISARMED", NOW + 72 * HOUR)]
        assert invoice(riverside, first)["due_on"] == date(2026, 6, 14)
        reason = riverside.one("SELECT reason FROM status_event WHERE subject_id = %(id)s AND trigger = 'confirm'",
                               id=first.id)["reason"]  # fmt: skip
        assert reason == f"by {given.reference}"

    def test_with_a_mandate_in_force_is_confirmed_by_the_submit(self, riverside: Centre) -> None:
        rossi = riverside.family()
        activate(riverside, give(riverside, rossi))

        cart = submit(riverside, rossi, course(riverside), DEBIT)

        assert (riverside.status(cart), riverside.booking(cart)["payment_state"]) == (S.APPROVED, "OPEN")

    def test_nobody_agrees_to_instalments_that_they_did_not_see(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside)
        cart = riverside.cart(rossi, rossi.child(), karate.lines())

        (reason,) = reasons_of(lambda: riverside.submit(cart, actor=rossi.actor, how=DEBIT))

        assert reason.code == "schedule_changed"
        assert reason.facts == {"schedule_fingerprint": plan(riverside, cart, DEBIT, rossi.actor).fingerprint}

    def test_a_family_cannot_confirm_it_before(self, riverside: Centre) -> None:
        rossi = riverside.family()
        cart = submit(riverside, rossi, course(riverside), DEBIT)

        (reason,) = reasons_of(lambda: riverside.pull(orders.confirm, cart, actor=rossi.actor))

        assert (reason.code, "the office activates it" in reason.message) == ("no_mandate", True)

    def test_times_out_and_a_mandate_after_that_does_not_bring_it_back(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside)
        cart = submit(riverside, rossi, karate, DEBIT)
        riverside.sweep(NOW + 72 * HOUR)

        activate(riverside, give(riverside, rossi), now=NOW + 73 * HOUR)

        assert (riverside.status(cart), riverside.taken(karate)) == (S.CANCELED, [0, 0, 0])

    def test_a_replaced_mandate_confirms_only_what_waits(self, riverside: Centre) -> None:
        rossi = riverside.family()
        cart = submit(riverside, rossi, course(riverside), DEBIT)
        riverside.pull(orders.cancel, cart, actor=rossi.actor, reason="changed plans")

        activate(riverside, give(riverside, rossi))

        assert riverside.status(cart) == S.CANCELED

    def test_due_instalments_are_collected_once_whoever_runs(self, riverside: Centre) -> None:
        rossi = riverside.family()
        activate(riverside, give(riverside, rossi))
        cart = submit(riverside, rossi, course(riverside), DEBIT)

        assert collected(riverside, cart, NOW + 13 * DAY) == []
        assert collected(riverside, cart, NOW + 14 * DAY) == [(1130, "PENDING")]
        assert collected(riverside, cart, NOW + 15 * DAY) == [(1130, "PENDING")]
        assert collected(riverside, cart, NOW + 45 * DAY) == [(1130, "PENDING")] * 2

    def test_a_returned_instalment_is_not_collected_again_and_the_next_one_is(self, riverside: Centre) -> None:
        rossi = riverside.family()
        activate(riverside, give(riverside, rossi))
        cart = submit(riverside, rossi, course(riverside), DEBIT)
        collected(riverside, cart, NOW + 14 * DAY)
        first = riverside.one("SELECT id AS payment_id FROM payment WHERE order_id = %(id)s", id=cart.id)
        riverside.do(debits.settle, **first, actor=FINANCE, now=NOW + 15 * DAY)
        riverside.do(debits.return_debit, **first, reason="no funds", actor=FINANCE, now=NOW + 16 * DAY)

        assert collected(riverside, cart, NOW + 20 * DAY) == [(1130, "FAILED")]
        started = riverside.pull(
            payments.start_payment, cart, provider="sandbox", actor=rossi.actor, now=NOW + 20 * DAY
        )
        assert started.amount_minor == 1130, "what was due, and not what is not due yet"
        assert collected(riverside, cart, NOW + 45 * DAY) == [(1130, "FAILED"), (1130, "PENDING")]

    def test_no_instalment_asks_for_more_than_is_open(self, riverside: Centre) -> None:
        rossi = riverside.family()
        activate(riverside, give(riverside, rossi))
        cart = submit(riverside, rossi, course(riverside), DEBIT)
        riverside.pull(payments.record_manual_payment, cart, amount_minor=2000, reason="cash")

        assert collected(riverside, cart, NOW + 45 * DAY) == [(1130, "PENDING"), (260, "PENDING")]

    def test_without_a_mandate_in_force_nothing_is_collected(self, riverside: Centre) -> None:
        rossi = riverside.family()
        given = give(riverside, rossi)
        activate(riverside, given)
        cart = submit(riverside, rossi, course(riverside), DEBIT)
        riverside.do(mandate.revoke, mandate_id=given.id, actor=rossi.actor)

        assert collected(riverside, cart, NOW + 45 * DAY) == []
        assert riverside.status(cart) == S.APPROVED


def collected(centre: Centre, cart: Cart, now: Any) -> list[tuple[int, str]]:
    """The debits of the order after a run at that moment, without what was paid otherwise."""
    collect_due(centre.database, now=now)
    rows = centre.rows("SELECT amount_minor, status FROM payment WHERE order_id = %(id)s AND mandate_id IS NOT NULL "
                       "ORDER BY id", id=cart.id)  # fmt: skip
    return [tuple(row.values()) for row in rows]  # type: ignore[misc]


@pytest.mark.parametrize("how", [DEPOSIT, DEBIT])
def test_reopened_and_submitted_otherwise_the_old_schedule_counts_no_more(riverside: Centre, how: How) -> None:
    rossi = riverside.family()
    cart = submit(riverside, rossi, course(riverside), how)
    riverside.pull(orders.reopen, cart, actor=rossi.actor)
    riverside.submit(cart, actor=rossi.actor, how=How.PAY_NOW_PAY_ALL, now=NOW + HOUR)

    assert pay(riverside, rossi, cart, now=NOW + HOUR) == 3390
    assert (riverside.status(cart), riverside.booking(cart)["payment_state"]) == (S.APPROVED, "PAID")


@pytest.mark.parametrize("how", [DEPOSIT, DEBIT])
def test_a_quote_keeps_the_schedule(riverside: Centre, how: How) -> None:
    rossi = riverside.family()
    cart = submit(riverside, rossi, course(riverside), how)
    riverside.pull(orders.quote, cart)

    riverside.pull(orders.accept, cart, actor=rossi.actor, now=NOW + DAY)

    wait = {DEPOSIT: 15 * MINUTE, DEBIT: 72 * HOUR}[how]
    assert riverside.timers(cart)[-1] == ("AUTO_CANCEL", "ARMED", NOW + DAY + wait)
    if how is DEPOSIT:
        assert pay(riverside, rossi, cart, now=NOW + DAY) == 848
    else:
        activate(riverside, give(riverside, rossi), now=NOW + DAY)
    assert riverside.status(cart) == S.APPROVED
