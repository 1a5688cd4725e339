"""The documents of an account, and its statement."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from api.schemas.base import Output, shows
from api.schemas.sample_enrolment import ACCOUNT_ID, INVOICE_ID
from api.schemas.sample_programme import Sample

DOCUMENT: Sample = {
    "id": INVOICE_ID, "kind": "INVOICE", "number": "INV-2026-000042", "account_id": ACCOUNT_ID,
    "reference": "TB-6H3N8RXA", "issued_on": "2026-03-31", "total_minor": 3750, "total": "$37.50",
    "path": f"/invoices/{INVOICE_ID}/document",
}  # fmt: skip
STATEMENT: Sample = {
    "account_id": ACCOUNT_ID, "account": "AC-4F7K9QW2", "period_from": "2026-03-01", "period_until": "2026-03-31",
    "currency": "CAD", "opening_minor": 0, "charged_minor": 3750, "credited_minor": 3750, "closing_minor": 0,
    "closing": "$0.00",
    "movements": [
        {"on": "2026-03-31", "label": "Invoice INV-2026-000042", "detail": "TB-6H3N8RXA", "amount_minor": 3750,
         "balance_minor": 3750},
        {"on": "2026-03-31", "label": "Payment PY-5T8WM4ZK", "detail": "Sandbox", "amount_minor": -3750,
         "balance_minor": 0},
    ],
    "open_items": [],
}  # fmt: skip


class AccountDocument(Output):
    """A document that was issued, or the receipt of a payment; `path` gives it as PDF."""

    model_config = shows(DOCUMENT)

    id: UUID
    kind: Literal["INVOICE", "CREDIT_NOTE", "ZERO_STATEMENT", "QUOTE", "RECEIPT"]
    number: str
    account_id: UUID
    reference: str = Field(description="Of the booking or order that it is about.")
    issued_on: date
    total_minor: int
    total: str
    path: str


class CalendarLink(Output):
    """Where a calendar program finds an attendee's sessions."""

    model_config = shows({
        "url": "https://book.example/calendars/eyJvcmdhbmlzYXRpb24iOiI…ics", "valid_until": "2027-05-05T13:00:00+00:00",
    })  # fmt: skip

    url: str = Field(description="Secret: whoever has it sees the sessions that the account booked for the attendee.")
    valid_until: datetime


class Movement(Output):
    """What was charged (positive), or paid or credited (negative), with the balance after it."""

    on: date
    label: str
    detail: str
    amount_minor: int
    balance_minor: int


class OpenItem(Output):
    """An invoice that is not settled on the last day."""

    label: str
    due_on: date
    total_minor: int
    open_minor: int


class Statement(Output):
    """An account over a period. A positive balance is owed by the account, a negative one is its credit."""

    model_config = shows(STATEMENT)

    account_id: UUID
    account: str
    period_from: date
    period_until: date
    currency: str
    opening_minor: int
    charged_minor: int
    credited_minor: int
    closing_minor: int
    closing: str
    movements: list[Movement]
    open_items: list[OpenItem]
