"""Bookings as they are shown, one by one and in lists."""

from uuid import UUID

from api.moves import Answer, Principal
from api.reads.orders import own_accounts, session_label, summary
from api.reads.paging import Listing
from api.reads.schedules import agreed
from engine.database import Row, Transaction
from invoicing.issue import number_text
from models import TermBookingStatus
from workflows.term_booking import CHART

_LIST = """
SELECT {keys}, b.id, b.reference, b.status, b.version, b.revision, b.payment_state, b.account_id, a.name AS account,
       b.attendee_id, t.name AS attendee, b.term_id, m.name AS term, b.order_id, b.order_type, b.confirmation_type,
       b.total_minor, b.closes_on, b.converted_into_id, b.created_at, n.session_count, n.first_date, n.last_date
FROM term_booking b
JOIN account a ON a.organisation_id = b.organisation_id AND a.id = b.account_id
JOIN attendee t ON t.organisation_id = b.organisation_id AND t.id = b.attendee_id
JOIN term m ON m.organisation_id = b.organisation_id AND m.id = b.term_id
CROSS JOIN LATERAL (
    SELECT count(*) AS session_count, min(s.local_date) AS first_date, max(s.local_date) AS last_date
    FROM term_booking_line l
    JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
    WHERE l.organisation_id = b.organisation_id AND l.booking_id = b.id AND l.cancelled_at IS NULL
      AND l.kind <> 'CLOSURE_DAY') n
WHERE b.organisation_id = %(org)s{where}
"""


def listing(principal: Principal) -> Listing:
    """Bookings that the caller may see, newest first."""
    found = Listing(_LIST, [("b.id", "uuid")], is_descending=True)
    own_accounts(found, principal, "b.account_id")
    return found


def with_a_session(condition: str) -> str:
    """The booking has a session of which this holds (`s` is the session)."""
    return (
        "EXISTS (SELECT FROM term_booking_line l "
        "JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id "
        f"WHERE l.organisation_id = b.organisation_id AND l.booking_id = b.id AND {condition})"
    )


_LINES = """
SELECT l.id, l.term_product_id AS session_id, p.name AS offering, s.starts_at, s.ends_at, s.local_date::text AS day,
       s.local_start::text AS start, s.local_end::text AS end, i.name AS site, l.kind, l.mode, l.position,
       l.gross_minor, l.cancelled_at, y.status AS attendance, l.ticket_reference,
       (SELECT json_build_object('id', x.id, 'row', x.row_name, 'number', x.number, 'seat_type', x.seat_type)
        FROM seat x WHERE x.organisation_id = l.organisation_id AND x.id = l.seat_id) AS seat,
       (SELECT json_agg(json_build_object('extra_id', e.extra_id, 'name', e.name, 'quantity', e.quantity,
                        'price_minor', e.price_minor) ORDER BY e.name, e.id)
        FROM term_booking_extra e WHERE e.organisation_id = l.organisation_id AND e.booking_line_id = l.id) AS extras
FROM term_booking_line l
JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
JOIN term_program_set p ON p.organisation_id = l.organisation_id AND p.id = l.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
LEFT JOIN term_attendance y ON y.organisation_id = l.organisation_id AND y.booking_line_id = l.id
WHERE l.organisation_id = %(org)s AND l.booking_id = %(booking_id)s ORDER BY l.position
"""
_INVOICES = """
SELECT id, series, year, number, total_minor, due_on FROM invoice
WHERE organisation_id = %(org)s AND booking_id = %(booking_id)s AND series = %(series)s ORDER BY issued_at, id
"""
_CREDIT_NOTES = """
SELECT id, series, year, number, total_minor FROM credit_note
WHERE organisation_id = %(org)s AND booking_id = %(booking_id)s AND series = 'CN' ORDER BY issued_at, id
"""


def whole(tx: Transaction, principal: Principal, booking_id: UUID) -> Answer:
    """A booking with its lines and invoices. Raises NotFound, also for another family's."""
    found = listing(principal)
    found.where("b.id = %(booking_id)s", booking_id=booking_id)
    row = found.one(tx, "booking")
    return Answer({
        **summary(row), "status_code": row["status"],
        "allowed": CHART.triggers_from(TermBookingStatus(row["status"]), principal.kind),
        "currency": principal.organisation["currency"], "total": principal.money(row["total_minor"]),
        "lines": [_line(line) for line in tx.rows(_LINES, booking_id=booking_id)],
        "payment_schedule": agreed(tx, principal, row["order_id"]),
        "credit_notes": [_credit_note(note) for note in tx.rows(_CREDIT_NOTES, booking_id=booking_id)],
        "invoices": [_invoice(invoice) for invoice in tx.rows(_INVOICES, booking_id=booking_id, series="INV")],
        "zero_statements": [_zero_statement(row) for row in tx.rows(_INVOICES, booking_id=booking_id, series="ZS")],
    }, version=row["version"])  # fmt: skip


def _line(row: Row) -> Row:
    name = session_label(row.pop("offering"), row.pop("day"), row.pop("start"), row.pop("end"))
    return {**row, "name": name, "extras": row["extras"] or []}


def _invoice(row: Row) -> Row:
    return {
        "id": row["id"], "number": number_text(row["series"], row["year"], row["number"]),
        "total_minor": row["total_minor"], "due_on": row["due_on"],
    }  # fmt: skip


def _zero_statement(row: Row) -> Row:
    return {"id": row["id"], "number": number_text(row["series"], row["year"], row["number"])}


def _credit_note(row: Row) -> Row:
    number = number_text(row["series"], row["year"], row["number"])
    return {"id": row["id"], "number": number, "total_minor": row["total_minor"]}
