"""What was earned in a period: by program, by extra, by month."""

from billing.reports.balances import by_day
from billing.reports.form import Column, Kind, Period, Report, money, tie
from billing.reports.kept import kept
from engine.database import Transaction
from models import KeptKind, LedgerAccount

# What was earned, by what it is of: of the days of which nothing is kept. Postings are added up by session before
# anything is looked up about that.
REVENUE = """
SELECT f.day, s.term_program_set_id, f.ledger_account, f.source_kind, f.component, sum(f.lines)::int AS lines,
       sum(f.minor)::bigint AS amount_minor
FROM (
    SELECT p.posted_on AS day, p.ledger_account, e.source_kind, coalesce(c.component, w.component) AS component,
           coalesce(c.term_product_id, w.term_product_id) AS session_id, count(*) AS lines,
           -sum(p.amount_minor) AS minor
    FROM unkept u
    CROSS JOIN LATERAL (
        SELECT x.posted_on, x.entry_id, x.ledger_account, x.amount_minor FROM ledger_posting x
        WHERE x.organisation_id = %(org)s AND x.ledger_account IN ('REVENUE', 'FEE_REVENUE')
          AND x.posted_on BETWEEN u.first_on AND u.last_on OFFSET 0) p
    -- One by one: those of a few days are few beside all that there are.
    CROSS JOIN LATERAL (SELECT x.id, x.source_kind, x.source_id FROM ledger_entry x
                        WHERE x.organisation_id = %(org)s AND x.id = p.entry_id OFFSET 0) e
    LEFT JOIN LATERAL (
        SELECT b.component, b.term_product_id FROM revenue_recognition r
        JOIN invoice_line l ON l.organisation_id = r.organisation_id AND l.id = r.invoice_line_id
        JOIN billing_line b ON b.organisation_id = l.organisation_id AND b.id = l.billing_line_id
        WHERE r.organisation_id = %(org)s AND r.entry_id = e.id LIMIT 1) c ON true
    LEFT JOIN LATERAL (SELECT x.component, x.term_product_id FROM pass_use x
                       WHERE e.source_kind = 'PASS_USE' AND x.organisation_id = %(org)s AND x.id = e.source_id
                       LIMIT 1) w ON true
    GROUP BY 1, 2, 3, 4, 5) f
LEFT JOIN term_product s ON s.organisation_id = %(org)s AND s.id = f.session_id
GROUP BY 1, 2, 3, 4, 5
"""
_EARNED = f"""
WITH {kept(KeptKind.JOURNAL)}, earned AS (
    SELECT k.day, r.term_program_set_id, r.ledger_account, r.source_kind, r.component, r.lines, r.amount_minor AS minor
    FROM kept k JOIN kept_revenue r ON r.organisation_id = %(org)s AND r.kept_id = k.id
    UNION ALL
    {REVENUE}
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
FROM (
    SELECT term_program_set_id, ledger_account, source_kind, component, sum(minor) AS minor FROM earned
    GROUP BY 1, 2, 3, 4) f
LEFT JOIN term_program_set o ON o.organisation_id = %(org)s AND o.id = f.term_program_set_id
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
FROM (
    SELECT source_kind, component, sum(lines) AS lines, sum(minor) AS minor FROM earned GROUP BY 1, 2) f
LEFT JOIN extra x ON x.organisation_id = %(org)s AND 'EXTRA:' || x.id = component
GROUP BY 1 ORDER BY 1
"""
_BY_PERIOD = f"""
WITH {by_day()}
SELECT to_char(day, 'YYYY-MM') AS month,
       coalesce(sum(credit_minor - debit_minor) FILTER (WHERE ledger_account = 'REVENUE'), 0)::bigint AS revenue_minor,
       coalesce(sum(credit_minor - debit_minor) FILTER (WHERE ledger_account = 'FEE_REVENUE'), 0)::bigint AS fees_minor,
       sum(credit_minor - debit_minor)::bigint AS total_minor
FROM posted GROUP BY 1 ORDER BY 1
"""
_ACCOUNTS = (LedgerAccount.REVENUE, LedgerAccount.FEE_REVENUE)


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
    rows = tx.rows(sql, since=period.since, until=period.until, accounts=[account.value for account in _ACCOUNTS])
    ties = tie(tx, *_ACCOUNTS, since=period.since, until=period.until,
               report_minor=-sum(row["total_minor"] for row in rows))  # fmt: skip
    return Report(name, title, period, columns, rows, ties)
