"""What of a change is invoiced or credited with it, and what waits for the planned invoice of its period."""

from datetime import date
from uuid import UUID

from workflows.change_facts import Change
from workflows.invoice_periods import TIMING_RULES, Planned, planned_for
from workflows.order_effects import local_day
from workflows.order_schedule import SCHEDULED


def waiting_sessions(change: Change) -> set[UUID]:
    """The sessions that are charged with their period: nothing of them is invoiced yet, so nothing is credited."""
    waiting = change.enrolled.not_invoiced
    return {line.session_id for line in change.enrolled.kept() if line.id in waiting} | planned_sessions(change).keys()


def planned_sessions(change: Change) -> dict[UUID, Planned]:
    """The sessions that it adds whose invoice is issued on a later day, by the rules of their offerings."""
    if change.enrolled.booking.confirmation_type in SCHEDULED:
        return {}
    today, planned = local_day(change.now, change.order), {}
    for line in change.facts.lines:
        if line.local_date is None:
            continue
        rules = {rule: change.facts.rule(rule, line.offering).value for rule in TIMING_RULES}
        starts_on = date.fromisoformat(str(line.offering.facts["term_starts_on"]))
        invoice = planned_for(line.local_date, rules, session_id=line.session_id, starts_on=starts_on)
        if invoice is not None and invoice.is_later(today):
            planned[line.session_id] = invoice
    return planned


def planned_already(change: Change) -> dict[Planned, UUID]:
    """The booking's planned invoices that wait for their day: what is added to their period stands on them."""
    periods = [row for row in change.enrolled.scheduled if row["status"] == "SCHEDULED" and row["session_id"] is None]
    day = date.fromisoformat
    return {Planned(day(row["period_from"]), day(row["period_until"]), day(row["issue_on"])): UUID(row["schedule_id"])
            for row in periods}  # fmt: skip
