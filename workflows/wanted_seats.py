"""The seats that an order asks for, as they stood after the lock: where they are, what they cost, whose they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from catalogue.seat_choice import Position, nearest_free
from engine.database import Row, Transaction
from models import SeatType

# How many free seats a refusal names.
_NEAREST = 5


@dataclass(frozen=True, slots=True)
class WantedSeat:
    """A seat asked for in a session. `price_minor` is None where its type has no price of its own."""

    position: Position
    venue_id: UUID
    is_taken: bool
    price_minor: int | None
    nearest: tuple[Position, ...] = ()

    @property
    def id(self) -> UUID:
        return self.position.id

    @property
    def label(self) -> str:
        return self.position.label

    @property
    def printed(self) -> str:
        """As a document prints it: "Row C seat 12 (VIP)"."""
        return f"R{self.label[1:]} ({self.position.seat_type.value})"


_WANTED = """
SELECT w.session_id, x.id, x.row_name, x.row_position, x.number, x.seat_type, x.venue_id,
       EXISTS (SELECT FROM place_claim c WHERE c.organisation_id = %(org)s AND c.term_product_id = w.session_id
               AND c.seat_id = x.id AND c.order_id <> ALL(%(order_ids)s)) AS is_taken,
       (SELECT p.price_minor FROM seat_price p
        WHERE p.organisation_id = %(org)s AND p.term_program_set_id = s.term_program_set_id
          AND p.seat_type = x.seat_type AND (p.term_product_id IS NULL OR p.term_product_id = s.id)
        ORDER BY p.term_product_id NULLS LAST LIMIT 1) AS price_minor
FROM unnest(%(sessions)s::uuid[], %(seats)s::uuid[]) AS w (session_id, seat_id)
JOIN term_product s ON s.organisation_id = %(org)s AND s.id = w.session_id
JOIN seat x ON x.organisation_id = %(org)s AND x.id = w.seat_id AND x.venue_id = s.venue_id
"""

_FREE = """
SELECT s.id AS session_id, x.id, x.row_name, x.row_position, x.number, x.seat_type
FROM term_product s
JOIN seat x ON x.organisation_id = s.organisation_id AND x.venue_id = s.venue_id
WHERE s.organisation_id = %(org)s AND s.id = ANY(%(sessions)s)
  AND NOT EXISTS (SELECT FROM place_claim c WHERE c.organisation_id = %(org)s AND c.term_product_id = s.id
                  AND c.seat_id = x.id)
"""


def read_wanted_seats(
    tx: Transaction, wanted: Sequence[tuple[UUID, UUID]], *, order_ids: Sequence[UUID]
) -> dict[tuple[UUID, UUID], WantedSeat]:
    """The seats by (session, seat); one that is not of the session's venue is left out.

    One statement, and another where some are taken: their nearest free ones.
    """
    if not wanted:
        return {}
    sessions, seats = [s for s, _ in wanted], [s for _, s in wanted]
    rows = tx.rows(_WANTED, sessions=sessions, seats=seats, order_ids=list(order_ids))
    lost = [row["session_id"] for row in rows if row["is_taken"]]
    free = tx.rows(_FREE, sessions=lost) if lost else []
    return {(row["session_id"], row["id"]): _seat(row, free) for row in rows}


def _seat(row: Row, free: Sequence[Row]) -> WantedSeat:
    here = position(row)
    others = [position(each) for each in free if each["session_id"] == row["session_id"]] if row["is_taken"] else []
    return WantedSeat(
        here, row["venue_id"], row["is_taken"], row["price_minor"], tuple(nearest_free(here, others, most=_NEAREST))
    )


def position(row: dict[str, Any]) -> Position:
    return Position(row["id"], row["row_name"], row["row_position"], row["number"], SeatType(row["seat_type"]))
