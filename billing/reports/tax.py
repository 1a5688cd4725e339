"""The tax of what was invoiced, less that of what was credited; passes that were sold and revoked among it."""

from billing.reports.form import Column, Period, Report, money, tie
from billing.reports.kept import kept
from engine.database import Transaction
from models import KeptKind, LedgerAccount

# By day and rate, of the days of which nothing is kept.
TAXES = """
SELECT d.day, d.tax_name, d.tax_rate, sum(d.net_minor)::bigint AS net_minor, sum(d.tax_minor)::bigint AS tax_minor,
       sum(d.credited_net_minor)::bigint AS credited_net_minor, sum(d.credited_tax_minor)::bigint AS credited_tax_minor
FROM unkept u
CROSS JOIN LATERAL (
    SELECT v.issued_on AS day, l.tax_name, l.tax_rate, l.net_minor, l.tax_minor, 0 AS credited_net_minor,
           0 AS credited_tax_minor
    FROM invoice v JOIN invoice_line l ON l.organisation_id = v.organisation_id AND l.invoice_id = v.id
    WHERE v.organisation_id = %(org)s AND v.issued_on BETWEEN u.first_on AND u.last_on
    UNION ALL
    SELECT n.issued_on, l.tax_name, l.tax_rate, 0, 0, l.net_minor, l.tax_minor
    FROM credit_note n JOIN credit_note_line l ON l.organisation_id = n.organisation_id AND l.credit_note_id = n.id
    WHERE n.organisation_id = %(org)s AND n.issued_on BETWEEN u.first_on AND u.last_on
    UNION ALL
    SELECT e.sold_on, e.tax_name, e.tax_rate, e.net_minor, e.tax_minor, 0, 0
    FROM entitlement e WHERE e.organisation_id = %(org)s AND e.sold_on BETWEEN u.first_on AND u.last_on
    UNION ALL
    SELECT e.revoked_on, e.tax_name, e.tax_rate, 0, 0, e.revoked_net_minor, e.revoked_tax_minor
    FROM entitlement e WHERE e.organisation_id = %(org)s AND e.revoked_on BETWEEN u.first_on AND u.last_on
    OFFSET 0) d
GROUP BY 1, 2, 3
"""
_TAX = f"""
WITH {kept(KeptKind.JOURNAL)}, taxed AS (
    SELECT k.day, t.tax_name, t.tax_rate, t.net_minor, t.tax_minor, t.credited_net_minor, t.credited_tax_minor
    FROM kept k JOIN kept_tax t ON t.organisation_id = %(org)s AND t.kept_id = k.id
    UNION ALL
    {TAXES}
)
SELECT to_char(day, 'YYYY-MM') AS month, tax_name, (tax_rate * 100)::numeric(9, 4)::text AS percent,
       sum(net_minor)::bigint AS invoiced_net_minor, sum(tax_minor)::bigint AS invoiced_tax_minor,
       sum(-credited_net_minor)::bigint AS credited_net_minor, sum(-credited_tax_minor)::bigint AS credited_tax_minor,
       sum(net_minor - credited_net_minor)::bigint AS net_minor,
       sum(tax_minor - credited_tax_minor)::bigint AS tax_minor
FROM taxed GROUP BY 1, tax_name, tax_rate ORDER BY 1, tax_name, tax_rate
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
