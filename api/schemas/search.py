"""What the search over everything finds."""

import datetime
from uuid import UUID

from pydantic import Field

from api.schemas.base import Output, shows
from api.schemas.sample_programme import sample_id
from models import OfferingStatus, TermBookingStatus

_INVOICE = {
    "what": "invoice", "id": sample_id(60), "label": "INV-2026-000042", "name": "Rossi family", "status": None,
    "total_minor": 4746, "booking_id": sample_id(61), "order_id": None, "attendee_id": None,
    "account_id": sample_id(62),
}  # fmt: skip
_FOUND = {"references": [_INVOICE], "accounts": [], "attendees": [], "offerings": [], "kept": []}


class FoundReference(Output):
    """What has a reference or a number, and what it belongs to."""

    model_config = shows(_INVOICE)

    what: str = Field(description="What it is, such as term_booking_order, invoice, payment or refund_request.")
    id: UUID
    label: str = Field(description="The reference or number as it is written.")
    name: str | None = Field(description="Whose it is.")
    status: TermBookingStatus | None = Field(description="Of an order or a booking.")
    total_minor: int | None
    booking_id: UUID | None
    order_id: UUID | None
    attendee_id: UUID | None
    account_id: UUID | None


class FoundAccount(Output):
    """A family or payer, with the names of its children."""

    id: UUID
    reference: str
    name: str
    email: str
    attendees: list[str]


class AccountOf(Output):
    """One of a child's accounts."""

    id: UUID
    name: str


class FoundAttendee(Output):
    """A child, and whose it is."""

    id: UUID
    reference: str
    name: str
    date_of_birth: datetime.date
    accounts: list[AccountOf]


class FoundOffering(Output):
    """What is offered in a term."""

    id: UUID
    name: str
    code: str
    status: OfferingStatus
    term: str
    site: str


class FoundRecord(Output):
    """A program, a term or a site."""

    sort: str = Field(description="programs, terms or sites.")
    id: UUID
    name: str


class Found(Output):
    """What the text finds: where it is a whole reference or number, that alone."""

    model_config = shows(_FOUND)

    references: list[FoundReference]
    accounts: list[FoundAccount]
    attendees: list[FoundAttendee]
    offerings: list[FoundOffering]
    kept: list[FoundRecord]
