"""Giving up what a family owes on an invoice, by finance and with a reason, and undoing that.

A write-off settles its invoice as a credit does, so that nobody is reminded of it any more; nothing is taken back of
what was earned. Undone, the entry is reversed and the invoice is owed again.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from billing.credits import Owed
from billing.ledger import post, written_off
from engine.actor import Actor
from engine.batch import Guarded
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, NotPermitted, Reason
from engine.fire import MovedMeanwhile
from engine.ids import new_id
from engine.money import format_money
from models import ActorKind, CreditAllocation, PaymentState, WriteOff
from workflows.booking_facts import Enrolled, lock_booking
from workflows.order_facts import local_day
from workflows.wallet_debits import debit_when_filled, state_follows


class UndoneAlready(Conflict):
    """A write-off is undone once."""

    code = "undone_already"


@dataclass(frozen=True, slots=True)
class _Locked:
    """An invoice under the lock of its booking."""

    enrolled: Enrolled
    invoice: Owed
    today: date


_INVOICE = "SELECT id, booking_id FROM invoice WHERE organisation_id = %(org)s AND id = %(id)s"


def write_off(
    tx: Transaction, *, invoice_id: UUID, amount_minor: int | None, reason: str, actor: Actor, now: datetime
) -> UUID:
    """Give up what is open of an invoice, or a part of it; returns the write-off. Raises NotFound, Invalid (no reason,
    or more than is open)."""
    _require(reason)
    locked = _lock(tx, invoice_id, actor, now)
    amount = locked.invoice.open_minor if amount_minor is None else amount_minor
    if not 0 < amount <= locked.invoice.open_minor:
        assert locked.enrolled.order is not None, "locked with its order"
        told = locked.enrolled.order.organisation
        money = format_money(locked.invoice.open_minor, told["currency"], told["locale"])
        message = f"{locked.invoice.number} has {money} open; no more can be written off."
        raise Invalid(message, reasons=[Reason("amount_not_open", message, field="amount_minor")])
    write_off_id, account_id = new_id(), locked.enrolled.booking.account_id
    tx.batch.add(
        WriteOff,
        [{"id": write_off_id, "account_id": account_id, "invoice_id": invoice_id, "amount_minor": amount,
          "reason": reason, "written_off_on": locked.today, "made_by": actor.user_id, "created_at": now}],
    )  # fmt: skip
    _settle(tx, write_off_id, invoice_id, amount, now)
    post(tx.batch, source_kind="WRITE_OFF", source_id=write_off_id, purpose="WRITTEN_OFF", account_id=account_id,
         postings=written_off(amount_minor=amount), posted_on=locked.today, now=now)  # fmt: skip
    if sum(each.open_minor for each in locked.enrolled.invoices) == amount:
        _move_payment_state(tx, locked.enrolled, PaymentState.PAID, now)
    elif locked.enrolled.booking.payment_state is PaymentState.PENDING_PAYMENT:
        state_follows(tx.batch, [locked.enrolled.booking.id], now=now)
    # A session that it gives up holds back no other any more.
    debit_when_filled(tx.batch, [account_id], now=now)
    return write_off_id


_WRITE_OFF = """
SELECT w.id, w.invoice_id, w.account_id, w.amount_minor, w.restored_minor, w.undone_at, e.id AS entry_id
FROM write_off w
JOIN ledger_entry e ON e.organisation_id = w.organisation_id AND e.source_kind = 'WRITE_OFF' AND e.source_id = w.id
     AND e.purpose = 'WRITTEN_OFF'
WHERE w.organisation_id = %(org)s AND w.id = %(id)s
"""
_UNDO = Guarded(
    name="undo_write_off",
    sql="UPDATE write_off t SET undone_at = r.undone_at, undone_by = r.undone_by, undo_reason = r.undo_reason "
    "FROM {rows} WHERE t.organisation_id = {org} AND t.id = r.id AND t.undone_at IS NULL RETURNING t.id",
    takes="id uuid, undone_at timestamptz, undone_by uuid, undo_reason text",
)


def undo_write_off(tx: Transaction, *, write_off_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """The invoice is owed again, less what was credited of it since. Raises NotFound, Invalid, UndoneAlready."""
    _require(reason)
    found = _read(tx, write_off_id)
    locked = _lock(tx, found["invoice_id"], actor, now)
    found = _read(tx, write_off_id)
    once = UndoneAlready("The write-off is undone.")
    given_up_minor = found["amount_minor"] - found["restored_minor"]
    if found["undone_at"] is not None or not given_up_minor:
        raise once
    undone = {"id": write_off_id, "undone_at": now, "undone_by": actor.user_id, "undo_reason": reason}
    tx.batch.guard(_UNDO, [undone], otherwise=lambda _: once)
    _settle(tx, write_off_id, found["invoice_id"], -given_up_minor, now)
    # A reversal mirrors the whole entry; what is left of it is posted by itself.
    reverses_id = None if found["restored_minor"] else found["entry_id"]
    post(tx.batch, source_kind="WRITE_OFF", source_id=write_off_id, purpose="UNDONE", account_id=found["account_id"],
         postings=written_off(amount_minor=-given_up_minor), reverses_id=reverses_id,
         posted_on=locked.today, now=now)  # fmt: skip
    if locked.enrolled.booking.payment_state is PaymentState.PAID:
        _move_payment_state(tx, locked.enrolled, PaymentState.OPEN, now)
    state_follows(tx.batch, [locked.enrolled.booking.id], now=now)


def _read(tx: Transaction, write_off_id: UUID) -> Row:
    found = tx.row(_WRITE_OFF, id=write_off_id)
    if found is None:
        raise NotFound("There is no such write-off.", what="write-off")
    return found


def _require(reason: str) -> None:
    if not reason.strip():
        message = "Say why."
        raise Invalid(message, reasons=[Reason("reason_missing", message, field="reason")])


def _lock(tx: Transaction, invoice_id: UUID, actor: Actor, now: datetime) -> _Locked:
    if actor.kind not in (ActorKind.ADMIN, ActorKind.FINANCE):
        raise NotPermitted("Receivables are given up by admins and finance.")
    found = tx.row(_INVOICE, id=invoice_id)
    if found is None:
        raise NotFound("There is no such invoice.", what="invoice")
    enrolled = lock_booking(tx, found["booking_id"], actor=actor)
    assert enrolled.order is not None, "locked with its order"
    invoice = next(each for each in enrolled.invoices if each.invoice_id == invoice_id)
    return _Locked(enrolled, invoice, local_day(now, enrolled.order))


def _settle(tx: Transaction, write_off_id: UUID, invoice_id: UUID, amount_minor: int, now: datetime) -> None:
    tx.batch.add(
        CreditAllocation,
        [{"id": new_id(), "write_off_id": write_off_id, "invoice_id": invoice_id, "amount_minor": amount_minor,
          "created_at": now}],
    )  # fmt: skip


_MOVE = Guarded(
    name="move_payment_state",
    sql="UPDATE term_booking t SET payment_state = r.to_state, updated_at = r.updated_at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.payment_state = r.from_state RETURNING t.id",
    takes="id uuid, from_state text, to_state text, updated_at timestamptz",
)


def _move_payment_state(tx: Transaction, enrolled: Enrolled, to: PaymentState, now: datetime) -> None:
    booking = enrolled.booking
    tx.batch.guard(
        _MOVE,
        [{"id": booking.id, "from_state": booking.payment_state.value, "to_state": to.value, "updated_at": now}],
        otherwise=lambda _: MovedMeanwhile(f"{booking.reference} was changed meanwhile; look at it again."),
    )  # fmt: skip
