"""Pay as you go: each session is invoiced once it was held, and debited from the family's wallet.

In sets, by any number of workers: a worker takes the accounts that nobody else holds, issues the invoice of the oldest
session of each booking, and debits the wallets, the oldest session of a family first. A session is invoiced once, and
debited once, by constraints. One that finds no funds waits: its booking is PENDING_PAYMENT.
"""

from datetime import datetime
from functools import partial

from engine.database import Database, Transaction
from engine.fire import announce
from workflows.period_due import HELD, read_held
from workflows.period_invoices import issue_periods
from workflows.wallet_debits import OPEN_MINOR, WAITS, debit_waiting

# Accounts of one write.
SET = 200

_ACCOUNTS = f"""
SELECT a.id FROM account a
WHERE a.organisation_id = %(org)s AND a.id IN (SELECT h.account_id FROM ({HELD}) h)
ORDER BY a.id LIMIT %(most)s FOR NO KEY UPDATE OF a SKIP LOCKED
"""
# Who has money for the oldest session that waits: its account was held by somebody when that money came in.
_FILLED = f"""
SELECT f.account_id FROM (
    SELECT DISTINCT ON (b.account_id) b.account_id, o.open_minor
    FROM term_booking b
    JOIN invoice v ON v.organisation_id = b.organisation_id AND v.booking_id = b.id
    JOIN term_product s ON s.organisation_id = v.organisation_id AND s.id = v.term_product_id
    CROSS JOIN LATERAL (SELECT {OPEN_MINOR} AS open_minor) o
    WHERE b.organisation_id = %(org)s AND b.payment_state = 'PENDING_PAYMENT' AND {WAITS} AND o.open_minor > 0
      AND NOT EXISTS (SELECT FROM payment p WHERE p.organisation_id = v.organisation_id AND p.invoice_id = v.id
                      AND p.status IN ('PENDING', 'PROCESSING'))
    ORDER BY b.account_id, s.ends_at, v.issued_at, v.number) f
JOIN wallet w ON w.organisation_id = %(org)s AND w.id = f.account_id
WHERE f.open_minor <= w.balance_minor + coalesce((
    SELECT sum(g.left_minor) FROM bonus_grant g
    WHERE g.organisation_id = w.organisation_id AND g.account_id = w.id
      AND (g.expires_at IS NULL OR g.expires_at > %(now)s)), 0)
ORDER BY f.account_id LIMIT %(most)s
"""


def debit_held_sessions(database: Database, *, now: datetime, batch: int = SET) -> int:
    """The worker's turn: in each organisation ask for the sessions that are over, and debit them and what waits as far
    as the wallets go. Returns how many were debited or asked for; run as often as you like, each is debited once.
    """
    done = 0
    for organisation_id in database.organisations():
        while settled := database.run(organisation_id, partial(ask, now=now, most=batch)):
            done += settled
        done += database.run(organisation_id, partial(catch_up, now=now, most=batch))
    return done


def ask(tx: Transaction, *, now: datetime, most: int) -> int:
    """The next set: issue, debit, and tell who could not be debited. Returns how many planned sessions it settled."""
    accounts = [row["id"] for row in tx.rows(_ACCOUNTS, now=now, most=most)]
    held = read_held(tx, now=now, account_ids=accounts) if accounts else []
    drafts = issue_periods(tx, held, now=now)
    debited = {debit.invoice_id for debit in debit_waiting(tx, accounts, now=now)} if drafts else set()
    bookings = {period.booking_id: period for period in held}
    for draft in drafts:
        if draft.id in debited:
            continue
        # What was paid ahead, or costs nothing, is not waited for.
        period = bookings[draft.booking_id]
        is_waiting = draft.total_minor > period.settled_minor
        announce(tx.batch, "booking.payment_pending" if is_waiting else "booking.invoiced", now=now,
                 subject_id=period.head["order_id"], invoice_id=draft.id, booking_id=draft.booking_id,
                 reference=period.head["reference"])  # fmt: skip
    return len(held)


def catch_up(tx: Transaction, *, now: datetime, most: int) -> int:
    """Debit what waits where the wallet holds enough for it by now. Returns how many sessions."""
    accounts = [row["account_id"] for row in tx.rows(_FILLED, now=now, most=most)]
    return len(debit_waiting(tx, accounts, now=now)) if accounts else 0
