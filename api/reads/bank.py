"""Bank statements as they are shown."""

from dataclasses import asdict
from uuid import UUID

from api.moves import Answer
from api.reads.paging import Listing
from engine.database import Transaction
from workflows.bank_suggestions import suggest

IS_OPEN = "(l.amount_minor > 0 AND l.matched_minor < l.amount_minor AND l.set_aside_at IS NULL)"
_STATEMENTS = f"""
SELECT {{keys}}, s.id, s.filename, s.format, s.bank_account, s.lines, s.fresh_lines, s.imported_at,
       (SELECT count(*) FROM bank_line l
        WHERE l.organisation_id = s.organisation_id AND l.statement_id = s.id AND {IS_OPEN}) AS open_lines
FROM bank_statement s
WHERE s.organisation_id = %(org)s{{where}}
"""
_LINES = f"""
SELECT {{keys}}, l.id, l.statement_id, l.bank_account, l.booked_on, l.amount_minor, l.matched_minor, l.currency,
       l.payer_name, l.payer_account, l.text, l.set_aside_reason,
       CASE WHEN l.amount_minor < 0 THEN 'OUT' WHEN l.set_aside_at IS NOT NULL THEN 'SET_ASIDE'
            WHEN {IS_OPEN} THEN 'OPEN' ELSE 'MATCHED' END AS status
FROM bank_line l
WHERE l.organisation_id = %(org)s{{where}}
"""
_MATCHES = """
SELECT m.payment_id, y.reference AS payment_reference, o.reference AS order_reference, m.amount_minor, m.matched_at,
       m.undone_at, m.undo_reason
FROM bank_match m
JOIN payment y ON y.organisation_id = m.organisation_id AND y.id = m.payment_id
JOIN term_booking_order o ON o.organisation_id = y.organisation_id AND o.id = y.order_id
WHERE m.organisation_id = %(org)s AND m.line_id = %(id)s ORDER BY m.matched_at, m.id
"""


def statements() -> Listing:
    """Imported files, newest first."""
    return Listing(_STATEMENTS, [("s.id", "uuid")], is_descending=True)


def lines() -> Listing:
    """Movements on the account, in the order of their days."""
    return Listing(_LINES, [("l.booked_on", "date"), ("l.id", "uuid")])


def statement(tx: Transaction, statement_id: UUID, *, status: int = 200) -> Answer:
    """An imported file. Raises NotFound."""
    found = statements()
    found.where("s.id = %(id)s", id=statement_id)
    row = found.one(tx, "statement")
    return Answer(row, status, location=f"/bank-statements/{statement_id}" if status == 201 else None)


def line(tx: Transaction, line_id: UUID) -> Answer:
    """A line with its payments, and what it may pay. Raises NotFound."""
    found = lines()
    found.where("l.id = %(id)s", id=line_id)
    row = found.one(tx, "line")
    suggestions = [asdict(one) for one in suggest(tx, line_id)] if row["status"] == "OPEN" else []
    return Answer({**row, "matches": tx.rows(_MATCHES, id=line_id), "suggestions": suggestions})
