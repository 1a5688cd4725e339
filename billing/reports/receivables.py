"""What families owe, by how long it is overdue."""

from billing.open_parts import open_parts
from billing.reports.form import Column, Period, money, tie
from billing.reports.parts import ALL, Part, ReportPart, read_part
from engine.database import Transaction
from models import LedgerAccount, LedgerEntry, Receivable

_LOCAL = "AT TIME ZONE o.time_zone)::date"
_AGES = """
coalesce(sum(minor) FILTER (WHERE days <= 0), 0)::bigint AS not_due_minor,
coalesce(sum(minor) FILTER (WHERE days BETWEEN 1 AND 30), 0)::bigint AS days_1_minor,
coalesce(sum(minor) FILTER (WHERE days BETWEEN 31 AND 60), 0)::bigint AS days_31_minor,
coalesce(sum(minor) FILTER (WHERE days BETWEEN 61 AND 90), 0)::bigint AS days_61_minor,
coalesce(sum(minor) FILTER (WHERE days > 90), 0)::bigint AS days_91_minor,
coalesce(sum(minor), 0)::bigint AS total_minor"""
_AGED = f"""
WITH o AS (
    -- Clocks may be put back around midnight: rather two hours too many.
    SELECT time_zone, (%(until)s + 1)::timestamp AT TIME ZONE time_zone - interval '2 hours' AS nearly_over,
           (%(until)s + 2)::timestamp AT TIME ZONE time_zone AS long_over
    FROM organisation WHERE id = %(org)s
), since AS MATERIALIZED (
    -- What is kept of an invoice is of now: what was settled after that day is taken off again.
    SELECT invoice_id, sum(paid_minor)::bigint AS paid_minor, sum(credited_minor)::bigint AS credited_minor
    FROM (SELECT a.invoice_id, a.amount_minor AS paid_minor, 0 AS credited_minor
          FROM payment_allocation a CROSS JOIN o
          WHERE a.organisation_id = %(org)s AND a.created_at >= o.nearly_over
            AND (a.created_at >= o.long_over OR (a.created_at {_LOCAL} > %(until)s)
          UNION ALL
          SELECT a.invoice_id, 0, a.amount_minor
          FROM credit_allocation a CROSS JOIN o
          WHERE a.organisation_id = %(org)s AND a.created_at >= o.nearly_over
            AND (a.created_at >= o.long_over OR (a.created_at {_LOCAL} > %(until)s)
    ) a GROUP BY invoice_id
), invoices AS MATERIALIZED (
    SELECT r.organisation_id, r.account_id, r.billing_id, r.due_on, r.total_minor,
           r.paid_minor - coalesce(s.paid_minor, 0) AS paid_minor,
           r.total_minor - r.credited_minor + coalesce(s.credited_minor, 0) AS left_minor
    FROM (SELECT * FROM receivable WHERE organisation_id = %(org)s AND issued_on <= %(until)s AND {Receivable.OPEN}
          UNION ALL
          SELECT * FROM receivable
          WHERE organisation_id = %(org)s AND issued_on <= %(until)s AND NOT ({Receivable.OPEN})
            AND moved_at >= (SELECT nearly_over FROM o)) r
    LEFT JOIN since s ON s.invoice_id = r.id
), open AS MATERIALIZED (
    SELECT v.account_id, %(until)s - v.due_on AS days, v.left_minor - v.paid_minor AS minor
    FROM invoices v
    WHERE v.left_minor <> v.paid_minor
      AND NOT EXISTS (SELECT FROM payment_schedule s
                      WHERE s.organisation_id = v.organisation_id AND s.billing_id = v.billing_id)
    UNION ALL
    SELECT v.account_id, %(until)s - p.due_on, p.minor
    FROM invoices v CROSS JOIN LATERAL {open_parts(paid="v.paid_minor", left="v.left_minor")} p
    WHERE v.left_minor <> v.paid_minor
      AND EXISTS (SELECT FROM payment_schedule s
                  WHERE s.organisation_id = v.organisation_id AND s.billing_id = v.billing_id)
    UNION ALL
    -- What is owed without an invoice, such as spent credit that a bank took back: due from the day it was posted.
    SELECT p.account_id, %(until)s - min(e.posted_on), sum(p.minor)::bigint
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
), owed AS MATERIALIZED (
    SELECT account_id, sum(minor)::bigint AS total_minor FROM open WHERE minor <> 0 GROUP BY account_id
), shown AS MATERIALIZED (
    SELECT account_id FROM owed ORDER BY total_minor DESC, account_id LIMIT %(limit)s OFFSET %(first_row)s
)
SELECT a.reference, a.name, w.*, NULL::bigint AS row_count
FROM (SELECT account_id, {_AGES} FROM open WHERE account_id IN (SELECT account_id FROM shown) GROUP BY account_id) w
CROSS JOIN LATERAL (SELECT x.reference, x.name FROM account x
                    WHERE x.organisation_id = %(org)s AND x.id = w.account_id LIMIT 1) a
UNION ALL
SELECT NULL, NULL, NULL, {_AGES}, (SELECT count(*) FROM owed) FROM open
ORDER BY row_count DESC, total_minor DESC, account_id
"""


def aged_receivables(tx: Transaction, period: Period, part: Part = ALL) -> ReportPart:
    """What each family owes at the end of the period, by the days since it was due; an instalment is due by itself.
    Who owes the most comes first.
    """
    columns = [
        Column("reference", "Account"), Column("name", "Name"), money("not_due_minor", "Not due"),
        money("days_1_minor", "1–30 days"), money("days_31_minor", "31–60 days"), money("days_61_minor", "61–90 days"),
        money("days_91_minor", "Over 90 days"), money("total_minor", "Total"),
    ]  # fmt: skip
    rows, sums, count = read_part(tx, _AGED, columns, part, until=period.until)
    ties = tie(tx, LedgerAccount.RECEIVABLE, report_minor=sums["total_minor"], until=period.until)
    return ReportPart("aged-receivables", "Aged receivables", period, columns, rows, ties, row_count=count, sums=sums)
