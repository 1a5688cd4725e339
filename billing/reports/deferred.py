"""What is invoiced and still to be held, by the month of the sessions: of the present from what is kept of each invoice
line, of another day from what moved up to it.
"""

from datetime import date

from billing.reports.form import Column, Period, Report, money, tie
from billing.reports.kept import kept
from engine.database import Transaction
from models import Deferral, KeptKind, LedgerAccount

# Of the session `s`; of one without a day, of the end of its term.
_MONTH = """date_trunc('month', coalesce(s.local_date, (
           SELECT t.ends_on FROM term_program_set p
           JOIN term t ON t.organisation_id = p.organisation_id AND t.id = p.term_id
           WHERE p.organisation_id = %(org)s AND p.id = s.term_program_set_id)))::date"""
# One by one: those of a few days, or that are open, are few beside all that there are.
_ITS_SESSION = """CROSS JOIN LATERAL (SELECT x.local_date, x.term_program_set_id FROM term_product x
                    WHERE x.organisation_id = %(org)s AND x.id = m.term_product_id OFFSET 0) s"""
# By day and the month of the sessions, of the days of which nothing is kept: added up by session first.
DEFERRALS = f"""
SELECT m.day, {_MONTH} AS month, sum(m.invoiced)::bigint AS invoiced_minor, sum(m.credited)::bigint AS credited_minor,
       sum(m.earned)::bigint AS earned_minor
FROM (
    SELECT w.day, d.term_product_id, sum(w.invoiced) AS invoiced, sum(w.credited) AS credited, sum(w.earned) AS earned
    FROM unkept u
    CROSS JOIN LATERAL (
        SELECT v.issued_on AS day, l.id, l.net_minor AS invoiced, 0 AS credited, 0 AS earned
        FROM invoice v JOIN invoice_line l ON l.organisation_id = v.organisation_id AND l.invoice_id = v.id
        WHERE v.organisation_id = %(org)s AND v.issued_on BETWEEN u.first_on AND u.last_on
        UNION ALL
        SELECT n.issued_on, x.invoice_line_id, 0, x.net_minor, 0
        FROM credit_note n
        JOIN credit_note_line x ON x.organisation_id = n.organisation_id AND x.credit_note_id = n.id
        WHERE n.organisation_id = %(org)s AND n.issued_on BETWEEN u.first_on AND u.last_on
        UNION ALL
        SELECT e.posted_on, x.invoice_line_id, 0, 0, x.amount_minor
        FROM ledger_entry e
        JOIN revenue_recognition x ON x.organisation_id = e.organisation_id AND x.entry_id = e.id
        WHERE e.organisation_id = %(org)s AND e.posted_on BETWEEN u.first_on AND u.last_on
          AND e.source_kind = 'RECOGNITION'
        OFFSET 0) w
    CROSS JOIN LATERAL (SELECT x.term_product_id FROM deferral x
                        WHERE x.organisation_id = %(org)s AND x.id = w.id OFFSET 0) d
    GROUP BY 1, 2) m {_ITS_SESSION}
GROUP BY 1, 2
"""
_PAST = f"""
WITH {kept(KeptKind.DEFERRAL)}, moved AS (
    SELECT d.month, d.invoiced_minor, d.credited_minor, d.earned_minor
    FROM kept k JOIN kept_deferral d ON d.organisation_id = %(org)s AND d.kept_id = k.id
    UNION ALL
    SELECT month, invoiced_minor, credited_minor, earned_minor FROM ({DEFERRALS}) f
)
"""
_PRESENT = f"""
WITH months AS MATERIALIZED (
    SELECT n.month, (n.month + interval '1 month')::date AS next_month FROM (
        SELECT DISTINCT {_MONTH} AS month
        FROM (SELECT DISTINCT d.term_product_id FROM deferral d
              WHERE d.organisation_id = %(org)s AND d.{Deferral.OPEN}) m {_ITS_SESSION}) n
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
), moved AS (
    -- Every line of those months, whether it is open or not.
    SELECT s.month, d.invoiced_minor, d.credited_minor, d.earned_minor FROM sessions s
    CROSS JOIN LATERAL (SELECT x.* FROM deferral x
                        WHERE x.organisation_id = %(org)s AND x.term_product_id = s.id OFFSET 0) d
)
"""
_BY_MONTH = """
SELECT to_char(month, 'YYYY-MM') AS month, sum(invoiced_minor)::bigint AS invoiced_minor,
       -sum(credited_minor)::bigint AS credited_minor, -sum(earned_minor)::bigint AS earned_minor,
       sum(invoiced_minor - credited_minor - earned_minor)::bigint AS deferred_minor
FROM moved GROUP BY moved.month HAVING sum(invoiced_minor - credited_minor - earned_minor) <> 0 ORDER BY moved.month
"""
# The last day of each is the end of an index.
_IS_PAST = """
SELECT greatest((SELECT max(posted_on) FROM ledger_entry WHERE organisation_id = %(org)s),
                (SELECT max(issued_on) FROM invoice WHERE organisation_id = %(org)s),
                (SELECT max(issued_on) FROM credit_note WHERE organisation_id = %(org)s)) > %(until)s AS is_past
"""


def deferred_revenue(tx: Transaction, period: Period) -> Report:
    """What is invoiced at the end of the period and still to be held, by the month of the sessions."""
    found = tx.row(_IS_PAST, until=period.until)
    assert found is not None
    rows = tx.rows((_PAST if found["is_past"] else _PRESENT) + _BY_MONTH, since=date.min, until=period.until)
    columns = [
        Column("month", "Month of the sessions"), money("invoiced_minor", "Invoiced"),
        money("credited_minor", "Credited"), money("earned_minor", "Earned"), money("deferred_minor", "Deferred"),
    ]  # fmt: skip
    deferred = -sum(row["deferred_minor"] for row in rows)
    ties = tie(tx, LedgerAccount.DEFERRED_REVENUE, report_minor=deferred, until=period.until)
    return Report("deferred-revenue", "Deferred revenue", period, columns, rows, ties)
