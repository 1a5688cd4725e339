"""The grown centre as it is hardest for finance: families owe what they were invoiced last, and all that was paid came
through a provider, which pays out week by week.
"""

from datetime import date
from typing import Any

import psycopg

# Every so many-th family owes; at 500,000 bookings these are 25,000.
_OWES_EVERY = 10
_STEPS = (
    """
    CREATE TEMP TABLE owing AS
    SELECT v.id, v.booking_id, a.id AS allocation_id, a.payment_id
    FROM (SELECT DISTINCT ON (account_id) * FROM invoice WHERE abs(hashtext(account_id::text)) %% %(every)s = 0
          ORDER BY account_id, issued_at DESC, id) v
    JOIN payment_allocation a ON a.organisation_id = v.organisation_id AND a.invoice_id = v.id
    """,
    """
    CREATE TEMP TABLE gone AS
    SELECT e.id FROM owing o JOIN ledger_entry e ON e.source_id = o.allocation_id
    UNION ALL SELECT e.id FROM owing o JOIN ledger_entry e ON e.source_id = o.payment_id
    """,
    "ANALYZE owing, gone",
    "DELETE FROM ledger_posting p USING gone g WHERE p.entry_id = g.id",
    "DELETE FROM ledger_entry e USING gone g WHERE e.id = g.id",
    "DELETE FROM payment_allocation a USING owing o WHERE a.id = o.allocation_id",
    "DELETE FROM payment p USING owing o WHERE p.id = o.payment_id",
    "UPDATE term_booking b SET payment_state = 'OPEN' FROM owing o WHERE b.id = o.booking_id",
    "UPDATE receivable r SET paid_minor = 0, moved_at = NULL FROM owing o WHERE r.id = o.id",
    "UPDATE payment SET provider = 'stripe', external_id = 'pi_' || id",
    "UPDATE ledger_posting SET ledger_account = 'GATEWAY_CLEARING' WHERE ledger_account = 'BANK'",
    """
    INSERT INTO capture (organisation_id, id, captured_minor, posted_minor, captured_on)
    SELECT y.organisation_id, y.id, y.amount_minor, p.amount_minor, p.posted_on
    FROM payment y JOIN ledger_entry e ON e.source_id = y.id AND e.source_kind = 'PAYMENT'
    JOIN ledger_posting p ON p.entry_id = e.id AND p.ledger_account = 'GATEWAY_CLEARING'
    """,
    """
    WITH weeks AS (
        SELECT organisation_id, date_trunc('week', posted_on)::date + 7 AS day, sum(amount_minor) AS minor,
               gen_random_uuid() AS id, gen_random_uuid() AS manual_id
        FROM ledger_posting WHERE ledger_account = 'GATEWAY_CLEARING' GROUP BY 1, 2
    ), paid_out AS (
        SELECT * FROM weeks WHERE day <= %(today)s
    ), manual AS (
        INSERT INTO manual_entry (organisation_id, id, reason, created_at)
        SELECT organisation_id, manual_id, 'Pay-out of the week', day FROM paid_out
    ), entry AS (
        INSERT INTO ledger_entry (organisation_id, id, posted_on, source_kind, source_id, purpose, created_at)
        SELECT organisation_id, id, day, 'MANUAL', manual_id, 'POSTED', day FROM paid_out
    )
    INSERT INTO ledger_posting (organisation_id, id, entry_id, posted_on, ledger_account, amount_minor)
    SELECT organisation_id, gen_random_uuid(), id, day, account, CASE account WHEN 'BANK' THEN minor ELSE -minor END
    FROM paid_out CROSS JOIN unnest(ARRAY['BANK', 'GATEWAY_CLEARING']) account
    """,
    "VACUUM (ANALYZE)",
)


def make_owing(owner: psycopg.Connection[Any], *, today: date) -> None:
    """In sets, as a superuser, past the triggers that keep the books as they are and add up what is written."""
    owner.execute("SET session_replication_role = replica")
    owner.execute("SET synchronous_commit = off")
    for step in _STEPS:
        asked = {"every": _OWES_EVERY, "today": today}
        owner.execute(step, asked if "%(" in step else None)
    owner.execute("SET session_replication_role = origin")
