"""What the orders of a group agree to pay when, shown and agreed as one."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from billing.schedules import Schedule
from engine.errors import Reason
from models import TermBookingConfirmationType
from workflows.group_facts import Group, fingerprint_of
from workflows.group_submission import Asked
from workflows.order_schedule import plan_schedule


def plan_each(asked: Asked, *, now: datetime) -> dict[int, Schedule]:
    """The schedule of each order that has one, by its place in the group."""
    planned = {place: plan_schedule(order, facts, priced, now=now) for place, (order, facts, priced) in asked.items()}
    return {place: schedule for place, schedule in planned.items() if schedule is not None}


def fingerprint_of_all(schedules: Iterable[Schedule]) -> str | None:
    """What pins the schedules of all orders together; None where nothing is due later."""
    known = [schedule.fingerprint for schedule in schedules]
    return fingerprint_of(known) if known else None


def failing_schedules(group: Group, asked: Asked, shown: str | None, *, now: datetime) -> Iterator[Reason]:
    """Nobody agrees to instalments that they did not see; those of deposits are compared where they were shown."""
    is_deposit = any(
        order.confirmation_type is TermBookingConfirmationType.PAY_NOW_PAY_DEPOSIT for order, _, _ in asked.values()
    )
    fingerprint = fingerprint_of_all(plan_each(asked, now=now).values())
    if shown == fingerprint or fingerprint is None or (shown is None and is_deposit):
        return
    yield Reason("schedule_changed", f"The schedules of {group.reference} are others now; look at them and submit "
                 "again.", field="schedule_fingerprint", rule="schedule_as_shown",
                 facts={"schedule_fingerprint": fingerprint})  # fmt: skip
