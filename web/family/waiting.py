"""The queue for a full session, and the answer to an offered place."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import people, sessions
from api.reads import waiting as shown
from api.reads.orders import moved
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from models import TermBookingConfirmationType, TermBookingOrderType, WaitingStatus
from web.family.people import account_for
from web.forms import Posted
from web.visitor import Family
from workflows import term_booking_order as orders
from workflows import waiting_offers, waiting_orders
from workflows.payment_ways import ways_of_offer
from workflows.waiting_facts import POLICY

router = APIRouter()


@router.get("/family/queue/{session_id}/{child_id}")
def show_queue(visit: Family, session_id: UUID, child_id: UUID) -> Response:
    return _queue(visit, session_id, child_id)


def _queue(visit: Family, session_id: UUID, child_id: UUID, refusal: TermbookError | None = None) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        session = sessions.one_session(tx, who, session_id, now=visit.now).body
        child = people.visible_attendee(tx, who, child_id)
        row = tx.row("SELECT waiting_count FROM term_product WHERE organisation_id = %(org)s AND id = %(id)s",
                     id=session_id)  # fmt: skip
        return {"session": session, "child": child, "waiting": row["waiting_count"] if row else 0, "policy": POLICY}

    return visit.show("family/queue.html", query, refusal=refusal)


@router.post("/family/queue/{session_id}/{child_id}")
def join_queue(visit: Family, session_id: UUID, child_id: UUID, form: Posted) -> Response:
    """Wait for a place; one that is free by now is offered at once."""
    try:

        def verb(tx: Transaction, who: Principal) -> Answer:
            session = sessions.one_session(tx, who, session_id, now=visit.now).body
            assert session is not None
            known: dict[str, Any] = {"actor": who.actor, "now": visit.now}
            order = orders.new(
                tx, account_id=account_for(tx, who, [child_id]), attendee_id=child_id, term_id=session["term_id"],
                order_type=TermBookingOrderType.WAITING_LIST, **known,
            ).order  # fmt: skip
            tx.flush()
            orders.save(tx, order_id=order.id, lines=[{"session_id": session_id}], **known)
            tx.flush()
            waiting_orders.wait(tx, order_id=order.id, **known)
            tx.finish()
            (entry,) = shown.of_orders(tx, who, [order.id])
            return Answer({"order_id": order.id, "offer_id": entry["offer_id"], "position": entry["position"],
                           "offering_id": session["offering_id"]})  # fmt: skip

        made = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _queue(visit, session_id, child_id, refusal)
    if made["offer_id"]:
        return visit.go(
            f"/family/offers/{made['offer_id']}", visit.say("A place is free, and we're holding it for you.")
        )
    said = visit.say(
        "You're number %(n)s on the waiting list. We'll e-mail you when a place comes up.", n=made["position"]
    )
    return visit.go(f"/family/programs/{made['offering_id']}", said)


@router.get("/family/offers/{offer_id}")
def show_offer(visit: Family, offer_id: UUID) -> Response:
    return _offer(visit, offer_id)


def _offer(visit: Family, offer_id: UUID, refusal: TermbookError | None = None) -> Response:
    def query(tx: Transaction, who: Principal) -> Row:
        found = waiting_offers.show_offer(tx, offer_id=offer_id, actor=who.actor, now=visit.now)
        return {"offer": shown.offer(tx, who, found, now=visit.now),
                "ways": ways_of_offer(found, actor=who.actor, now=visit.now)}  # fmt: skip

    return visit.show("family/offer.html", query, refusal=refusal)


@router.post("/family/offers/{offer_id}")
def answer_offer(visit: Family, offer_id: UUID, form: Posted) -> Response:
    """Take the offered places, and go on to pay them; or give them to the next."""
    try:
        if form.text("do") == "decline":

            def decline(tx: Transaction, who: Principal) -> Answer:
                waiting_offers.decline(tx, offer_id=offer_id, actor=who.actor, now=visit.now)
                tx.finish()
                return Answer({})

            visit.move(form, decline)
            return visit.go("/family", visit.say("The place will go to the next family on the waiting list."))

        how = TermBookingConfirmationType.__members__.get(form.text("way"))
        if how is None:
            raise Invalid(visit.say("Choose how you'd like to pay."))

        def accept(tx: Transaction, who: Principal) -> Answer:
            made = waiting_offers.accept(
                tx, offer_id=offer_id, confirmation_type=how, price_fingerprint=form.text("price"), actor=who.actor,
                now=visit.now,
            )  # fmt: skip
            return Answer({"orders": [moved(outcome, who).body for outcome in made]})

        made = visit.move(form, accept)
    except (Conflict, Invalid, NotFound) as refusal:
        return _offer(visit, offer_id, refusal)
    return visit.go(f"/family/orders/{made['orders'][0]['id']}", visit.say("The place is yours."))


OPEN = [int(status) for status in (WaitingStatus.WAITING, WaitingStatus.SAVED, WaitingStatus.OFFERED)]


def entries(tx: Transaction, who: Principal) -> list[Row]:
    """Every queue that the family stands in."""
    found = shown.entries(who)
    found.where("e.status = ANY(%(status)s)", status=OPEN)
    page = found.page(tx, cursor=None, limit=100, show=lambda row: shown.show_entry(who, row)).body
    assert page is not None
    items: list[Row] = page["items"]
    return items
