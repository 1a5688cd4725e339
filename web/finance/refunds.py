"""Refund requests: what can go back now, the decision, the money on its way, and what was decided before."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import refunds as shown
from api.reads.histories import steps_of
from api.schemas.refunds import Approval, Rejection
from engine.database import Transaction
from engine.errors import Conflict, Invalid, TermbookError
from models import RefundRequestStatus
from web.asked import id_of, page_of
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.visitor import Finance
from web.words import N_
from workflows import refund_request, refunds

router = APIRouter()


@router.get("/finance/refunds")
def list_requests(visit: Finance) -> Response:
    show = visit.asked("show", "open")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.requests(who)
        found.where("r.account_id = %(account)s", account=id_of(visit, "account"))
        if show == "open":
            found.where("r.status = %(status)s", status=int(RefundRequestStatus.PENDING))
        return {"page": page_of(visit, tx, found, show=lambda row: shown.show(who, row)), "chosen": show}

    return visit.show("finance/refunds.html", query)


@router.get("/finance/refunds/{request_id}")
def show_request(visit: Finance, request_id: UUID) -> Response:
    return _page(visit, request_id)


def _page(
    visit: Finance, request_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    # What can go back is counted under the locks that a decision takes; they are given up at once.
    can_go = visit.foresee(lambda tx, who: shown.refundable(tx, who, request_id, now=visit.now))

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        return {
            "request": shown.one(tx, who, request_id).body,
            "history": steps_of(tx, request_id, RefundRequestStatus),
        }

    return visit.show("finance/refund.html", query, form=form, refusal=refusal, can_go=can_go,
                      by_hand=refunds.PAID_BY_HAND)  # fmt: skip


def _move(
    visit: Finance, request_id: UUID, form: Form, said: str, step: Callable[[Transaction, Principal], object]
) -> Response:  # fmt: skip
    def verb(tx: Transaction, who: Principal) -> Answer:
        step(tx, who)
        return Answer({})

    try:
        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, request_id, form, refusal)
    return visit.go(f"/finance/refunds/{request_id}", visit.say(said))


@router.post("/finance/refunds/{request_id}/approval")
def approve(visit: Finance, request_id: UUID, form: Posted) -> Response:
    def step(tx: Transaction, who: Principal) -> None:
        asked = checked(Approval, {"note": form.text("note")})
        refund_request.approve(tx, request_id=request_id, note=asked.note, actor=who.actor, now=visit.now)

    return _move(visit, request_id, form, N_("It was approved."), step)


@router.post("/finance/refunds/{request_id}/rejection")
def reject(visit: Finance, request_id: UUID, form: Posted) -> Response:
    def step(tx: Transaction, who: Principal) -> None:
        asked = checked(Rejection, {"note": form.text("note")})
        refund_request.reject(tx, request_id=request_id, note=asked.note, actor=who.actor, now=visit.now)

    return _move(visit, request_id, form, N_("It was rejected; the family is told why."), step)


@router.post("/finance/refunds/{request_id}/payment")
def pay_by_hand(visit: Finance, request_id: UUID, form: Posted) -> Response:
    """The office has sent it: cash over the counter, or a transfer."""

    def step(tx: Transaction, who: Principal) -> None:
        refund_id = form.id("refund")
        if refund_id is not None:
            refunds.pay_by_hand(tx, refund_id=refund_id, actor=who.actor, now=visit.now)

    return _move(visit, request_id, form, N_("It is noted as paid."), step)
