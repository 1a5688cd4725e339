"""Runs of direct debits over HTTP: look over, make once, download for the bank, hear what came back."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import Called, NoInput
from api.moves import Answer, Principal
from api.operations import ADMIN, OFFICE, creates, for_roles
from api.reads import debit_runs as shown
from api.reads.paging import Cursor, Limit
from api.schemas import debit_runs as schemas
from api.schemas.base import Day, Page
from billing.debit_returns import read_returns
from engine.database import Transaction
from models import DebitScheme, ReturnFormat
from workflows import debit_runs as verbs
from workflows.debit_returns import import_returns

router = APIRouter(tags=["direct debit"])

_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file for the bank.",
        "content": {kind: {"schema": {"type": "string"}} for kind in ("application/xml", "text/plain")},
    }
}


@router.put(
    "/collection-accounts/{scheme}", **for_roles(ADMIN, *creates(404), response_model=schemas.CollectionAccount)
)  # fmt: skip
def set_collection_account(scheme: DebitScheme, body: schemas.CollectionAccountInput, call: Called) -> Response:
    """Say to which account of yours a scheme collects, and what its bank knows you by."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        verbs.set_collection_account(tx, scheme=scheme, actor=who.actor, now=call.now, **body.model_dump())
        return shown.collection_account(tx, scheme.value)

    return call.move(verb)


@router.get("/collection-accounts/{scheme}", **for_roles(OFFICE, 404, response_model=schemas.CollectionAccount))
def read_collection_account(scheme: DebitScheme, call: Called) -> Response:
    """To which account of yours a scheme collects."""
    return call.read(lambda tx, _: shown.collection_account(tx, scheme.value))


@router.get("/debit-run-review", **for_roles(OFFICE, response_model=schemas.DebitRunReview))
def review_debit_run(
    call: Called, scheme: DebitScheme = DebitScheme.SEPA,
    collect_on: Annotated[Day | None, Query(description="Debits that wait until this day; today.")] = None,
) -> Response:  # fmt: skip
    """What a run would collect on that day, what would fail and why. Nothing is changed by it."""

    def query(tx: Transaction, who: Principal) -> Answer:
        day = collect_on or who.today(call.now)
        return shown.review(verbs.review_run(tx, scheme=scheme, collect_on=day, actor=who.actor))

    return call.read(query)


@router.post("/debit-runs", **for_roles(OFFICE, *creates(404), status_code=201, response_model=schemas.DebitRun))
def make_debit_run(body: schemas.NewDebitRun, call: Called) -> Response:
    """Make the run that was reviewed: its debits are handed over in one file, once."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        made = verbs.make_run(tx, scheme=DebitScheme(body.scheme), collect_on=body.collect_on,
                              shown_fingerprint=body.fingerprint, actor=who.actor, now=call.now)  # fmt: skip
        tx.flush()
        return shown.run(tx, made.run_id, status=201)

    return call.move(verb)


@router.get("/debit-runs", **for_roles(OFFICE, response_model=Page[schemas.DebitRun]))
def list_debit_runs(call: Called, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Runs, newest first."""
    return call.read(lambda tx, _: shown.runs().page(tx, cursor=cursor, limit=limit, show=dict))


@router.get("/debit-runs/{run_id}", **for_roles(OFFICE, 404, response_model=schemas.DebitRun))
def read_debit_run(run_id: UUID, call: Called) -> Response:
    """A run, and how its debits stand."""
    return call.read(lambda tx, _: shown.run(tx, run_id))


@router.get("/debit-runs/{run_id}/file", **for_roles(OFFICE, 404, responses=_FILE, response_class=Response))
def read_debit_run_file(run_id: UUID, call: Called) -> Response:
    """The run's file for the bank: pain.008 for SEPA, Direct Entry for ABA. It never changes."""
    found = call.fetch(lambda tx, _: shown.run_file(tx, run_id))
    kind, ending = ("application/xml", "xml") if found["scheme"] == DebitScheme.SEPA else ("text/plain", "aba")
    named = f'attachment; filename="{found["reference"]}.{ending}"'
    return Response(found["content"], media_type=kind, headers={"Content-Disposition": named})


@router.post(
    "/debit-runs/{run_id}/settlement", **for_roles(OFFICE, *creates(404, 409), response_model=schemas.DebitRun)
)  # fmt: skip
def settle_debit_run(run_id: UUID, call: Called, _: NoInput = None) -> Response:
    """The bank has paid: every debit of the run that is under way settles its invoice. Safe to repeat."""
    who, answered = call.identify()
    if answered is not None:
        return answered
    verbs.settle_run(call.database, call.organisation_id, run_id=run_id, actor=who.actor, now=call.now)
    return call.move(lambda tx, _: shown.run(tx, run_id))


@router.post(
    "/debit-return-files", **for_roles(OFFICE, *creates(), status_code=201, response_model=schemas.ReturnFile)
)  # fmt: skip
def import_return_file(body: schemas.NewReturnFile, call: Called) -> Response:
    """Import what the bank did not pay or took back: each debit fails, or its invoice is open again, once. The same
    file again changes nothing.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        kind, mapping = ReturnFormat(body.format), body.mapping.as_mapping() if body.mapping is not None else None
        file_id = import_returns(
            tx, filename=body.filename, content=body.content, kind=kind,
            returned=read_returns(body.content, kind, mapping=mapping, currency=who.organisation["currency"]),
            actor=who.actor, now=call.now,
        )  # fmt: skip
        tx.flush()
        return shown.return_file(tx, file_id, status=201)

    return call.move(verb)


@router.get("/debit-return-files/{file_id}", **for_roles(OFFICE, 404, response_model=schemas.ReturnFile))
def read_return_file(file_id: UUID, call: Called) -> Response:
    """A file of returns with what it changed."""
    return call.read(lambda tx, _: shown.return_file(tx, file_id))
