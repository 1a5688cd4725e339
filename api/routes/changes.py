"""Changing a booking: begin a change order, and see what it comes to before it is made."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import ADMIN, OWNERS, OWNERS_AND_FINANCE, creates, for_roles
from api.reads import orders as shown
from api.reads.changes import difference
from api.schemas.changes import Adjustments, BillingDifference, ForeseenChange
from api.schemas.orders import Order
from billing.adjustments import Adjustment
from engine.database import Transaction
from workflows import change_order

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


@router.post(
    "/orders/{order_id}/change-orders",
    **for_roles(OWNERS, *creates(404, 409, 412), response_model=Order, status_code=201),
)  # fmt: skip
def begin_quote_change(order_id: UUID, call: Called) -> Response:
    """Begin a change of a quoted order, with what is quoted in its cart. Confirmed, the order is quoted anew, with a
    number of its own, and is to be accepted again.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        outcome = change_order.begin_quote_change(
            tx, order_id=order_id, actor=who.actor, now=call.now, version=call.expected_version
        )
        return shown.moved(outcome, who, status=201)

    return call.move(verb)


@router.put("/orders/{order_id}/adjustments", **for_roles(ADMIN, *creates(404, 409, 412, 422), response_model=Order))
def adjust_change(order_id: UUID, body: Adjustments, call: Called) -> Response:
    """Put something on top of the price of sessions of a change, or take something off, each with its reason; in place
    of what was adjusted before.
    """
    asked = [Adjustment(each.session_id, each.amount_minor, each.reason) for each in body.adjustments]

    def verb(tx: Transaction, who: Principal) -> Answer:
        outcome = change_order.adjust(
            tx, order_id=order_id, adjustments=asked, actor=who.actor, now=call.now, version=call.expected_version
        )
        return shown.saved(outcome, who)

    return call.move(verb)


@router.get(
    "/orders/{order_id}/billing-difference", **for_roles(OWNERS_AND_FINANCE, 404, response_model=BillingDifference)
)  # fmt: skip
def read_difference(order_id: UUID, call: Called) -> Response:
    """What the change comes to at this moment, line by line; its fingerprint is what a confirmation presents."""
    return call.read(
        lambda tx, who: difference(change_order.review(tx, order_id=order_id, actor=who.actor, now=call.now), who)
    )


@router.post(
    "/bookings/{booking_id}/billing-difference",
    **for_roles(OWNERS, *creates(404, 409, 422), response_model=BillingDifference),
)  # fmt: skip
def foresee_change(booking_id: UUID, body: ForeseenChange, call: Called) -> Response:
    """What if the booking held these sessions, adjusted so: just what its change would come to. Nothing is written."""
    lines = [line.model_dump() for line in body.lines]
    asked = [Adjustment(each.session_id, each.amount_minor, each.reason) for each in body.adjustments]
    return call.move(
        lambda tx, who: difference(
            change_order.what_if(
                tx, booking_id=booking_id, lines=lines, adjustments=asked, actor=who.actor, now=call.now
            ),
            who,
        )
    )
