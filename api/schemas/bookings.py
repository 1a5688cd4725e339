"""Bookings: what an order became when it was confirmed."""

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from api.schemas.base import Output, shows
from api.schemas.orders import BookingStatus, ConfirmationType, OrderExtra, OrderType
from api.schemas.sample_enrolment import BOOKING, BOOKING_SUMMARY
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
    session_count: int
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
    attendance: AttendanceStatus | None
    extras: list[OrderExtra]


class BookingInvoice(Output):
    """An invoice of the booking."""

    id: UUID
    number: str
    total_minor: int
    due_on: date


class Booking(BookingSummary):
    """A booking with what belongs to it."""

    model_config = shows(BOOKING)

    status_code: int
    allowed: list[str]
    currency: str
    total: str
    lines: list[BookingLine]
    invoices: list[BookingInvoice]
