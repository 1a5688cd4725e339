"""Issuing numbered documents: what an invoice, a credit note and a quote are made of, as rows. None is ever edited."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from engine.batch import Batch
from engine.ids import new_id
from models import CreditNote, CreditNoteLine, DocumentSeries, Invoice, InvoiceLine, Quote


def issue_invoice(
    batch: Batch, *, account_id: UUID, booking_id: UUID, billing: dict[str, Any], lines: Iterable[dict[str, Any]],
    printed: dict[str, Any], issued_on: date, due_days: int, now: datetime,
) -> UUID:  # fmt: skip
    """Add an invoice over the given lines; its number comes from the locked counter at the write. Returns its id.

    `issued_on` is the organisation's local day, `billing` carries net, tax and total in minor units.
    """
    invoice_id = new_id()
    batch.add_numbered(
        Invoice,
        {
            "id": invoice_id, "account_id": account_id, "booking_id": booking_id, "billing_id": billing["id"],
            "currency": printed["currency"], "net_minor": billing["net_minor"], "tax_minor": billing["tax_minor"],
            "total_minor": billing["total_minor"], "issued_on": issued_on,
            "due_on": issued_on + timedelta(days=due_days), "printed": printed, "issued_at": now,
        },
        series=DocumentSeries.INVOICE, year=issued_on.year,
    )  # fmt: skip
    batch.add(
        InvoiceLine,
        [{"is_difference": False, **line, "id": new_id(), "invoice_id": invoice_id} for line in lines],
    )
    return invoice_id


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
) -> UUID:  # fmt: skip
    """Add a credit note over what is taken back of invoice lines; its number comes from the counter of its own series.

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
        series=DocumentSeries.CREDIT_NOTE, year=issued_on.year,
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
