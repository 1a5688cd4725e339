"""Booking without a login, registering, and bringing two records of one child together."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import Day, Email, Input, LongText, Name, Output, ShortText, Slug, shows
from api.schemas.offerings import SchoolYear
from api.schemas.orders import Ending, Order, WantedLine
from api.schemas.people import Height, Weight
from api.schemas.sample_enrolment import ATTENDEE_ID, FINGERPRINT, GUEST_ORDER, MERGED, REGISTERED
from api.schemas.sample_programme import FIRST_SESSION_ID, TERM_ID
from api.schemas.sign_ins import NewPassword


class Guest(Input):
    """Who books and pays."""

    name: Name
    email: Email
    phone: ShortText = ""


class GuestAttendee(Input):
    """Who takes part. The same name and date of birth find the same child again."""

    name: Name
    date_of_birth: Day
    school_year: SchoolYear | None = None
    height_cm: Height | None = None
    weight_kg: Weight | None = None
    medical_notes: LongText = ""
    allergy_notes: LongText = ""


class NewGuestOrder(Input):
    """A cart without a login: the centre by its slug, who pays, who takes part, and the sessions."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "organisation": "centre7", "guest": {"name": "Rosa Rossi", "email": "rosa@rossi.example"},
        "attendee": {"name": "Mia Rossi", "date_of_birth": "2018-09-14", "allergy_notes": "Peanuts"},
        "term_id": TERM_ID, "lines": [{"session_id": FIRST_SESSION_ID}],
    }]})  # fmt: skip

    organisation: Slug
    guest: Guest
    attendee: GuestAttendee
    term_id: UUID
    order_type: Literal["BOOKING", "TRIAL_SESSION"] = "BOOKING"
    lines: Annotated[list[WantedLine], Field(max_length=500)]
    promo_code: ShortText | None = Field(default=None, description="Used up when the order is submitted.")


class GuestOrder(Order):
    """The cart, and the signed link that opens it: all that follows stands under `/guest-orders/{link}`."""

    model_config = shows(GUEST_ORDER)

    link: str


class GuestSubmission(Input):
    """Takes the places at the price that was shown, to be paid now."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"confirmation_type": "PAY_NOW_PAY_ALL", "price_fingerprint": FINGERPRINT}]}
    )

    confirmation_type: Literal["PAY_NOW_PAY_ALL", "PAY_NOW_PAY_DEPOSIT"] = "PAY_NOW_PAY_ALL"
    price_fingerprint: ShortText = Field(description="Of the price that was shown when the cart was saved.")


class AskedByEmail(Input):
    """An e-mail address of a centre's family or guest."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"organisation": "centre7", "email": "rosa@rossi.example"}]}
    )

    organisation: Slug
    email: Email


class Registration(Input):
    """The login to make; one that exists already keeps its name and password, and nothing needs to be sent."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Rosa Rossi", "password": "a long enough password"}]}
    )

    name: Name | None = None
    password: NewPassword | None = None


class Registered(Output):
    """The login, and the account that it acts for."""

    model_config = shows(REGISTERED)

    user_id: UUID
    account_id: UUID
    email: str
    is_new_user: bool
    has_claimed: bool = Field(description="Whether bookings made with the address without a login came with it.")


class NewAttendeeMerge(Input):
    """Two records of one child: what the second has becomes the first's."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"keep_id": ATTENDEE_ID, "merge_id": MERGED["merge_id"], "reason": "Same child"}]
        }
    )

    keep_id: UUID
    merge_id: UUID
    reason: LongText = ""


class AttendeeMerge(Output):
    """What was brought together."""

    model_config = shows(MERGED)

    keep_id: UUID
    merge_id: UUID
    orders: int
    bookings: int
    accounts: int
    merged_at: datetime


class GuestEnding(Ending):
    """Why it ends; of a booking with the review that is accepted."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"fingerprint": FINGERPRINT, "reason": "We are away that week"}]}
    )

    fingerprint: ShortText = Field(default="", description="Of the review of a booking's cancellation.")
