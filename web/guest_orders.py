"""A guest's order: what its signed link opens. What is chosen in it is chosen anew until its places are taken."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from api.moves import Answer, Principal
from api.overdue import release_in_the_way
from api.reads import carts, finance, programmes
from api.reads import orders as shown
from api.reads.sessions import one_session
from api.visits import ByLink
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from engine.fire import Refused
from invoicing.document import Document
from models import TermBookingConfirmationType
from web.choosing import chosen_lines, clashes_in, live_answer, refuse_unknown, ticked_in, unavailable_in
from web.forms import NOTHING_SENT, Form, Posted
from web.guest_choosing import NoCart, cart_outlook, put_into_cart, read_cart_choice, take_out_of_cart
from web.offering_choice import read_offering
from web.orders import BACK, card, standing_of
from web.seat_choice import read_seats, refuse_unseated, seated_lines, sitting_in
from web.sign_in import slug_of
from web.visitor import ByGuest
from workflows import guests
from workflows.documents import invoice_document
from workflows.guests import Opened
from workflows.payment_due import read_due
from workflows.payment_ways import ways_of_guest
from workflows.payments import open_checkout

router = APIRouter()

_MOST_PROGRAMS = 200


def of_a_cart(route: Callable[..., Response]) -> Callable[..., Response]:
    """A page of what is chosen: where the order is no cart any more, its own page says how it stands."""

    @wraps(route)
    def led(visit: ByGuest, link: str, **given: Any) -> Response:
        try:
            return route(visit=visit, link=link, **given)
        except NoCart as refusal:
            return visit.refuse(f"/guest/order/{link}", refusal)

    return led


@router.get("/guest/order/{link}")
def show_order(visit: ByGuest, link: str, back: str = "", add: UUID | None = None) -> Response:
    """`back` says that one comes from the provider's page, which `standing_of` reads; `add` names one more program."""
    if add is not None:
        return visit.go(f"/guest/order/{link}/programs/{add}")
    return _order(visit, link)


def _order(
    visit: ByGuest, link: str, refusal: TermbookError | None = None, form: Form = NOTHING_SENT, *,
    is_not_placed: bool = False,
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> Row:
        opened = guests.opened(tx, visit.call.order_id)
        order = shown.whole(tx, who, opened.order_id).body
        assert order is not None
        is_cart = order["status"] == "CREATED"
        in_cart = list(carts.held_lines(tx, opened.order_id).values()) if is_cart else []
        return {
            "slug": slug_of(tx), "link": link, "email": opened.email,
            "order": card(visit, order), "standing": standing_of(visit, [order]), "in_cart": in_cart,
            "offering_of": {str(line["session_id"]): line["offering_id"] for line in in_cart},
            "children": [{"id": order["attendee_id"], "name": order["attendee"]}],
            "others": _others(tx, visit, order["term_id"], in_cart) if is_cart else [],
            "due": read_due(tx, [opened.order_id], actor=who.actor, now=visit.now).get(opened.order_id),
            "ways": ways_of_guest(tx, order_id=opened.order_id, actor=opened.actor, now=visit.now) if is_cart else [],
        }  # fmt: skip

    found = visit.fetch(query)
    outlook = cart_outlook(visit, NOTHING_SENT, found, None)
    return visit.show(
        "front/guest_order.html", None, form=form, refusal=refusal, status=409 if refusal else 200, outlook=outlook,
        unavailable=unavailable_in(outlook), is_not_placed=is_not_placed, **found,
    )  # fmt: skip


def _others(tx: Transaction, visit: ByGuest, term_id: UUID, in_cart: list[Row]) -> list[tuple[UUID, str]]:
    """The other programs of the term that have a place left."""
    chosen = {line["offering_id"] for line in in_cart}
    found = programmes.offerings()
    programmes.narrow(found, term_id=term_id, only_free=True)
    page = found.page(tx, cursor=None, limit=_MOST_PROGRAMS, show=dict, now=visit.now).body or {}
    return [(one["id"], one["name"]) for one in page["items"] if one["id"] not in chosen]


@router.get("/guest/order/{link}/programs/{offering_id}")
@of_a_cart
def show_offering(visit: ByGuest, link: str, offering_id: UUID) -> Response:
    """A program of the cart, or one more: what is ticked in it takes the place of what the cart holds of it."""
    return _offering(visit, link, offering_id)


def _offering(
    visit: ByGuest, link: str, offering_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:
    seen = _offered(visit, offering_id)
    outlook = cart_outlook(visit, form, seen, chosen_lines(form, seen) if form.fields else None)
    return visit.show(
        "front/guest_offering.html", None, form=form, refusal=refusal, **seen, ticked=ticked_in(form, seen), link=link,
        outlook=outlook, clashes=clashes_in(outlook), seats_at=f"/guest/order/{link}/seats",
    )  # fmt: skip


def _offered(visit: ByGuest, offering_id: UUID) -> Row:
    found: Row = visit.fetch(lambda tx, _: read_offering(
        tx, offering_id, now=visit.now, choice=partial(read_cart_choice, visit, tx)))  # fmt: skip
    return found


@router.post("/guest/order/{link}/programs/{offering_id}")
@of_a_cart
def choose(visit: ByGuest, link: str, offering_id: UUID, form: Posted) -> Response:
    """Keep what is ticked in the cart, or only say what it would come to."""
    if form.text("do") == "look":
        return _offering(visit, link, offering_id, form)
    seen = _offered(visit, offering_id)
    try:
        refuse_unknown(form, seen)
        put_into_cart(visit, form, seen, chosen_lines(form, seen))
    except (Conflict, Invalid) as refusal:
        return _offering(visit, link, offering_id, form, refusal)
    return visit.go(f"/guest/order/{link}", visit.say("Your order has been updated."))


@router.post("/guest/order/{link}/programs/{offering_id}/price")
def price(visit: ByGuest, offering_id: UUID, form: Posted) -> Response:
    """What the ticks come to, for the page's script."""
    seen = _offered(visit, offering_id)
    refuse_unknown(form, seen)
    return JSONResponse(live_answer(visit, seen, cart_outlook(visit, form, seen, chosen_lines(form, seen))))


@router.get("/guest/order/{link}/seats/{session_id}")
@of_a_cart
def show_seats(visit: ByGuest, link: str, session_id: UUID) -> Response:
    """The hall, with the seat that the cart holds."""
    return _seats(visit, link, session_id)


def _seats(
    visit: ByGuest, link: str, session_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None, *,
    find_best: bool = False,
) -> Response:  # fmt: skip
    seen = _seated(visit, session_id)
    seated = sitting_in(visit, form, seen, find_best=find_best, alone=seen["children"][0]["id"])
    is_chosen_anew = form.fields or not any(line["session_id"] == session_id for line in seen["in_cart"])
    lines = seated_lines(form, seen, coming=seated["coming"], sitting=seated["sitting"]) if is_chosen_anew else None
    outlook = cart_outlook(visit, form, seen, lines)
    return visit.show(
        "front/guest_seats.html", None, form=form, refusal=refusal, **seen, **seated, link=link, outlook=outlook,
        ticked=ticked_in(form, seen), clashes=clashes_in(outlook),
    )  # fmt: skip


def _seated(visit: ByGuest, session_id: UUID) -> Row:
    found: Row = visit.fetch(lambda tx, who: read_seats(
        tx, who, session_id, now=visit.now, choice=partial(read_cart_choice, visit, tx)))  # fmt: skip
    return found


def _seat_of(form: Form, seen: Row) -> dict[UUID, list[Row]]:
    coming = {str(seen["children"][0]["id"])}
    return seated_lines(form, seen, coming=coming, sitting=set(form.texts("seat")))


@router.post("/guest/order/{link}/seats/{session_id}")
@of_a_cart
def choose_seat(visit: ByGuest, link: str, session_id: UUID, form: Posted) -> Response:
    """Keep this seat in the cart, find the best one, or only say what it would come to."""
    do = form.text("do")
    if do in ("look", "best"):
        return _seats(visit, link, session_id, form, find_best=do == "best")
    seen = _seated(visit, session_id)
    try:
        refuse_unknown(form, seen)
        refuse_unseated(form, seen, alone=True)
        put_into_cart(visit, form, seen, _seat_of(form, seen))
    except (Conflict, Invalid) as refusal:
        return _seats(visit, link, session_id, form, refusal)
    return visit.go(f"/guest/order/{link}", visit.say("Your order has been updated."))


@router.post("/guest/order/{link}/seats/{session_id}/price")
def price_of_seat(visit: ByGuest, session_id: UUID, form: Posted) -> Response:
    """What the seat comes to, for the page's script."""
    seen = _seated(visit, session_id)
    refuse_unknown(form, seen)
    return JSONResponse(live_answer(visit, seen, cart_outlook(visit, form, seen, _seat_of(form, seen))))


@router.get("/guest/order/{link}/sessions/{session_id}")
def find_session(visit: ByGuest, link: str, session_id: UUID) -> Response:
    """Where one ticks this session: its program, at its day."""
    found = visit.fetch(lambda tx, who: one_session(tx, who, session_id, now=visit.now).body)
    return visit.go(f"/guest/order/{link}/programs/{found['offering_id']}#s-{session_id}")


@router.post("/guest/order/{link}/sessions")
def take_out(visit: ByGuest, link: str, form: Posted) -> Response:
    """Take sessions out of the cart."""
    try:
        out = form.ids("out")

        def verb(tx: Transaction, who: Principal, opened: Opened) -> Answer:
            take_out_of_cart(tx, opened, out, now=visit.now)
            return Answer({})

        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _order(visit, link, refusal, form)
    return visit.go(f"/guest/order/{link}", visit.say("Your order has been updated."))


@router.post("/guest/order/{link}/submission")
def submit(visit: ByGuest, link: str, form: Posted) -> Response:
    """Take the places, to be paid now or by a deposit."""
    how = TermBookingConfirmationType.__members__.get(form.text("way"), TermBookingConfirmationType.PAY_NOW_PAY_ALL)

    def verb(tx: Transaction, who: Principal, opened: Opened) -> Answer:
        guests.submit(tx, opened, confirmation_type=how, price_fingerprint=form.text("price"), now=visit.now)
        return Answer({})

    def make_way(refusal: Refused) -> bool:
        return release_in_the_way(visit.state.database, visit.call.organisation_id, order_id=visit.call.order_id,
                                  refusal=refusal, now=visit.now)  # fmt: skip

    try:
        visit.move(form, verb, make_way=make_way)
    except (Conflict, Invalid) as refusal:
        return _order(visit, link, refusal, form, is_not_placed=True)
    return visit.go(f"/guest/order/{link}")


@router.post("/guest/order/{link}/payment")
def pay(visit: ByGuest, link: str, form: Posted) -> Response:
    """On to the provider's page; asking again leads to the same page."""
    state, call = visit.state, visit.call
    gateway = state.gateway
    if gateway is None:
        raise NotFound("There is no payment provider.", what="provider")
    actor = call.fetch(lambda *found: found[2].actor)
    base = state.settings.base_url.rstrip("/")
    try:
        started = open_checkout(
            state.database, call.organisation_id, gateway, order_id=call.order_id, actor=actor,
            return_url=f"{base}/guest/order/{link}?{BACK}",
            webhook_url=f"{base}/webhooks/payments/{gateway.name}?organisation={call.organisation_id}",
            now=visit.now,
        )  # fmt: skip
    except (Conflict, Invalid) as refusal:
        return _order(visit, link, refusal)
    return visit.go(str(started.checkout_url))


@router.post("/guest/order/{link}/ending")
def end(visit: ByGuest, link: str, form: Posted) -> Response:
    """Give up what is not booked yet."""

    def verb(tx: Transaction, who: Principal, opened: Opened) -> Answer:
        guests.cancel(tx, opened, reason="", now=visit.now)
        return Answer({})

    try:
        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _order(visit, link, refusal)
    return visit.go(f"/guest/order/{link}")


@router.get("/guest/order/{link}/invoice")
def read_invoice(call: ByLink) -> Response:
    """The newest invoice, as PDF."""

    def query(tx: Transaction, who: Principal, opened: Opened) -> Document:
        order = shown.whole(tx, who, opened.order_id).body
        assert order is not None
        if order["invoice_id"] is None:
            raise NotFound("There is no invoice yet.", what="invoice")
        return invoice_document(tx, order["invoice_id"])

    return finance.pdf(call.fetch(query))
