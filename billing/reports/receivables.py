"""What families owe, by how long it is overdue."""

from billing.open_parts import open_parts
from billing.reports.form import Column, Period, Report, money, tie
from engine.database import Transaction
from models import LedgerAccount, LedgerEntry

_LOCAL = "AT TIME ZONE o.time_zone)::date"
_AGED = f"""
WITH o AS (
    -- Clocks may be put back around midnight: rather two hours too many.
    SELECT time_zone, (%(until)s + 1)::timestamp AT TIME ZONE time_zone - interval '2 hours' AS nearly_over
    FROM organisation WHERE id = %(org)s
), nearly AS (
    -- What can be open at the end of that day: invoices of bookings that are not paid now, and what was settled since.
    -- The rest was settled before, and is not looked at.
    SELECT v.organisation_id, v.id, v.account_id, v.billing_id, v.issued_on, v.due_on, v.total_minor
    FROM term_booking b
    JOIN invoice v ON v.organisation_id = b.organisation_id AND v.booking_id = b.id
    WHERE b.organisation_id = %(org)s AND b.payment_state IN ('OPEN', 'PENDING_PAYMENT')
    UNION
    SELECT v.organisation_id, v.id, v.account_id, v.billing_id, v.issued_on, v.due_on, v.total_minor
    FROM (SELECT a.invoice_id FROM payment_allocation a
          WHERE a.organisation_id = %(org)s AND a.created_at >= (SELECT nearly_over FROM o)
          UNION
          SELECT a.invoice_id FROM credit_allocation a
          WHERE a.organisation_id = %(org)s AND a.created_at >= (SELECT nearly_over FROM o)) since
    CROSS JOIN LATERAL (SELECT x.* FROM invoice x
                        WHERE x.organisation_id = %(org)s AND x.id = since.invoice_id LIMIT 1) v
), invoices AS (
    SELECT v.organisation_id, v.account_id, v.billing_id, v.due_on, v.total_minor,
           coalesce(p.minor, 0) AS paid_minor, v.total_minor - coalesce(c.minor, 0) AS left_minor
    FROM nearly v CROSS JOIN o
    CROSS JOIN LATERAL (
        SELECT sum(a.amount_minor)::bigint AS minor FROM payment_allocation a
        WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id AND (a.created_at {_LOCAL} <= %(until)s) p
    CROSS JOIN LATERAL (
        SELECT sum(a.amount_minor)::bigint AS minor FROM credit_allocation a
        WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id AND (a.created_at {_LOCAL} <= %(until)s) c
    WHERE v.issued_on <= %(until)s AND v.total_minor <> coalesce(p.minor, 0) + coalesce(c.minor, 0)
), open AS (
    SELECT v.account_id, %(until)s - p.due_on AS days, p.minor
    FROM invoices v CROSS JOIN LATERAL {open_parts(paid="v.paid_minor", left="v.left_minor")} p
    UNION ALL
    -- What is owed without an invoice, such as spent credit that a bank took back: due from the day it was posted.
    SELECT p.account_id, %(until)s - min(e.posted_on), sum(p.minor)
    FROM ledger_entry e
    -- What a wallet paid of it is of the same debt, and lessens that.
    LEFT JOIN wallet_entry w ON w.organisation_id = e.organisation_id AND w.id = e.source_id AND w.kind = 'SET_OFF'
    LEFT JOIN payment_dispute d ON d.organisation_id = e.organisation_id AND d.id = e.source_id
    CROSS JOIN LATERAL (
        SELECT x.account_id, sum(x.amount_minor) AS minor FROM ledger_posting x
        WHERE x.organisation_id = %(org)s AND x.entry_id = e.id AND x.ledger_account = 'RECEIVABLE'
        GROUP BY x.account_id) p
    WHERE e.organisation_id = %(org)s AND e.posted_on <= %(until)s AND {LedgerEntry.APART}
    GROUP BY p.account_id, coalesce(w.payment_id, d.payment_id, e.source_id)
), owed AS (
    SELECT account_id, coalesce(sum(minor) FILTER (WHERE days <= 0), 0)::bigint AS not_due_minor,
           coalesce(sum(minor) FILTER (WHERE days BETWEEN 1 AND 30), 0)::bigint AS days_1_minor,
           coalesce(sum(minor) FILTER (WHERE days BETWEEN 31 AND 60), 0)::bigint AS days_31_minor,
           coalesce(sum(minor) FILTER (WHERE days BETWEEN 61 AND 90), 0)::bigint AS days_61_minor,
           coalesce(sum(minor) FILTER (WHERE days > 90), 0)::bigint AS days_91_minor, sum(minor)::bigint AS total_minor
    FROM open GROUP BY account_id HAVING bool_or(minor <> 0)
)
SELECT a.reference, a.name, owed.not_due_minor, owed.days_1_minor, owed.days_31_minor, owed.days_61_minor,
       owed.days_91_minor, owed.total_minor
-- Looked up one by one: most families owe nothing.
FROM owed CROSS JOIN LATERAL (SELECT x.reference, x.name FROM account x
                              WHERE x.organisation_id = %(org)s AND x.id = owed.account_id LIMIT 1) a
ORDER BY a.name, a.reference
"""


def aged_receivables(tx: Transaction, period: Period) -> Report:
    """What each family owes at the end of the period, by the days since it was due; an instalment is due by itself."""
    rows = tx.rows(_AGED, until=period.until)
    columns = [
        Column("reference", "Account"), Column("name", "Name"), money("not_due_minor", "Not due"),
        money("days_1_minor", "1–30 days"), money("days_31_minor", "31–60 days"), money("days_61_minor", "61–90 days"),
        money("days_91_minor", "Over 90 days"), money("total_minor", "Total"),
    ]  # fmt: skip
    ties = tie(tx, LedgerAccount.RECEIVABLE, report_minor=sum(r["total_minor"] for r in rows), until=period.until)
    return Report("aged-receivables", "Aged receivables", period, columns, rows, ties)
