"""Invoices to come, and the runs that issue what is due."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import OFFICE, OWNERS_AND_FINANCE, ZIP, creates, for_roles
from api.reads import invoice_runs as shown
from api.reads.paging import Cursor, Limit
from api.schemas.base import Day, Page
from api.schemas.invoice_runs import InvoiceRun, InvoiceRunPreview, NewInvoiceRun, ScheduledInvoice
from engine.database import Row, Transaction
from invoicing.archive import zipped
from invoicing.document import DocumentKind
from workflows.document_sets import Chosen, find_documents, read_documents
from workflows.invoice_runs import begin_run, preview_run, read_run

router = APIRouter(tags=["finance"])


@router.get("/scheduled-invoices", **for_roles(OWNERS_AND_FINANCE, response_model=Page[ScheduledInvoice]))
def list_scheduled_invoices(
    call: Called, account_id: UUID | None = None, booking_id: UUID | None = None, issue_until: Day | None = None,
    cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Invoices that are planned, the next first; a family sees its own."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.scheduled(who)
        found.where("b.account_id = %(account)s", account=account_id)
        found.where("w.booking_id = %(booking)s", booking=booking_id)
        found.where("w.issue_on <= %(issue_until)s", issue_until=issue_until)
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show_total(who, row))

    return call.read(query)


@router.get("/invoice-runs/preview", **for_roles(OFFICE, response_model=InvoiceRunPreview))
def preview_invoice_run(call: Called, through: Day | None = None) -> Response:
    """How many invoices a run through that day (today) would issue, and over how much. Nothing is written."""

    def query(tx: Transaction, who: Principal) -> Answer:
        today = who.today(call.now)
        day = shown.near(through or today, today)
        return Answer(shown.show_preview(who, preview_run(tx, through=day)))

    return call.read(query)


@router.post("/invoice-runs", **for_roles(OFFICE, *creates(409), status_code=201, response_model=InvoiceRun))
def make_invoice_run(body: NewInvoiceRun, call: Called) -> Response:
    """Begin the run that was previewed: workers issue its invoices, the first at once, each exactly once."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        run = begin_run(tx, through=shown.near(body.through, who.today(call.now)), fingerprint=body.fingerprint,
                        actor=who.actor, now=call.now)  # fmt: skip
        return shown.run(tx, who, run["id"], status=201)

    return call.move(verb)


@router.get("/invoice-runs", **for_roles(OFFICE, response_model=Page[InvoiceRun]))
def list_invoice_runs(call: Called, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Invoice runs, newest first: those of the office, and those that the worker began by itself."""

    def query(tx: Transaction, who: Principal) -> Answer:
        return shown.runs().page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show_total(who, row))

    return call.read(query)


@router.get("/invoice-runs/{run_id}", **for_roles(OFFICE, 404, response_model=InvoiceRun))
def read_invoice_run(run_id: UUID, call: Called) -> Response:
    """A run, with how much of it is issued by now."""
    return call.read(lambda tx, who: shown.run(tx, who, run_id))


Part = Annotated[int, Query(ge=1, le=10_000, description=f"The first, second, … {shown.IN_AN_ARCHIVE} invoices.")]


@router.get("/invoice-runs/{run_id}/documents", **for_roles(OFFICE, 404, responses=ZIP, response_class=Response))
def read_invoice_run_documents(run_id: UUID, call: Called, part: Part = 1) -> Response:
    """The invoices that a run has issued by now as PDFs in one archive, in the order of their numbers, a part at once.
    It is written as they are laid out, several a second.
    """

    def query(tx: Transaction, who: Principal) -> tuple[Row, list[UUID]]:
        run = read_run(tx, run_id)
        return run, find_documents(tx, Chosen(kind=DocumentKind.INVOICE, run_id=run_id))

    run, ids = call.fetch(query)
    chosen = ids[(part - 1) * shown.IN_AN_ARCHIVE : part * shown.IN_AN_ARCHIVE]
    documents = read_documents(call.database, call.organisation_id, chosen, kind=DocumentKind.INVOICE)
    name = f"invoices-{run['through']}-{part}.zip"
    return StreamingResponse(zipped(documents), media_type="application/zip",
                             headers={"Content-Disposition": f'attachment; filename="{name}"'})  # fmt: skip
