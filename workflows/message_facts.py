"""Whom the mails of an order go to, and what they are about: its family, its centre, its sessions."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from engine.database import Row, Transaction
from notifications.messages import Organisation, Recipient, Session

_ORDER = """
SELECT o.id, o.reference, o.status, o.booking_id, o.cancel_reason, o.updated_at, o.total_minor, o.attendee_id,
       a.name AS account, a.email, t.name AS attendee,
       a.id AS account_id, a.language, g.name AS organisation, g.currency, g.locale, g.time_zone,
       g.letterhead
FROM term_booking_order o
JOIN account a ON a.organisation_id = o.organisation_id AND a.id = o.account_id
JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id
JOIN organisation g ON g.id = o.organisation_id
WHERE o.organisation_id = %(org)s AND o.id = %(order_id)s
"""


def order_of(tx: Transaction, payload: Mapping[str, Any]) -> Row | None:
    """The order with its parties; None for an account that has no address."""
    order = tx.row(_ORDER, order_id=UUID(str(payload["subject_id"])))
    return order if order and order["email"] else None


def parties(order: Row, link: str) -> dict[str, Any]:
    """Who writes to whom, and where the mail leads."""
    return {"organisation": Organisation.of(order), "recipient": Recipient.of(order), "link": link}


_SESSIONS = """
SELECT s.id, p.name AS title, s.starts_at, s.ends_at, i.time_zone, i.name AS place, i.address,
       CASE WHEN x.id IS NULL THEN '' ELSE concat('Row ', x.row_name, ' seat ', x.number) END AS seat
FROM term_booking_order_line l
JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
LEFT JOIN seat x ON x.organisation_id = l.organisation_id AND x.id = l.seat_id
WHERE l.organisation_id = %(org)s AND l.order_id = %(order_id)s
ORDER BY s.starts_at, l.position
"""


def sessions_of(tx: Transaction, order_id: UUID) -> tuple[Session, ...]:
    """What the order asks for, in the order of time."""
    return tuple(Session(**row) for row in tx.rows(_SESSIONS, order_id=order_id))
