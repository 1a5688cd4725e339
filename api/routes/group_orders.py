"""Group orders: a family books several attendees in one step."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal, only_admins_override
from api.operations import OWNERS, OWNERS_AND_FINANCE, creates, for_roles
from api.overdue import refuse_while_overdue, release_in_the_way_of_group
from api.reads import group_orders as shown
from api.reads import schedules
from api.reads.paging import Cursor, Limit
from api.schemas.base import Page
from api.schemas.group_orders import (
    GroupCart,
    GroupCarts,
    GroupConfirmation,
    GroupOrder,
    GroupOrderSummary,
    GroupSubmission,
    NewGroupCart,
    NewGroupOrder,
)
from api.schemas.orders import ConfirmationType
from api.schemas.schedules import GroupSchedule
from engine.database import Row, Transaction
from engine.fire import Refused
from models import TermBookingConfirmationType, TermBookingOrderType
from workflows import group_order

router = APIRouter(tags=["orders"])


@router.post("/group-orders", **for_roles(OWNERS, *creates(404, 409), status_code=201, response_model=GroupOrder))
def begin_group_order(body: NewGroupOrder, call: Called) -> Response:
    """Begin an order with its cart for each attendee. Shows the price of all together, and as `notices` of each order
    what a submission would be refused for; it keeps no place.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        group = group_order.new(
            tx, actor=who.actor, account_id=body.account_id, term_id=body.term_id, policy=body.policy,
            asked=[_asked(cart) for cart in body.orders], promo_code=body.promo_code, now=call.now,
        )  # fmt: skip
        return shown.saved(group, who, status=201)

    return call.move(verb)


def _asked(cart: GroupCart) -> Row:
    asked = cart.model_dump()
    if isinstance(cart, NewGroupCart):
        asked["order_type"] = TermBookingOrderType[cart.order_type]
    return asked


@router.get("/group-orders", **for_roles(OWNERS_AND_FINANCE, response_model=Page[GroupOrderSummary]))
def list_group_orders(
    call: Called, account_id: UUID | None = None, term_id: UUID | None = None, is_submitted: bool | None = None,
    cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Group orders, newest first; a family sees its own."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.listing(who)
        found.where("g.account_id = %(account)s", account=account_id)
        found.where("g.term_id = %(term)s", term=term_id)
        found.where("(g.submitted_at IS NOT NULL) = %(is_submitted)s", is_submitted=is_submitted)
        return found.page(tx, cursor=cursor, limit=limit, show=dict)

    return call.read(query)


@router.get("/group-orders/{group_order_id}", **for_roles(OWNERS_AND_FINANCE, 404, response_model=GroupOrder))
def read_group_order(group_order_id: UUID, call: Called) -> Response:
    """A group order with each of its orders as it stands now."""
    return call.read(lambda tx, who: shown.whole(tx, who, group_order_id))


@router.get(
    "/group-orders/{group_order_id}/payment-schedule",
    **for_roles(OWNERS_AND_FINANCE, 404, 409, response_model=GroupSchedule),
)  # fmt: skip
def read_group_payment_schedule(
    group_order_id: UUID, call: Called, confirmation_type: ConfirmationType = "DIRECT_DEBIT"
) -> Response:  # fmt: skip
    """When the parts of the price would be due, order by order, were the carts submitted by this confirmation type."""
    how = TermBookingConfirmationType[confirmation_type]
    return call.read(lambda tx, who: schedules.planned_of_group(tx, who, group_order_id, how, now=call.now))


@router.put("/group-orders/{group_order_id}/lines", **for_roles(OWNERS, *creates(404, 409), response_model=GroupOrder))
def save_group_carts(group_order_id: UUID, body: GroupCarts, call: Called) -> Response:
    """Fill the carts of all orders anew, at the price of all together."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        asked = [_asked(cart) for cart in body.orders]
        group = group_order.save(tx, group_order_id=group_order_id, asked=asked, promo_code=body.promo_code,
                                 actor=who.actor, now=call.now)  # fmt: skip
        return shown.saved(group, who)

    return call.move(verb)


@router.post(
    "/group-orders/{group_order_id}/submission", **for_roles(OWNERS, *creates(404, 409), response_model=GroupOrder)
)  # fmt: skip
def submit_group_order(group_order_id: UUID, body: GroupSubmission, call: Called) -> Response:
    """Submit the orders in one step, at the price that was shown for all. All or nothing: one conflict refuses all, and
    every conflict is named with what is free instead. Best effort: what can be had is submitted, the rest is left out.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        only_admins_override(who, body.override_reason)
        group = group_order.submit(
            tx, group_order_id=group_order_id, confirmation_type=TermBookingConfirmationType[body.confirmation_type],
            price_fingerprint=body.price_fingerprint, actor=who.actor, now=call.now,
            override_reason=body.override_reason, is_muted=body.is_muted,
            schedule_fingerprint=body.schedule_fingerprint,
        )  # fmt: skip
        refuse_while_overdue(tx, group, now=call.now)
        return shown.submitted(group, who)

    def make_way(refusal: Refused) -> bool:
        return release_in_the_way_of_group(call.database, call.organisation_id, refusal=refusal, now=call.now)

    return call.move(verb, make_way=make_way)


@router.post(
    "/group-orders/{group_order_id}/confirmation", **for_roles(OWNERS, *creates(404, 409), response_model=GroupOrder)
)  # fmt: skip
def confirm_group_order(group_order_id: UUID, call: Called, body: GroupConfirmation | None = None) -> Response:
    """Confirm every order that waits for it, in one step, once the condition of each is met."""
    asked = body or GroupConfirmation()
    how = TermBookingConfirmationType[asked.confirmation_type] if asked.confirmation_type else None

    def verb(tx: Transaction, who: Principal) -> Answer:
        group = group_order.confirm(
            tx, group_order_id=group_order_id, actor=who.actor, now=call.now, reason=asked.reason,
            is_muted=asked.is_muted, confirmation_type=how,
        )  # fmt: skip
        return shown.submitted(group, who)

    return call.move(verb)
