"""Tickets of seats, and their use at the door."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import Input, Moment, Output, shows
from api.schemas.sample_seats import CHECK_IN, TICKET_REFERENCE, TICKETS
from models import SeatType


class Ticket(Output):
    """One person's ticket for one session."""

    ticket_reference: str = Field(description="What the QR code says.")
    session_id: UUID
    session: str
    starts_at: datetime | None
    ends_at: datetime | None
    site: str
    venue: str
    row: str
    number: int
    seat_type: SeatType
    attendee: str
    is_cancelled: bool = Field(description="It does not let in any more.")
    used_at: datetime | None


class Tickets(Output):
    """The tickets of a booking."""

    model_config = shows(TICKETS)

    items: list[Ticket]


class NewTicketCheckIn(Input):
    """A scan at the door."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"ticket_reference": TICKET_REFERENCE, "scanned_at": "2026-04-12T10:40:00-04:00"}]
        }
    )

    ticket_reference: Annotated[str, Field(pattern=r"^\s*[A-Za-z0-9-]{4,40}\s*$", description="What the code says.")]
    session_id: UUID | None = Field(default=None, description="The session of this door, where it is known.")
    scanned_at: Moment | None = Field(
        default=None, description="By the device's own clock, for a scan that is sent later; now, if it is left out."
    )


class TicketCheckIn(Output):
    """Who was let in, and where they sit."""

    model_config = shows(CHECK_IN)

    id: UUID
    ticket_reference: str
    session_id: UUID
    session: str
    attendee_id: UUID
    attendee: str
    seat: str
    seat_type: SeatType
    scanned_at: datetime
    booking_reference: str
