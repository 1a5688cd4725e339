"""Subscriptions as they are shown, with their terms and the invoices to come; and what an admin is to look at."""

from uuid import UUID

from api.moves import Answer, Principal
from api.reads.orders import own_accounts
from api.reads.paging import Listing
from engine.database import Row, Transaction
from models import SubscriptionStatus, TermBookingStatus
from workflows.subscription import CHART

_SUBSCRIPTIONS = """
SELECT {keys}, s.id, s.reference, s.account_id, a.name AS account, s.attendee_id, t.name AS attendee, s.program_id,
       g.name AS program, s.offering_id, p.name AS offering, s.weekdays, s.starts_on, s.ends_on, s.period,
       s.notice_days, s.advance_days, s.status, s.version, s.created_at,
       coalesce((SELECT json_agg(json_build_object('booking_id', b.id, 'reference', b.reference, 'term_id', m.id,
                                 'term', m.name, 'status', b.status) ORDER BY m.starts_on, b.created_at)
        FROM term_booking_order o
        JOIN term_booking b ON b.organisation_id = o.organisation_id AND b.id = o.booking_id
        JOIN term m ON m.organisation_id = b.organisation_id AND m.id = b.term_id
        WHERE o.organisation_id = s.organisation_id AND o.subscription_id = s.id), '[]') AS bookings,
       coalesce((SELECT json_agg(json_build_object('booking_id', w.booking_id, 'period_from', w.period_from,
                                 'period_until', w.period_until, 'issue_on', w.issue_on, 'sessions', (
                    SELECT count(*) FROM scheduled_line x
                    JOIN term_booking_line l ON l.organisation_id = x.organisation_id AND l.id = x.booking_line_id
                    WHERE x.organisation_id = w.organisation_id AND x.schedule_id = w.id AND l.cancelled_at IS NULL))
                    ORDER BY w.period_from)
        FROM invoice_schedule w
        JOIN term_booking_order o ON o.organisation_id = w.organisation_id AND o.booking_id = w.booking_id
        WHERE w.organisation_id = s.organisation_id AND o.subscription_id = s.id AND w.status = 'SCHEDULED'
       ), '[]') AS scheduled_invoices
FROM subscription s
JOIN account a ON a.organisation_id = s.organisation_id AND a.id = s.account_id
JOIN attendee t ON t.organisation_id = s.organisation_id AND t.id = s.attendee_id
JOIN program g ON g.organisation_id = s.organisation_id AND g.id = s.program_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.offering_id
WHERE s.organisation_id = %(org)s{where}
"""

_REVIEWS = """
SELECT {keys}, r.id, r.subscription_id, s.reference, t.name AS attendee, r.offering_id, p.name AS offering,
       m.name AS term, r.reasons, r.created_at, r.resolved_at, r.resolution
FROM subscription_review r
JOIN subscription s ON s.organisation_id = r.organisation_id AND s.id = r.subscription_id
JOIN attendee t ON t.organisation_id = s.organisation_id AND t.id = s.attendee_id
JOIN term_program_set p ON p.organisation_id = r.organisation_id AND p.id = r.offering_id
JOIN term m ON m.organisation_id = r.organisation_id AND m.id = r.term_id
WHERE r.organisation_id = %(org)s{where}
"""


def subscriptions(principal: Principal) -> Listing:
    """Subscriptions that the caller may see, newest first."""
    found = Listing(_SUBSCRIPTIONS, [("s.id", "uuid")], is_descending=True)
    own_accounts(found, principal, "s.account_id")
    return found


def reviews() -> Listing:
    """What could not be rolled over, oldest first."""
    return Listing(_REVIEWS, [("r.id", "uuid")])


def show_subscription(principal: Principal, row: Row) -> Row:
    status = SubscriptionStatus(row["status"])
    bookings = [{**each, "status": TermBookingStatus(each["status"]).name} for each in row["bookings"]]
    return {**row, "bookings": bookings, "status": status.name,
            "allowed": CHART.triggers_from(status, principal.kind)}  # fmt: skip


def subscription(tx: Transaction, principal: Principal, subscription_id: UUID, *, status: int = 200) -> Answer:
    """A subscription. Raises NotFound, also for another family's."""
    found = subscriptions(principal)
    found.where("s.id = %(id)s", id=subscription_id)
    row = found.one(tx, "subscription", show=lambda row: show_subscription(principal, row))
    location = f"/subscriptions/{subscription_id}" if status == 201 else None
    return Answer(row, status, version=row["version"], location=location)
