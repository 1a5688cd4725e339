"""Payments from our side: start one, send the payer to its provider, record one that came another way.

A payment is committed with its key (its own id) before any provider hears of it. No network call stands inside a
transaction: commit the payment, call the provider, attach its answer. What the provider tells later is applied by
`workflows.payment_events`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.gateways.protocol import Gateway, GatewayOutcomeUnknown, GatewayRefused
from engine.actor import Actor
from engine.database import Database, Row, Transaction
from engine.errors import Conflict, Invalid, NotPermitted, Reason
from engine.ids import new_id, new_reference
from engine.money import format_money
from models import ActorKind, Payment, PaymentStatus, TermBookingStatus
from workflows.order_effects import local_day
from workflows.order_facts import Order, lock_order
from workflows.order_holdings import read_holdings
from workflows.payment_use import (
    AWAITING_PAYMENT,
    CONFIRMED_BY_PAYMENT,
    Captured,
    Use,
    capture,
    due_minor,
    open_minor,
    read_owed,
)

MANUAL = "manual"
# How money comes that no provider tells of: over the desk, by transfer, or otherwise.
CASH, BANK = "cash", "bank"
BY_HAND = frozenset({MANUAL, CASH, BANK})


class NotPayable(Conflict):
    """Nothing can be paid for the order as it stands."""

    code = "not_payable"


class NothingDue(Conflict):
    """Everything that the order or its invoices require is paid."""

    code = "nothing_due"


class PaymentMoving(Conflict):
    """Another payment for the order is in its provider's hands at this moment."""

    code = "payment_moving"


@dataclass(frozen=True, slots=True)
class StartedPayment:
    """A payment that waits for its payer; `key` is what the provider knows it by. Amounts are minor units.

    Of several orders that are paid at once it is their checkout: its id, and the sum of their payments.
    """

    payment_id: UUID
    reference: str
    amount_minor: int
    currency: str
    key: str
    description: str
    status: PaymentStatus
    external_id: str | None = None
    checkout_url: str | None = None


def start_payment(tx: Transaction, *, order_id: UUID, provider: str, actor: Actor, now: datetime) -> StartedPayment:
    """Ask for exactly what is required, at the price the order has now; a payment already open for it is given again.

    Raises NotFound (not this actor's order), NotPayable, NothingDue, PaymentMoving.
    """
    order = lock_order(tx, order_id, actor=actor)
    refuse_unless_payable_online(order)
    due = _due(tx, order, now)
    opened = read_open(tx, order)
    for row in opened:
        if row["checkout_id"] is None and is_for(row, order, provider=provider, amount_minor=due):
            return _started(order, row)
    refuse_while_moving(order, opened)
    if not due:
        raise NothingDue(f"Everything that {order.reference} requires is paid.")
    row = payment_row(order, amount_minor=due, provider=provider, status=PaymentStatus.PENDING, actor=actor, now=now)
    tx.batch.add(Payment, [row])
    return _started(order, row)


def attach_checkout(
    tx: Transaction, *, payment_id: UUID, external_id: str, checkout_url: str, now: datetime
) -> None:  # fmt: skip
    """Remember where the payer pays, in the payment or in all of a checkout. Attaching it again changes nothing.

    Raises Conflict when the payment has another checkout already.
    """
    attached = tx.run(
        "UPDATE payment SET external_id = %(external_id)s, checkout_url = %(url)s, updated_at = %(now)s "
        "WHERE organisation_id = %(org)s AND (id = %(id)s OR checkout_id = %(id)s) "
        "AND coalesce(external_id, %(external_id)s) = %(external_id)s",
        id=payment_id, external_id=external_id, url=checkout_url, now=now,
    )  # fmt: skip
    if not attached:
        raise Conflict("The payment has another checkout already.")


def open_checkout(
    database: Database, organisation_id: UUID, gateway: Gateway, *, order_id: UUID, actor: Actor, return_url: str,
    webhook_url: str | None, now: datetime,
) -> StartedPayment:  # fmt: skip
    """Start a payment and open its page at the provider; safe to repeat at any point, with the same payment and key.

    Raises what `start_payment` raises, GatewayUnreachable, GatewayRefused, and GatewayOutcomeUnknown when the provider
    did not answer twice: the payment waits then, and the next call asks again with its key.
    """
    return open_page(
        database, organisation_id, gateway, return_url=return_url, webhook_url=webhook_url, now=now,
        start=lambda tx: start_payment(tx, order_id=order_id, provider=gateway.name, actor=actor, now=now),
    )  # fmt: skip


def open_page(
    database: Database, organisation_id: UUID, gateway: Gateway, *, start: Callable[[Transaction], StartedPayment],
    return_url: str, webhook_url: str | None, now: datetime,
) -> StartedPayment:  # fmt: skip
    """Commit what `start` makes, then open its page at the provider. Raises what `open_checkout` raises."""
    started = database.run(organisation_id, start)
    if started.checkout_url is not None:
        return started

    def ask() -> tuple[str, str]:
        made = gateway.create_checkout(
            key=started.key, amount_minor=started.amount_minor, currency=started.currency,
            description=started.description, return_url=return_url, webhook_url=webhook_url,
            merchant=str(organisation_id),
        )  # fmt: skip
        return made.external_id, made.url

    try:
        try:
            external_id, url = ask()
        except GatewayOutcomeUnknown:
            external_id, url = ask()
    except GatewayRefused as refusal:
        reason = refusal.message
        database.run(organisation_id, lambda tx: _give_up(tx, started.payment_id, reason=reason, now=now))
        raise
    database.run(
        organisation_id,
        lambda tx: attach_checkout(
            tx, payment_id=started.payment_id, external_id=external_id, checkout_url=url, now=now
        ),
    )
    return StartedPayment(
        started.payment_id, started.reference, started.amount_minor, started.currency, started.key,
        started.description, started.status, external_id, url,
    )  # fmt: skip


def record_manual_payment(
    tx: Transaction, *, order_id: UUID, amount_minor: int, reason: str, actor: Actor, now: datetime,
    provider: str = MANUAL,
) -> tuple[UUID, Use]:  # fmt: skip
    """Record cash or a transfer that has come in, up to what is open; it confirms or settles at once where it suffices.

    A part of it stops the order's timeout and goes to finance's list. `provider` is one of BY_HAND: it says where the
    money is. Returns the payment and what became of it. Raises NotFound, NotPermitted, Invalid (no reason, not an
    amount up to what is open), NotPayable, PaymentMoving.
    """
    if actor.kind not in (ActorKind.ADMIN, ActorKind.FINANCE):
        raise NotPermitted("Payments are recorded by admins and finance.")
    order = lock_order(tx, order_id, actor=actor)
    if order.status not in (*AWAITING_PAYMENT, TermBookingStatus.APPROVED):
        raise NotPayable(f"{order.reference} is {order.status.name.lower()}: no payment can be recorded for it.")
    holdings = read_holdings(tx, order, with_lines=True)
    refuse_while_moving(order, holdings.payments)
    due = open_minor(order, holdings, read_owed(tx, order))
    _check_manual(order, amount_minor=amount_minor, due=due, reason=reason)
    row = payment_row(
        order, amount_minor=amount_minor, provider=provider, status=PaymentStatus.SUCCESS, actor=actor, now=now
    )
    tx.batch.add(Payment, [row | {"note": reason.strip()}])
    holdings.payments.append({"id": row["id"], "status": "SUCCESS", "amount_minor": amount_minor, "disputed_minor": 0,
                              "allocated_minor": 0, "moved_minor": 0})  # fmt: skip
    money = Captured(
        payment_id=row["id"], reference=row["reference"], provider=provider, external_id=None,
        asked_minor=amount_minor, amount_minor=amount_minor, currency=row["currency"], fingerprint=row["fingerprint"],
    )  # fmt: skip
    return row["id"], capture(tx, order, holdings, money=money, now=now)


def _check_manual(order: Order, *, amount_minor: int, due: int, reason: str) -> None:
    reasons = []
    if not reason.strip():
        reasons.append(Reason("reason_missing", "Say how the money came in.", field="reason"))
    if not 0 < amount_minor <= due:
        shown = format_money(due, order.organisation["currency"], order.organisation["locale"])
        message = f"Say how much came in: more than 0, and at most {shown}, which {order.reference} still requires."
        reasons.append(Reason("amount_not_open", message, field="amount_minor", facts={"due_minor": due}))
    if reasons:
        raise Invalid(f"No payment is recorded for {order.reference}.", reasons=reasons)


def is_payable_online(order: Order) -> bool:
    """Whether families pay it themselves, as it stands."""
    awaits = order.status in AWAITING_PAYMENT and order.confirmation_type in CONFIRMED_BY_PAYMENT
    return awaits or order.status is TermBookingStatus.APPROVED


def refuse_unless_payable_online(order: Order) -> None:
    if not is_payable_online(order):
        raise NotPayable(
            f"{order.reference} is {order.status.name.lower()}: it cannot be paid online now.", status=order.status.name
        )


def refuse_while_moving(order: Order, payments: list[Row]) -> None:
    if any(row["status"] == PaymentStatus.PROCESSING for row in payments):
        raise PaymentMoving(f"A payment for {order.reference} is being processed; its outcome is awaited.")


def _due(tx: Transaction, order: Order, now: datetime) -> int:
    """What the order requires now, read after its lock."""
    return due_minor(order, read_holdings(tx, order), read_owed(tx, order), today=local_day(now, order))


_OPEN = """
SELECT id, reference, amount_minor, currency, provider, fingerprint, status, external_id, checkout_url, checkout_id
FROM payment WHERE organisation_id = %(org)s AND order_id = %(order_id)s AND status IN ('PENDING', 'PROCESSING')
ORDER BY created_at DESC, id DESC
"""


def read_open(tx: Transaction, order: Order) -> list[Row]:
    """The payments of an order that are not at their end, the newest first."""
    return tx.rows(_OPEN, order_id=order.id)


def is_for(row: Row, order: Order, *, provider: str, amount_minor: int) -> bool:
    """Whether an open payment asks for just this, at the price that the order has now."""
    asked = (row["provider"], row["fingerprint"], row["amount_minor"])
    return asked == (provider, order.price_fingerprint, amount_minor)


def payment_row(
    order: Order, *, amount_minor: int, provider: str, status: PaymentStatus, actor: Actor, now: datetime
) -> Row:  # fmt: skip
    return {
        "id": new_id(), "reference": new_reference("PM"), "account_id": order.account_id, "order_id": order.id,
        "billing_id": order.billing_id, "amount_minor": amount_minor, "currency": order.organisation["currency"],
        "provider": provider, "status": status.value, "fingerprint": order.price_fingerprint,
        "started_by": actor.user_id, "note": "", "created_at": now, "updated_at": now,
    }  # fmt: skip


def _started(order: Order, row: Row) -> StartedPayment:
    # The description names no child: it goes to a stranger.
    return StartedPayment(
        payment_id=row["id"], reference=row["reference"], amount_minor=row["amount_minor"], currency=row["currency"],
        key=str(row["id"]), description=f"{order.organisation['name']}: {order.reference}",
        status=PaymentStatus(row["status"]), external_id=row.get("external_id"), checkout_url=row.get("checkout_url"),
    )  # fmt: skip


def _give_up(tx: Transaction, payment_id: UUID, *, reason: str, now: datetime) -> None:
    """The provider refused to open a page: nobody can pay this any more, and the next start takes a new key."""
    tx.run(
        "UPDATE payment SET status = 'FAILED', failure_reason = %(reason)s, updated_at = %(now)s "
        "WHERE organisation_id = %(org)s AND (id = %(id)s OR checkout_id = %(id)s) AND status = 'PENDING' "
        "AND external_id IS NULL",
        id=payment_id, reason=reason, now=now,
    )  # fmt: skip
