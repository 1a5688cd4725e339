"""Bank statements: what came in on our bank account, and which payments it is."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from models.base import TenantRow, check, index, moment, money, one_of, refers, root, unique, word


class BankFileFormat(StrEnum):
    """How a statement is written."""

    CSV = "CSV"  # by a mapping of its columns
    CAMT053 = "CAMT053"  # ISO 20022, as most banks give it


class BankStatement(TenantRow, table=True):
    """A file that was imported; the same content, and the same movements in another file, are imported once."""

    __tablename__ = "bank_statement"
    __table_args__ = (
        root(),
        one_of("format", BankFileFormat),
        check("fresh_lines BETWEEN 0 AND lines", "fresh_among_its_lines"),
        unique("content_hash"),
        unique("entries_hash"),
        index("ix_bank_statement_imported", "imported_at"),
    )
    filename: str
    format: BankFileFormat = word(BankFileFormat)
    bank_account: str  # of which it is: an IBAN, or as the bank or the office calls it
    content_hash: str
    entries_hash: str  # of what it tells, however it is written and the account of a CSV file is called
    lines: int
    fresh_lines: int  # that no earlier file held
    imported_by: UUID | None = None
    imported_at: datetime = moment()


class BankLine(TenantRow, table=True):
    """A movement on the account, once however many files hold it; what came in is positive.

    `matched_minor` is how much of it has become payments; one that is none of ours is set aside with a reason.
    """

    __tablename__ = "bank_line"
    __table_args__ = (
        refers("statement_id", "bank_statement"),
        check("amount_minor <> 0", "amount_is_not_zero"),
        check("matched_minor BETWEEN 0 AND greatest(amount_minor, 0)", "matches_within_the_line"),
        check("(set_aside_at IS NULL) = (set_aside_reason = '')", "set_aside_with_a_reason"),
        check("set_aside_at IS NULL OR matched_minor = 0", "set_aside_or_matched"),
        unique("bank_account", "identity"),
        index("ix_bank_line_statement", "statement_id", "position"),
        index(
            "ix_bank_line_open", "booked_on",
            where="amount_minor > 0 AND matched_minor < amount_minor AND set_aside_at IS NULL",
        ),
    )  # fmt: skip
    statement_id: UUID  # the first that held it
    position: int
    bank_account: str
    identity: str  # the bank's reference, or a hash of all it says and which of the same it is
    booked_on: date
    amount_minor: int = money()
    currency: str
    payer_name: str = ""
    payer_account: str = ""
    text: str = ""
    matched_minor: int = money(default=0)
    set_aside_reason: str = ""
    set_aside_by: UUID | None = None
    set_aside_at: datetime | None = moment(default=None, nullable=True)


class BankMatch(TenantRow, table=True):
    """That much of a line is this payment; undone, the payment is taken back and the line is open again."""

    __tablename__ = "bank_match"
    __table_args__ = (
        refers("line_id", "bank_line"),
        refers("payment_id", "payment"),
        check("amount_minor > 0", "amount_is_positive"),
        check("(undone_at IS NULL) = (undo_reason IS NULL)", "undone_with_a_reason"),
        unique("payment_id"),
        index("ix_bank_match_line", "line_id"),
    )
    line_id: UUID
    payment_id: UUID
    amount_minor: int = money()
    matched_by: UUID | None = None
    matched_at: datetime = moment()
    undone_by: UUID | None = None
    undone_at: datetime | None = moment(default=None, nullable=True)
    undo_reason: str | None = None
