"""Asking money back for a booking: what can go where and why not more, the request, and what became of it."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import bookings
from api.reads import refunds as shown
from api.reads.histories import steps_of
from api.schemas.refunds import NewRefundRequest
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, TermbookError
from engine.money import to_major
from models import RefundRequestStatus
from web.forms import NOTHING_SENT, Form, Posted, checked, plain_number
from web.visitor import Family
from workflows import refund_request

router = APIRouter()


@router.get("/family/bookings/{booking_id}/refund")
def show_refund(visit: Family, booking_id: UUID) -> Response:
    return _page(visit, booking_id)


def _page(
    visit: Family, booking_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    # What can go back is counted under the locks that asking takes; they are given up at once.
    found = visit.foresee(lambda tx, who: _seen(visit, tx, who, booking_id))
    return visit.show("family/refund.html", None, form=form, refusal=refusal, **found)


def _seen(visit: Family, tx: Transaction, who: Principal, booking_id: UUID) -> dict[str, Any]:
    booking = bookings.whole(tx, who, booking_id).body
    assert booking is not None
    requests = shown.requests(who)
    requests.where("r.booking_id = %(booking)s", booking=booking_id)
    page = requests.page(tx, cursor=None, limit=1, show=lambda row: shown.show(who, row)).body
    request: Row | None = page["items"][0] if page and page["items"] else None
    ways = shown.refundable_of_booking(tx, who, booking, now=visit.now)
    most = max(way["amount_minor"] for way in ways)
    return {
        "booking": booking, "ways": ways, "request": request,
        "history": steps_of(tx, request["id"], RefundRequestStatus) if request else [],
        "most": to_major(most, who.organisation["currency"]) if most else "",
        "can_ask": most > 0 and (request is None or request["status"] != "PENDING"),
    }  # fmt: skip


@router.post("/family/bookings/{booking_id}/refund")
def ask(visit: Family, booking_id: UUID, form: Posted) -> Response:
    try:
        asked = checked(NewRefundRequest, {
            "amount": plain_number(form.text("amount")), "destination": form.text("destination"),
            "reason": form.text("reason"),
        })  # fmt: skip

        def verb(tx: Transaction, who: Principal) -> Answer:
            refund_request.ask(
                tx, booking_id=booking_id, amount=asked.amount, destination=asked.destination, reason=asked.reason,
                actor=who.actor, now=visit.now,
            )  # fmt: skip
            return Answer({})

        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, booking_id, form, refusal)
    return visit.go(f"/family/bookings/{booking_id}/refund", visit.say("The centre has your request."))
