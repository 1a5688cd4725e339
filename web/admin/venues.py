"""The seats of a venue, as a picture and as blocks of rows; how an offering is seated, and what its seats cost."""

import re
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.editing import find
from api.moves import Answer, Principal
from api.reads import desk
from api.reads import seats as shown
from api.records import OFFERINGS, VENUES
from api.schemas.seats import NewSeating, SeatPlan
from catalogue import venues
from catalogue.seat_plan import Block
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, Reason, TermbookError
from engine.money import to_major
from models import SeatType
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.visitor import Admin
from web.words import N_

router = APIRouter()

_BLOCK = re.compile(r"\s*([^:]+?)\s*:\s*([^:]+?)\s*(?::\s*([A-Za-z]+)\s*)?$")


@router.get("/admin/venues/{venue_id}/seats")
def show_seats(visit: Admin, venue_id: UUID) -> Response:
    return _page(visit, venue_id)


def _page(
    visit: Admin, venue_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        plan = shown.venue_seats(tx, venue_id).body
        assert plan is not None
        return {"venue": find(tx, VENUES, venue_id).model_dump(), "plan": plan, "blocks": _written(plan["rows"])}

    return visit.show("admin/seats.html", query, form=form, refusal=refusal)


def _written(rows: list[Row]) -> str:
    """The seats as blocks, one a line: a row's seats of one type, in stretches."""
    lines: list[str] = []
    for row in rows:
        for kind in SeatType:
            numbers = [seat["number"] for seat in row["seats"] if seat["seat_type"] == kind]
            if numbers:
                lines.append(f"{row['row']}: {_stretches(numbers)}: {kind.value}")
    return "\n".join(lines)


def _stretches(numbers: list[int]) -> str:
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][-1] == number - 1:
            found[-1].append(number)
        else:
            found.append([number])
    return ", ".join(str(one[0]) if len(one) == 1 else f"{one[0]}-{one[-1]}" for one in found)


@router.post("/admin/venues/{venue_id}/seats")
def set_seats(visit: Admin, venue_id: UUID, form: Posted) -> Response:
    """Make, change and remove seats until they are what the lines say; one that is booked is never removed."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        asked = checked(SeatPlan, {"blocks": [_block(line) for line in form.lines("blocks")]})
        made = venues.keep_seats(tx, venue_id, [Block(**block.model_dump()) for block in asked.blocks])
        return Answer({"seats": made.seats, "created": made.created, "removed": made.removed})

    try:
        made = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, venue_id, form, refusal)
    return visit.go(f"/admin/venues/{venue_id}/seats", visit.say(
        "%(seats)s seats in total: %(created)s created, %(removed)s removed.", **made))  # fmt: skip


def _block(line: str) -> Row:
    """One line of the plan. Raises Invalid."""
    found = _BLOCK.match(line)
    if found is None:
        message = N_("Line %(line)s isn't a block of seats. Write rows, a colon, then numbers.")
        raise Invalid(message, reasons=[Reason("malformed", message, field="blocks", facts={"line": line[:40]})])
    return {"rows": found[1], "numbers": found[2], "seat_type": (found[3] or SeatType.REGULAR.value).upper()}


@router.get("/admin/offerings/{offering_id}/seating")
def show_seating(visit: Admin, offering_id: UUID) -> Response:
    return _seating_page(visit, offering_id)


def _seating_page(
    visit: Admin, offering_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        seating = venues.read_seating(tx, offering_id=offering_id)
        prices = {kind.value: str(to_major(minor, who.organisation["currency"]))
                  for kind, minor in seating.prices.items()}  # fmt: skip
        return {"offering": find(tx, OFFERINGS, offering_id).model_dump(), "seating": seating, "prices": prices,
                "venues": desk.choices(tx, "venue")}  # fmt: skip

    return visit.show("admin/seating.html", query, form=form, refusal=refusal, types=[one.value for one in SeatType])


@router.post("/admin/offerings/{offering_id}/seating")
def seat_offering(visit: Admin, offering_id: UUID, form: Posted) -> Response:
    """Seat its sessions in a venue of its site; those that are booked stay as they are."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        prices = [{"seat_type": kind.value, "price_minor": form.amount(kind.value, who.organisation)}
                  for kind in SeatType if form.text(kind.value)]  # fmt: skip
        asked = checked(NewSeating, {"venue_id": form.text("venue_id") or None, "prices": prices})
        seating = venues.seat_offering(tx, offering_id, venue_id=asked.venue_id,
                                       prices={one.seat_type: one.price_minor for one in asked.prices})  # fmt: skip
        return Answer({"changed": seating.changed, "kept": len(seating.kept)})

    try:
        made = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _seating_page(visit, offering_id, form, refusal)
    return visit.go(f"/admin/offerings/{offering_id}/seating", visit.say(
        "Seating set for %(changed)s sessions. %(kept)s booked sessions stay as they were.", **made))  # fmt: skip
