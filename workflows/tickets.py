"""The tickets of a booking: one for each seat that it still has."""

from typing import Any
from uuid import UUID

from engine.database import Row, Transaction
from invoicing.document import Letterhead
from invoicing.ticket import Ticket

_TICKETS = """
SELECT l.id, l.ticket_reference, b.reference AS booking_reference, b.created_at AS issued_at, t.name AS attendee,
       p.name AS session, s.id AS session_id, s.starts_at, s.ends_at, i.name AS site, i.address, i.time_zone,
       v.name AS venue, x.row_name, x.number, x.seat_type, k.scanned_at AS used_at,
       l.cancelled_at IS NOT NULL OR b.status <> 700 AND a.status = 'CANCELLED'
           OR a.id IS NULL AND b.status IN (800, 900) AS is_cancelled
FROM term_booking_line l
JOIN term_booking b ON b.organisation_id = l.organisation_id AND b.id = l.booking_id
JOIN attendee t ON t.organisation_id = b.organisation_id AND t.id = b.attendee_id
JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
JOIN seat x ON x.organisation_id = l.organisation_id AND x.id = l.seat_id
JOIN venue v ON v.organisation_id = x.organisation_id AND v.id = x.venue_id
LEFT JOIN term_attendance a ON a.organisation_id = l.organisation_id AND a.booking_line_id = l.id
LEFT JOIN ticket_check_in k ON k.organisation_id = l.organisation_id AND k.booking_line_id = l.id
WHERE l.organisation_id = %(org)s AND l.booking_id = %(booking_id)s ORDER BY l.position
"""

_LETTERHEAD = "SELECT name, legal_name, locale, letterhead FROM organisation WHERE id = %(org)s"


def read_tickets(tx: Transaction, booking_id: UUID) -> list[Row]:
    """Every ticket of a booking, also those that were used or are cancelled; a suspended one may be good again."""
    return tx.rows(_TICKETS, booking_id=booking_id)


def tickets_to_print(tx: Transaction, booking_id: UUID) -> dict[str, Any] | None:
    """What `render_tickets` prints: the tickets that let in, with letterhead and locale; None where there is none."""
    tickets = [_ticket(row) for row in read_tickets(tx, booking_id) if not row["is_cancelled"]]
    if not tickets:
        return None
    organisation = tx.row(_LETTERHEAD)
    assert organisation is not None
    given = organisation["letterhead"]
    letterhead = Letterhead(
        name=organisation["name"], legal_name=organisation["legal_name"] or organisation["name"],
        address_lines=tuple(given.get("address_lines", ())),
    )  # fmt: skip
    return {"tickets": tickets, "letterhead": letterhead, "locale": organisation["locale"]}


def tickets_of_order(tx: Transaction, order_id: UUID) -> dict[str, Any] | None:
    """The same of the booking that an order made."""
    order = tx.row("SELECT booking_id FROM term_booking_order WHERE organisation_id = %(org)s AND id = %(id)s",
                   id=order_id)  # fmt: skip
    return tickets_to_print(tx, order["booking_id"]) if order and order["booking_id"] else None


def _ticket(row: Row) -> Ticket:
    return Ticket(
        reference=row["ticket_reference"], booking_reference=row["booking_reference"], attendee=row["attendee"],
        session=row["session"], venue=row["venue"], site=row["site"], address=row["address"] or "",
        row=row["row_name"], seat=row["number"], seat_type=row["seat_type"], starts_at=row["starts_at"],
        ends_at=row["ends_at"], time_zone=row["time_zone"], issued_at=row["issued_at"],
    )  # fmt: skip
