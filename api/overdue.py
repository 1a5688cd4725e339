"""An overdue hold is void when it is read: a refused submission makes way for itself and is tried once more."""

from datetime import datetime
from uuid import UUID

from engine.database import Database
from engine.fire import Refused
from workflows.timeouts import release_overdue

# What an overdue hold may stand behind.
_IN_THE_WAY = frozenset({"session_full", "seat_taken", "double_booked"})


def release_in_the_way(
    database: Database, organisation_id: UUID, *, order_id: UUID, refusal: Refused, now: datetime
) -> bool:
    """Give back the overdue holds in the way of a refused order, and say whether there were any."""
    blocking = [reason for reason in refusal.reasons if reason.code in _IN_THE_WAY]
    if not blocking:
        return False
    with database.transaction(organisation_id) as tx:
        order = tx.row("SELECT attendee_id FROM term_booking_order WHERE organisation_id = %(org)s AND id = %(id)s",
                       id=order_id)  # fmt: skip
    assert order is not None, "a refused order exists"
    sessions = {UUID(str((reason.facts or {})["session_id"])) for reason in blocking}
    return bool(
        release_overdue(database, organisation_id, session_ids=sessions, attendee_id=order["attendee_id"], now=now)
    )
