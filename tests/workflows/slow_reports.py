"""The reports the slow way, straight from documents and journal, whatever is kept: what the fast must say."""

from collections.abc import Mapping

from billing.open_parts import open_parts
from billing.reports.catalogue import IN_PARTS, REPORTS, ReportName, make_report
from billing.reports.form import Period, Report
from billing.reports.parts import Part
from engine.database import Row, Transaction

_LOCAL = "AT TIME ZONE o.time_zone)::date"
_AGED = f"""
WITH o AS (SELECT time_zone FROM organisation WHERE id = %(org)s), invoices AS (
    SELECT v.organisation_id, v.account_id, v.billing_id, v.due_on, v.total_minor,
           coalesce(p.minor, 0) AS paid_minor, v.total_minor - coalesce(c.minor, 0) AS left_minor
    FROM invoice v CROSS JOIN o
    CROSS JOIN LATERAL (
        SELECT sum(a.amount_minor)::bigint AS minor FROM payment_allocation a
        WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id AND (a.created_at {_LOCAL} <= %(until)s) p
    CROSS JOIN LATERAL (
        SELECT sum(a.amount_minor)::bigint AS minor FROM credit_allocation a
        WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id AND (a.created_at {_LOCAL} <= %(until)s) c
    WHERE v.organisation_id = %(org)s AND v.issued_on <= %(until)s
      AND v.total_minor <> coalesce(p.minor, 0) + coalesce(c.minor, 0)
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
    WHERE e.organisation_id = %(org)s AND e.posted_on <= %(until)s
      AND e.source_kind NOT IN ('INVOICE', 'CREDIT_NOTE', 'PAYMENT_ALLOCATION', 'WRITE_OFF', 'RECOGNITION')
    GROUP BY p.account_id, coalesce(w.payment_id, d.payment_id, e.source_id)
)
SELECT a.reference, a.name,
       coalesce(sum(minor) FILTER (WHERE days <= 0), 0)::bigint AS not_due_minor,
       coalesce(sum(minor) FILTER (WHERE days BETWEEN 1 AND 30), 0)::bigint AS days_1_minor,
       coalesce(sum(minor) FILTER (WHERE days BETWEEN 31 AND 60), 0)::bigint AS days_31_minor,
       coalesce(sum(minor) FILTER (WHERE days BETWEEN 61 AND 90), 0)::bigint AS days_61_minor,
       coalesce(sum(minor) FILTER (WHERE days > 90), 0)::bigint AS days_91_minor,
       sum(minor)::bigint AS total_minor
FROM open JOIN account a ON a.organisation_id = %(org)s AND a.id = open.account_id
GROUP BY a.organisation_id, a.id HAVING bool_or(minor <> 0) ORDER BY total_minor DESC, a.id
"""
_DEFERRED = """
WITH lines AS (
    SELECT to_char(coalesce(s.local_date, t.ends_on), 'YYYY-MM') AS month, l.net_minor AS invoiced,
           coalesce(k.minor, 0) AS credited, coalesce(e.minor, 0) AS earned
    FROM invoice_line l
    JOIN invoice v ON v.organisation_id = l.organisation_id AND v.id = l.invoice_id
    JOIN term_booking_line b ON b.organisation_id = l.organisation_id AND b.id = l.booking_line_id
    JOIN term_product s ON s.organisation_id = b.organisation_id AND s.id = b.term_product_id
    JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
    JOIN term t ON t.organisation_id = p.organisation_id AND t.id = p.term_id
    LEFT JOIN (SELECT x.invoice_line_id, sum(x.net_minor)::bigint AS minor FROM credit_note_line x
               JOIN credit_note m ON m.organisation_id = x.organisation_id AND m.id = x.credit_note_id
               WHERE x.organisation_id = %(org)s AND m.issued_on <= %(until)s GROUP BY x.invoice_line_id
    ) k ON k.invoice_line_id = l.id
    LEFT JOIN (SELECT x.invoice_line_id, sum(x.amount_minor)::bigint AS minor FROM revenue_recognition x
               JOIN ledger_entry y ON y.organisation_id = x.organisation_id AND y.id = x.entry_id
               WHERE x.organisation_id = %(org)s AND y.posted_on <= %(until)s GROUP BY x.invoice_line_id
    ) e ON e.invoice_line_id = l.id
    WHERE l.organisation_id = %(org)s AND v.issued_on <= %(until)s
)
SELECT month, sum(invoiced)::bigint AS invoiced_minor, -sum(credited)::bigint AS credited_minor,
       -sum(earned)::bigint AS earned_minor, sum(invoiced - credited - earned)::bigint AS deferred_minor
FROM lines GROUP BY month HAVING sum(invoiced - credited - earned) <> 0 ORDER BY month
"""
_EARNED = """
WITH earned AS (
    SELECT e.posted_on, e.source_kind, p.ledger_account, -p.amount_minor AS minor,
           coalesce(c.component, u.component) AS component, g.id AS program_id,
           coalesce(g.name, CASE e.source_kind WHEN 'ENTITLEMENT' THEN 'Passes: by days, or not used'
                            ELSE 'posted as ' || lower(e.source_kind) END) AS program, coalesce(k.name, '') AS category
    FROM ledger_posting p
    JOIN ledger_entry e ON e.organisation_id = p.organisation_id AND e.id = p.entry_id
    LEFT JOIN revenue_recognition r ON r.organisation_id = e.organisation_id AND r.entry_id = e.id
    LEFT JOIN invoice_line l ON l.organisation_id = r.organisation_id AND l.id = r.invoice_line_id
    LEFT JOIN billing_line c ON c.organisation_id = l.organisation_id AND c.id = l.billing_line_id
    LEFT JOIN pass_use u ON u.organisation_id = e.organisation_id AND u.id = e.source_id AND e.source_kind = 'PASS_USE'
    LEFT JOIN term_product s ON s.organisation_id = p.organisation_id
         AND s.id = coalesce(c.term_product_id, u.term_product_id)
    LEFT JOIN term_program_set o ON o.organisation_id = s.organisation_id AND o.id = s.term_program_set_id
    LEFT JOIN program g ON g.organisation_id = o.organisation_id AND g.id = o.program_id
    LEFT JOIN program_category k ON k.organisation_id = g.organisation_id AND k.id = g.category_id
    WHERE p.organisation_id = %(org)s AND p.ledger_account IN ('REVENUE', 'FEE_REVENUE')
      AND e.posted_on BETWEEN %(since)s AND %(until)s
)
"""
_BY_PROGRAM = f"""{_EARNED}
SELECT category, program,
       coalesce(sum(minor) FILTER (WHERE component = 'SESSION' OR component IS NULL AND ledger_account = 'REVENUE'), 0)
       ::bigint AS sessions_minor,
       coalesce(sum(minor) FILTER (WHERE starts_with(component, 'EXTRA')), 0)::bigint AS extras_minor,
       coalesce(sum(minor) FILTER (WHERE component <> 'SESSION' AND NOT starts_with(component, 'EXTRA')
                                         OR component IS NULL AND ledger_account = 'FEE_REVENUE'), 0)
       ::bigint AS fees_minor,
       sum(minor)::bigint AS total_minor
FROM earned GROUP BY category, program_id, program ORDER BY category, program, program_id
"""
_BY_EXTRA = f"""{_EARNED}
SELECT CASE WHEN starts_with(component, 'EXTRA') THEN coalesce(x.name, component)
            WHEN component = 'SESSION' THEN '(sessions)'
            WHEN component IS NULL THEN '(posted as ' || lower(source_kind) || ')'
            ELSE '(fees and adjustments)' END AS extra,
       count(*) AS lines, sum(minor)::bigint AS total_minor
FROM earned
LEFT JOIN extra x ON x.organisation_id = %(org)s AND 'EXTRA:' || x.id = component
GROUP BY 1 ORDER BY 1
"""
_BY_PERIOD = f"""{_EARNED}
SELECT to_char(posted_on, 'YYYY-MM') AS month,
       coalesce(sum(minor) FILTER (WHERE ledger_account = 'REVENUE'), 0)::bigint AS revenue_minor,
       coalesce(sum(minor) FILTER (WHERE ledger_account = 'FEE_REVENUE'), 0)::bigint AS fees_minor,
       sum(minor)::bigint AS total_minor
FROM earned GROUP BY 1 ORDER BY 1
"""
_TAKINGS = """
SELECT e.posted_on AS day, coalesce(y.provider, 'posted as ' || lower(e.source_kind)) AS provider,
       p.ledger_account AS account, count(*) AS postings,
       coalesce(sum(p.amount_minor) FILTER (WHERE p.amount_minor > 0), 0)::bigint AS in_minor,
       coalesce(sum(p.amount_minor) FILTER (WHERE p.amount_minor < 0), 0)::bigint AS out_minor,
       sum(p.amount_minor)::bigint AS total_minor
FROM ledger_posting p
JOIN ledger_entry e ON e.organisation_id = p.organisation_id AND e.id = p.entry_id
LEFT JOIN payment_dispute d ON d.organisation_id = e.organisation_id AND d.id = e.source_id
     AND e.source_kind = 'DISPUTE'
LEFT JOIN refund r ON r.organisation_id = e.organisation_id AND r.id = e.source_id AND e.source_kind = 'REFUND'
LEFT JOIN payment y ON y.organisation_id = e.organisation_id
     AND y.id = coalesce(d.payment_id, r.payment_id, CASE WHEN e.source_kind = 'PAYMENT' THEN e.source_id END)
WHERE p.organisation_id = %(org)s AND p.ledger_account IN ('GATEWAY_CLEARING', 'BANK', 'CASH')
  AND e.posted_on BETWEEN %(since)s AND %(until)s
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_TAX = """
SELECT to_char(d.day, 'YYYY-MM') AS month, d.tax_name, (d.tax_rate * 100)::numeric(9, 4)::text AS percent,
       sum(d.net)::bigint AS invoiced_net_minor, sum(d.tax)::bigint AS invoiced_tax_minor,
       sum(d.less_net)::bigint AS credited_net_minor, sum(d.less_tax)::bigint AS credited_tax_minor,
       sum(d.net + d.less_net)::bigint AS net_minor, sum(d.tax + d.less_tax)::bigint AS tax_minor
FROM (
    SELECT v.issued_on AS day, l.tax_name, l.tax_rate, l.net_minor AS net, l.tax_minor AS tax, 0 AS less_net,
           0 AS less_tax
    FROM invoice_line l JOIN invoice v ON v.organisation_id = l.organisation_id AND v.id = l.invoice_id
    WHERE l.organisation_id = %(org)s
    UNION ALL
    SELECT n.issued_on, l.tax_name, l.tax_rate, 0, 0, -l.net_minor, -l.tax_minor
    FROM credit_note_line l JOIN credit_note n ON n.organisation_id = l.organisation_id AND n.id = l.credit_note_id
    WHERE l.organisation_id = %(org)s
    UNION ALL
    SELECT sold_on, tax_name, tax_rate, net_minor, tax_minor, 0, 0 FROM entitlement WHERE organisation_id = %(org)s
    UNION ALL
    SELECT revoked_on, tax_name, tax_rate, 0, 0, -revoked_net_minor, -revoked_tax_minor
    FROM entitlement WHERE organisation_id = %(org)s
) d WHERE d.day BETWEEN %(since)s AND %(until)s
GROUP BY 1, d.tax_name, d.tax_rate ORDER BY 1, d.tax_name, d.tax_rate
"""
_CLEARING = """
WITH clearing AS (
    SELECT e.posted_on, e.source_kind, e.source_id, p.amount_minor,
           coalesce(d.payment_id, r.payment_id, CASE WHEN e.source_kind = 'PAYMENT' THEN e.source_id END) AS payment_id
    FROM ledger_posting p
    JOIN ledger_entry e ON e.organisation_id = p.organisation_id AND e.id = p.entry_id
    LEFT JOIN payment_dispute d ON d.organisation_id = e.organisation_id AND d.id = e.source_id
    LEFT JOIN refund r ON r.organisation_id = e.organisation_id AND r.id = e.source_id
    WHERE p.organisation_id = %(org)s AND p.ledger_account = 'GATEWAY_CLEARING'
), payments AS (
    SELECT y.id, y.provider, y.reference AS payment, coalesce(y.external_id, '') AS external_id, y.status,
           CASE WHEN y.status = 'SUCCESS' THEN y.amount_minor ELSE 0 END
           <> (SELECT coalesce(sum(amount_minor), 0) FROM clearing c
               WHERE c.payment_id = y.id AND c.source_kind = 'PAYMENT') AS differs
    FROM payment y
    WHERE y.organisation_id = %(org)s AND y.provider NOT IN ('manual', 'bank', 'cash', 'direct_debit', 'wallet')
), lines AS (
    SELECT CASE WHEN y.differs THEN 2 ELSE 4 END AS rank, y.id, y.provider, y.payment, y.external_id, y.status,
           min(c.posted_on) AS day, 0 AS before_minor,
           coalesce(sum(c.amount_minor) FILTER (WHERE c.source_kind = 'PAYMENT'), 0)::bigint AS captured_minor,
           coalesce(sum(c.amount_minor) FILTER (WHERE c.source_kind <> 'PAYMENT'), 0)::bigint AS given_back_minor,
           0 AS paid_out_minor, coalesce(sum(c.amount_minor), 0)::bigint AS held_minor,
           CASE WHEN y.differs THEN 'differs from the payment' ELSE '' END AS remark
    FROM payments y
    LEFT JOIN clearing c ON c.payment_id = y.id AND c.posted_on BETWEEN %(since)s AND %(until)s
    GROUP BY y.id, y.provider, y.payment, y.external_id, y.status, y.differs HAVING y.differs OR count(c) > 0
    UNION ALL
    SELECT 3, c.source_id, 'posted as ' || lower(c.source_kind), '', '', '', c.posted_on, 0, 0, 0, c.amount_minor,
           c.amount_minor, coalesce(x.reason, '')
    FROM clearing c LEFT JOIN manual_entry x ON x.organisation_id = %(org)s AND x.id = c.source_id
    WHERE c.payment_id IS NULL AND c.posted_on BETWEEN %(since)s AND %(until)s
    UNION ALL
    SELECT 1, NULL, 'held before', '', '', '', NULL, sum(amount_minor)::bigint, 0, 0, 0, sum(amount_minor)::bigint, ''
    FROM clearing WHERE posted_on < %(since)s HAVING sum(amount_minor) <> 0
)
SELECT provider, payment, external_id, status, day, before_minor, captured_minor, given_back_minor, paid_out_minor,
       held_minor, remark
FROM lines ORDER BY rank, day, id
"""
SLOWLY: Mapping[ReportName, str] = {
    ReportName.AGED_RECEIVABLES: _AGED, ReportName.DEFERRED_REVENUE: _DEFERRED,
    ReportName.REVENUE_BY_PROGRAM: _BY_PROGRAM, ReportName.REVENUE_BY_EXTRA: _BY_EXTRA,
    ReportName.REVENUE_BY_PERIOD: _BY_PERIOD, ReportName.TAKINGS: _TAKINGS, ReportName.TAX: _TAX,
    ReportName.GATEWAY_RECONCILIATION: _CLEARING,
}  # fmt: skip


def agree(tx: Transaction, period: Period) -> None:
    """Every report ties to the books, and says what it says the slow way."""
    for name, make in REPORTS.items():
        made = make(tx, period)
        assert made.tie is None or made.tie.holds, (period, made.tie)
        assert name not in SLOWLY or made.rows == slowly(tx, name, period), (name, period)
        assert name not in IN_PARTS or _is_put_together(tx, name, made), (name, period)


def _is_put_together(tx: Transaction, name: ReportName, whole: Report) -> bool:
    """Read in parts it has the same rows, and each part has the sums and the number of all."""
    size = len(whole.rows) // 2 + 1
    parts = [make_report(tx, name, whole.period, Part(first, size)) for first in (0, size)]
    return [*parts[0].rows, *parts[1].rows] == list(whole.rows) and all(
        (part.totals, part.row_count, part.tie) == (whole.totals, len(whole.rows), whole.tie) for part in parts
    )


def slowly(tx: Transaction, name: ReportName, period: Period) -> list[Row]:
    """The rows of a report, from all that there is."""
    return tx.rows(SLOWLY[name], since=period.since, until=period.until)
