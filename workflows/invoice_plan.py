"""What of an order is invoiced with its confirmation, and what stands on planned invoices, by each offering's rule.

An order that its family pays in agreed parts (a deposit, instalments) is invoiced whole: its schedule says what is due
when. An undated session belongs to no period, and a period whose invoice would be issued by now is invoiced at once.
Pay as you go: each session is planned by itself, to be debited from the wallet after it was held.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from billing.adjustments import is_beside
from catalogue.rules import answer
from engine.batch import Batch, Values
from engine.ids import new_id
from models import InvoiceSchedule, PaymentState, ScheduledLine, ScheduledLineStatus, ScheduleStatus
from workflows.booking_facts import Enrolled
from workflows.invoice_periods import TIMING_RULES, Planned, in_advance, period_of, planned_for
from workflows.order_facts import Facts, Order, local_day
from workflows.order_holdings import Holdings
from workflows.order_schedule import SCHEDULED
from workflows.subscription_facts import Subscribed


@dataclass(frozen=True, slots=True)
class InvoicePlan:
    """The Billing lines that are invoiced now, and the sessions of each invoice to come."""

    at_once: list[Values]
    later: dict[Planned, list[str]]

    def payment_state(self, paid_minor: int) -> PaymentState:
        """How the booking stands when it is confirmed."""
        if not self.at_once:
            return PaymentState.NOT_DUE
        is_paid = paid_minor >= sum(line["gross_minor"] for line in self.at_once)
        return PaymentState.PAID if is_paid else PaymentState.OPEN


def plan_invoices(
    order: Order, holdings: Holdings, *, now: datetime, subscription: Subscribed | None = None
) -> InvoicePlan:
    """What the rules make of the order's Billing, with its confirmation."""
    days = {line["term_product_id"]: date.fromisoformat(line["local_date"]) for line in holdings.lines
            if line["local_date"]}  # fmt: skip
    planned: dict[str, Planned] = {}
    if subscription is not None:
        planned = {session: _of_subscription(day, subscription) for session, day in days.items()}
    elif order.confirmation_type not in SCHEDULED:
        planned = _by_rules(days, holdings, today=local_day(now, order))
    later: dict[Planned, list[str]] = defaultdict(list)
    for session, invoice in planned.items():
        later[invoice].append(session)
    at_once = [line for line in holdings.lines
               if line["term_product_id"] not in planned or is_beside(line["component"])]  # fmt: skip
    return InvoicePlan(at_once, later)


def _of_subscription(day: date, subscription: Subscribed) -> Planned:
    """As was agreed when it was asked for; what is due by now is issued in the same transaction."""
    period = period_of(day, subscription.period, starts_on=subscription.starts_on)
    return in_advance(period, days=subscription.advance_days)


def _by_rules(days: Mapping[str, date], holdings: Holdings, *, today: date) -> dict[str, Planned]:
    rules = {str(chain[0]): {rule: answer(rule, holdings.settings, chain=chain).value for rule in TIMING_RULES}
             for chain in holdings.chains}  # fmt: skip
    offering = {line["term_product_id"]: line["term_program_set_id"] for line in holdings.lines}
    starts_on = date.fromisoformat(holdings.term_starts_on) if holdings.term_starts_on else today
    found = {
        session: planned_for(day, rules[offering[session]], session_id=UUID(session), starts_on=starts_on)
        for session, day in days.items()
    }
    return {session: planned for session, planned in found.items() if planned is not None and planned.is_later(today)}


def plan_added(facts: Facts, enrolled: Enrolled, *, today: date) -> dict[UUID, Planned]:
    """Of the sessions that a confirmed booking gets besides, those whose invoice is issued on a later day, by the rules
    of their offerings.
    """
    if enrolled.booking.confirmation_type in SCHEDULED:
        return {}
    planned = {}
    for line in facts.lines:
        if line.local_date is None:
            continue
        rules = {rule: facts.rule(rule, line.offering).value for rule in TIMING_RULES}
        starts_on = date.fromisoformat(str(line.offering.facts["term_starts_on"]))
        invoice = planned_for(line.local_date, rules, session_id=line.session_id, starts_on=starts_on)
        if invoice is not None and invoice.is_later(today):
            planned[line.session_id] = invoice
    return planned


def planned_already(enrolled: Enrolled) -> dict[Planned, UUID]:
    """The booking's planned invoices that wait for their day: what is added to their period stands on them."""
    periods = [row for row in enrolled.scheduled if row["status"] == "SCHEDULED" and row["session_id"] is None]
    day = date.fromisoformat
    return {Planned(day(row["period_from"]), day(row["period_until"]), day(row["issue_on"])): UUID(row["schedule_id"])
            for row in periods}  # fmt: skip


def schedule_lines(
    batch: Batch, later: Mapping[Planned, Iterable[UUID]], *, booking_id: UUID,
    existing: Mapping[Planned, UUID] | None = None,
) -> None:  # fmt: skip
    """Plan the invoices with their booking lines; those of a period that is planned already stand on that one."""
    ids = {planned: (existing or {}).get(planned) or new_id() for planned in later}
    batch.add(
        InvoiceSchedule,
        [{"id": ids[planned], "booking_id": booking_id, "period_from": planned.period_from,
          "period_until": planned.period_until, "issue_on": planned.issue_on,
          "status": ScheduleStatus.SCHEDULED.value, "term_product_id": planned.session_id}
         for planned in later if planned not in (existing or {})],
    )  # fmt: skip
    batch.add(
        ScheduledLine,
        [{"id": new_id(), "schedule_id": ids[planned], "booking_line_id": line_id,
          "status": ScheduledLineStatus.SCHEDULED.value} for planned, of in later.items() for line_id in of],
    )  # fmt: skip
