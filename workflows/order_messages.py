"""What families are told of their orders and bookings: confirmed, quoted, cancelled, and what an interest became."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.database import Transaction
from invoicing.issue import number_text
from models import TermBookingOrderType
from notifications.messages import (
    BookingCanceled,
    BookingConfirmed,
    Converted,
    InterestRegistered,
    Message,
    OrderTimedOut,
    QuoteIssued,
    Session,
)
from workflows.message_facts import order_of, parties, sessions_of
from workflows.order_guards import QUOTE_EXPIRED, TIMEOUT

_BOOKING = """
SELECT b.reference, b.revision, v.id AS invoice_id, v.series, v.year, v.number, v.due_on, w.next_invoice_on,
       CASE WHEN w.next_invoice_on IS NOT NULL THEN b.total_minor WHEN v.series = 'ZS' THEN 0
            ELSE coalesce(v.total_minor, b.total_minor) END AS total_minor,
       coalesce(v.total_minor, 0) - coalesce((SELECT sum(x.amount_minor) FROM payment_allocation x
           WHERE x.organisation_id = v.organisation_id AND x.invoice_id = v.id), 0)
       - coalesce((SELECT sum(x.amount_minor) FROM credit_allocation x
           WHERE x.organisation_id = v.organisation_id AND x.invoice_id = v.id), 0) AS owed_minor
FROM term_booking b
LEFT JOIN invoice v ON v.organisation_id = b.organisation_id AND v.booking_id = b.id
CROSS JOIN LATERAL (SELECT min(s.issue_on) AS next_invoice_on FROM invoice_schedule s
    WHERE s.organisation_id = b.organisation_id AND s.booking_id = b.id AND s.status = 'SCHEDULED') w
WHERE b.organisation_id = %(org)s AND b.id = %(booking_id)s
ORDER BY v.issued_at DESC, v.number DESC LIMIT 1
"""


def confirmed(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    order = order_of(tx, payload)
    if order is None:
        return None
    booking = tx.row(_BOOKING, booking_id=order["booking_id"])
    assert booking is not None, "a confirmed order has a booking"
    numbered = number_text(booking["series"], booking["year"], booking["number"]) if booking["invoice_id"] else None
    return BookingConfirmed(
        **parties(order, f"{base_url}/bookings/{order['booking_id']}"), booking_reference=booking["reference"],
        revision=booking["revision"], attendee_id=order["attendee_id"], attendee_name=order["attendee"],
        sessions=sessions_of(tx, order["id"]), currency=order["currency"], total_minor=booking["total_minor"],
        owed_minor=booking["owed_minor"], due_on=booking["due_on"], next_invoice_on=booking["next_invoice_on"],
        invoice_number=numbered,
    )  # fmt: skip


_QUOTE = """
SELECT series, year, number, total_minor, expires_at FROM quote
WHERE organisation_id = %(org)s AND order_id = %(order_id)s ORDER BY issued_at DESC, number DESC LIMIT 1
"""


def quoted(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    order = order_of(tx, payload)
    quote = tx.row(_QUOTE, order_id=order["id"]) if order else None
    if order is None or quote is None:
        return None
    return QuoteIssued(
        **parties(order, f"{base_url}/orders/{order['id']}"),
        quote_number=number_text(quote["series"], quote["year"], quote["number"]), order_reference=order["reference"],
        attendee_name=order["attendee"], sessions=sessions_of(tx, order["id"]), currency=order["currency"],
        total_minor=quote["total_minor"], expires_at=quote["expires_at"],
    )  # fmt: skip


def timed_out(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """A cancellation by its timeout is told; one that the family or an admin asked for is not news to them."""
    order = order_of(tx, payload)
    if order is None or order["cancel_reason"] not in (TIMEOUT, QUOTE_EXPIRED):
        return None
    cancelled_at: datetime = order["updated_at"]
    return OrderTimedOut(
        **parties(order, f"{base_url}/orders/{order['id']}"), order_reference=order["reference"],
        attendee_name=order["attendee"], sessions=sessions_of(tx, order["id"]), cancelled_at=cancelled_at,
        currency=order["currency"],
    )  # fmt: skip


_CANCELED = """
SELECT b.reference, b.order_id, b.updated_at, n.id AS credit_note_id, n.series, n.year, n.number,
       coalesce(n.total_minor, 0) AS credited_minor,
       coalesce(n.total_minor - (SELECT sum((each->>'amount_minor')::bigint)
                                 FROM jsonb_array_elements(n.printed->'applied') each), 0)::bigint AS freed_minor,
       coalesce((SELECT sum(v.total_minor) FROM invoice v
                 WHERE v.organisation_id = b.organisation_id AND v.booking_id = b.id), 0)::bigint
       - coalesce((SELECT sum(x.amount_minor) FROM payment_allocation x
                   JOIN invoice v ON v.organisation_id = x.organisation_id AND v.id = x.invoice_id
                   WHERE x.organisation_id = b.organisation_id AND v.booking_id = b.id), 0)::bigint
       - coalesce((SELECT sum(x.amount_minor) FROM credit_allocation x
                   JOIN invoice v ON v.organisation_id = x.organisation_id AND v.id = x.invoice_id
                   WHERE x.organisation_id = b.organisation_id AND v.booking_id = b.id), 0)::bigint AS owed_minor
FROM term_booking b
LEFT JOIN credit_note n ON n.organisation_id = b.organisation_id AND n.booking_id = b.id AND n.issued_at = b.updated_at
WHERE b.organisation_id = %(org)s AND b.id = %(booking_id)s
"""

# The sessions that the cancellation itself gave up, as its history tells.
_GIVEN_UP = """
SELECT s.id, p.name AS title, s.starts_at, s.ends_at, i.time_zone, i.name AS place, i.address
FROM status_event e
JOIN term_product s ON s.organisation_id = e.organisation_id AND e.changes->'sessions' ? s.id::text
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
JOIN term_booking_line l ON l.organisation_id = s.organisation_id AND l.term_product_id = s.id
     AND l.booking_id = e.subject_id
WHERE e.organisation_id = %(org)s AND e.subject_id = %(booking_id)s AND e.trigger = 'cancel'
ORDER BY s.starts_at, l.position
"""


def canceled(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    booking_id = UUID(str(payload["subject_id"]))
    booking = tx.row(_CANCELED, booking_id=booking_id)
    order = order_of(tx, {"subject_id": booking["order_id"]}) if booking else None
    if booking is None or order is None:
        return None
    number = number_text(booking["series"], booking["year"], booking["number"]) if booking["credit_note_id"] else None
    return BookingCanceled(
        **parties(order, f"{base_url}/bookings/{booking_id}"), booking_reference=booking["reference"],
        attendee_name=order["attendee"], cancelled_at=booking["updated_at"], currency=order["currency"],
        sessions=tuple(Session(**row) for row in tx.rows(_GIVEN_UP, booking_id=booking_id)),
        credited_minor=booking["credited_minor"], freed_minor=booking["freed_minor"],
        owed_minor=booking["owed_minor"], credit_note_number=number,
    )  # fmt: skip


_INTEREST = """
SELECT o.note, array(SELECT coalesce(p.name, g.name) FROM term_booking_order_wish w
                     LEFT JOIN term_program_set p ON p.organisation_id = w.organisation_id
                               AND p.id = w.term_program_set_id
                     LEFT JOIN program g ON g.organisation_id = w.organisation_id AND g.id = w.program_id
                     WHERE w.organisation_id = o.organisation_id AND w.order_id = o.id ORDER BY w.position) AS wishes
FROM term_booking_order o WHERE o.organisation_id = %(org)s AND o.id = %(order_id)s
"""


def interest(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    order = order_of(tx, payload)
    wanted = tx.row(_INTEREST, order_id=order["id"]) if order else None
    if order is None or wanted is None:
        return None
    return InterestRegistered(
        **parties(order, f"{base_url}/orders/{order['id']}"), order_reference=order["reference"],
        attendee_name=order["attendee"], sessions=sessions_of(tx, order["id"]), wishes=tuple(wanted["wishes"]),
        note=wanted["note"],
    )  # fmt: skip


# What became of an expression of interest, of a trial on its way, or of a booked one, with the trial's credit.
_CONVERTED = """
SELECT c.reference, c.order_type, c.converted_into_id AS into_id, n.series, n.year, n.number,
       coalesce(n.total_minor, 0) AS credited_minor,
       coalesce(n.total_minor - (SELECT sum((each->>'amount_minor')::bigint)
                                 FROM jsonb_array_elements(n.printed->'applied') each), 0)::bigint AS freed_minor,
       (SELECT min(t.due_at) FROM timer t WHERE t.organisation_id = %(org)s AND t.subject_id = c.converted_into_id
          AND t.status = 'ARMED') AS expires_at
FROM (SELECT id, reference, order_type, converted_into_id FROM term_booking_order WHERE organisation_id = %(org)s
      UNION ALL
      SELECT id, reference, order_type, converted_into_id FROM term_booking WHERE organisation_id = %(org)s) c
LEFT JOIN credit_note n ON n.organisation_id = %(org)s AND n.booking_id = c.id
WHERE c.id = %(subject_id)s AND c.converted_into_id IS NOT NULL
ORDER BY n.issued_at DESC, n.number DESC LIMIT 1
"""


def converted(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    was = tx.row(_CONVERTED, subject_id=UUID(str(payload["subject_id"])))
    order = order_of(tx, {"subject_id": was["into_id"]}) if was else None
    if was is None or order is None:
        return None
    return Converted(
        **parties(order, f"{base_url}/orders/{order['id']}"), reference=was["reference"],
        is_trial=was["order_type"] == TermBookingOrderType.TRIAL_SESSION, order_reference=order["reference"],
        attendee_name=order["attendee"], sessions=sessions_of(tx, order["id"]), currency=order["currency"],
        total_minor=order["total_minor"], expires_at=was["expires_at"], credited_minor=was["credited_minor"],
        freed_minor=was["freed_minor"],
        credit_note_number=number_text(was["series"], was["year"], was["number"]) if was["series"] else None,
    )  # fmt: skip
