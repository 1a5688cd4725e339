"""Money that came in and went out, by day and provider."""

from billing.reports.form import Column, Kind, Period, Report, money, tie
from engine.database import Transaction
from models import LedgerAccount

_MONEY = (LedgerAccount.GATEWAY_CLEARING, LedgerAccount.BANK, LedgerAccount.CASH)
# The entry of each posting, and what leads from it to the payment that it is of; NULL where it is of none.
OF_ENTRY = """ledger_posting p
JOIN ledger_entry e ON e.organisation_id = p.organisation_id AND e.id = p.entry_id
LEFT JOIN payment_dispute d ON d.organisation_id = e.organisation_id AND d.id = e.source_id
     AND e.source_kind = 'DISPUTE'
LEFT JOIN refund r ON r.organisation_id = e.organisation_id AND r.id = e.source_id AND e.source_kind = 'REFUND'"""
PAYMENT_ID = "coalesce(d.payment_id, r.payment_id, CASE WHEN e.source_kind = 'PAYMENT' THEN e.source_id END)"
_TAKINGS = f"""
WITH moved AS MATERIALIZED (
    SELECT p.posted_on, p.ledger_account, p.amount_minor, e.source_kind,
           {PAYMENT_ID} AS payment_id
    FROM {OF_ENTRY}
    WHERE p.organisation_id = %(org)s AND p.ledger_account IN ('GATEWAY_CLEARING', 'BANK', 'CASH')
      AND p.posted_on BETWEEN %(since)s AND %(until)s
)
SELECT m.posted_on AS day, coalesce(y.provider, 'posted as ' || lower(m.source_kind)) AS provider,
       m.ledger_account AS account, count(*) AS postings,
       coalesce(sum(m.amount_minor) FILTER (WHERE m.amount_minor > 0), 0)::bigint AS in_minor,
       coalesce(sum(m.amount_minor) FILTER (WHERE m.amount_minor < 0), 0)::bigint AS out_minor,
       sum(m.amount_minor)::bigint AS total_minor
FROM moved m
-- Looked up one by one: the payments of a period are few beside all that there are.
LEFT JOIN LATERAL (SELECT x.provider FROM payment x
                   WHERE x.organisation_id = %(org)s AND x.id = m.payment_id LIMIT 1) y ON true
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def daily_takings(tx: Transaction, period: Period) -> Report:
    """What came in and went out each day, by provider and where the money is."""
    rows = tx.rows(_TAKINGS, since=period.since, until=period.until)
    columns = [
        Column("day", "Day", Kind.DAY), Column("provider", "Provider"), Column("account", "Account"),
        Column("postings", "Postings", Kind.COUNT), money("in_minor", "In"), money("out_minor", "Out"),
        money("total_minor", "Total"),
    ]  # fmt: skip
    total = sum(row["total_minor"] for row in rows)
    ties = tie(tx, *_MONEY, report_minor=total, since=period.since, until=period.until)
    return Report("takings", "Daily takings", period, columns, rows, ties)
