"""Invoices, quotes and payments as they are shown."""

from collections.abc import Callable, Sequence
from uuid import UUID

from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads.orders import own_accounts
from api.reads.paging import Listing
from billing.open_parts import open_parts
from engine.database import Row, Transaction
from invoicing.document import Document
from invoicing.issue import number_text
from invoicing.pdf import render_pdf

_INVOICES = f"""
SELECT {{keys}}, v.id, v.series, v.year, v.number, v.account_id, a.name AS account, v.booking_id,
       b.reference AS booking_reference, v.currency, v.net_minor, v.tax_minor, v.total_minor,
       n.paid_minor, n.settled_minor - n.written_off_minor AS credited_minor, n.written_off_minor,
       v.total_minor - n.paid_minor - n.settled_minor AS owing_minor, v.issued_on, v.due_on,
       d.next_due_on
FROM invoice v
JOIN account a ON a.organisation_id = v.organisation_id AND a.id = v.account_id
JOIN term_booking b ON b.organisation_id = v.organisation_id AND b.id = v.booking_id
CROSS JOIN LATERAL (
    SELECT (SELECT coalesce(sum(x.amount_minor), 0)::bigint FROM payment_allocation x
            WHERE x.organisation_id = v.organisation_id AND x.invoice_id = v.id) AS paid_minor,
           (SELECT coalesce(sum(x.amount_minor), 0)::bigint FROM credit_allocation x
            WHERE x.organisation_id = v.organisation_id AND x.invoice_id = v.id) AS settled_minor,
           (SELECT coalesce(sum(x.amount_minor), 0)::bigint FROM credit_allocation x
            WHERE x.organisation_id = v.organisation_id AND x.invoice_id = v.id AND x.write_off_id IS NOT NULL)
           AS written_off_minor) n
CROSS JOIN LATERAL (
    SELECT min(x.due_on) FILTER (WHERE x.minor > 0) AS next_due_on
    FROM {open_parts(paid="n.paid_minor", left="(v.total_minor - n.settled_minor)")} x) d
WHERE v.organisation_id = %(org)s AND v.series = 'INV'{{where}}
"""
IS_OPEN = "v.total_minor > n.paid_minor + n.settled_minor"
# Of what is open, the first part that is not paid: its day is over.
IS_OVERDUE = "d.next_due_on < %(today)s"


def invoices(principal: Principal) -> Listing:
    """Invoices that the caller may see, newest first."""
    return _newest(_INVOICES, principal)


def show_numbered(row: Row) -> Row:
    """A document with its number as it is written: INV-2026-000042."""
    return {**row, "number": number_text(row.pop("series"), row.pop("year"), row["number"])}


_INVOICE_LINES = """
SELECT description, session_date, quantity, net_minor, tax_minor, gross_minor, tax_name, tax_rate, position
FROM invoice_line WHERE organisation_id = %(org)s AND invoice_id = %(id)s ORDER BY position
"""


_OVERDUE_FEE = """
SELECT coalesce(sum(amount_minor), 0)::bigint AS minor FROM overdue_fee
WHERE organisation_id = %(org)s AND invoice_id = %(id)s AND waived_at IS NULL
"""


def invoice(tx: Transaction, principal: Principal, invoice_id: UUID) -> Answer:
    """An invoice with its lines. Raises NotFound, also for another family's."""
    found = invoices(principal)
    found.where("v.id = %(id)s", id=invoice_id)
    shown = show_numbered(found.one(tx, "invoice"))
    (fee,) = tx.rows(_OVERDUE_FEE, id=invoice_id)
    return Answer({
        **shown, "total": principal.money(shown["total_minor"]), "owing": principal.money(shown["owing_minor"]),
        "overdue_fee_minor": fee["minor"], "lines": tx.rows(_INVOICE_LINES, id=invoice_id),
    })  # fmt: skip


_CREDIT_NOTES = """
SELECT {keys}, v.id, v.series, v.year, v.number, v.account_id, a.name AS account, v.booking_id,
       b.reference AS booking_reference, v.currency, v.net_minor, v.tax_minor, v.total_minor, v.reason, v.issued_on,
       ARRAY(SELECT x.invoice_id FROM credit_allocation x
             WHERE x.organisation_id = v.organisation_id AND x.credit_note_id = v.id ORDER BY x.id) AS invoice_ids
FROM credit_note v
JOIN account a ON a.organisation_id = v.organisation_id AND a.id = v.account_id
JOIN term_booking b ON b.organisation_id = v.organisation_id AND b.id = v.booking_id
WHERE v.organisation_id = %(org)s AND v.series = 'CN'{where}
"""
_CREDIT_NOTE_LINES = """
SELECT invoice_line_id, description, session_date, quantity, net_minor, tax_minor, gross_minor, tax_name, tax_rate,
       position
FROM credit_note_line WHERE organisation_id = %(org)s AND credit_note_id = %(id)s ORDER BY position
"""


def credit_notes(principal: Principal) -> Listing:
    """Credit notes that the caller may see, newest first."""
    return _newest(_CREDIT_NOTES, principal)


def credit_note(tx: Transaction, principal: Principal, credit_note_id: UUID) -> Answer:
    """A credit note with its lines. Raises NotFound, also for another family's."""
    found = credit_notes(principal)
    found.where("v.id = %(id)s", id=credit_note_id)
    shown = show_numbered(found.one(tx, "credit note"))
    return Answer({
        **shown, "total": principal.money(shown["total_minor"]), "lines": tx.rows(_CREDIT_NOTE_LINES, id=credit_note_id)
    })  # fmt: skip


_ZERO_STATEMENTS = """
SELECT {keys}, v.id, v.series, v.year, v.number, v.account_id, a.name AS account, v.booking_id,
       b.reference AS booking_reference, v.currency, v.total_minor AS moved_minor, v.issued_on, n.reason
FROM invoice v
JOIN account a ON a.organisation_id = v.organisation_id AND a.id = v.account_id
JOIN term_booking b ON b.organisation_id = v.organisation_id AND b.id = v.booking_id
JOIN credit_note n ON n.organisation_id = v.organisation_id AND n.series = v.series AND n.year = v.year
     AND n.number = v.number
WHERE v.organisation_id = %(org)s AND v.series = 'ZS'{where}
"""
_ZERO_STATEMENT_LINES = """
SELECT l.description, l.session_date, l.quantity, l.net_minor, l.tax_minor, l.gross_minor, l.tax_name, l.tax_rate,
       (row_number() OVER (ORDER BY l.is_charge, l.position) - 1)::int AS position
FROM (
    SELECT false AS is_charge, x.description, x.session_date, x.quantity, -x.net_minor AS net_minor,
           -x.tax_minor AS tax_minor, -x.gross_minor AS gross_minor, x.tax_name, x.tax_rate, x.position
    FROM credit_note_line x
    JOIN credit_note n ON n.organisation_id = x.organisation_id AND n.id = x.credit_note_id
    JOIN invoice v ON v.organisation_id = n.organisation_id AND v.series = n.series AND v.year = n.year
         AND v.number = n.number
    WHERE v.organisation_id = %(org)s AND v.id = %(id)s
    UNION ALL
    SELECT true, x.description, x.session_date, x.quantity, x.net_minor, x.tax_minor, x.gross_minor, x.tax_name,
           x.tax_rate, x.position
    FROM invoice_line x WHERE x.organisation_id = %(org)s AND x.invoice_id = %(id)s) l
ORDER BY position
"""


def zero_statements(principal: Principal) -> Listing:
    """Zero statements that the caller may see, newest first."""
    return _newest(_ZERO_STATEMENTS, principal)


def zero_statement(tx: Transaction, principal: Principal, statement_id: UUID) -> Answer:
    """A zero statement: what is taken back, then what it became. Raises NotFound, also for another family's."""
    found = zero_statements(principal)
    found.where("v.id = %(id)s", id=statement_id)
    shown = show_numbered(found.one(tx, "zero statement"))
    return Answer({
        **shown, "total_minor": 0, "total": principal.money(0), "lines": tx.rows(_ZERO_STATEMENT_LINES, id=statement_id)
    })  # fmt: skip


_QUOTES = """
SELECT {keys}, q.id, q.series, q.year, q.number, q.order_id, o.reference AS order_reference, o.account_id,
       q.total_minor, q.issued_on, q.expires_at
FROM quote q
JOIN term_booking_order o ON o.organisation_id = q.organisation_id AND o.id = q.order_id
WHERE q.organisation_id = %(org)s{where}
"""


def quotes(principal: Principal) -> Listing:
    """Quotes that the caller may see, newest first."""
    found = Listing(_QUOTES, [("q.id", "uuid")], is_descending=True)
    own_accounts(found, principal, "o.account_id")
    return found


def quote(tx: Transaction, principal: Principal, quote_id: UUID) -> Answer:
    """A quote. Raises NotFound, also for another family's."""
    found = quotes(principal)
    found.where("q.id = %(id)s", id=quote_id)
    return Answer(show_numbered(found.one(tx, "quote")))


_PAYMENTS = """
SELECT {keys}, y.id, y.reference, y.order_id, o.reference AS order_reference, y.account_id, y.status, y.provider,
       y.amount_minor, y.currency, y.checkout_url, y.checkout_id, y.failure_reason, y.note, y.collect_on, y.invoice_id,
       y.returned_at, y.created_at, y.updated_at
FROM payment y
LEFT JOIN term_booking_order o ON o.organisation_id = y.organisation_id AND o.id = y.order_id
WHERE y.organisation_id = %(org)s{where}
"""


def payments(principal: Principal) -> Listing:
    """Payments that the caller may see, newest first."""
    found = Listing(_PAYMENTS, [("y.id", "uuid")], is_descending=True)
    own_accounts(found, principal, "y.account_id")
    return found


def show_payment(principal: Principal, row: Row) -> Row:
    return {**row, "amount": principal.money(row["amount_minor"])}


def payment(tx: Transaction, principal: Principal, payment_id: UUID, *, status: int = 200) -> Answer:
    """A payment. Raises NotFound, also for another family's."""
    found = payments(principal)
    found.where("y.id = %(id)s", id=payment_id)
    shown = show_payment(principal, found.one(tx, "payment"))
    return Answer(shown, status, location=f"/payments/{payment_id}" if status == 201 else None)


def checkout(tx: Transaction, principal: Principal, checkout_id: UUID, *, status: int = 200) -> Answer:
    """The payments of several orders that are paid at once."""
    rows = tx.rows("SELECT id FROM payment WHERE organisation_id = %(org)s AND checkout_id = %(id)s", id=checkout_id)
    return payments_together(tx, principal, [row["id"] for row in rows], status=status)


def payments_together(tx: Transaction, principal: Principal, ids: Sequence[UUID], *, status: int = 200) -> Answer:
    """Payments and their sum."""
    found = payments(principal)
    found.where("y.id = ANY(%(ids)s)", ids=list(ids))
    page = found.page(tx, cursor=None, limit=len(ids), show=lambda row: show_payment(principal, row))
    assert page.body is not None
    each = sorted(page.body["items"], key=lambda payment: payment["order_reference"])
    total_minor = sum(payment["amount_minor"] for payment in each)
    return Answer({
        "status": each[0]["status"], "amount_minor": total_minor, "amount": principal.money(total_minor),
        "currency": each[0]["currency"], "checkout_url": each[0]["checkout_url"], "payments": each,
    }, status)  # fmt: skip


_REVIEWS = """
SELECT {keys}, r.id, r.kind, r.payment_id, y.reference AS payment_reference, y.order_id, r.provider, r.external_id,
       r.asked_minor, r.reported_minor, r.reported_currency, r.created_at, r.resolved_at, r.resolution
FROM payment_review r
LEFT JOIN payment y ON y.organisation_id = r.organisation_id AND y.id = r.payment_id
WHERE r.organisation_id = %(org)s{where}
"""


def reviews() -> Listing:
    """Money that somebody of finance must look at, oldest first."""
    return Listing(_REVIEWS, [("r.id", "uuid")])


def review(tx: Transaction, review_id: UUID) -> Answer:
    """An entry of finance's list. Raises NotFound."""
    found = reviews()
    found.where("r.id = %(id)s", id=review_id)
    return Answer(found.one(tx, "review"))


def printed(
    fetch: Callable[[Callable[[Transaction, Principal], Document]], Document], document_id: UUID,
    read: Callable[[Transaction, Principal, UUID], Answer], make: Callable[[Transaction, UUID], Document],
) -> Response:  # fmt: skip
    """A document as PDF, for who may `read` it. Raises NotFound."""

    def query(tx: Transaction, who: Principal) -> Document:
        read(tx, who, document_id)
        return make(tx, document_id)

    return pdf(fetch(query))


def pdf(document: Document) -> Response:
    """Laid out after the transaction has ended: it takes a while."""
    return as_pdf(render_pdf(document), name=document.number)


def as_pdf(content: bytes, *, name: str) -> Response:
    """A paper to be looked at in the browser, or kept under its name."""
    disposition = f'inline; filename="{name}.pdf"'
    return Response(content, media_type="application/pdf", headers={"Content-Disposition": disposition})


def _newest(documents: str, principal: Principal) -> Listing:
    """Of these documents those that the caller may see, newest first."""
    found = Listing(documents, [("v.id", "uuid")], is_descending=True)
    own_accounts(found, principal, "v.account_id")
    return found
