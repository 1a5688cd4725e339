"""Offerings of a term: when they meet, what they cost, who may come, and what generating their sessions did."""

import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, PlainSerializer, model_validator

from api.schemas.base import (
    WRITTEN_DECIMAL,
    Change,
    Count,
    Day,
    Input,
    LocalTime,
    Minor,
    Moment,
    Name,
    Output,
    ShortText,
    ShownTime,
    Whole,
    shows,
)
from api.schemas.sample_programme import (
    KARATE,
    OFFERING,
    OFFERING_SUMMARY,
    PROGRAM_ID,
    SESSION_CHANGES,
    TERM_ID,
)
from catalogue import schedule as catalogue
from models import BookingMode, OfferingStatus


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


Weekday = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]


class Meeting(Input):
    """One way in which an offering meets: on weekdays, or on dates, or neither (undated); times of the site."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    component: ShortText = ""
    title: ShortText = ""
    weekdays: list[Weekday] = Field(default_factory=list, max_length=7)
    dates: list[Day] = Field(default_factory=list, max_length=400)
    starts: LocalTime | None = None
    ends: LocalTime | None = None
    from_date: Day | None = Field(default=None, alias="from")
    until_date: Day | None = Field(default=None, alias="until")

    @model_validator(mode="after")
    def _has_times(self) -> Self:
        if (self.weekdays or self.dates) and (self.starts is None or self.ends is None):
            raise ValueError("what meets on weekdays or dates has a start and an end")
        return self

    def kept(self) -> dict[str, object]:
        """As an offering keeps it."""
        return catalogue.Meeting.from_json(self.model_dump(mode="json", by_alias=True)).as_json()


Schedule = Annotated[
    list[Meeting], Field(max_length=50), PlainSerializer(lambda meetings: [meeting.kept() for meeting in meetings])
]
Modes = Annotated[list[BookingMode], Field(min_length=1, max_length=3)]
Months = Annotated[Whole, Field(ge=0, le=1500)]
SchoolYear = Annotated[Whole, Field(ge=-5, le=20)]
Centimetres = Annotated[Whole, Field(ge=0, le=300)]
Kilograms = Annotated[Decimal, WRITTEN_DECIMAL, Field(ge=0, le=500, decimal_places=1)]


class _OfferingFields(Input):
    code: ShortText = ""
    schedule: Schedule = Field(default_factory=list)
    modes: Modes = Field(default_factory=lambda: [BookingMode.CASUAL])
    full_week_price_minor: Minor | None = None
    full_term_price_minor: Minor | None = None
    age_from_months: Months | None = None
    age_below_months: Months | None = None
    school_year_from: SchoolYear | None = None
    school_year_to: SchoolYear | None = None
    height_from_cm: Centimetres | None = None
    height_to_cm: Centimetres | None = None
    weight_from_kg: Kilograms | None = None
    weight_to_kg: Kilograms | None = None
    bookable_from: Moment | None = None
    bookable_until: Moment | None = None
    priority_from: Moment | None = Field(
        default=None, description="From when those enrolled in the same program in `priority_term_id` may book."
    )
    priority_term_id: UUID | None = None


class NewOffering(_OfferingFields):
    """A program in a term: when, for whom, how many, how much. `POST /offerings/{id}/sessions` makes its sessions."""

    model_config = _example(
        term_id=TERM_ID, program_id=PROGRAM_ID, name=KARATE, session_price_minor=1500, capacity=12,
        status="PUBLISHED", schedule=[{"weekdays": ["SUN"], "starts": "10:45", "ends": "11:30"}],
    )  # fmt: skip

    term_id: UUID
    program_id: UUID
    name: Name
    status: OfferingStatus = OfferingStatus.DRAFT
    session_price_minor: Minor
    capacity: Count


class OfferingChange(_OfferingFields, Change):
    """A change of an offering; sessions follow when they are generated again, and never when they are booked."""

    model_config = _example(status="PUBLISHED")

    name: Name = ""
    status: OfferingStatus = OfferingStatus.DRAFT
    session_price_minor: Minor = 0
    capacity: Count = 0

    def changes(self) -> dict[str, Any]:
        """With the schedule as it is kept."""
        kept = self.model_dump(by_alias=True)
        return {name: kept[name] for name in self.model_fields_set}


class Offering(Output):
    """A program in a term."""

    model_config = shows(OFFERING)

    id: UUID
    term_id: UUID
    program_id: UUID
    name: str
    code: str
    status: OfferingStatus
    schedule: list[dict[str, Any]]
    modes: list[BookingMode]
    session_price_minor: int
    full_week_price_minor: int | None
    full_term_price_minor: int | None
    capacity: int
    age_from_months: int | None
    age_below_months: int | None
    school_year_from: int | None
    school_year_to: int | None
    height_from_cm: int | None
    height_to_cm: int | None
    weight_from_kg: str | None
    weight_to_kg: str | None
    bookable_from: datetime.datetime | None
    bookable_until: datetime.datetime | None
    priority_from: datetime.datetime | None
    priority_term_id: UUID | None
    rolled_from_id: UUID | None = Field(description="The offering of an earlier term that this one continues.")
    venue_id: UUID | None = Field(description="Where its sessions are seated.")


class OfferingSummary(Output):
    """An offering in a list, with the names around it and what is free."""

    model_config = shows(OFFERING_SUMMARY)

    id: UUID
    name: str
    code: str
    status: OfferingStatus
    program_id: UUID
    program: str
    category_id: UUID
    category: str
    site_id: UUID
    site: str
    term_id: UUID
    term: str
    modes: list[BookingMode]
    session_price_minor: int
    session_price: str
    age_from_months: int | None
    age_below_months: int | None
    bookable_from: datetime.datetime | None
    bookable_until: datetime.datetime | None
    session_count: int
    first_date: datetime.date | None
    last_date: datetime.date | None
    least_left: int = Field(
        description="Free places of its fullest session that is still to come; with 0 not all of them can be booked."
    )
    most_left: int = Field(
        description="Free places of its emptiest session that is still to come; with 0 none of them can be booked."
    )


class KeptSession(Output):
    """A session that was not changed because it is booked."""

    session_id: UUID
    term_program_set_id: UUID = Field(description="The offering.")
    component: str
    local_date: datetime.date | None
    local_start: ShownTime | None
    taken: int
    reason: str


class SessionChanges(Output):
    """What generating sessions from the schedule did."""

    model_config = shows(SESSION_CHANGES)

    created: int
    updated: int
    removed: int
    withdrawn: int
    unchanged: int
    kept: list[KeptSession]
