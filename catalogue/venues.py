"""Seats of a venue, and which offerings and sessions are seated there at what prices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from catalogue.seat_choice import seat_label
from catalogue.seat_plan import Block, plan_seats
from catalogue.sets import insert_rows, update_rows
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason
from engine.ids import new_id
from engine.words import so_many
from models import Seat, SeatPrice, SeatType

Prices = Mapping[SeatType, int]


class SeatInUse(Conflict):
    """A seat that somebody asked for or holds cannot be taken away."""

    code = "seat_in_use"


class SessionInUse(Conflict):
    """A session that somebody holds cannot change how it is seated."""

    code = "session_in_use"


@dataclass(slots=True)
class SeatChanges:
    """What keeping the seats of a venue in step did; `seats` is how many it has now."""

    created: int = 0
    changed: int = 0
    removed: int = 0
    seats: int = 0


@dataclass(slots=True)
class Seating:
    """How an offering or a session is seated: prices in minor units by seat type, `kept` sessions that are booked."""

    venue_id: UUID | None
    seats: int
    prices: dict[SeatType, int]
    changed: int = 0
    kept: list[UUID] = field(default_factory=list)


_SEATS = "SELECT * FROM seat WHERE organisation_id = %(org)s AND venue_id = %(venue_id)s"

_IN_USE = """
SELECT s.row_name, s.number FROM seat s
WHERE s.organisation_id = %(org)s AND s.id = ANY(%(ids)s) AND (
    EXISTS (SELECT FROM term_booking_order_line l WHERE l.organisation_id = %(org)s AND l.seat_id = s.id)
    OR EXISTS (SELECT FROM term_booking_line l WHERE l.organisation_id = %(org)s AND l.seat_id = s.id))
ORDER BY s.row_position, s.number LIMIT 1
"""

# Places = min(seats, capacity); nobody holds a seat that is gone, so what is taken still fits.
_FIT_SESSIONS = """
UPDATE term_product SET capacity = %(seats)s
WHERE organisation_id = %(org)s AND venue_id = %(venue_id)s AND capacity > %(seats)s
"""


def lock_venue(tx: Transaction, venue_id: UUID) -> Row:
    """The venue, so that its seats do not change meanwhile. Raises NotFound."""
    found = tx.row("SELECT id, site_id, name FROM venue WHERE organisation_id = %(org)s AND id = %(venue_id)s "
                   "FOR NO KEY UPDATE", venue_id=venue_id)  # fmt: skip
    if found is None:
        raise NotFound("There is no such venue.", what="venue")
    return found


def keep_seats(tx: Transaction, venue_id: UUID, blocks: Sequence[Block]) -> SeatChanges:
    """Make, change and remove seats until they are what the blocks say.

    Sessions of the venue never keep more places than it has seats. Raises NotFound, Invalid (blocks that cannot be
    read, a position twice), SeatInUse.
    """
    planned = {(seat.row_name, seat.number): seat for seat in plan_seats(blocks)}
    lock_venue(tx, venue_id)
    known = {(row["row_name"], row["number"]): row for row in tx.rows(_SEATS, venue_id=venue_id)}
    gone = [row["id"] for place, row in known.items() if place not in planned]
    if gone and (used := tx.row(_IN_USE, ids=gone)):
        label = seat_label(used["row_name"], used["number"])
        raise SeatInUse(f"The seat is in an order or a booking: {label}.")
    fresh = [
        {"id": new_id(), "venue_id": venue_id, "row_name": seat.row_name, "row_position": seat.row_position,
         "number": seat.number, "seat_type": seat.seat_type}
        for place, seat in planned.items() if place not in known
    ]  # fmt: skip
    changed = [
        {"id": row["id"], "row_position": seat.row_position, "seat_type": seat.seat_type}
        for place, row in known.items() if (seat := planned.get(place))
        and (seat.row_position, seat.seat_type) != (row["row_position"], row["seat_type"])
    ]  # fmt: skip
    if gone:
        _remove(tx, gone)
    insert_rows(tx, Seat, fresh)
    update_rows(tx, Seat, changed)
    tx.run(_FIT_SESSIONS, seats=len(planned), venue_id=venue_id)
    return SeatChanges(len(fresh), len(changed), len(gone), len(planned))


def _remove(tx: Transaction, ids: Sequence[UUID]) -> None:
    """Raises SeatInUse also where a cart was saved with one of them at this moment."""
    try:
        tx.run("DELETE FROM seat WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)", ids=ids)
    except psycopg.errors.ForeignKeyViolation as violation:
        raise SeatInUse("Somebody asked for one of the seats at this moment; look again.") from violation


_OFFERING = """
SELECT o.id, o.venue_id, o.capacity, p.site_id FROM term_program_set o
JOIN program p ON p.organisation_id = o.organisation_id AND p.id = o.program_id
WHERE o.organisation_id = %(org)s AND o.id = %(offering_id)s FOR NO KEY UPDATE OF o
"""
_SESSIONS = """
SELECT id, venue_id, is_seated FROM term_product
WHERE organisation_id = %(org)s AND term_program_set_id = %(offering_id)s AND product_type = 'SESSION'
  AND (%(session_id)s::uuid IS NULL OR id = %(session_id)s) AND venue_id IS DISTINCT FROM %(venue_id)s
ORDER BY id FOR UPDATE
"""
_HELD = "SELECT DISTINCT term_product_id AS id FROM place_claim WHERE organisation_id = %(org)s AND term_product_id = ANY(%(ids)s)"  # noqa: E501
_SEAT_SESSIONS = """
UPDATE term_product SET venue_id = %(venue_id)s, is_seated = %(venue_id)s::uuid IS NOT NULL, capacity = %(capacity)s
WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)
"""
_CLEAR_PRICES = """
DELETE FROM seat_price WHERE organisation_id = %(org)s AND term_program_set_id = %(offering_id)s
  AND term_product_id IS NOT DISTINCT FROM %(session_id)s::uuid
"""


def seat_offering(tx: Transaction, offering_id: UUID, *, venue_id: UUID | None, prices: Prices) -> Seating:
    """Seat the offering's sessions in a venue of its site, at these prices; None: they are not seated any more.

    A session that somebody holds stays as it is and comes back in `kept`. Raises NotFound, Invalid.
    """
    offering = tx.row(_OFFERING, offering_id=offering_id)
    if offering is None:
        raise NotFound("There is no such offering.", what="offering")
    seating = _seating(tx, offering, venue_id, prices)
    tx.run("UPDATE term_program_set SET venue_id = %(venue_id)s WHERE organisation_id = %(org)s AND id = %(id)s",
           venue_id=venue_id, id=offering_id)  # fmt: skip
    _seat_sessions(tx, offering, seating, session_id=None)
    _set_prices(tx, offering_id, None, prices)
    return seating


def seat_session(tx: Transaction, session_id: UUID, *, venue_id: UUID | None, prices: Prices) -> Seating:
    """The same for one session, with prices of its own where they differ. Raises NotFound, Invalid, SessionInUse."""
    found = tx.row("SELECT term_program_set_id AS id FROM term_product WHERE organisation_id = %(org)s "
                   "AND id = %(session_id)s AND product_type = 'SESSION'", session_id=session_id)  # fmt: skip
    offering = tx.row(_OFFERING, offering_id=found["id"]) if found else None
    if offering is None:
        raise NotFound("There is no such session.", what="session")
    seating = _seating(tx, offering, venue_id, prices)
    _seat_sessions(tx, offering, seating, session_id=session_id)
    if seating.kept:
        raise SessionInUse("Somebody holds a place in this session: how it is seated cannot change.")
    _set_prices(tx, offering["id"], session_id, prices)
    return seating


def _seating(tx: Transaction, offering: Row, venue_id: UUID | None, prices: Prices) -> Seating:
    if venue_id is None:
        if prices:
            raise Invalid("Seat prices need a venue.", reasons=[
                Reason("session_not_seated", "Seat prices need a venue.", field="prices")])  # fmt: skip
        return Seating(None, 0, {})
    if lock_venue(tx, venue_id)["site_id"] != offering["site_id"]:
        message = "The venue is at another site than the programme."
        raise Invalid(message, reasons=[Reason("venue_elsewhere", message, field="venue_id")])
    counted = tx.row("SELECT count(*) AS n FROM seat WHERE organisation_id = %(org)s AND venue_id = %(venue_id)s",
                     venue_id=venue_id)  # fmt: skip
    return Seating(venue_id, counted["n"] if counted else 0, dict(prices))


def _seat_sessions(tx: Transaction, offering: Row, seating: Seating, *, session_id: UUID | None) -> None:
    """Seat the sessions that nobody holds; looks after it locked them, in a later statement."""
    found = tx.rows(_SESSIONS, offering_id=offering["id"], session_id=session_id, venue_id=seating.venue_id)
    ids = [row["id"] for row in found]
    held = {row["id"] for row in tx.rows(_HELD, ids=ids)} if ids else set()
    seating.kept = sorted(held)
    free = [each for each in ids if each not in held]
    capacity = offering["capacity"] if seating.venue_id is None else min(offering["capacity"], seating.seats)
    if free:
        seating.changed = tx.run(_SEAT_SESSIONS, ids=free, venue_id=seating.venue_id, capacity=capacity)


def _set_prices(tx: Transaction, offering_id: UUID, session_id: UUID | None, prices: Prices) -> None:
    tx.run(_CLEAR_PRICES, offering_id=offering_id, session_id=session_id)
    insert_rows(tx, SeatPrice, [
        {"id": new_id(), "term_program_set_id": offering_id, "term_product_id": session_id, "seat_type": seat_type,
         "price_minor": price_minor}
        for seat_type, price_minor in prices.items()
    ])  # fmt: skip


def read_seating(tx: Transaction, *, offering_id: UUID | None = None, session_id: UUID | None = None) -> Seating:
    """How an offering, or one session of it, is seated. A session's prices are its own, else its offering's.

    Raises NotFound.
    """
    row = tx.row(
        _READ_SESSION if session_id else _READ_OFFERING, offering_id=offering_id, session_id=session_id,
    )  # fmt: skip
    if row is None:
        raise NotFound(f"There is no such {'session' if session_id else 'offering'}.",
                       what="session" if session_id else "offering")  # fmt: skip
    return Seating(row["venue_id"], row["seats"], {SeatType(t): p for t, p in (row["prices"] or {}).items()})


_COUNT = "(SELECT count(*) FROM seat x WHERE x.organisation_id = %(org)s AND x.venue_id = t.venue_id) AS seats"
_READ_OFFERING = f"""
SELECT t.venue_id, {_COUNT},
       (SELECT json_object_agg(p.seat_type, p.price_minor) FROM seat_price p
        WHERE p.organisation_id = %(org)s AND p.term_program_set_id = t.id AND p.term_product_id IS NULL) AS prices
FROM term_program_set t WHERE t.organisation_id = %(org)s AND t.id = %(offering_id)s
"""
_READ_SESSION = f"""
SELECT t.venue_id, {_COUNT},
       (SELECT json_object_agg(p.seat_type, p.price_minor) FROM (
            SELECT DISTINCT ON (seat_type) seat_type, price_minor FROM seat_price
            WHERE organisation_id = %(org)s AND term_program_set_id = t.term_program_set_id
              AND (term_product_id IS NULL OR term_product_id = t.id)
            ORDER BY seat_type, term_product_id NULLS LAST) p) AS prices
FROM term_product t WHERE t.organisation_id = %(org)s AND t.id = %(session_id)s
"""


def require_seats(tx: Transaction, session_id: UUID, *, capacity: int) -> None:
    """A seated session has no more places than its venue has seats. Locks the venue. Raises Invalid."""
    found = tx.row("SELECT venue_id FROM term_product WHERE organisation_id = %(org)s AND id = %(session_id)s "
                   "AND is_seated", session_id=session_id)  # fmt: skip
    if found is None:
        return
    venue = lock_venue(tx, found["venue_id"])
    seats = len(tx.rows(_SEATS, venue_id=venue["id"]))
    if capacity > seats:
        message = f"{venue['name']} has {so_many(seats, 'seat')}; a session there has no more places."
        raise Invalid(message, reasons=[Reason("more_than_seats", message, field="capacity", rule="seats")])
