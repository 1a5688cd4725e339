"""The rules of seats: where a session is seated, each attendee has a seat there, and nobody else's."""

from collections.abc import Iterator

from engine.errors import Reason
from workflows.double_booking import TAKES_PLACE
from workflows.order_facts import Facts, Order, WantedLine


def is_seat_of_its_session(order: Order, *, facts: Facts, **_: object) -> Iterator[Reason]:
    """A seat is one of the venue where its session is seated."""
    for line in facts.lines:
        venue = line.facts["venue_id"]
        if venue is None and line.seat_id is not None:
            yield _about(line, "session_not_seated", f"{line.label} has no numbered seats; leave the seat out.")
        elif line.seat_id is not None and line.seat is None:
            yield _about(line, "seat_elsewhere", f"The seat is none of the seats of {line.label}.")


def has_seat(order: Order, *, facts: Facts, **_: object) -> Iterator[Reason]:
    """In a seated session everybody has a seat, and it is free; the database has the last word."""
    if order.order_type not in TAKES_PLACE:
        return
    for line in facts.lines:
        if line.facts["venue_id"] is None:
            continue
        if line.seat_id is None:
            yield _about(line, "seat_required", f"{line.label} is seated; choose a seat.")
        elif line.seat is not None and not facts.has_seat_free(line) and line.session_id not in facts.kept:
            yield _taken(line)


def _taken(line: WantedLine) -> Reason:
    assert line.seat is not None
    nearest = line.seat.nearest
    words = f"; the nearest free ones: {', '.join(seat.label for seat in nearest)}" if nearest else ""
    message = f"{line.label}: {line.seat.label} is taken{words}."
    return Reason(
        "seat_taken", message, field=f"lines[{line.position}].seat_id", rule="seats", session=line.label,
        facts={
            "session_id": str(line.session_id), "seat_id": str(line.seat_id),
            "nearest": [{"seat_id": str(seat.id), "row": seat.row_name, "number": seat.number,
                         "seat_type": seat.seat_type.value} for seat in nearest],
        },
    )  # fmt: skip


def _about(line: WantedLine, code: str, message: str) -> Reason:
    return Reason(code, message, field=f"lines[{line.position}].seat_id", rule="seats", session=line.label,
                  facts={"session_id": str(line.session_id)})  # fmt: skip
