"""Many documents at once: which ones, and each as it is printed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from engine.database import Database, Transaction
from invoicing.document import Document, DocumentKind
from models import DocumentSeries
from workflows.documents import credit_note_document, invoice_document, quote_document, zero_statement_document

_READERS = {
    DocumentKind.INVOICE: invoice_document, DocumentKind.CREDIT_NOTE: credit_note_document,
    DocumentKind.QUOTE: quote_document, DocumentKind.ZERO_STATEMENT: zero_statement_document,
}  # fmt: skip
# Where each kind is kept, in which series; a zero statement is named by the half that charges.
_KEPT = {
    DocumentKind.INVOICE: ("invoice", DocumentSeries.INVOICE), DocumentKind.QUOTE: ("quote", DocumentSeries.QUOTE),
    DocumentKind.CREDIT_NOTE: ("credit_note", DocumentSeries.CREDIT_NOTE),
    DocumentKind.ZERO_STATEMENT: ("invoice", DocumentSeries.ZERO_STATEMENT),
}  # fmt: skip
# Documents that one transaction reads.
_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which documents: of a kind, issued in these days; of invoices also those of one run."""

    kind: DocumentKind
    issued_from: date | None = None
    issued_until: date | None = None
    run_id: UUID | None = None


def find_documents(tx: Transaction, chosen: Chosen) -> list[UUID]:
    """Their ids, in the order of their numbers."""
    of_run = "AND d.run_id = %(run_id)s" if chosen.run_id is not None else ""
    assert not of_run or chosen.kind is DocumentKind.INVOICE, "only invoices are issued by runs"
    table, series = _KEPT[chosen.kind]
    found = tx.rows(
        f"SELECT d.id FROM {table} d WHERE d.organisation_id = %(org)s AND d.series = %(series)s {of_run} "
        "AND d.issued_on >= coalesce(%(first)s, d.issued_on) AND d.issued_on <= coalesce(%(last)s, d.issued_on) "
        "ORDER BY d.year, d.number",
        series=series.value, run_id=chosen.run_id, first=chosen.issued_from, last=chosen.issued_until,
    )  # fmt: skip
    return [row["id"] for row in found]


def read_documents(
    database: Database, organisation_id: UUID, ids: Sequence[UUID], *, kind: DocumentKind
) -> Iterator[Document]:
    """Each as it is printed now, in that order; a few are read at a time, so that a long run stays small."""
    read = _READERS[kind]
    for start in range(0, len(ids), _AT_ONCE):
        with database.transaction(organisation_id) as tx:
            documents = [read(tx, document_id) for document_id in ids[start : start + _AT_ONCE]]
        yield from documents
