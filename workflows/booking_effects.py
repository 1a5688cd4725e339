"""What moving a booking does besides moving it: the roll, places, credit, Billing, its timer. Each only adds to the
batch. `leaving` are the sessions that are given up by the step.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from billing.adjustments import is_beside
from billing.credits import Credit
from billing.ledger import credit_note_issued, post, written_off
from billing.versions import next_version, write_kept
from engine.batch import Batch, FollowUp, Guarded
from engine.fire import MovedMeanwhile
from engine.ids import new_id
from invoicing.issue import issue_credit_note
from models import AttendanceStatus, CreditAllocation, PaymentState, Timer, TimerKind
from workflows import places
from workflows.allocation import release_allocation
from workflows.booking_facts import BookedLine, Booking, Enrolled
from workflows.free_money import pour_credits
from workflows.order_effects import DISARM, local_day, printed
from workflows.wallet_debits import state_follows

SUSPENDED = "SUSPENDED"

_ROLL = Guarded(
    name="roll_of_booking",
    sql="UPDATE term_attendance t SET status = r.status, reason = r.reason, version = t.version + 1 FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.version = r.version RETURNING t.id",
    takes="id uuid, version int, status text, reason text",
    is_by_id=True,
)


def strike_attendance(booking: Booking, *, batch: Batch, leaving: list[BookedLine], why: str, **_: Any) -> None:
    """Nobody is expected in these sessions any more; the rows stay on the roll and say why."""
    rows = [line.attendance for line in leaving
            if line.attendance and line.attendance["status"] != AttendanceStatus.CANCELLED]  # fmt: skip
    _mark(booking, batch, rows, AttendanceStatus.CANCELLED, why)


def expect_again(booking: Booking, *, batch: Batch, enrolled: Enrolled, now: datetime, **_: Any) -> None:
    """After a suspension the sessions still to come are attended again."""
    rows = [line.attendance for line in enrolled.to_come(now)
            if line.attendance and (line.attendance["status"], line.attendance["reason"])
            == (AttendanceStatus.CANCELLED, SUSPENDED)]  # fmt: skip
    _mark(booking, batch, rows, AttendanceStatus.EXPECTED, None)


def expect_lines(booking: Booking, batch: Batch, lines: list[BookedLine]) -> None:
    """Sessions that take place after all are attended."""
    _mark(booking, batch, [line.attendance for line in lines if line.attendance], AttendanceStatus.EXPECTED, None)


def _mark(
    booking: Booking, batch: Batch, rows: list[dict[str, Any]], status: AttendanceStatus, why: str | None
) -> None:
    if rows:
        batch.guard(
            _ROLL, [{"id": a["id"], "version": a["version"], "status": status.value, "reason": why} for a in rows],
            otherwise=lambda _: MovedMeanwhile(f"The roll of {booking.reference} was marked meanwhile; look again."),
        )  # fmt: skip


_DROP = Guarded(
    name="drop_lines",
    sql="UPDATE term_booking_line t SET cancelled_at = r.at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.cancelled_at IS NULL RETURNING t.id",
    takes="id uuid, at timestamptz",
)


def drop_lines(booking: Booking, *, batch: Batch, leaving: list[BookedLine], now: datetime, **_: Any) -> None:
    """The sessions are given up."""
    if leaving:
        batch.guard(
            _DROP, [{"id": line.id, "at": now} for line in leaving],
            otherwise=lambda _: MovedMeanwhile(f"{booking.reference} was changed meanwhile; look at it again."),
        )  # fmt: skip


def release_places(booking: Booking, *, batch: Batch, enrolled: Enrolled, now: datetime, **_: Any) -> None:
    """A booking that has ended holds nothing (DOMAIN §3)."""
    places.give_back(batch, booking, enrolled.claims, now=now)


def release_leaving(
    booking: Booking, *, batch: Batch, enrolled: Enrolled, leaving: list[BookedLine], now: datetime, **_: Any
) -> None:
    """The places and the time of the sessions that are given up; the others stay held."""
    gone = {str(line.session_id) for line in leaving}
    claims = [claim for claim in enrolled.claims if (claim["chosen_with"] or claim["term_product_id"]) in gone]
    places.give_back(batch, booking, claims, now=now)


def write_credit(
    booking: Booking, *, batch: Batch, enrolled: Enrolled, credit: Credit, reason: str, now: datetime,
    charge_id: UUID | None = None, is_zero: bool = False, **_: Any,
) -> None:  # fmt: skip
    """A credit note over what the sessions were invoiced for: it settles that invoice, and what was paid beyond what
    is owed then is the family's credit, which takes the steps of the waterfall before the commit.
    """
    if not credit.total_minor:
        return
    assert enrolled.order is not None, "only who holds the order's lock issues a credit note"
    order, today = enrolled.order, local_day(now, enrolled.order)
    applied = [{"invoice": number, "amount_minor": credit.applied_minor(i), "is_corrected": i in credit.corrected}
               for i, number in credit.numbers.items()]  # fmt: skip
    if credit.to_charge_minor:
        applied.append({"invoice": "the invoice of this change", "amount_minor": credit.to_charge_minor,
                        "is_corrected": False})  # fmt: skip
    note_id = enrolled.credit_note_id = issue_credit_note(
        batch, account_id=booking.account_id, booking_id=booking.id, lines=credit.lines, net_minor=credit.net_minor,
        tax_minor=credit.tax_minor, reason=reason, issued_on=today, now=now,
        printed=printed(order) | {"booking_reference": booking.reference, "applied": applied},
        half_of=charge_id if is_zero else None,
    )  # fmt: skip
    posting: dict[str, Any] = {"account_id": booking.account_id, "posted_on": today, "now": now}
    post(batch, source_kind="CREDIT_NOTE", source_id=note_id, purpose="ISSUED",
         postings=credit_note_issued(net_minor=credit.net_minor, tax_minor=credit.tax_minor), **posting)  # fmt: skip
    settled = {}
    if credit.to_charge_minor:
        assert charge_id is not None, "the credit of an edit settles the invoice of the same edit first"
        settled[charge_id] = credit.to_charge_minor
    settled |= credit.settles
    batch.add(
        CreditAllocation,
        [{"id": new_id(), "credit_note_id": note_id, "write_off_id": None, "invoice_id": invoice_id,
          "amount_minor": amount, "created_at": now} for invoice_id, amount in settled.items()],
    )  # fmt: skip
    _restore(batch, credit, note_id, **posting)
    for used in credit.frees:
        release_allocation(batch, invoice_id=used.invoice_id, payment_id=used.payment_id,
                           amount_minor=used.amount_minor, credit_note_id=note_id, **posting)  # fmt: skip
    batch.follow_up(FollowUp(pour_credits, now), [note_id])
    say_how_it_stands(booking, batch, is_open=credit.open_minor > 0, now=now)


def say_how_it_stands(booking: Booking, batch: Batch, *, is_open: bool, now: datetime) -> None:
    """Paid or open; whether a session of it still waits for the wallet is seen once everything is written."""
    if is_open and booking.payment_state is PaymentState.PENDING_PAYMENT:
        state_follows(batch, [booking.id], now=now)
    booking.change(payment_state=PaymentState.OPEN if is_open else PaymentState.PAID)


_RESTORE = Guarded(
    name="restore_written_off",
    sql="UPDATE write_off t SET restored_minor = t.restored_minor + r.amount_minor FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.undone_at IS NULL "
    "AND t.restored_minor + r.amount_minor <= t.amount_minor RETURNING t.id",
    takes="id uuid, amount_minor bigint",
    is_by_id=True,
)


def _restore(batch: Batch, credit: Credit, note_id: UUID, **posting: Any) -> None:
    """What is credited of a write-off is owed again first, so that the credit takes back a receivable."""
    for each in credit.restores:
        batch.guard(
            _RESTORE, [{"id": each.write_off_id, "amount_minor": each.amount_minor}],
            otherwise=lambda _: MovedMeanwhile("The write-off was undone meanwhile; look at it again."),
        )  # fmt: skip
        batch.add(
            CreditAllocation,
            [{"id": new_id(), "credit_note_id": None, "write_off_id": each.write_off_id,
              "invoice_id": each.invoice_id, "amount_minor": -each.amount_minor, "created_at": posting["now"]}],
        )  # fmt: skip
        post(batch, source_kind="WRITE_OFF", source_id=each.write_off_id, purpose=f"CREDITED {note_id}",
             postings=written_off(amount_minor=-each.amount_minor), **posting)  # fmt: skip


def rebill(
    booking: Booking, *, batch: Batch, enrolled: Enrolled, leaving: list[BookedLine], now: datetime, **_: Any
) -> None:
    """From now on the booking costs what its other sessions cost: the next Billing version of the group."""
    if not leaving:
        return
    gone = {str(line.session_id) for line in leaving}
    group_id, version = next_version(
        batch, group=enrolled.group, account_id=booking.account_id, term_id=enrolled.term["id"], now=now
    )
    kept = [line for line in enrolled.billing_lines
            if line["term_product_id"] not in gone or is_beside(line["component"])]  # fmt: skip
    billing_id, total_minor = write_kept(
        batch, kept, group_id=group_id, version=version, order_id=booking.order_id, now=now
    )
    booking.change(billing_id=billing_id, total_minor=total_minor)


def arm_close(booking: Booking, *, batch: Batch, closes_at: datetime, **_: Any) -> None:
    """The status moves when the last day is over."""
    batch.add(
        Timer,
        [{"id": new_id(), "kind": TimerKind.BOOKING_CLOSE.value, "subject_id": booking.id, "due_at": closes_at,
          "status": "ARMED"}],
    )  # fmt: skip


def disarm_close(booking: Booking, *, batch: Batch, enrolled: Enrolled, now: datetime, **_: Any) -> None:
    """A planned close is settled by this step, or replaced."""
    rows = [{"id": t["id"], "status": "DISARMED", "settled_at": now} for t in enrolled.timers]
    if rows:
        batch.guard(
            DISARM, rows, otherwise=lambda _: MovedMeanwhile(f"{booking.reference} was closed meanwhile; look again.")
        )
