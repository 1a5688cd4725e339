"""What families are told of their makeup credits."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.database import Transaction
from models import MakeupReach, MakeupStatus
from notifications.messages import (
    ANY_PROGRAM,
    MakeupExpired,
    MakeupExpiring,
    MakeupGranted,
    Message,
    Organisation,
    Recipient,
)

_CREDIT = """
SELECT m.id, m.reference, m.status, m.expires_at, m.reach, p.name AS program, c.name AS category,
       y.local_date AS absent_on,
       t.name AS attendee, a.name AS account, a.email, a.id AS account_id, a.language, g.name AS organisation,
       g.locale, g.time_zone, g.letterhead
FROM makeup_credit m
JOIN program p ON p.organisation_id = m.organisation_id AND p.id = m.program_id
JOIN program_category c ON c.organisation_id = p.organisation_id AND c.id = p.category_id
JOIN term_attendance y ON y.organisation_id = m.organisation_id AND y.id = m.attendance_id
JOIN attendee t ON t.organisation_id = m.organisation_id AND t.id = m.attendee_id
JOIN account a ON a.organisation_id = m.organisation_id AND a.id = m.account_id
JOIN organisation g ON g.id = m.organisation_id
WHERE m.organisation_id = %(org)s AND m.id = %(id)s
"""


def granted(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """An absence gave it; nothing is told of one that is booked, or taken back, by now."""
    facts = _read(tx, payload, base_url, MakeupStatus.AVAILABLE)
    return None if facts is None else MakeupGranted(**facts)


def expiring(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """It is about to run out."""
    facts = _read(tx, payload, base_url, MakeupStatus.AVAILABLE)
    return None if facts is None else MakeupExpiring(**facts)


def expired(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """It ran out."""
    facts = _read(tx, payload, base_url, MakeupStatus.EXPIRED)
    return None if facts is None else MakeupExpired(**facts)


def _read(
    tx: Transaction, payload: Mapping[str, Any], base_url: str, status: MakeupStatus
) -> dict[str, Any] | None:  # fmt: skip
    row = tx.row(_CREDIT, id=UUID(str(payload["subject_id"])))
    assert row is not None, "a credit is never deleted"
    if not row["email"] or row["status"] != status:
        return None
    programs = {MakeupReach.PROGRAM: row["program"], MakeupReach.CATEGORY: row["category"],
                MakeupReach.ORGANISATION: ANY_PROGRAM}[MakeupReach(row["reach"])]  # fmt: skip
    return {
        "organisation": Organisation.of(row),
        "recipient": Recipient.of(row),
        "link": f"{base_url}/makeup-credits/{row['id']}/sessions", "credit_reference": row["reference"],
        "attendee_name": row["attendee"], "programs": programs, "absent_on": row["absent_on"],
        "last_day": row["expires_at"].astimezone(ZoneInfo(row["time_zone"])).date(),
    }  # fmt: skip
