"""Closing a day: what it would do, and the step that does it."""

import datetime
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import Input, Name, Output, ShortText, ShownTime, YesNo, shows
from api.schemas.orders import BookingStatus
from api.schemas.sample_closures import CLOSURE, CLOSURE_FINGERPRINT, REOPENING


class ClosedSession(Output):
    """A session, or an activity, that is closed."""

    session_id: UUID
    name: str
    date: datetime.date | None
    start: ShownTime | None
    end: ShownTime | None
    taken: int = Field(description="Places taken before it was closed.")


class ClosedBooking(Output):
    """A booking with sessions that are closed."""

    booking_id: UUID
    reference: str
    account: str
    attendee: str
    closed: list[str] = Field(description="Its sessions that become closure days.")
    stays_billed: list[str] = Field(description="Its sessions that the attendee came to.")
    credited_minor: int
    credited: str
    freed_minor: int = Field(description="How much of it was paid, and is the family's credit.")


class ClosedOrder(Output):
    """An order that is not confirmed and holds a place: it goes on with its other sessions, or ends."""

    order_id: UUID
    reference: str
    status: BookingStatus
    account: str
    attendee: str
    total_before_minor: int
    total_minor: int
    total: str
    is_canceled: bool = Field(description="Nothing else is in it.")


class Closure(Output):
    """Whom closing concerns and what each gets back."""

    model_config = shows(CLOSURE)

    fingerprint: str = Field(description="Of everything that is shown here; the closure presents it.")
    sessions: list[ClosedSession]
    bookings: list[ClosedBooking]
    orders: list[ClosedOrder]
    carts: int = Field(description="Carts that ask for one of the sessions; they hold nothing.")
    credited_minor: int
    credited: str
    freed_minor: int
    freed: str


class NewClosure(Input):
    """Closes a day, or one session, as its preview showed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "Burst pipe", "fingerprint": CLOSURE_FINGERPRINT}]}
    )

    reason: Name = Field(description="The families read it, and the roll keeps it.")
    fingerprint: ShortText = Field(description="Of the preview.")
    is_muted: YesNo = Field(default=False, description="The families are not notified.")


class OpenedSession(Output):
    """A session, or an activity, that takes place again."""

    session_id: UUID
    name: str
    date: datetime.date | None
    start: ShownTime | None
    end: ShownTime | None


class StaysClosed(Output):
    """Why a booking does not come back."""

    code: str
    message: str


class ReopenedBooking(Output):
    """A booking with sessions that were closed."""

    booking_id: UUID
    reference: str
    account: str
    attendee: str
    sessions: list[str]
    comes_back: bool
    charged_minor: int = Field(description="What is invoiced again.")
    charged: str
    from_credit_minor: int = Field(description="What of it the credit of the closing pays, out of the wallet again.")
    later_minor: int = Field(description="What the planned invoice of its period will ask, or a supplement to it.")
    later: str
    reasons: list[StaysClosed] = Field(description="Why nothing of it comes back; empty where it does.")


class Reopening(Output):
    """Whom opening again concerns and what each pays."""

    model_config = shows(REOPENING)

    fingerprint: str = Field(description="Of everything that is shown here; the reopening presents it.")
    sessions: list[OpenedSession]
    bookings: list[ReopenedBooking]
    charged_minor: int
    charged: str
    from_credit_minor: int
    from_credit: str
    later_minor: int = Field(description="What planned invoices will ask.")
    later: str


class NewReopening(Input):
    """Opens a closed day, or one session, as its preview showed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "The pipe is mended", "fingerprint": CLOSURE_FINGERPRINT}]}
    )

    reason: Name = Field(description="The families read it, and the history keeps it.")
    fingerprint: ShortText = Field(description="Of the preview.")
    is_muted: YesNo = Field(default=False, description="The families are not notified.")
