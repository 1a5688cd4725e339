"""What finance looks at first: money that waits for somebody, each with how much of it there is."""

from datetime import date
from uuid import UUID

from api.reads.bank import IS_OPEN
from api.reads.paging import Listing
from billing.open_parts import open_parts
from engine.database import Row, Transaction
from models import RefundRequestStatus
from workflows.wallet_debits import OPEN_MINOR, WAITS

# An order that keeps its places though no timeout ends it any more: a part of its money came in, or what came was taken
# back. Only a person can say what becomes of it.
_IS_STUCK = """o.status IN (300, 485) AND o.confirmation_type IN (201, 202, 301)
    AND EXISTS (SELECT FROM payment y WHERE y.organisation_id = o.organisation_id AND y.order_id = o.id
                AND (y.status = 'SUCCESS' OR y.returned_at IS NOT NULL))
    AND NOT EXISTS (SELECT FROM payment y WHERE y.organisation_id = o.organisation_id AND y.order_id = o.id
                    AND y.status = 'PROCESSING')
    AND NOT EXISTS (SELECT FROM timer x WHERE x.organisation_id = o.organisation_id AND x.subject_id = o.id
                    AND x.status = 'ARMED')"""

# What is owed stands on bookings that are not paid: the few of them are found by an index of their own, and no
# invoice that was settled long ago is looked at.
_ATTENTION = f"""
SELECT
    (SELECT count(*) FROM bank_line l WHERE l.organisation_id = %(org)s AND {IS_OPEN}) AS unmatched,
    (SELECT count(*) FROM refund_request r WHERE r.organisation_id = %(org)s
     AND r.status = {int(RefundRequestStatus.PENDING)}) AS refunds,
    (SELECT count(*) FROM payment y WHERE y.organisation_id = %(org)s AND y.mandate_id IS NOT NULL
     AND y.status = 'PENDING' AND y.collect_on <= %(today)s) AS debits,
    (SELECT count(*) FROM payment_review r WHERE r.organisation_id = %(org)s AND r.resolved_at IS NULL) AS reviews,
    (SELECT count(*) FROM payment y WHERE y.organisation_id = %(org)s AND y.mandate_id IS NOT NULL
     AND y.status = 'FAILED' AND y.updated_at > %(today)s::date - 60) AS failed_debits,
    (SELECT count(*) FROM payment y WHERE y.organisation_id = %(org)s AND y.status = 'PROCESSING') AS processing,
    (SELECT count(*) FROM term_booking_order o WHERE o.organisation_id = %(org)s AND {_IS_STUCK}) AS stuck,
    (SELECT count(DISTINCT b.account_id) FROM term_booking b WHERE b.organisation_id = %(org)s
     AND b.payment_state = 'PENDING_PAYMENT') AS waiting_wallets,
    o.overdue, o.overdue_minor, o.open, o.open_minor
FROM (
    SELECT count(*) AS open, coalesce(sum(v.left_minor - v.paid_minor), 0)::bigint AS open_minor,
           count(*) FILTER (WHERE d.minor > 0) AS overdue, coalesce(sum(d.minor), 0)::bigint AS overdue_minor
    FROM (
        SELECT v.organisation_id, v.billing_id, v.due_on, v.total_minor, coalesce(p.minor, 0) AS paid_minor,
               v.total_minor - coalesce(c.minor, 0) AS left_minor
        FROM term_booking b
        JOIN invoice v ON v.organisation_id = b.organisation_id AND v.booking_id = b.id
        CROSS JOIN LATERAL (SELECT sum(amount_minor)::bigint AS minor FROM payment_allocation
                            WHERE organisation_id = v.organisation_id AND invoice_id = v.id) p
        CROSS JOIN LATERAL (SELECT sum(amount_minor)::bigint AS minor FROM credit_allocation
                            WHERE organisation_id = v.organisation_id AND invoice_id = v.id) c
        WHERE b.organisation_id = %(org)s AND b.payment_state IN ('OPEN', 'PENDING_PAYMENT')) v
    CROSS JOIN LATERAL (SELECT sum(x.minor)::bigint AS minor
                        FROM {open_parts(paid="v.paid_minor", left="v.left_minor")} x
                        WHERE x.due_on < %(today)s) d
    WHERE v.left_minor > v.paid_minor
) o
"""


def attention(tx: Transaction, *, today: date) -> Row:
    """How much waits for finance, by what it is; `today` is the organisation's own day."""
    found = tx.row(_ATTENTION, today=today)
    assert found is not None
    return found


_STUCK = f"""
SELECT {{keys}}, o.id, o.reference, o.status, o.account_id, a.name AS account, t.name AS attendee, o.total_minor,
       o.submitted_at, y.paid_minor, y.returned_minor, y.returned_at
FROM term_booking_order o
JOIN account a ON a.organisation_id = o.organisation_id AND a.id = o.account_id
JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(y.amount_minor) FILTER (WHERE y.status = 'SUCCESS'), 0)::bigint AS paid_minor,
           coalesce(sum(y.amount_minor) FILTER (WHERE y.returned_at IS NOT NULL), 0)::bigint AS returned_minor,
           max(y.returned_at) AS returned_at
    FROM payment y WHERE y.organisation_id = o.organisation_id AND y.order_id = o.id) y
WHERE o.organisation_id = %(org)s AND {_IS_STUCK}{{where}}
"""


def stuck_orders() -> Listing:
    """Orders that keep places without being paid as they ask, and that no timeout ends; the oldest first."""
    return Listing(_STUCK, [("o.id", "uuid")])


_REVIEWS = """
SELECT {keys}, r.id, r.kind, r.provider, r.external_id, r.asked_minor, r.reported_minor, r.reported_currency,
       r.created_at, y.reference AS payment_reference, y.order_id, o.reference AS order_reference, y.account_id,
       a.name AS account
FROM payment_review r
LEFT JOIN payment y ON y.organisation_id = r.organisation_id AND y.id = r.payment_id
LEFT JOIN term_booking_order o ON o.organisation_id = y.organisation_id AND o.id = y.order_id
LEFT JOIN account a ON a.organisation_id = y.organisation_id AND a.id = y.account_id
WHERE r.organisation_id = %(org)s AND r.resolved_at IS NULL{where}
"""


def open_reviews() -> Listing:
    """Money that was not what was asked and that nobody has looked at yet, with whose it is; the oldest first."""
    return Listing(_REVIEWS, [("r.id", "uuid")])


_WAITING_WALLETS = f"""
SELECT {{keys}}, a.id, a.reference, a.name, x.sessions, x.open_minor, x.waits_since,
       coalesce(w.balance_minor + w.bonus_minor, 0)::bigint AS holds_minor
FROM (
    SELECT b.account_id, count(*) AS sessions, sum(o.open_minor)::bigint AS open_minor, min(s.ends_at) AS waits_since
    FROM term_booking b
    JOIN invoice v ON v.organisation_id = b.organisation_id AND v.booking_id = b.id
    JOIN term_product s ON s.organisation_id = v.organisation_id AND s.id = v.term_product_id
    CROSS JOIN LATERAL (SELECT {OPEN_MINOR} AS open_minor) o
    WHERE b.organisation_id = %(org)s AND b.payment_state = 'PENDING_PAYMENT' AND {WAITS} AND o.open_minor > 0
    GROUP BY b.account_id) x
JOIN account a ON a.organisation_id = %(org)s AND a.id = x.account_id
LEFT JOIN wallet w ON w.organisation_id = a.organisation_id AND w.id = a.id
WHERE true{{where}}
"""


def waiting_wallets() -> Listing:
    """Families whose wallets do not hold what held sessions cost; who waits longest comes first. `holds_minor` may
    include bonus that has run out meanwhile.
    """
    return Listing(_WAITING_WALLETS, [("x.waits_since", "timestamptz"), ("a.id", "uuid")])


_BALANCES = """
SELECT p.ledger_account, sum(p.amount_minor)::bigint AS balance_minor, count(*) AS postings
FROM ledger_posting p WHERE p.organisation_id = %(org)s AND p.account_id = %(account)s
GROUP BY p.ledger_account ORDER BY p.ledger_account
"""


def balances(tx: Transaction, account_id: UUID) -> list[Row]:
    """What the books say of a family: the balance of each account that was posted to for it."""
    return tx.rows(_BALANCES, account=account_id)
