"""Changing a booking: begin a change order, and see what it comes to before it is made."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import OWNERS, OWNERS_AND_FINANCE, creates, for_roles
from api.reads import orders as shown
from api.schemas.changes import BillingDifference
from api.schemas.orders import Cart, Order
from engine.database import Transaction
from workflows import change_order
from workflows.change_facts import Change
from workflows.change_guards import shown_difference

router = APIRouter(tags=["changes"])


@router.post(
    "/bookings/{booking_id}/change-orders",
    **for_roles(OWNERS, *creates(404, 409, 412), response_model=Order, status_code=201),
)  # fmt: skip
def begin_change(booking_id: UUID, call: Called) -> Response:
    """Begin a change of an approved booking, with what is booked in its cart. One per family and term is open at a
    time. Put all that the booking is to hold into its lines, submit and confirm it as any order.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        outcome = change_order.begin_change(
            tx, booking_id=booking_id, actor=who.actor, now=call.now, version=call.expected_version
        )
        return shown.moved(outcome, who, status=201)

    return call.move(verb)


@router.get(
    "/orders/{order_id}/billing-difference", **for_roles(OWNERS_AND_FINANCE, 404, response_model=BillingDifference)
)  # fmt: skip
def read_difference(order_id: UUID, call: Called) -> Response:
    """What the change comes to at this moment, line by line; its fingerprint is what a confirmation presents."""
    return call.read(
        lambda tx, who: _shown(change_order.review(tx, order_id=order_id, actor=who.actor, now=call.now), who)
    )


@router.post(
    "/bookings/{booking_id}/billing-difference",
    **for_roles(OWNERS, *creates(404, 422), response_model=BillingDifference),
)  # fmt: skip
def foresee_change(booking_id: UUID, body: Cart, call: Called) -> Response:
    """What if the booking held these sessions? Computed exactly as a change would be; nothing is written."""
    lines = [line.model_dump() for line in body.lines]
    return call.move(
        lambda tx, who: _shown(
            change_order.what_if(tx, booking_id=booking_id, lines=lines, actor=who.actor, now=call.now), who
        )
    )


def _shown(change: Change, who: Principal) -> Answer:
    found = shown_difference(change)
    companions = [shown.companion_shown(row, who) for row in found["companions"]]
    return Answer({**found, "companions": companions, "currency": who.organisation["currency"]})
