"""What happened to something: every step of its chart, with who pulled it and why."""

from enum import IntEnum
from uuid import UUID

from engine.database import Row, Transaction

_HISTORY = """
SELECT e.trigger, e.to_status, e.actor_kind, u.name AS actor, e.reason, e.changes, e.at
FROM status_event e
LEFT JOIN "user" u ON u.organisation_id = e.organisation_id AND u.id = e.actor_id
WHERE e.organisation_id = %(org)s AND e.subject_id = %(id)s ORDER BY e.sequence DESC
"""


def steps_of(tx: Transaction, subject_id: UUID, statuses: type[IntEnum]) -> list[Row]:
    """The latest first, of something that the caller was shown."""
    return [row | {"to_status": statuses(row["to_status"]).name} for row in tx.rows(_HISTORY, id=subject_id)]
