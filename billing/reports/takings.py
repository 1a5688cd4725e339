"""Money that came in and went out, by day and provider."""

from billing.reports.form import Column, Kind, Period, Report, money, tie
from billing.reports.kept import kept
from engine.database import Transaction
from models import KeptKind, LedgerAccount

_MONEY = (LedgerAccount.GATEWAY_CLEARING, LedgerAccount.BANK, LedgerAccount.CASH)
# By day, account and provider, of the days of which nothing is kept.
TAKINGS = """
SELECT p.posted_on AS day, p.ledger_account, y.provider, e.source_kind, count(*)::int AS postings,
       coalesce(sum(p.amount_minor) FILTER (WHERE p.amount_minor > 0), 0)::bigint AS in_minor,
       coalesce(sum(p.amount_minor) FILTER (WHERE p.amount_minor < 0), 0)::bigint AS out_minor
FROM unkept u
CROSS JOIN LATERAL (
    SELECT x.posted_on, x.entry_id, x.ledger_account, x.amount_minor FROM ledger_posting x
    WHERE x.organisation_id = %(org)s AND x.ledger_account IN ('GATEWAY_CLEARING', 'BANK', 'CASH')
      AND x.posted_on BETWEEN u.first_on AND u.last_on OFFSET 0) p
-- One by one: those of a few days are few beside all that there are.
CROSS JOIN LATERAL (SELECT x.source_kind, x.source_id FROM ledger_entry x
                    WHERE x.organisation_id = %(org)s AND x.id = p.entry_id OFFSET 0) e
LEFT JOIN LATERAL (
    SELECT x.provider FROM payment x
    WHERE x.organisation_id = %(org)s AND x.id = CASE e.source_kind
        WHEN 'PAYMENT' THEN e.source_id
        WHEN 'REFUND' THEN (SELECT r.payment_id FROM refund r WHERE r.organisation_id = %(org)s AND r.id = e.source_id)
        WHEN 'DISPUTE' THEN (SELECT d.payment_id FROM payment_dispute d
                             WHERE d.organisation_id = %(org)s AND d.id = e.source_id) END
    LIMIT 1) y ON true
GROUP BY 1, 2, 3, 4
"""
_TAKINGS = f"""
WITH {kept(KeptKind.JOURNAL)}, moved AS (
    SELECT k.day, t.ledger_account, t.provider, t.source_kind, t.postings, t.in_minor, t.out_minor
    FROM kept k JOIN kept_takings t ON t.organisation_id = %(org)s AND t.kept_id = k.id
    UNION ALL
    {TAKINGS}
)
SELECT day, coalesce(provider, 'posted as ' || lower(source_kind)) AS provider, ledger_account AS account,
       sum(postings)::bigint AS postings, sum(in_minor)::bigint AS in_minor, sum(out_minor)::bigint AS out_minor,
       sum(in_minor + out_minor)::bigint AS total_minor
FROM moved GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
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
