"""A venue's seats in few words: rows "A-T", numbers "1-10, 13-22", a type. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.errors import Invalid, Reason
from models import SeatType

MOST_SEATS = 20_000
_MOST_NUMBER = 1000
_ROW = re.compile(r"^[A-Z0-9]{1,10}$")
_NUMBERS = re.compile(r"^(\d{1,4})(?:\s*-\s*(\d{1,4}))?$")


@dataclass(frozen=True, slots=True)
class Block:
    """Rows from the front to the back, and the seats of each: `A-T` or `1-20` or `A, C, F`; `1-10, 13-22`."""

    rows: str
    numbers: str
    seat_type: SeatType


@dataclass(frozen=True, slots=True)
class PlannedSeat:
    """One seat that a venue should have."""

    row_name: str
    row_position: int
    number: int
    seat_type: SeatType


def plan_seats(blocks: Sequence[Block]) -> list[PlannedSeat]:
    """Every seat of the blocks. Rows stand in the order in which they are named first, the front row first.

    Raises Invalid naming the block and the field: rows or numbers that cannot be read, a position twice, too many.
    """
    positions: dict[str, int] = {}
    seats: dict[tuple[str, int], PlannedSeat] = {}
    reasons: list[Reason] = []
    for n, block in enumerate(blocks):
        try:
            rows = list(dict.fromkeys(_rows(block.rows)))
        except ValueError as fault:
            reasons.append(Reason("unreadable_seats", str(fault), field=f"blocks[{n}].rows"))
            continue
        try:
            numbers = _numbers(block.numbers)
        except ValueError as fault:
            reasons.append(Reason("unreadable_seats", str(fault), field=f"blocks[{n}].numbers"))
            continue
        if len(seats) + len(rows) * len(numbers) > MOST_SEATS:
            reasons.append(Reason("too_many", f"A venue has at most {MOST_SEATS} seats.", field=f"blocks[{n}]"))
            break
        for row in rows:
            position = positions.setdefault(row, len(positions))
            for number in numbers:
                if (row, number) in seats:
                    reasons.append(Reason("twice", f"Row {row} seat {number} is named twice.", field=f"blocks[{n}]"))
                    break
                seats[row, number] = PlannedSeat(row, position, number, block.seat_type)
    if reasons:
        raise Invalid("The seats cannot be made.", reasons=reasons)
    return list(seats.values())


def _rows(text: str) -> Iterator[str]:
    for part in text.upper().split(","):
        first, is_range, last = (piece.strip() for piece in part.partition("-"))
        if not _ROW.match(first) or (is_range and not _ROW.match(last)):
            raise ValueError(f"Rows are written as A-T, 1-20 or A, C, F; not {text!r}.")
        yield from _row_range(first, last, text) if is_range else (first,)


def _row_range(first: str, last: str, text: str) -> Iterator[str]:
    if first.isdecimal() and last.isdecimal() and len(last) <= 4 and int(first) <= int(last):
        return (str(number) for number in range(int(first), int(last) + 1))
    if len(first) == len(last) == 1 and first.isalpha() and last.isalpha() and first <= last:
        return (chr(letter) for letter in range(ord(first), ord(last) + 1))
    raise ValueError(f"A range of rows goes from letter to letter or from number to number, not as in {text!r}.")


def _numbers(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        match = _NUMBERS.match(part.strip())
        first = int(match[1]) if match else 0
        last = int(match[2] or match[1]) if match else 0
        if not 1 <= first <= last <= _MOST_NUMBER:
            raise ValueError(f"Seat numbers are written as 1-30 or 1-10, 13-22, up to {_MOST_NUMBER}; not {text!r}.")
        found += range(first, last + 1)
    if len(set(found)) < len(found):
        raise ValueError(f"A seat number is named twice in {text!r}.")
    return found
