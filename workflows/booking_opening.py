"""When an offering can be booked from: by those who are enrolled in the term before it, and by everybody."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.errors import Reason
from workflows.order_facts import Offering, Order


def failing_opening(order: Order, offering: Offering, now: datetime) -> Iterator[Reason]:
    """Why this attendee may not book the offering yet. Priority goes with the attendee: enrolled in the same program in
    the term that the offering gives priority to.
    """
    opens, priority = offering.facts["bookable_from"], offering.facts["priority_from"]
    if opens is None or now >= opens:
        return
    is_first = priority is not None and str(order.attendee_id) in offering.facts["with_priority"]
    if is_first and now >= priority:
        return
    zone = ZoneInfo(offering.facts["time_zone"])
    facts = {"opens_at": (priority if is_first else opens).isoformat()}
    message = f"Registration for {offering.name} opens on {_when(priority if is_first else opens, zone)}."
    if priority is None or is_first:
        yield Reason("not_open_yet", message, rule="booking_window", facts=facts)
        return
    facts["priority_from"] = priority.isoformat()
    enrolled = f"those enrolled in {offering.facts['program']} in {offering.facts['priority_term']}"
    if now < priority:
        message += f" From {_when(priority, zone)} it is open to {enrolled}; {order.attendee['name']} is not."
        yield Reason("not_open_yet", message, rule="booking_window", facts=facts)
    else:
        message += f" Until then it is for {enrolled}; {order.attendee['name']} is not."
        yield Reason("priority_only", message, rule="booking_window", facts=facts)


def _when(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %d %b %Y %H:%M}"
