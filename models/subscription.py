"""Open-ended enrolments on weekdays, and what an admin is to look at."""

from datetime import date, datetime
from enum import IntEnum, StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from models.base import TenantRow, check, code, index, json, moment, one_of, refers, unique, word


class SubscriptionStatus(IntEnum):
    """Where a subscription stands; the codes are none of an order's or a booking's."""

    REQUESTED = 10  # asked for; holds nothing
    ACTIVE = 20  # enrolled term by term, without an end
    ENDING = 30  # notice was given: its last day is known
    ENDED = 40  # its last day is over
    DECLINED = 50  # was not begun


class BillingPeriod(StrEnum):
    """For how long an invoice that is issued per period asks at a time."""

    WEEKLY = "WEEKLY"  # from Monday to Sunday
    FORTNIGHTLY = "FORTNIGHTLY"  # two such weeks, counted from the one in which it begins
    MONTHLY = "MONTHLY"  # a calendar month


class Subscription(TenantRow, table=True):
    """An attendee comes on these weekdays, term after term; a booking for each term, invoices for each period."""

    __tablename__ = "subscription"
    __table_args__ = (
        refers("account_id", "account"),
        refers("attendee_id", "attendee"),
        refers("program_id", "program"),
        refers("offering_id", "term_program_set"),
        one_of("status", SubscriptionStatus),
        one_of("period", BillingPeriod),
        check("cardinality(weekdays) BETWEEN 1 AND 7", "has_weekdays"),
        check("weekdays <@ ARRAY['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN']", "weekdays_are_known"),
        check("notice_days >= 0 AND advance_days >= 0", "days_are_not_negative"),
        check("(status IN (30, 40)) = (ends_on IS NOT NULL)", "notice_has_a_last_day"),
        unique("reference"),
        index("ix_subscription_account", "account_id", "created_at"),
        index("ix_subscription_attendee", "attendee_id"),
        # Nobody asks for the same twice.
        index("uq_subscription_request", "attendee_id", "offering_id", "weekdays", where="status = 10", is_unique=True),
        # What the job that rolls them over, and the one that ends them, look for.
        index("ix_subscription_running", "offering_id", where="status IN (20, 30)"),
    )
    reference: str
    account_id: UUID
    attendee_id: UUID
    program_id: UUID
    offering_id: UUID  # that of the newest term it is enrolled in
    weekdays: list[str] = Field(sa_type=ARRAY(sa.Text))
    starts_on: date
    ends_on: date | None = None  # its last day, once notice was given
    # As the rules said when it was asked for.
    period: BillingPeriod = word(BillingPeriod)
    notice_days: int
    advance_days: int  # an invoice is issued so many days before its period begins
    status: SubscriptionStatus = code(SubscriptionStatus)
    version: int = 1
    created_at: datetime = moment()
    updated_at: datetime = moment()


class SubscriptionReview(TenantRow, table=True):
    """A subscription that could not be rolled into a term by itself: for an admin, until it is resolved."""

    __tablename__ = "subscription_review"
    __table_args__ = (
        refers("subscription_id", "subscription"),
        refers("offering_id", "term_program_set"),
        refers("term_id", "term"),
        index("uq_subscription_review_once", "subscription_id", "offering_id", "term_id", is_unique=True),
        index("ix_subscription_review_open", "created_at", where="resolved_at IS NULL"),
    )
    subscription_id: UUID
    offering_id: UUID  # into which it should have been rolled; where there is none, its own, which ends
    term_id: UUID  # in which it does not go on
    # Why not: [{"code", "message", "session"}], as a submit is refused.
    reasons: list[dict[str, object]] = json(nullable=False)
    created_at: datetime = moment()
    resolved_at: datetime | None = moment(default=None, nullable=True)
    resolution: str = ""
