"""Refund requests: asking, deciding, and what was sent by hand."""

from collections.abc import Callable
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called, NoInput
from api.moves import Answer, Call, Principal
from api.operations import OFFICE, OWNERS_AND_FINANCE, creates, for_roles
from api.reads import refunds as shown
from api.reads.paging import Cursor, Limit
from api.schemas import refunds as schemas
from api.schemas.base import Page
from engine.database import Transaction
from models import RefundRequestStatus
from workflows import refund_request, refunds

router = APIRouter(tags=["refunds"])


@router.post(
    "/bookings/{booking_id}/refund-request",
    **for_roles(OWNERS_AND_FINANCE, *creates(404), status_code=201, response_model=schemas.RefundRequest),
)  # fmt: skip
def ask_refund(booking_id: UUID, body: schemas.NewRefundRequest, call: Called) -> Response:
    """Ask money back for a booking: at most what was captured, is not used by an invoice and was not refunded. Asked
    again after a decision, it is the same request with another attempt.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        request = refund_request.ask(
            tx, booking_id=booking_id, amount=body.amount, destination=body.destination, reason=body.reason,
            actor=who.actor, now=call.now,
        )  # fmt: skip
        tx.flush()
        return shown.one(tx, who, request.id, status=201)

    return call.move(verb)


@router.post(
    "/accounts/{account_id}/wallet/refund-request",
    **for_roles(OWNERS_AND_FINANCE, *creates(404), status_code=201, response_model=schemas.RefundRequest),
)  # fmt: skip
def ask_wallet_refund(account_id: UUID, body: schemas.NewWalletRefund, call: Called) -> Response:
    """Ask money that lies in a family's wallet back the way it was paid, whether it ever was for a booking or not: of
    each payment at most what was captured and not refunded, and never more than the wallet holds. Bonus is not paid
    out. Asked again after a decision, it is the same request with another attempt.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        request = refund_request.ask_from_wallet(
            tx, account_id=account_id, amount=body.amount, reason=body.reason, actor=who.actor, now=call.now
        )
        tx.flush()
        return shown.one(tx, who, request.id, status=201)

    return call.move(verb)


@router.get("/refund-requests", **for_roles(OWNERS_AND_FINANCE, response_model=Page[schemas.RefundRequest]))
def list_refund_requests(
    call: Called, account_id: UUID | None = None, booking_id: UUID | None = None, is_of_wallet: bool | None = None,
    is_open: bool | None = None, cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Refund requests, newest first; a family sees its own. `is_open` are those that wait for a decision,
    `is_of_wallet` those that are for no booking.
    """

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.requests(who)
        found.where("r.account_id = %(account)s", account=account_id)
        found.where("r.booking_id = %(booking)s", booking=booking_id)
        found.where("(r.booking_id IS NULL) = %(is_of_wallet)s", is_of_wallet=is_of_wallet)
        found.where(f"(r.status = {int(RefundRequestStatus.PENDING)}) = %(is_open)s", is_open=is_open)
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show(who, row))

    return call.read(query)


@router.get(
    "/refund-requests/{request_id}", **for_roles(OWNERS_AND_FINANCE, 404, response_model=schemas.RefundRequest)
)  # fmt: skip
def read_refund_request(request_id: UUID, call: Called) -> Response:
    """A refund request with the money that was sent."""
    return call.read(lambda tx, who: shown.one(tx, who, request_id))


@router.post(
    "/refund-requests/{request_id}/approval", **for_roles(OFFICE, *creates(404), response_model=schemas.RefundRequest)
)  # fmt: skip
def approve_refund(request_id: UUID, body: schemas.Approval, call: Called) -> Response:
    """Give back what is asked, as far as it is refundable at this moment: into the wallet at once, or out of it and on
    its way back through the provider that captured it.
    """

    return _decide(call, request_id, refund_request.approve, body.note)


@router.post(
    "/refund-requests/{request_id}/rejection", **for_roles(OFFICE, *creates(404), response_model=schemas.RefundRequest)
)  # fmt: skip
def reject_refund(request_id: UUID, body: schemas.Rejection, call: Called) -> Response:
    """Give nothing back, and say why; the family may ask again."""

    return _decide(call, request_id, refund_request.reject, body.note)


def _decide(call: Call, request_id: UUID, decision: Callable[..., object], note: str) -> Response:
    def verb(tx: Transaction, who: Principal) -> Answer:
        decision(tx, request_id=request_id, note=note, actor=who.actor, now=call.now)
        tx.flush()
        return shown.one(tx, who, request_id)

    return call.move(verb)


@router.post("/refunds/{refund_id}/payment", **for_roles(OFFICE, *creates(404), response_model=schemas.RefundRequest))
def pay_refund_by_hand(refund_id: UUID, call: Called, _: NoInput = None) -> Response:
    """Say that the office has sent it: cash over the counter, or a transfer; of what came by cash, transfer or direct
    debit. What a provider sends, it says itself.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        request_id = refunds.pay_by_hand(tx, refund_id=refund_id, actor=who.actor, now=call.now)
        tx.flush()
        return shown.one(tx, who, request_id)

    return call.move(verb)
