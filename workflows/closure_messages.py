"""What families are told of a day that was closed, or opened again."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from engine.database import Row, Transaction
from invoicing.issue import number_text
from models import TermBookingStatus
from notifications.messages import DayClosed, DayReopened, Message, Session
from workflows.message_facts import order_of, parties

_NAMED = """
SELECT s.id, p.name AS title, s.starts_at, s.ends_at, i.time_zone, i.name AS place, i.address
FROM term_product s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
WHERE s.organisation_id = %(org)s AND s.id = ANY(%(ids)s) ORDER BY s.starts_at, s.id
"""

_NOTE = "SELECT series, year, number FROM credit_note WHERE organisation_id = %(org)s AND id = %(id)s"

_MADE_BY = "SELECT order_id FROM term_booking WHERE organisation_id = %(org)s AND id = %(id)s"


def closed(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """Of a booking, with what is credited."""
    made = tx.row(_MADE_BY, id=UUID(str(payload["subject_id"])))
    order = order_of(tx, {"subject_id": made["order_id"]}) if made else None
    if order is None:
        return None
    note = tx.row(_NOTE, id=UUID(payload["credit_note_id"])) if payload["credit_note_id"] else None
    return DayClosed(
        **parties(order, f"{base_url}/bookings/{payload['subject_id']}"), **_closure(tx, order, payload),
        credited_minor=payload["credited_minor"], freed_minor=payload["freed_minor"],
        credit_note_number=number_text(note["series"], note["year"], note["number"]) if note else None,
    )  # fmt: skip


def reopened(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """Of a booking, with what it pays again."""
    made = tx.row(_MADE_BY, id=UUID(str(payload["subject_id"])))
    order = order_of(tx, {"subject_id": made["order_id"]}) if made else None
    if order is None:
        return None
    return DayReopened(
        **parties(order, f"{base_url}/bookings/{payload['subject_id']}"), **_closure(tx, order, payload),
        charged_minor=payload["charged_minor"], from_credit_minor=payload["from_credit_minor"],
        later_minor=payload.get("later_minor", 0),
    )  # fmt: skip


def order_closed(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """Of an order on its way, with what the rest costs."""
    order = order_of(tx, payload)
    if order is None:
        return None
    is_canceled = order["status"] == TermBookingStatus.CANCELED
    return DayClosed(
        **parties(order, f"{base_url}/orders/{order['id']}"), **_closure(tx, order, payload), is_canceled=is_canceled,
        total_minor=None if is_canceled else order["total_minor"],
    )  # fmt: skip


def _closure(tx: Transaction, order: Row, payload: Mapping[str, Any]) -> dict[str, Any]:
    closed = tx.rows(_NAMED, ids=[UUID(session) for session in payload["session_ids"]])
    return {
        "reference": payload["reference"], "attendee_name": order["attendee"], "why": payload["reason"],
        "currency": order["currency"], "sessions": tuple(Session(**row) for row in closed),
    }  # fmt: skip
