"""Booking without a login: the programme that everybody may see, a cart, and what its signed link opens."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.births import require_born
from api.errors import TooManyAttempts
from api.moves import Answer, Principal, answer_once
from api.overdue import release_in_the_way
from api.reads import carts, finance, programmes
from api.reads import orders as shown
from api.schemas.guests import Guest, GuestAttendee
from api.visits import BOOK_BY_ADDRESS, BOOK_BY_EMAIL, ByLink, GuestCall, GuestVerb
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason, TermbookError
from engine.fire import Refused
from invoicing.document import Document
from models import TermBookingConfirmationType, TermBookingOrderType
from web.asked import page_of
from web.forms import NOTHING_SENT, Form, Posted, checked, fields_are, together
from web.guest_sessions import read_choice, refuse_unfit, wanted_lines
from web.orders import BACK, card, standing_of
from web.sign_in import slug_of
from web.visitor import AtCentre, Visitor
from web.words import N_
from workflows import guests
from workflows import term_booking_order as orders
from workflows.documents import invoice_document
from workflows.payment_due import read_due
from workflows.payment_ways import ways_of_guest
from workflows.payments import open_checkout

router = APIRouter()

_A_PAGE = 24


@router.get("/at/{centre}/programs")
def show_programs(visit: AtCentre) -> Response:
    """What is offered, to everybody."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        weekday = visit.asked("day")
        wanted: dict[str, Any] = {"text": visit.asked("q")[:200], "category": visit.asked("kind")[:200],
                  "weekday": int(weekday) if weekday in tuple("0123456") else None}  # fmt: skip
        found = programmes.offerings()
        programmes.narrow(found, **wanted)
        page = page_of(visit, tx, found, limit=_A_PAGE, now=visit.now)
        return {"items": page["items"], "next_cursor": page["next_cursor"], "wanted": wanted,
                **programmes.choices(tx, now=visit.now)}  # fmt: skip

    return visit.show("front/programs.html", query)


@router.get("/at/{centre}/programs/{offering_id}")
def show_offering(visit: AtCentre, offering_id: UUID) -> Response:
    return _offering(visit, offering_id)


def _offering(
    visit: AtCentre, offering_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        offering = programmes.one(tx, offering_id, now=visit.now)
        if offering is None:
            raise NotFound("This program has no sessions to come any more.", what="offering")
        return {"offering": offering, "sessions": programmes.sessions_to_come(tx, offering_id, now=visit.now),
                "ticked": set(form.texts("pick"))}  # fmt: skip

    return visit.show("front/offering.html", query, form=form, refusal=refusal)


@router.post("/at/{centre}/programs/{offering_id}")
def begin(visit: AtCentre, offering_id: UUID, form: Posted) -> Response:
    """A cart without a login; the address that follows is the only way to it."""
    try:
        with together() as faults:
            with faults:
                picks = _picks(form)
            with faults, fields_are(name="child_name"):
                child = checked(GuestAttendee, {
                    "name": form.text("child_name"), "date_of_birth": form.text("date_of_birth"),
                    "allergy_notes": form.text("allergy_notes"), "medical_notes": form.text("medical_notes"),
                })  # fmt: skip
                require_born(child.date_of_birth, now=visit.now)
            with faults:
                guest = checked(Guest, {name: form.text(name) for name in ("name", "email", "phone")})
        visit.count(BOOK_BY_ADDRESS, visit.visit.address)
        visit.count(BOOK_BY_EMAIL, guest.email)

        def verb(tx: Transaction, who: Principal) -> Answer:
            offering = programmes.one(tx, offering_id, now=visit.now)
            if offering is None:
                raise NotFound("This program has no sessions to come any more.", what="offering")
            outcome = guests.begin(
                tx, guest=guest.model_dump(), attendee=child.model_dump(), term_id=offering["term_id"],
                order_type=TermBookingOrderType.BOOKING,
                lines=wanted_lines(tx, who, picks, held={}, now=visit.now), now=visit.now,
            )  # fmt: skip
            refuse_unfit(outcome)  # no cart is left behind
            return Answer({"id": outcome.order.id})

        made = visit.move(form, verb)
    except (Conflict, Invalid, TooManyAttempts) as refusal:
        return _offering(visit, offering_id, form, refusal)
    return visit.go(f"/guest/order/{visit.visit.link(visit.organisation_id, UUID(str(made['id'])))}")


def _picks(form: Form) -> list[UUID]:
    """The sessions that are ticked. Raises Invalid where none is."""
    if picks := form.ids("pick"):
        return picks
    message = N_("Select at least one session.")
    raise Invalid(message, reasons=[Reason("cart_empty", message, field="pick")])


def _once(form: Form, call: GuestCall, verb: GuestVerb) -> GuestVerb:
    """A form that is sent twice gets the answer of the first time."""
    return lambda tx, who, opened: answer_once(
        tx, key=form.key, now=call.visit.now, work=lambda: verb(tx, who, opened)
    )  # fmt: skip


@router.get("/guest/order/{link}")
def show_order(link: str, request: Request, call: ByLink, back: str = "", add: str = "") -> Response:
    """`back` says that one comes from the provider's page, which `standing_of` reads; `add` names one more program."""
    return _order(link, request, call)


def _order(
    link: str, request: Request, call: GuestCall, refusal: TermbookError | None = None, form: Form = NOTHING_SENT
) -> Response:
    visit = Visitor(request)
    added = form.id("add") if form.has("add") else _added(visit)

    def query(tx: Transaction, who: Principal, opened: guests.Opened) -> Row:
        order = shown.whole(tx, who, opened.order_id).body
        assert order is not None
        is_cart = order["status"] == "CREATED"
        return {
            "choice": read_choice(tx, order, added=added, form=form, now=visit.now) if is_cart else None,
            "slug": slug_of(tx),
            "order": card(visit, order),
            "standing": standing_of(visit, [order]),
            "organisation": who.organisation,
            "email": opened.email,
            "due": read_due(tx, [opened.order_id], actor=who.actor, now=visit.now).get(opened.order_id),
            "ways": ways_of_guest(tx, order_id=opened.order_id, actor=opened.actor, now=visit.now) if is_cart else [],
        }

    found = call.fetch(query)
    return visit.answer(
        "front/guest_order.html", organisation=found.pop("organisation"), who=None, link=link, refusal=refusal,
        form=form, status=409 if refusal else 200, **found,
    )  # fmt: skip


def _added(visit: Visitor) -> UUID | None:
    """The program that is asked for besides those of the cart; none where the address names none."""
    try:
        return UUID(visit.asked("add"))
    except ValueError:
        return None


@router.post("/guest/order/{link}/sessions")
def choose_sessions(link: str, request: Request, call: ByLink, form: Posted) -> Response:
    """Other sessions in the cart: what stands in the way goes out, who comes and who books stays."""
    visit = Visitor(request)

    def verb(tx: Transaction, who: Principal, opened: guests.Opened) -> Answer:
        held = carts.held_lines(tx, opened.order_id)
        lines = wanted_lines(tx, who, _picks(form), held=held, now=visit.now)
        outcome = orders.save(tx, order_id=opened.order_id, lines=lines, actor=opened.actor, now=visit.now)
        refuse_unfit(outcome)
        return Answer({})

    try:
        call.move(_once(form, call, verb))
    except (Conflict, Invalid) as refusal:
        return _order(link, request, call, refusal, form)
    return visit.go(f"/guest/order/{link}", visit.say("Your order has been updated."))


@router.post("/guest/order/{link}/submission")
def submit(link: str, request: Request, call: ByLink, form: Posted) -> Response:
    """Take the places, to be paid now or by a deposit."""
    how = TermBookingConfirmationType.__members__.get(form.text("way"), TermBookingConfirmationType.PAY_NOW_PAY_ALL)

    def verb(tx: Transaction, who: Principal, opened: guests.Opened) -> Answer:
        guests.submit(tx, opened, confirmation_type=how, price_fingerprint=form.text("price"), now=call.visit.now)
        return Answer({})

    def make_way(refusal: Refused) -> bool:
        return release_in_the_way(
            call.visit.state.database, call.organisation_id, order_id=call.order_id, refusal=refusal,
            now=call.visit.now,
        )  # fmt: skip

    try:
        call.move(_once(form, call, verb), make_way=make_way)
    except (Conflict, Invalid) as refusal:
        return _order(link, request, call, refusal)
    return Visitor(request).go(f"/guest/order/{link}")


@router.post("/guest/order/{link}/payment")
def pay(link: str, request: Request, call: ByLink, form: Posted) -> Response:
    """On to the provider's page; asking again leads to the same page."""
    state = call.visit.state
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
            now=call.visit.now,
        )  # fmt: skip
    except (Conflict, Invalid) as refusal:
        return _order(link, request, call, refusal)
    return Visitor(request).go(str(started.checkout_url))


@router.post("/guest/order/{link}/ending")
def end(link: str, request: Request, call: ByLink, form: Posted) -> Response:
    """Give up what is not booked yet."""

    def verb(tx: Transaction, who: Principal, opened: guests.Opened) -> Answer:
        guests.cancel(tx, opened, reason="", now=call.visit.now)
        return Answer({})

    try:
        call.move(_once(form, call, verb))
    except (Conflict, Invalid) as refusal:
        return _order(link, request, call, refusal)
    return Visitor(request).go(f"/guest/order/{link}")


@router.get("/guest/order/{link}/invoice")
def read_invoice(call: ByLink) -> Response:
    """The newest invoice, as PDF."""

    def query(tx: Transaction, who: Principal, opened: guests.Opened) -> Document:
        order = shown.whole(tx, who, opened.order_id).body
        assert order is not None
        if order["invoice_id"] is None:
            raise NotFound("There is no invoice yet.", what="invoice")
        return invoice_document(tx, order["invoice_id"])

    return finance.pdf(call.fetch(query))
