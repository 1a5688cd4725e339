"""Families, the children they book for, and everybody who signs in."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import (
    WRITTEN_DECIMAL,
    Change,
    Day,
    Email,
    EmailOrNone,
    Input,
    Lines,
    LongText,
    Minor,
    Name,
    Names,
    Output,
    ShortText,
    Whole,
    YesNo,
    shows,
)
from api.schemas.offerings import SchoolYear
from api.schemas.sample_enrolment import ACCOUNT, ACCOUNT_ID, ACCOUNT_WHOLE, ATTENDEE, USER
from api.schemas.sign_ins import NewPassword
from models import AccountKind, AlertSeverity, Role

Address = Annotated[EmailOrNone, Field(description="Empty where there is none.")]
Height = Annotated[Whole, Field(ge=20, le=260)]
Weight = Annotated[Decimal, WRITTEN_DECIMAL, Field(ge=1, le=400, decimal_places=1)]
Roles = Annotated[list[Role], Field(min_length=1, max_length=4)]
UserIds = Annotated[list[UUID], Field(max_length=500)]


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


Language = Literal["en", "fr"] | None


class NewAccount(Input):
    """A family or payer."""

    model_config = _example(name="Rossi family", email="rossi@family.example", address=["12 Maple Road", "Toronto"])

    name: Name
    email: Address = ""
    phone: ShortText = ""
    address: Lines = Field(default_factory=list)
    credit_limit_minor: Minor | None = Field(
        default=None, description="The most it may owe under pay-later; null: by the category's rule."
    )
    is_staff: YesNo = Field(default=False, description="Of the organisation's own staff, who may get a discount.")
    language: Language = Field(default=None, description="Of its mails; null: the organisation's.")


class AccountChange(Change):
    """A change of an account."""

    model_config = _example(phone="+1 416 555 0107")

    name: Name = ""
    email: Address = ""
    phone: ShortText = ""
    address: Lines = Field(default_factory=list)
    credit_limit_minor: Minor | None = None
    is_staff: YesNo = False
    language: Language = None


class Account(Output):
    """A family or payer."""

    model_config = shows(ACCOUNT)

    id: UUID
    reference: str
    kind: AccountKind
    name: str
    email: str
    phone: str
    address: list[str]
    credit_limit_minor: int | None
    is_staff: bool
    language: Language
    created_at: datetime


class AccountAttendee(Output):
    """A child of the account."""

    id: UUID
    reference: str
    name: str
    date_of_birth: date


class Guardian(Output):
    """A login that acts for the account."""

    user_id: UUID
    name: str
    email: str


class AccountWhole(Account):
    """An account with its people and what it owes."""

    model_config = shows(ACCOUNT_WHOLE)

    attendees: list[AccountAttendee]
    guardians: list[Guardian]
    owing_minor: int = Field(description="Invoiced and not paid.")
    owing: str
    credit_minor: int = Field(description="Paid and not used for an invoice.")
    credit: str


class NewAttendee(Input):
    """A participant, of one account to begin with."""

    model_config = _example(
        account_id=ACCOUNT_ID, name="Mia Rossi", date_of_birth="2018-09-14", allergy_notes="Peanuts",
        authorised_pick_ups=["Rosa Rossi"],
    )  # fmt: skip

    account_id: UUID | None = Field(default=None, description="A family with one account may leave it out.")
    name: Name
    date_of_birth: Day
    school_year: SchoolYear | None = None
    height_cm: Height | None = None
    weight_kg: Weight | None = None
    medical_notes: LongText = ""
    allergy_notes: LongText = ""
    medical_severity: AlertSeverity | None = None
    allergy_severity: AlertSeverity | None = None
    authorised_pick_ups: Names = Field(default_factory=list)
    must_not_collect: Names = Field(default_factory=list)


class AttendeeChange(Change):
    """A change of an attendee."""

    model_config = _example(allergy_notes="Peanuts, eggs")

    name: Name = ""
    date_of_birth: Day = date.min
    school_year: SchoolYear | None = None
    height_cm: Height | None = None
    weight_kg: Weight | None = None
    medical_notes: LongText = ""
    allergy_notes: LongText = ""
    medical_severity: AlertSeverity | None = None
    allergy_severity: AlertSeverity | None = None
    authorised_pick_ups: Names = Field(default_factory=list)
    must_not_collect: Names = Field(default_factory=list)


class Attendee(Output):
    """A participant."""

    model_config = shows(ATTENDEE)

    id: UUID
    reference: str
    name: str
    date_of_birth: date
    school_year: int | None
    height_cm: int | None
    weight_kg: str | None
    medical_notes: str
    allergy_notes: str
    medical_severity: AlertSeverity | None = Field(description="Null: nobody has graded it; shown as important.")
    allergy_severity: AlertSeverity | None = Field(description="Null: nobody has graded it; shown as severe.")
    authorised_pick_ups: list[str]
    must_not_collect: list[str]
    created_at: datetime


class NewUser(Input):
    """A login. Guardians are named with `account_ids`, staff with the `site_ids` they work at."""

    model_config = _example(
        email="stella@centre7.example", name="Stella Roll", roles=["staff"], password="a long enough password",  # noqa: S106 - an example
    )  # fmt: skip

    email: Email
    name: Name
    roles: Roles
    password: NewPassword | None = Field(default=None, description="Without one there is no sign-in, only tokens.")
    account_ids: UserIds = Field(default_factory=list)
    site_ids: UserIds = Field(default_factory=list)


class UserChange(Change):
    """A change of a login. A new password, or making it inactive, ends its sign-ins; inactive, its tokens stop too."""

    model_config = _example(is_active=False)

    name: Name = ""
    roles: Roles = Field(default_factory=list)
    is_active: YesNo = True
    password: NewPassword = ""
    account_ids: UserIds = Field(default_factory=list)
    site_ids: UserIds = Field(default_factory=list)


class User(Output):
    """A login; never its password."""

    model_config = shows(USER)

    id: UUID
    email: str
    name: str
    roles: list[Role]
    is_active: bool
    has_password: bool
    account_ids: list[UUID]
    site_ids: list[UUID]
    created_at: datetime
