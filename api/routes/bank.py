"""Bank statements over HTTP: import a file, match its lines with what they pay."""

from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import Called, NoInput
from api.moves import Answer, Call, Principal
from api.operations import OFFICE, creates, for_roles
from api.reads import bank as shown
from api.reads.paging import Cursor, Limit
from api.schemas import bank as schemas
from api.schemas.base import Day, Page
from billing.bank_csv import read_csv
from billing.bank_files import read_camt
from engine.database import Transaction
from models import BankFileFormat
from workflows import bank_statements as verbs
from workflows.bank_unmatching import unmatch

router = APIRouter(tags=["bank"])

_STATUS = {
    "OPEN": shown.IS_OPEN,
    "MATCHED": "(l.amount_minor > 0 AND l.matched_minor = l.amount_minor)",
    "SET_ASIDE": "l.set_aside_at IS NOT NULL",
    "OUT": "l.amount_minor < 0",
}


@router.post(
    "/bank-statements", **for_roles(OFFICE, *creates(), status_code=201, response_model=schemas.BankStatement)
)  # fmt: skip
def import_bank_statement(body: schemas.NewBankStatement, call: Called) -> Response:
    """Import a file of the bank's. The same file again, and lines that an earlier file held, change nothing."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        if body.mapping is not None:
            account = body.bank_account
            entries = read_csv(body.content, body.mapping.as_mapping(), currency=who.organisation["currency"])
        else:
            account, entries = read_camt(body.content)
        made = verbs.import_statement(
            tx, filename=body.filename, content=body.content, kind=BankFileFormat(body.format),
            bank_account=account or body.bank_account, entries=entries, actor=who.actor, now=call.now,
        )  # fmt: skip
        tx.flush()
        return shown.statement(tx, made.statement_id, status=201)

    return call.move(verb)


@router.get("/bank-statements", **for_roles(OFFICE, response_model=Page[schemas.BankStatement]))
def list_bank_statements(call: Called, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Imported files, newest first."""
    return call.read(lambda tx, _: shown.statements().page(tx, cursor=cursor, limit=limit, show=dict))


@router.get("/bank-statements/{statement_id}", **for_roles(OFFICE, 404, response_model=schemas.BankStatement))
def read_bank_statement(statement_id: UUID, call: Called) -> Response:
    """An imported file."""
    return call.read(lambda tx, _: shown.statement(tx, statement_id))


@router.get("/bank-lines", **for_roles(OFFICE, response_model=Page[schemas.BankLineSummary]))
def list_bank_lines(
    call: Called, statement_id: UUID | None = None,
    status: Annotated[Literal["OPEN", "MATCHED", "SET_ASIDE", "OUT"] | None, Query()] = None,
    booked_from: Day | None = None, booked_until: Day | None = None, cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Movements on the account by day; with `status` OPEN those that nobody has matched or set aside."""

    def query(tx: Transaction, _: Principal) -> Answer:
        found = shown.lines()
        found.where("l.statement_id = %(statement)s", statement=statement_id)
        found.where("l.booked_on >= %(from)s", **{"from": booked_from})
        found.where("l.booked_on <= %(until)s", until=booked_until)
        if status is not None:
            found.where(f"{_STATUS[status]} AND %(status)s::text IS NOT NULL", status=status)
        return found.page(tx, cursor=cursor, limit=limit, show=dict)

    return call.read(query)


@router.get("/bank-lines/{line_id}", **for_roles(OFFICE, 404, response_model=schemas.BankLine))
def read_bank_line(line_id: UUID, call: Called) -> Response:
    """A line with its payments, and the orders that it may pay, the likeliest first."""
    return call.read(lambda tx, _: shown.line(tx, line_id))


def _move(call: Call, line_id: UUID, step: Callable[..., Any], **asked: Any) -> Response:
    def verb(tx: Transaction, who: Principal) -> Answer:
        step(tx, line_id=line_id, actor=who.actor, **asked)
        tx.flush()
        return shown.line(tx, line_id)

    return call.move(verb)


@router.post("/bank-lines/{line_id}/matches", **for_roles(OFFICE, *creates(404, 409), response_model=schemas.BankLine))
def match_line(line_id: UUID, body: schemas.NewBankMatch, call: Called) -> Response:
    """Let the line pay for an order: a payment by transfer, with all that follows from it."""
    return _move(call, line_id, verbs.match, order_id=body.order_id, amount_minor=body.amount_minor, now=call.now)


@router.post(
    "/bank-lines/{line_id}/matches/{payment_id}/reversal",
    **for_roles(OFFICE, *creates(404, 409), response_model=schemas.BankLine),
)  # fmt: skip
def undo_match(line_id: UUID, payment_id: UUID, body: schemas.UndoneMatch, call: Called) -> Response:
    """The match was wrong: its payment is taken back, what it settled is owed again, and the line is open."""
    return _move(call, line_id, unmatch, payment_id=payment_id, reason=body.reason, now=call.now)


@router.post(
    "/bank-lines/{line_id}/setting-aside", **for_roles(OFFICE, *creates(404, 409), response_model=schemas.BankLine)
)
def set_line_aside(line_id: UUID, body: schemas.SettingAside, call: Called) -> Response:
    """The line is none of the families': it leaves the list."""
    return _move(call, line_id, verbs.set_aside, reason=body.reason, now=call.now)


@router.post(
    "/bank-lines/{line_id}/taking-up", **for_roles(OFFICE, *creates(404, 409), response_model=schemas.BankLine)
)
def take_line_up(line_id: UUID, call: Called, _: NoInput = None) -> Response:
    """The line that was set aside is on the list again."""
    return _move(call, line_id, verbs.take_up)
