"""What an order does with the booking that it made for attendance only: approve it, or end it with itself."""

from datetime import date, datetime
from typing import Any

from billing.credits import plan_credit
from engine.actor import SYSTEM, Actor
from engine.batch import Batch
from engine.fire import fire
from workflows.booking_facts import Enrolled
from workflows.booking_rows import Confirmation
from workflows.invoice_plan import plan_invoices
from workflows.order_facts import Order
from workflows.order_holdings import Holdings
from workflows.term_booking import CHART as BOOKING_CHART


def approve_booking(
    order: Order, *, batch: Batch, holdings: Holdings, made: Confirmation, enrolled: Enrolled, actor: Actor,
    now: datetime, **_: Any,
) -> None:  # fmt: skip
    """The booking that exists is confirmed with its order; its lines are what is invoiced. No second one is made."""
    assert holdings.billing is not None
    assert order.confirmation_type is not None
    booking = enrolled.booking
    plan = plan_invoices(order, holdings, now=now)
    booking.change(payment_state=plan.payment_state(holdings.paid_minor), confirmation_type=order.confirmation_type)
    fire(batch, BOOKING_CHART, booking, "approve", actor=actor if actor.is_admin else SYSTEM, now=now,
         reason=f"confirmed {order.reference}")  # fmt: skip
    made.booking = booking
    made.lines = {str(line.session_id): {"id": line.id} for line in enrolled.lines}
    order.change(confirmation_type=order.confirmation_type)


def end_its_booking(
    order: Order, *, batch: Batch, enrolled: Enrolled, ends_by: str, last_day: date | None, actor: Actor,
    now: datetime, reason: str, is_muted: bool, change: Any = None, shown_fingerprint: str = "", **_: Any,
) -> None:  # fmt: skip
    """The booking ends with its order, by its own rules: it is cancelled, or closed where nothing of it stays."""
    leaving = enrolled.to_come(now)
    if last_day is not None:
        leaving = [line for line in leaving if line.day > last_day]
        enrolled.booking.change(closes_on=last_day)
    enrolled.booking.change(billing_id=order.billing_id, total_minor=0)
    fire(
        batch, BOOKING_CHART, enrolled.booking, ends_by, actor=actor, now=now, reason=reason, is_muted=is_muted,
        changes={"sessions": [str(line.session_id) for line in leaving]}, enrolled=enrolled, leaving=leaving,
        credit=plan_credit((), (), ()), why="CLOSED" if ends_by == "close" else "CANCELED", last_day=last_day,
        change=change, shown_fingerprint=shown_fingerprint,
    )  # fmt: skip
