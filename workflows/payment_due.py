"""What a family is asked for at this moment, and by when: said before a payment is started, without a lock.

It is the amount that `payments.start_payment` asks for; that one reads it again under the order's lock.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from uuid import UUID

from engine.actor import Actor
from engine.database import Transaction
from models import TermBookingConfirmationType, TermBookingStatus
from workflows.order_facts import Order, local_day, read_orders
from workflows.order_holdings import Holdings, read_holdings_together
from workflows.order_schedule import SCHEDULED
from workflows.payment_use import Owed, due_minor, open_minor, read_owed_together
from workflows.payments import is_payable_online


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is to be paid for an order. Amounts are minor units.

    `by` is the local day by which `amount_minor` is due; None before the confirmation, where the hold's end counts.
    """

    order_id: UUID
    account_id: UUID
    amount_minor: int
    open_minor: int
    by: date | None
    is_overdue: bool
    is_moving: bool  # a payment is in its provider's hands
    is_collected: bool  # on that day, from the family's bank account

    @property
    def is_payable(self) -> bool:
        return not self.is_moving and not self.is_collected


def read_due(tx: Transaction, order_ids: Sequence[UUID], *, actor: Actor, now: datetime) -> dict[UUID, Due]:
    """Of these orders those of which something is to be paid, by their id; other families' are left out."""
    orders = [order for order in read_orders(tx, order_ids)
              if actor.may_see_account(order.account_id) and is_payable_online(order)]  # fmt: skip
    owed = read_owed_together(tx, orders)
    found = {}
    for order, holdings in _with_holdings(tx, orders):
        due = _due(order, holdings, owed[order.id], today=local_day(now, order))
        if due.amount_minor:
            found[order.id] = due
    return found


def _with_holdings(tx: Transaction, orders: Sequence[Order]) -> Iterator[tuple[Order, Holdings]]:
    """What orders of one account hold is read in one statement."""
    by_account = sorted(orders, key=lambda order: order.account_id)
    for _, group in groupby(by_account, key=lambda order: order.account_id):
        own = list(group)
        yield from zip(own, read_holdings_together(tx, own), strict=True)


def _due(order: Order, holdings: Holdings, owed: Owed, *, today: date) -> Due:
    by = _due_on(order, holdings, owed) if order.status is TermBookingStatus.APPROVED else None
    by_debit = order.confirmation_type is TermBookingConfirmationType.DIRECT_DEBIT
    return Due(
        order_id=order.id, account_id=order.account_id, amount_minor=due_minor(order, holdings, owed, today=today),
        open_minor=open_minor(order, holdings, owed), by=by, is_overdue=by is not None and by < today,
        is_moving=holdings.has_money_moving, is_collected=by_debit and by is not None and by > today,
    )  # fmt: skip


def _due_on(order: Order, holdings: Holdings, owed: Owed) -> date | None:
    """The day of the first part that is not paid; without a schedule that of the first open invoice."""
    schedule = holdings.schedule_for(order) if order.confirmation_type in SCHEDULED else None
    reached_minor = 0
    for part in sorted(schedule.parts, key=lambda part: part.due_on) if schedule else ():
        reached_minor += part.amount_minor
        if reached_minor > holdings.paid_minor:
            return part.due_on
    days = [date.fromisoformat(invoice["due_on"]) for invoice in owed.invoices if invoice["due_on"]]
    return min(days, default=None)
