"""Invoice runs: what a run would issue, the run with how far it is, and its invoices."""

from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import finance
from api.reads import invoice_runs as shown
from api.schemas.invoice_runs import NewInvoiceRun
from engine.database import Transaction
from engine.errors import Conflict, Invalid, TermbookError
from web.asked import day_of, page_of, today_of
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.visitor import Finance
from workflows.invoice_runs import begin_run, open_run, preview_run

router = APIRouter()


@router.get("/finance/runs")
def show_runs(visit: Finance) -> Response:
    return _page(visit)


def _page(visit: Finance, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        through = _through(visit, who)
        return {
            "preview": shown.show_preview(who, preview_run(tx, through=through)), "open_run": open_run(tx),
            "page": page_of(visit, tx, shown.runs(), show=lambda row: shown.show_total(who, row)),
        }  # fmt: skip

    return visit.show("finance/runs.html", query, form=form, refusal=refusal)


def _through(visit: Finance, who: Principal) -> date:
    """The day that is asked for, today where none is; one that a run does not reach to is told."""
    today = today_of(visit, who)
    try:
        return shown.near(day_of(visit, "through") or today, today)
    except Invalid as refusal:
        visit.notices.append(("bad", visit.told(refusal.message)))
        return today


@router.post("/finance/runs")
def begin(visit: Finance, form: Posted) -> Response:
    """Begin the run that was shown; workers issue its invoices."""
    try:
        asked = checked(NewInvoiceRun, {"through": form.text("through"), "fingerprint": form.text("fingerprint")})

        def verb(tx: Transaction, who: Principal) -> Answer:
            through = shown.near(asked.through, today_of(visit, who))
            run = begin_run(tx, through=through, fingerprint=asked.fingerprint, actor=who.actor, now=visit.now)
            return Answer({"run_id": run["id"]})

        made = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, form, refusal)
    return visit.go(f"/finance/runs/{made['run_id']}", visit.say("Invoice run started."))


@router.get("/finance/runs/{run_id}")
def show_run(visit: Finance, run_id: UUID) -> Response:
    """How far a run is, and what it has issued by now."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        issued = finance.invoices(who)
        issued.where("v.run_id = %(run)s", run=run_id)
        run = shown.run(tx, who, run_id).body
        assert run is not None
        parts = -(-run["invoices"] // shown.IN_AN_ARCHIVE)
        return {"run": run, "parts": parts, "page": page_of(visit, tx, issued, show=finance.show_numbered)}

    return visit.show("finance/run.html", query)
