"""Bookings: what an order became when it was confirmed."""

from datetime import date, datetime
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import Day, Input, LongText, Output, ShortText, shows
from api.schemas.orders import BookingStatus, ConfirmationType, OrderExtra, OrderType, ShownSeat
from api.schemas.sample_enrolment import BOOKING, BOOKING_SUMMARY, FINGERPRINT
from api.schemas.schedules import PaymentSchedule
from models import AttendanceStatus, BookingMode, LineKind, PaymentState


class BookingSummary(Output):
    """A booking in a list."""

    model_config = shows(BOOKING_SUMMARY)

    id: UUID
    reference: str
    status: BookingStatus
    version: int
    revision: int = Field(description="Rises with every confirmed change order.")
    payment_state: PaymentState
    account_id: UUID
    account: str
    attendee_id: UUID
    attendee: str
    term_id: UUID
    term: str
    order_id: UUID
    order_type: OrderType
    confirmation_type: ConfirmationType
    total_minor: int
    closes_on: date | None = Field(description="Its last day, once that is known.")
    converted_into_id: UUID | None = Field(default=None, description="The order that a trial has become.")
    session_count: int = Field(description="Without those that were given up or closed.")
    first_date: date | None
    last_date: date | None
    created_at: datetime


class BookingLine(Output):
    """One confirmed session."""

    id: UUID
    session_id: UUID
    name: str
    site: str
    starts_at: datetime | None
    ends_at: datetime | None
    kind: LineKind
    mode: BookingMode
    position: int
    gross_minor: int
    cancelled_at: datetime | None = Field(description="Given up before it was held; not billed any more.")
    attendance: AttendanceStatus | None
    seat: ShownSeat | None = Field(default=None, description="In a seated session.")
    ticket_reference: str | None = Field(default=None, description="What is scanned at the door; one per seat.")
    extras: list[OrderExtra]


class BookingInvoice(Output):
    """An invoice of the booking."""

    id: UUID
    number: str
    total_minor: int
    due_on: date


class BookingCreditNote(Output):
    """A credit note of the booking."""

    id: UUID
    number: str
    total_minor: int


class BookingZeroStatement(Output):
    """A zero statement of a booking: sessions that were moved at no difference."""

    id: UUID
    number: str


class Booking(BookingSummary):
    """A booking with what belongs to it."""

    model_config = shows(BOOKING)

    status_code: int
    allowed: list[str]
    currency: str
    total: str
    lines: list[BookingLine]
    invoices: list[BookingInvoice]
    credit_notes: list[BookingCreditNote]
    zero_statements: list[BookingZeroStatement]
    payment_schedule: PaymentSchedule | None = Field(description="Of a deposit or direct debit: what is due when.")


class BookingEnding(Input):
    """Why it is changed; an admin gives a reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The family moved away"}]})

    reason: LongText = ""
    is_muted: bool = Field(default=False, description="The family is not notified.")


class BookingCancellation(BookingEnding):
    """The review that is accepted, and why it is cancelled."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"fingerprint": FINGERPRINT, "reason": "The family moved away"}]}
    )

    fingerprint: ShortText = Field(default="", description="Of the review; without it the refusal brings the review.")
    waives_fees: bool = Field(default=False, description="Without the late fee, as the review was; an admin only.")


class BookingClosure(BookingCancellation):
    """The last day of the booking, read where its term runs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"last_day": "2026-05-31", "fingerprint": FINGERPRINT, "reason": "The family moves away in June"}
            ]
        }
    )

    last_day: Day
