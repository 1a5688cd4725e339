"""What providers hold for us, payment by payment."""

from billing.reports.form import Column, Kind, Period, Report, money, tie
from engine.database import Transaction
from models import LedgerAccount

# The entry of each posting, and what leads from it to the payment that it is of; NULL where it is of none.
_OF_ENTRY = """ledger_posting p
JOIN ledger_entry e ON e.organisation_id = p.organisation_id AND e.id = p.entry_id
LEFT JOIN payment_dispute d ON d.organisation_id = e.organisation_id AND d.id = e.source_id
     AND e.source_kind = 'DISPUTE'
LEFT JOIN refund r ON r.organisation_id = e.organisation_id AND r.id = e.source_id AND e.source_kind = 'REFUND'"""
_PAYMENT_ID = "coalesce(d.payment_id, r.payment_id, CASE WHEN e.source_kind = 'PAYMENT' THEN e.source_id END)"
_CLEARING = f"""
SELECT coalesce(y.provider, 'posted as ' || lower(min(e.source_kind))) AS provider,
       coalesce(y.reference, '') AS payment,
       coalesce(y.external_id, '') AS external_id, coalesce(y.status, '') AS status, min(p.posted_on) AS day,
       coalesce(sum(p.amount_minor) FILTER (WHERE p.amount_minor > 0), 0)::bigint AS captured_minor,
       coalesce(sum(p.amount_minor) FILTER (WHERE p.amount_minor < 0), 0)::bigint AS given_back_minor,
       sum(p.amount_minor)::bigint AS held_minor,
       CASE WHEN y.id IS NULL OR sum(p.amount_minor) = 0 AND y.status = 'FAILED'
                 OR y.status = 'SUCCESS'
                    AND coalesce(sum(p.amount_minor) FILTER (WHERE e.purpose = 'CAPTURED'), 0) = y.amount_minor
            THEN '' ELSE 'differs from the payment' END AS remark
FROM {_OF_ENTRY}
LEFT JOIN payment y ON y.organisation_id = e.organisation_id AND y.id = {_PAYMENT_ID}
WHERE p.organisation_id = %(org)s AND p.ledger_account = 'GATEWAY_CLEARING' AND p.posted_on <= %(until)s
GROUP BY y.organisation_id, y.id, CASE WHEN y.id IS NULL THEN e.id END,
         CASE WHEN y.id IS NULL THEN e.source_kind END
HAVING sum(p.amount_minor) <> 0 OR max(p.posted_on) >= %(since)s
ORDER BY 1, min(p.posted_on), 2, 3, min(e.id::text)
"""


def gateway_reconciliation(tx: Transaction, period: Period) -> Report:
    """What providers hold for us at the end of the period, payment by payment; what was settled before is left out."""
    rows = tx.rows(_CLEARING, since=period.since, until=period.until)
    columns = [
        Column("provider", "Provider"), Column("payment", "Payment"), Column("external_id", "Provider's id"),
        Column("status", "Status"), Column("day", "Day", Kind.DAY), money("captured_minor", "Captured"),
        money("given_back_minor", "Given back"), money("held_minor", "Held"), Column("remark", "Remark"),
    ]  # fmt: skip
    ties = tie(tx, LedgerAccount.GATEWAY_CLEARING, report_minor=sum(row["held_minor"] for row in rows),
               until=period.until)  # fmt: skip
    return Report("gateway-reconciliation", "Gateway reconciliation", period, columns, rows, ties)
