"""Venues, their seats, who sits where."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, field_validator

from api.schemas.base import NO_NUL, Change, Input, Minor, Name, Output, shows
from api.schemas.sample_programme import SITE_ID
from api.schemas.sample_seats import (
    BEST_SEATS,
    SEAT_CHANGES,
    SEAT_MAP,
    SEAT_PLAN,
    SEATING,
    VENUE,
    VENUE_ID,
    VENUE_SEATS,
)
from models import SeatType


class NewVenue(Input):
    """A room, bus or camp with numbered seats."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"site_id": SITE_ID, "name": "Main hall"}]})

    site_id: UUID
    name: Name


class VenueChange(Change):
    """A new name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Small hall"}]})

    name: Name = ""


class Venue(Output):
    """A venue."""

    model_config = shows(VENUE)

    id: UUID
    site_id: UUID
    name: str


Written = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=NO_NUL)]


class SeatBlock(Input):
    """Rows from the front to the back, and the seats of each; a missing number is an aisle."""

    rows: Written = Field(description="As A-T, 1-20 or A, C, F.")
    numbers: Written = Field(description="As 1-30 or 1-10, 13-22.")
    seat_type: SeatType = SeatType.REGULAR


class SeatPlan(Input):
    """All seats that the venue has from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [SEAT_PLAN]})

    blocks: Annotated[list[SeatBlock], Field(max_length=200)]


class SeatChanges(Output):
    """What was done to the seats of a venue."""

    model_config = shows(SEAT_CHANGES)

    created: int
    changed: int = Field(description="Of another type, or in another order of rows.")
    removed: int
    seats: int = Field(description="How many there are now.")


class VenueSeat(Output):
    """A seat of a venue."""

    id: UUID
    number: int
    seat_type: SeatType


class VenueRow(Output):
    """A row of a venue."""

    row: str
    seats: list[VenueSeat]


class VenueSeats(Output):
    """Every seat of a venue, by rows from the front."""

    model_config = shows(VENUE_SEATS)

    venue_id: UUID
    count: int
    rows: list[VenueRow]


class SeatPrice(Input):
    """What a seat of a type costs."""

    seat_type: SeatType
    price_minor: Minor


class NewSeating(Input):
    """Where it is seated, and at what prices; a type without a price costs what the session does."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"venue_id": VENUE_ID, "prices": [{"seat_type": "VIP", "price_minor": 4500}]}]
        }
    )  # fmt: skip

    venue_id: UUID | None = Field(description="null: it is not seated.")
    prices: Annotated[list[SeatPrice], Field(max_length=3)] = Field(default_factory=list)

    @field_validator("prices")
    @classmethod
    def _names_each_type_once(cls, prices: list[SeatPrice]) -> list[SeatPrice]:
        if len({price.seat_type for price in prices}) < len(prices):
            raise ValueError("each seat type has one price")
        return prices


class ShownSeatPrice(Output):
    """What a seat of a type costs."""

    seat_type: SeatType
    price_minor: int


class Seating(Output):
    """Where it is seated, and at what prices."""

    model_config = shows(SEATING)

    venue_id: UUID | None
    seats: int
    prices: list[ShownSeatPrice]
    changed: int | None = Field(default=None, description="Sessions that are seated otherwise now.")
    kept: list[UUID] | None = Field(default=None, description="Sessions that are booked, and stay as they are.")


class MapSeat(Output):
    """A seat on the map."""

    id: UUID
    number: int
    seat_type: SeatType
    price_minor: int
    state: Literal["FREE", "TAKEN", "YOURS"]


class MapRow(Output):
    """A row of seats."""

    row: str
    seats: list[MapSeat]


class MapPrice(ShownSeatPrice):
    """What a seat of a type costs, also in words."""

    price: str


class SeatMap(Output):
    """Every seat of a session, by rows from the front."""

    model_config = shows(SEAT_MAP)

    session_id: UUID
    venue_id: UUID
    venue: str
    capacity: int
    free: int = Field(description="Seats that nobody holds; the session may have fewer places left.")
    prices: list[MapPrice]
    rows: list[MapRow]


class BestSeat(MapSeat):
    """A seat that is proposed."""

    row: str


class BestSeats(Output):
    """The best free seats together. They are not held: put them into carts and submit."""

    model_config = shows(BEST_SEATS)

    session_id: UUID
    asked: int
    seats: list[BestSeat] = Field(description="Fewer than asked where there are not as many.")
    groups: int = Field(description="In how many groups the party sits; 1 is side by side.")
    total_minor: int
