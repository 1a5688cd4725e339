"""Subscriptions: weekdays without an end, their terms, the invoices to come."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import Day, Input, LongText, Output, YesNo, shows
from api.schemas.orders import Ending
from api.schemas.sample_enrolment import ACCOUNT_ID, ATTENDEE_ID, BOOKING_ID
from api.schemas.sample_programme import OFFERING_ID, PROGRAM_ID, TERM_ID, Sample, sample_id
from models import BillingPeriod

SubscriptionStatus = Literal["REQUESTED", "ACTIVE", "ENDING", "ENDED", "DECLINED"]
Weekday = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
Withdrawal = Ending

SUBSCRIPTION_ID = sample_id(70)
_REQUESTED: Sample = {
    "id": SUBSCRIPTION_ID, "reference": "TS-7Q2MD84K", "account_id": ACCOUNT_ID, "account": "Rossi family",
    "attendee_id": ATTENDEE_ID, "attendee": "Mia Rossi", "program_id": PROGRAM_ID, "program": "After-school club",
    "offering_id": OFFERING_ID, "offering": "After-school club", "weekdays": ["MON", "WED"], "starts_on": "2026-04-06",
    "ends_on": None, "period": "MONTHLY", "notice_days": 14, "advance_days": 7, "status": "REQUESTED", "version": 1,
    "allowed": ["decline"], "created_at": "2026-03-31T13:00:00+00:00", "bookings": [], "scheduled_invoices": [],
}  # fmt: skip
SUBSCRIPTION: Sample = _REQUESTED | {
    "status": "ACTIVE", "version": 2, "allowed": ["give_notice", "change_weekdays"],
    "bookings": [{"booking_id": BOOKING_ID, "reference": "TB-4F7KXM29", "term_id": TERM_ID, "term": "Spring 2026",
                  "status": "APPROVED"}],
    "scheduled_invoices": [{"booking_id": BOOKING_ID, "period_from": "2026-05-01", "period_until": "2026-05-31",
                            "issue_on": "2026-04-24", "sessions": 8}],
}  # fmt: skip
_ENDING: Sample = {
    "status": "ENDING", "version": 3, "ends_on": "2026-04-28",
    "allowed": ["give_notice", "put_off_notice", "withdraw_notice"],
}  # fmt: skip
SUBSCRIPTION_AFTER: dict[str, Sample] = {
    "request_subscription": _REQUESTED,
    "withdraw_subscription": _REQUESTED | {"status": "DECLINED", "version": 2, "allowed": []},
    "give_notice": SUBSCRIPTION | _ENDING,
    "continue_subscription": SUBSCRIPTION | {"version": 4},
    "change_weekdays": SUBSCRIPTION | {"version": 3, "weekdays": ["TUE", "WED"]},
}
REVIEW: Sample = {
    "id": sample_id(71), "subscription_id": SUBSCRIPTION_ID, "reference": "TS-7Q2MD84K", "attendee": "Mia Rossi",
    "offering_id": sample_id(72), "offering": "After-school club", "term": "Autumn 2026",
    "reasons": [{"code": "session_full", "session": "After-school club, Mon 14 Sep 2026 15:30–17:30",
                 "message": "After-school club, Mon 14 Sep 2026 15:30–17:30 is full (20 places)."}],
    "created_at": "2026-06-02T14:00:00+00:00", "resolved_at": None, "resolution": "",
}  # fmt: skip


class NewSubscription(Input):
    """An offering on some of its weekdays, from a day on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "account_id": ACCOUNT_ID, "attendee_id": ATTENDEE_ID, "offering_id": OFFERING_ID, "weekdays": ["MON", "WED"],
        "starts_on": "2026-04-06",
    }]})  # fmt: skip

    account_id: UUID | None = Field(default=None, description="A family with one account need not name it.")
    attendee_id: UUID
    offering_id: UUID
    weekdays: Annotated[list[Weekday], Field(min_length=1, max_length=7)]
    starts_on: Day


class Beginning(Input):
    """An admin says so."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Agreed by phone"}]})

    reason: LongText = ""
    override_reason: LongText = Field(default="", description="Overrides booking window, cut-off and eligibility.")
    is_muted: YesNo = Field(default=False, description="The family is not notified.")


class Notice(Input):
    """The end of a subscription."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"last_day": "2026-05-31", "reason": "We move away"}]})

    last_day: Day | None = Field(default=None, description="By default the first day that the notice allows.")
    reason: LongText = ""
    is_muted: YesNo = Field(default=False, description="The family is not notified.")


class Continuation(Input):
    """A notice that is put off or withdrawn."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"last_day": "2026-06-30", "reason": "We stay longer"}]})

    last_day: Day | None = Field(default=None, description="A later last day. By default it goes on without an end.")
    reason: LongText = ""
    is_muted: YesNo = Field(default=False, description="The family is not notified.")


class Weekdays(Input):
    """Other weekdays, from the next period that is not invoiced."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"weekdays": ["TUE", "WED"], "reason": "New timetable"}]})

    weekdays: Annotated[list[Weekday], Field(min_length=1, max_length=7)]
    reason: LongText = ""
    override_reason: LongText = Field(default="", description="Overrides booking window, cut-off and eligibility.")
    is_muted: YesNo = Field(default=False, description="The family is not notified.")


class NextTerm(Input):
    """The offering of the next term, into which the subscription goes."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"offering_id": sample_id(72), "reason": "A place was made"},
    ]})  # fmt: skip

    offering_id: UUID
    reason: LongText = ""
    override_reason: LongText = Field(default="", description="Overrides booking window, cut-off and eligibility.")


class SubscriptionTerm(Output):
    """A term of a subscription."""

    booking_id: UUID
    reference: str
    term_id: UUID
    term: str
    status: str


class ScheduledInvoice(Output):
    """An invoice to come."""

    booking_id: UUID
    period_from: date
    period_until: date
    issue_on: date
    sessions: int


class Subscription(Output):
    """An attendee comes on these weekdays, term after term."""

    model_config = shows(SUBSCRIPTION)

    id: UUID
    reference: str
    account_id: UUID
    account: str
    attendee_id: UUID
    attendee: str
    program_id: UUID
    program: str
    offering_id: UUID = Field(description="Of the newest term that it is enrolled in.")
    offering: str
    weekdays: list[Weekday]
    starts_on: date
    ends_on: date | None = Field(description="The last day, once notice was given.")
    period: BillingPeriod = Field(description="For how long an invoice asks.")
    notice_days: int
    advance_days: int = Field(description="An invoice is issued so many days before its period begins.")
    status: SubscriptionStatus
    version: int
    allowed: list[str] = Field(description="The triggers that the status leaves open to this caller.")
    created_at: datetime
    bookings: list[SubscriptionTerm]
    scheduled_invoices: list[ScheduledInvoice]


class SubscriptionReview(Output):
    """A subscription that could not be rolled into a term by itself."""

    model_config = shows(REVIEW)

    id: UUID
    subscription_id: UUID
    reference: str
    attendee: str
    offering_id: UUID = Field(description="Into which it should have gone; its own, where nothing continues that.")
    offering: str
    term: str = Field(description="In which it does not go on.")
    reasons: list[dict[str, Any]] = Field(description="Every rule that says no.")
    created_at: datetime
    resolved_at: datetime | None
    resolution: str
