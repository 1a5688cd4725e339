"""How a confirmation is invoiced: at once, or, for the term of a subscription, by a schedule of its periods."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from engine.batch import Batch
from engine.ids import new_id
from models import InvoiceSchedule, ScheduledLine, ScheduledLineStatus, ScheduleStatus
from workflows.order_confirmation import Confirmation, write_invoice
from workflows.order_facts import Order
from workflows.order_holdings import Holdings
from workflows.subscription_facts import Subscribed
from workflows.subscription_periods import period_of


def write_invoices(
    order: Order, *, batch: Batch, holdings: Holdings, made: Confirmation, now: datetime,
    subscription: Subscribed | None = None, **_: Any,
) -> None:  # fmt: skip
    """Each confirmed line is invoiced or scheduled."""
    if subscription is None:
        write_invoice(order, batch=batch, holdings=holdings, made=made, now=now)
        return
    assert made.booking is not None
    assert made.lines is not None
    days = {line["term_product_id"]: date.fromisoformat(line["local_date"]) for line in holdings.lines}
    lines = [(UUID(str(line["id"])), days[session_id]) for session_id, line in made.lines.items()]
    _schedule(batch, subscription, booking_id=made.booking.id, lines=lines)


def _schedule(batch: Batch, subscription: Subscribed, *, booking_id: UUID, lines: Iterable[tuple[UUID, date]]) -> None:
    """Plan an invoice for each period with the booking's lines, given with their days."""
    by_period: dict[tuple[date, date], list[UUID]] = defaultdict(list)
    for line_id, day in lines:
        by_period[period_of(day, subscription.period, starts_on=subscription.starts_on)].append(line_id)
    ids = {period: new_id() for period in by_period}
    batch.add(
        InvoiceSchedule,
        [{"id": ids[first, last], "booking_id": booking_id, "period_from": first, "period_until": last,
          "issue_on": first - timedelta(days=subscription.advance_days), "status": ScheduleStatus.SCHEDULED.value}
         for first, last in by_period],
    )  # fmt: skip
    batch.add(
        ScheduledLine,
        [{"id": new_id(), "schedule_id": ids[period], "booking_line_id": line_id,
          "status": ScheduledLineStatus.SCHEDULED.value} for period, of in by_period.items() for line_id in of],
    )  # fmt: skip
