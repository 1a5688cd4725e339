"""What becomes of a booking after its confirmation: cancelled, suspended, resumed, closed, archived."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest

from engine.actor import Actor
from engine.database import Row
from engine.errors import NotFound, NotPermitted
from engine.fire import NotAllowedNow
from engine.ids import new_id
from engine.outbox import read_message
from invoicing.document import DocumentKind
from models import ActorKind
from models import TermBookingStatus as S
from notifications.email import compose
from notifications.messages import BookingCanceled, Message
from tests.builders import TORONTO
from tests.workflows import endings
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
    Course,
    Family,
    orders,
    sundays,
)
from workflows import term_booking as bookings
from workflows.documents import credit_note_document, invoice_document
from workflows.idle_orders import remove_idle
from workflows.messages import compose_message
from workflows.term_end import end_terms

START = FIRST.replace(tzinfo=TORONTO)
AFTER_TERM = datetime(2026, 7, 2, 12, tzinfo=TORONTO)


class Enrolment:
    """Mia Rossi in four Sundays of Karate, 11.30 each, HST inside; lunch of 8.00 on the last."""

    def __init__(self, centre: Centre, *, is_paid: bool = False, confirmed: bool = True) -> None:
        self.centre = centre
        self.rossi: Family = centre.family()
        self.mia = self.rossi.child()
        self.karate: Course = centre.course(*sundays(4), rules={"tax": {"name": "HST", "rate_percent": "13"}})
        lunch = [{"extra_id": centre.extra(), "quantity": 1}]
        lines = [*self.karate.lines(0, 1, 2), *self.karate.lines(3, extras=lunch)]
        self.cart: Cart = centre.submitted(self.rossi, self.mia, lines, how=ADMIN_CONFIRM)
        if is_paid:
            centre.pay(self.cart, 5320)
        if confirmed:
            centre.pull(orders.confirm, self.cart, reason="as agreed")

    @property
    def booking(self) -> Row:
        return self.centre.booking(self.cart)

    def step(self, verb: Any, **known: Any) -> Any:
        given = {"actor": self.centre.admin, "reason": "as the family asked", **known}
        return self.centre.do(verb, booking_id=self.booking["id"], **given)

    def cancel(self, **known: Any) -> Any:
        return self.step(endings.cancel, **known)

    def roll(self) -> list[tuple[str, str | None]]:
        rows = self.centre.rows("SELECT status, reason FROM term_attendance WHERE booking_id = %(id)s "
                                "ORDER BY local_date", id=self.booking["id"])  # fmt: skip
        return [(row["status"], row["reason"]) for row in rows]

    def notes(self) -> list[Row]:
        return self.centre.rows("SELECT * FROM credit_note WHERE booking_id = %(id)s ORDER BY number",
                                id=self.booking["id"])  # fmt: skip

    def books(self) -> dict[str, int]:
        rows = self.centre.rows(
            "SELECT ledger_account, sum(amount_minor)::bigint AS amount FROM ledger_posting "
            "WHERE account_id = %(id)s GROUP BY 1 HAVING sum(amount_minor) <> 0", id=self.rossi.id,
        )  # fmt: skip
        return {row["ledger_account"]: row["amount"] for row in rows}

    def history(self) -> list[Row]:
        return self.centre.rows("SELECT * FROM status_event WHERE subject_id = %(id)s ORDER BY sequence",
                                id=self.booking["id"])  # fmt: skip


@pytest.fixture
def mia(riverside: Centre) -> Enrolment:
    return Enrolment(riverside)


@pytest.fixture
def paid(riverside: Centre) -> Enrolment:
    return Enrolment(riverside, is_paid=True)


class TestCancel:
    def test_gives_back_places_roll_and_price_of_everything_to_come(self, riverside: Centre, mia: Enrolment) -> None:
        mia.cancel()

        assert mia.booking["status"] == S.CANCELED
        assert riverside.taken(mia.karate) == [0, 0, 0, 0]
        assert riverside.claims(mia.cart) == []
        assert mia.roll() == [("CANCELLED", "CANCELED")] * 4
        (note,) = mia.notes()
        assert (note["total_minor"], note["series"], note["reason"]) == (5320, "CN", "as the family asked")
        assert mia.books() == {}
        assert (mia.booking["payment_state"], mia.booking["total_minor"]) == ("PAID", 0)
        assert riverside.billings(mia.cart) == [(1, False, 5320), (2, True, 0)]

    def test_leaves_what_was_held_billed_and_on_the_roll(self, riverside: Centre, mia: Enrolment) -> None:
        mia.cancel(now=START + WEEK + 10 * MINUTE)

        assert mia.roll() == [("EXPECTED", None)] * 2 + [("CANCELLED", "CANCELED")] * 2
        assert [note["total_minor"] for note in mia.notes()] == [2 * 1130 + 800]
        assert mia.books()["RECEIVABLE"] == 2260
        assert (mia.booking["payment_state"], mia.booking["total_minor"]) == ("OPEN", 2260)
        assert riverside.taken(mia.karate) == [0, 0, 0, 0]

    def test_makes_what_was_paid_the_familys_credit(self, paid: Enrolment) -> None:
        paid.cancel(now=START + MINUTE)

        assert paid.books() == {
            "GATEWAY_CLEARING": 5320, "WALLET": -4190, "DEFERRED_REVENUE": -1000, "TAX": -130,
        }  # fmt: skip
        assert paid.booking["payment_state"] == "PAID"

    def test_ties_each_credited_line_to_its_invoice_line(self, riverside: Centre, mia: Enrolment) -> None:
        mia.cancel(now=START + WEEK * 2 + MINUTE)

        (note,) = mia.notes()
        lines = riverside.rows(
            "SELECT n.gross_minor, l.gross_minor AS invoiced, n.description, l.description AS of "
            "FROM credit_note_line n "
            "JOIN invoice_line l ON l.id = n.invoice_line_id WHERE n.credit_note_id = %(id)s ORDER BY n.position",
            id=note["id"],
        )  # fmt: skip
        assert [(line["gross_minor"], line["invoiced"]) for line in lines] == [(1130, 1130), (800, 800)]
        assert all(line["description"] == line["of"] for line in lines)

    def test_says_who_when_why_and_what(self, mia: Enrolment) -> None:
        mia.cancel()

        made, canceled = mia.history()
        assert made["trigger"] == "new"
        assert (canceled["trigger"], canceled["actor_id"], canceled["reason"], canceled["at"]) == (
            "cancel", mia.centre.admin.user_id, "as the family asked", NOW,
        )  # fmt: skip
        assert canceled["changes"]["credited_minor"] == 5320
        assert canceled["changes"]["sessions"] == [str(i) for i in mia.karate.ids]

    def test_is_the_familys_own_until_the_window_of_each_session(self, riverside: Centre, mia: Enrolment) -> None:
        riverside.rule("cancellation_window_hours", 48, mia.karate.offering["id"])
        too_late = START - 2 * DAY + MINUTE

        reasons = riverside.refusal(lambda: mia.cancel(actor=mia.rossi.actor, now=too_late))
        mia.cancel(actor=mia.rossi.actor, reason="", now=START - 2 * DAY)

        assert reasons.keys() == {"past_cancellation_window"}
        assert "Karate, Sun 12 Apr 2026 09:30–10:30 could be cancelled until Fri 10 Apr 2026 09:30" in reasons[
            "past_cancellation_window"].message  # fmt: skip
        assert mia.booking["status"] == S.CANCELED

    def test_needs_a_reason_of_an_admin(self, riverside: Centre, mia: Enrolment) -> None:
        assert riverside.refusal(lambda: mia.cancel(reason="  ")).keys() == {"reason_required"}

    def test_is_not_the_familys_when_everything_was_held(self, riverside: Centre, mia: Enrolment) -> None:
        reasons = riverside.refusal(lambda: mia.cancel(actor=mia.rossi.actor, now=START + 5 * WEEK))

        assert reasons.keys() == {"nothing_to_cancel"}
        assert reasons["nothing_to_cancel"].message.endswith(" has no session to come.")

    def test_of_another_family_finds_nothing(self, riverside: Centre, mia: Enrolment) -> None:
        with pytest.raises(NotFound, match="no such booking"):
            mia.cancel(actor=riverside.family("Chen family").actor)

    def test_twice_is_refused(self, mia: Enrolment) -> None:
        mia.cancel()

        with pytest.raises(NotAllowedNow, match="canceled: cancel is not allowed now"):
            mia.cancel()

    def test_an_early_arrival_counts_as_held(self, riverside: Centre, mia: Enrolment) -> None:
        riverside.run("UPDATE term_attendance SET status = 'PRESENT', signed_in_at = %(at)s, version = 2 "
                      "WHERE booking_id = %(id)s AND local_date = %(day)s",
                      at=START - HOUR, id=mia.booking["id"], day=START.date())  # fmt: skip

        mia.cancel(now=START - 30 * MINUTE)

        assert mia.roll()[0] == ("PRESENT", None)
        assert [note["total_minor"] for note in mia.notes()] == [4190]

    def test_credit_notes_are_numbered_one_after_the_other(self, riverside: Centre) -> None:
        first, second = Enrolment(riverside), Enrolment(riverside)

        first.cancel()
        second.cancel()

        assert second.notes()[0]["number"] == first.notes()[0]["number"] + 1


class TestTheCreditNote:
    def test_reads_back_what_it_took_off_and_what_it_left(self, riverside: Centre, paid: Enrolment) -> None:
        paid.cancel(now=START + MINUTE)
        (note,) = paid.notes()

        document = riverside.do(lambda tx, now: credit_note_document(tx, note["id"]))

        assert document.kind is DocumentKind.CREDIT_NOTE
        assert (document.gross_minor, document.paid_minor, document.owing_minor) == (4190, 0, 4190)
        assert document.corrects_number.startswith("INV-2026-")
        assert document.number.startswith("CN-2026-")

    def test_shows_on_the_invoice_that_it_settles(self, riverside: Centre, mia: Enrolment) -> None:
        mia.cancel(now=START + MINUTE)
        invoice = riverside.one("SELECT id FROM invoice WHERE booking_id = %(id)s", id=mia.booking["id"])

        document = riverside.do(lambda tx, now: invoice_document(tx, invoice["id"]))

        assert (document.paid_minor, document.owing_minor) == (4190, 1130)
        assert [line.label[:3] for line in document.payments] == ["CN-"]

    def test_goes_to_the_family_by_mail_unless_muted(self, riverside: Centre, paid: Enrolment) -> None:
        riverside.run("UPDATE account SET email = 'rossi@example.org' WHERE id = %(id)s", id=paid.rossi.id)
        paid.cancel(now=START + MINUTE)

        message = told(riverside, paid)
        mail = compose(message, message_id=new_id(), from_address="office@example.org", now=NOW)

        assert isinstance(message, BookingCanceled)
        assert (message.credited_minor, message.freed_minor, message.owed_minor) == (4190, 4190, 0)
        assert len(message.sessions) == 3
        assert message.credit_note_number in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        quiet = Enrolment(riverside)
        quiet.cancel(is_muted=True)
        assert announced(riverside, quiet) == []


def announced(centre: Centre, of: Enrolment) -> list[Row]:
    return centre.rows("SELECT topic, payload FROM outbox_message WHERE payload->>'reference' = %(ref)s",
                       ref=of.booking["reference"])  # fmt: skip


def told(centre: Centre, of: Enrolment) -> Message:
    row = centre.one("SELECT id FROM outbox_message WHERE payload->>'reference' = %(ref)s", ref=of.booking["reference"])

    def read(tx: Any, now: datetime) -> Message | None:
        return compose_message(tx, read_message(tx, row["id"]), base_url="https://example.org", secret="for tests")

    message: Message = centre.do(read)
    return message


class TestSuspendAndResume:
    def test_keeps_place_time_and_money(self, riverside: Centre, mia: Enrolment) -> None:
        before = mia.books()

        mia.step(bookings.suspend, now=START + MINUTE)

        assert mia.booking["status"] == S.SUSPENDED
        assert mia.roll() == [("EXPECTED", None)] + [("CANCELLED", "SUSPENDED")] * 3
        assert riverside.taken(mia.karate) == [1, 1, 1, 1]
        assert mia.books() == before
        assert mia.notes() == []

    def test_resumed_is_expected_again_in_what_is_to_come(self, mia: Enrolment) -> None:
        mia.step(bookings.suspend, now=START + MINUTE)

        mia.step(bookings.resume, now=START + WEEK + MINUTE)

        assert mia.booking["status"] == S.APPROVED
        assert mia.roll() == [("EXPECTED", None), ("CANCELLED", "SUSPENDED")] + [("EXPECTED", None)] * 2

    def test_cancelled_while_suspended_credits_what_is_to_come(self, mia: Enrolment) -> None:
        mia.step(bookings.suspend)

        mia.cancel(now=START + WEEK + MINUTE)

        assert [note["total_minor"] for note in mia.notes()] == [3060]
        assert mia.roll() == [("CANCELLED", "SUSPENDED")] * 4

    def test_is_for_admins(self, mia: Enrolment) -> None:
        with pytest.raises(NotPermitted):
            mia.step(bookings.suspend, actor=mia.rossi.actor)

    def test_still_suspended_when_the_term_is_over_it_is_closed(self, riverside: Centre, mia: Enrolment) -> None:
        mia.step(bookings.suspend)

        settle(riverside)

        assert mia.booking["status"] == S.CLOSED
        assert mia.history()[-1]["actor_kind"] == "SYSTEM"
        assert riverside.taken(mia.karate) == [0, 0, 0, 0]


def settle(centre: Centre, *, now: datetime = AFTER_TERM) -> None:
    while end_terms(centre.database, now=now, batch=7):
        pass


class TestClose:
    LAST_DAY = date(2026, 4, 19)

    def test_gives_up_later_sessions_now_and_closes_when_the_day_is_over(
        self, riverside: Centre, mia: Enrolment
    ) -> None:
        mia.step(endings.close, last_day=self.LAST_DAY)

        assert (mia.booking["status"], mia.booking["closes_on"]) == (S.APPROVED, self.LAST_DAY)
        assert mia.roll() == [("EXPECTED", None)] * 2 + [("CANCELLED", "CLOSED")] * 2
        assert riverside.taken(mia.karate) == [1, 1, 0, 0]
        assert [note["total_minor"] for note in mia.notes()] == [3060]
        assert mia.booking["total_minor"] == 2260
        midnight = datetime(2026, 4, 20, tzinfo=TORONTO)
        riverside.sweep(midnight - MINUTE)
        assert mia.booking["status"] == S.APPROVED
        riverside.sweep(midnight)
        assert mia.booking["status"] == S.CLOSED
        assert riverside.taken(mia.karate) == [0, 0, 0, 0]
        assert mia.roll()[:2] == [("EXPECTED", None)] * 2
        assert [event["trigger"] for event in mia.history()] == ["new", "plan_close", "close"]

    def test_a_day_that_has_passed_closes_at_once(self, mia: Enrolment) -> None:
        mia.step(endings.close, last_day=self.LAST_DAY, now=START + WEEK + DAY)

        assert mia.booking["status"] == S.CLOSED
        assert [note["total_minor"] for note in mia.notes()] == [3060]

    def test_the_last_day_can_be_moved_and_the_booking_cancelled_before_it(self, mia: Enrolment) -> None:
        mia.step(endings.close, last_day=date(2026, 4, 26))
        mia.step(endings.close, last_day=self.LAST_DAY)

        mia.cancel()

        assert [note["total_minor"] for note in mia.notes()] == [1930, 1130, 2260]
        assert mia.booking["status"] == S.CANCELED
        assert mia.centre.rows("SELECT id FROM timer WHERE subject_id = %(id)s AND status = 'ARMED'",
                               id=mia.booking["id"]) == []  # fmt: skip

    def test_a_suspended_booking_closes_on_its_day_too(self, riverside: Centre, mia: Enrolment) -> None:
        mia.step(endings.close, last_day=self.LAST_DAY)
        mia.step(bookings.suspend)

        riverside.sweep(datetime(2026, 4, 20, tzinfo=TORONTO))

        assert mia.booking["status"] == S.CLOSED

    def test_not_after_the_term(self, riverside: Centre, mia: Enrolment) -> None:
        reasons = riverside.refusal(lambda: mia.step(endings.close, last_day=date(2026, 7, 1)))

        assert reasons.keys() == {"after_term"}


class TestArchive:
    def test_when_it_has_run_and_nothing_is_due(self, riverside: Centre, paid: Enrolment, mia: Enrolment) -> None:
        settle(riverside)

        assert (paid.booking["status"], mia.booking["status"]) == (S.ARCHIVED, S.APPROVED)
        assert riverside.claims(paid.cart) == []
        with pytest.raises(NotAllowedNow, match="allowed: nothing"):
            paid.cancel()

    def test_by_an_admin_names_what_stands_in_the_way(self, riverside: Centre, mia: Enrolment) -> None:
        reasons = riverside.refusal(lambda: mia.step(bookings.archive))

        assert reasons.keys() == {"still_running", "owing"}
        assert "$53.20" in reasons["owing"].message

    def test_by_an_admin_after_its_last_session(self, paid: Enrolment) -> None:
        paid.step(bookings.archive, now=START + 4 * WEEK)

        assert paid.booking["status"] == S.ARCHIVED


class TestAttendanceFirst:
    @pytest.fixture
    def attends(self, riverside: Centre) -> Enrolment:
        enrolled = Enrolment(riverside, confirmed=False)
        riverside.pull(orders.approve_attendance, enrolled.cart)
        return enrolled

    def test_makes_booking_and_roll_and_no_invoice(self, riverside: Centre, attends: Enrolment) -> None:
        assert riverside.status(attends.cart) == S.ATTENDANCE_APPROVED
        assert (attends.booking["status"], attends.booking["payment_state"]) == (S.ATTENDANCE_APPROVED, "NOT_DUE")
        assert attends.roll() == [("EXPECTED", None)] * 4
        assert attends.books() == {}
        assert riverside.taken(attends.karate) == [1, 1, 1, 1]

    def test_disarms_the_timeout(self, riverside: Centre) -> None:
        rossi = riverside.family()
        cart = riverside.submitted(rossi, rossi.child(), riverside.course(*sundays(2)).lines())

        riverside.pull(orders.approve_attendance, cart)
        riverside.sweep(NOW + DAY)

        assert riverside.status(cart) == S.ATTENDANCE_APPROVED

    def test_confirmed_it_is_invoiced_and_stays_the_same_booking(self, riverside: Centre, attends: Enrolment) -> None:
        before = attends.booking["id"]

        riverside.pull(orders.confirm, attends.cart, reason="papers came in", now=START + MINUTE)

        assert (attends.booking["id"], attends.booking["status"]) == (before, S.APPROVED)
        assert attends.booking["payment_state"] == "OPEN"
        assert attends.books()["RECEIVABLE"] == 5320
        assert [event["trigger"] for event in attends.history()] == ["new", "approve"]

    def test_the_order_cancelled_takes_the_booking_along(self, riverside: Centre, attends: Enrolment) -> None:
        riverside.pull(orders.cancel, attends.cart, reason="not eligible")

        assert (riverside.status(attends.cart), attends.booking["status"]) == (S.CANCELED, S.CANCELED)
        assert attends.roll() == [("CANCELLED", "CANCELED")] * 4
        assert riverside.taken(attends.karate) == [0, 0, 0, 0]
        assert attends.notes() == []
        assert riverside.billings(attends.cart)[-1][1:] == (True, 0)

    def test_the_booking_cancelled_takes_the_order_along(self, riverside: Centre, attends: Enrolment) -> None:
        attends.cancel(actor=attends.rossi.actor)

        assert (riverside.status(attends.cart), attends.booking["status"]) == (S.CANCELED, S.CANCELED)

    def test_a_family_cannot_walk_away_from_what_was_held(self, riverside: Centre, attends: Enrolment) -> None:
        reasons = riverside.refusal(lambda: attends.cancel(actor=attends.rossi.actor, now=START + MINUTE))

        assert reasons.keys() == {"not_invoiced"}

    def test_is_closed_only_when_nothing_of_it_stays(self, riverside: Centre, attends: Enrolment) -> None:
        reasons = riverside.refusal(lambda: attends.step(endings.close, last_day=date(2026, 4, 19)))
        attends.step(endings.close, last_day=date(2026, 4, 11))

        assert reasons.keys() == {"not_invoiced"}
        assert (riverside.status(attends.cart), attends.booking["status"]) == (S.CANCELED, S.CLOSED)


class TestUndated:
    def test_runs_with_its_term(self, riverside: Centre) -> None:
        def enrolled() -> Cart:
            rossi = riverside.family()
            return riverside.confirmed(rossi, rossi.child(), riverside.course(None, name="Reading").lines())

        before, after = enrolled(), enrolled()
        in_march, in_april = NOW, datetime(2026, 4, 2, tzinfo=TORONTO)

        for cart, now in ((before, in_march), (after, in_april)):
            riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], actor=riverside.admin,
                         reason="moved", now=now)  # fmt: skip

        assert [riverside.booking(cart)["total_minor"] for cart in (before, after)] == [0, 1130]


class TestIdle:
    def test_drafts_and_carts_of_a_month_ago_are_removed(self, riverside: Centre) -> None:
        rossi = riverside.family()
        course = riverside.course(*sundays(1))
        cart, holding = riverside.cart(rossi, rossi.child(), course.lines()), riverside.submitted(
            rossi, rossi.child("Leo Rossi"), course.lines(), how=ADMIN_CONFIRM
        )  # fmt: skip
        fresh = riverside.cart(rossi, rossi.child("Ada Rossi"), course.lines(), now=NOW + 10 * DAY)

        while remove_idle(riverside.database, now=NOW + 30 * DAY, batch=5):
            pass

        assert [riverside.status(c) for c in (cart, holding, fresh)] == [S.REMOVED, S.SUBMITTED, S.CREATED]
        event = riverside.rows("SELECT actor_kind, reason FROM status_event WHERE subject_id = %(id)s "
                               "ORDER BY sequence DESC LIMIT 1", id=cart.id)[0]  # fmt: skip
        assert event == {"actor_kind": ActorKind.SYSTEM, "reason": "idle for 30 days"}


def test_a_guest_without_the_account_sees_nothing(mia: Enrolment) -> None:
    stranger = Actor(ActorKind.GUEST, account_ids=frozenset({UUID(int=1)}))

    with pytest.raises(NotFound):
        mia.cancel(actor=stranger)
