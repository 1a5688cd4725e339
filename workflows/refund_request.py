"""The refund request: what a family asks back, decided by finance or an admin; one row for each booking, and one for
the money in its wallet.

The diagram is generated from the chart: `termbook diagram`. Asked again after a rejection, or after an approval when
more became refundable, the same row is open again; every attempt stands in its history. An approval takes the money out
of the wallet; `workflows.refunds` sends it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import SQLModel

from billing.ledger import post, withdrawn
from billing.wallet import Parts, split_return, write_entry
from engine.actor import Actor
from engine.batch import Batch
from engine.chart import Chart, Step
from engine.database import Row, Transaction
from engine.errors import Invalid, NotFound, Reason
from engine.fire import Subject, announce, begin, fire
from engine.ids import new_id, new_reference
from engine.money import NotAnAmount, parse_asked, why_no_amount
from models import ActorKind, Refund, RefundDestination, RefundRequest, WalletEntryKind
from models import RefundRequestStatus as R
from workflows.free_money import move_to_wallet
from workflows.refundable import Refundable, of_booking, of_wallet
from workflows.wallet_facts import AccountInLock, lock_account

_OFFICE = frozenset({ActorKind.ADMIN, ActorKind.FINANCE})
_OWNERS = _OFFICE | {ActorKind.FAMILY}
_REQUESTED, _APPROVED, _REJECTED = "refund.requested", "refund.approved", "refund.rejected"


@dataclass(kw_only=True)
class Request(Subject):
    """A refund request under the lock of its account."""

    table: ClassVar[type[SQLModel]] = RefundRequest
    account_id: UUID
    booking_id: UUID | None  # None: of what lies in the wallet
    amount_minor: int
    destination: RefundDestination
    attempt: int = 1
    booking_reference: str | None = None


def is_refundable(request: Request, *, refundable: Refundable, **_: Any) -> Iterator[Reason]:
    """No more goes back than was captured, is not used by an invoice and was not refunded."""
    allowed = refundable.to(request.destination)
    if request.amount_minor > allowed:
        asked, most = refundable.money(request.amount_minor), refundable.money(allowed)
        to = "to the wallet" if request.destination is RefundDestination.WALLET else "the way it was paid"
        message = f"{asked} is asked back for {request.booking_reference}, and {most} can go {to} now."
        if request.booking_id is None:
            message = f"{asked} is asked back out of the wallet, and {most} can go the way it was paid now."
        yield Reason("above_refundable", message, field="amount", rule="refundable",
                     facts={"asked_minor": request.amount_minor, "refundable_minor": allowed})  # fmt: skip


def has_note(request: Request, *, reason: str, **_: Any) -> Iterator[Reason]:
    """A family is told why it gets nothing."""
    if not reason.strip():
        yield Reason("reason_required", f"Say why {request.reference} is rejected.", field="note", rule="note")


def open_again(request: Request, **_: Any) -> None:
    """Nobody has decided this attempt."""
    request.change(attempt=request.attempt + 1, resolved_by=None, resolved_at=None, note="")


def note_decision(request: Request, *, actor: Actor, now: datetime, reason: str, **_: Any) -> None:
    request.change(resolved_by=actor.user_id, resolved_at=now, note=reason.strip())


def pay_back(
    request: Request, *, batch: Batch, refundable: Refundable, today: date, now: datetime, **_: Any
) -> None:  # fmt: skip
    """Put what is free into the wallet; what goes back the way it came is taken out of it and set aside, by payment."""
    for share in refundable.shares(request.amount_minor, request.destination):
        payment = {**share.source.payment, "today": today}
        if share.free_minor:
            parts = share.source.parts
            moved = Parts(share.free_minor) if parts is None else split_return(parts, share.free_minor)
            move_to_wallet(batch, payment, moved, now=now)
        if request.destination is RefundDestination.ORIGINAL:
            _set_aside(batch, request, payment, share.total_minor, now)


def _set_aside(batch: Batch, request: Request, payment: Row, amount_minor: int, now: datetime) -> None:
    entry_id = write_entry(
        batch, account_id=request.account_id, kind=WalletEntryKind.WITHDRAWN, parts=Parts(-amount_minor),
        payment_id=payment["id"], reason=request.reference, now=now,
    )  # fmt: skip
    post(batch, source_kind="WALLET_ENTRY", source_id=entry_id, purpose=WalletEntryKind.WITHDRAWN.value,
         account_id=request.account_id, postings=withdrawn(amount_minor=amount_minor), posted_on=payment["today"],
         now=now)  # fmt: skip
    batch.add(
        Refund,
        [{
            "id": new_id(), "request_id": request.id, "account_id": request.account_id, "payment_id": payment["id"],
            "wallet_entry_id": entry_id, "amount_minor": amount_minor, "currency": payment["currency"],
            "provider": payment["provider"], "external_id": None, "status": "PENDING", "failure_reason": None,
            "asked_at": None, "created_at": now, "updated_at": now,
        }],
    )  # fmt: skip


CHART = Chart(
    name="refund_request",
    states=(R.PENDING, R.APPROVED, R.REJECTED),
    initial=(R.PENDING,),
    steps=(
        #     trigger      source      target      who      guards            effects                     tells
        Step("approve",   R.PENDING,  R.APPROVED, _OFFICE, (is_refundable,), (pay_back, note_decision), _APPROVED),
        Step("reject",    R.PENDING,  R.REJECTED, _OFFICE, (has_note,),      (note_decision,),          _REJECTED),
        Step("ask_again", R.REJECTED, R.PENDING,  _OWNERS, (is_refundable,), (open_again,),             _REQUESTED),
        Step("ask_again", R.APPROVED, R.PENDING,  _OWNERS, (is_refundable,), (open_again,),             _REQUESTED),
    ),
)  # fmt: skip


def ask(
    tx: Transaction, *, booking_id: UUID, amount: str, destination: RefundDestination, reason: str, actor: Actor,
    now: datetime,
) -> Request:  # fmt: skip
    """Ask money back for a booking, `amount` in the currency's major unit; asked again it is the same request.

    Raises NotFound, Invalid (not a positive amount, more than is refundable), NotAllowedNow (it waits for a decision).
    """
    booking = tx.row("SELECT account_id, reference FROM term_booking WHERE organisation_id = %(org)s AND id = %(id)s",
                     id=booking_id)  # fmt: skip
    if booking is None or not actor.may_see_account(booking["account_id"]):
        raise NotFound("There is no such booking.", what="booking")
    account = lock_account(tx, booking["account_id"], actor=actor)
    found = tx.row(_REQUEST + " AND r.booking_id = %(booking_id)s", booking_id=booking_id)
    request = Request(
        id=new_id(), reference=new_reference("RR"), status=R.PENDING, version=1, account_id=account.id,
        booking_id=booking_id, amount_minor=_amount(amount, account), destination=destination,
        booking_reference=booking["reference"],
    )  # fmt: skip
    return _ask(tx, request, found, refundable=of_booking(tx, account, booking_id, now=now), reason=reason,
                actor=actor, now=now)  # fmt: skip


def ask_from_wallet(
    tx: Transaction, *, account_id: UUID, amount: str, reason: str, actor: Actor, now: datetime
) -> Request:  # fmt: skip
    """Ask money that lies in the wallet back the way it was paid, whether it ever was for a booking or not; `amount` in
    the currency's major unit. Asked again it is the same request.

    Raises NotFound, Invalid (not a positive amount, more than is refundable), NotAllowedNow (it waits for a decision).
    """
    account = lock_account(tx, account_id, actor=actor)
    found = tx.row(_REQUEST + " AND r.account_id = %(account_id)s AND r.booking_id IS NULL", account_id=account_id)
    request = Request(
        id=new_id(), reference=new_reference("RR"), status=R.PENDING, version=1, account_id=account.id, booking_id=None,
        amount_minor=_amount(amount, account), destination=RefundDestination.ORIGINAL,
    )  # fmt: skip
    return _ask(tx, request, found, refundable=of_wallet(tx, account, now=now), reason=reason, actor=actor,
                now=now)  # fmt: skip


def _ask(
    tx: Transaction, asked: Request, found: Row | None, *, refundable: Refundable, reason: str, actor: Actor,
    now: datetime,
) -> Request:  # fmt: skip
    """What was asked before is open again, with what is asked now; else the request is begun."""
    wanted = {"amount_minor": asked.amount_minor, "destination": asked.destination.value}
    if found is not None:
        request = _request(found)
        request.change(**wanted, reason=reason.strip())
        request.amount_minor, request.destination = asked.amount_minor, asked.destination
        fire(tx.batch, CHART, request, "ask_again", actor=actor, now=now, reason=reason, refundable=refundable,
             changes=wanted)  # fmt: skip
        return request
    if reasons := list(is_refundable(asked, refundable=refundable)):
        raise Invalid(reasons[0].message, reasons=reasons)
    begin(
        tx.batch, CHART, asked, actor=actor, now=now,
        row={**wanted, "reference": asked.reference, "account_id": asked.account_id, "booking_id": asked.booking_id,
             "attempt": 1, "reason": reason.strip(), "note": "", "resolved_by": None, "resolved_at": None,
             "created_at": now, "updated_at": now},
    )  # fmt: skip
    announce(tx.batch, _REQUESTED, now=now, subject_id=asked.id, reference=asked.reference)
    return asked


def _amount(amount: str, account: AccountInLock) -> int:
    try:
        minor = parse_asked(amount, account.currency, account.locale)
    except NotAnAmount as error:
        raise Invalid(error.message, reasons=[why_no_amount(error, "amount")]) from error
    if minor <= 0:
        message = "Name an amount of more than 0."
        raise Invalid(message, reasons=[Reason("amount_not_positive", message, field="amount")])
    return minor


def approve(tx: Transaction, *, request_id: UUID, actor: Actor, now: datetime, note: str = "") -> Request:
    """Give back what is asked, as far as it is refundable at this moment. Raises NotFound, NotAllowedNow, Refused."""
    request, account = _lock(tx, request_id, actor)
    fire(tx.batch, CHART, request, "approve", actor=actor, now=now, reason=note, today=account.today(now),
         refundable=read_refundable(tx, account, request.booking_id, now=now),
         changes={"amount_minor": request.amount_minor, "destination": request.destination.value})  # fmt: skip
    return request


def reject(tx: Transaction, *, request_id: UUID, actor: Actor, now: datetime, note: str) -> Request:
    """Give nothing back, and say why. Raises NotFound, NotAllowedNow, Refused."""
    request, _ = _lock(tx, request_id, actor)
    fire(tx.batch, CHART, request, "reject", actor=actor, now=now, reason=note,
         changes={"amount_minor": request.amount_minor, "destination": request.destination.value})  # fmt: skip
    return request


_REQUEST = """
SELECT r.id, r.reference, r.status, r.version, r.account_id, r.booking_id, r.amount_minor, r.destination, r.attempt,
       b.reference AS booking_reference
FROM refund_request r
LEFT JOIN term_booking b ON b.organisation_id = r.organisation_id AND b.id = r.booking_id
WHERE r.organisation_id = %(org)s
"""


def _lock(tx: Transaction, request_id: UUID, actor: Actor) -> tuple[Request, AccountInLock]:
    """A request changes only under the lock of its account."""
    found = tx.row(_REQUEST + " AND r.id = %(id)s", id=request_id)
    if found is None or not actor.may_see_account(found["account_id"]):
        raise NotFound("There is no such refund request.", what="refund request")
    account = lock_account(tx, found["account_id"], actor=actor)
    row = tx.row(_REQUEST + " AND r.id = %(id)s", id=request_id)
    assert row is not None, "requests stay"
    return _request(row), account


def _request(row: Row) -> Request:
    return Request(**row | {"status": R(row["status"]), "destination": RefundDestination(row["destination"])})


def read_refundable(tx: Transaction, account: AccountInLock, booking_id: UUID | None, *, now: datetime) -> Refundable:
    """What can go back of what a request is about; the caller holds the lock of the account."""
    return of_wallet(tx, account, now=now) if booking_id is None else of_booking(tx, account, booking_id, now=now)
