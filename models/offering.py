"""Offerings of a term and their dated sessions, the smallest thing one can book."""

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from models.base import TenantRow, check, flag, index, json, moment, money, one_of, refers, root, unique, word


class BookingMode(StrEnum):
    """Which sets of sessions may be chosen, and the price basis."""

    CASUAL = "CASUAL"  # any sessions, priced each
    FULL_WEEK = "FULL_WEEK"  # every session of each chosen week (Part Time)
    FULL_TERM = "FULL_TERM"  # every session that is still to come (Full Time)


class OfferingStatus(StrEnum):
    """Where an offering stands."""

    DRAFT = "DRAFT"  # being prepared
    PUBLISHED = "PUBLISHED"  # can be found and booked
    CANCELLED = "CANCELLED"  # will not run
    COMPLETED = "COMPLETED"  # has run


class ProductType(StrEnum):
    """What a term product is."""

    SESSION = "SESSION"  # a time slot
    ACTIVITY = "ACTIVITY"  # a holiday day's theme: no price, not a time slot


class SessionStatus(StrEnum):
    """Whether a session takes place."""

    OPEN = "OPEN"  # takes place
    CLOSED = "CLOSED"  # closed by a closure day
    CANCELLED = "CANCELLED"  # cancelled with its offering


class TermProgramSet(TenantRow, table=True):
    """The offering of a program in a term: when, for whom, how many, how much."""

    __tablename__ = "term_program_set"
    __table_args__ = (
        refers("term_id", "term"),
        refers("program_id", "program"),
        refers("venue_id", "venue"),
        one_of("status", OfferingStatus),
        check("capacity >= 0", "capacity_is_not_negative"),
        check("session_price_minor >= 0", "price_is_not_negative"),
        check("age_below_months > age_from_months", "ages_make_a_range"),
        check("bookable_until > bookable_from", "booking_window_is_a_range"),
        refers("priority_term_id", "term"),
        refers("rolled_from_id", "term_program_set"),
        # Priority is for those enrolled in some term, before booking opens to all.
        check("priority_from IS NULL OR (bookable_from > priority_from) IS TRUE", "priority_comes_before_all"),
        check("(priority_from IS NULL) = (priority_term_id IS NULL)", "priority_comes_from_a_term"),
        index(
            "uq_term_program_set_rolled_from",
            "term_id",
            "rolled_from_id",
            where="rolled_from_id IS NOT NULL",
            is_unique=True,
        ),
        unique("source_key"),
        index("ix_term_program_set_name", "name", "id"),
        index("ix_term_program_set_term", "term_id"),
        index("ix_term_program_set_program", "program_id"),
    )
    term_id: UUID
    program_id: UUID
    name: str
    code: str = ""  # the course number people know
    status: OfferingStatus = word(OfferingStatus, default=OfferingStatus.DRAFT)
    # How its sessions repeat: [{"component", "weekdays", "starts", "ends", "from", "until", "dates"}], local times.
    schedule: list[dict[str, object]] = json(default_factory=list, nullable=False)
    modes: list[str] = Field(sa_type=ARRAY(sa.Text), default_factory=lambda: ["CASUAL"])
    session_price_minor: int = money(default=0)
    full_week_price_minor: int | None = money(default=None, nullable=True)
    full_term_price_minor: int | None = money(default=None, nullable=True)
    capacity: int
    # Its sessions are seated there; each has as many places as there are seats, at most.
    venue_id: UUID | None = None
    # Eligibility. Ages in completed months on the day of the first session: from ≤ age < below.
    age_from_months: int | None = None
    age_below_months: int | None = None
    school_year_from: int | None = None
    school_year_to: int | None = None
    height_from_cm: int | None = None
    height_to_cm: int | None = None
    weight_from_kg: Decimal | None = Field(default=None, max_digits=5, decimal_places=1)
    weight_to_kg: Decimal | None = Field(default=None, max_digits=5, decimal_places=1)
    bookable_from: datetime | None = moment(default=None, nullable=True)
    bookable_until: datetime | None = moment(default=None, nullable=True)
    # From when those enrolled in the same program in that term may book, before it opens to all.
    priority_from: datetime | None = moment(default=None, nullable=True)
    priority_term_id: UUID | None = None
    rolled_from_id: UUID | None = None  # the offering of an earlier term that it continues
    display: dict[str, object] = json(default_factory=dict, nullable=False)
    source_key: str | None = None
    # The fingerprint of the imported row, so that an unchanged row changes nothing.
    source_fingerprint: str | None = None


class TermProduct(TenantRow, table=True):
    """A session: one dated slot generated from an offering. `taken` never exceeds `capacity`."""

    __tablename__ = "term_product"
    __table_args__ = (
        refers("term_program_set_id", "term_program_set"),
        refers("venue_id", "venue"),
        one_of("product_type", ProductType),
        one_of("status", SessionStatus),
        check("taken >= 0 AND taken <= capacity", "taken_within_capacity"),
        check("waiting_count >= 0", "waiting_count_is_not_negative"),
        check("price_minor >= 0", "price_is_not_negative"),
        check("ends_at > starts_at", "starts_before_it_ends"),
        # An activity is of a day, and no time slot of it.
        check(
            "(starts_at IS NULL) = (ends_at IS NULL) AND CASE product_type WHEN 'ACTIVITY' "
            "THEN starts_at IS NULL AND local_date IS NOT NULL ELSE (starts_at IS NULL) = (local_date IS NULL) END",
            "dated_whole",
        ),
        # An activity without a capacity of its own takes everybody who is there that day.
        check("product_type = 'ACTIVITY' OR capacity IS NOT NULL", "session_has_a_capacity"),
        check("product_type = 'SESSION' OR price_minor = 0", "activity_has_no_price"),
        check("is_seated = (venue_id IS NOT NULL)", "seated_in_a_venue"),
        # What a claim refers to: seated where the session is.
        unique("id", "is_seated"),
        unique("id", "venue_id"),
        sa.UniqueConstraint(
            "organisation_id", "term_program_set_id", "product_type", "component", "local_date", "local_start",
            postgresql_nulls_not_distinct=True, name="uq_term_product_slot",
        ),
        index("ix_term_product_starts_at", "starts_at"),
        index("ix_term_product_day", "local_date"),
        index("ix_term_product_awaited", "id", where="waiting_count > 0"),
    )  # fmt: skip
    term_program_set_id: UUID
    product_type: ProductType = word(ProductType, default=ProductType.SESSION)
    component: str = ""  # lecture, discussion, …: one offering may meet in several ways
    title: str = ""
    status: SessionStatus = word(SessionStatus, default=SessionStatus.OPEN)
    # None in an undated session: capacity, but no time to conflict with and no roll.
    starts_at: datetime | None = moment(default=None, nullable=True)
    ends_at: datetime | None = moment(default=None, nullable=True)
    local_date: date | None = None
    local_start: time | None = None
    local_end: time | None = None
    price_minor: int = money(default=0)
    capacity: int | None
    taken: int = 0
    # How many stand in its queue: what is given back is offered where there are any, and costs nothing where not.
    waiting_count: int = Field(default=0, sa_column_kwargs={"server_default": sa.text("0")})
    # When its roll was settled.
    roll_closed_at: datetime | None = moment(default=None, nullable=True)
    venue_id: UUID | None = None
    is_seated: bool = flag()


class Extra(TenantRow, table=True):
    """Something sold beside a session: lunch, bus, late pick-up."""

    __tablename__ = "extra"
    __table_args__ = (
        root(),
        refers("program_id", "program"),
        check("price_minor >= 0", "price_is_not_negative"),
        check("stock >= 0", "stock_is_not_negative"),
    )
    program_id: UUID | None = None  # None: offered with every program
    name: str
    price_minor: int = money()
    is_active: bool = True
    stock: int | None = None  # how many there are at each session; None: as many as are asked for


class CapacityChange(TenantRow, table=True):
    """An admin gave a session more or fewer places: from how many to how many, when and why."""

    __tablename__ = "capacity_change"
    __table_args__ = (
        refers("term_product_id", "term_product", ondelete="CASCADE"),
        check("from_capacity <> to_capacity", "is_a_change"),
        index("ix_capacity_change_session", "term_product_id", "at"),
    )
    term_product_id: UUID
    from_capacity: int
    to_capacity: int
    reason: str
    actor_id: UUID | None = None
    at: datetime = moment()
