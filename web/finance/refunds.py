"""Refund requests: what can go back now, the decision, the money on its way, what was decided before, and asking for
what lies in a wallet in its family's name.
"""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Principal
from api.reads import people
from api.reads import refunds as shown
from api.reads.histories import steps_of
from api.schemas.refunds import Approval, NewWalletRefund, Rejection
from engine.database import Transaction
from engine.errors import TermbookError
from models import RefundRequestStatus
from web.asked import id_of, page_of
from web.forms import NOTHING_SENT, Form, Posted, checked, plain_number
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
    return visit.do(form, step, to=f"/finance/refunds/{request_id}", said=said,
                    again=partial(_page, visit, request_id))  # fmt: skip


@router.post("/finance/refunds/{request_id}/approval")
def approve(visit: Finance, request_id: UUID, form: Posted) -> Response:
    def step(tx: Transaction, who: Principal) -> None:
        asked = checked(Approval, {"note": form.text("note")})
        refund_request.approve(tx, request_id=request_id, note=asked.note, actor=who.actor, now=visit.now)

    return _move(visit, request_id, form, N_("Request approved."), step)


@router.post("/finance/refunds/{request_id}/rejection")
def reject(visit: Finance, request_id: UUID, form: Posted) -> Response:
    def step(tx: Transaction, who: Principal) -> None:
        asked = checked(Rejection, {"note": form.text("note")})
        refund_request.reject(tx, request_id=request_id, note=asked.note, actor=who.actor, now=visit.now)

    return _move(visit, request_id, form, N_("Request rejected. The family has been told why."), step)


@router.post("/finance/refunds/{request_id}/payment")
def pay_by_hand(visit: Finance, request_id: UUID, form: Posted) -> Response:
    """The office has sent it: cash over the counter, or a transfer."""

    def step(tx: Transaction, who: Principal) -> None:
        refunds.pay_by_hand(tx, refund_id=form.one("refund"), actor=who.actor, now=visit.now)

    return _move(visit, request_id, form, N_("Marked as paid."), step)


@router.get("/finance/families/{account_id}/wallet/refund")
def show_asking(visit: Finance, account_id: UUID) -> Response:
    return _asking(visit, account_id)


def _asking(
    visit: Finance, account_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    # What can go back is counted under the locks that asking takes; they are given up at once.
    [way] = visit.foresee(lambda tx, who: shown.ways_back(tx, who, account_id, None, now=visit.now))

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        return {"account": people.account(tx, who, account_id).body, "request": shown.of_wallet(tx, who, account_id)}

    return visit.show("finance/wallet_refund.html", query, form=form, refusal=refusal, way=way)


@router.post("/finance/families/{account_id}/wallet/refund")
def ask_in_its_name(visit: Finance, account_id: UUID, form: Posted) -> Response:
    """What lies in a family's wallet is asked back for it, and decided like any other request."""

    def step(tx: Transaction, who: Principal) -> None:
        asked = checked(NewWalletRefund, {"amount": plain_number(form.text("amount")), "reason": form.text("reason")})
        refund_request.ask_from_wallet(tx, account_id=account_id, amount=asked.amount, reason=asked.reason,
                                       actor=who.actor, now=visit.now)  # fmt: skip

    return visit.do(form, step, to=f"/finance/families/{account_id}/wallet/refund",
                    again=partial(_asking, visit, account_id),
                    said=N_("Refund requested. You can decide it now or later."))  # fmt: skip
