"""Bank statements: the file, its lines, and what they pay."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from api.schemas.base import NO_NUL, Count, Input, LongText, Minor, Name, Output, ShortText, shows
from api.schemas.sample_enrolment import ACCOUNT_ID, ORDER_ID
from api.schemas.sample_programme import Sample, sample_id
from billing.bank_csv import CsvMapping, DateForm
from models import BankFileFormat

STATEMENT: Sample = {
    "id": sample_id(80), "filename": "2026-03.csv", "format": "CSV", "bank_account": "Operating account", "lines": 120,
    "fresh_lines": 118, "open_lines": 7, "imported_at": "2026-04-01T13:00:00+00:00",
}  # fmt: skip
LINE: Sample = {
    "id": sample_id(81), "statement_id": sample_id(80), "bank_account": "Operating account",
    "booked_on": "2026-03-31", "amount_minor": 3750, "matched_minor": 0, "currency": "CAD",
    "payer_name": "ROSSI CARLA", "payer_account": "", "text": "TO-4F7K9QW2 karate", "status": "OPEN",
    "set_aside_reason": "",
}  # fmt: skip
LINE_WITH_SUGGESTIONS: Sample = LINE | {
    "matches": [], "suggestions": [{
        "order_id": ORDER_ID, "order_reference": "TO-4F7K9QW2", "account_id": ACCOUNT_ID, "account": "Rossi family",
        "open_minor": 3750, "score": 150, "because": ["reference", "amount", "name"],
    }],
}  # fmt: skip
_MATCH: Sample = {"payment_id": sample_id(30), "payment_reference": "PY-5T8WM4ZK", "amount_minor": 3750,
                  "order_reference": "TO-4F7K9QW2", "matched_at": "2026-04-01T13:05:00+00:00",
                  "undone_at": None, "undo_reason": None}  # fmt: skip
LINE_AFTER: dict[str, Sample] = {
    "match_line": LINE | {"status": "MATCHED", "matched_minor": 3750, "matches": [_MATCH], "suggestions": []},
    "undo_match": LINE
    | {
        "matches": [_MATCH | {"undone_at": "2026-04-02T09:00:00+00:00", "undo_reason": "it was the Chens' transfer"}],
        "suggestions": [],
    },
    "set_line_aside": LINE | {"status": "SET_ASIDE", "set_aside_reason": "rent", "matches": [], "suggestions": []},
}

_Column = Annotated[str, StringConstraints(max_length=100, min_length=1, pattern=NO_NUL)]
# A body has at most a mebibyte.
_Content = Annotated[str, StringConstraints(max_length=1_000_000, min_length=1, pattern=NO_NUL)]


class StatementMapping(Input):
    """Which column of a CSV file is what: one amount with its sign, or what came in and what went out in two."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"booked_on": "Date", "amount": "Amount", "text": ["Description"], "date_form": "DD/MM/YYYY"},
    ]})  # fmt: skip

    booked_on: _Column
    amount: _Column | None = None
    money_in: _Column | None = None
    money_out: _Column | None = None
    payer_name: _Column | None = None
    payer_account: _Column | None = None
    text: Annotated[list[_Column], Field(max_length=10)] = Field(default_factory=list)
    bank_reference: _Column | None = None
    our_reference: _Column | None = Field(default=None, description="Of a debit that came back: what it carried.")
    return_code: _Column | None = Field(default=None, description="Of a debit that came back: why.")
    date_form: DateForm = DateForm.ISO
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1, pattern=r"^[,;|\t]$")] = ","
    decimal_mark: Annotated[str, StringConstraints(min_length=1, max_length=1, pattern=r"^[.,]$")] = "."
    skip_lines: Count = Field(default=0, description="Lines before the header.")

    @model_validator(mode="after")
    def _has_an_amount(self) -> Self:
        if (self.amount is None) == (self.money_in is None):
            raise ValueError("name the column of the amount, or that of what came in")
        return self

    def as_mapping(self) -> CsvMapping:
        return CsvMapping(**self.model_dump(exclude={"text"}), text=tuple(self.text))


class NewBankStatement(Input):
    """A file of the bank's, as text: CAMT.053, or CSV with a mapping."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "filename": "2026-03.csv", "format": "CSV", "bank_account": "Operating account",
        "content": "Date,Amount,Description\n31/03/2026,37.50,TO-4F7K9QW2 karate\n",
        "mapping": {"booked_on": "Date", "amount": "Amount", "text": ["Description"], "date_form": "DD/MM/YYYY"},
    }]})  # fmt: skip

    filename: Name
    format: BankFileFormat
    bank_account: ShortText = Field(default="", description="Of which account a CSV file is; CAMT says it itself.")
    content: _Content
    mapping: StatementMapping | None = None

    @model_validator(mode="after")
    def _says_how_to_read_it(self) -> Self:
        if (self.format is BankFileFormat.CSV) != (self.mapping is not None):
            raise ValueError("a CSV file needs a mapping, and only a CSV file")
        if self.format is BankFileFormat.CSV and not self.bank_account:
            raise ValueError("say of which account the CSV file is")
        return self


class BankStatement(Output):
    """A file that was imported. `fresh_lines` are those that no earlier file held, `open_lines` those to be matched."""

    model_config = shows(STATEMENT)

    id: UUID
    filename: str
    format: BankFileFormat
    bank_account: str
    lines: int
    fresh_lines: int
    open_lines: int
    imported_at: datetime


class BankLineSummary(Output):
    """A movement on the account; what came in is positive."""

    model_config = shows(LINE)

    id: UUID
    statement_id: UUID
    bank_account: str
    booked_on: date
    amount_minor: int
    matched_minor: int
    currency: str
    payer_name: str
    payer_account: str
    text: str
    status: str = Field(description="OPEN, MATCHED, SET_ASIDE, or OUT for what went out.")
    set_aside_reason: str


class BankSuggestion(Output):
    """An order that the line may pay."""

    order_id: UUID
    order_reference: str
    account_id: UUID
    account: str
    open_minor: int
    score: int
    because: list[str] = Field(description="reference, amount, name: what speaks for it.")


class BankMatch(Output):
    """A payment that the line has become."""

    payment_id: UUID
    payment_reference: str
    order_reference: str
    amount_minor: int
    matched_at: datetime
    undone_at: datetime | None
    undo_reason: str | None


class BankLine(BankLineSummary):
    """A line with its payments, and what it may pay."""

    model_config = shows(LINE_WITH_SUGGESTIONS)

    matches: list[BankMatch]
    suggestions: list[BankSuggestion]


class NewBankMatch(Input):
    """Which order a line pays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"order_id": ORDER_ID}]})

    order_id: UUID
    amount_minor: Minor | None = Field(default=None, description="All that is left of the line, unless less is given.")


class UndoneMatch(Input):
    """Why a match was wrong."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "it was the Chens' transfer"}]})

    reason: LongText


class SettingAside(Input):
    """What the money is, if none of the families'."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "rent of the hall"}]})

    reason: LongText
