"""Sessions, and the roll of one."""

import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import Change, Count, FailedRule, Input, Moment, Name, Output, ShortText, ShownTime, shows
from api.schemas.orders import BookingStatus, OrderType
from api.schemas.sample_enrolment import ATTENDANCE_ID, ROLL, SESSION, SESSION_WHOLE
from models import AttendanceStatus, OfferingStatus, ProductType, SessionStatus


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
    alerts: list[str]
    authorised_pick_ups: list[str]
    must_not_collect: list[str]
    version: int
    marked_at: datetime.datetime | None
    signed_in_at: datetime.datetime | None
    signed_out_at: datetime.datetime | None
    collected_by: str | None
    reason: str | None
    seat: str | None = Field(description="In a seated session.")


class Roll(Output):
    """The roll of one session; `conflicts` are marks of this request that were not taken."""

    model_config = shows(ROLL)

    session_id: UUID
    name: str
    site: str
    time_zone: str
    local_date: datetime.date
    starts_at: datetime.datetime
    ends_at: datetime.datetime
    capacity: int
    expected: int
    entries: list[RollEntry]
    conflicts: list[FailedRule]


class Mark(Input):
    """One mark. `marked_at` is the device's own time, so that a tablet that was offline can send it later."""

    attendance_id: UUID
    status: AttendanceStatus
    marked_at: Moment
    collected_by: ShortText | None = None
    reason: ShortText | None = None


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

    marks: Annotated[list[Mark], Field(min_length=1, max_length=500)]
