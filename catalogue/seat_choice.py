"""Which seats are best together, and which are nearest to one that is gone. Pure, and always the same answer.

Seats are side by side when they are in one row and their numbers follow each other: a missing number is an aisle.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from models import SeatType


@dataclass(frozen=True, slots=True)
class Position:
    """A seat of a venue; `row_position` 0 is the front row."""

    id: UUID
    row_name: str
    row_position: int
    number: int
    seat_type: SeatType

    @property
    def label(self) -> str:
        """How a person names it: "row C seat 12"."""
        return seat_label(self.row_name, self.number)


def seat_label(row_name: str, number: int) -> str:
    return f"row {row_name} seat {number}"


def best_together(
    seats: Iterable[Position], *, free: frozenset[UUID], count: int, seat_type: SeatType | None = None
) -> list[Position]:
    """The best free seats for so many people, of one type if asked; fewer when there are not as many.

    Side by side in one row, the row nearest to the front, there as near to its middle as can be (the lower numbers of
    two alike). Where no row has room for all: as few groups as possible, the largest that there is first, and what is
    left of the party in the rows nearest to it.
    """
    assert count > 0, "somebody wants to sit"
    seats = list(seats)
    middles = _middles(seats)
    runs = _runs(seat for seat in seats if seat.id in free and seat_type in (None, seat.seat_type))
    chosen: list[Position] = []
    while runs and len(chosen) < count:
        size = min(count - len(chosen), max(len(run) for run in runs))
        near = chosen[0].row_position if chosen else None
        block = min(_blocks(runs, size), key=lambda b: _rank(b, middles, near))
        chosen += block
        runs = _without(runs, block)
    return chosen


def nearest_free(to: Position, free: Iterable[Position], *, most: int) -> list[Position]:
    """The free seats nearest to one: of its own type first, then by rows and seats to move."""
    return sorted(
        free,
        key=lambda seat: (
            seat.seat_type is not to.seat_type,
            abs(seat.row_position - to.row_position) + abs(seat.number - to.number),
            abs(seat.row_position - to.row_position), seat.row_position, seat.number,
        ),
    )[:most]  # fmt: skip


def _middles(seats: Sequence[Position]) -> dict[int, int]:
    """The middle of each row, doubled to stay whole: its lowest number plus its highest."""
    numbers: dict[int, list[int]] = defaultdict(list)
    for seat in seats:
        numbers[seat.row_position].append(seat.number)
    return {row: min(found) + max(found) for row, found in numbers.items()}


def _runs(seats: Iterable[Position]) -> list[list[Position]]:
    """Seats side by side, longest stretches."""
    runs: list[list[Position]] = []
    for seat in sorted(seats, key=lambda s: (s.row_position, s.number)):
        last = runs[-1][-1] if runs else None
        if last and (last.row_position, last.number + 1) == (seat.row_position, seat.number):
            runs[-1].append(seat)
        else:
            runs.append([seat])
    return runs


def _blocks(runs: Iterable[list[Position]], size: int) -> Iterable[list[Position]]:
    for run in runs:
        for first in range(len(run) - size + 1):
            yield run[first : first + size]


def _rank(block: list[Position], middles: dict[int, int], near: int | None) -> tuple[int, int, int, int]:
    row = block[0].row_position
    off_middle = abs(block[0].number + block[-1].number - middles[row])
    return (0 if near is None else abs(row - near), row, off_middle, block[0].number)


def _without(runs: list[list[Position]], block: list[Position]) -> list[list[Position]]:
    taken = {seat.id for seat in block}
    return _runs(seat for run in runs for seat in run if seat.id not in taken)
