"""Invoices, credit notes and quotes, as values and as PDF."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import OWNERS_AND_FINANCE, PDF, for_roles
from api.reads import finance as shown
from api.reads.paging import Cursor, Limit, Listing
from api.schemas import finance as schemas
from api.schemas.base import Day, Page
from engine.database import Transaction
from workflows.documents import credit_note_document, invoice_document, quote_document, zero_statement_document

router = APIRouter(tags=["finance"])


@router.get("/invoices", **for_roles(OWNERS_AND_FINANCE, response_model=Page[schemas.InvoiceSummary]))
def list_invoices(
    call: Called, account_id: UUID | None = None, booking_id: UUID | None = None, is_open: bool | None = None,
    due_until: Day | None = None, issued_from: Day | None = None,
    issued_until: Day | None = None, run_id: UUID | None = None, cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Invoices, newest first; a family sees its own."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = _issued(shown.invoices(who), account_id, booking_id, issued_from, issued_until)
        found.where("v.due_on <= %(due_until)s", due_until=due_until)
        found.where("v.run_id = %(run)s", run=run_id)
        found.where(f"({shown.IS_OPEN}) = %(is_open)s", is_open=is_open)
        return found.page(tx, cursor=cursor, limit=limit, show=shown.show_numbered)

    return call.read(query)


def _issued(
    found: Listing, account_id: UUID | None, booking_id: UUID | None, issued_from: Day | None, issued_until: Day | None
) -> Listing:
    """Of numbered documents `v` those of that account and booking, issued within these days."""
    found.where("v.account_id = %(account)s", account=account_id)
    found.where("v.booking_id = %(booking)s", booking=booking_id)
    found.where("v.issued_on >= %(issued_from)s", issued_from=issued_from)
    found.where("v.issued_on <= %(issued_until)s", issued_until=issued_until)
    return found


@router.get("/invoices/{invoice_id}", **for_roles(OWNERS_AND_FINANCE, 404, response_model=schemas.Invoice))
def read_invoice(invoice_id: UUID, call: Called) -> Response:
    """An invoice with its lines, and what is paid and owing."""
    return call.read(lambda tx, who: shown.invoice(tx, who, invoice_id))


@router.get(
    "/invoices/{invoice_id}/document",
    **for_roles(OWNERS_AND_FINANCE, 404, responses=PDF, response_class=Response),
)  # fmt: skip
def read_invoice_document(invoice_id: UUID, call: Called) -> Response:
    """The invoice as PDF, as it was issued, with what is paid by now."""
    return shown.printed(call.fetch, invoice_id, shown.invoice, invoice_document)


@router.get("/credit-notes", **for_roles(OWNERS_AND_FINANCE, response_model=Page[schemas.CreditNoteSummary]))
def list_credit_notes(
    call: Called, account_id: UUID | None = None, booking_id: UUID | None = None,
    issued_from: Day | None = None, issued_until: Day | None = None, cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:  # fmt: skip
    """Credit notes, newest first; a family sees its own."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = _issued(shown.credit_notes(who), account_id, booking_id, issued_from, issued_until)
        return found.page(tx, cursor=cursor, limit=limit, show=shown.show_numbered)

    return call.read(query)


@router.get("/credit-notes/{credit_note_id}", **for_roles(OWNERS_AND_FINANCE, 404, response_model=schemas.CreditNote))
def read_credit_note(credit_note_id: UUID, call: Called) -> Response:
    """A credit note with its lines, each tied to the invoice line that it takes back."""
    return call.read(lambda tx, who: shown.credit_note(tx, who, credit_note_id))


@router.get(
    "/credit-notes/{credit_note_id}/document",
    **for_roles(OWNERS_AND_FINANCE, 404, responses=PDF, response_class=Response),
)  # fmt: skip
def read_credit_note_document(credit_note_id: UUID, call: Called) -> Response:
    """The credit note as PDF, as it was issued."""
    return shown.printed(call.fetch, credit_note_id, shown.credit_note, credit_note_document)


@router.get(
    "/zero-statements/{statement_id}", **for_roles(OWNERS_AND_FINANCE, 404, response_model=schemas.ZeroStatement)
)
def read_zero_statement(statement_id: UUID, call: Called) -> Response:
    """A zero statement: sessions that were moved at no difference."""
    return call.read(lambda tx, who: shown.zero_statement(tx, who, statement_id))


@router.get(
    "/zero-statements/{statement_id}/document",
    **for_roles(OWNERS_AND_FINANCE, 404, responses=PDF, response_class=Response),
)  # fmt: skip
def read_zero_statement_document(statement_id: UUID, call: Called) -> Response:
    """The zero statement as PDF, as it was issued."""
    return shown.printed(call.fetch, statement_id, shown.zero_statement, zero_statement_document)


@router.get("/quotes", **for_roles(OWNERS_AND_FINANCE, response_model=Page[schemas.Quote]))
def list_quotes(
    call: Called, order_id: UUID | None = None, account_id: UUID | None = None, cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:  # fmt: skip
    """Quotes, newest first; a family sees its own."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.quotes(who)
        found.where("q.order_id = %(order)s", order=order_id)
        found.where("o.account_id = %(account)s", account=account_id)
        return found.page(tx, cursor=cursor, limit=limit, show=shown.show_numbered)

    return call.read(query)


@router.get("/quotes/{quote_id}", **for_roles(OWNERS_AND_FINANCE, 404, response_model=schemas.Quote))
def read_quote(quote_id: UUID, call: Called) -> Response:
    """A quote."""
    return call.read(lambda tx, who: shown.quote(tx, who, quote_id))


@router.get(
    "/quotes/{quote_id}/document", **for_roles(OWNERS_AND_FINANCE, 404, responses=PDF, response_class=Response)
)  # fmt: skip
def read_quote_document(quote_id: UUID, call: Called) -> Response:
    """The quote as PDF."""
    return shown.printed(call.fetch, quote_id, shown.quote, quote_document)
