"""The documents of an account as they are listed, and its statement as values."""

from dataclasses import asdict
from uuid import UUID

from api.moves import Principal
from api.reads.finance import show_numbered
from api.reads.orders import own_accounts
from api.reads.paging import Listing
from engine.database import Row, Transaction
from engine.errors import NotFound
from invoicing.account_papers import Statement

# Each with the series, year and number that make its name; a receipt is named after its payment.
_DOCUMENTS = """
SELECT {keys}, d.id, d.kind, d.series, d.year, d.number, d.name, d.account_id, d.reference, d.issued_on, d.total_minor
FROM (
    SELECT v.organisation_id, v.id, CASE v.series WHEN 'ZS' THEN 'ZERO_STATEMENT' ELSE 'INVOICE' END AS kind,
           v.series, v.year, v.number, NULL AS name, v.account_id,
           b.reference, v.issued_on, CASE v.series WHEN 'ZS' THEN 0 ELSE v.total_minor END AS total_minor
    FROM invoice v JOIN term_booking b ON b.organisation_id = v.organisation_id AND b.id = v.booking_id
    UNION ALL
    SELECT v.organisation_id, v.id, 'CREDIT_NOTE', v.series, v.year, v.number, NULL, v.account_id, b.reference,
           v.issued_on, v.total_minor
    FROM credit_note v JOIN term_booking b ON b.organisation_id = v.organisation_id AND b.id = v.booking_id
    WHERE v.series = 'CN'
    UNION ALL
    SELECT q.organisation_id, q.id, 'QUOTE', q.series, q.year, q.number, NULL, o.account_id, o.reference, q.issued_on,
           q.total_minor
    FROM quote q JOIN term_booking_order o ON o.organisation_id = q.organisation_id AND o.id = q.order_id
    UNION ALL
    SELECT y.organisation_id, y.id, 'RECEIPT', NULL, NULL, NULL, y.reference, y.account_id,
           coalesce(o.reference, y.reference), e.posted_on, y.amount_minor
    FROM payment y
    LEFT JOIN term_booking_order o ON o.organisation_id = y.organisation_id AND o.id = y.order_id
    JOIN ledger_entry e ON e.organisation_id = y.organisation_id AND e.source_kind = 'PAYMENT' AND e.source_id = y.id
         AND e.purpose = 'CAPTURED'
    WHERE y.status = 'SUCCESS'
) d
WHERE d.organisation_id = %(org)s{where}
"""
_PATHS = {
    "INVOICE": "/invoices/{}/document", "CREDIT_NOTE": "/credit-notes/{}/document", "QUOTE": "/quotes/{}/document",
    "RECEIPT": "/payments/{}/receipt", "ZERO_STATEMENT": "/zero-statements/{}/document",
}  # fmt: skip


def documents(principal: Principal) -> Listing:
    """Issued documents and receipts that the caller may see, newest first."""
    found = Listing(_DOCUMENTS, [("d.issued_on", "date"), ("d.id", "uuid")], is_descending=True)
    own_accounts(found, principal, "d.account_id")
    return found


def show_document(principal: Principal, row: Row) -> Row:
    name = row.pop("name")
    if name is None:
        row = show_numbered(row)
    else:
        row = {key: value for key, value in row.items() if key not in ("series", "year")} | {"number": name}
    return {**row, "total": principal.money(row["total_minor"]), "path": _PATHS[row["kind"]].format(row["id"])}


def require_account(tx: Transaction, principal: Principal, account_id: UUID) -> None:
    """Raises NotFound for an account that the caller may not see."""
    seen = principal.actor.may_see_account(account_id)
    found = tx.row("SELECT id FROM account WHERE organisation_id = %(org)s AND id = %(id)s", id=account_id)
    if not seen or found is None:
        raise NotFound("There is no such account.", what="account")


def show_statement(principal: Principal, account_id: UUID, statement: Statement) -> Row:
    return {
        "account_id": account_id, "account": statement.number, "period_from": statement.period_from,
        "period_until": statement.issued_on, "currency": statement.currency,
        "opening_minor": statement.opening_minor, "charged_minor": statement.charged_minor,
        "credited_minor": statement.credited_minor, "closing_minor": statement.closing_minor,
        "closing": principal.money(statement.closing_minor),
        "movements": [asdict(row) for row in statement.balanced],
        "open_items": [asdict(item) for item in statement.open_items],
    }  # fmt: skip
