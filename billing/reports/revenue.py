"""What was earned in a period: by program, by extra, by month; and the tax of what was invoiced."""

from billing.reports.form import Column, Kind, Period, Report, money, tie
from engine.database import Transaction
from models import LedgerAccount

# Every posting to revenue of the period, with what the invoice line is about where there is one; added up before
# anything is looked up about that.
_EARNED = """
WITH earned AS (
    SELECT p.ledger_account, e.source_kind, coalesce(c.component, u.component) AS component,
           coalesce(c.term_product_id, u.term_product_id) AS session_id, count(*) AS lines,
           -sum(p.amount_minor) AS minor
    FROM ledger_posting p
    JOIN ledger_entry e ON e.organisation_id = p.organisation_id AND e.id = p.entry_id
    -- One by one: those of a period are few beside all that there are.
    LEFT JOIN LATERAL (
        SELECT b.component, b.term_product_id FROM revenue_recognition r
        JOIN invoice_line l ON l.organisation_id = r.organisation_id AND l.id = r.invoice_line_id
        JOIN billing_line b ON b.organisation_id = l.organisation_id AND b.id = l.billing_line_id
        WHERE r.organisation_id = %(org)s AND r.entry_id = e.id LIMIT 1) c ON true
    LEFT JOIN pass_use u ON u.organisation_id = e.organisation_id AND u.id = e.source_id AND e.source_kind = 'PASS_USE'
    WHERE p.organisation_id = %(org)s AND p.ledger_account IN ('REVENUE', 'FEE_REVENUE')
      AND p.posted_on BETWEEN %(since)s AND %(until)s
    GROUP BY 1, 2, 3, 4
)
"""
_BY_PROGRAM = f"""{_EARNED}
SELECT coalesce(k.name, '') AS category,
       coalesce(g.name, CASE f.source_kind WHEN 'ENTITLEMENT' THEN 'Passes: by days, or not used'
                        ELSE 'posted as ' || lower(f.source_kind) END) AS program,
       coalesce(sum(f.minor) FILTER (WHERE f.component = 'SESSION'
                                           OR f.component IS NULL AND f.ledger_account = 'REVENUE'), 0)
       ::bigint AS sessions_minor,
       coalesce(sum(f.minor) FILTER (WHERE starts_with(f.component, 'EXTRA')), 0)::bigint AS extras_minor,
       coalesce(sum(f.minor) FILTER (WHERE f.component <> 'SESSION' AND NOT starts_with(f.component, 'EXTRA')
                                           OR f.component IS NULL AND f.ledger_account = 'FEE_REVENUE'), 0)
       ::bigint AS fees_minor,
       sum(f.minor)::bigint AS total_minor
FROM earned f
LEFT JOIN term_product s ON s.organisation_id = %(org)s AND s.id = f.session_id
LEFT JOIN term_program_set o ON o.organisation_id = s.organisation_id AND o.id = s.term_program_set_id
LEFT JOIN program g ON g.organisation_id = o.organisation_id AND g.id = o.program_id
LEFT JOIN program_category k ON k.organisation_id = g.organisation_id AND k.id = g.category_id
GROUP BY 1, g.id, 2 ORDER BY 1, 2, g.id
"""
_BY_EXTRA = f"""{_EARNED}
SELECT CASE WHEN starts_with(component, 'EXTRA') THEN coalesce(x.name, component)
            WHEN component = 'SESSION' THEN '(sessions)'
            WHEN component IS NULL THEN '(posted as ' || lower(source_kind) || ')'
            ELSE '(fees and adjustments)' END AS extra,
       sum(lines)::bigint AS lines, sum(minor)::bigint AS total_minor
FROM earned
LEFT JOIN extra x ON x.organisation_id = %(org)s AND 'EXTRA:' || x.id = component
GROUP BY 1 ORDER BY 1
"""
_BY_PERIOD = """
SELECT to_char(posted_on, 'YYYY-MM') AS month,
       -coalesce(sum(amount_minor) FILTER (WHERE ledger_account = 'REVENUE'), 0)::bigint AS revenue_minor,
       -coalesce(sum(amount_minor) FILTER (WHERE ledger_account = 'FEE_REVENUE'), 0)::bigint AS fees_minor,
       -sum(amount_minor)::bigint AS total_minor
FROM ledger_posting
WHERE organisation_id = %(org)s AND ledger_account IN ('REVENUE', 'FEE_REVENUE')
  AND posted_on BETWEEN %(since)s AND %(until)s
GROUP BY 1 ORDER BY 1
"""


def revenue_by_program(tx: Transaction, period: Period) -> Report:
    """What each program has earned, by what it was earned with."""
    columns = [
        Column("category", "Category"), Column("program", "Program"), money("sessions_minor", "Sessions"),
        money("extras_minor", "Extras"), money("fees_minor", "Fees"), money("total_minor", "Total"),
    ]  # fmt: skip
    return _earned(tx, period, "revenue-by-program", "Revenue by program", columns, _BY_PROGRAM)


def revenue_by_extra(tx: Transaction, period: Period) -> Report:
    """What each extra has earned, and the rest of the revenue beside them."""
    columns = [Column("extra", "Extra"), Column("lines", "Lines", Kind.COUNT), money("total_minor", "Total")]
    return _earned(tx, period, "revenue-by-extra", "Revenue by extra", columns, _BY_EXTRA)


def revenue_by_period(tx: Transaction, period: Period) -> Report:
    """What each month has earned."""
    columns = [
        Column("month", "Month"), money("revenue_minor", "Revenue"), money("fees_minor", "Fees"),
        money("total_minor", "Total"),
    ]  # fmt: skip
    return _earned(tx, period, "revenue-by-period", "Revenue by period", columns, _BY_PERIOD)


def _earned(tx: Transaction, period: Period, name: str, title: str, columns: list[Column], sql: str) -> Report:
    rows = tx.rows(sql, since=period.since, until=period.until)
    ties = tie(tx, LedgerAccount.REVENUE, LedgerAccount.FEE_REVENUE, since=period.since, until=period.until,
               report_minor=-sum(row["total_minor"] for row in rows))  # fmt: skip
    return Report(name, title, period, columns, rows, ties)


_TAX = """
SELECT to_char(d.issued_on, 'YYYY-MM') AS month, d.tax_name, (d.tax_rate * 100)::numeric(9, 4)::text AS percent,
       sum(d.net_minor)::bigint AS invoiced_net_minor, sum(d.tax_minor)::bigint AS invoiced_tax_minor,
       sum(-d.credited_net_minor)::bigint AS credited_net_minor,
       sum(-d.credited_tax_minor)::bigint AS credited_tax_minor,
       sum(d.net_minor - d.credited_net_minor)::bigint AS net_minor,
       sum(d.tax_minor - d.credited_tax_minor)::bigint AS tax_minor
FROM (
    SELECT v.issued_on, l.tax_name, l.tax_rate, l.net_minor, l.tax_minor, 0 AS credited_net_minor,
           0 AS credited_tax_minor
    FROM invoice_line l JOIN invoice v ON v.organisation_id = l.organisation_id AND v.id = l.invoice_id
    WHERE l.organisation_id = %(org)s AND v.issued_on BETWEEN %(since)s AND %(until)s
    UNION ALL
    SELECT n.issued_on, l.tax_name, l.tax_rate, 0, 0, l.net_minor, l.tax_minor
    FROM credit_note_line l JOIN credit_note n ON n.organisation_id = l.organisation_id AND n.id = l.credit_note_id
    WHERE l.organisation_id = %(org)s AND n.issued_on BETWEEN %(since)s AND %(until)s
    UNION ALL
    SELECT e.sold_on, e.tax_name, e.tax_rate, e.net_minor, e.tax_minor, 0, 0
    FROM entitlement e WHERE e.organisation_id = %(org)s AND e.sold_on BETWEEN %(since)s AND %(until)s
    UNION ALL
    SELECT e.revoked_on, e.tax_name, e.tax_rate, 0, 0, e.revoked_net_minor, e.revoked_tax_minor
    FROM entitlement e WHERE e.organisation_id = %(org)s AND e.revoked_on BETWEEN %(since)s AND %(until)s
) d GROUP BY 1, d.tax_name, d.tax_rate ORDER BY 1, d.tax_name, d.tax_rate
"""


def tax_summary(tx: Transaction, period: Period) -> Report:
    """Tax per rate and month, of what was invoiced less what was credited."""
    rows = tx.rows(_TAX, since=period.since, until=period.until)
    columns = [
        Column("month", "Month"), Column("tax_name", "Tax"), Column("percent", "Rate, %"),
        money("invoiced_net_minor", "Invoiced net"), money("invoiced_tax_minor", "Invoiced tax"),
        money("credited_net_minor", "Credited net"), money("credited_tax_minor", "Credited tax"),
        money("net_minor", "Net"), money("tax_minor", "Tax"),
    ]  # fmt: skip
    ties = tie(tx, LedgerAccount.TAX, since=period.since, until=period.until,
               report_minor=-sum(row["tax_minor"] for row in rows))  # fmt: skip
    return Report("tax", "Tax summary", period, columns, rows, ties)
