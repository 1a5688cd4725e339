"""What an organisation offers: sites, terms, programs, offerings and what is sold beside them."""

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
    EmailOrNone,
    Input,
    Lines,
    LocalTime,
    LongText,
    Minor,
    Moment,
    Name,
    Output,
    ShortText,
    ShownTime,
    TimeZone,
    Whole,
    YesNo,
    shows,
)
from api.schemas.sample_programme import (
    CATEGORY,
    CATEGORY_ID,
    CLOSURE_DAY,
    EXTRA,
    KARATE,
    OFFERING,
    OFFERING_SUMMARY,
    ORGANISATION,
    PROGRAM,
    PROGRAM_ID,
    SESSION_CHANGES,
    SITE,
    SITE_ID,
    TERM,
    TERM_ID,
)
from catalogue import schedule as catalogue
from models import BookingMode, OfferingStatus, TermStatus


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


# ISO 3166: `CA`, and `ON` or `CA-ON`.
Region = Annotated[str, Field(max_length=10, pattern=r"^[A-Za-z0-9-]*$")]


class Letterhead(Input):
    """What documents say of who issues them."""

    address_lines: Lines = Field(default_factory=list)
    phone: ShortText = ""
    email: EmailOrNone = ""
    website: ShortText = ""
    tax_registration: ShortText = ""
    payment_instructions: Lines = Field(default_factory=list)


class OrganisationChange(Change):
    """What an organisation may change of itself; its currency is fixed."""

    model_config = _example(legal_name="Centre 7 Community Services")

    name: Name = ""
    legal_name: ShortText = ""
    time_zone: TimeZone = "UTC"
    letterhead: Letterhead = Field(default_factory=Letterhead)

    def changes(self) -> dict[str, Any]:
        """The letterhead as it is kept: without what is empty."""
        found = super().changes()
        if "letterhead" in found:
            found["letterhead"] = {name: value for name, value in found["letterhead"].model_dump().items() if value}
        return found


class Organisation(Output):
    """The caller's organisation."""

    model_config = shows(ORGANISATION)

    id: UUID
    name: str
    legal_name: str
    currency: str
    prices_include_tax: bool
    time_zone: str
    locale: str
    letterhead: dict[str, Any]


class NewSite(Input):
    """A place that runs programs."""

    model_config = _example(
        name="Riverside", address="100 Sample Street", time_zone="America/Toronto", holiday_country="CA",
        holiday_subdivision="ON",
    )  # fmt: skip

    name: Name
    address: LongText = ""
    time_zone: TimeZone
    holiday_country: Region = ""
    holiday_subdivision: Region = ""


class SiteChange(Change):
    """A change of a site."""

    model_config = _example(name="Riverside Centre")

    name: Name = ""
    address: LongText = ""
    time_zone: TimeZone = "UTC"
    holiday_country: Region = ""
    holiday_subdivision: Region = ""


class Site(Output):
    """A place that runs programs; its dates are read in its time zone."""

    model_config = shows(SITE)

    id: UUID
    name: str
    address: str
    time_zone: str
    holiday_country: str
    holiday_subdivision: str


class NewClosureDay(Input):
    """A date on which a site, or one term of it, does not run."""

    model_config = _example(site_id=SITE_ID, date="2026-05-18", reason="Repairs")

    site_id: UUID
    term_id: UUID | None = None
    date: Day
    reason: ShortText = ""


class ClosureDay(Output):
    """A date on which no session is generated."""

    model_config = shows(CLOSURE_DAY)

    id: UUID
    site_id: UUID
    term_id: UUID | None
    date: datetime.date
    reason: str


class NewTerm(Input):
    """An operating period of one site, or of the whole organisation."""

    model_config = _example(name="Spring 2026", starts_on="2026-04-01", ends_on="2026-06-30", status="OPEN")

    name: Name
    site_id: UUID | None = None
    starts_on: Day
    ends_on: Day
    status: TermStatus = TermStatus.DRAFT


class TermChange(Change):
    """A change of a term."""

    model_config = _example(status="RUNNING")

    name: Name = ""
    starts_on: Day = datetime.date.min
    ends_on: Day = datetime.date.min
    status: TermStatus = TermStatus.DRAFT


class Term(Output):
    """An operating period; bookings are taken while it is OPEN or RUNNING."""

    model_config = shows(TERM)

    id: UUID
    name: str
    site_id: UUID | None
    starts_on: datetime.date
    ends_on: datetime.date
    status: TermStatus


ProgramTypeName = Literal["TERM_CARE", "CLASS", "HOLIDAY"]


class NewProgramCategory(Input):
    """A kind of program."""

    model_config = _example(name="Sports", program_type="CLASS")

    name: Name
    program_type: ProgramTypeName


class ProgramCategoryChange(Change):
    """A change of a category; its type is fixed."""

    model_config = _example(name="Sports and games")

    name: Name = ""


class ProgramCategory(Output):
    """A kind of program, with rules of its own."""

    model_config = shows(CATEGORY)

    id: UUID
    name: str
    program_type: ProgramTypeName


class NewProgram(Input):
    """A program under a category at a site."""

    model_config = _example(category_id=CATEGORY_ID, site_id=SITE_ID, name="Karate", description="For beginners")

    category_id: UUID
    site_id: UUID
    name: Name
    description: LongText = ""


class ProgramChange(Change):
    """A change of a program; its site is fixed."""

    model_config = _example(name="Karate for all")

    category_id: UUID = UUID(int=0)
    name: Name = ""
    description: LongText = ""


class Program(Output):
    """A program under a category at a site."""

    model_config = shows(PROGRAM)

    id: UUID
    category_id: UUID
    site_id: UUID
    name: str
    description: str


class NewExtra(Input):
    """Something sold beside a session, with one program or with every program."""

    model_config = _example(name="Lunch", price_minor=750)

    name: Name
    price_minor: Minor
    program_id: UUID | None = None
    is_active: YesNo = True


class ExtraChange(Change):
    """A change of an extra; what was sold before keeps its price."""

    model_config = _example(price_minor=800)

    name: Name = ""
    price_minor: Minor = 0
    is_active: YesNo = True


class Extra(Output):
    """Something sold beside a session."""

    model_config = shows(EXTRA)

    id: UUID
    name: str
    price_minor: int
    program_id: UUID | None
    is_active: bool


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
