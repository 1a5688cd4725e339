"""Asking money back, for a booking or of what lies in the wallet: what can go where and why not more, the request, and
what became of it.
"""

from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Principal
from api.reads import bookings
from api.reads import refunds as shown
from api.reads.histories import steps_of
from api.schemas.refunds import NewRefundRequest, NewWalletRefund
from engine.database import Row, Transaction
from engine.errors import TermbookError
from engine.money import to_major
from models import RefundRequestStatus
from web.forms import NOTHING_SENT, Form, Posted, checked, plain_number
from web.visitor import Family
from web.words import N_
from workflows import refund_request

router = APIRouter()
_ASKED = N_("Your request has been sent to the centre.")


@router.get("/family/bookings/{booking_id}/refund")
def show_refund(visit: Family, booking_id: UUID) -> Response:
    return _of_booking(visit, booking_id)


@router.get("/family/wallet/{account_id}/refund")
def show_wallet_refund(visit: Family, account_id: UUID) -> Response:
    return _of_wallet(visit, account_id)


def _of_booking(
    visit: Family, booking_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def seen(tx: Transaction, who: Principal) -> dict[str, Any]:
        booking = bookings.whole(tx, who, booking_id).body
        assert booking is not None
        asked = shown.of_booking(tx, who, booking_id)
        return {"booking": booking, **_seen(visit, tx, who, booking["account_id"], booking_id, asked)}

    return visit.show("family/refund.html", None, form=form, refusal=refusal, **visit.foresee(seen))


def _of_wallet(
    visit: Family, account_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def seen(tx: Transaction, who: Principal) -> dict[str, Any]:
        asked = shown.of_wallet(tx, who, account_id)
        return {"booking": None, "account_id": account_id, **_seen(visit, tx, who, account_id, None, asked)}

    return visit.show("family/refund.html", None, form=form, refusal=refusal, **visit.foresee(seen))


def _seen(
    visit: Family, tx: Transaction, who: Principal, account_id: UUID, booking_id: UUID | None, request: Row | None
) -> dict[str, Any]:  # fmt: skip
    """What can go back is counted under the locks that asking takes; they are given up at once."""
    ways = shown.ways_back(tx, who, account_id, booking_id, now=visit.now)
    most = max(way["amount_minor"] for way in ways)
    return {
        "ways": ways, "request": request,
        "history": steps_of(tx, request["id"], RefundRequestStatus) if request else [],
        "most": to_major(most, who.organisation["currency"]) if most else "",
        "can_ask": most > 0 and (request is None or request["status"] != "PENDING"),
    }  # fmt: skip


@router.post("/family/bookings/{booking_id}/refund")
def ask(visit: Family, booking_id: UUID, form: Posted) -> Response:
    def step(tx: Transaction, who: Principal) -> None:
        asked = checked(NewRefundRequest, {
            "amount": plain_number(form.text("amount")), "destination": form.text("destination"),
            "reason": form.text("reason"),
        })  # fmt: skip
        refund_request.ask(
            tx, booking_id=booking_id, amount=asked.amount, destination=asked.destination, reason=asked.reason,
            actor=who.actor, now=visit.now,
        )  # fmt: skip

    return visit.do(form, step, to=f"/family/bookings/{booking_id}/refund", said=_ASKED,
                    again=partial(_of_booking, visit, booking_id))  # fmt: skip


@router.post("/family/wallet/{account_id}/refund")
def ask_from_wallet(visit: Family, account_id: UUID, form: Posted) -> Response:
    def step(tx: Transaction, who: Principal) -> None:
        asked = checked(NewWalletRefund, {"amount": plain_number(form.text("amount")), "reason": form.text("reason")})
        refund_request.ask_from_wallet(
            tx, account_id=account_id, amount=asked.amount, reason=asked.reason, actor=who.actor, now=visit.now
        )

    return visit.do(form, step, to=f"/family/wallet/{account_id}/refund", said=_ASKED,
                    again=partial(_of_wallet, visit, account_id))  # fmt: skip
