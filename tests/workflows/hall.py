"""A seated show at the centre: a hall with rows A to D of six seats, and everything one asks of it."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from catalogue.seat_plan import Block
from catalogue.venues import keep_seats, seat_offering
from engine.ids import new_id
from models import SeatType, Venue
from tests import builders as build
from tests.workflows.centre import Centre, Course, Row

VIP, REGULAR, ECONOMY = SeatType.VIP, SeatType.REGULAR, SeatType.ECONOMY
PRICES = {VIP: 4520, REGULAR: 2260}
BLOCKS = (Block("A", "1-6", VIP), Block("B-C", "1-6", REGULAR), Block("D", "1-2, 5-6", ECONOMY))


@dataclass
class Show(Course):
    """A seated course; `seats` by their label, such as "A1"."""

    centre: Centre = field(kw_only=True)
    venue: Row = field(kw_only=True)
    seats: dict[str, UUID] = field(default_factory=dict)

    def asking(self, *labels: str) -> list[Row]:
        """A line for each session, in order, with that seat."""
        return [{"session_id": i, "seat_id": self.seats[label]}
                for i, label in zip(self.ids, labels, strict=False)]  # fmt: skip

    def holders(self, n: int = 0) -> dict[str, UUID]:
        """Which order holds which seat of a session."""
        rows = self.centre.rows(
            "SELECT s.row_name || s.number AS label, c.order_id FROM place_claim c JOIN seat s ON s.id = c.seat_id "
            "WHERE c.term_product_id = %(id)s", id=self.ids[n],
        )  # fmt: skip
        return {row["label"]: row["order_id"] for row in rows}


def venue(centre: Centre, *blocks: Block, name: str | None = None) -> tuple[Row, dict[str, UUID]]:
    """A venue with its seats, by label."""
    made: Row = centre.edit(build.add, Venue, site_id=centre.site["id"], name=name or f"Hall {new_id()}")
    centre.edit(keep_seats, made["id"], blocks or BLOCKS)
    rows = centre.rows("SELECT id, row_name || number AS label FROM seat WHERE venue_id = %(id)s", id=made["id"])
    return made, {row["label"]: row["id"] for row in rows}


def show(centre: Centre, *starts: Any, blocks: tuple[Block, ...] = (), prices: Any = None, **columns: Any) -> Show:
    """A published show of its own, seated in a hall of its own."""
    course = centre.course(*starts, **{"name": "Magic show", "capacity": 1000, **columns})
    hall, seats = venue(centre, *blocks)
    given = PRICES if prices is None else prices
    centre.do(lambda tx, now: seat_offering(tx, course.offering["id"], venue_id=hall["id"], prices=given))
    return Show(course.offering, course.sessions, centre=centre, venue=hall, seats=seats)
