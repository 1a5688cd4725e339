"""What is invoiced and still to be held, by the month of the sessions: the present from what is kept of each invoice
line, another day by walking back from it.
"""

from billing.reports.form import Column, Kind, Period, Report, money, tie
from engine.database import Transaction
from models import Deferral, LedgerAccount

_DEFERRED = f"""
WITH later AS MATERIALIZED (
    -- What was written of a line after that day. Of the present there is nothing.
    SELECT id, sum(invoiced)::bigint AS invoiced, sum(credited)::bigint AS credited, sum(earned)::bigint AS earned
    FROM (
        SELECT l.id, l.net_minor AS invoiced, 0 AS credited, 0 AS earned
        FROM invoice v JOIN invoice_line l ON l.organisation_id = v.organisation_id AND l.invoice_id = v.id
        WHERE v.organisation_id = %(org)s AND v.issued_on > %(until)s
        UNION ALL
        SELECT x.invoice_line_id, 0, x.net_minor, 0
        FROM credit_note n
        JOIN credit_note_line x ON x.organisation_id = n.organisation_id AND x.credit_note_id = n.id
        WHERE n.organisation_id = %(org)s AND n.issued_on > %(until)s
        UNION ALL
        SELECT x.invoice_line_id, 0, 0, x.amount_minor
        FROM ledger_entry e
        JOIN revenue_recognition x ON x.organisation_id = e.organisation_id AND x.entry_id = e.id
        WHERE e.organisation_id = %(org)s AND e.posted_on > %(until)s AND e.source_kind = 'RECOGNITION') w
    GROUP BY id
), open AS MATERIALIZED (
    -- What can be open at the end of that day: what is open now, and what moved since.
    SELECT d.booking_line_id, d.term_product_id FROM deferral d
    WHERE d.organisation_id = %(org)s AND d.{Deferral.OPEN}
    UNION ALL
    SELECT d.booking_line_id, d.term_product_id FROM later
    CROSS JOIN LATERAL (SELECT x.booking_line_id, x.term_product_id FROM deferral x
                        WHERE x.organisation_id = %(org)s AND x.id = later.id LIMIT 1) d
), given_up AS MATERIALIZED (
    SELECT b.id, b.term_product_id, (b.cancelled_at AT TIME ZONE o.time_zone)::date AS day
    FROM term_booking_line b JOIN organisation o ON o.id = b.organisation_id
    WHERE b.organisation_id = %(org)s AND b.cancelled_at IS NOT NULL
), months AS MATERIALIZED (
    SELECT n.month, (n.month + interval '1 month')::date AS next_month FROM (
        SELECT date_trunc('month', coalesce(s.local_date, t.ends_on))::date AS month
        FROM (SELECT DISTINCT term_product_id FROM open) x
        JOIN term_product s ON s.organisation_id = %(org)s AND s.id = x.term_product_id
        JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
        JOIN term t ON t.organisation_id = p.organisation_id AND t.id = p.term_id
        UNION
        SELECT date_trunc('month', g.day)::date FROM open x JOIN given_up g ON g.id = x.booking_line_id) n
), sessions AS MATERIALIZED (
    -- Month by month, and below session by session: these are few beside all that there are.
    SELECT s.id, m.month FROM months m
    CROSS JOIN LATERAL (SELECT x.id FROM term_product x
                        WHERE x.organisation_id = %(org)s AND x.local_date >= m.month
                          AND x.local_date < m.next_month OFFSET 0) s
    UNION ALL
    SELECT s.id, m.month FROM months m
    JOIN term t ON t.organisation_id = %(org)s AND t.ends_on >= m.month AND t.ends_on < m.next_month
    JOIN term_program_set p ON p.organisation_id = %(org)s AND p.term_id = t.id
    JOIN term_product s ON s.organisation_id = %(org)s AND s.term_program_set_id = p.id AND s.local_date IS NULL
), lines AS (
    -- Every line of those months, whether it is open or not.
    SELECT s.month, d.* FROM sessions s
    CROSS JOIN LATERAL (SELECT x.* FROM deferral x
                        WHERE x.organisation_id = %(org)s AND x.term_product_id = s.id OFFSET 0) d
    WHERE NOT EXISTS (SELECT FROM given_up g WHERE g.id = d.booking_line_id)
    UNION ALL
    SELECT m.month, d.* FROM months m
    JOIN given_up g ON g.day >= m.month AND g.day < m.next_month
    JOIN deferral d ON d.organisation_id = %(org)s AND d.term_product_id = g.term_product_id
         AND d.booking_line_id = g.id
), walked_back AS (
    SELECT l.month, l.invoiced_minor - coalesce(later.invoiced, 0) AS invoiced,
           l.credited_minor - coalesce(later.credited, 0) AS credited,
           l.earned_minor - coalesce(later.earned, 0) AS earned
    FROM lines l LEFT JOIN later ON later.id = l.id
)
SELECT to_char(month, 'YYYY-MM') AS month, count(*) FILTER (WHERE invoiced <> credited + earned) AS lines,
       sum(invoiced)::bigint AS invoiced_minor, -sum(credited)::bigint AS credited_minor,
       -sum(earned)::bigint AS earned_minor, sum(invoiced - credited - earned)::bigint AS deferred_minor
FROM walked_back GROUP BY month HAVING bool_or(invoiced <> credited + earned) ORDER BY month
"""


def deferred_revenue(tx: Transaction, period: Period) -> Report:
    """What is invoiced at the end of the period and still to be held, by the month of the sessions."""
    rows = tx.rows(_DEFERRED, until=period.until)
    columns = [
        Column("month", "Month of the sessions"), Column("lines", "Open lines", Kind.COUNT),
        money("invoiced_minor", "Invoiced"), money("credited_minor", "Credited"), money("earned_minor", "Earned"),
        money("deferred_minor", "Deferred"),
    ]  # fmt: skip
    deferred = -sum(row["deferred_minor"] for row in rows)
    ties = tie(tx, LedgerAccount.DEFERRED_REVENUE, report_minor=deferred, until=period.until)
    return Report("deferred-revenue", "Deferred revenue", period, columns, rows, ties)
