"""The seats of a session as they are shown: the map by rows, and the best that are free together."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from api.moves import Answer, Principal
from catalogue.seat_choice import best_together
from engine.database import Row, Transaction
from engine.errors import NotFound
from models import SeatType
from workflows.wanted_seats import position

_SESSION = """
SELECT s.id AS session_id, s.venue_id, v.name AS venue, s.price_minor, s.capacity, s.taken, p.status,
       (SELECT json_object_agg(x.seat_type, x.price_minor) FROM (
            SELECT DISTINCT ON (seat_type) seat_type, price_minor FROM seat_price
            WHERE organisation_id = %(org)s AND term_program_set_id = p.id
              AND (term_product_id IS NULL OR term_product_id = s.id)
            ORDER BY seat_type, term_product_id NULLS LAST) x) AS prices
FROM term_product s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN venue v ON v.organisation_id = s.organisation_id AND v.id = s.venue_id
WHERE s.organisation_id = %(org)s AND s.id = %(session_id)s
"""

# A hold whose timeout has passed is void when it is read, whatever the worker does.
_SEATS = """
SELECT x.id, x.row_name, x.row_position, x.number, x.seat_type, o.account_id
FROM seat x
LEFT JOIN place_claim c ON c.organisation_id = x.organisation_id AND c.term_product_id = %(session_id)s
     AND c.seat_id = x.id
     AND NOT EXISTS (SELECT FROM timer t WHERE t.organisation_id = c.organisation_id AND t.subject_id = c.order_id
                     AND t.status = 'ARMED' AND t.due_at <= %(now)s)
LEFT JOIN term_booking_order o ON o.organisation_id = c.organisation_id AND o.id = c.order_id
WHERE x.organisation_id = %(org)s AND x.venue_id = %(venue_id)s
ORDER BY x.row_position, x.number
"""


def venue_seats(tx: Transaction, venue_id: UUID) -> Answer:
    """Every seat of a venue by rows from the front. Raises NotFound."""
    if tx.row("SELECT 1 FROM venue WHERE organisation_id = %(org)s AND id = %(id)s", id=venue_id) is None:
        raise NotFound("There is no such venue.", what="venue")
    seats = tx.rows("SELECT id, row_name, row_position, number, seat_type FROM seat WHERE organisation_id = %(org)s "
                    "AND venue_id = %(id)s ORDER BY row_position, number", id=venue_id)  # fmt: skip
    rows = [
        {"row": row[0]["row_name"],
         "seats": [{name: seat[name] for name in ("id", "number", "seat_type")} for seat in row]}
        for row in _by_row(seats)
    ]  # fmt: skip
    return Answer({"venue_id": venue_id, "count": len(seats), "rows": rows})


def seat_map(tx: Transaction, principal: Principal, session_id: UUID, *, now: datetime) -> Answer:
    """Every seat of a seated session by rows from the front. Raises NotFound."""
    session = _seated_session(tx, principal, session_id)
    seats = tx.rows(_SEATS, session_id=session_id, venue_id=session["venue_id"], now=now)
    prices = _prices(session)
    return Answer({
        "session_id": session_id, "venue_id": session["venue_id"], "venue": session["venue"],
        "capacity": session["capacity"], "free": sum(seat["account_id"] is None for seat in seats),
        "prices": [{"seat_type": kind, "price_minor": minor, "price": principal.money(minor)}
                   for kind, minor in prices.items()],
        "rows": [{"row": row[0]["row_name"], "seats": [_seat(principal, seat, prices) for seat in row]}
                 for row in _by_row(seats)],
    })  # fmt: skip


def best_seats(
    tx: Transaction, principal: Principal, session_id: UUID, *, count: int, seat_type: SeatType | None, now: datetime
) -> Answer:
    """The best free seats together, for as many as there are of them. Raises NotFound."""
    session = _seated_session(tx, principal, session_id)
    rows = tx.rows(_SEATS, session_id=session_id, venue_id=session["venue_id"], now=now)
    free = frozenset(row["id"] for row in rows if row["account_id"] is None)
    seats = best_together([position(row) for row in rows], free=free, count=count, seat_type=seat_type)
    prices = _prices(session)
    shown = [{"id": seat.id, "row": seat.row_name, "number": seat.number, "seat_type": seat.seat_type,
              "price_minor": prices[seat.seat_type], "state": "FREE"} for seat in seats]  # fmt: skip
    return Answer({
        "session_id": session_id, "asked": count, "seats": shown, "groups": _groups(shown),
        "total_minor": sum(seat["price_minor"] for seat in shown),
    })  # fmt: skip


def best_seat(
    tx: Transaction, principal: Principal, session_id: UUID, *, now: datetime, wished: UUID | None = None
) -> UUID | None:
    """The seat that is wished while it is free, else the best; none where all are taken, which the cart says."""
    session = _seated_session(tx, principal, session_id)
    rows = tx.rows(_SEATS, session_id=session_id, venue_id=session["venue_id"], now=now)
    free = frozenset(row["id"] for row in rows if row["account_id"] is None)
    if wished in free:
        return wished
    return next((seat.id for seat in best_together([position(row) for row in rows], free=free, count=1)), None)


def _by_row(seats: Sequence[Row]) -> list[list[Row]]:
    return [list(row) for _, row in groupby(seats, key=lambda seat: seat["row_position"])]


def _seated_session(tx: Transaction, principal: Principal, session_id: UUID) -> Row:
    session = tx.row(_SESSION, session_id=session_id)
    if session is None or (principal.actor.is_family and session["status"] != "PUBLISHED"):
        raise NotFound("There is no such seated session.", what="session")
    return session


def _prices(session: Row) -> dict[SeatType, int]:
    """What a seat of each type costs: its own price, else the session's."""
    own: dict[str, int] = session["prices"] or {}
    usual: int = session["price_minor"]
    return {kind: own.get(kind.value, usual) for kind in SeatType}


def _seat(principal: Principal, seat: Row, prices: dict[SeatType, int]) -> dict[str, Any]:
    holder = seat["account_id"]
    state = "FREE" if holder is None else "YOURS" if holder in principal.actor.account_ids else "TAKEN"
    return {
        "id": seat["id"], "number": seat["number"], "seat_type": seat["seat_type"],
        "price_minor": prices[SeatType(seat["seat_type"])], "state": state,
    }  # fmt: skip


def _groups(seats: Sequence[dict[str, Any]]) -> int:
    """In how many groups the party sits."""
    ordered = sorted(seats, key=lambda seat: (seat["row"], seat["number"]))
    return sum(
        1 for n, seat in enumerate(ordered)
        if n == 0 or (ordered[n - 1]["row"], ordered[n - 1]["number"] + 1) != (seat["row"], seat["number"])
    )  # fmt: skip
