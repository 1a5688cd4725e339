"""The books: entries, the lines of an account, locked months, write-offs, reports."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from api.schemas.base import LARGEST_AMOUNT_MINOR, NO_NUL, Day, Input, LongText, Minor, Output, Whole, shows
from api.schemas.sample_enrolment import ACCOUNT_ID, BOOKING_ID, INVOICE_ID
from api.schemas.sample_programme import Sample, sample_id
from billing.reports.form import Kind
from models import LedgerAccount

Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, pattern=NO_NUL)]

ENTRY: Sample = {
    "id": sample_id(80), "posted_on": "2026-04-30", "event_on": None, "source_kind": "MANUAL",
    "source_id": sample_id(81), "purpose": "POSTED", "reverses_id": None, "reversed_by": None,
    "reason": "Pay-out of 29 April", "created_at": "2026-04-30T14:00:00+00:00",
    "postings": [
        {"ledger_account": "BANK", "account_id": None, "account": None, "amount_minor": 226000},
        {"ledger_account": "GATEWAY_CLEARING", "account_id": None, "account": None, "amount_minor": -226000},
    ],
}  # fmt: skip
REVERSAL: Sample = ENTRY | {
    "id": sample_id(82), "purpose": "REVERSED", "source_id": sample_id(83), "reverses_id": sample_id(80),
    "reason": "Posted twice",
    "postings": [{**posting, "amount_minor": -posting["amount_minor"]} for posting in ENTRY["postings"]],
}  # fmt: skip
LINE: Sample = {
    "id": sample_id(84), "entry_id": sample_id(80), "posted_on": "2026-04-30", "source_kind": "MANUAL",
    "source_id": sample_id(81), "purpose": "POSTED", "account_id": None, "account": None, "amount_minor": 226000,
    "balance_minor": 498500,
}  # fmt: skip
LOCK: Sample = {
    "id": sample_id(85), "month": "2026-04", "note": "Filed with the tax office",
    "locked_at": "2026-05-04T14:00:00+00:00", "locked_by": "Fiona Ledger", "unlocked_at": None, "unlocked_by": None,
    "unlock_reason": None,
}  # fmt: skip
WRITE_OFF: Sample = {
    "id": sample_id(86), "invoice_id": INVOICE_ID, "invoice": "INV-2026-000042", "account_id": ACCOUNT_ID,
    "account": "Rossi family", "amount_minor": 2260, "reason": "Moved abroad; no reply to three reminders",
    "written_off_on": "2026-09-30", "made_by": "Fiona Ledger", "created_at": "2026-09-30T14:00:00+00:00",
    "undone_at": None, "undo_reason": None,
}  # fmt: skip
OVERDUE_FEE: Sample = {
    "id": sample_id(87), "reference": "OF-4F7K9QW2", "account_id": ACCOUNT_ID, "account": "Rossi family",
    "booking_id": BOOKING_ID, "booking_reference": "TB-6H3N8RXA", "overdue_invoice_id": INVOICE_ID,
    "instalment_id": None, "due_on": "2026-04-14", "overdue_minor": 3750, "amount_minor": 1500,
    "charged_on": "2026-04-28", "invoice_id": sample_id(88), "invoice": "INV-2026-000051", "waived_at": None,
    "waived_by": None, "waive_reason": None,
}  # fmt: skip
BOOKS_AFTER: dict[str, Sample] = {
    "reverse_entry": REVERSAL,
    "unlock_period": LOCK
    | {
        "unlocked_at": "2026-05-06T09:00:00+00:00",
        "unlocked_by": "Fiona Ledger",
        "unlock_reason": "A supplier's bill came late",
    },
    "waive_overdue_fee": OVERDUE_FEE
    | {"waived_at": "2026-04-29T14:00:00+00:00", "waived_by": "Fiona Ledger", "waive_reason": "The bank was late"},
    "undo_write_off": WRITE_OFF | {"undone_at": "2026-10-12T09:00:00+00:00", "undo_reason": "They paid after all"},
}
REPORT: Sample = {
    "name": "tax", "title": "Tax summary", "since": "2026-04-01", "until": "2026-04-30", "currency": "CAD",
    "columns": [
        {"name": "month", "heading": "Month", "kind": "TEXT"}, {"name": "tax_minor", "heading": "Tax", "kind": "MONEY"},
    ],
    "rows": [{"month": "2026-04", "tax_minor": 26000}], "row_count": 1, "next_row": None,
    "totals": {"tax_minor": 26000},
    "tie": {"ledger_accounts": ["TAX"], "books_minor": -26000, "report_minor": -26000, "holds": True},
}  # fmt: skip


class NewPosting(Input):
    """One side of an entry: a debit is positive, a credit negative."""

    ledger_account: LedgerAccount
    amount_minor: Annotated[Whole, Field(ge=-LARGEST_AMOUNT_MINOR, le=LARGEST_AMOUNT_MINOR)] = Field(
        description="In minor units of the currency (cents)."
    )


class NewEntry(Input):
    """An entry by hand between accounts that no document holds; its postings balance."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "postings": [{"ledger_account": "BANK", "amount_minor": 226000},
                     {"ledger_account": "GATEWAY_CLEARING", "amount_minor": -226000}],
        "reason": "Pay-out of 29 April",
    }]})  # fmt: skip

    postings: Annotated[list[NewPosting], Field(min_length=2, max_length=50)]
    reason: Why
    posted_on: Day | None = Field(default=None, description="Today, unless an earlier day is named.")


class Because(Input):
    """Why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Posted twice"}]})

    reason: Why


class Posting(Output):
    """One side of an entry."""

    ledger_account: LedgerAccount
    account_id: UUID | None = Field(description="The family; none where the house moves its own money.")
    account: str | None
    amount_minor: int


class Entry(Output):
    """An entry of the books; it is never changed, only reversed."""

    model_config = shows(ENTRY)

    id: UUID
    posted_on: date
    event_on: date | None = Field(description="The day of the event, where its month was locked by then.")
    source_kind: str
    source_id: UUID
    purpose: str
    reverses_id: UUID | None
    reversed_by: UUID | None
    reason: str
    created_at: datetime
    postings: list[Posting]


class Line(Output):
    """One posting to an account, with the balance after it."""

    model_config = shows(LINE)

    id: UUID
    entry_id: UUID
    posted_on: date
    source_kind: str
    source_id: UUID
    purpose: str
    account_id: UUID | None
    account: str | None
    amount_minor: int
    balance_minor: int


class NewLock(Input):
    """A month to lock: it is over, and its revenue is in the books."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"month": "2026-04-01", "note": "Filed"}]})

    month: Day = Field(description="Its first day.")
    note: LongText = ""


class Lock(Output):
    """A locked month; once unlocked it says who did so and why."""

    model_config = shows(LOCK)

    id: UUID
    month: str
    note: str
    locked_at: datetime
    locked_by: str | None
    unlocked_at: datetime | None
    unlocked_by: str | None
    unlock_reason: str | None


class NewWriteOff(Input):
    """What is given up of an invoice, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Moved abroad; no reply"}]})

    reason: Why
    amount_minor: Minor | None = Field(default=None, description="All that is open, unless a part is named.")


class WriteOff(Output):
    """What was given up of an invoice."""

    model_config = shows(WRITE_OFF)

    id: UUID
    invoice_id: UUID
    invoice: str
    account_id: UUID
    account: str
    amount_minor: int
    reason: str
    written_off_on: date
    made_by: str | None
    created_at: datetime
    undone_at: datetime | None
    undo_reason: str | None


class OverdueFee(Output):
    """A fee for what was not paid in time: an invoice, or a part of a schedule."""

    model_config = shows(OVERDUE_FEE)

    id: UUID
    reference: str
    account_id: UUID
    account: str
    booking_id: UUID
    booking_reference: str
    overdue_invoice_id: UUID | None = Field(description="The invoice that was not paid in time.")
    instalment_id: UUID | None = Field(description="The part of a schedule that was not paid in time.")
    due_on: date
    overdue_minor: int = Field(description="What was open of it when the fee was charged.")
    amount_minor: int
    charged_on: date
    invoice_id: UUID = Field(description="The invoice that asks for the fee.")
    invoice: str
    waived_at: datetime | None
    waived_by: str | None
    waive_reason: str | None


class ReportColumn(Output):
    """A column; money is in minor units."""

    name: str
    heading: str
    kind: Kind


class ReportTie(Output):
    """What the books say of the accounts that the report is about; a debit is positive."""

    ledger_accounts: list[LedgerAccount]
    books_minor: int
    report_minor: int
    holds: bool


class Report(Output):
    """A report: some of its rows, and the sums of all of them."""

    model_config = shows(REPORT)

    name: str
    title: str
    since: date
    until: date
    currency: str
    columns: list[ReportColumn]
    rows: list[dict[str, Any]]
    row_count: int
    next_row: int | None = Field(description="Pass it as `first_row` for the next rows.")
    totals: dict[str, int]
    tie: ReportTie | None
