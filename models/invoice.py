"""Numbered documents: invoices with lines, quotes, and the counters that number them without gaps."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import TenantRow, check, index, json, moment, money, one_of, refers, root, unique, word


class DocumentSeries(StrEnum):
    """Each series is numbered by itself, per organisation and year."""

    INVOICE = "INV"  # invoices
    CREDIT_NOTE = "CN"  # credit notes
    QUOTE = "Q"  # quotes
    ZERO_STATEMENT = "ZS"  # what was moved at no difference: an invoice and a credit note with one number
    PASS = "PASS"  # noqa: S105 - passes that were sold


class DocumentCounter(TenantRow, table=True):
    """The last number given out in a series and year; locked last before the commit, so that no number is lost."""

    __tablename__ = "document_counter"
    __table_args__ = (
        root(),
        one_of("series", DocumentSeries),
        check("last_number >= 0", "last_number_is_not_negative"),
        unique("series", "year"),
    )
    series: DocumentSeries = word(DocumentSeries)
    year: int
    last_number: int = Field(default=0, sa_type=sa.BigInteger)


class IssuedDocument(TenantRow):
    """An issued invoice or credit note: immutable, numbered in its series and year."""

    series: DocumentSeries = word(DocumentSeries)
    year: int
    number: int = Field(sa_type=sa.BigInteger)
    account_id: UUID
    booking_id: UUID
    currency: str
    net_minor: int = money()
    tax_minor: int = money()
    total_minor: int = money()
    issued_on: date
    # What was printed then: letterhead and recipient, so that the same document always gives the same bytes.
    printed: dict[str, object] = json(nullable=False)
    issued_at: datetime = moment()


def document_rules() -> tuple[Any, ...]:
    """What holds for every issued document."""
    return (
        refers("account_id", "account"),
        refers("booking_id", "term_booking"),
        one_of("series", DocumentSeries),
        check("total_minor = net_minor + tax_minor", "net_and_tax_make_the_total"),
        check("number > 0", "number_is_positive"),
        unique("series", "year", "number"),
    )


class Invoice(IssuedDocument, table=True):
    """An issued invoice: immutable. What is paid follows from its allocations."""

    __tablename__ = "invoice"
    __table_args__ = (
        *document_rules(),
        refers("billing_id", "billing"),
        refers("run_id", "invoice_run"),
        refers("term_product_id", "term_product"),
        check("series IN ('INV', 'ZS')", "series_is_of_invoices"),
        index("ix_invoice_account", "account_id", "issued_at"),
        index("ix_invoice_booking", "booking_id"),
        index("ix_invoice_issued", "issued_on"),
        index("ix_invoice_run", "run_id", where="run_id IS NOT NULL"),
        # A session that is paid as one goes is asked for once.
        index(
            "uq_invoice_of_session",
            "booking_id",
            "term_product_id",
            where="term_product_id IS NOT NULL",
            is_unique=True,
        ),
    )
    billing_id: UUID
    run_id: UUID | None = None  # the run that issued it, of planned invoices
    term_product_id: UUID | None = None  # the held session that is debited from the wallet, of pay as you go
    due_on: date


_STILL_OPEN = "total_minor <> paid_minor + credited_minor"


class Receivable(TenantRow, table=True):
    """What of an invoice is asked, paid and credited by now: the database adds up what is written. Its key is that of
    the invoice, whose family, Billing and days stand here too.
    """

    __tablename__ = "receivable"
    __table_args__ = (
        refers("id", "invoice"),
        index("ix_receivable_open", "issued_on", where=_STILL_OPEN),
        index("ix_receivable_moved", "moved_at"),
    )
    # Something of it is owed, or was paid or credited too much.
    OPEN: ClassVar[str] = _STILL_OPEN
    account_id: UUID
    billing_id: UUID
    issued_on: date
    due_on: date
    total_minor: int = money()
    paid_minor: int = money()
    credited_minor: int = money()
    moved_at: datetime | None = moment(default=None, nullable=True)  # when it was last paid, credited or given up


class InvoiceLine(TenantRow, table=True):
    """One line of an issued invoice, tied to the billing line and the booking line it charges."""

    __tablename__ = "invoice_line"
    __table_args__ = (
        refers("invoice_id", "invoice"),
        refers("billing_line_id", "billing_line"),
        refers("booking_line_id", "term_booking_line"),
        refers("late_pickup_id", "late_pickup"),
        refers("overdue_fee_id", "overdue_fee"),
        check("gross_minor = net_minor + tax_minor", "net_and_tax_make_the_gross"),
        unique("billing_line_id"),
        unique("late_pickup_id"),
        unique("overdue_fee_id"),
        index("ix_invoice_line_invoice", "invoice_id"),
    )
    invoice_id: UUID
    billing_line_id: UUID
    booking_line_id: UUID
    # A supplementary charge on what was invoiced before: the difference alone, of the billing line that it leads to.
    is_difference: bool = False
    late_pickup_id: UUID | None = None  # whose fee it charges; once, by constraint
    overdue_fee_id: UUID | None = None  # the fee that it charges; once, by constraint
    description: str
    session_date: date | None = None
    quantity: int = 1
    net_minor: int = money()
    tax_minor: int = money()
    gross_minor: int = money()
    tax_name: str = ""
    tax_rate: Decimal = Field(sa_type=sa.Numeric(9, 6))
    position: int


class Quote(TenantRow, table=True):
    """A numbered offer at a frozen price; holds until `expires_at`."""

    __tablename__ = "quote"
    __table_args__ = (
        refers("order_id", "term_booking_order"),
        refers("billing_id", "billing"),
        check("series = 'Q'", "series_is_of_quotes"),
        check("number > 0", "number_is_positive"),
        unique("series", "year", "number"),
        index("ix_quote_order", "order_id", "issued_at"),
    )
    series: DocumentSeries = word(DocumentSeries)
    year: int
    number: int = Field(sa_type=sa.BigInteger)
    order_id: UUID
    billing_id: UUID
    total_minor: int = money()
    issued_on: date
    issued_at: datetime = moment()
    expires_at: datetime = moment()
    printed: dict[str, object] = json(nullable=False)
