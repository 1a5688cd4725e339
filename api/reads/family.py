"""What a family looks at first: what waits for its answer, its days, and what it owes."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from engine.database import Row, Transaction

_HOLDS = """
SELECT o.id, o.reference, o.status, o.order_type, o.confirmation_type, o.total_minor, t.name AS attendee,
       o.original_booking_id, m.group_order_id, o.attendee_id,
       (SELECT min(x.due_at) FROM timer x WHERE x.organisation_id = o.organisation_id AND x.subject_id = o.id
        AND x.status = 'ARMED') AS expires_at,
       (SELECT string_agg(DISTINCT p.name, ', ') FROM term_booking_order_line l
        JOIN term_program_set p ON p.organisation_id = l.organisation_id AND p.id = l.term_program_set_id
        WHERE l.organisation_id = o.organisation_id AND l.order_id = o.id) AS programs
FROM term_booking_order o
JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id
LEFT JOIN group_order_member m ON m.organisation_id = o.organisation_id AND m.order_id = o.id
WHERE o.organisation_id = %(org)s AND o.account_id = ANY(%(accounts)s) AND o.cause_order_id IS NULL
  AND o.status IN (300, 475, 485) AND o.order_type <> 1
ORDER BY expires_at NULLS LAST, o.id LIMIT 20
"""
_OFFERS = """
SELECT e.offer_id, min(e.offer_expires_at) AS expires_at, string_agg(DISTINCT t.name, ', ') AS attendees,
       string_agg(DISTINCT p.name, ', ') AS programs
FROM waiting_entry e
JOIN term_booking_order o ON o.organisation_id = e.organisation_id AND o.id = e.order_id
JOIN attendee t ON t.organisation_id = e.organisation_id AND t.id = e.attendee_id
JOIN term_product s ON s.organisation_id = e.organisation_id AND s.id = e.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
WHERE e.organisation_id = %(org)s AND o.account_id = ANY(%(accounts)s) AND e.status = 30
  AND e.offer_expires_at > %(now)s
GROUP BY e.offer_id ORDER BY 2 LIMIT 20
"""


def waits(tx: Transaction, accounts: Collection[UUID], *, now: datetime) -> Row:
    """Held orders to be paid, quotes to be accepted, offered places; what has run out is none any more."""
    held = [row for row in tx.rows(_HOLDS, accounts=list(accounts))
            if row["expires_at"] is None or row["expires_at"] > now]  # fmt: skip
    return {"orders": held, "offers": tx.rows(_OFFERS, accounts=list(accounts), now=now)}


def names_of(tx: Transaction, accounts: Collection[UUID]) -> list[Row]:
    """The accounts of a login by name."""
    return tx.rows("SELECT id, name FROM account WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) ORDER BY id",
                   ids=list(accounts))  # fmt: skip


_DAYS = """
SELECT s.local_date, s.local_start, s.local_end, s.starts_at, p.name AS offering, i.name AS site, i.address,
       t.id AS attendee_id, t.name AS attendee, b.id AS booking_id, b.reference, l.kind, y.status AS attendance,
       ARRAY(SELECT a.title FROM term_booking_order_activity a
             JOIN term_booking_order_line w ON w.organisation_id = a.organisation_id AND w.id = a.order_line_id
             WHERE a.organisation_id = l.organisation_id AND a.order_id = b.order_id
               AND w.term_product_id = l.term_product_id) AS activities
FROM term_booking_line l
JOIN term_booking b ON b.organisation_id = l.organisation_id AND b.id = l.booking_id
     AND b.status IN (450, 500, 600, 800)
JOIN attendee t ON t.organisation_id = b.organisation_id AND t.id = b.attendee_id
JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
JOIN term_program_set p ON p.organisation_id = l.organisation_id AND p.id = l.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
LEFT JOIN term_attendance y ON y.organisation_id = l.organisation_id AND y.booking_line_id = l.id
WHERE l.organisation_id = %(org)s AND b.account_id = ANY(%(accounts)s) AND l.cancelled_at IS NULL
  AND s.local_date BETWEEN %(first)s AND %(last)s AND (%(now)s::timestamptz IS NULL OR s.ends_at > %(now)s)
ORDER BY s.starts_at, t.name, l.id LIMIT %(limit)s
"""


def days(
    tx: Transaction, accounts: Collection[UUID], *, first: date, last: date, now: datetime | None = None,
    limit: int = 1000,
) -> list[Row]:  # fmt: skip
    """Booked sessions between two days of their sites, in the order of time; with `now` only those not yet over."""
    return tx.rows(_DAYS, accounts=list(accounts), first=first, last=last, now=now, limit=limit)


_OWING = """
SELECT coalesce(sum(p.amount_minor) FILTER (WHERE p.ledger_account = 'RECEIVABLE'), 0)::bigint AS owing_minor,
       coalesce(-sum(p.amount_minor) FILTER (WHERE p.ledger_account = 'CUSTOMER_CREDIT'), 0)::bigint AS credit_minor,
       (coalesce((SELECT sum(w.balance_minor) FROM wallet w
                  WHERE w.organisation_id = %(org)s AND w.id = ANY(%(accounts)s)), 0)
        + coalesce((SELECT sum(g.left_minor) FROM bonus_grant g
                    WHERE g.organisation_id = %(org)s AND g.account_id = ANY(%(accounts)s) AND g.left_minor > 0
                      AND (g.expires_at IS NULL OR g.expires_at > %(now)s)), 0))::bigint AS wallet_minor
FROM ledger_posting p WHERE p.organisation_id = %(org)s AND p.account_id = ANY(%(accounts)s)
"""


_OWED_BOOKINGS = """
SELECT b.id, b.reference, b.order_id, t.name AS attendee,
       (SELECT string_agg(DISTINCT p.name, ', ') FROM term_booking_line l
        JOIN term_program_set p ON p.organisation_id = l.organisation_id AND p.id = l.term_program_set_id
        WHERE l.organisation_id = b.organisation_id AND l.booking_id = b.id) AS programs
FROM term_booking b
JOIN attendee t ON t.organisation_id = b.organisation_id AND t.id = b.attendee_id
WHERE b.organisation_id = %(org)s AND b.account_id = ANY(%(accounts)s)
  AND b.payment_state IN ('OPEN', 'PENDING_PAYMENT')
ORDER BY b.created_at DESC, b.id DESC LIMIT 20
"""


def owed_bookings(tx: Transaction, accounts: Collection[UUID]) -> list[Row]:
    """What is booked, invoiced and not fully paid, newest first."""
    return tx.rows(_OWED_BOOKINGS, accounts=list(accounts))


def owing(tx: Transaction, accounts: Collection[UUID], *, now: datetime) -> dict[str, Any]:
    """What is invoiced and not paid, what was paid and has no invoice yet, and what the wallets can pay."""
    row = tx.row(_OWING, accounts=list(accounts), now=now)
    assert row is not None
    return row
