"""Refund requests: what is asked back for a booking or out of the wallet, and the money that is sent."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import Input, LongText, Name, Output, ShortText, shows
from api.schemas.sample_enrolment import PAYMENT_ID
from api.schemas.sample_programme import sample_id
from api.schemas.wallets import Amount
from models import RefundDestination, RefundStatus

_REFUND = {
    "id": sample_id(71), "payment_id": PAYMENT_ID, "payment_reference": "PY-5T8WM4ZK", "provider": "sandbox",
    "amount_minor": 1500, "status": "SUCCEEDED", "failure_reason": None, "updated_at": "2026-04-02T13:09:00+00:00",
}  # fmt: skip
_REQUEST = {
    "id": sample_id(70), "reference": "RR-3M8QZ2VD", "account_id": sample_id(1), "account": "Rossi family",
    "booking_id": sample_id(20), "booking_reference": "TB-4F7K9QW2", "status": "APPROVED",
    "attempt": 1, "amount_minor": 1500, "amount": "$15.00",
    "destination": "ORIGINAL", "reason": "We move away", "note": "As agreed", "resolved_by": sample_id(3),
    "resolved_at": "2026-04-02T13:05:00+00:00", "created_at": "2026-04-01T13:00:00+00:00", "refunds": [_REFUND],
}  # fmt: skip


class Refund(Output):
    """Money of one payment on its way back."""

    model_config = shows(_REFUND)

    id: UUID
    payment_id: UUID
    payment_reference: str
    provider: str
    amount_minor: int
    status: RefundStatus
    failure_reason: str | None
    updated_at: datetime


class RefundRequest(Output):
    """What a family asks back: one request for each booking and one for its wallet; asked again it is the same."""

    model_config = shows(_REQUEST)

    id: UUID
    reference: str
    account_id: UUID
    account: str
    booking_id: UUID | None = Field(description="None: of what lies in the wallet.")
    booking_reference: str | None
    status: Literal["PENDING", "APPROVED", "REJECTED"]
    attempt: int = Field(description="Rises each time it is asked again.")
    amount_minor: int
    amount: str
    destination: RefundDestination
    reason: str
    note: str = Field(description="Of whoever decided.")
    resolved_by: UUID | None
    resolved_at: datetime | None
    created_at: datetime
    refunds: list[Refund]


class NewRefundRequest(Input):
    """Asks money back: into the wallet, or the way it was paid."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"amount": "15.00", "destination": "ORIGINAL", "reason": "We move away"}]})  # fmt: skip

    amount: Amount
    destination: RefundDestination = RefundDestination.ORIGINAL
    reason: ShortText = ""


class NewWalletRefund(Input):
    """Asks for money that lies in the wallet: it goes back the way it was paid."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": "15.00", "reason": "We move away"}]})

    amount: Amount
    reason: ShortText = ""


class Approval(Input):
    """What whoever decides has to say."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "As agreed"}]})

    note: LongText = ""


class Rejection(Input):
    """Why the family gets nothing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "The sessions were held"}]})

    note: Name
