"""Issuing numbered documents: what an invoice and a quote are made of, as rows. Nothing issued is edited."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from engine.batch import Batch
from engine.ids import new_id
from models import DocumentSeries, Invoice, InvoiceLine, Quote


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
    batch.add(InvoiceLine, [{**line, "id": new_id(), "invoice_id": invoice_id} for line in lines])
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


def number_text(series: str, year: int, number: int) -> str:
    """How a document's number is written: INV-2026-000042."""
    return f"{series}-{year}-{number:06d}"
