"""Planned invoices and invoice runs as they are shown."""

from dataclasses import asdict
from datetime import date, timedelta
from uuid import UUID

from api.moves import Answer, Principal
from api.reads.orders import own_accounts
from api.reads.paging import Listing
from engine.database import Row, Transaction
from engine.errors import Invalid, Reason
from workflows.invoice_runs import RunPreview, read_run

_RUNS = """
SELECT {keys}, r.id, r.through, r.status, r.previewed_invoices, r.previewed_minor, i.invoices, i.total_minor, r.made_by,
       r.user_id, r.started_at, r.finished_at
FROM invoice_run r
CROSS JOIN LATERAL (
    SELECT count(*)::int AS invoices, coalesce(sum(v.total_minor), 0)::bigint AS total_minor
    FROM invoice v WHERE v.organisation_id = r.organisation_id AND v.run_id = r.id) i
WHERE r.organisation_id = %(org)s{where}
"""

# What is given up or closed stands on it no more; the amount is that of the booking's present Billing.
_SCHEDULED = """
SELECT {keys}, w.id, b.account_id, w.booking_id, b.reference AS booking_reference, w.period_from, w.period_until,
       w.issue_on, x.sessions, x.total_minor
FROM invoice_schedule w
JOIN term_booking b ON b.organisation_id = w.organisation_id AND b.id = w.booking_id
CROSS JOIN LATERAL (
    SELECT count(DISTINCT k.id)::int AS sessions, coalesce(sum(y.gross_minor), 0)::bigint AS total_minor
    FROM scheduled_line l
    JOIN term_booking_line k ON k.organisation_id = l.organisation_id AND k.id = l.booking_line_id
    LEFT JOIN billing_line y ON y.organisation_id = b.organisation_id AND y.billing_id = b.billing_id
         AND y.term_product_id = k.term_product_id
    WHERE l.organisation_id = w.organisation_id AND l.schedule_id = w.id AND l.status = 'SCHEDULED'
      AND k.cancelled_at IS NULL AND k.kind <> 'CLOSURE_DAY') x
WHERE w.organisation_id = %(org)s AND w.status = 'SCHEDULED' AND x.sessions > 0{where}
"""

# PDFs of one archive: a minute or so of work.
IN_AN_ARCHIVE = 500

# Nobody invoices a season ahead by a slip of the year.
_FURTHEST_DAYS = 100


def near(through: date, today: date) -> date:
    """A day that a run may reach to. Raises Invalid."""
    if through > today + timedelta(days=_FURTHEST_DAYS):
        message = f"A run reaches at most {_FURTHEST_DAYS} days ahead."
        raise Invalid(message, reasons=[Reason("out_of_range", message, field="through")])
    return through


def runs() -> Listing:
    """Invoice runs, newest first."""
    return Listing(_RUNS, [("r.id", "uuid")], is_descending=True)


def scheduled(principal: Principal) -> Listing:
    """Invoices to come that the caller may see, the next first."""
    found = Listing(_SCHEDULED, [("w.issue_on", "date"), ("w.id", "uuid")])
    own_accounts(found, principal, "b.account_id")
    return found


def show_total(principal: Principal, row: Row) -> Row:
    return {**row, "total": principal.money(row["total_minor"])}


def run(tx: Transaction, principal: Principal, run_id: UUID, *, status: int = 200) -> Answer:
    """A run with what it has issued so far. Raises NotFound."""
    location = f"/invoice-runs/{run_id}" if status == 201 else None
    return Answer(show_total(principal, read_run(tx, run_id)), status, location=location)


def show_preview(principal: Principal, preview: RunPreview) -> Row:
    shown = show_total(principal, asdict(preview))
    return {**shown, "periods": [show_total(principal, period) for period in shown["periods"]]}
