"""What providers held for us, what they captured and gave back, what they paid out, and what they hold now."""

from billing.reports.balances import posted
from billing.reports.form import Column, Kind, Period, Tie, money
from billing.reports.parts import ALL, Part, ReportPart, read_part
from engine.database import Transaction
from models import Capture, LedgerAccount

# The entry of each posting, and what leads from it to the payment that it is of; NULL where it is of none.
_OF_ENTRY = """ledger_posting p
JOIN ledger_entry e ON e.organisation_id = p.organisation_id AND e.id = p.entry_id
LEFT JOIN payment_dispute d ON d.organisation_id = e.organisation_id AND d.id = e.source_id
     AND e.source_kind = 'DISPUTE'
LEFT JOIN refund r ON r.organisation_id = e.organisation_id AND r.id = e.source_id AND e.source_kind = 'REFUND'"""
_PAYMENT_ID = "coalesce(d.payment_id, r.payment_id, CASE WHEN e.source_kind = 'PAYMENT' THEN e.source_id END)"
# The lines of a report in their order: what finance looks at first, then payment by payment.
_HELD_BEFORE, _DIFFERS, _PAID_OUT, _MOVED = range(4)
_SUMS = """
coalesce(sum(before_minor), 0)::bigint AS before_minor, coalesce(sum(captured_minor), 0)::bigint AS captured_minor,
coalesce(sum(given_back_minor), 0)::bigint AS given_back_minor,
coalesce(sum(paid_out_minor), 0)::bigint AS paid_out_minor, coalesce(sum(held_minor), 0)::bigint AS held_minor"""
_CLEARING = f"""
WITH moved AS MATERIALIZED (
    SELECT p.posted_on, p.amount_minor, e.source_kind, e.source_id, {_PAYMENT_ID} AS payment_id
    FROM {_OF_ENTRY}
    WHERE p.organisation_id = %(org)s AND p.ledger_account = 'GATEWAY_CLEARING'
      AND p.posted_on BETWEEN %(since)s AND %(until)s
), differs AS MATERIALIZED (
    SELECT id FROM capture WHERE organisation_id = %(org)s AND {Capture.DIFFERS}
), lines AS MATERIALIZED (
    SELECT {_HELD_BEFORE} AS rank, NULL::uuid AS payment_id, NULL AS source_kind, NULL::uuid AS source_id,
           NULL::date AS day, %(before_minor)s::bigint AS before_minor, 0::bigint AS captured_minor,
           0::bigint AS given_back_minor, 0::bigint AS paid_out_minor, %(before_minor)s::bigint AS held_minor
    WHERE %(before_minor)s::bigint <> 0
    UNION ALL
    -- Whenever it was.
    SELECT {_DIFFERS}, d.id, NULL, NULL, NULL, 0, 0, 0, 0, 0
    FROM differs d WHERE NOT EXISTS (SELECT FROM moved m WHERE m.payment_id = d.id)
    UNION ALL
    SELECT {_PAID_OUT}, NULL, m.source_kind, m.source_id, m.posted_on, 0, 0, 0, m.amount_minor, m.amount_minor
    FROM moved m WHERE m.payment_id IS NULL
    UNION ALL
    SELECT CASE WHEN m.payment_id IN (SELECT id FROM differs) THEN {_DIFFERS} ELSE {_MOVED} END, m.payment_id,
           NULL, NULL, min(m.posted_on), 0,
           coalesce(sum(m.amount_minor) FILTER (WHERE m.source_kind = 'PAYMENT'), 0)::bigint,
           coalesce(sum(m.amount_minor) FILTER (WHERE m.source_kind <> 'PAYMENT'), 0)::bigint, 0,
           sum(m.amount_minor)::bigint
    FROM moved m WHERE m.payment_id IS NOT NULL GROUP BY m.payment_id
), shown AS (
    SELECT * FROM lines ORDER BY rank, day, coalesce(payment_id, source_id) LIMIT %(limit)s OFFSET %(first_row)s
)
SELECT CASE WHEN s.rank = {_HELD_BEFORE} THEN 'held before'
            ELSE coalesce(y.provider, 'posted as ' || lower(s.source_kind)) END AS provider,
       coalesce(y.reference, '') AS payment, coalesce(y.external_id, '') AS external_id,
       coalesce(y.status, '') AS status, s.day, s.before_minor, s.captured_minor, s.given_back_minor,
       s.paid_out_minor, s.held_minor,
       CASE WHEN s.rank = {_DIFFERS} THEN 'differs from the payment' ELSE coalesce(x.reason, '') END AS remark,
       NULL::bigint AS row_count, s.rank, coalesce(s.payment_id, s.source_id) AS id
FROM shown s
-- Looked up one by one: what is shown is little beside all that there are.
LEFT JOIN LATERAL (SELECT * FROM payment y
                   WHERE y.organisation_id = %(org)s AND y.id = s.payment_id LIMIT 1) y ON true
LEFT JOIN LATERAL (SELECT * FROM manual_entry x
                   WHERE x.organisation_id = %(org)s AND x.id = s.source_id LIMIT 1) x ON true
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, {_SUMS}, NULL, count(*), {_MOVED} + 1, NULL FROM lines
ORDER BY rank, day, id
"""


def gateway_reconciliation(tx: Transaction, period: Period, part: Part = ALL) -> ReportPart:
    """What providers held for us before the period, what each payment brought and gave back in it, what they paid out,
    and what they hold at its end; and every payment that is not in the books as it was captured, whenever that was.
    """
    accounts = (LedgerAccount.GATEWAY_CLEARING,)
    books = posted(tx, since=period.since, until=period.until, accounts=accounts)
    before_minor, held_minor = (sum(row[name] for row in books) for name in ("opening_minor", "balance_minor"))
    columns = [
        Column("provider", "Provider"), Column("payment", "Payment"), Column("external_id", "Provider's id"),
        Column("status", "Status"), Column("day", "Day", Kind.DAY), money("before_minor", "Held before"),
        money("captured_minor", "Captured"), money("given_back_minor", "Given back"),
        money("paid_out_minor", "Paid out"), money("held_minor", "Held at the end"), Column("remark", "Remark"),
    ]  # fmt: skip
    rows, sums, count = read_part(tx, _CLEARING, columns, part, since=period.since, until=period.until,
                                  before_minor=before_minor)  # fmt: skip
    ties = Tie(accounts, held_minor, sums["held_minor"])
    return ReportPart("gateway-reconciliation", "Gateway reconciliation", period, columns, rows, ties, row_count=count,
                      sums=sums)  # fmt: skip
