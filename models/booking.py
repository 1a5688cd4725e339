"""The confirmed enrolment with its lines, extras and discounts."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from models.base import (
    TenantRow,
    check,
    code,
    index,
    moment,
    money,
    one_of,
    refers,
    unique,
    word,
)
from models.offering import BookingMode
from models.snapshot import DiscountSnapshot, ExtraSnapshot, discount_rules, extra_rules
from models.status import LineKind, TermBookingConfirmationType, TermBookingOrderType, TermBookingStatus


class PaymentState(StrEnum):
    """How a booking stands with what it owes; never a status of the lifecycle."""

    NOT_DUE = "NOT_DUE"  # nothing is invoiced yet
    OPEN = "OPEN"  # invoiced, not fully paid
    PAID = "PAID"  # nothing is owed
    PENDING_PAYMENT = "PENDING_PAYMENT"  # a pay-as-you-go session found no funds


class TermBooking(TenantRow, table=True):
    """The enrolment an order made when it was confirmed."""

    __tablename__ = "term_booking"
    __table_args__ = (
        refers("account_id", "account"),
        refers("attendee_id", "attendee"),
        refers("term_id", "term"),
        refers("group_id", "billing_group"),
        refers("order_id", "term_booking_order"),
        refers("billing_id", "billing"),
        one_of("order_type", TermBookingOrderType),
        one_of("confirmation_type", TermBookingConfirmationType),
        one_of("status", TermBookingStatus),
        one_of("payment_state", PaymentState),
        refers("converted_into_id", "term_booking_order"),
        check("total_minor >= 0", "total_is_not_negative"),
        check("converted_into_id IS NULL OR order_type = 2", "only_a_trial_is_converted"),
        unique("reference"),
        unique("order_id"),
        index("ix_term_booking_account", "account_id", "created_at"),
        index("ix_term_booking_attendee", "attendee_id"),
        index("ix_term_booking_group", "group_id"),
        index("ix_term_booking_status", "status", "created_at"),
        index("ix_term_booking_owed", "id", where="payment_state IN ('OPEN', 'PENDING_PAYMENT')"),
    )
    reference: str
    account_id: UUID
    attendee_id: UUID
    term_id: UUID
    group_id: UUID
    order_id: UUID  # the order that made it
    order_type: TermBookingOrderType = code(TermBookingOrderType)
    confirmation_type: TermBookingConfirmationType = code(TermBookingConfirmationType)
    status: TermBookingStatus = code(TermBookingStatus)
    payment_state: PaymentState = word(PaymentState)
    version: int = 1
    revision: int = 1  # rises with every confirmed change order
    billing_id: UUID
    total_minor: int = money()
    wallet_debited_minor: int = money(default=0)
    bonus_debited_minor: int = money(default=0)
    entitlement_id: UUID | None = None
    closes_on: date | None = None  # its last day, once that is known
    converted_into_id: UUID | None = None  # the order that a trial has become
    created_at: datetime = moment()
    updated_at: datetime = moment()


class TermBookingLine(TenantRow, table=True):
    """One confirmed session, with what it costs by the Billing version that confirmed it; given up, it stays."""

    __tablename__ = "term_booking_line"
    __table_args__ = (
        refers("booking_id", "term_booking", ondelete="CASCADE"),
        refers("term_product_id", "term_product"),
        refers("billing_line_id", "billing_line"),
        refers("seat_id", "seat"),
        one_of("kind", LineKind),
        one_of("mode", BookingMode),
        check("(seat_id IS NULL) = (ticket_reference IS NULL)", "seat_has_a_ticket"),
        unique("booking_id", "term_product_id"),
        unique("ticket_reference"),
        index("ix_term_booking_line_session", "term_product_id"),
        index("ix_term_booking_line_given_up", "cancelled_at", where="cancelled_at IS NOT NULL"),
    )
    booking_id: UUID
    term_product_id: UUID
    term_program_set_id: UUID
    kind: LineKind = word(LineKind)
    mode: BookingMode = word(BookingMode)
    billing_line_id: UUID
    gross_minor: int = money()
    position: int
    # Given up before it was held: place and time are free, it is not billed any more.
    cancelled_at: datetime | None = moment(default=None, nullable=True)
    # In a seated session: the seat, and the ticket that lets its holder in.
    seat_id: UUID | None = None
    ticket_reference: str | None = None


class TermBookingExtra(ExtraSnapshot, table=True):
    """A snapshot of an extra bought with a line; deleted with its booking (ref 2)."""

    __tablename__ = "term_booking_extra"
    __table_args__ = (
        refers("booking_id", "term_booking", ondelete="CASCADE"),
        refers("booking_line_id", "term_booking_line", ondelete="CASCADE"),
        *extra_rules("booking_line_id"),
        index("ix_term_booking_extra_booking", "booking_id"),
        index("ix_term_booking_extra_extra", "extra_id"),
    )
    booking_id: UUID
    booking_line_id: UUID


class TermBookingDiscount(DiscountSnapshot, table=True):
    """A discount on a confirmed line."""

    __tablename__ = "term_booking_discount"
    __table_args__ = (
        refers("booking_id", "term_booking", ondelete="CASCADE"),
        refers("booking_line_id", "term_booking_line", ondelete="CASCADE"),
        *discount_rules(),
        index("ix_term_booking_discount_booking", "booking_id"),
    )
    booking_id: UUID
    booking_line_id: UUID
