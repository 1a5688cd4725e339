"""Direct debit: mandates and the debits collected by them."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from api.schemas.base import NO_NUL, Day, Input, LongText, Minor, Name, Output, shows
from api.schemas.sample_enrolment import ACCOUNT_ID, INVOICE_ID
from api.schemas.sample_finance import PAYMENT
from api.schemas.sample_programme import Sample, sample_id

MandateStatus = Literal["PENDING", "ACTIVE", "REVOKED"]
_Written = Annotated[str, StringConstraints(max_length=50, pattern=NO_NUL)]

MANDATE_PENDING: Sample = {
    "id": sample_id(60), "reference": "DD-9K2MX47Q", "account_id": ACCOUNT_ID, "account": "Rossi family",
    "holder": "Carla Rossi", "bank_account": "DE•• •••• 3000", "status": "PENDING", "version": 1,
    "allowed": ["activate", "revoke"], "signed_on": "2026-03-31", "created_at": "2026-03-31T13:00:00+00:00",
}  # fmt: skip
MANDATE: Sample = MANDATE_PENDING | {"status": "ACTIVE", "version": 2, "allowed": ["revoke"]}
MANDATE_AFTER: dict[str, Sample] = {
    "give_mandate": MANDATE_PENDING,
    "revoke_mandate": MANDATE | {"status": "REVOKED", "version": 3, "allowed": []},
}
_DEBIT: Sample = PAYMENT | {
    "provider": "direct_debit", "checkout_url": None, "status": "PENDING", "updated_at": PAYMENT["created_at"],
    "invoice_id": INVOICE_ID, "collect_on": "2026-04-14",
}  # fmt: skip
DEBIT_AFTER: dict[str, Sample] = {
    "collect_debit": _DEBIT,
    "present_debit": _DEBIT | {"status": "PROCESSING"},
    "settle_debit": _DEBIT | {"status": "SUCCESS"},
    "refuse_debit": _DEBIT | {"status": "FAILED", "failure_reason": "insufficient funds"},
    "return_debit": _DEBIT
    | {
        "status": "FAILED",
        "failure_reason": "insufficient funds",
        "returned_at": "2026-04-20T09:00:00+00:00",
    },
}


class NewMandate(Input):
    """A family's permission to debit its bank account: an IBAN, or an account number with its bank's code."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"holder": "Carla Rossi", "iban": "DE89 3704 0044 0532 0130 00", "signed_on": "2026-03-31"},
    ]})  # fmt: skip

    account_id: UUID | None = Field(default=None, description="A family with one account need not name it.")
    holder: Name = Field(description="Whose bank account it is.")
    iban: _Written | None = None
    bank_code: _Written | None = Field(default=None, description="Sort code, routing or transit number.")
    account_number: _Written | None = None
    signed_on: Day | None = Field(default=None, description="When its holder signed it, if that is done.")


class Activation(Input):
    """The office has verified the signature."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"signed_on": "2026-03-31"}]})

    signed_on: Day | None = Field(default=None, description="Needed where the mandate does not say it yet.")


class Mandate(Output):
    """A mandate; its bank account is shown masked."""

    model_config = shows(MANDATE)

    id: UUID
    reference: str = Field(description="The unique mandate reference, which the family's bank shows.")
    account_id: UUID
    account: str
    holder: str
    bank_account: str
    status: MandateStatus
    version: int
    allowed: list[str] = Field(description="The triggers that the status leaves open to this caller.")
    signed_on: date | None
    created_at: datetime


class NewDebit(Input):
    """A debit of what the invoice asks, or of a part of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"collect_on": "2026-04-14"}]})

    collect_on: Day | None = Field(default=None, description="Today, unless a later day is given.")
    amount_minor: Minor | None = Field(default=None, description="All that is open, unless less is given.")


class BankAnswer(Input):
    """What the bank gives as its reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "insufficient funds"}]})

    reason: LongText = ""
