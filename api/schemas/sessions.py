"""Sessions, and the roll of one."""

import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import Change, Count, FailedRule, Input, Moment, Name, Output, ShortText, ShownTime, Whole, shows
from api.schemas.orders import BookingStatus, OrderType
from api.schemas.rolls import Headcount
from api.schemas.sample_enrolment import ATTENDANCE_ID, ROLL, SESSION, SESSION_WHOLE
from api.schemas.sample_programme import EXTRA_ID
from models import AlertSeverity, AttendanceStatus, OfferingStatus, ProductType, SessionStatus


class BookedPlace(Output):
    """A booking of the session."""

    id: UUID
    reference: str
    status: BookingStatus
    order_type: OrderType
    attendee_id: UUID
    attendee: str


class HeldPlace(Output):
    """An order that holds a place and is not confirmed yet."""

    order_id: UUID
    reference: str
    status: BookingStatus
    order_type: OrderType
    attendee_id: UUID
    attendee: str


class Session(Output):
    """One dated slot, with its places. An overdue hold does not count as taken."""

    model_config = shows(SESSION)

    id: UUID
    name: str
    offering_id: UUID
    offering: str
    offering_status: OfferingStatus
    code: str
    term_id: UUID
    program_id: UUID
    program: str
    site_id: UUID
    site: str
    time_zone: str
    product_type: ProductType
    component: str
    title: str
    status: SessionStatus
    starts_at: datetime.datetime | None
    ends_at: datetime.datetime | None
    local_date: datetime.date | None
    local_start: ShownTime | None
    local_end: ShownTime | None
    price_minor: int
    price: str
    capacity: int
    taken: int
    left: int
    venue_id: UUID | None = Field(description="Where it is seated; then each line of a cart names a seat.")


class SessionExtra(Output):
    """An extra that is sold beside a session."""

    extra_id: UUID
    name: str
    price_minor: int
    price: str
    stock: int | None = Field(description="How many there are at each session; null is as many as are asked for.")
    left: int | None


class SessionExtras(Output):
    """What is sold beside a session."""

    model_config = shows({"items": [
        {"extra_id": EXTRA_ID, "name": "Lunch", "price_minor": 750, "price": "$7.50", "stock": 20, "left": 6},
    ]})  # fmt: skip

    items: list[SessionExtra]


class SessionWhole(Session):
    """A session; for admins and the site's staff with who is in it."""

    model_config = shows(SESSION_WHOLE)

    bookings: list[BookedPlace] | None = None
    active_count: int | None = Field(default=None, description="Bookings that hold a place.")
    held: list[HeldPlace] | None = None
    held_count: int | None = Field(default=None, description="Orders that hold a place and are not confirmed yet.")


class SessionChange(Change):
    """More or fewer places in one session, with the reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"capacity": 14, "reason": "A second instructor"}]})

    capacity: Count
    reason: Name


class Alert(Output):
    """What staff must know of an attendee."""

    what: Literal["Allergy", "Medical"]
    words: str
    severity: AlertSeverity
    is_graded: bool = Field(description="Whether the family or the office said how grave it is.")


class MayCollect(Output):
    """Somebody who may collect; `person_id` is missing of a name without more, and of a guardian."""

    person_id: UUID | None
    name: str
    relationship: str
    phone: str
    has_pin: bool


class Disagreement(Output):
    """A mark that contradicted the roll: a person has to decide."""

    id: UUID
    attendance_id: UUID
    session_id: UUID
    name: str
    code: str
    known_status: AttendanceStatus
    known_at: datetime.datetime | None
    status: AttendanceStatus
    sent_status: AttendanceStatus
    sent_at: datetime.datetime
    device: str
    sent_by: str | None
    collected_by: str | None
    reason: str | None
    raised_at: datetime.datetime


class Ratio(Output):
    """Children to staff, at the site now."""

    children_per_staff: int | None = Field(description="What the program asks; null: nothing.")
    needed: int = Field(description="Staff for who is here in this session.")
    needed_for_expected: int
    needed_on_site: int = Field(description="Staff for everybody who is here at the site.")
    on_site: int
    staff: list[str]
    is_met: bool


class RollEntry(Output):
    """An attendee on the roll, with what staff must see."""

    attendance_id: UUID
    attendee_id: UUID
    name: str
    status: AttendanceStatus
    is_new: bool
    is_trial: bool
    is_makeup: bool
    activities: list[str] = Field(description="What the attendee chose for the day.")
    alerts: list[Alert]
    severity: AlertSeverity | None = Field(description="Of the gravest alert.")
    initials: str
    authorised_pick_ups: list[str] = Field(description="The names of `people`.")
    people: list[MayCollect]
    has_list: bool = Field(description="Whether names were given: then nobody else collects.")
    must_not_collect: list[str]
    version: int
    marked_at: datetime.datetime | None
    signed_in_at: datetime.datetime | None
    signed_out_at: datetime.datetime | None
    collected_by: str | None
    reason: str | None
    seat: str | None = Field(description="In a seated session.")


class Roll(Output):
    """The roll of one session; `conflicts` are marks of this request that were not taken, `disagreements` all that a
    person has still to decide.
    """

    model_config = shows(ROLL)

    session_id: UUID
    site_id: UUID
    name: str
    site: str
    time_zone: str
    local_date: datetime.date
    starts_at: datetime.datetime
    ends_at: datetime.datetime
    capacity: int
    closed_at: datetime.datetime | None
    expected: int
    present: int
    entries: list[RollEntry]
    ratio: Ratio
    headcount: Headcount | None
    disagreements: list[Disagreement]
    conflicts: list[FailedRule]


class Mark(Input):
    """One mark. `marked_at` is the device's own time, so that a tablet that was offline can send it later."""

    attendance_id: UUID
    status: AttendanceStatus
    marked_at: Moment
    collected_by: ShortText | None = None
    reason: ShortText | None = None
    id: UUID | None = Field(default=None, description="Made by the device: the same mark sent again is known.")
    seen_version: Annotated[Whole, Field(ge=0, le=2**31 - 1)] | None = Field(
        default=None, description="Of the row, as the device showed it."
    )
    person_id: UUID | None = Field(default=None, description="Of the authorised person who collects.")


class Marks(Input):
    """Marks of one roll; sending the same marks again changes nothing."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "marks": [
                        {
                            "attendance_id": ATTENDANCE_ID,
                            "status": "PRESENT",
                            "marked_at": "2026-04-12T10:41:00-04:00",
                        }
                    ]
                }
            ]
        }
    )

    device: Annotated[ShortText, Field(max_length=80)] = ""
    marks: Annotated[list[Mark], Field(min_length=1, max_length=500)]
