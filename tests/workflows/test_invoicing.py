"""Invoices by the category's rule: on confirm, per period in advance or in arrears; each line once."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from engine.check import check_organisation
from engine.database import Database
from engine.ids import new_id
from tests.builders import NOW, Row
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    PAY_LATER,
    PAY_NOW,
    Cart,
    Centre,
    Course,
    Family,
    How,
    make_centre,
    orders,
    sundays,
)
from tests.workflows.endings import cancel
from workflows import change_order
from workflows import term_booking as bookings
from workflows.charts import edges
from workflows.invoice_runs import issue_due_invoices

IN_ADVANCE = {"invoicing": "PERIOD_IN_ADVANCE", "invoicing_advance_days": 7}
IN_ARREARS = {"invoicing": "PERIOD_IN_ARREARS"}


def at(*day: int) -> datetime:
    """Ten in the morning in Toronto, by summer time."""
    return datetime(*day, 14, tzinfo=UTC)  # type: ignore[misc]


@pytest.fixture
def centre(checked_database: Database, database_url: str) -> Centre:
    """An organisation of its own: the spring runs from 1 April to 30 June."""
    return make_centre(checked_database, database_url, name=f"Riverside {new_id()}")


@pytest.fixture
def rossi(centre: Centre) -> Family:
    return centre.family(credit_limit_minor=1_000_000)


def karate(centre: Centre, **rules: Any) -> Course:
    """Ten Sundays from 12 April to 14 June, 11.30 each: three in April, five in May, two in June."""
    return centre.course(*sundays(10), rules={"confirmation_types": [how.name for how in How], **rules})


def invoices(centre: Centre, of: Cart) -> list[tuple[date, int, int]]:
    """Each with its day, how many sessions it bills, and its total."""
    rows = centre.rows(
        "SELECT i.issued_on, (SELECT count(*) FROM invoice_line l WHERE l.invoice_id = i.id) AS lines, i.total_minor "
        "FROM invoice i JOIN term_booking b ON b.id = i.booking_id WHERE b.order_id = %(id)s ORDER BY i.number",
        id=of.id)  # fmt: skip
    return [(row["issued_on"], row["lines"], row["total_minor"]) for row in rows]


def planned(centre: Centre, of: Cart) -> list[tuple[date, date, date, int]]:
    """The invoices to come: their period, the day on which each is issued, and its sessions."""
    rows = centre.rows(
        "SELECT s.period_from, s.period_until, s.issue_on, (SELECT count(*) FROM scheduled_line l "
        "WHERE l.schedule_id = s.id) AS lines FROM invoice_schedule s JOIN term_booking b ON b.id = s.booking_id "
        "WHERE b.order_id = %(id)s AND s.status = 'SCHEDULED' ORDER BY 1", id=of.id)  # fmt: skip
    return [tuple(row.values()) for row in rows]  # type: ignore[misc]


def works(centre: Centre, now: datetime) -> int:
    """The worker looks until nothing is due any more; how many invoices that makes here."""
    count = "SELECT count(*)::int AS n FROM invoice"
    before: int = centre.one(count)["n"]
    while issue_due_invoices(centre.database, now=now):
        pass
    issued: int = centre.one(count)["n"] - before
    return issued


def state(centre: Centre, of: Cart) -> str:
    found: str = centre.booking(of)["payment_state"]
    return found


class TestInAdvance:
    def test_each_period_is_invoiced_before_it_begins(self, centre: Centre, rossi: Family) -> None:
        cart = centre.confirmed(rossi, rossi.child(), karate(centre, **IN_ADVANCE).lines())
        assert (invoices(centre, cart), state(centre, cart)) == ([(date(2026, 3, 31), 3, 3390)], "OPEN")

        assert planned(centre, cart) == [
            (date(2026, 5, 1), date(2026, 5, 31), date(2026, 4, 24), 5),
            (date(2026, 6, 1), date(2026, 6, 30), date(2026, 5, 25), 2),
        ]
        assert works(centre, at(2026, 4, 23)) == 0
        assert works(centre, at(2026, 4, 24)) == 1
        assert works(centre, at(2026, 6, 1)) == 1
        assert works(centre, at(2026, 6, 1)) == 0

        assert invoices(centre, cart)[1:] == [(date(2026, 4, 24), 5, 5650), (date(2026, 6, 1), 2, 2260)]

    def test_a_period_that_is_far_off_is_invoiced_later_altogether(self, centre: Centre, rossi: Family) -> None:
        course = karate(centre, **IN_ADVANCE)
        cart = centre.confirmed(rossi, rossi.child(), course.lines(3, 4, 8))

        assert (invoices(centre, cart), state(centre, cart)) == ([], "NOT_DUE")
        works(centre, at(2026, 4, 24))

        assert (invoices(centre, cart), state(centre, cart)) == ([(date(2026, 4, 24), 2, 2260)], "OPEN")

    @pytest.mark.parametrize(
        ("period", "lines"),
        [("WEEKLY", [1] * 10), ("FORTNIGHTLY", [1, 2, 2, 2, 2, 1]), ("MONTHLY", [3, 5, 2])],
    )
    def test_periods_of_each_length(self, centre: Centre, rossi: Family, period: str, lines: list[int]) -> None:
        course = karate(centre, invoicing="PERIOD_IN_ADVANCE", invoicing_period=period, invoicing_advance_days=0)
        cart = centre.confirmed(rossi, rossi.child(), course.lines())

        works(centre, at(2026, 6, 30))

        assert [count for _, count, _ in invoices(centre, cart)] == lines

    def test_extras_go_with_their_session(self, centre: Centre, rossi: Family) -> None:
        course, lunch = karate(centre, **IN_ADVANCE), centre.extra()
        lines = course.lines(0, 3)
        lines[1]["extras"] = [{"extra_id": lunch, "quantity": 2}]
        cart = centre.confirmed(rossi, rossi.child(), lines)

        works(centre, at(2026, 4, 24))

        assert [(count, total) for _, count, total in invoices(centre, cart)] == [(1, 1130), (2, 1130 + 2 * 800)]

    def test_two_offerings_each_by_its_own_rule(self, centre: Centre, rossi: Family) -> None:
        now, later = karate(centre), karate(centre, **IN_ADVANCE)
        chess = [{**line} for line in later.lines(8, 9)]
        cart = centre.confirmed(rossi, rossi.child(), [*now.lines(0, 1), *chess])

        works(centre, at(2026, 5, 25))

        assert [(day, count) for day, count, _ in invoices(centre, cart)] == [(date(2026, 3, 31), 2),
                                                                             (date(2026, 5, 25), 2)]  # fmt: skip

    def test_what_is_paid_ahead_settles_each_invoice(self, centre: Centre, rossi: Family) -> None:
        cart = centre.submitted(rossi, rossi.child(), karate(centre, **IN_ADVANCE).lines(), how=PAY_NOW)
        centre.pay(cart, 11300)
        centre.pull(orders.confirm, cart)
        assert (invoices(centre, cart), state(centre, cart)) == ([(date(2026, 3, 31), 3, 3390)], "PAID")

        works(centre, at(2026, 6, 1))

        assert state(centre, cart) == "PAID"
        used = centre.one("SELECT sum(a.amount_minor)::int AS n FROM payment_allocation a JOIN payment p "
                          "ON p.id = a.payment_id WHERE p.order_id = %(id)s", id=cart.id)["n"]  # fmt: skip
        assert used == 11300

    def test_a_direct_debit_in_instalments_is_invoiced_at_once(self, centre: Centre, rossi: Family) -> None:
        course = karate(centre, **IN_ADVANCE, deposit={"percent": "20"}, rest_due={"days_before_start": 7})
        cart = centre.submitted(rossi, rossi.child(), course.lines(), how=How.PAY_NOW_PAY_DEPOSIT)
        centre.pay(cart, 2260)
        centre.pull(orders.confirm, cart)

        assert [count for _, count, _ in invoices(centre, cart)] == [10]
        assert planned(centre, cart) == []

    def test_on_confirm_is_the_default(self, centre: Centre, rossi: Family) -> None:
        cart = centre.confirmed(rossi, rossi.child(), karate(centre).lines())

        assert (invoices(centre, cart), planned(centre, cart)) == ([(date(2026, 3, 31), 10, 11300)], [])

    def test_approved_for_attendance_then_confirmed(self, centre: Centre, rossi: Family) -> None:
        course = karate(centre, **IN_ADVANCE)
        cart = centre.submitted(rossi, rossi.child(), course.lines(), how=ADMIN_CONFIRM)
        centre.pull(orders.approve_attendance, cart, reason="comes first")
        assert (invoices(centre, cart), planned(centre, cart), state(centre, cart)) == ([], [], "NOT_DUE")

        centre.pull(orders.confirm, cart, reason="as agreed", now=at(2026, 4, 3))

        assert [count for _, count, _ in invoices(centre, cart)] == [3]
        assert [count for *_, count in planned(centre, cart)] == [5, 2]


class TestInArrears:
    def test_each_period_is_invoiced_when_it_is_over(self, centre: Centre, rossi: Family) -> None:
        cart = centre.submitted(rossi, rossi.child(), karate(centre, **IN_ARREARS).lines(), how=PAY_LATER)
        assert (invoices(centre, cart), state(centre, cart)) == ([], "NOT_DUE")

        assert works(centre, at(2026, 4, 30)) == 0
        works(centre, at(2026, 5, 1))
        works(centre, at(2026, 7, 1))

        assert invoices(centre, cart) == [(date(2026, 5, 1), 3, 3390), (date(2026, 7, 1), 5, 5650),
                                          (date(2026, 7, 1), 2, 2260)]  # fmt: skip

    def test_nothing_is_archived_that_is_still_to_be_invoiced(self, centre: Centre, rossi: Family) -> None:
        cart = centre.confirmed(rossi, rossi.child(), karate(centre, **IN_ARREARS).lines())
        booking = centre.booking(cart)["id"]

        found = centre.refusal(lambda: centre.do(bookings.archive, booking_id=booking, actor=centre.admin,
                                                 now=at(2026, 7, 1)))  # fmt: skip

        assert found["still_to_invoice"].facts == {"sessions": 10}


class TestGivingUp:
    def booked(self, centre: Centre, rossi: Family) -> tuple[Cart, UUID]:
        cart = centre.confirmed(rossi, rossi.child(), karate(centre, **IN_ADVANCE).lines())
        booking: UUID = centre.booking(cart)["id"]
        return cart, booking

    def test_before_its_period_is_invoiced_a_session_is_dropped(self, centre: Centre, rossi: Family) -> None:
        cart, booking = self.booked(centre, rossi)

        centre.do(cancel, booking_id=booking, actor=centre.admin, reason="moved away", now=at(2026, 4, 20))
        works(centre, at(2026, 6, 1))

        # 12 and 19 April were held; 26 April is credited, May and June never invoiced.
        assert invoices(centre, cart) == [(date(2026, 3, 31), 3, 3390)]
        credited = centre.rows("SELECT total_minor FROM credit_note WHERE booking_id = %(id)s", id=booking)
        assert [row["total_minor"] for row in credited] == [1130]
        assert {row["status"] for row in centre.rows("SELECT status FROM invoice_schedule")} == {"DROPPED"}

    def test_what_was_held_is_billed_in_arrears_also_of_a_cancelled_booking(
        self, centre: Centre, rossi: Family
    ) -> None:
        cart = centre.confirmed(rossi, rossi.child(), karate(centre, **IN_ARREARS).lines())
        booking = centre.booking(cart)["id"]

        centre.do(cancel, booking_id=booking, actor=centre.admin, reason="moved away", now=at(2026, 4, 20))
        works(centre, at(2026, 7, 1))

        assert invoices(centre, cart) == [(date(2026, 7, 1), 2, 2260)]

    def test_suspended_sessions_are_not_billed_unless_they_are_attended_after_all(
        self, centre: Centre, rossi: Family
    ) -> None:
        cart, booking = self.booked(centre, rossi)
        centre.do(bookings.suspend, booking_id=booking, actor=centre.admin, reason="a broken arm", now=at(2026, 4, 20))
        works(centre, at(2026, 4, 24))
        assert [count for _, count, _ in invoices(centre, cart)] == [3]

        centre.do(bookings.resume, booking_id=booking, actor=centre.admin, now=at(2026, 5, 18))
        works(centre, at(2026, 5, 18))

        # 24 and 31 May; the suspended ones of April were invoiced and stay so.
        assert invoices(centre, cart)[1:] == [(date(2026, 5, 18), 2, 2260)]
        assert not centre.rows("SELECT id FROM credit_note")


class TestChange:
    def changed(self, centre: Centre, of: Cart, lines: list[Row], *, now: datetime = NOW) -> Any:
        """Change the booking to these lines, as an admin."""
        booking = centre.booking(of)["id"]
        known = {"actor": centre.admin, "now": now}
        change = centre.do(change_order.begin_change, booking_id=booking, **known).order.id
        saved = centre.do(change_order.save, order_id=change, lines=lines, **known)
        centre.do(change_order.submit, order_id=change, confirmation_type=ADMIN_CONFIRM,
                  price_fingerprint=saved.priced.fingerprint, **known)  # fmt: skip
        shown = centre.do(change_order.review, order_id=change, **known).difference
        return centre.do(change_order.confirm, order_id=change, reason="as asked",
                         difference_fingerprint=shown.fingerprint, **known)  # fmt: skip

    def test_adds_to_the_planned_invoice_of_the_period(self, centre: Centre, rossi: Family) -> None:
        course = karate(centre, **IN_ADVANCE)
        cart = centre.confirmed(rossi, rossi.child(), course.lines(0, 3))

        self.changed(centre, cart, course.lines(0, 3, 4, 8))

        assert [count for *_, count in planned(centre, cart)] == [2, 1]
        assert [count for _, count, _ in invoices(centre, cart)] == [1]
        works(centre, at(2026, 5, 25))
        assert [count for _, count, _ in invoices(centre, cart)] == [1, 2, 1]

    def test_what_is_added_to_a_period_that_was_invoiced_is_invoiced_now(self, centre: Centre, rossi: Family) -> None:
        course = karate(centre, **IN_ADVANCE)
        cart = centre.confirmed(rossi, rossi.child(), course.lines(0, 3))
        works(centre, at(2026, 4, 24))

        self.changed(centre, cart, course.lines(0, 3, 4), now=at(2026, 4, 25))

        assert invoices(centre, cart)[2:] == [(date(2026, 4, 25), 1, 1130)]

    def test_gives_up_what_is_not_invoiced_without_a_credit_note(self, centre: Centre, rossi: Family) -> None:
        course = karate(centre, **IN_ADVANCE)
        cart = centre.confirmed(rossi, rossi.child(), course.lines(0, 3, 4))

        self.changed(centre, cart, course.lines(0, 3))
        works(centre, at(2026, 4, 24))

        assert invoices(centre, cart) == [(date(2026, 3, 31), 1, 1130), (date(2026, 4, 24), 1, 1130)]
        assert not centre.rows("SELECT id FROM credit_note")

    def test_a_discount_that_is_lost_is_charged_with_the_period(self, centre: Centre, rossi: Family) -> None:
        five = [{"kind": "MULTI_SESSION", "order": 1, "percent": "10", "conditions": {"sessions": 5}}]
        course = karate(centre, **IN_ADVANCE, discounts=five)
        cart = centre.confirmed(rossi, rossi.child(), course.lines(0, 3, 4, 5, 6))
        assert [total for *_, total in invoices(centre, cart)] == [1017]

        self.changed(centre, cart, course.lines(0, 3, 4, 5))
        works(centre, at(2026, 4, 24))

        # The session of April costs 1.13 more now; those of May are charged in full with their month.
        assert sorted(total for *_, total in invoices(centre, cart)) == [113, 1017, 3 * 1130]

    def paid_ahead(self, centre: Centre, rossi: Family) -> tuple[Course, Cart]:
        """A session of April and three of May, all paid at once; April is invoiced."""
        course = karate(centre, **IN_ADVANCE)
        cart = centre.submitted(rossi, rossi.child(), course.lines(0, 3, 4, 5))
        centre.pay(cart, 4520)
        centre.pull(orders.confirm, cart)
        assert invoices(centre, cart) == [(date(2026, 3, 31), 1, 1130)]
        return course, cart

    def shown(self, centre: Centre, of: Cart, lines: list[Row]) -> tuple[int, int, int, int]:
        asked = centre.do(change_order.what_if, booking_id=centre.booking(of)["id"], lines=lines, actor=centre.admin)
        found = asked.difference
        return found.paid_minor, found.due_minor, found.credit_minor, found.required_minor

    def test_what_was_paid_ahead_is_paid(self, centre: Centre, rossi: Family) -> None:
        course, cart = self.paid_ahead(centre, rossi)

        assert self.shown(centre, cart, course.lines(0, 3, 4)) == (4520, 0, 1130, 0)
        assert self.shown(centre, cart, course.lines(0, 3, 4, 5, 6)) == (4520, 1130, 0, 1130)

    def test_what_was_paid_beyond_pays_what_is_added_and_invoiced_now(self, centre: Centre, rossi: Family) -> None:
        course, cart = self.paid_ahead(centre, rossi)
        self.changed(centre, cart, course.lines(0, 3, 4))
        assert self.shown(centre, cart, course.lines(0, 1, 3, 4)) == (4520, 0, 0, 0)

        self.changed(centre, cart, course.lines(0, 1, 3, 4))

        assert (len(invoices(centre, cart)), state(centre, cart)) == (2, "PAID")
        works(centre, at(2026, 4, 24))
        assert [total for *_, total in invoices(centre, cart)] == [1130, 1130, 2260]
        assert state(centre, cart) == "PAID"

    def test_while_months_are_still_to_be_invoiced_all_of_it_adds_up(self, centre: Centre, rossi: Family) -> None:
        five = [{"kind": "MULTI_SESSION", "order": 1, "percent": "10", "conditions": {"sessions": 5}}]
        course = karate(centre, **IN_ADVANCE, discounts=five)
        cart = centre.confirmed(rossi, rossi.child(), course.lines(0, 3, 4, 5, 6))
        works(centre, at(2026, 4, 24))

        self.changed(centre, cart, course.lines(0, 3, 4, 5, 8), now=at(2026, 4, 25))
        self.changed(centre, cart, course.lines(0, 3, 4, 9), now=at(2026, 4, 26))

        assert planned(centre, cart), "June is to come"
        with centre.database.transaction(centre.organisation_id) as tx:
            assert not check_organisation(tx, edges=edges())
            # What is invoiced and planned is some sessions short of what the booking costs: that is seen.
            tx.run("UPDATE invoice_schedule SET status = 'DROPPED' WHERE status = 'SCHEDULED'")
            tx.run("UPDATE scheduled_line SET status = 'DROPPED' WHERE status = 'SCHEDULED'")
            broken = {breach.invariant for breach in check_organisation(tx, edges=edges())}
            tx.run("UPDATE scheduled_line SET status = 'SCHEDULED' WHERE status = 'DROPPED'")
            tx.run("UPDATE invoice_schedule SET status = 'SCHEDULED' WHERE status = 'DROPPED'")
        assert "changed_booking_is_invoiced_as_billed" in broken
