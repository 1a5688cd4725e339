"""What of a change is invoiced or credited with it, and what waits for the planned invoice of its period."""

from uuid import UUID

from workflows.change_facts import Change
from workflows.invoice_periods import Planned
from workflows.invoice_plan import plan_added
from workflows.order_effects import local_day


def waiting_sessions(change: Change) -> set[UUID]:
    """The sessions that are charged with their period: nothing of them is invoiced yet, so nothing is credited."""
    waiting = change.enrolled.not_invoiced
    return {line.session_id for line in change.enrolled.kept() if line.id in waiting} | planned_sessions(change).keys()


def planned_sessions(change: Change) -> dict[UUID, Planned]:
    """The sessions that it adds whose invoice is issued on a later day."""
    return plan_added(change.facts, change.enrolled, today=local_day(change.now, change.order))
