"""Issuing numbered documents: what an invoice, a credit note and a quote are made of, as rows. None is ever edited."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from engine.batch import Batch
from engine.ids import new_id
from models import CreditNote, CreditNoteLine, DocumentSeries, Invoice, InvoiceLine, Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDraft:
    """An invoice before it has a number: whose it is, the Billing version behind it, its lines, what it prints."""

    account_id: UUID
    booking_id: UUID
    billing_id: UUID
    net_minor: int
    tax_minor: int
    lines: Sequence[dict[str, Any]]
    printed: dict[str, Any]
    due_on: date
    id: UUID = field(default_factory=new_id)
    is_zero: bool = False  # half of a zero statement: a credit note of the same batch is the other
    term_product_id: UUID | None = None  # the session that is debited from the wallet

    @property
    def total_minor(self) -> int:
        return self.net_minor + self.tax_minor


def issue_invoices(
    batch: Batch, drafts: Sequence[InvoiceDraft], *, issued_on: date, now: datetime, run_id: UUID | None = None
) -> None:
    """Add any number of invoices to one write; they are numbered in this order from the locked counter, which is locked
    last. `issued_on` is the organisation's local day.
    """
    for draft in drafts:
        batch.add_numbered(
            Invoice,
            {
                "id": draft.id, "account_id": draft.account_id, "booking_id": draft.booking_id,
                "billing_id": draft.billing_id, "run_id": run_id, "currency": draft.printed["currency"],
                "net_minor": draft.net_minor, "tax_minor": draft.tax_minor, "total_minor": draft.total_minor,
                "issued_on": issued_on, "due_on": draft.due_on, "printed": draft.printed, "issued_at": now,
                "term_product_id": draft.term_product_id,
            },
            series=DocumentSeries.ZERO_STATEMENT if draft.is_zero else DocumentSeries.INVOICE, year=issued_on.year,
        )  # fmt: skip
    batch.add(
        InvoiceLine,
        [{"is_difference": False, "late_pickup_id": None, "overdue_fee_id": None, **line, "id": new_id(),
          "invoice_id": draft.id}
         for draft in drafts for line in draft.lines],
    )  # fmt: skip


def issue_invoice(
    batch: Batch, *, account_id: UUID, booking_id: UUID, billing: dict[str, Any], lines: Iterable[dict[str, Any]],
    printed: dict[str, Any], issued_on: date, due_days: int, now: datetime, is_zero: bool = False,
    invoice_id: UUID | None = None,
) -> UUID:  # fmt: skip
    """Add one invoice, or the half of a zero statement that charges; `billing` carries its version's id, net and tax
    in minor units. Returns its id.
    """
    draft = InvoiceDraft(
        account_id=account_id, booking_id=booking_id, billing_id=billing["id"], net_minor=billing["net_minor"],
        tax_minor=billing["tax_minor"], lines=list(lines), printed=printed,
        due_on=issued_on + timedelta(days=due_days), is_zero=is_zero, id=invoice_id or new_id(),
    )  # fmt: skip
    issue_invoices(batch, [draft], issued_on=issued_on, now=now)
    return draft.id


def issue_quote(
    batch: Batch, *, order_id: UUID, billing: dict[str, Any], printed: dict[str, Any], issued_on: date,
    expires_at: datetime, now: datetime,
) -> UUID:  # fmt: skip
    """Add a quote over a frozen Billing version. Returns its id."""
    quote_id = new_id()
    batch.add_numbered(
        Quote,
        {
            "id": quote_id, "order_id": order_id, "billing_id": billing["id"], "total_minor": billing["total_minor"],
            "issued_on": issued_on, "issued_at": now, "expires_at": expires_at, "printed": printed,
        },
        series=DocumentSeries.QUOTE, year=issued_on.year,
    )  # fmt: skip
    return quote_id


_CREDITED = ("booking_line_id", "description", "session_date", "quantity", "net_minor", "tax_minor", "gross_minor",
             "tax_name", "tax_rate")  # fmt: skip


def issue_credit_note(
    batch: Batch, *, account_id: UUID, booking_id: UUID, lines: Iterable[dict[str, Any]], net_minor: int,
    tax_minor: int, reason: str, printed: dict[str, Any], issued_on: date, now: datetime,
    half_of: UUID | None = None,
) -> UUID:  # fmt: skip
    """Add a credit note over what is taken back of invoice lines; its number comes from the counter of its own series,
    or is that of the zero statement whose other half it is.

    `lines` are invoice lines with what of each is taken back, in minor units. Returns its id.
    """
    note_id = new_id()
    batch.add_numbered(
        CreditNote,
        {
            "id": note_id, "account_id": account_id, "booking_id": booking_id, "currency": printed["currency"],
            "net_minor": net_minor, "tax_minor": tax_minor, "total_minor": net_minor + tax_minor, "reason": reason,
            "issued_on": issued_on, "printed": printed, "issued_at": now,
        },
        series=DocumentSeries.CREDIT_NOTE if half_of is None else DocumentSeries.ZERO_STATEMENT,
        year=issued_on.year, half_of=half_of,
    )  # fmt: skip
    batch.add(
        CreditNoteLine,
        [{**{name: line[name] for name in _CREDITED}, "id": new_id(), "credit_note_id": note_id,
          "invoice_line_id": line["id"], "position": position} for position, line in enumerate(lines)],
    )  # fmt: skip
    return note_id


def number_text(series: str, year: int, number: int) -> str:
    """How a document's number is written: INV-2026-000042."""
    return f"{series}-{year}-{number:06d}"
