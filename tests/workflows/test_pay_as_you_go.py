"""Pay as you go: each session is debited from the wallet after it was held, once, the oldest first."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from billing.gateways.protocol import DisputeStatus, GatewayDisputeEvent, GatewayEvent
from billing.recognition import recognise_due
from engine.database import Database
from engine.ids import new_id
from models import PaymentStatus
from tests.builders import NOW, Row
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    FIRST,
    PAY_LATER,
    PAY_NOW,
    WEEK,
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
from tests.workflows.passes import of, on_sale, sold
from tests.workflows.purse import Purse
from tests.workflows.test_subscription_mails import letters, read
from workflows import absences, change_order, passes, wallet, write_off
from workflows import term_booking as bookings
from workflows.invoice_runs import issue_due_invoices
from workflows.pay_as_you_go import debit_held_sessions
from workflows.payment_events import Outcome as PaymentOutcome
from workflows.payment_events import deliver_event
from workflows.payments import StartedPayment, attach_checkout, record_manual_payment

WON, LOST = DisputeStatus.WON, DisputeStatus.LOST
AS_YOU_GO = {"invoicing": "SESSION_FROM_WALLET"}


def after(session: int) -> datetime:
    """A minute after that Sunday's session, which ends at 10.30 in Toronto."""
    return datetime(2026, 4, 12, 14, 31, tzinfo=UTC) + timedelta(weeks=session)


@pytest.fixture
def centre(checked_database: Database, database_url: str) -> Centre:
    return make_centre(checked_database, database_url, name=f"Riverside {new_id()}")


@pytest.fixture
def rossi(centre: Centre) -> Family:
    return centre.family(credit_limit_minor=1_000_000)


@pytest.fixture
def purse(centre: Centre, rossi: Family) -> Purse:
    return Purse(centre, rossi)


def karate(centre: Centre, count: int = 4, **rules: Any) -> Course:
    """Sundays from 12 April, 11.30 each."""
    return centre.course(*sundays(count), rules={
        **AS_YOU_GO, "confirmation_types": [how.name for how in How], **rules})  # fmt: skip


def works(centre: Centre, now: datetime) -> int:
    return debit_held_sessions(centre.database, now=now)


def invoiced(centre: Centre, of: Cart) -> list[tuple[str, int, int]]:
    """Each invoice: the day of its session, its total, and what of it is open."""
    rows = centre.rows(
        "SELECT (SELECT min(l.session_date) FROM invoice_line l WHERE l.invoice_id = i.id) AS day, i.total_minor, "
        "i.total_minor - coalesce((SELECT sum(a.amount_minor) FROM payment_allocation a WHERE a.invoice_id = i.id), 0) "
        "- coalesce((SELECT sum(a.amount_minor) FROM credit_allocation a WHERE a.invoice_id = i.id), 0) AS open_minor "
        "FROM invoice i JOIN term_booking b ON b.id = i.booking_id WHERE b.order_id = %(id)s ORDER BY i.number",
        id=of.id)  # fmt: skip
    return [(f"{row['day']:%d %b}", row["total_minor"], int(row["open_minor"])) for row in rows]


def state(centre: Centre, of: Cart) -> str:
    found: str = centre.booking(of)["payment_state"]
    return found


def told(centre: Centre, topic: str) -> int:
    count: int = centre.one("SELECT count(*)::int AS n FROM outbox_message WHERE topic = %(topic)s", topic=topic)["n"]
    return count


class TestAHeldSession:
    def test_is_debited_after_it_was_held_and_not_before(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        purse.top_up("50.00")
        cart = centre.submitted(rossi, rossi.child(), karate(centre).lines(), how=PAY_LATER)
        assert (invoiced(centre, cart), state(centre, cart)) == ([], "NOT_DUE")

        assert works(centre, after(0) - timedelta(minutes=2)) == 0
        works(centre, after(0))
        works(centre, after(1))

        assert invoiced(centre, cart) == [("12 Apr", 1130, 0), ("19 Apr", 1130, 0)]
        assert (state(centre, cart), purse.holds, purse.debited(cart)) == ("PAID", (2740, 0), (2260, 0))
        assert purse.entries()[1:] == [("DEBITED", -1130, 0)] * 2
        assert told(centre, "booking.session_debited") == 2

    def test_takes_bonus_first_and_says_how_much(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        purse.top_up("20.00")
        purse.bonus("15.00")
        cart = centre.confirmed(rossi, rossi.child(), karate(centre).lines())

        works(centre, after(1))

        assert purse.entries()[2:] == [("DEBITED", 0, -1130), ("DEBITED", -760, -370)]
        assert purse.debited(cart) == (760, 1500)
        assert purse.books() == {"BANK": 2000, "BONUS_EXPENSE": 1500, "WALLET": -1240, "DEFERRED_REVENUE": -2260}

    def test_asks_for_its_extras(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        purse.top_up("50.00")
        course, lunch = karate(centre), centre.extra()
        lines = course.lines(0, 1)
        lines[0]["extras"] = [{"extra_id": lunch, "quantity": 2}]
        cart = centre.confirmed(rossi, rossi.child(), lines)

        works(centre, after(0))

        assert invoiced(centre, cart) == [("12 Apr", 1130 + 2 * 800, 0)]

    def test_two_sessions_of_one_day_are_two_invoices(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        purse.top_up("50.00")
        morning = sundays(1)[0]
        course = centre.course(morning, morning + timedelta(hours=3), rules=AS_YOU_GO)
        cart = centre.confirmed(rossi, rossi.child(), course.lines())

        works(centre, after(0))
        assert [total for _, total, _ in invoiced(centre, cart)] == [1130]
        works(centre, after(0) + timedelta(hours=3))

        assert [total for _, total, _ in invoiced(centre, cart)] == [1130, 1130]

    def test_is_debited_once_however_often_the_worker_comes(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        purse.top_up("50.00")
        cart = centre.confirmed(rossi, rossi.child(), karate(centre).lines())

        assert [works(centre, after(0)) for _ in range(3)] == [1, 0, 0]
        issue_due_invoices(centre.database, now=after(3))

        assert (len(invoiced(centre, cart)), purse.holds) == (1, (3870, 0))

    def test_of_a_booking_confirmed_late_what_was_held_is_debited_too(
        self, centre: Centre, rossi: Family, purse: Purse
    ) -> None:
        purse.top_up("50.00")
        cart = centre.submitted(rossi, rossi.child(), karate(centre).lines(), how=ADMIN_CONFIRM)
        centre.pull(orders.confirm, cart, reason="as agreed", now=after(1))
        assert invoiced(centre, cart) == []

        works(centre, after(1))

        assert [day for day, *_ in invoiced(centre, cart)] == ["12 Apr", "19 Apr"]

    def test_what_was_paid_ahead_is_used_first(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        purse.top_up("50.00")
        cart = centre.submitted(rossi, rossi.child(), karate(centre).lines(0, 1), how=PAY_NOW)
        centre.pay(cart, 2260)
        centre.pull(orders.confirm, cart)

        works(centre, after(1))

        assert (invoiced(centre, cart), purse.holds) == ([("12 Apr", 1130, 0), ("19 Apr", 1130, 0)], (5000, 0))

    def test_is_earned_like_any_other(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        purse.top_up("11.30")
        centre.confirmed(rossi, rossi.child(), karate(centre, 1).lines())

        works(centre, after(0))
        recognise_due(centre.database, now=after(1))

        assert purse.books() == {"BANK": 1130, "REVENUE": -1130}


class TestWithoutFunds:
    def booked(self, centre: Centre, rossi: Family, count: int = 3, **rules: Any) -> Cart:
        return centre.confirmed(rossi, rossi.child(), karate(centre, count, **rules).lines())

    def test_its_booking_waits_and_the_family_is_told(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        purse.top_up("12.00")
        cart = self.booked(centre, rossi)

        works(centre, after(1))

        assert invoiced(centre, cart) == [("12 Apr", 1130, 0), ("19 Apr", 1130, 1130)]
        assert (state(centre, cart), purse.holds) == ("PENDING_PAYMENT", (70, 0))
        assert (told(centre, "booking.session_debited"), told(centre, "booking.payment_pending")) == (1, 1)

    def test_a_top_up_pays_the_oldest_first(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        cart = self.booked(centre, rossi)
        works(centre, after(2))
        assert state(centre, cart) == "PENDING_PAYMENT"

        purse.top_up("25.00", now=after(2))
        assert invoiced(centre, cart) == [("12 Apr", 1130, 0), ("19 Apr", 1130, 0), ("26 Apr", 1130, 1130)]
        assert (state(centre, cart), purse.holds) == ("PENDING_PAYMENT", (240, 0))

        purse.bonus("9.00", now=after(2))
        assert (state(centre, cart), purse.holds, purse.debited(cart)) == ("PAID", (10, 0), (2490, 900))

    def test_of_two_bookings_the_oldest_session_goes_first(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        course = karate(centre, 4)
        late = centre.confirmed(rossi, rossi.child("Leo Rossi"), course.lines(1))
        early = centre.confirmed(rossi, rossi.child("Mia Rossi"), course.lines(0))
        works(centre, after(1))

        purse.top_up("11.30", now=after(1))

        assert (state(centre, early), state(centre, late)) == ("PAID", "PENDING_PAYMENT")

    def test_what_waits_holds_back_what_came_after_it(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        """A dear session is not passed over for a cheap one: the order is that of the sessions."""
        dear = centre.course(sundays(1)[0], rules=AS_YOU_GO, session={"price_minor": 5000})
        cheap = karate(centre, 2)
        first = centre.confirmed(rossi, rossi.child("Mia Rossi"), dear.lines())
        second = centre.confirmed(rossi, rossi.child("Leo Rossi"), cheap.lines(1))
        total = centre.booking(first)["total_minor"]
        purse.top_up("12.00")

        works(centre, after(1))
        assert total > 1200
        assert (state(centre, first), state(centre, second), purse.holds) == (
            "PENDING_PAYMENT", "PENDING_PAYMENT", (1200, 0))  # fmt: skip

        centre.do(write_off.write_off, invoice_id=self.open_invoice(centre, first), amount_minor=None,
                  actor=centre.admin, reason="a gift", now=after(1))  # fmt: skip
        assert (state(centre, first), state(centre, second), purse.holds) == ("PAID", "PAID", (70, 0))

    def open_invoice(self, centre: Centre, cart: Cart) -> UUID:
        found: UUID = centre.rows("SELECT i.id FROM invoice i JOIN term_booking b ON b.id = i.booking_id "
                                  "WHERE b.order_id = %(id)s ORDER BY i.number DESC", id=cart.id)[0]["id"]  # fmt: skip
        return found

    def test_a_write_off_ends_the_wait_and_undone_it_waits_again(
        self, centre: Centre, rossi: Family, purse: Purse
    ) -> None:
        cart = self.booked(centre, rossi, 1)
        works(centre, after(0))
        given_up = centre.do(write_off.write_off, invoice_id=self.open_invoice(centre, cart), amount_minor=None,
                             actor=centre.admin, reason="moved away", now=after(0))  # fmt: skip
        assert state(centre, cart) == "PAID"

        centre.do(write_off.undo_write_off, write_off_id=given_up, reason="came back", actor=centre.admin,
                  now=after(1))  # fmt: skip
        assert state(centre, cart) == "PENDING_PAYMENT"
        purse.top_up("11.30", now=after(1))

        assert (state(centre, cart), purse.holds) == ("PAID", (0, 0))

    def test_part_of_it_written_off_the_wallet_pays_the_rest(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        cart = self.booked(centre, rossi, 1)
        purse.top_up("10.00")
        works(centre, after(0))

        centre.do(write_off.write_off, invoice_id=self.open_invoice(centre, cart), amount_minor=200,
                  actor=centre.admin, reason="a bad day", now=after(0))  # fmt: skip

        assert (state(centre, cart), purse.holds, purse.debited(cart)) == ("PAID", (70, 0), (930, 0))

    def test_may_be_paid_another_way(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        cart = self.booked(centre, rossi, 2)
        works(centre, after(1))

        centre.do(record_manual_payment, order_id=cart.id, amount_minor=1130, reason="cash", actor=centre.admin,
                  now=after(1))  # fmt: skip
        assert (invoiced(centre, cart)[0], state(centre, cart)) == (("12 Apr", 1130, 0), "PENDING_PAYMENT")
        centre.do(record_manual_payment, order_id=cart.id, amount_minor=1130, reason="cash", actor=centre.admin,
                  now=after(1))  # fmt: skip

        assert state(centre, cart) == "PAID"

    def test_money_of_an_order_that_ended_pays_it(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        """The wallet gets back what a cancelled order held: a way in that nobody calls a top-up."""
        cart = self.booked(centre, rossi, 1)
        works(centre, after(0))
        other = centre.submitted(rossi, rossi.child("Leo Rossi"), centre.course(FIRST + 5 * WEEK).lines(), how=PAY_NOW)
        centre.pay(other, 500)

        centre.pull(orders.cancel, other, reason="changed their mind", now=after(0))
        assert (state(centre, cart), purse.holds) == ("PENDING_PAYMENT", (500, 0))
        purse.top_up("6.30", now=after(0))

        assert (state(centre, cart), purse.holds) == ("PAID", (0, 0))

    def test_a_credit_of_another_booking_pays_it(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        cart = self.booked(centre, rossi, 1)
        works(centre, after(0))
        other = centre.submitted(rossi, rossi.child("Leo Rossi"), centre.course(FIRST + 5 * WEEK).lines(), how=PAY_NOW)
        centre.pay(other, 1130)
        centre.pull(orders.confirm, other)

        centre.do(cancel, booking_id=centre.booking(other)["id"], actor=centre.admin, reason="ill", now=after(0))

        assert state(centre, cart) == "PAID"

    def test_a_worker_catches_up_with_money_that_came_while_the_account_was_held(
        self, centre: Centre, rossi: Family, purse: Purse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cart = self.booked(centre, rossi, 1)
        works(centre, after(0))
        with monkeypatch.context() as held:
            held.setattr(wallet, "debit_when_filled", lambda *_, **__: None)
            purse.top_up("20.00", now=after(0))
        assert state(centre, cart) == "PENDING_PAYMENT"

        assert [works(centre, after(0)), works(centre, after(0))] == [1, 0]

        assert (state(centre, cart), purse.holds) == ("PAID", (870, 0))

    def test_money_that_was_asked_for_a_pass_buys_it_before_it_pays_what_waits(
        self, centre: Centre, rossi: Family, purse: Purse
    ) -> None:
        cart = self.booked(centre, rossi, 1)
        works(centre, after(0))
        purse.top_up("5.00", now=after(0))
        started = centre.do(passes.start_purchase, account_id=rossi.id, product_id=on_sale(centre),
                            provider="postbank", actor=rossi.actor)  # fmt: skip
        centre.do(attach_checkout, payment_id=started.payment_id, external_id=f"ext_{started.key}",
                  checkout_url="https://pay.example/1")  # fmt: skip

        told = [hear(centre, started, PaymentStatus.SUCCESS) for _ in range(2)]

        assert told == [PaymentOutcome.SETTLED, PaymentOutcome.ALREADY_APPLIED]
        assert [row["name"] for row in centre.rows("SELECT name FROM entitlement")] == ["Ten sessions"]
        assert (state(centre, cart), purse.holds) == ("PENDING_PAYMENT", (500, 0))
        purse.top_up("6.30", now=after(0))
        assert (state(centre, cart), purse.holds) == ("PAID", (0, 0))

    def test_what_the_wallet_holds_besides_the_price_of_a_pass_pays_what_waits(
        self, centre: Centre, rossi: Family, purse: Purse
    ) -> None:
        """The pass takes bonus first, and leaves as much of its own money."""
        cart = self.booked(centre, rossi, 1)
        works(centre, after(0))
        purse.bonus("11.29", now=after(0))
        pass_id = sold(centre, rossi, now=after(0))
        assert (of(centre, pass_id)["total_minor"], state(centre, cart), purse.holds) == (
            100_00, "PENDING_PAYMENT", (1129, 0))  # fmt: skip

        purse.top_up("0.01", now=after(0))

        assert (state(centre, cart), purse.holds) == ("PAID", (0, 0))

    @pytest.mark.parametrize(("last", "left"), [(WON, (870, 0)), (LOST, (0, 1130))])
    def test_a_disputed_top_up_pays_what_waited_in_whatever_order_the_news_come(
        self, centre: Centre, last: DisputeStatus, left: tuple[int, int]
    ) -> None:
        """20.00 for a session that waits: 11.30 was spent of it, and is owed while the money is gone."""
        course, ends = karate(centre, 1), []
        told = list(permutations([PaymentStatus.SUCCESS, DisputeStatus.OPEN, last]))
        families = [centre.family(credit_limit_minor=1_000_000) for _ in told]
        carts = [centre.confirmed(family, family.child(), course.lines()) for family in families]
        works(centre, after(0))

        for family, cart, news in zip(families, carts, told, strict=True):
            started = centre.do(wallet.start_top_up, account_id=family.id, amount="20.00", provider="postbank",
                                actor=family.actor)  # fmt: skip
            centre.do(attach_checkout, payment_id=started.payment_id, external_id=f"ext_{started.key}",
                      checkout_url="https://pay.example/1")  # fmt: skip
            for each in news:
                hear(centre, started, each)
            its = Purse(centre, family)
            ends.append((state(centre, cart), its.holds[0], its.books().get("RECEIVABLE", 0)))

        assert ends == [("PAID", *left)] * 6


def hear(centre: Centre, started: StartedPayment, told: PaymentStatus | DisputeStatus) -> PaymentOutcome:
    """The provider tells of a payment, or of a dispute about all of it."""
    known: dict[str, Any] = {"event_id": f"{started.key}-{told}", "type": "news", "amount_minor": started.amount_minor,
                             "external_id": f"ext_{started.key}", "currency": started.currency, "at": NOW}  # fmt: skip
    event: GatewayEvent | GatewayDisputeEvent = (
        GatewayEvent(status=told, key=started.key, **known) if isinstance(told, PaymentStatus)
        else GatewayDisputeEvent(status=told, dispute_id=f"dp_{started.key}", reason="fraudulent", **known)
    )  # fmt: skip
    return deliver_event(centre.database, centre.organisation_id, provider="postbank", event=event, now=NOW)


class TestAbsences:
    def missing(self, centre: Centre, rossi: Family, hours: int, **rules: Any) -> Cart:
        """Mia's first session, for which an absence is told so many hours before it begins."""
        course = karate(centre, 2, **rules)
        cart = centre.confirmed(rossi, rossi.child(), course.lines())
        begins = datetime(2026, 4, 12, 13, 30, tzinfo=UTC)
        centre.do(absences.notify_absence, booking_id=centre.booking(cart)["id"], session_id=course.ids[0],
                  actor=rossi.actor, now=begins - timedelta(hours=hours))  # fmt: skip
        works(centre, after(0))
        return cart

    def test_is_debited_unless_the_rule_says_otherwise(self, centre: Centre, rossi: Family) -> None:
        assert len(invoiced(centre, self.missing(centre, rossi, 48))) == 1

    def test_told_in_time_is_not_debited_by_the_rule(self, centre: Centre, rossi: Family) -> None:
        cart = self.missing(centre, rossi, 25, absence_notice_hours=24)

        assert (invoiced(centre, cart), state(centre, cart)) == ([], "NOT_DUE")
        works(centre, after(1))
        assert [day for day, *_ in invoiced(centre, cart)] == ["19 Apr"]

    def test_told_too_late_is_debited(self, centre: Centre, rossi: Family) -> None:
        assert len(invoiced(centre, self.missing(centre, rossi, 23, absence_notice_hours=24))) == 1

    def test_made_up_for_it_is_debited(self, centre: Centre, rossi: Family) -> None:
        """The makeup session is free; an absence is made good once."""
        makeup = {"notice_hours": 24, "validity_days": 90, "per_term": 2}
        assert len(invoiced(centre, self.missing(centre, rossi, 48, absence_notice_hours=24, makeup=makeup))) == 1

    def test_who_came_after_all_is_debited(self, centre: Centre, rossi: Family) -> None:
        cart = self.missing(centre, rossi, 48, absence_notice_hours=24)
        centre.run("UPDATE term_attendance SET status = 'PRESENT' WHERE booking_id = %(id)s AND status = "
                   "'ABSENT_NOTIFIED'", id=centre.booking(cart)["id"])  # fmt: skip

        assert [works(centre, after(0)), works(centre, after(0))] == [1, 0]

        assert [day for day, *_ in invoiced(centre, cart)] == ["12 Apr"]


class TestEdits:
    def review(self, centre: Centre, of: Cart, lines: list[Row], now: datetime) -> Any:
        known = {"actor": centre.admin, "now": now}
        change = centre.do(change_order.begin_change, booking_id=centre.booking(of)["id"], **known).order.id
        saved = centre.do(change_order.save, order_id=change, lines=lines, **known)
        centre.do(change_order.submit, order_id=change, confirmation_type=ADMIN_CONFIRM,
                  price_fingerprint=saved.priced.fingerprint, **known)  # fmt: skip
        shown = centre.do(change_order.review, order_id=change, **known)
        centre.do(change_order.confirm, order_id=change, reason="as asked",
                  difference_fingerprint=shown.difference.fingerprint, **known)  # fmt: skip
        return shown

    def test_sessions_not_yet_held_were_never_billed(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        purse.top_up("50.00")
        course = karate(centre, 4)
        cart = centre.confirmed(rossi, rossi.child(), course.lines(0, 1, 2))
        works(centre, after(0))

        shown = self.review(centre, cart, course.lines(0, 1, 3), after(0))
        assert (shown.difference.delta_minor, centre.rows("SELECT id FROM credit_note")) == (0, [])
        works(centre, after(3))

        assert [day for day, *_ in invoiced(centre, cart)] == ["12 Apr", "19 Apr", "03 May"]
        assert purse.holds == (5000 - 3 * 1130, 0)

    def test_a_cancelled_booking_pays_for_what_was_held(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        purse.top_up("50.00")
        cart = centre.confirmed(rossi, rossi.child(), karate(centre, 4).lines())

        centre.do(cancel, booking_id=centre.booking(cart)["id"], actor=centre.admin, reason="moved away",
                  now=after(1))  # fmt: skip
        works(centre, after(3))

        assert ([day for day, *_ in invoiced(centre, cart)], purse.holds) == (["12 Apr", "19 Apr"], (2740, 0))
        assert not centre.rows("SELECT id FROM credit_note")

    def test_suspended_sessions_are_not_debited(self, centre: Centre, rossi: Family, purse: Purse) -> None:
        purse.top_up("50.00")
        cart = centre.confirmed(rossi, rossi.child(), karate(centre, 4).lines())
        booking = centre.booking(cart)["id"]
        centre.do(bookings.suspend, booking_id=booking, actor=centre.admin, reason="a broken arm", now=NOW)
        works(centre, after(1))

        centre.do(bookings.resume, booking_id=booking, actor=centre.admin, now=after(1))
        works(centre, after(3))

        assert [day for day, *_ in invoiced(centre, cart)] == ["26 Apr", "03 May"]


def test_the_family_reads_what_was_debited_and_what_is_missing(centre: Centre) -> None:
    rossi = centre.family(email="carla@rossi.example", credit_limit_minor=1_000_000)
    Purse(centre, rossi).top_up("12.00")
    centre.confirmed(rossi, rossi.child(), karate(centre, 2).lines())
    works(centre, after(1))

    (paid,), (missing,) = (letters(centre, f"booking.{what}") for what in ("session_debited", "payment_pending"))

    assert "It has been paid. There is nothing more to pay." in read(paid)
    assert "not enough in your wallet to pay it: $11.30 is due" in read(missing)
    assert "When you top up, it will be paid automatically" in read(missing)


def test_whose_account_somebody_holds_is_passed_over(centre: Centre, rossi: Family, purse: Purse) -> None:
    purse.top_up("12.00")
    cart = centre.confirmed(rossi, rossi.child(), karate(centre, 1).lines())

    with centre.database.transaction(centre.organisation_id) as held:
        held.run("SELECT id FROM account WHERE id = %(id)s FOR NO KEY UPDATE", id=rossi.id)
        assert works(centre, after(0)) == 0
    works(centre, after(0))

    assert state(centre, cart) == "PAID"
