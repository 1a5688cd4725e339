"""The books as they are shown: entries with their postings, the lines of an account, locks, write-offs, reports."""

from collections.abc import Collection
from uuid import UUID

from api.moves import Answer, Principal
from api.reads.paging import Listing
from billing.reports.parts import ReportPart
from engine.database import Row, Transaction
from invoicing.issue import number_text

_ENTRIES = """
SELECT {keys}, e.id, e.posted_on, e.event_on, e.source_kind, e.source_id, e.purpose, e.reverses_id, e.created_at,
       (SELECT r.id FROM ledger_entry r WHERE r.organisation_id = e.organisation_id AND r.reverses_id = e.id)
       AS reversed_by, coalesce(m.reason, '') AS reason,
       (SELECT json_agg(json_build_object('ledger_account', p.ledger_account, 'account_id', p.account_id,
                                          'account', a.name, 'amount_minor', p.amount_minor) ORDER BY p.id)
        FROM ledger_posting p
        LEFT JOIN account a ON a.organisation_id = p.organisation_id AND a.id = p.account_id
        WHERE p.organisation_id = e.organisation_id AND p.entry_id = e.id) AS postings
FROM ledger_entry e
LEFT JOIN manual_entry m ON m.organisation_id = e.organisation_id AND m.id = e.source_id AND e.source_kind = 'MANUAL'
WHERE e.organisation_id = %(org)s{where}
"""


def entries() -> Listing:
    """The entries of the books, newest first."""
    return Listing(_ENTRIES, [("e.posted_on", "date"), ("e.id", "uuid")], is_descending=True)


def entry(tx: Transaction, entry_id: UUID, *, status: int = 200) -> Answer:
    """An entry with its postings. Raises NotFound."""
    found = entries()
    found.where("e.id = %(id)s", id=entry_id)
    shown = found.one(tx, "entry")
    return Answer(shown, status, location=f"/ledger/entries/{entry_id}" if status == 201 else None)


# The balance is that of all that was posted to the account before, whatever page is shown.
_LINES = """
SELECT {keys}, e.id, e.entry_id, e.posted_on, e.source_kind, e.source_id, e.purpose, e.account_id, e.account,
       e.amount_minor, e.balance_minor
FROM (
    SELECT p.id, p.entry_id, x.posted_on, x.source_kind, x.source_id, x.purpose, p.account_id, a.name AS account,
           p.amount_minor, sum(p.amount_minor) OVER (ORDER BY x.posted_on, p.id)::bigint AS balance_minor
    FROM ledger_posting p
    JOIN ledger_entry x ON x.organisation_id = p.organisation_id AND x.id = p.entry_id
    LEFT JOIN account a ON a.organisation_id = p.organisation_id AND a.id = p.account_id
    WHERE p.organisation_id = %(org)s AND p.ledger_account = %(ledger_account)s{of_account}
) e WHERE true{where}
"""


def lines(ledger_account: str, account_id: UUID | None) -> Listing:
    """What was posted to an account of the books, oldest first, each with the balance after it."""
    # Named by itself, so that a family's few lines are read by their index.
    of_account = "" if account_id is None else " AND p.account_id = %(account_id)s"
    given = {"ledger_account": ledger_account, **({"account_id": account_id} if account_id is not None else {})}
    sql = _LINES.replace("{of_account}", of_account)
    return Listing(sql, [("e.posted_on", "date"), ("e.id", "uuid")], parameters=given)


# What the entries were posted of, by the numbers that people know: `what` leads to `id`, its own or its invoice.
_NAMED = """
SELECT v.id AS source_id, 'invoice' AS what, v.id, v.series, v.year, v.number, NULL AS reference FROM invoice v
WHERE v.organisation_id = %(org)s AND v.id = ANY(%(ids)s)
UNION ALL SELECT n.id, 'credit_note', n.id, n.series, n.year, n.number, NULL FROM credit_note n
WHERE n.organisation_id = %(org)s AND n.id = ANY(%(ids)s)
UNION ALL SELECT y.id, 'payment', y.id, NULL, NULL, NULL, y.reference FROM payment y
WHERE y.organisation_id = %(org)s AND y.id = ANY(%(ids)s)
UNION ALL SELECT e.id, 'entitlement', e.id, NULL, NULL, NULL, e.reference FROM entitlement e
WHERE e.organisation_id = %(org)s AND e.id = ANY(%(ids)s)
UNION ALL SELECT l.id, 'invoice', v.id, v.series, v.year, v.number, NULL FROM payment_allocation l
JOIN invoice v ON v.organisation_id = l.organisation_id AND v.id = l.invoice_id
WHERE l.organisation_id = %(org)s AND l.id = ANY(%(ids)s)
UNION ALL SELECT w.id, 'invoice', v.id, v.series, v.year, v.number, NULL FROM write_off w
JOIN invoice v ON v.organisation_id = w.organisation_id AND v.id = w.invoice_id
WHERE w.organisation_id = %(org)s AND w.id = ANY(%(ids)s)
"""


def named(tx: Transaction, sources: Collection[UUID]) -> dict[UUID, Row]:
    """What these are that entries were posted of: `what`, `id` and how it is written; those without a number not."""
    return {
        row["source_id"]: {
            "what": row["what"], "id": row["id"],
            "label": row["reference"] or number_text(row["series"], row["year"], row["number"]),
        } for row in tx.rows(_NAMED, ids=list(sources))
    }  # fmt: skip


_LOCKS = """
SELECT {keys}, l.id, to_char(l.month, 'YYYY-MM') AS month, l.note, l.locked_at, x.name AS locked_by, l.unlocked_at,
       y.name AS unlocked_by, l.unlock_reason
FROM period_lock l
LEFT JOIN "user" x ON x.organisation_id = l.organisation_id AND x.id = l.locked_by
LEFT JOIN "user" y ON y.organisation_id = l.organisation_id AND y.id = l.unlocked_by
WHERE l.organisation_id = %(org)s{where}
"""


def locks() -> Listing:
    """The months that are or were locked, the latest first."""
    return Listing(_LOCKS, [("l.month", "date"), ("l.id", "uuid")], is_descending=True)


def lock(tx: Transaction, lock_id: UUID, *, status: int = 200) -> Answer:
    """A lock. Raises NotFound."""
    found = locks()
    found.where("l.id = %(id)s", id=lock_id)
    return Answer(found.one(tx, "lock"), status, location=None)


_WRITE_OFFS = """
SELECT {keys}, w.id, w.invoice_id, v.series, v.year, v.number, w.account_id, a.name AS account, w.amount_minor,
       w.reason, w.written_off_on, x.name AS made_by, w.created_at, w.undone_at, w.undo_reason
FROM write_off w
JOIN invoice v ON v.organisation_id = w.organisation_id AND v.id = w.invoice_id
JOIN account a ON a.organisation_id = w.organisation_id AND a.id = w.account_id
LEFT JOIN "user" x ON x.organisation_id = w.organisation_id AND x.id = w.made_by
WHERE w.organisation_id = %(org)s{where}
"""


def write_offs() -> Listing:
    """What was given up, newest first."""
    return Listing(_WRITE_OFFS, [("w.id", "uuid")], is_descending=True)


def show_write_off(row: Row) -> Row:
    return {**row, "invoice": number_text(row.pop("series"), row.pop("year"), row.pop("number"))}


def write_off(tx: Transaction, write_off_id: UUID, *, status: int = 200) -> Answer:
    """A write-off. Raises NotFound."""
    found = write_offs()
    found.where("w.id = %(id)s", id=write_off_id)
    return Answer(show_write_off(found.one(tx, "write-off")), status)


_OVERDUE_FEES = """
SELECT {keys}, f.id, f.reference, f.account_id, a.name AS account, f.booking_id, b.reference AS booking_reference,
       f.invoice_id AS overdue_invoice_id, f.instalment_id, f.due_on, f.overdue_minor, f.amount_minor, f.charged_on,
       v.id AS invoice_id, v.series, v.year, v.number, f.waived_at, x.name AS waived_by, f.waive_reason
FROM overdue_fee f
JOIN account a ON a.organisation_id = f.organisation_id AND a.id = f.account_id
JOIN term_booking b ON b.organisation_id = f.organisation_id AND b.id = f.booking_id
JOIN invoice_line l ON l.organisation_id = f.organisation_id AND l.overdue_fee_id = f.id
JOIN invoice v ON v.organisation_id = l.organisation_id AND v.id = l.invoice_id
LEFT JOIN "user" x ON x.organisation_id = f.organisation_id AND x.id = f.waived_by
WHERE f.organisation_id = %(org)s{where}
"""


def overdue_fees(*, invoice_id: UUID | None = None) -> Listing:
    """Fees of what was not paid in time, newest first; of an invoice those that it caused or asks for."""
    found = Listing(_OVERDUE_FEES, [("f.id", "uuid")], is_descending=True)
    found.where("%(invoice)s IN (f.invoice_id, v.id)", invoice=invoice_id)
    return found


def show_overdue_fee(row: Row) -> Row:
    return {**row, "invoice": number_text(row.pop("series"), row.pop("year"), row.pop("number"))}


def overdue_fee(tx: Transaction, overdue_fee_id: UUID) -> Answer:
    """A fee. Raises NotFound."""
    found = overdue_fees()
    found.where("f.id = %(id)s", id=overdue_fee_id)
    return Answer(show_overdue_fee(found.one(tx, "late payment fee")))


def report(principal: Principal, made: ReportPart, *, next_row: int) -> Answer:
    """A report with its sums, some rows of it, and what the books say of the same."""
    ties = made.tie
    return Answer({
        "name": made.name, "title": made.title, "since": made.period.since, "until": made.period.until,
        "currency": principal.organisation["currency"],
        "columns": [{"name": column.name, "heading": column.heading, "kind": column.kind.value}
                    for column in made.columns],
        "rows": list(made.rows), "row_count": made.row_count,
        "next_row": next_row if next_row < made.row_count else None, "totals": made.totals,
        "tie": None if ties is None else {
            "ledger_accounts": [account.value for account in ties.accounts], "books_minor": ties.books_minor,
            "report_minor": ties.report_minor, "holds": ties.holds,
        },
    })  # fmt: skip
