"""Orders: from an empty draft to the confirmed booking."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import Called, NoInput
from api.moves import Answer, Call, Principal, only_admins_override
from api.operations import ADMIN, OWNERS, OWNERS_AND_FINANCE, creates, for_roles
from api.overdue import release_in_the_way
from api.reads import orders as shown
from api.reads import schedules
from api.reads.paging import Cursor, Limit
from api.schemas.base import Moment, Page
from api.schemas.orders import (
    BookingStatus,
    Cart,
    Confirmation,
    ConfirmationType,
    Ending,
    History,
    Interest,
    NewOrder,
    Order,
    OrderSummary,
    OrderType,
    OrderWhole,
    Submission,
)
from api.schemas.schedules import PaymentSchedule
from engine.database import Transaction
from engine.fire import Refused
from models import TermBookingConfirmationType, TermBookingOrderType, TermBookingStatus
from workflows import conversion, order_requests
from workflows import term_booking_order as orders
from workflows.interest_facts import Wishes
from workflows.wallet_submission import submit_from_wallet

router = APIRouter(tags=["orders"])


@router.post("/orders", **for_roles(OWNERS, *creates(404, 409), status_code=201, response_model=Order))
def begin_order(body: NewOrder, call: Called) -> Response:
    """Begin a draft for an attendee; it holds nothing yet."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        outcome = orders.new(
            tx, actor=who.actor, account_id=body.account_id, attendee_id=body.attendee_id, term_id=body.term_id,
            order_type=TermBookingOrderType[body.order_type], now=call.now,
        )  # fmt: skip
        return shown.moved(outcome, who, status=201)

    return call.move(verb)


@router.get("/orders", **for_roles(OWNERS_AND_FINANCE, response_model=Page[OrderSummary]))
def list_orders(
    call: Called, account_id: UUID | None = None, attendee_id: UUID | None = None, term_id: UUID | None = None,
    session_id: UUID | None = None, offering_id: UUID | None = None, order_type: OrderType | None = None,
    status: Annotated[list[BookingStatus] | None, Query(max_length=13)] = None,
    created_from: Moment | None = None, created_until: Moment | None = None, cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:  # fmt: skip
    """Orders, newest first; a family sees its own."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.listing(who)
        found.where("o.account_id = %(account)s", account=account_id)
        found.where("o.attendee_id = %(attendee)s", attendee=attendee_id)
        found.where("o.term_id = %(term)s", term=term_id)
        found.where("o.status = ANY(%(status)s)", status=shown.statuses(status))
        shown.of_type(found, TermBookingOrderType[order_type] if order_type else None)
        found.where(shown.IS_ABOUT_OFFERING, offering=offering_id)
        found.where("o.created_at >= %(made_from)s", made_from=created_from)
        found.where("o.created_at < %(made_until)s", made_until=created_until)
        found.where(
            "EXISTS (SELECT FROM term_booking_order_line l WHERE l.organisation_id = o.organisation_id "
            "AND l.order_id = o.id AND l.term_product_id = %(session)s)", session=session_id,
        )  # fmt: skip
        return found.page(tx, cursor=cursor, limit=limit, show=shown.summary)

    return call.read(query)


@router.get("/orders/{order_id}", **for_roles(OWNERS_AND_FINANCE, 304, 404, response_model=OrderWhole))
def read_order(order_id: UUID, call: Called) -> Response:
    """An order with its lines, payments and newest quote."""
    return call.read(lambda tx, who: shown.whole(tx, who, order_id))


@router.get("/orders/{order_id}/history", **for_roles(OWNERS_AND_FINANCE, 404, response_model=History))
def read_order_history(order_id: UUID, call: Called) -> Response:
    """Every change of the order: who, when, why."""
    return call.read(lambda tx, who: shown.history(tx, who, "order", order_id))


@router.put("/orders/{order_id}/lines", **for_roles(OWNERS, *creates(404, 409, 412), response_model=Order))
def save_cart(order_id: UUID, body: Cart, call: Called) -> Response:
    """Put sessions into the cart in place of what was in it. Shows the price, and as `notices` what a submission would
    be refused for; it keeps no place. `If-Match` is honoured.
    """
    lines = [line.model_dump() for line in body.lines]
    wishes = Wishes(**body.wishes.model_dump()) if body.wishes else None

    def verb(tx: Transaction, who: Principal) -> Answer:
        outcome = order_requests.save(
            tx, order_id=order_id, lines=lines, actor=who.actor, now=call.now, version=call.expected_version,
            wishes=wishes, promo_code=body.promo_code,
        )  # fmt: skip
        return shown.saved(outcome, who)

    return call.move(verb)


@router.get(
    "/orders/{order_id}/payment-schedule",
    **for_roles(OWNERS_AND_FINANCE, 404, response_model=PaymentSchedule),
)  # fmt: skip
def read_payment_schedule(
    order_id: UUID, call: Called, confirmation_type: ConfirmationType | None = None
) -> Response:  # fmt: skip
    """When the parts of the price are due: what the cart's submission by a confirmation type would agree to, or,
    without one, what was agreed.
    """
    if confirmation_type is None:
        return call.read(lambda tx, who: schedules.of_order(tx, who, order_id))
    how = TermBookingConfirmationType[confirmation_type]
    return call.read(lambda tx, who: schedules.planned(tx, who, order_id, how, now=call.now))


@router.post("/orders/{order_id}/submission", **for_roles(OWNERS, *creates(404, 409, 412), response_model=Order))
def submit_order(order_id: UUID, body: Submission, call: Called) -> Response:
    """Take the places and open the Billing, at the price that was shown. Refused with every failing rule at once.

    A total of 0.00 to be paid now, a family's pay-later, and with `from_wallet` what the wallet pays in full, are
    confirmed in the same step.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        only_admins_override(who, body.override_reason)
        submit = submit_from_wallet if body.from_wallet else order_requests.submit
        outcome = submit(
            tx, order_id=order_id, confirmation_type=TermBookingConfirmationType[body.confirmation_type],
            price_fingerprint=body.price_fingerprint, actor=who.actor, now=call.now,
            override_reason=body.override_reason, is_muted=body.is_muted,
            schedule_fingerprint=body.schedule_fingerprint,
        )  # fmt: skip
        return shown.moved(outcome, who, expected=call.expected_version, moves=_moves(outcome))

    return call.move(verb, make_way=lambda refusal: _make_way(call, order_id, refusal))


@router.post("/orders/{order_id}/interest", **for_roles(OWNERS, *creates(404, 409, 412), response_model=Order))
def express_interest(order_id: UUID, call: Called, body: Interest | None = None) -> Response:
    """Register an expression of interest: it keeps the attendee's time free for its sessions, takes no place and costs
    nothing. It needs no open registration; cut-off and eligibility are asked.
    """
    asked = body or Interest()

    def verb(tx: Transaction, who: Principal) -> Answer:
        only_admins_override(who, asked.override_reason)
        outcome = orders.express(tx, order_id=order_id, actor=who.actor, now=call.now, **asked.model_dump())
        return shown.moved(outcome, who, expected=call.expected_version)

    return call.move(verb, make_way=lambda refusal: _make_way(call, order_id, refusal))


@router.post(
    "/orders/{order_id}/conversion", **for_roles(OWNERS, *creates(404, 409), status_code=201, response_model=Order)
)  # fmt: skip
def convert_order(order_id: UUID, call: Called, _: NoInput = None) -> Response:
    """Begin the booking that an expression of interest or a trial becomes: an order with its sessions in the cart, at
    the price of now. Its submission converts: an interest lets go of its time and the places are taken; the places of a
    trial go over without being free for a moment. Until then nothing changes.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        return shown.saved(conversion.begin(tx, order_id=order_id, actor=who.actor, now=call.now), who, status=201)

    return call.move(verb)


def _moves(outcome: orders.Outcome) -> int:
    """How often a submission moved its order: what needs no payment, or is paid with it, is confirmed as well."""
    return 2 if outcome.order.status is TermBookingStatus.APPROVED else 1


def _make_way(call: Call, order_id: UUID, refusal: Refused) -> bool:
    return release_in_the_way(call.database, call.organisation_id, order_id=order_id, refusal=refusal, now=call.now)


def _move(call: Call, order_id: UUID, step: Callable[..., orders.Outcome], **asked: Any) -> Response:
    """One step of an order; the answer is the order as it stands then."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        outcome = step(tx, order_id=order_id, actor=who.actor, now=call.now, **asked)
        return shown.moved(outcome, who, expected=call.expected_version)

    return call.move(verb)


@router.post("/orders/{order_id}/quote", **for_roles(ADMIN, *creates(404, 409, 412), response_model=Order))
def quote_order(order_id: UUID, call: Called, _: NoInput = None) -> Response:
    """Issue a numbered quote; it holds price and places until it expires. Asking again issues another."""
    return _move(call, order_id, orders.quote)


@router.post("/orders/{order_id}/acceptance", **for_roles(OWNERS, *creates(404, 409, 412), response_model=Order))
def accept_quote(order_id: UUID, call: Called, _: NoInput = None) -> Response:
    """Accept the quote, as long as it has not expired."""
    return _move(call, order_id, orders.accept)


@router.post(
    "/orders/{order_id}/attendance-approval", **for_roles(ADMIN, *creates(404, 409, 412), response_model=Order)
)  # fmt: skip
def approve_attendance(order_id: UUID, call: Called, body: Ending | None = None) -> Response:
    """Let the attendee come before the invoice: the booking and its rows on the roll are made, nothing is invoiced
    until the order is confirmed, and no timeout runs.
    """
    return _move(call, order_id, orders.approve_attendance, reason=body.reason if body else "")


@router.post("/orders/{order_id}/confirmation", **for_roles(OWNERS, *creates(404, 409, 412), response_model=Order))
def confirm_order(order_id: UUID, call: Called, body: Confirmation | None = None) -> Response:
    """Make the booking, its invoice and its attendance, once the confirmation type's condition is met; of a change
    order the next revision of its booking, with the Billing Difference that was reviewed.
    """
    asked = body or Confirmation()
    how = TermBookingConfirmationType[asked.confirmation_type] if asked.confirmation_type else None
    return _move(
        call, order_id, order_requests.confirm, reason=asked.reason, is_muted=asked.is_muted, confirmation_type=how,
        difference_fingerprint=asked.difference_fingerprint,
    )  # fmt: skip


@router.post("/orders/{order_id}/reopening", **for_roles(OWNERS, *creates(404, 409, 412), response_model=Order))
def reopen_order(order_id: UUID, call: Called, _: NoInput = None) -> Response:
    """Back to the cart: the places are given back. Refused once money is moving."""
    return _move(call, order_id, orders.reopen)


@router.post("/orders/{order_id}/removal", **for_roles(OWNERS, *creates(404, 409, 412), response_model=Order))
def remove_order(order_id: UUID, call: Called, body: Ending | None = None) -> Response:
    """Discard a request for which no money is moving or captured."""
    return _move(call, order_id, orders.remove, reason=body.reason if body else "")


@router.post("/orders/{order_id}/cancellation", **for_roles(OWNERS, *creates(404, 409, 412), response_model=Order))
def cancel_order(order_id: UUID, call: Called, body: Ending | None = None) -> Response:
    """Cancel what is not confirmed yet; captured money stays the family's credit."""
    return _move(call, order_id, orders.cancel, reason=body.reason if body else "")
