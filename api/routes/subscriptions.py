"""Subscriptions over HTTP: asked for, begun, rolled by hand, ended with notice."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Call, Principal
from api.operations import ADMIN, OWNERS, OWNERS_AND_FINANCE, creates, for_roles
from api.reads import subscriptions as shown
from api.reads.paging import Cursor, Limit
from api.schemas.base import Page
from api.schemas.subscriptions import (
    Beginning,
    Continuation,
    NewSubscription,
    NextTerm,
    Notice,
    Subscription,
    SubscriptionReview,
    SubscriptionStatus,
    Weekdays,
    Withdrawal,
)
from engine.database import Transaction
from models import SubscriptionStatus as Status
from workflows import subscription as verbs
from workflows.subscription_changes import change_weekdays as change
from workflows.subscription_changes import go_on
from workflows.subscription_terms import roll

router = APIRouter(tags=["subscriptions"])


@router.post("/subscriptions", **for_roles(OWNERS, *creates(404), status_code=201, response_model=Subscription))
def request_subscription(body: NewSubscription, call: Called) -> Response:
    """Ask for an offering on some of its weekdays, from a day on and without an end. Nothing is held until an admin
    begins it.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        asked = verbs.request(tx, **body.model_dump(), actor=who.actor, now=call.now)
        tx.flush()
        return shown.subscription(tx, who, asked.subscription.id, status=201)

    return call.move(verb)


@router.get("/subscriptions", **for_roles(OWNERS_AND_FINANCE, response_model=Page[Subscription]))
def list_subscriptions(
    call: Called, account_id: UUID | None = None, attendee_id: UUID | None = None,
    status: Annotated[list[SubscriptionStatus] | None, Query(max_length=5)] = None, cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:  # fmt: skip
    """Subscriptions, newest first; a family sees its own."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.subscriptions(who)
        found.where("s.account_id = %(account)s", account=account_id)
        found.where("s.attendee_id = %(attendee)s", attendee=attendee_id)
        found.where("s.status = ANY(%(status)s)", status=[int(Status[name]) for name in status or ()])
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show_subscription(who, row))

    return call.read(query)


@router.get("/subscriptions/{subscription_id}", **for_roles(OWNERS_AND_FINANCE, 304, 404, response_model=Subscription))
def read_subscription(subscription_id: UUID, call: Called) -> Response:
    """A subscription with its bookings, a term each, and the invoices to come."""
    return call.read(lambda tx, who: shown.subscription(tx, who, subscription_id))


def _move(call: Call, subscription_id: UUID, step: Callable[..., Any], **asked: Any) -> Response:
    """One step of a subscription; the answer is the subscription as it stands then."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        step(tx, subscription_id=subscription_id, actor=who.actor, now=call.now, version=call.expected_version, **asked)
        tx.flush()
        return shown.subscription(tx, who, subscription_id)

    return call.move(verb)


@router.post(
    "/subscriptions/{subscription_id}/beginning", **for_roles(ADMIN, *creates(404, 412), response_model=Subscription)
)
def begin_subscription(subscription_id: UUID, call: Called, body: Beginning | None = None) -> Response:
    """Begin it: the first term is booked, and the invoices that are due already are issued."""
    asked = body or Beginning()
    return _move(call, subscription_id, verbs.begin_subscription, reason=asked.reason,
                 override_reason=asked.override_reason, is_muted=asked.is_muted)  # fmt: skip


@router.post(
    "/subscriptions/{subscription_id}/withdrawal", **for_roles(OWNERS, *creates(404, 412), response_model=Subscription)
)
def withdraw_subscription(subscription_id: UUID, call: Called, body: Withdrawal | None = None) -> Response:
    """Take back, or decline, what was asked for and is not begun."""
    return _move(call, subscription_id, verbs.decline, reason=body.reason if body else "")


@router.post(
    "/subscriptions/{subscription_id}/notice", **for_roles(OWNERS, *creates(404, 412), response_model=Subscription)
)
def give_notice(subscription_id: UUID, call: Called, body: Notice | None = None) -> Response:
    """End it on a last day, by default the first that the notice allows. Later sessions are released now; what of them
    is invoiced is credited.
    """
    asked = body or Notice()
    return _move(call, subscription_id, verbs.give_notice, last_day=asked.last_day, reason=asked.reason,
                 is_muted=asked.is_muted)  # fmt: skip


@router.post(
    "/subscriptions/{subscription_id}/continuation",
    **for_roles(OWNERS, *creates(404, 412), response_model=Subscription),
)
def continue_subscription(subscription_id: UUID, call: Called, body: Continuation | None = None) -> Response:
    """Put its last day off, or withdraw the notice, before the day is over. What was released is booked again, where
    every session still has a place.
    """
    asked = body or Continuation()
    return _move(call, subscription_id, go_on, last_day=asked.last_day, reason=asked.reason, is_muted=asked.is_muted)


@router.post(
    "/subscriptions/{subscription_id}/weekdays", **for_roles(ADMIN, *creates(404, 412), response_model=Subscription)
)
def change_weekdays(subscription_id: UUID, body: Weekdays, call: Called) -> Response:
    """Other weekdays from the next period that is not invoiced: the sessions on them are booked, the others released.
    Nobody overrides capacity.
    """
    return _move(call, subscription_id, change, **body.model_dump())


@router.post(
    "/subscriptions/{subscription_id}/terms", **for_roles(ADMIN, *creates(404, 412), response_model=Subscription)
)
def roll_subscription(subscription_id: UUID, body: NextTerm, call: Called) -> Response:
    """Roll one by hand into an offering of its program, where the job could not. Nobody overrides capacity."""
    return _move(call, subscription_id, roll, offering_id=body.offering_id, reason=body.reason,
                 override_reason=body.override_reason)  # fmt: skip


@router.get("/subscription-reviews", **for_roles(ADMIN, response_model=Page[SubscriptionReview]))
def list_subscription_reviews(
    call: Called, is_open: bool = True, cursor: Cursor = None, limit: Limit = 50
) -> Response:  # fmt: skip
    """Subscriptions that could not be rolled into a term, with every reason; those that are still to be looked at."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.reviews()
        if is_open:
            found.where("r.resolved_at IS NULL")
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: row)

    return call.read(query)
