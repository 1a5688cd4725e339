"""Waiting lists: joining a queue, where one stands in it, and the answers to an offered place."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal, only_admins_override
from api.operations import OWNERS, OWNERS_AND_FINANCE, creates, for_roles
from api.reads import waiting as shown
from api.reads.orders import moved
from api.reads.paging import Cursor, Limit
from api.schemas.base import Page
from api.schemas.waiting import (
    AnsweredOffer,
    Joining,
    JoiningTogether,
    OfferAcceptance,
    OfferDeclination,
    Queue,
    WaitingEntry,
    WaitingOffer,
    WaitingState,
)
from engine.database import Transaction
from models import TermBookingConfirmationType, WaitingStatus
from workflows import waiting_offers, waiting_orders
from workflows.waiting_facts import POLICY

router = APIRouter(tags=["waiting lists"])


@router.post(
    "/orders/{order_id}/waiting-entries",
    **for_roles(OWNERS, *creates(404, 409), status_code=201, response_model=Queue),
)
def join_waiting_list(order_id: UUID, call: Called, body: Joining | None = None) -> Response:
    """Join the queue of each session of a waiting-list order. Who may not book a session may not wait for it. A place
    that is free is offered at once.
    """
    asked = body or Joining()

    def verb(tx: Transaction, who: Principal) -> Answer:
        only_admins_override(who, asked.override_reason)
        waiting_orders.wait(tx, order_id=order_id, actor=who.actor, now=call.now, **asked.model_dump())
        tx.finish()
        entries = shown.of_orders(tx, who, [order_id])
        return Answer({"group_id": entries[0]["group_id"], "entries": entries, "policy": POLICY}, 201)

    return call.move(verb)


@router.post("/waiting-groups", **for_roles(OWNERS, *creates(404, 409), status_code=201, response_model=Queue))
def join_waiting_list_together(body: JoiningTogether, call: Called) -> Response:
    """Join the queues with several orders of one account that want all or nothing: places are saved for all of them
    and offered together.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        only_admins_override(who, body.override_reason)
        group_id, _ = waiting_orders.wait_together(tx, actor=who.actor, now=call.now, **body.model_dump())
        tx.finish()
        entries = shown.of_orders(tx, who, body.order_ids)
        return Answer({"group_id": group_id, "entries": entries, "policy": POLICY}, 201)

    return call.move(verb)


@router.get("/waiting-entries", **for_roles(OWNERS_AND_FINANCE, response_model=Page[WaitingEntry]))
def list_waiting_entries(
    call: Called, session_id: UUID | None = None, order_id: UUID | None = None, account_id: UUID | None = None,
    attendee_id: UUID | None = None, group_id: UUID | None = None, offer_id: UUID | None = None,
    status: Annotated[list[WaitingState] | None, Query(max_length=7)] = None, cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:  # fmt: skip
    """Who waits, longest first; a family sees its own, with the position in each queue. Admins also see why an entry
    stands where it does.
    """

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.entries(who)
        found.where("e.term_product_id = %(session)s", session=session_id)
        found.where("e.order_id = %(order)s", order=order_id)
        found.where("o.account_id = %(account)s", account=account_id)
        found.where("e.attendee_id = %(attendee)s", attendee=attendee_id)
        found.where("e.group_id = %(group)s", group=group_id)
        found.where("e.offer_id = %(offer)s", offer=offer_id)
        found.where("e.status = ANY(%(status)s)", status=[int(WaitingStatus[name]) for name in status or ()])
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show_entry(who, row))

    return call.read(query)


@router.get("/waiting-offers/{offer_id}", **for_roles(OWNERS, 404, response_model=WaitingOffer))
def read_offer(offer_id: UUID, call: Called) -> Response:
    """The offered places, until when they are kept, and what they cost now."""

    def query(tx: Transaction, who: Principal) -> Answer:
        priced = waiting_offers.show_offer(tx, offer_id=offer_id, actor=who.actor, now=call.now)
        return Answer(shown.offer(tx, who, priced, now=call.now))

    return call.read(query)


@router.post(
    "/waiting-offers/{offer_id}/acceptance", **for_roles(OWNERS, *creates(404, 409), response_model=AnsweredOffer)
)  # fmt: skip
def accept_offer(offer_id: UUID, body: OfferAcceptance, call: Called) -> Response:
    """Take the offered places at the price that was shown. Each attendee gets an order in Submitted, with its Billing
    and its timeout, which goes on like any other; every rule of a submission is asked again.
    """
    asked = body.model_dump()
    how = TermBookingConfirmationType[asked.pop("confirmation_type")]

    def verb(tx: Transaction, who: Principal) -> Answer:
        only_admins_override(who, body.override_reason)
        made = waiting_offers.accept(
            tx, offer_id=offer_id, confirmation_type=how, actor=who.actor, now=call.now, **asked
        )
        orders = [moved(outcome, who).body for outcome in made]
        return Answer({"orders": orders, "entries": shown.of_offer(tx, who, offer_id)})

    return call.move(verb)


@router.post(
    "/waiting-offers/{offer_id}/declination", **for_roles(OWNERS, *creates(404, 409), response_model=AnsweredOffer)
)  # fmt: skip
def decline_offer(offer_id: UUID, call: Called, body: OfferDeclination | None = None) -> Response:
    """Give the offered places up: they go to the next who wait."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        waiting_offers.decline(tx, offer_id=offer_id, actor=who.actor, now=call.now, reason=body.reason if body else "")
        tx.finish()
        return Answer({"orders": [], "entries": shown.of_offer(tx, who, offer_id)})

    return call.move(verb)
