"""Bank statements: imported, and each line matched with what it pays, by suggestion or by hand."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import bank as shown
from api.schemas.bank import NewBankStatement
from billing.bank_csv import read_csv
from billing.bank_files import read_camt
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, Reason, TermbookError
from models import BankFileFormat
from web.asked import page_of
from web.finance.files import SentFile, csv_mapping, sent_file
from web.forms import NOTHING_SENT, Form, Posted, Wrong, checked, fields_are
from web.visitor import Finance
from web.words import N_
from workflows import bank_statements as verbs
from workflows.bank_unmatching import unmatch

router = APIRouter()

_COLUMNS = ("booked_on", "amount", "money_in", "money_out", "payer_name", "payer_account")


@router.get("/finance/bank")
def show_bank(visit: Finance) -> Response:
    return _page(visit)


def _page(visit: Finance, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    show = visit.asked("show", "open")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.lines()
        if show == "open":
            found.conditions.append(shown.IS_OPEN)
        statements = shown.statements().page(tx, cursor=None, limit=10, show=dict).body or {}
        return {"page": page_of(visit, tx, found), "statements": statements["items"], "chosen": show}

    return visit.show("finance/bank.html", query, form=form, refusal=refusal)


@router.post("/finance/bank")
async def import_statement(visit: Finance, form: Posted) -> Response:
    """Import a file; the same file again, and lines that an earlier one held, change nothing."""
    return await run_in_threadpool(_import, visit, form, await sent_file(form))


def _import(visit: Finance, form: Form, file: SentFile) -> Response:
    try:
        asked = checked(NewBankStatement, _asked(form, file))

        def verb(tx: Transaction, who: Principal) -> Answer:
            account = asked.bank_account
            if asked.mapping is not None:
                entries = read_csv(asked.content, asked.mapping.as_mapping(), currency=who.organisation["currency"])
            else:
                account, entries = read_camt(asked.content)
            made = verbs.import_statement(
                tx, filename=asked.filename, content=asked.content, kind=BankFileFormat(asked.format),
                bank_account=account or asked.bank_account, entries=entries, actor=who.actor, now=visit.now,
            )  # fmt: skip
            tx.flush()
            return shown.statement(tx, made.statement_id)

        made = visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return _page(visit, form, refusal)
    return visit.go("/finance/bank", visit.say(
        "%(fresh)s of %(all)s lines are new. %(open)s to be matched.", fresh=made["fresh_lines"],
        all=made["lines"], open=made["open_lines"]))  # fmt: skip


def _asked(form: Form, file: SentFile) -> Row:
    is_csv = not file.content.lstrip().startswith("<")
    found: Row = {**file.told("statement"), "format": "CSV" if is_csv else "CAMT053",
                  "bank_account": form.text("bank_account")}  # fmt: skip
    if is_csv:
        texts = [each.strip() for each in form.text("text").split(",") if each.strip()]
        found["mapping"] = csv_mapping(form, _COLUMNS) | {"text": texts}
        if not found["bank_account"]:
            message = N_("Name the bank account that the CSV file is from.")
            found["bank_account"] = Wrong(Reason("required", message, field="bank_account"))
    return found


@router.get("/finance/bank/{line_id}")
def show_line(visit: Finance, line_id: UUID) -> Response:
    return _line_page(visit, line_id)


def _line_page(
    visit: Finance, line_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    return visit.show(
        "finance/bank_line.html", lambda tx, _: {"line": shown.line(tx, line_id).body}, form=form, refusal=refusal
    )


@router.post("/finance/bank/{line_id}")
def settle_line(visit: Finance, line_id: UUID, form: Posted) -> Response:
    """Match the line with an order, undo a match, set it aside, or take it up again."""
    do = form.text("do")

    def verb(tx: Transaction, who: Principal) -> Answer:
        if do == "aside":
            verbs.set_aside(tx, line_id=line_id, actor=who.actor, reason=form.text("reason"), now=visit.now)
        elif do == "undo":
            unmatch(tx, line_id=line_id, payment_id=_payment(form), reason=form.text("reason"), actor=who.actor,
                    now=visit.now)  # fmt: skip
        elif do == "up":
            verbs.take_up(tx, line_id=line_id, actor=who.actor)
        else:
            amount = form.amount("amount", who.organisation, least=1)
            with fields_are(amount_minor="amount"):
                verbs.match(tx, line_id=line_id, actor=who.actor, order_id=_order(tx, form), amount_minor=amount,
                            now=visit.now)  # fmt: skip
        return Answer({})

    try:
        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _line_page(visit, line_id, form, refusal)
    goes_on = do in ("up", "undo")
    said = visit.say("Match removed. You can match the line again.") if do == "undo" else visit.say("Line matched.")
    return visit.go(f"/finance/bank/{line_id}" if goes_on else "/finance/bank", said)


def _payment(form: Form) -> UUID:
    """Raises Invalid where none is named: only a form of ours does."""
    found = form.id("payment")
    if found is None:
        message = N_("Choose one from the list.")
        raise Invalid(message, reasons=[Reason("required", message, field="payment")])
    return found


def _order(tx: Transaction, form: Form) -> UUID:
    """The order that is chosen, or named by its reference. Raises Invalid."""
    chosen = form.id("order")
    if chosen is not None:
        return chosen
    found = tx.row("SELECT id FROM term_booking_order WHERE organisation_id = %(org)s AND reference = %(reference)s",
                   reference=form.text("reference").upper())  # fmt: skip
    if found is None:
        message = N_("There is no order with this reference.")
        raise Invalid(message, reasons=[Reason("unknown", message, field="reference")])
    order_id: UUID = found["id"]
    return order_id
