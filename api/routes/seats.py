"""Venues and their seats; how offerings and sessions are seated; the map of a session."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import ADMIN, EVERYBODY, OFFICE, creates, for_roles
from api.reads import seats as shown
from api.records import VENUES
from api.routes.resource import add_resource
from api.schemas import seats as schemas
from catalogue import venues
from catalogue.seat_plan import Block
from engine.database import Transaction
from models import SeatType

router = APIRouter(tags=["seats"])

add_resource(
    router, VENUES, new=schemas.NewVenue, change=schemas.VenueChange, shown=schemas.Venue, readers=EVERYBODY
)  # fmt: skip


@router.get("/venues/{venue_id}/seats", **for_roles(EVERYBODY, 404, response_model=schemas.VenueSeats))
def list_seats(venue_id: UUID, call: Called) -> Response:
    """Every seat of a venue, by rows from the front."""
    return call.read(lambda tx, _: shown.venue_seats(tx, venue_id))


@router.put("/venues/{venue_id}/seats", **for_roles(ADMIN, *creates(404), response_model=schemas.SeatChanges))
def set_seats(venue_id: UUID, body: schemas.SeatPlan, call: Called) -> Response:
    """Make, change and remove seats until they are what the blocks say. A seat that is in an order or a booking is
    never removed; a session keeps no more places than there are seats.
    """
    blocks = [Block(**block.model_dump()) for block in body.blocks]

    def verb(tx: Transaction, who: Principal) -> Answer:
        changes = venues.keep_seats(tx, venue_id, blocks)
        return Answer({name: getattr(changes, name) for name in schemas.SeatChanges.model_fields})

    return call.move(verb)


@router.get("/offerings/{offering_id}/seating", **for_roles(OFFICE, 404, response_model=schemas.Seating))
def read_offering_seating(offering_id: UUID, call: Called) -> Response:
    """Where the offering's sessions are seated, and what a seat of each type costs."""
    return call.read(lambda tx, _: Answer(_read(venues.read_seating(tx, offering_id=offering_id))))


@router.put("/offerings/{offering_id}/seating", **for_roles(ADMIN, *creates(404), response_model=schemas.Seating))
def seat_offering(offering_id: UUID, body: schemas.NewSeating, call: Called) -> Response:
    """Seat the offering's sessions in a venue of its site, at these prices. A session that is booked stays as it is and
    comes back in `kept`; one made later is seated too.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        seating = venues.seat_offering(tx, offering_id, venue_id=body.venue_id, prices=_prices(body))
        return Answer({**_read(seating), "changed": seating.changed, "kept": seating.kept})

    return call.move(verb)


@router.get("/sessions/{session_id}/seating", **for_roles(OFFICE, 404, response_model=schemas.Seating))
def read_session_seating(session_id: UUID, call: Called) -> Response:
    """Where the session is seated, and what a seat of each type costs in it."""
    return call.read(lambda tx, _: Answer(_read(venues.read_seating(tx, session_id=session_id))))


@router.put("/sessions/{session_id}/seating", **for_roles(ADMIN, *creates(404), response_model=schemas.Seating))
def seat_session(session_id: UUID, body: schemas.NewSeating, call: Called) -> Response:
    """Seat one session, at prices of its own where they are given. Refused once somebody holds a place in it and the
    venue is another.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        seating = venues.seat_session(tx, session_id, venue_id=body.venue_id, prices=_prices(body))
        return Answer({**_read(seating), "changed": seating.changed, "kept": seating.kept})

    return call.move(verb)


def _prices(body: schemas.NewSeating) -> dict[SeatType, int]:
    return {price.seat_type: price.price_minor for price in body.prices}


def _read(seating: venues.Seating) -> dict[str, Any]:
    prices = [{"seat_type": kind, "price_minor": minor} for kind, minor in seating.prices.items()]
    return {"venue_id": seating.venue_id, "seats": seating.seats, "prices": prices}


@router.get("/sessions/{session_id}/seat-map", **for_roles(EVERYBODY, 404, response_model=schemas.SeatMap))
def read_seat_map(session_id: UUID, call: Called) -> Response:
    """Every seat of a seated session: its type, its price, and whether it is free, taken or the caller's own."""
    return call.read(lambda tx, who: shown.seat_map(tx, who, session_id, now=call.now))


@router.get("/sessions/{session_id}/best-seats", **for_roles(EVERYBODY, 404, response_model=schemas.BestSeats))
def read_best_seats(
    session_id: UUID, call: Called, count: Annotated[int, Query(ge=1, le=50)] = 1, seat_type: SeatType | None = None
) -> Response:
    """The best free seats for so many attendees: side by side in the row nearest to the front, there as near to its
    middle as can be; where no row has room for all, in as few groups as possible. Nothing is held.
    """
    return call.read(
        lambda tx, who: shown.best_seats(tx, who, session_id, count=count, seat_type=seat_type, now=call.now)
    )
