"""Direct debits: what a run would collect, the run and its file for the bank, and what the bank did not pay."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import debit_runs as shown
from api.schemas.debit_runs import NewDebitRun, NewReturnFile
from billing.debit_returns import read_returns
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from models import DebitScheme, ReturnFormat
from web.asked import day_of, page_of, scheme_of, today_of
from web.finance.files import SentFile, csv_mapping, sent_file
from web.forms import NOTHING_SENT, Form, Posted, checked, day_in
from web.visitor import Finance
from workflows import debit_runs as verbs
from workflows.debit_returns import import_returns

router = APIRouter()

_COLUMNS = ("booked_on", "amount", "our_reference", "return_code")


@router.get("/finance/debits")
def show_debits(visit: Finance) -> Response:
    """The runs, and what the next would collect: by that day, by that scheme."""
    return _page(visit)


def _page(visit: Finance, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        scheme = scheme_of(form.text("scheme") or visit.asked("scheme"), who)
        day = day_in(form.text("collect_on")) or day_of(visit, "on") or today_of(visit, who)
        return {
            "review": shown.review(verbs.review_run(tx, scheme=scheme, collect_on=day, actor=who.actor)).body,
            "page": page_of(visit, tx, shown.runs()), "account": _account(tx, scheme), "schemes": list(DebitScheme),
        }  # fmt: skip

    return visit.show("finance/debits.html", query, form=form, refusal=refusal)


def _account(tx: Transaction, scheme: DebitScheme) -> Row | None:
    try:
        return shown.collection_account(tx, scheme.value).body
    except NotFound:
        return None


@router.post("/finance/debits")
def make_run(visit: Finance, form: Posted) -> Response:
    """Hand over just what was shown."""
    try:
        asked = checked(NewDebitRun, {name: form.text(name) for name in ("scheme", "collect_on", "fingerprint")})

        def verb(tx: Transaction, who: Principal) -> Answer:
            made = verbs.make_run(tx, scheme=DebitScheme(asked.scheme), collect_on=asked.collect_on,
                                  shown_fingerprint=asked.fingerprint, actor=who.actor, now=visit.now)  # fmt: skip
            return Answer({"run_id": made.run_id, "reference": made.reference})

        made = visit.move(form, verb)
    except (Conflict, Invalid, NotFound) as refusal:
        return _page(visit, form, refusal)
    return visit.go(f"/finance/debits/{made['run_id']}", visit.say("Run %(reference)s created. Download its file and "
                    "send it to the bank.", reference=made["reference"]))  # fmt: skip


@router.get("/finance/debits/returns")
def show_returns(visit: Finance) -> Response:
    return _returns_page(visit)


def _returns_page(visit: Finance, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    return visit.show("finance/debit_returns.html", form=form, refusal=refusal, formats=list(ReturnFormat))


@router.post("/finance/debits/returns")
async def import_file(visit: Finance, form: Posted) -> Response:
    """Import what the bank did not pay or took back; the same file again changes nothing."""
    return await run_in_threadpool(_import, visit, form, await sent_file(form))


def _import(visit: Finance, form: Form, file: SentFile) -> Response:
    try:
        asked = checked(NewReturnFile, _asked(form, file))

        def verb(tx: Transaction, who: Principal) -> Answer:
            kind = ReturnFormat(asked.format)
            mapping = asked.mapping.as_mapping() if asked.mapping is not None else None
            returned = read_returns(asked.content, kind, mapping=mapping, currency=who.organisation["currency"])
            file_id = import_returns(tx, filename=asked.filename, content=asked.content, kind=kind, returned=returned,
                                     actor=who.actor, now=visit.now)  # fmt: skip
            return Answer({"file_id": file_id})

        made = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _returns_page(visit, form, refusal)
    return visit.go(f"/finance/debits/returns/{made['file_id']}", visit.say("File imported."))


def _asked(form: Form, file: SentFile) -> Row:
    found: Row = {**file.told("returns"), "format": form.text("format")}
    if found["format"] == ReturnFormat.CSV:
        found["mapping"] = csv_mapping(form, _COLUMNS)
    return found


@router.get("/finance/debits/returns/{file_id}")
def show_return_file(visit: Finance, file_id: UUID) -> Response:
    return visit.show("finance/debit_return.html", lambda tx, _: {"file": shown.return_file(tx, file_id).body})


@router.get("/finance/debits/{run_id}")
def show_run(visit: Finance, run_id: UUID) -> Response:
    return _run_page(visit, run_id)


def _run_page(
    visit: Finance, run_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        return {"run": shown.run(tx, run_id).body, "page": page_of(visit, tx, shown.debits(run_id))}

    return visit.show("finance/debit_run.html", query, form=form, refusal=refusal)


@router.post("/finance/debits/{run_id}/settlement")
def settle_run(visit: Finance, run_id: UUID, form: Posted) -> Response:
    """The bank has paid: what is under way settles its invoice. Safe to repeat."""
    try:
        who: Principal = visit.fetch(lambda _, who: who)
        settled = verbs.settle_run(visit.state.database, visit.call.organisation_id, run_id=run_id, actor=who.actor,
                                   now=visit.now)  # fmt: skip
    except Conflict as refusal:
        return _run_page(visit, run_id, form, refusal)
    return visit.go(f"/finance/debits/{run_id}", visit.say("%(count)s debits settled.", count=settled))
