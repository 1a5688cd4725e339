"""The request in flight (cart) with its lines, extras and discounts."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

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
    unique_with_nulls,
    word,
)
from models.offering import BookingMode
from models.snapshot import DiscountSnapshot, ExtraSnapshot, discount_rules, extra_rules
from models.status import (
    ActorKind,
    LineKind,
    TermBookingConfirmationType,
    TermBookingOrderType,
    TermBookingStatus,
)


class TermBookingOrder(TenantRow, table=True):
    """A request to book sessions of one term for one attendee of one account, until it is confirmed."""

    __tablename__ = "term_booking_order"
    __table_args__ = (
        refers("account_id", "account"),
        refers("attendee_id", "attendee"),
        refers("term_id", "term"),
        refers("group_id", "billing_group"),
        one_of("order_type", TermBookingOrderType),
        one_of("status", TermBookingStatus),
        one_of("confirmation_type", TermBookingConfirmationType),
        one_of("made_by", ActorKind),
        check("total_minor >= 0", "total_is_not_negative"),
        check(
            "status NOT IN (450, 500) OR booking_id IS NOT NULL OR original_order_id IS NOT NULL",
            "approved_has_a_booking",
        ),
        refers("original_order_id", "term_booking_order"),
        check("original_booking_id IS NULL OR original_order_id IS NULL", "changes_a_booking_or_a_quote"),
        refers("subscription_id", "subscription"),
        check("(order_type = 4) = (subscription_id IS NOT NULL)", "subscription_has_its_order_type"),
        # Each part of a subscription's term is enrolled in once.
        index(
            "uq_term_booking_order_subscription_term",
            "subscription_id",
            "term_id",
            "subscription_part",
            is_unique=True,
            where="subscription_id IS NOT NULL AND status IN (100, 200, 300, 450, 475, 485, 500)",
        ),
        refers("converts_order_id", "term_booking_order"),
        refers("converted_into_id", "term_booking_order"),
        check("converts_order_id IS NULL OR order_type = 0", "only_a_booking_converts"),
        check("converted_into_id IS NULL OR (order_type IN (2, 5) AND status = 0)", "converted_is_removed"),
        refers("cause_order_id", "term_booking_order"),
        check("(cause_order_id IS NULL) = (was_minor IS NULL)", "companion_says_what_was"),
        check(
            "cause_order_id IS NULL OR (original_booking_id IS NOT NULL AND status IN (0, 350, 500))",
            "companion_is_of_a_booking",
        ),
        check("status <> 350 OR cause_order_id IS NOT NULL", "submitted_change_has_a_cause"),
        unique("reference"),
        # A cause alters the price of a booking once; its companions are found by it.
        index(
            "uq_term_booking_order_companion",
            "cause_order_id",
            "original_booking_id",
            is_unique=True,
            where="cause_order_id IS NOT NULL AND status IN (350, 500)",
        ),
        # One open change per booking group: the first that was begun.
        index(
            "uq_term_booking_order_open_change",
            "group_id",
            is_unique=True,
            where="(original_booking_id IS NOT NULL OR original_order_id IS NOT NULL) AND cause_order_id IS NULL "
            "AND status IN (100, 200, 300, 475, 485)",
        ),
        index("ix_term_booking_order_cause", "cause_order_id", where="cause_order_id IS NOT NULL"),
        # Most orders are bookings; lists of the others are read in their order.
        index("ix_term_booking_order_rare", "order_type", "id", where="order_type <> 0"),
        index("ix_term_booking_order_account", "account_id", "created_at"),
        index("ix_term_booking_order_attendee", "attendee_id"),
        index("ix_term_booking_order_booking", "booking_id", where="booking_id IS NOT NULL"),
        index("ix_term_booking_order_subscription", "subscription_id", where="subscription_id IS NOT NULL"),
        index("ix_term_booking_order_status", "status", "created_at"),
        # What is converted becomes one booking.
        index(
            "uq_term_booking_order_converts",
            "converts_order_id",
            is_unique=True,
            where="converts_order_id IS NOT NULL AND status IN (300, 450, 475, 485, 500)",
        ),
    )
    reference: str
    account_id: UUID
    attendee_id: UUID
    term_id: UUID
    order_type: TermBookingOrderType = code(TermBookingOrderType, default=TermBookingOrderType.BOOKING)
    confirmation_type: TermBookingConfirmationType | None = code(
        TermBookingConfirmationType, default=None, nullable=True
    )
    status: TermBookingStatus = code(TermBookingStatus, default=TermBookingStatus.DRAFT)
    # Rises with every change and names the last row of its history; the ETag of the order.
    version: int = 1
    made_by: ActorKind = word(ActorKind)
    # Set at the first submit and fixed from then on.
    group_id: UUID | None = None
    billing_id: UUID | None = None
    booking_id: UUID | None = None
    # What a change order changes: a booking, or a quoted order; a companion's cause.
    original_booking_id: UUID | None = None
    original_order_id: UUID | None = None  # of a change of a quoted order
    cause_order_id: UUID | None = None
    was_minor: int | None = money(default=None, nullable=True)  # of a companion: what its booking cost before
    # What a submitted change asks to be paid before it is confirmed.
    change_due_minor: int | None = money(default=None, nullable=True)
    # The expression of interest or the trial that this order turns into a booking; of a booked trial, its order.
    subscription_id: UUID | None = None  # whose term it is
    # Of that term: the first, and one more from each change of its weekdays or last day.
    subscription_part: int = Field(default=1, sa_column_kwargs={"server_default": sa.text("1")})
    converts_order_id: UUID | None = None
    # The order that an expression of interest or a trial on its way has become.
    converted_into_id: UUID | None = None
    total_minor: int = money(default=0)
    price_fingerprint: str = ""
    note: str = ""
    cancel_reason: str | None = None
    promo_code: str | None = None  # in capitals; used up while the order holds and for good once it is confirmed
    created_at: datetime = moment()
    updated_at: datetime = moment()
    submitted_at: datetime | None = moment(default=None, nullable=True)


class TermBookingOrderLine(TenantRow, table=True):
    """One session asked for. The price is what was shown when the cart was saved."""

    __tablename__ = "term_booking_order_line"
    __table_args__ = (
        refers("order_id", "term_booking_order", ondelete="CASCADE"),
        refers("term_product_id", "term_product"),
        refers("seat_id", "seat"),
        one_of("kind", LineKind),
        one_of("mode", BookingMode),
        one_of("asked_mode", BookingMode),
        check("price_minor >= 0", "price_is_not_negative"),
        refers("makeup_credit_id", "makeup_credit"),
        check("kind <> 'MAKEUP_SESSION' OR makeup_credit_id IS NOT NULL", "makeup_has_its_credit"),
        unique("order_id", "term_product_id"),
        index("ix_term_booking_order_line_makeup", "makeup_credit_id", where="makeup_credit_id IS NOT NULL"),
        index("ix_term_booking_order_line_session", "term_product_id"),
    )
    order_id: UUID
    term_product_id: UUID
    term_program_set_id: UUID
    kind: LineKind = word(LineKind, default=LineKind.SESSION)
    mode: BookingMode = word(BookingMode, default=BookingMode.CASUAL)
    # What was asked for, where the selection makes a cheaper whole; and why the line got its mode.
    asked_mode: BookingMode | None = word(BookingMode, default=None, nullable=True)
    mode_reason: str | None = None
    # What a makeup session is booked with.
    makeup_credit_id: UUID | None = None
    seat_id: UUID | None = None  # the seat asked for, in a seated session
    price_minor: int = money()
    position: int


class TermBookingOrderWish(TenantRow, table=True):
    """An offering, or any offering of a program, that an expression of interest asks for without naming sessions."""

    __tablename__ = "term_booking_order_wish"
    __table_args__ = (
        refers("order_id", "term_booking_order", ondelete="CASCADE"),
        refers("term_program_set_id", "term_program_set"),
        refers("program_id", "program"),
        check("num_nonnulls(term_program_set_id, program_id) = 1", "wishes_for_one_thing"),
        unique_with_nulls("order_id", "term_program_set_id", "program_id"),
        index("ix_term_booking_order_wish_offering", "term_program_set_id"),
        index("ix_term_booking_order_wish_program", "program_id"),
    )
    order_id: UUID
    term_program_set_id: UUID | None = None
    program_id: UUID | None = None
    position: int


class TermBookingOrderExtra(ExtraSnapshot, table=True):
    """A snapshot of an extra asked for with a line."""

    __tablename__ = "term_booking_order_extra"
    __table_args__ = (
        refers("order_id", "term_booking_order", ondelete="CASCADE"),
        refers("order_line_id", "term_booking_order_line", ondelete="CASCADE"),
        *extra_rules("order_line_id"),
        index("ix_term_booking_order_extra_order", "order_id"),
        index("ix_term_booking_order_extra_extra", "extra_id"),
    )
    order_id: UUID
    order_line_id: UUID


class TermBookingOrderActivity(TenantRow, table=True):
    """An activity of the day that a line chooses, with its title then. It holds a place as long as its line does."""

    __tablename__ = "term_booking_order_activity"
    __table_args__ = (
        refers("order_id", "term_booking_order", ondelete="CASCADE"),
        refers("order_line_id", "term_booking_order_line", ondelete="CASCADE"),
        refers("term_product_id", "term_product"),
        unique("order_id", "term_product_id"),
        index("ix_term_booking_order_activity_line", "order_line_id"),
        index("ix_term_booking_order_activity_activity", "term_product_id"),
    )
    order_id: UUID
    order_line_id: UUID
    term_product_id: UUID
    title: str


class TermBookingOrderDiscount(DiscountSnapshot, table=True):
    """A discount on a line of the order."""

    __tablename__ = "term_booking_order_discount"
    __table_args__ = (
        refers("order_id", "term_booking_order", ondelete="CASCADE"),
        refers("order_line_id", "term_booking_order_line", ondelete="CASCADE"),
        *discount_rules(),
        index("ix_term_booking_order_discount_order", "order_id"),
    )
    order_id: UUID
    order_line_id: UUID
