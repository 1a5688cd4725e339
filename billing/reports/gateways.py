"""What providers held for us, what they captured and gave back, what they paid out, and what they hold now."""

from billing.reports.balances import posted
from billing.reports.form import Column, Kind, Period, Tie, money
from billing.reports.parts import ALL, Part, ReportPart, read_part
from engine.database import Transaction
from models import Capture, LedgerAccount, LedgerEntry

# The lines of a report in their order: what finance looks at first, then payment by payment.
_HELD_BEFORE, _DIFFERS, _PAID_OUT, _MOVED = range(4)
_CAPTURED = "captured_on BETWEEN %(since)s AND %(until)s"
# The amounts of a line: held before, captured, given back, paid out, held at the end.
_OF_PAYMENT = "0::bigint, captured_minor, given_back_minor, 0::bigint, captured_minor + given_back_minor"
_CLEARING = f"""
WITH others AS MATERIALIZED (
    -- All that moved otherwise than by a capture.
    SELECT e.posted_on, e.source_kind, e.source_id, p.amount_minor, coalesce(d.payment_id, r.payment_id) AS payment_id
    FROM (SELECT * FROM ledger_entry WHERE organisation_id = %(org)s AND posted_on BETWEEN %(since)s AND %(until)s
                                       AND {LedgerEntry.MOVES}) e
    CROSS JOIN LATERAL (
        SELECT x.amount_minor FROM ledger_posting x
        WHERE x.organisation_id = %(org)s AND x.entry_id = e.id AND x.ledger_account = 'GATEWAY_CLEARING' OFFSET 0) p
    LEFT JOIN payment_dispute d ON d.organisation_id = e.organisation_id AND d.id = e.source_id
         AND e.source_kind = 'DISPUTE'
    LEFT JOIN refund r ON r.organisation_id = e.organisation_id AND r.id = e.source_id AND e.source_kind = 'REFUND'
), given AS MATERIALIZED (
    SELECT g.payment_id, g.day, g.given_back_minor, c.is_captured, c.differs
    FROM (SELECT payment_id, min(posted_on) AS day, sum(amount_minor)::bigint AS given_back_minor
          FROM others WHERE payment_id IS NOT NULL GROUP BY payment_id) g
    CROSS JOIN LATERAL (
        SELECT coalesce(bool_or({_CAPTURED}), false) AS is_captured,
               coalesce(bool_or({Capture.DIFFERS}), false) AS differs
        FROM capture WHERE organisation_id = %(org)s AND id = g.payment_id) c
), differs AS MATERIALIZED (
    SELECT c.id, CASE WHEN {_CAPTURED} THEN c.captured_on ELSE g.day END AS day,
           CASE WHEN {_CAPTURED} THEN c.posted_minor ELSE 0 END AS captured_minor,
           coalesce(g.given_back_minor, 0) AS given_back_minor
    FROM (SELECT * FROM capture WHERE organisation_id = %(org)s AND {Capture.DIFFERS}) c
    LEFT JOIN given g ON g.payment_id = c.id
), lines AS (
    SELECT {_HELD_BEFORE} AS rank, NULL::uuid AS payment_id, NULL AS source_kind, NULL::uuid AS source_id,
           NULL::date AS day, %(before_minor)s::bigint AS before_minor, 0::bigint AS captured_minor,
           0::bigint AS given_back_minor, 0::bigint AS paid_out_minor, %(before_minor)s::bigint AS held_minor
    WHERE %(before_minor)s::bigint <> 0
    UNION ALL
    -- Whenever it was.
    SELECT {_DIFFERS}, id, NULL, NULL, day, {_OF_PAYMENT} FROM differs
    UNION ALL
    SELECT {_PAID_OUT}, NULL, source_kind, source_id, posted_on, 0, 0, 0, amount_minor, amount_minor
    FROM others WHERE payment_id IS NULL
    UNION ALL
    SELECT {_MOVED}, id, NULL, NULL, day, {_OF_PAYMENT}
    FROM (SELECT c.id, c.captured_on AS day, c.posted_minor AS captured_minor,
                 coalesce(g.given_back_minor, 0) AS given_back_minor
          -- No more than can be shown: what is captured is found in its order.
          FROM (SELECT * FROM capture WHERE organisation_id = %(org)s AND {_CAPTURED} AND NOT ({Capture.DIFFERS})
                ORDER BY captured_on, id LIMIT %(first_row)s + %(limit)s) c
          LEFT JOIN given g ON g.payment_id = c.id
          UNION ALL
          SELECT payment_id, day, 0, given_back_minor FROM given WHERE NOT is_captured AND NOT differs) m
), shown AS (
    SELECT * FROM lines ORDER BY rank, day, coalesce(payment_id, source_id) LIMIT %(limit)s OFFSET %(first_row)s
), captured AS (
    SELECT coalesce(sum(posted_minor), 0)::bigint AS minor, count(*) FILTER (WHERE NOT ({Capture.DIFFERS})) AS payments
    FROM capture WHERE organisation_id = %(org)s AND {_CAPTURED}
), sums AS (
    SELECT %(before_minor)s::bigint AS before_minor, c.minor AS captured_minor,
           coalesce(sum(o.amount_minor) FILTER (WHERE o.payment_id IS NOT NULL), 0)::bigint AS given_back_minor,
           coalesce(sum(o.amount_minor) FILTER (WHERE o.payment_id IS NULL), 0)::bigint AS paid_out_minor,
           c.payments + count(o) FILTER (WHERE o.payment_id IS NULL)
           + (%(before_minor)s::bigint <> 0)::int + (SELECT count(*) FROM differs)
           + (SELECT count(*) FROM given WHERE NOT is_captured AND NOT differs) AS row_count
    FROM captured c LEFT JOIN others o ON true GROUP BY c.minor, c.payments
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
SELECT NULL, NULL, NULL, NULL, NULL, before_minor, captured_minor, given_back_minor, paid_out_minor,
       before_minor + captured_minor + given_back_minor + paid_out_minor, NULL, row_count, {_MOVED} + 1, NULL
FROM sums
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
        Column("provider", "Provider"), Column("day", "Day", Kind.DAY), Column("payment", "Payment"),
        Column("external_id", "Provider's id"), Column("status", "Status"), Column("remark", "Remark"),
        money("before_minor", "Held before"), money("captured_minor", "Captured"),
        money("given_back_minor", "Given back"), money("paid_out_minor", "Paid out"),
        money("held_minor", "Held at the end"),
    ]  # fmt: skip
    rows, sums, count = read_part(tx, _CLEARING, columns, part, since=period.since, until=period.until,
                                  before_minor=before_minor)  # fmt: skip
    ties = Tie(accounts, held_minor, sums["held_minor"])
    return ReportPart("gateway-reconciliation", "Gateway reconciliation", period, columns, rows, ties, row_count=count,
                      sums=sums)  # fmt: skip
