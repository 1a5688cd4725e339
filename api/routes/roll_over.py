"""Rolling the offerings of a term over into the next: looked at first, then made."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import ADMIN, creates, for_roles
from api.schemas.base import Moment
from api.schemas.roll_over import NewRollOver, RollOver
from catalogue import roll_over as rolling
from engine.database import Transaction

router = APIRouter(tags=["programme"])


@router.get("/terms/{term_id}/roll-overs/{from_term_id}", **for_roles(ADMIN, 404, 409, response_model=RollOver))
def preview_roll_over(
    term_id: UUID, from_term_id: UUID, call: Called, bookable_from: Moment | None = None,
    priority_from: Moment | None = None,
) -> Response:  # fmt: skip
    """What a roll-over from an earlier term into this draft would make: each offering with its sessions, the dates that
    fall on closure days, what does not fit and why. Nothing is written.
    """
    window = rolling.Window(bookable_from, priority_from)

    def query(tx: Transaction, who: Principal) -> Answer:
        return Answer(_shown(rolling.preview(tx, from_term_id=from_term_id, term_id=term_id, window=window)))

    return call.read(query)


@router.post("/terms/{term_id}/roll-overs/{from_term_id}", **for_roles(ADMIN, *creates(404), response_model=RollOver))
def make_roll_over(term_id: UUID, from_term_id: UUID, body: NewRollOver, call: Called) -> Response:
    """Make what the preview showed. A second run makes nothing twice; offerings that were made stay as they are."""
    window = rolling.Window(body.bookable_from, body.priority_from)

    def verb(tx: Transaction, who: Principal) -> Answer:
        made = rolling.roll_over(
            tx, from_term_id=from_term_id, term_id=term_id, window=window, fingerprint=body.fingerprint
        )
        return Answer(_shown(made, is_made=True))

    return call.move(verb)


def _shown(planned: rolling.RollOver, *, is_made: bool = False) -> dict[str, Any]:
    term = planned.term
    return {
        "from_term_id": planned.from_term["id"], "term_id": term["id"], "term_name": term["name"],
        "starts_on": term["starts_on"], "ends_on": term["ends_on"], "weeks": planned.weeks,
        "offerings_to_make": len(planned.of(rolling.Fate.ROLLS)), "sessions_to_make": planned.sessions,
        "offerings": [_offering(each, is_made=is_made) for each in planned.offerings],
        "fingerprint": planned.fingerprint,
    }  # fmt: skip


def _offering(each: rolling.Rolled, *, is_made: bool) -> dict[str, Any]:
    days = [slot.local_date for slot in each.slots if slot.local_date]
    is_there = is_made or each.fate is rolling.Fate.ROLLED
    return {
        "from_offering_id": each.source["id"], "offering_id": each.offering_id if is_there else None,
        "name": each.source["name"], "program": each.source["program"], "fate": each.fate, "reason": each.reason,
        "sessions": len(each.slots), "first_date": min(days, default=None), "last_date": max(days, default=None),
        "skipped": [{"date": skipped.date, "reason": skipped.reason} for skipped in each.skipped],
    }  # fmt: skip
