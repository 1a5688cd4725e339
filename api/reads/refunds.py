"""Refund requests as they are shown."""

from datetime import datetime
from uuid import UUID

from api.moves import Answer, Principal
from api.reads.orders import own_accounts
from api.reads.paging import Listing
from engine.database import Row, Transaction
from models import RefundDestination, RefundRequestStatus
from workflows.refund_request import read_refundable
from workflows.wallet_facts import lock_account

_REQUESTS = """
SELECT {keys}, r.id, r.reference, r.account_id, a.name AS account, r.booking_id, b.reference AS booking_reference,
       r.status, r.attempt, r.amount_minor, r.destination, r.reason, r.note, r.resolved_by, r.resolved_at, r.created_at,
    coalesce((SELECT json_agg(json_build_object('id', f.id, 'payment_id', f.payment_id,
                     'payment_reference', y.reference, 'provider', f.provider, 'amount_minor', f.amount_minor,
                     'status', f.status, 'failure_reason', f.failure_reason, 'updated_at', f.updated_at) ORDER BY f.id)
     FROM refund f JOIN payment y ON y.organisation_id = f.organisation_id AND y.id = f.payment_id
     WHERE f.organisation_id = r.organisation_id AND f.request_id = r.id), '[]') AS refunds
FROM refund_request r
LEFT JOIN term_booking b ON b.organisation_id = r.organisation_id AND b.id = r.booking_id
JOIN account a ON a.organisation_id = r.organisation_id AND a.id = r.account_id
WHERE r.organisation_id = %(org)s{where}
"""


def requests(principal: Principal) -> Listing:
    """Requests that the caller may see, newest first."""
    found = Listing(_REQUESTS, [("r.id", "uuid")], is_descending=True)
    own_accounts(found, principal, "r.account_id")
    return found


def show(principal: Principal, row: Row) -> Row:
    status = RefundRequestStatus(row["status"]).name
    return {**row, "status": status, "amount": principal.money(row["amount_minor"])}


def one(tx: Transaction, principal: Principal, request_id: UUID, *, status: int = 200) -> Answer:
    """One request. Raises NotFound, also for another family's."""
    found = requests(principal)
    found.where("r.id = %(id)s", id=request_id)
    row = found.one(tx, "refund request", show=lambda row: show(principal, row))
    return Answer(row, status, location=f"/refund-requests/{request_id}" if status == 201 else None)


def of_booking(tx: Transaction, principal: Principal, booking_id: UUID) -> Row | None:
    """The request for a booking, as far as the caller may see it."""
    return _of(tx, principal, "r.booking_id = %(subject)s", booking_id)


def of_wallet(tx: Transaction, principal: Principal, account_id: UUID) -> Row | None:
    """The request for what lies in the wallet of an account, as far as the caller may see it."""
    return _of(tx, principal, "r.account_id = %(subject)s AND r.booking_id IS NULL", account_id)


def _of(tx: Transaction, principal: Principal, condition: str, subject: UUID) -> Row | None:
    found = requests(principal)
    found.where(condition, subject=subject)
    page = found.page(tx, cursor=None, limit=1, show=lambda row: show(principal, row)).body
    return page["items"][0] if page and page["items"] else None


def refundable(tx: Transaction, principal: Principal, request_id: UUID, *, now: datetime) -> Row:
    """What can go back of what it is about at this moment, by where to; locks as a decision does. Raises NotFound."""
    request = requests(principal)
    request.where("r.id = %(id)s", id=request_id)
    row = request.one(tx, "refund request")
    account = lock_account(tx, row["account_id"], actor=principal.actor)
    found = read_refundable(tx, account, row["booking_id"], now=now)
    return {destination.value: found.to(destination) for destination in _ways(row["booking_id"])}


def _ways(booking_id: UUID | None) -> list[RefundDestination]:
    """What lies in the wallet need not go there."""
    return list(RefundDestination) if booking_id else [RefundDestination.ORIGINAL]


def ways_back(
    tx: Transaction, principal: Principal, account_id: UUID, booking_id: UUID | None, *, now: datetime
) -> list[Row]:  # fmt: skip
    """For each way back, of a booking or of what lies in the wallet: how much can go there at this moment, or why
    nothing can; locks as asking does. Raises NotFound for another family's.
    """
    account = lock_account(tx, account_id, actor=principal.actor)
    found = read_refundable(tx, account, booking_id, now=now)
    return [{"to": to.value, "amount_minor": found.to(to), "why_nothing": found.why_nothing(to)}
            for to in _ways(booking_id)]  # fmt: skip


_PAID = """
SELECT b.id, b.reference, t.name AS attendee, sum(p.amount_minor)::bigint AS paid_minor,
       (SELECT string_agg(DISTINCT s.name, ', ') FROM term_booking_line l
        JOIN term_program_set s ON s.organisation_id = l.organisation_id AND s.id = l.term_program_set_id
        WHERE l.organisation_id = b.organisation_id AND l.booking_id = b.id) AS programs
FROM term_booking b
JOIN attendee t ON t.organisation_id = b.organisation_id AND t.id = b.attendee_id
JOIN term_booking_order o ON o.organisation_id = b.organisation_id AND o.booking_id = b.id
JOIN payment p ON p.organisation_id = o.organisation_id AND p.order_id = o.id AND p.status = 'SUCCESS'
WHERE b.organisation_id = %(org)s AND b.account_id = %(account)s
  AND NOT EXISTS (SELECT FROM refund_request r WHERE r.organisation_id = b.organisation_id AND r.booking_id = b.id)
GROUP BY b.organisation_id, b.id, b.reference, t.name ORDER BY b.id DESC LIMIT 20
"""


def paid_bookings(tx: Transaction, account_id: UUID) -> list[Row]:
    """The newest bookings of an account that were paid for and that nothing was asked back of yet."""
    return tx.rows(_PAID, account=account_id)
