"""Booking without a login: the programme that everybody may see, a cart, and what its signed link opens."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.attempts import Limit as Attempts
from api.births import require_born
from api.moves import Answer, Principal
from api.operations import PDF, creates, for_anyone
from api.overdue import release_in_the_way
from api.reads import finance as shown_finance
from api.reads import orders as shown
from api.reads import seats as shown_seats
from api.reads import sessions as shown_sessions
from api.reads.changes import difference
from api.reads.paging import Cursor, Limit
from api.schemas import finance, offerings
from api.schemas.base import Page, ShortText
from api.schemas.changes import BillingDifference
from api.schemas.guests import AskedByEmail, GuestEnding, GuestOrder, GuestSubmission, NewGuestOrder
from api.schemas.orders import Cart, Order, OrderWhole
from api.schemas.seats import BestSeats, SeatMap
from api.schemas.sessions import Session
from api.visits import BOOK_BY_ADDRESS, BOOK_BY_EMAIL, ByLink, GuestCall, Visited
from engine.database import Transaction
from engine.errors import NotFound
from engine.fire import Refused
from invoicing.document import Document
from models import SeatType, TermBookingConfirmationType, TermBookingOrderType
from workflows import guests
from workflows import term_booking_order as orders
from workflows.documents import invoice_document
from workflows.payments import open_checkout

router = APIRouter(tags=["guests"])

_HOUR = timedelta(hours=1)
BY_LINKS = Attempts("ask for links", most=5, window=_HOUR)


@router.get("/centres/{organisation}/offerings", **for_anyone(404, 422, response_model=Page[offerings.OfferingSummary]))
def list_public_offerings(
    organisation: str, visit: Visited, term_id: UUID | None = None, site_id: UUID | None = None,
    q: Annotated[ShortText | None, Query(description="Part of the name or the code.")] = None,
    age_months: Annotated[int | None, Query(ge=0, le=1500, description="Open to this age.")] = None,
    cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """What a centre offers, in alphabetical order: what is published."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown_sessions.offerings(who)
        found.where("p.term_id = %(term)s", term=term_id)
        found.where("g.site_id = %(site)s", site=site_id)
        found.where("position(lower(%(q)s) IN lower(p.name || ' ' || p.code)) > 0", q=q)
        shown_sessions.of_age(found, age_months)
        return found.page(
            tx, cursor=cursor, limit=limit, show=lambda row: shown_sessions.show_offering(who, row), now=visit.now
        )

    return visit.run(visit.centre(organisation), query)


@router.get("/centres/{organisation}/sessions", **for_anyone(404, 422, response_model=Page[Session]))
def list_public_sessions(
    organisation: str, offering_id: UUID, visit: Visited, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """The sessions of a published offering in order of time, with the places that are left."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown_sessions.sessions(who)
        found.where("s.term_program_set_id = %(offering)s", offering=offering_id)
        return found.page(
            tx, cursor=cursor, limit=limit, show=lambda row: shown_sessions.show_session(who, row), now=visit.now
        )

    return visit.run(visit.centre(organisation), query)


@router.get("/centres/{organisation}/sessions/{session_id}/seat-map", **for_anyone(404, 422, response_model=SeatMap))
def read_public_seat_map(organisation: str, session_id: UUID, visit: Visited) -> Response:
    """Every seat of a published, seated session: its type, its price, and whether it is free."""
    return visit.run(
        visit.centre(organisation), lambda tx, who: shown_seats.seat_map(tx, who, session_id, now=visit.now)
    )


@router.get(
    "/centres/{organisation}/sessions/{session_id}/best-seats", **for_anyone(404, 422, response_model=BestSeats)
)  # fmt: skip
def read_public_best_seats(
    organisation: str, session_id: UUID, visit: Visited, count: Annotated[int, Query(ge=1, le=50)] = 1,
    seat_type: SeatType | None = None,
) -> Response:  # fmt: skip
    """The best free seats of a published session for so many attendees, by the rule of `read_best_seats`."""
    return visit.run(
        visit.centre(organisation),
        lambda tx, who: shown_seats.best_seats(
            tx, who, session_id, count=count, seat_type=seat_type, now=visit.now
        ),
    )  # fmt: skip


@router.post("/guest-orders", **for_anyone(*creates(404, 422, 429), status_code=201, response_model=GuestOrder))
def begin_guest_order(body: NewGuestOrder, visit: Visited) -> Response:
    """Begin a cart without a login. It holds nothing; the answer's `link` opens it. An e-mail address that somebody
    signs in with gets the same answer as any other.
    """
    organisation_id = visit.centre(body.organisation)
    visit.count(organisation_id, BOOK_BY_ADDRESS, visit.address)
    visit.count(organisation_id, BOOK_BY_EMAIL, body.guest.email)
    require_born(body.attendee.date_of_birth, now=visit.now, field="attendee.date_of_birth")

    def verb(tx: Transaction, who: Principal) -> Answer:
        outcome = guests.begin(
            tx, guest=body.guest.model_dump(), attendee=body.attendee.model_dump(), term_id=body.term_id,
            order_type=TermBookingOrderType[body.order_type], lines=[line.model_dump() for line in body.lines],
            promo_code=body.promo_code, now=visit.now,
        )  # fmt: skip
        answer = shown.saved(outcome, who)
        link = visit.link(organisation_id, outcome.order.id)
        assert answer.body is not None
        return Answer({**answer.body, "link": link}, 201, answer.version, f"/guest-orders/{link}")

    return visit.run(organisation_id, verb)


@router.post("/guest-links", **for_anyone(*creates(404, 422, 429), status_code=204))
def send_guest_links(body: AskedByEmail, visit: Visited) -> Response:
    """Mail fresh links to the orders that were made with this address without a login. The answer never tells whether
    there are any.
    """
    organisation_id = visit.centre(body.organisation)
    visit.count(organisation_id, BY_LINKS, body.email)

    def verb(tx: Transaction, who: Principal) -> Answer:
        guests.send_links(tx, email=body.email, now=visit.now)
        return Answer(status=204)

    return visit.run(organisation_id, verb)


@router.get("/guest-orders/{link}", **for_anyone(403, 404, 422, response_model=OrderWhole))
def read_guest_order(call: ByLink) -> Response:
    """The order that the link opens, with its lines and payments."""
    return call.move(lambda tx, who, link: shown.whole(tx, who, link.order_id))


@router.put("/guest-orders/{link}/lines", **for_anyone(*creates(403, 404, 422), response_model=Order))
def save_guest_cart(body: Cart, call: ByLink) -> Response:
    """Put sessions into the cart in place of what was in it; it keeps no place."""
    lines = [line.model_dump() for line in body.lines]

    def verb(tx: Transaction, who: Principal, link: guests.Opened) -> Answer:
        outcome = orders.save(
            tx, order_id=link.order_id, lines=lines, promo_code=body.promo_code, actor=link.actor, now=call.visit.now
        )
        return shown.saved(outcome, who)

    return call.move(verb)


@router.post("/guest-orders/{link}/submission", **for_anyone(*creates(403, 404, 422), response_model=Order))
def submit_guest_order(body: GuestSubmission, call: ByLink) -> Response:
    """Take the places at the price that was shown; they are kept until `expires_at`, to be paid before then."""

    def verb(tx: Transaction, who: Principal, link: guests.Opened) -> Answer:
        outcome = guests.submit(
            tx, link, confirmation_type=TermBookingConfirmationType[body.confirmation_type],
            price_fingerprint=body.price_fingerprint, now=call.visit.now,
        )  # fmt: skip
        return shown.moved(outcome, who)

    return call.move(verb, make_way=lambda refusal: _make_way(call, refusal))


def _make_way(call: GuestCall, refusal: Refused) -> bool:
    return release_in_the_way(
        call.visit.state.database, call.organisation_id, order_id=call.order_id, refusal=refusal, now=call.visit.now
    )


@router.post(
    "/guest-orders/{link}/payments",
    **for_anyone(*creates(403, 404, 422, 502, 503), status_code=201, response_model=finance.Payment),
)  # fmt: skip
def pay_guest_order(link: str, call: ByLink) -> Response:
    """Start the payment of exactly what the order requires: `checkout_url` is where to pay it. Asking again gives the
    same payment.
    """
    visit = call.visit
    actor = call.fetch(lambda *found: found[2].actor)
    gateway = visit.state.gateway
    if gateway is None:
        raise NotFound("There is no payment provider.", what="provider")
    base_url = visit.state.settings.base_url.rstrip("/")
    started = open_checkout(
        visit.state.database, call.organisation_id, gateway, order_id=call.order_id, actor=actor,
        return_url=f"{base_url}/guest-orders/{link}",
        webhook_url=f"{base_url}/webhooks/payments/{gateway.name}?organisation={call.organisation_id}", now=visit.now,
    )  # fmt: skip
    return call.move(lambda tx, who, _: shown_finance.payment(tx, who, started.payment_id, status=201))


@router.get(
    "/guest-orders/{link}/cancellation", **for_anyone(403, 404, 422, response_model=BillingDifference)
)  # fmt: skip
def review_guest_cancellation(call: ByLink) -> Response:
    """What cancelling the booking would come to at this moment; nothing is written."""
    return call.move(lambda tx, who, link: difference(guests.review_cancellation(tx, link, now=call.visit.now), who))


@router.post("/guest-orders/{link}/cancellation", **for_anyone(*creates(403, 404, 422), response_model=OrderWhole))
def cancel_guest_order(call: ByLink, body: GuestEnding | None = None) -> Response:
    """Give up what the link opens: a cart, an order, or its booking within the cancellation window; that one with the
    fingerprint of its review.
    """
    asked = body or GuestEnding()

    def verb(tx: Transaction, who: Principal, link: guests.Opened) -> Answer:
        guests.cancel(tx, link, reason=asked.reason, fingerprint=asked.fingerprint, now=call.visit.now)
        tx.flush()
        return shown.whole(tx, who, link.order_id)

    return call.move(verb)


@router.get("/guest-orders/{link}/invoice", **for_anyone(403, 404, 422, responses=PDF, response_class=Response))
def read_guest_invoice(call: ByLink) -> Response:
    """The newest invoice of the booking, as PDF."""

    def query(tx: Transaction, who: Principal, link: guests.Opened) -> Document:
        whole = shown.whole(tx, who, link.order_id).body
        assert whole is not None
        if whole["invoice_id"] is None:
            raise NotFound("There is no invoice yet.", what="invoice")
        return invoice_document(tx, whole["invoice_id"])

    return shown_finance.pdf(call.fetch(query))
