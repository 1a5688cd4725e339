"""How a confirmation is invoiced: at once, or on the invoices that are planned for its periods."""

from datetime import datetime
from typing import Any
from uuid import UUID

from engine.batch import Batch
from workflows.booking_rows import Confirmation
from workflows.invoice_plan import plan_invoices, schedule_lines
from workflows.order_confirmation import write_invoice
from workflows.order_facts import Order
from workflows.order_holdings import Holdings
from workflows.subscription_facts import Subscribed


def write_invoices(
    order: Order, *, batch: Batch, holdings: Holdings, made: Confirmation, now: datetime,
    subscription: Subscribed | None = None, **_: Any,
) -> None:  # fmt: skip
    """Each confirmed line is invoiced or scheduled."""
    assert made.booking is not None
    assert made.lines is not None
    plan = plan_invoices(order, holdings, now=now, subscription=subscription)
    if plan.at_once:
        write_invoice(order, batch=batch, holdings=holdings, made=made, lines=plan.at_once, now=now)
    of = made.lines
    later = {
        planned: [UUID(str(of[session]["id"])) for session in sessions] for planned, sessions in plan.later.items()
    }
    schedule_lines(batch, later, booking_id=made.booking.id)
