"""Credit notes: what of an issued invoice is taken back, line by line, and what they settle."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import TenantRow, check, index, json, moment, money, one_of, refers, unique, word
from models.invoice import DocumentSeries


class CreditNote(TenantRow, table=True):
    """An issued credit note: immutable, numbered by itself. Its amounts are positive."""

    __tablename__ = "credit_note"
    __table_args__ = (
        refers("account_id", "account"),
        refers("booking_id", "term_booking"),
        one_of("series", DocumentSeries),
        check("series = 'CN'", "series_is_of_credit_notes"),
        check("total_minor = net_minor + tax_minor", "net_and_tax_make_the_total"),
        check("total_minor > 0", "total_is_positive"),
        check("number > 0", "number_is_positive"),
        unique("series", "year", "number"),
        index("ix_credit_note_account", "account_id", "issued_at"),
        index("ix_credit_note_booking", "booking_id"),
    )
    series: DocumentSeries = word(DocumentSeries)
    year: int
    number: int = Field(sa_type=sa.BigInteger)
    account_id: UUID
    booking_id: UUID
    currency: str
    net_minor: int = money()
    tax_minor: int = money()
    total_minor: int = money()
    reason: str = ""
    issued_on: date
    # What was printed then: letterhead and recipient, so that the same document always gives the same bytes.
    printed: dict[str, object] = json(nullable=False)
    issued_at: datetime = moment()


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
    """How much of a credit note settles which invoice: the invoices that it corrects, first."""

    __tablename__ = "credit_allocation"
    __table_args__ = (
        refers("credit_note_id", "credit_note"),
        refers("invoice_id", "invoice"),
        check("amount_minor > 0", "amount_is_positive"),
        unique("credit_note_id", "invoice_id"),
        index("ix_credit_allocation_invoice", "invoice_id"),
    )
    credit_note_id: UUID
    invoice_id: UUID
    amount_minor: int = money()
    created_at: datetime = moment()
