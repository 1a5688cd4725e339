"""The refund request: what a family asks back for a booking, one row for each booking, decided by finance or an admin.

The diagram is generated from the chart: `termbook diagram`. Asked again after a rejection, or after an approval when
more became refundable, the same row is open again; every attempt stands in its history. An approval takes the money out
of the wallet; `workflows.refunds` sends it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import SQLModel

from billing.ledger import post, withdrawn
from billing.wallet import Parts, Wallet, lock_wallets, read_debits, split_return, write_entry
from engine.actor import Actor
from engine.batch import Batch
from engine.chart import Chart, Step
from engine.database import Row, Transaction
from engine.errors import Invalid, NotFound, Reason
from engine.fire import Subject, announce, begin, fire
from engine.ids import new_id, new_reference
from engine.money import NotAnAmount, format_money, parse_money
from models import ActorKind, Refund, RefundDestination, RefundRequest, WalletEntryKind
from models import RefundRequestStatus as R
from workflows.free_money import move_to_wallet
from workflows.wallet_debits import WALLET
from workflows.wallet_facts import AccountInLock, lock_account

_OFFICE = frozenset({ActorKind.ADMIN, ActorKind.FINANCE})
_OWNERS = _OFFICE | {ActorKind.FAMILY}
_REQUESTED, _APPROVED, _REJECTED = "refund.requested", "refund.approved", "refund.rejected"


_ALL_USED = (
    "all_used",
    "All that was paid is used by what is booked. Give sessions up first: what they free can go back.",
)


@dataclass(frozen=True, slots=True)
class Source:
    """A payment of the booking: what of it is free beside the invoices, and what may go back the way it came."""

    payment: Row
    free_minor: int
    landed_minor: int  # in the wallet, not sent back yet
    parts: Parts | None  # of a wallet: what of it came from there

    @property
    def original_minor(self) -> int:
        """What came from the wallet has no other way back."""
        return 0 if self.payment["provider"] == WALLET else self.free_minor + self.landed_minor


@dataclass(frozen=True, slots=True)
class Refundable:
    """What can go back at this moment, by where to."""

    sources: Sequence[Source]
    wallet_minor: int  # its balance, bonus left out
    money: Any

    def to(self, destination: RefundDestination) -> int:
        """Captured, less what invoices still use, less what was refunded; never more than is still there."""
        free = sum(source.free_minor for source in self.sources)
        if destination is RefundDestination.WALLET:
            return free
        kept = sum(source.free_minor for source in self.sources if source.payment["provider"] != WALLET)
        return min(sum(source.original_minor for source in self.sources), self.wallet_minor + kept)

    def why_nothing(self, destination: RefundDestination) -> Reason | None:
        """Why nothing can go there, in words for the family; None where something can."""
        if self.to(destination) > 0:
            return None
        code, message = self._what_is_missing(destination)
        return Reason(code, message, rule="refundable")

    def _what_is_missing(self, destination: RefundDestination) -> tuple[str, str]:
        if not self.sources:
            return "nothing_paid", "Nothing was paid for this booking yet."
        landed = sum(source.landed_minor for source in self.sources if source.payment["provider"] != WALLET)
        if destination is RefundDestination.WALLET:
            if landed:
                return "in_wallet_already", "What came back of it is in your wallet already."
            return _ALL_USED
        if not any(source.original_minor for source in self.sources):
            if all(source.payment["provider"] == WALLET for source in self.sources):
                return "paid_from_wallet", "It was paid from the wallet, and can only go back there."
            return _ALL_USED
        return "spent_since", "What came back of it went into your wallet, and was spent since."


@dataclass(kw_only=True)
class Request(Subject):
    """A refund request under the lock of its account."""

    table: ClassVar[type[SQLModel]] = RefundRequest
    account_id: UUID
    booking_id: UUID
    amount_minor: int
    destination: RefundDestination
    attempt: int = 1
    booking_reference: str = field(default="")


def is_refundable(request: Request, *, refundable: Refundable, **_: Any) -> Iterator[Reason]:
    """No more goes back than was captured, is not used by an invoice and was not refunded."""
    allowed = refundable.to(request.destination)
    if request.amount_minor > allowed:
        asked, most = refundable.money(request.amount_minor), refundable.money(allowed)
        to = "to the wallet" if request.destination is RefundDestination.WALLET else "the way it was paid"
        message = f"{asked} is asked back for {request.booking_reference}, and {most} can go {to} now."
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
    left = request.amount_minor
    for source in refundable.sources:
        is_original = request.destination is RefundDestination.ORIGINAL
        share = min(left, source.original_minor if is_original else source.free_minor)
        if not share:
            continue
        left -= share
        # What landed in the wallet before is sent first.
        moved = max(share - source.landed_minor, 0) if is_original else share
        payment = {**source.payment, "today": today}
        if moved:
            parts = split_return(source.parts, moved) if source.parts is not None else Parts(moved)
            move_to_wallet(batch, payment, parts, now=now)
        if is_original:
            _set_aside(batch, request, payment, share, now)
    assert left == 0, "a guard has asked before"


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
    minor = _amount(amount, account)
    found = tx.row(_REQUEST + " AND r.booking_id = %(booking_id)s", booking_id=booking_id)
    refundable = read_refundable(tx, account, booking_id, now=now)
    if found is not None:
        request = _request(found)
        request.change(amount_minor=minor, destination=destination.value, reason=reason.strip())
        request.amount_minor, request.destination = minor, destination
        fire(tx.batch, CHART, request, "ask_again", actor=actor, now=now, reason=reason, refundable=refundable,
             changes={"amount_minor": minor, "destination": destination.value})  # fmt: skip
        return request
    request = Request(
        id=new_id(), reference=new_reference("RR"), status=R.PENDING, version=1, account_id=account.id,
        booking_id=booking_id, amount_minor=minor, destination=destination, booking_reference=booking["reference"],
    )  # fmt: skip
    if reasons := list(is_refundable(request, refundable=refundable)):
        raise Invalid(reasons[0].message, reasons=reasons)
    begin(
        tx.batch, CHART, request, actor=actor, now=now,
        row={"reference": request.reference, "account_id": account.id, "booking_id": booking_id, "attempt": 1,
             "amount_minor": minor, "destination": destination.value, "reason": reason.strip(), "note": "",
             "resolved_by": None, "resolved_at": None, "created_at": now, "updated_at": now},
    )  # fmt: skip
    announce(tx.batch, _REQUESTED, now=now, subject_id=request.id, reference=request.reference)
    return request


def _amount(amount: str, account: AccountInLock) -> int:
    try:
        minor = parse_money(amount, account.currency)
    except NotAnAmount as error:
        raise Invalid(error.message, reasons=[Reason("not_an_amount", error.message, field="amount")]) from error
    if minor <= 0:
        message = "Name an amount of more than 0."
        raise Invalid(message, reasons=[Reason("amount_not_positive", message, field="amount")])
    return minor


def approve(tx: Transaction, *, request_id: UUID, actor: Actor, now: datetime, note: str = "") -> Request:
    """Give back what is asked, as far as it is refundable at this moment. Raises NotFound, NotAllowedNow, Refused."""
    request, account = _lock(tx, request_id, actor)
    refundable = read_refundable(tx, account, request.booking_id, now=now)
    fire(tx.batch, CHART, request, "approve", actor=actor, now=now, reason=note, refundable=refundable,
         today=account.today(now),
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
JOIN term_booking b ON b.organisation_id = r.organisation_id AND b.id = r.booking_id
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


_SOURCES = """
SELECT p.id, p.account_id, p.reference, p.provider, p.currency,
       (p.amount_minor - p.disputed_minor - a.minor - w.minor)::bigint AS free_minor,
       (w.minor - r.minor)::bigint AS landed_minor
FROM payment p
JOIN term_booking_order o ON o.organisation_id = p.organisation_id AND o.id = p.order_id
CROSS JOIN LATERAL (SELECT coalesce(sum(x.amount_minor), 0) AS minor FROM payment_allocation x
                    WHERE x.organisation_id = p.organisation_id AND x.payment_id = p.id) a
CROSS JOIN LATERAL (SELECT coalesce(sum(x.moved_minor), 0) AS minor FROM wallet_entry x
                    WHERE x.organisation_id = p.organisation_id AND x.payment_id = p.id) w
CROSS JOIN LATERAL (SELECT coalesce(sum(x.amount_minor), 0) AS minor FROM refund x
                    WHERE x.organisation_id = p.organisation_id AND x.payment_id = p.id AND x.status <> 'FAILED') r
WHERE p.organisation_id = %(org)s AND o.booking_id = %(booking_id)s AND p.status = 'SUCCESS'
ORDER BY p.created_at DESC, p.id DESC
"""


def read_refundable(tx: Transaction, account: AccountInLock, booking_id: UUID, *, now: datetime) -> Refundable:
    """What of the booking's payments can go back; the caller holds the lock of the account."""
    wallet: Wallet = lock_wallets(tx, [account.id], now=now)[account.id]
    rows = tx.rows(_SOURCES, booking_id=booking_id)
    debits = read_debits(tx, [row["id"] for row in rows if row["provider"] == WALLET])
    sources = [Source(row, row["free_minor"], row["landed_minor"], debits.get(row["id"])) for row in rows]
    return Refundable(sources, wallet.balance_minor, lambda n: format_money(n, account.currency, account.locale))
