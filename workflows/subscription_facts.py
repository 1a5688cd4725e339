"""What the verbs of a subscription know: the subscription under lock, and the sessions that its weekdays choose.

Lock order: account → attendee → order → subscription → booking; sessions and the document counter come with the write.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import SQLModel

from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import NotFound
from engine.fire import Subject
from models import BillingPeriod, Subscription, SubscriptionStatus
from workflows.order_facts import Changed


@dataclass(kw_only=True)
class Subscribed(Subject):
    """The subscription as the verbs see it."""

    table: ClassVar[type[SQLModel]] = Subscription
    account_id: UUID
    attendee_id: UUID
    program_id: UUID
    offering_id: UUID
    weekdays: list[str]
    starts_on: date
    ends_on: date | None = None
    period: BillingPeriod
    notice_days: int
    advance_days: int


# The people first, in a statement of their own: a later one sees what was done while this waited.
_LOCK_PEOPLE = """
SELECT s.id FROM subscription s
JOIN account a ON a.organisation_id = s.organisation_id AND a.id = s.account_id
JOIN attendee t ON t.organisation_id = s.organisation_id AND t.id = s.attendee_id
WHERE s.organisation_id = %(org)s AND s.id = %(id)s FOR NO KEY UPDATE OF a, t
"""

_LOCK_ORDERS = """
SELECT id FROM term_booking_order WHERE organisation_id = %(org)s AND subscription_id = %(id)s
ORDER BY id FOR NO KEY UPDATE
"""

_LOCK = """
SELECT id, reference, status, version, account_id, attendee_id, program_id, offering_id, weekdays, starts_on, ends_on,
       period, notice_days, advance_days
FROM subscription WHERE organisation_id = %(org)s AND id = %(id)s FOR NO KEY UPDATE
"""


def lock_subscription(
    tx: Transaction, subscription_id: UUID, *, actor: Actor, version: int | None = None
) -> Subscribed:
    """Lock its people, its orders and the subscription. Raises NotFound, also for another family's, and Changed."""
    tx.rows(_LOCK_PEOPLE, id=subscription_id)
    tx.rows(_LOCK_ORDERS, id=subscription_id)
    row = tx.row(_LOCK, id=subscription_id)
    if row is None or not actor.may_see_account(row["account_id"]):
        raise NotFound("There is no such subscription.", what="subscription")
    if version is not None and version != row["version"]:
        raise Changed(f"{row['reference']} was changed meanwhile; look at it again.", version=row["version"])
    typed = {"status": SubscriptionStatus(row["status"]), "period": BillingPeriod(row["period"])}
    return Subscribed(**{**row, **typed})


_OFFERING = """
SELECT p.id, p.name, p.program_id, p.term_id, p.rolled_from_id, t.name AS term, t.starts_on, t.ends_on, i.time_zone
FROM term_program_set p
JOIN term t ON t.organisation_id = p.organisation_id AND t.id = p.term_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
WHERE p.organisation_id = %(org)s AND p.id = %(id)s
"""


def read_offering(tx: Transaction, offering_id: UUID) -> Row:
    """The offering with its term. Raises NotFound."""
    row = tx.row(_OFFERING, id=offering_id)
    if row is None:
        raise NotFound("There is no such offering.", what="offering")
    return row


_SESSIONS = """
SELECT id FROM term_product
WHERE organisation_id = %(org)s AND term_program_set_id = %(offering_id)s AND product_type = 'SESSION'
  AND status = 'OPEN' AND starts_at > %(now)s AND local_date >= %(first)s
  AND (%(last)s::date IS NULL OR local_date <= %(last)s)
  AND (ARRAY['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'])[extract(isodow FROM local_date)::int] = ANY(%(weekdays)s)
ORDER BY starts_at, id
"""


def read_chosen(
    tx: Transaction, offering_id: UUID, *, weekdays: list[str], first: date, last: date | None, now: datetime
) -> list[dict[str, Any]]:
    """The sessions to come on these weekdays, from `first` to `last` on the site's calendar, as lines of a cart."""
    rows = tx.rows(_SESSIONS, offering_id=offering_id, weekdays=weekdays, first=first, last=last, now=now)
    return [{"session_id": row["id"]} for row in rows]


_BOOKINGS = """
SELECT b.id FROM term_booking b
JOIN term_booking_order o ON o.organisation_id = b.organisation_id AND o.id = b.order_id
WHERE b.organisation_id = %(org)s AND o.subscription_id = %(id)s AND b.status IN (500, 700) ORDER BY b.id
"""


def read_live_bookings(tx: Transaction, subscription_id: UUID) -> list[UUID]:
    """Its bookings that run or are suspended."""
    return [row["id"] for row in tx.rows(_BOOKINGS, id=subscription_id)]
