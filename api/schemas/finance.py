"""Invoices, quotes and what finance must look at."""

from datetime import date, datetime
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import Input, LongText, Output, shows
from api.schemas.sample_finance import (
    CREDIT_NOTE,
    CREDIT_NOTE_SUMMARY,
    GROUP_PAYMENT,
    INVOICE,
    INVOICE_SUMMARY,
    PAYMENT,
    QUOTE,
    REVIEW,
    WEBHOOK_OUTCOME,
    ZERO_STATEMENT,
)
from models import PaymentReviewKind, PaymentStatus


class InvoiceSummary(Output):
    """An issued invoice; it is never changed."""

    model_config = shows(INVOICE_SUMMARY)

    id: UUID
    number: str
    account_id: UUID
    account: str
    booking_id: UUID
    booking_reference: str
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    paid_minor: int
    credited_minor: int
    written_off_minor: int
    owing_minor: int
    issued_on: date
    due_on: date
    next_due_on: date | None = Field(
        description="The day of its first part that is not paid, of a deposit and its rest or of instalments; without "
        "those `due_on`. Null where nothing is open."
    )


class InvoiceLine(Output):
    """One line of an invoice."""

    description: str
    session_date: date | None
    quantity: int
    net_minor: int
    tax_minor: int
    gross_minor: int
    tax_name: str
    tax_rate: str
    position: int


class Invoice(InvoiceSummary):
    """An invoice with its lines."""

    model_config = shows(INVOICE)

    total: str
    owing: str
    overdue_fee_minor: int = Field(
        description="What was charged, on an invoice of its own, because this one was not paid in time."
    )
    lines: list[InvoiceLine]


class CreditNoteSummary(Output):
    """An issued credit note; its amounts are positive, and it is never changed."""

    model_config = shows(CREDIT_NOTE_SUMMARY)

    id: UUID
    number: str
    account_id: UUID
    account: str
    booking_id: UUID
    booking_reference: str
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    reason: str
    issued_on: date
    invoice_ids: list[UUID] = Field(description="The invoices that it corrects and settles.")


class CreditNoteLine(InvoiceLine):
    """What is taken back of a line of an invoice."""

    invoice_line_id: UUID


class CreditNote(CreditNoteSummary):
    """A credit note with its lines."""

    model_config = shows(CREDIT_NOTE)

    total: str
    lines: list[CreditNoteLine]


class ZeroStatement(Output):
    """What was moved at no difference: what is taken back (negative), then what it became. Its total is 0.00."""

    model_config = shows(ZERO_STATEMENT)

    id: UUID
    number: str
    account_id: UUID
    account: str
    booking_id: UUID
    booking_reference: str
    currency: str
    moved_minor: int = Field(description="What is taken back, and charged anew.")
    reason: str
    issued_on: date
    total_minor: int
    total: str
    lines: list[InvoiceLine]


class Quote(Output):
    """A numbered offer at a frozen price."""

    model_config = shows(QUOTE)

    id: UUID
    number: str
    order_id: UUID
    order_reference: str
    account_id: UUID
    total_minor: int
    issued_on: date
    expires_at: datetime


class Payment(Output):
    """A payment as it stands with its provider."""

    model_config = shows(PAYMENT)

    id: UUID
    reference: str
    order_id: UUID | None = Field(description="None of a top-up of the account's wallet.")
    order_reference: str | None
    account_id: UUID
    status: PaymentStatus
    provider: str
    amount_minor: int
    amount: str
    currency: str
    checkout_url: str | None
    checkout_id: UUID | None = Field(description="The same in payments of several orders that are paid at once.")
    failure_reason: str | None
    note: str
    invoice_id: UUID | None = Field(description="Of a direct debit: what it is collected for.")
    collect_on: date | None = Field(description="Of a direct debit: when the bank is to pay.")
    returned_at: datetime | None = Field(description="When it was taken back: by the bank, or by the office.")
    created_at: datetime
    updated_at: datetime


class GroupPayment(Output):
    """A payment for each order of a group order, and what they are together."""

    model_config = shows(GROUP_PAYMENT)

    status: PaymentStatus
    amount_minor: int
    amount: str
    currency: str
    checkout_url: str | None = Field(description="Where the payer pays all of them at once.")
    payments: list[Payment]


class PaymentReview(Output):
    """Money that somebody of finance must look at."""

    model_config = shows(REVIEW)

    id: UUID
    kind: PaymentReviewKind
    payment_id: UUID | None
    payment_reference: str | None
    order_id: UUID | None
    provider: str
    external_id: str | None
    asked_minor: int | None
    reported_minor: int
    reported_currency: str
    created_at: datetime
    resolved_at: datetime | None
    resolution: str


class PaymentReversal(Input):
    """Why a payment that was recorded by hand was wrong."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "it was the Chens' cash"}]})

    reason: LongText


class ReviewResolution(Input):
    """What was done about it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"resolution": "refunded by transfer on 2 April"}]})

    resolution: LongText


class WebhookOutcome(Output):
    """What the event changed."""

    model_config = shows(WEBHOOK_OUTCOME)

    outcome: str
