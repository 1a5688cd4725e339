"""To which account of the organisation a scheme of direct debits collects, and what its bank knows it by."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import debit_runs as shown
from api.schemas.debit_runs import CollectionAccountInput
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from models import DebitScheme
from web.asked import scheme_of
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.visitor import Admin
from workflows import debit_runs as verbs

router = APIRouter()

FIELDS = {
    DebitScheme.SEPA: ("name", "iban", "bic", "creditor_id"),
    DebitScheme.ABA: ("name", "bsb", "account_number", "bank", "user_id"),
}


@router.get("/admin/collection")
def show_account(visit: Admin) -> Response:
    return _page(visit)


def _page(visit: Admin, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        scheme = scheme_of(form.text("scheme") or visit.asked("scheme"), who)
        return {"scheme": scheme.value, "names": FIELDS[scheme], "account": _account(tx, scheme)}

    return visit.show("admin/collection.html", query, form=form, refusal=refusal,
                      schemes=[one.value for one in DebitScheme])  # fmt: skip


def _account(tx: Transaction, scheme: DebitScheme) -> Row:
    """What is kept; nothing of an account that is not set up yet."""
    try:
        return shown.collection_account(tx, scheme.value).body or {}
    except NotFound:
        return {}


@router.post("/admin/collection")
def set_account(visit: Admin, form: Posted) -> Response:
    def verb(tx: Transaction, who: Principal) -> Answer:
        scheme = scheme_of(form.text("scheme"), who)
        given = {name: "".join(form.text(name).split()) if name != "name" else form.text(name)
                 for name in FIELDS[scheme]}  # fmt: skip
        asked = checked(CollectionAccountInput, given)
        verbs.set_collection_account(tx, scheme=scheme, actor=who.actor, now=visit.now, **asked.model_dump())
        return Answer({})

    try:
        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, form, refusal)
    return visit.go("/admin/collection", visit.say("Changes saved."))
