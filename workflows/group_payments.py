"""Paying for a group order at once: one checkout, or one sum by hand, and a payment for each of its orders."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from billing.gateways.protocol import Gateway
from billing.wallet import WalletTooLow, lock_wallets
from engine.actor import Actor
from engine.database import Database, Row, Transaction
from engine.errors import Invalid, Reason
from engine.ids import new_id
from engine.money import format_money
from models import Payment, PaymentStatus, TermBookingStatus
from workflows.group_facts import Group, lock_group
from workflows.order_effects import local_day
from workflows.order_facts import Order
from workflows.order_holdings import read_holdings
from workflows.payment_use import AWAITING_PAYMENT, due_minor, read_owed
from workflows.payments import (
    MANUAL,
    NothingDue,
    NotPayable,
    StartedPayment,
    is_for,
    is_payable_online,
    open_page,
    payment_row,
    read_open,
    record_manual_payment,
    refuse_while_moving,
)
from workflows.wallet import NothingInWallet, pay_order

# An order with what it requires now, in minor units.
Due = tuple[Order, int]


def start_group_payment(
    tx: Transaction, *, group_order_id: UUID, provider: str, actor: Actor, now: datetime
) -> StartedPayment:  # fmt: skip
    """Ask for exactly what all orders of the group require that can be paid online; a checkout already open for just
    that is given again.

    Raises NotFound, NotAllowedNow (not submitted), NotPayable, NothingDue, PaymentMoving.
    """
    group, locked = lock_group(tx, group_order_id, "pay", actor=actor, of_submitted=True)
    payable = [order for order in locked.values() if is_payable_online(order)]
    if not payable:
        raise NotPayable(f"No order of {group.reference} can be paid online now.")
    due = _due(tx, group, payable, now)
    opened = {order.id: read_open(tx, order) for order, _ in due}
    if again := _open_for(due, opened, provider):
        return _started(group, due, again)
    for order, _ in due:
        refuse_while_moving(order, opened[order.id])
    checkout_id = new_id()
    rows = [
        payment_row(order, amount_minor=amount, provider=provider, status=PaymentStatus.PENDING, actor=actor, now=now)
        | {"checkout_id": checkout_id} for order, amount in due
    ]  # fmt: skip
    tx.batch.add(Payment, rows)
    return _started(group, due, rows[0])


def _due(tx: Transaction, group: Group, orders: Sequence[Order], now: datetime) -> list[Due]:
    """What each order requires, read after the lock; those that require nothing are left out."""
    found = [(order, due_minor(order, read_holdings(tx, order), read_owed(tx, order), today=local_day(now, order)))
             for order in orders]  # fmt: skip
    due = [(order, amount) for order, amount in found if amount]
    if not due:
        raise NothingDue(f"Everything that {group.reference} requires is paid.")
    return due


def _open_for(due: Sequence[Due], opened: dict[UUID, list[Row]], provider: str) -> Row | None:
    """A payment of an open checkout that asks for just this of just these orders."""
    checkouts = [
        {row["checkout_id"]: row for row in opened[order.id]
         if row["checkout_id"] is not None and is_for(row, order, provider=provider, amount_minor=amount)}
        for order, amount in due
    ]  # fmt: skip
    shared = set.intersection(*(set(each) for each in checkouts))
    return next((row for checkout_id, row in checkouts[0].items() if checkout_id in shared), None)


def _started(group: Group, due: Sequence[Due], row: Row) -> StartedPayment:
    # The description names no child: it goes to a stranger.
    organisation = due[0][0].organisation
    return StartedPayment(
        payment_id=row["checkout_id"], reference=group.reference, amount_minor=sum(amount for _, amount in due),
        currency=organisation["currency"], key=str(row["checkout_id"]),
        description=f"{organisation['name']}: {group.reference}", status=PaymentStatus(row["status"]),
        external_id=row.get("external_id"), checkout_url=row.get("checkout_url"),
    )  # fmt: skip


def open_group_checkout(
    database: Database, organisation_id: UUID, gateway: Gateway, *, group_order_id: UUID, actor: Actor,
    return_url: str, webhook_url: str | None, now: datetime,
) -> StartedPayment:  # fmt: skip
    """Start the payment of a group order and open its page; safe to repeat. Raises what `open_checkout` raises."""
    return open_page(
        database, organisation_id, gateway, return_url=return_url, webhook_url=webhook_url, now=now,
        start=lambda tx: start_group_payment(
            tx, group_order_id=group_order_id, provider=gateway.name, actor=actor, now=now
        ),
    )  # fmt: skip


def record_group_payment(
    tx: Transaction, *, group_order_id: UUID, amount_minor: int, reason: str, actor: Actor, now: datetime,
    provider: str = MANUAL,
) -> list[UUID]:  # fmt: skip
    """Record a sum that has come in for the whole group: exactly what its orders require. Returns the payments.

    Raises NotFound, NotAllowedNow, NotPermitted, Invalid, NothingDue, PaymentMoving.
    """
    group, locked = lock_group(tx, group_order_id, "pay", actor=actor, of_submitted=True)
    awaited = (*AWAITING_PAYMENT, TermBookingStatus.APPROVED)
    due = _due(tx, group, [order for order in locked.values() if order.status in awaited], now)
    total_minor = sum(amount for _, amount in due)
    if amount_minor != total_minor:
        organisation = due[0][0].organisation
        total = format_money(total_minor, organisation["currency"], organisation["locale"])
        message = f"All orders of {group.reference} require {total}; record another sum with the order it is for."
        raise Invalid(message, reasons=[
            Reason("amount_not_open", message, field="amount_minor", facts={"due_minor": total_minor})])  # fmt: skip
    recorded = []
    for order, amount in due:
        payment_id, _ = record_manual_payment(
            tx, order_id=order.id, amount_minor=amount, reason=reason, actor=actor, now=now, provider=provider
        )
        recorded.append(payment_id)
        tx.flush()
    return recorded


def pay_group_from_wallet(
    tx: Transaction, *, group_order_id: UUID, actor: Actor, now: datetime, as_far_as_it_goes: bool = False
) -> list[UUID]:
    """Pay all that the orders of a group require from the family's wallet: all of them, or none; `as_far_as_it_goes`
    one order after the other until the wallet is empty, the rest is paid another way. Returns the payments.

    Raises NotFound, NotAllowedNow (not submitted), NotPayable, NothingDue, PaymentMoving, WalletTooLow,
    NothingInWallet.
    """
    group, locked = lock_group(tx, group_order_id, "pay", actor=actor, of_submitted=True)
    payable = [order for order in locked.values() if is_payable_online(order)]
    if not payable:
        raise NotPayable(f"No order of {group.reference} can be paid online now.")
    due = _due(tx, group, payable, now)
    account_id = due[0][0].account_id
    available = lock_wallets(tx, [account_id], now=now)[account_id].available_minor(now)
    total_minor = sum(amount for _, amount in due)
    if as_far_as_it_goes and not available:
        raise NothingInWallet(f"There is nothing in the wallet of {due[0][0].account['name']}.")
    if available < total_minor and not as_far_as_it_goes:
        raise WalletTooLow("The wallet does not hold what all of it requires.", available_minor=available,
                           asked_minor=total_minor)  # fmt: skip
    paid = []
    for order, amount in due:
        taken_minor = min(amount, available)
        if not taken_minor:
            break
        paid.append(pay_order(tx, order_id=order.id, amount_minor=taken_minor, actor=actor, now=now).payment_id)
        available -= taken_minor
        tx.flush()
    return paid
