"""Runs of direct debits, our accounts that they collect to, and files of returns."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from api.schemas.bank import StatementMapping
from api.schemas.base import NO_NUL, Day, Input, Name, Output, shows
from api.schemas.sample_enrolment import ACCOUNT_ID
from api.schemas.sample_programme import Sample, sample_id
from models import DebitScheme, ReturnFormat, ReturnOutcome

ACCOUNT: Sample = {
    "scheme": "SEPA", "name": "Centre 7 e.V.", "iban": "DE89370400440532013000", "bic": "", "bank": "",
    "creditor_id": "DE98ZZZ09999999999", "bsb": "", "account_number": "", "user_id": "",
    "updated_at": "2026-03-31T13:00:00+00:00",
}  # fmt: skip
_ENTRY: Sample = {
    "payment_id": sample_id(30), "reference": "PM-7Q2M9XKD", "account_id": ACCOUNT_ID, "account": "Rossi family",
    "mandate_reference": "DD-9K2MX47Q", "amount_minor": 3750, "why_not": None,
}  # fmt: skip
REVIEW: Sample = {
    "scheme": "SEPA", "collect_on": "2026-04-14", "currency": "EUR", "debits": 1, "total_minor": 3750,
    "fingerprint": "4f1c0d6ab8e24c0f9b7a3d5e6f708192", "collected": [_ENTRY], "left_out": [], "problems": [],
}  # fmt: skip
RUN: Sample = {
    "id": sample_id(90), "reference": "DR-2M9XKD7Q", "scheme": "SEPA", "collect_on": "2026-04-14", "debits": 1,
    "total_minor": 3750, "under_way": 1, "paid": 0, "failed": 0, "made_at": "2026-04-12T13:00:00+00:00",
}  # fmt: skip
RUN_AFTER: dict[str, Sample] = {"settle_debit_run": RUN | {"under_way": 0, "paid": 1}}
RETURNS: Sample = {
    "id": sample_id(91), "filename": "returns.xml", "format": "CAMT", "imported_at": "2026-04-16T13:00:00+00:00",
    "returns": [{
        "payment_id": sample_id(30), "reference": "PM-7Q2M9XKD", "code": "AM04", "reason": "insufficient funds",
        "outcome": "RETURNED",
    }],
}  # fmt: skip

_Code = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40, pattern=r"^[A-Za-z0-9 -]*$")]


class CollectionAccountInput(Input):
    """Our account that a scheme collects to. SEPA: IBAN and creditor id; ABA: BSB, account, bank and user id."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"name": "Centre 7 e.V.", "iban": "DE89370400440532013000", "creditor_id": "DE98ZZZ09999999999"},
    ]})  # fmt: skip

    name: Name
    iban: _Code = ""
    bic: _Code = ""
    creditor_id: _Code = ""
    bsb: Annotated[str, StringConstraints(max_length=6, pattern=r"^([0-9]{6})?$")] = ""
    account_number: Annotated[str, StringConstraints(max_length=9, pattern=r"^[0-9]*$")] = ""
    bank: Annotated[str, StringConstraints(max_length=3, pattern=r"^([A-Z]{3})?$")] = ""
    user_id: Annotated[str, StringConstraints(max_length=6, pattern=r"^[0-9]*$")] = ""


class CollectionAccount(Output):
    """Our account that a scheme collects to."""

    model_config = shows(ACCOUNT)

    scheme: DebitScheme
    name: str
    iban: str
    bic: str
    creditor_id: str
    bsb: str
    account_number: str
    bank: str
    user_id: str
    updated_at: datetime


class DebitOfRun(Output):
    """A debit that waits; `why_not` says why its run would let it fail."""

    payment_id: UUID
    reference: str
    account_id: UUID
    account: str
    mandate_reference: str
    amount_minor: int
    why_not: str | None


class DebitRunReview(Output):
    """What a run would collect. `problems` are what the scheme cannot collect: they must be solved first."""

    model_config = shows(REVIEW)

    scheme: DebitScheme
    collect_on: date
    currency: str
    debits: int
    total_minor: int
    fingerprint: str = Field(description="Send it with the run: nobody makes one that they did not see.")
    collected: list[DebitOfRun]
    left_out: list[DebitOfRun]
    problems: list[str]


class NewDebitRun(Input):
    """A run of what was reviewed."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"scheme": "SEPA", "collect_on": "2026-04-14", "fingerprint": REVIEW["fingerprint"]},
    ]})  # fmt: skip

    scheme: DebitScheme
    collect_on: Day
    fingerprint: Annotated[str, StringConstraints(max_length=32, pattern=r"^[0-9a-f]{32}$")]


class DebitRun(Output):
    """A run, and how many of its debits are under way, paid, and failed or returned."""

    model_config = shows(RUN)

    id: UUID
    reference: str
    scheme: DebitScheme
    collect_on: date
    debits: int
    total_minor: int
    under_way: int
    paid: int
    failed: int
    made_at: datetime


class NewReturnFile(Input):
    """A file of the bank's, as text, that tells which debits came back; CSV with a mapping."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "filename": "returns.csv", "format": "CSV",
        "content": "Date,Reference,Amount,Code\n2026-04-16,PM-7Q2M9XKD,37.50,AM04\n",
        "mapping": {"booked_on": "Date", "amount": "Amount", "our_reference": "Reference", "return_code": "Code"},
    }]})  # fmt: skip

    filename: Name
    format: ReturnFormat
    content: Annotated[str, StringConstraints(max_length=1_000_000, min_length=1, pattern=NO_NUL)]
    mapping: StatementMapping | None = None

    @model_validator(mode="after")
    def _says_how_to_read_it(self) -> Self:
        if (self.format is ReturnFormat.CSV) != (self.mapping is not None):
            raise ValueError("a CSV file needs a mapping, and only a CSV file")
        if self.mapping is not None and not (self.mapping.our_reference and self.mapping.return_code):
            raise ValueError("the mapping names the columns of our reference and of the return's code")
        return self


class ReturnedDebit(Output):
    """A debit that the file names, and what that changed."""

    payment_id: UUID | None
    reference: str
    code: str
    reason: str
    outcome: ReturnOutcome


class ReturnFile(Output):
    """A file of returns with what it changed when it was first imported."""

    model_config = shows(RETURNS)

    id: UUID
    filename: str
    format: ReturnFormat
    imported_at: datetime
    returns: list[ReturnedDebit]
