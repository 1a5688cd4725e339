"""Credit notes: what of an issued invoice is taken back, line by line, and what they settle."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import TenantRow, check, index, moment, money, one_of, refers, unique, word
from models.invoice import IssuedDocument, document_rules


class CreditNote(IssuedDocument, table=True):
    """An issued credit note: immutable, numbered by itself. Its amounts are positive."""

    __tablename__ = "credit_note"
    __table_args__ = (
        *document_rules(),
        check("series IN ('CN', 'ZS')", "series_is_of_credit_notes"),
        check("total_minor > 0", "total_is_positive"),
        index("ix_credit_note_account", "account_id", "issued_at"),
        index("ix_credit_note_booking", "booking_id"),
        index("ix_credit_note_issued", "issued_on"),
    )
    reason: str = ""


class CreditNoteLine(TenantRow, table=True):
    """What is taken back of one invoice line; all credits of a line never exceed it (checked by a trigger)."""

    __tablename__ = "credit_note_line"
    __table_args__ = (
        refers("credit_note_id", "credit_note"),
        refers("invoice_line_id", "invoice_line"),
        refers("booking_line_id", "term_booking_line"),
        check("gross_minor = net_minor + tax_minor", "net_and_tax_make_the_gross"),
        unique("credit_note_id", "invoice_line_id"),
        index("ix_credit_note_line_invoice_line", "invoice_line_id"),
    )
    credit_note_id: UUID
    invoice_line_id: UUID
    booking_line_id: UUID
    description: str
    session_date: date | None = None
    quantity: int = 1
    net_minor: int = money()
    tax_minor: int = money()
    gross_minor: int = money()
    tax_name: str = ""
    tax_rate: Decimal = Field(sa_type=sa.Numeric(9, 6))
    position: int


class CreditAllocation(TenantRow, table=True):
    """How much of a credit note, or of a write-off, settles which invoice: those that a note corrects, first.

    Nothing is taken away: undoing a write-off is a row with the negative amount.
    """

    __tablename__ = "credit_allocation"
    __table_args__ = (
        refers("credit_note_id", "credit_note"),
        refers("write_off_id", "write_off"),
        refers("invoice_id", "invoice"),
        check("amount_minor > 0 OR (write_off_id IS NOT NULL AND amount_minor < 0)", "only_a_write_off_is_undone"),
        check("(credit_note_id IS NULL) <> (write_off_id IS NULL)", "of_a_note_or_a_write_off"),
        unique("credit_note_id", "invoice_id"),
        index("ix_credit_allocation_invoice", "invoice_id"),
        index("ix_credit_allocation_made", "created_at"),
        index("ix_credit_allocation_write_off", "write_off_id", where="write_off_id IS NOT NULL"),
    )
    credit_note_id: UUID | None = None
    write_off_id: UUID | None = None
    invoice_id: UUID
    amount_minor: int = money()
    created_at: datetime = moment()


class CreditRule(StrEnum):
    """By which rule a part of a credit goes where it goes, in the order in which they are asked."""

    SAME_CHANGE = "SAME_CHANGE"  # settles the invoice of the same edit
    SAME_INVOICE = "SAME_INVOICE"  # settles the unpaid part of the invoice that the credited line stands on
    SAME_BOOKING = "SAME_BOOKING"  # settles another open invoice of the booking
    GIVEN_UP = "GIVEN_UP"  # takes back what was written off of an invoice: it is credited in place of that
    SAME_GROUP = "SAME_GROUP"  # money that it freed pays another open invoice of the billing group
    TO_SOURCE = "TO_SOURCE"  # what came from the wallet goes back there, balance as balance and bonus as bonus
    TO_WALLET = "TO_WALLET"  # what was paid another way goes to the wallet, and may be asked back


class CreditStep(TenantRow, table=True):
    """One step of a credit note's way through the waterfall, in words; the steps sum to the note."""

    __tablename__ = "credit_step"
    __table_args__ = (
        refers("credit_note_id", "credit_note"),
        refers("invoice_id", "invoice"),
        refers("payment_id", "payment"),
        refers("wallet_entry_id", "wallet_entry"),
        one_of("rule", CreditRule),
        check("amount_minor > 0", "amount_is_positive"),
        unique("credit_note_id", "position"),
    )
    credit_note_id: UUID
    position: int
    rule: CreditRule = word(CreditRule)
    amount_minor: int = money()
    invoice_id: UUID | None = None  # that is settled or paid
    payment_id: UUID | None = None  # whose money it is
    wallet_entry_id: UUID | None = None  # with which it went to the wallet
    words: str
    created_at: datetime = moment()
