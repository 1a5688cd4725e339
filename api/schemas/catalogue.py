"""What an organisation is made of: sites, terms, categories, programs and what is sold beside them."""

import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import (
    Change,
    Count,
    Day,
    EmailOrNone,
    Input,
    Lines,
    LongText,
    Minor,
    Name,
    Output,
    ShortText,
    TimeZone,
    YesNo,
    shows,
)
from api.schemas.sample_programme import (
    CATEGORY,
    CATEGORY_ID,
    CLOSURE_DAY,
    EXTRA,
    ORGANISATION,
    PROGRAM,
    SITE,
    SITE_ID,
    TERM,
)
from models import TermStatus


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


_STOCK = "How many there are at each session; null is as many as are asked for."


class NewExtra(Input):
    """Something sold beside a session, with one program or with every program."""

    model_config = _example(name="Lunch", price_minor=750, stock=20)

    name: Name
    price_minor: Minor
    program_id: UUID | None = None
    is_active: YesNo = True
    stock: Count | None = Field(default=None, description=_STOCK)


class ExtraChange(Change):
    """A change of an extra; what was sold before keeps its price."""

    model_config = _example(price_minor=800)

    name: Name = ""
    price_minor: Minor = 0
    is_active: YesNo = True
    stock: Count | None = Field(default=None, description=_STOCK)


class Extra(Output):
    """Something sold beside a session."""

    model_config = shows(EXTRA)

    id: UUID
    name: str
    price_minor: int
    program_id: UUID | None
    is_active: bool
    stock: int | None = Field(description=_STOCK)
