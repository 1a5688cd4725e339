"""Venues with their seats, and what a seat of each type costs."""

from enum import StrEnum
from uuid import UUID

from models.base import TenantRow, check, index, money, one_of, refers, unique, unique_with_nulls, word


class SeatType(StrEnum):
    """What kind of seat it is; the price follows it."""

    VIP = "VIP"  # the best
    REGULAR = "REGULAR"  # most of them
    ECONOMY = "ECONOMY"  # the cheapest


class Venue(TenantRow, table=True):
    """A room, bus or camp with numbered seats, at a site."""

    __tablename__ = "venue"
    __table_args__ = (
        refers("site_id", "site"),
        check("char_length(name) BETWEEN 1 AND 200", "name_has_a_sane_length"),
        unique("site_id", "name"),
    )
    site_id: UUID
    name: str


class Seat(TenantRow, table=True):
    """One position of a venue. Rows are counted from the front; seats with following numbers are side by side."""

    __tablename__ = "seat"
    __table_args__ = (
        refers("venue_id", "venue"),
        one_of("seat_type", SeatType),
        check("number BETWEEN 1 AND 1000 AND row_position >= 0", "position_is_sane"),
        unique("venue_id", "row_name", "number"),
        # What a claim refers to, so that nobody holds a seat of another venue.
        unique("venue_id", "id"),
    )
    venue_id: UUID
    row_name: str
    row_position: int  # 0 is the front row
    number: int
    seat_type: SeatType = word(SeatType)


class SeatPrice(TenantRow, table=True):
    """What a seat of a type costs in an offering's sessions, or in one of them, which then counts."""

    __tablename__ = "seat_price"
    __table_args__ = (
        refers("term_program_set_id", "term_program_set"),
        refers("term_product_id", "term_product", ondelete="CASCADE"),
        one_of("seat_type", SeatType),
        check("price_minor >= 0", "price_is_not_negative"),
        unique_with_nulls("term_program_set_id", "term_product_id", "seat_type"),
        index("ix_seat_price_session", "term_product_id"),
    )
    term_program_set_id: UUID
    term_product_id: UUID | None = None  # None: every session of the offering
    seat_type: SeatType = word(SeatType)
    price_minor: int = money()
