"""What captured money does for its order: confirms it, settles its invoices, or stays the family's credit.

The caller holds the order's lock, has written the payment into the batch and into `holdings` as captured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from billing.ledger import Posting, payment_captured, post, wallet_moved
from engine.actor import SYSTEM
from engine.batch import Batch, FollowUp, Guarded
from engine.database import Row, Transaction
from engine.fire import MovedMeanwhile, Refused, announce
from engine.ids import new_id
from models import PaymentReview, PaymentReviewKind, PaymentState, TermBookingConfirmationType, TermBookingStatus
from workflows import change_order
from workflows.booking_rows import settle_invoice
from workflows.free_money import return_unused
from workflows.order_confirmation import is_condition_met, required_minor
from workflows.order_effects import disarm_timers, local_day
from workflows.order_facts import Order
from workflows.order_guards import TIMEOUT
from workflows.order_holdings import Holdings
from workflows.order_schedule import SCHEDULED
from workflows.term_booking_order import confirm_locked, revive_locked
from workflows.wallet_debits import WALLET, state_follows

# The confirmation types whose condition a payment can meet.
CONFIRMED_BY_PAYMENT = frozenset(
    {TermBookingConfirmationType.PAY_NOW_PAY_ALL, TermBookingConfirmationType.PAY_NOW_PAY_DEPOSIT}
)
AWAITING_PAYMENT = frozenset(
    {TermBookingStatus.SUBMITTED, TermBookingStatus.ACCEPT, TermBookingStatus.ATTENDANCE_APPROVED}
)


class Use(StrEnum):
    """What became of captured money."""

    CONFIRMED = "CONFIRMED"  # it confirmed the order
    REVIVED = "REVIVED"  # it came too late, brought the timed-out order back and confirmed it
    SETTLED = "SETTLED"  # it settled the booking's invoices
    HELD = "HELD"  # the family's credit; the order waits for more, or for finance, without a timeout
    NOT_REVIVED = "NOT_REVIVED"  # the family's credit; it came too late, and the order could not be brought back
    CREDITED = "CREDITED"  # the family's credit; the order has no use for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Money that came in. It is `as_asked` when the provider captured what the payment asked for."""

    payment_id: UUID
    reference: str
    provider: str
    external_id: str | None
    asked_minor: int
    amount_minor: int
    currency: str
    fingerprint: str
    invoice_id: UUID | None = None  # that it is for; else the oldest that is open
    bonus_minor: int = 0  # of what came from the wallet

    @property
    def is_as_asked(self) -> bool:
        return self.amount_minor == self.asked_minor

    @property
    def is_from_wallet(self) -> bool:
        return self.provider == WALLET

    @property
    def postings(self) -> list[Posting]:
        """Where it came from; until it is used it is the family's credit."""
        if not self.is_from_wallet:
            return payment_captured(amount_minor=self.amount_minor, provider=self.provider)
        return wallet_moved(balance_minor=self.bonus_minor - self.amount_minor, bonus_minor=-self.bonus_minor)


@dataclass(frozen=True, slots=True)
class Owed:
    """What a booking is invoiced and has not settled, oldest invoice first."""

    booking_id: UUID | None
    payment_state: PaymentState | None
    invoices: list[Row]

    @property
    def open_minor(self) -> int:
        return sum(invoice["open_minor"] for invoice in self.invoices)


_OWED = """
SELECT b.id, b.payment_state,
    (SELECT json_agg(i ORDER BY i.issued_at, i.number) FROM (
        SELECT v.id, v.issued_at, v.number, v.due_on, v.total_minor
            - coalesce((SELECT sum(a.amount_minor) FROM payment_allocation a
                        WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id), 0)
            - coalesce((SELECT sum(c.amount_minor) FROM credit_allocation c
                        WHERE c.organisation_id = v.organisation_id AND c.invoice_id = v.id), 0) AS open_minor
        FROM invoice v
        WHERE v.organisation_id = b.organisation_id AND v.booking_id = b.id AND v.series = 'INV') i
     WHERE i.open_minor > 0) AS invoices
FROM term_booking b WHERE b.organisation_id = %(org)s AND b.id = %(booking_id)s
"""


def read_owed(tx: Transaction, order: Order) -> Owed:
    """What the booking of a confirmed order owes; nothing for an order without one."""
    row = tx.row(_OWED, booking_id=order.booking_id) if order.booking_id else None
    if row is None:
        return Owed(None, None, [])
    return Owed(row["id"], PaymentState(row["payment_state"]), row["invoices"] or [])


_OWED_TOGETHER = _OWED.replace("b.id = %(booking_id)s", "b.id = ANY(%(booking_ids)s)")


def read_owed_together(tx: Transaction, orders: Sequence[Order]) -> dict[UUID, Owed]:
    """The same of several orders, by their id."""
    booking_ids = [order.booking_id for order in orders if order.booking_id]
    rows = tx.rows(_OWED_TOGETHER, booking_ids=booking_ids) if booking_ids else []
    by_booking = {row["id"]: Owed(row["id"], PaymentState(row["payment_state"]), row["invoices"] or []) for row in rows}
    nothing = Owed(None, None, [])
    return {order.id: by_booking.get(order.booking_id, nothing) if order.booking_id else nothing for order in orders}


def open_minor(order: Order, holdings: Holdings, owed: Owed) -> int:
    """What can still be paid, in minor units: of the Billing before the confirmation, of the invoices after it."""
    if order.status is TermBookingStatus.APPROVED:
        return max(owed.open_minor - sum(free for _, free in _free(holdings)), 0)
    return max(_asked_minor(order, holdings) - holdings.paid_minor, 0)


def _asked_minor(order: Order, holdings: Holdings) -> int:
    """What is to be paid before the confirmation: all that it costs, or what a change adds."""
    if order.change_due_minor is not None:
        return order.change_due_minor
    return holdings.billing["total_minor"] if holdings.billing else 0


def due_minor(order: Order, holdings: Holdings, owed: Owed, *, today: date) -> int:
    """What a family is asked for now, in minor units: before the confirmation what that requires, then what is open.

    By a schedule it is what is due by today; where that is paid, whoever wants to pay earlier pays all that is left.
    """
    is_open = open_minor(order, holdings, owed)
    if order.status is not TermBookingStatus.APPROVED:
        return min(max(required_minor(order, holdings) - holdings.paid_minor, 0), is_open)
    schedule = holdings.schedule_for(order) if order.confirmation_type in SCHEDULED else None
    # What was credited comes off the last parts, so what is due by today never exceeds what is open.
    overdue = schedule.due_minor(today) - holdings.paid_minor if schedule else 0
    return min(overdue, is_open) if overdue > 0 else is_open


def capture(tx: Transaction, order: Order, holdings: Holdings, *, money: Captured, now: datetime) -> Use:
    """Post captured money and use it; finance is told of money that could not do what it was paid for."""
    post(tx.batch, source_kind="PAYMENT", source_id=money.payment_id, purpose="CAPTURED", account_id=order.account_id,
         postings=money.postings, posted_on=local_day(now, order), now=now)  # fmt: skip
    use = _use(tx, order, holdings, money, now)
    # What nothing waits for any more is the family's to spend; and a booking says what was debited for it.
    if order.status not in AWAITING_PAYMENT or money.is_from_wallet:
        tx.batch.follow_up(FollowUp(return_unused, now), [order.id])
    kind = _to_review(order, holdings, money, use)
    if kind is not None:
        review(tx.batch, kind, money, now=now)
    return use


def _use(tx: Transaction, order: Order, holdings: Holdings, money: Captured, now: datetime) -> Use:
    if order.status is TermBookingStatus.APPROVED and money.is_as_asked:
        return _settle(tx, order, holdings, money, now)
    if order.is_change and order.status is TermBookingStatus.SUBMITTED:
        return _use_for_change(tx, order, holdings, money, now)
    if _confirms(order, holdings, money):
        made = confirm_locked(tx, order, actor=SYSTEM, now=now, reason=f"paid by {money.reference}", holdings=holdings)
        if made.kept_price:
            review(tx.batch, PaymentReviewKind.COMPANION_NOT_MADE, money, now=now)
        return Use.CONFIRMED
    if _may_revive(order, holdings, money):
        return _revive(tx, order, holdings, money, now)
    if order.status in AWAITING_PAYMENT and money.is_from_wallet:
        return Use.HELD  # the family pays the rest another way, before the same timeout
    _tell(tx.batch, "payment.credited", order, money, now, amount_minor=money.amount_minor)
    if order.status in AWAITING_PAYMENT:
        # A part payment stops the clock: finance decides, no timeout (DOMAIN §3).
        disarm_timers(order, batch=tx.batch, holdings=holdings, now=now)
        return Use.HELD
    return Use.CREDITED


def _use_for_change(tx: Transaction, order: Order, holdings: Holdings, money: Captured, now: datetime) -> Use:
    """Money confirms a change at the difference that it was paid for; where that is another by now, finance decides."""
    if money.is_as_asked and order.confirmation_type in CONFIRMED_BY_PAYMENT:
        try:
            change_order.confirm_locked(
                tx, order, shown_fingerprint=money.fingerprint, actor=SYSTEM, now=now,
                reason=f"paid by {money.reference}", holdings=holdings,
            )  # fmt: skip
            return Use.CONFIRMED
        except Refused:
            pass
    if money.is_from_wallet:
        return Use.HELD
    _tell(tx.batch, "payment.credited", order, money, now, amount_minor=money.amount_minor)
    disarm_timers(order, batch=tx.batch, holdings=holdings, now=now)
    return Use.HELD


def _confirms(order: Order, holdings: Holdings, money: Captured) -> bool:
    return (
        order.status in AWAITING_PAYMENT
        and order.confirmation_type in CONFIRMED_BY_PAYMENT
        and money.is_as_asked
        and money.fingerprint == order.price_fingerprint
        and not list(is_condition_met(order, holdings=holdings, actor=SYSTEM, reason=""))
    )


def _may_revive(order: Order, holdings: Holdings, money: Captured) -> bool:
    """It pays what an order asked for that ran out of time; whether there is room is for the order's own rules."""
    return (
        order.status is TermBookingStatus.CANCELED
        and order.cancel_reason == TIMEOUT
        and not order.is_change
        and order.confirmation_type in CONFIRMED_BY_PAYMENT
        and money.is_as_asked
        and holdings.paid_minor >= _required_then(order, holdings)
    )


def _required_then(order: Order, holdings: Holdings) -> int:
    """What a cancelled order asked for before its confirmation: its deposit, or all of it."""
    by_deposit = order.confirmation_type is TermBookingConfirmationType.PAY_NOW_PAY_DEPOSIT
    schedule = holdings.schedule_for(order) if by_deposit else None
    return min(schedule.deposit_minor, order.total_minor) if schedule else order.total_minor


def _revive(tx: Transaction, order: Order, holdings: Holdings, money: Captured, now: datetime) -> Use:
    """Submit and confirm again; where a rule refuses it, the money is the family's credit and everyone is told."""
    reason = f"paid late by {money.reference}"
    try:
        agreed = holdings.schedule_for(order) if order.confirmation_type in SCHEDULED else None
        is_as_shown = revive_locked(
            tx, order, paid_fingerprint=money.fingerprint, now=now, reason=reason, agreed=agreed
        )
    except Refused as refusal:
        _tell(tx.batch, "order.not_revived", order, money, now, subject_id=order.id, amount_minor=money.amount_minor,
              reasons=[each.message for each in refusal.reasons])  # fmt: skip
        return Use.NOT_REVIVED
    made = confirm_locked(tx, order, actor=SYSTEM, now=now, reason=reason)
    if made.kept_price or not is_as_shown:
        review(tx.batch, PaymentReviewKind.COMPANION_NOT_MADE, money, now=now)
    return Use.REVIVED


_PAID = Guarded(
    name="booking_is_paid",
    sql="UPDATE term_booking t SET payment_state = 'PAID', updated_at = r.updated_at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.payment_state = r.from_state RETURNING t.id",
    takes="id uuid, from_state text, updated_at timestamptz",
)


def _settle(tx: Transaction, order: Order, holdings: Holdings, money: Captured, now: datetime) -> Use:
    settled = settle_open(tx, order, holdings, now=now, first_id=money.invoice_id)
    if settled:
        _tell(tx.batch, "payment.settled", order, money, now, amount_minor=settled)
    left = sum(free for _, free in _free(holdings)) - settled
    if left:
        _tell(tx.batch, "payment.credited", order, money, now, amount_minor=left, settled_minor=settled)
    return Use.SETTLED if settled else Use.CREDITED


def settle_open(
    tx: Transaction, order: Order, holdings: Holdings, *, now: datetime, first_id: UUID | None = None
) -> int:
    """Use every captured cent of the order for the open invoices of its booking, the oldest of each first; returns how
    much was used. Money collected for one invoice (`first_id`) settles that one first, though an older one be open.
    """
    owed = read_owed(tx, order)
    invoices = sorted(owed.invoices, key=lambda invoice: UUID(invoice["id"]) != first_id)
    shares = _shares(invoices, _free(holdings))
    for invoice_id, payment_id, amount in shares:
        settle_invoice(tx.batch, order, invoice_id=invoice_id, payment_id=payment_id, amount_minor=amount, now=now)
    settled = sum(amount for _, _, amount in shares)
    if settled and settled == owed.open_minor:
        assert owed.payment_state is not None
        tx.batch.guard(
            _PAID, [{"id": owed.booking_id, "from_state": owed.payment_state.value, "updated_at": now}],
            otherwise=lambda _: MovedMeanwhile(f"The booking of {order.reference} was settled meanwhile."),
        )  # fmt: skip
    elif settled and owed.booking_id and owed.payment_state is PaymentState.PENDING_PAYMENT:
        state_follows(tx.batch, [owed.booking_id], now=now)
    return settled


def _free(holdings: Holdings) -> list[tuple[UUID, int]]:
    """The captured payments of the order with what is left of each, oldest first."""
    left = [(UUID(str(p["id"])), p["amount_minor"] - p["disputed_minor"] - p["allocated_minor"])
            for p in holdings.payments if p["status"] == "SUCCESS"]  # fmt: skip
    return [(payment_id, free) for payment_id, free in left if free > 0]


def _shares(invoices: Sequence[Row], payments: Sequence[tuple[UUID, int]]) -> list[tuple[UUID, UUID, int]]:
    """Which payment settles how much of which invoice, in the order given."""
    shares = []
    open_minor = {UUID(invoice["id"]): invoice["open_minor"] for invoice in invoices}
    for payment_id, free in payments:
        for invoice_id, still_open in open_minor.items():
            amount = min(free, still_open)
            if amount:
                shares.append((invoice_id, payment_id, amount))
                open_minor[invoice_id] -= amount
                free -= amount
    return shares


def _to_review(order: Order, holdings: Holdings, money: Captured, use: Use) -> PaymentReviewKind | None:
    if not money.is_as_asked:
        return PaymentReviewKind.WRONG_AMOUNT
    if use is Use.NOT_REVIVED:
        return PaymentReviewKind.NOT_REVIVED
    if use is not Use.HELD or money.is_from_wallet:
        return None
    if money.fingerprint != order.price_fingerprint:
        return PaymentReviewKind.PRICE_CHANGED
    if holdings.paid_minor < (required_minor(order, holdings) or _asked_minor(order, holdings)):
        return PaymentReviewKind.PART_PAYMENT
    # A change that is paid and waits comes to something else by now.
    return PaymentReviewKind.PRICE_CHANGED if order.is_change else None


def review(batch: Batch, kind: PaymentReviewKind, money: Captured, *, now: datetime) -> None:
    """Put money on finance's list, and say so."""
    batch.add(
        PaymentReview,
        [{
            "id": new_id(), "kind": kind.value, "payment_id": money.payment_id, "provider": money.provider,
            "external_id": money.external_id, "asked_minor": money.asked_minor, "reported_minor": money.amount_minor,
            "reported_currency": money.currency, "created_at": now, "resolution": "",
        }],
    )  # fmt: skip
    announce(batch, "payment.review", now=now, kind=kind.value, payment_id=money.payment_id, reference=money.reference)


def _tell(batch: Batch, topic: str, order: Order, money: Captured, now: datetime, **facts: Any) -> None:
    announce(batch, topic, now=now, payment_id=money.payment_id, reference=money.reference, order_id=order.id,
             order_reference=order.reference, currency=money.currency, **facts)  # fmt: skip
