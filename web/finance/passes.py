"""Passes of a family: what is left of each, what used it, and taking one back."""

from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import passes as shown
from api.reads import people
from api.schemas.passes import Revocation
from engine.database import Transaction
from engine.errors import Conflict, Invalid, TermbookError
from web.asked import page_of, today_of
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.listed import every_pass
from web.visitor import Finance
from workflows import passes

router = APIRouter()


@router.get("/finance/families/{account_id}/passes")
def show_passes(visit: Finance, account_id: UUID) -> Response:
    """What the family has, newest first."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        own = shown.passes(who)
        own.where("e.account_id = %(account)s", account=account_id)
        return {
            "account": people.account(tx, who, account_id).body, "today": today_of(visit, who),
            "page": page_of(visit, tx, own, limit=30, show=partial(shown.show_pass, who)),
        }  # fmt: skip

    return visit.show("finance/passes.html", query)


@router.get("/finance/passes")
def list_passes(visit: Finance) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        return {"account": None, **every_pass(visit, tx, who)}

    return visit.show("finance/passes.html", query)


@router.get("/finance/passes/{pass_id}")
def show_pass(visit: Finance, pass_id: UUID) -> Response:
    return _page(visit, pass_id)


def _page(
    visit: Finance, pass_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        one, today = shown.one(tx, who, pass_id).body, today_of(visit, who)
        assert one is not None
        return {
            "one": one, "today": today, "account": people.account(tx, who, one["account_id"]).body,
            "returnable_minor": passes.returnable_minor(tx, pass_id, today=today),
            "page": page_of(visit, tx, shown.uses(pass_id), limit=50),
        }  # fmt: skip

    return visit.show("finance/pass.html", query, form=form, refusal=refusal)


@router.post("/finance/passes/{pass_id}/revocation")
def revoke_pass(visit: Finance, pass_id: UUID, form: Posted) -> Response:
    """Take it back: the price of what is not used goes into the family's wallet."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        asked = checked(Revocation, {"reason": form.text("reason"), "is_muted": bool(form.text("is_muted"))})
        passes.revoke(tx, pass_id=pass_id, reason=asked.reason, actor=who.actor, now=visit.now,
                      is_muted=asked.is_muted)  # fmt: skip
        return Answer({})

    try:
        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, pass_id, form, refusal)
    return visit.go(f"/finance/passes/{pass_id}", visit.say("Pass cancelled and refunded."))
