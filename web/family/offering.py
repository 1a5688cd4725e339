"""One program: its weeks with a box for each child, and what it comes to while one ticks."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from api.moves import Principal
from api.reads import programmes
from api.reads.sessions import one_session
from catalogue.activities import read_activities
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound
from models import SessionStatus
from web.family.choosing import (
    FULL_WEEK,
    chosen_lines,
    clashes_in,
    code_of,
    live_answer,
    outlook_of,
    put_into_cart,
    read_choice,
    ticked_in,
)
from web.forms import NOTHING_SENT, Form, Posted
from web.visitor import Family
from web.words import monday

router = APIRouter()


@router.get("/family/programs/{offering_id}")
def show_offering(visit: Family, offering_id: UUID) -> Response:
    return _page(visit, offering_id)


@router.get("/family/sessions/{session_id}")
def find_session(visit: Family, session_id: UUID) -> Response:
    """Where one ticks this session: its program, at its day."""
    found = visit.fetch(lambda tx, who: one_session(tx, who, session_id, now=visit.now).body)
    return visit.go(f"/family/programs/{found['offering_id']}#s-{session_id}")


@router.post("/family/programs/{offering_id}")
def choose(visit: Family, offering_id: UUID, form: Posted) -> Response:
    """Keep what is ticked in the cart, or only say what it would come to."""
    if form.text("do") == "look":
        return _page(visit, offering_id, form=form)
    seen = visit.fetch(lambda tx, who: _seen(visit, tx, who, offering_id))
    try:
        kept = put_into_cart(visit, form, seen, chosen_lines(form, seen))
    except (Conflict, Invalid) as refusal:
        return _page(visit, offering_id, form=form, refusal=refusal)
    said = visit.say("%(name)s has been added to your cart.", name=seen["offering"]["name"]) if kept else ""
    return visit.go("/family/cart" if kept else f"/family/programs/{offering_id}", said)


@router.post("/family/programs/{offering_id}/price")
def price(visit: Family, offering_id: UUID, form: Posted) -> Response:
    """What the ticks come to, for the page's script."""
    seen = visit.fetch(lambda tx, who: _seen(visit, tx, who, offering_id))
    return JSONResponse(live_answer(visit, seen, _outlook(visit, seen, form)))


def _page(visit: Family, offering_id: UUID, *, form: Form = NOTHING_SENT, refusal: Any = None) -> Response:
    seen = visit.fetch(lambda tx, who: _seen(visit, tx, who, offering_id))
    outlook = _outlook(visit, seen, form)
    return visit.show(
        "family/offering.html", None, form=form, refusal=refusal, **seen, ticked=ticked_in(form, seen),
        weeks=_groups(seen["offering"], seen["sessions"]), outlook=outlook, clashes=clashes_in(outlook),
    )  # fmt: skip


def _seen(visit: Family, tx: Transaction, who: Principal, offering_id: UUID) -> Row:
    """All that the page shows of the program and of who may come."""
    offering = programmes.one(tx, offering_id, now=visit.now)
    if offering is None:
        raise NotFound("This program has no sessions to come any more.", what="offering")
    sessions = programmes.sessions_to_come(tx, offering_id, now=visit.now)
    seen = read_choice(tx, who, [offering], sessions, term_id=offering["term_id"])
    children = [{**child, "why_not": seen["why_not"][child["id"], offering_id]} for child in seen["children"]]
    every = {extra["extra_id"]: extra for extras in seen["extras"].values() for extra in extras}
    return {
        **seen, "offering": offering, "children": children, "every_extra": list(every.values()),
        "fitting": [child for child in children if not child["why_not"]],
        "activities": activities_of(tx, offering["id"]),
    }  # fmt: skip


def activities_of(tx: Transaction, offering_id: UUID) -> dict[date, list[Row]]:
    """What is on at each day of a holiday programme."""
    found: dict[date, list[Row]] = {}
    for activity in read_activities(tx, offering_id, published_only=False):
        if activity["status"] != SessionStatus.OPEN:
            continue
        found.setdefault(activity["date"], []).append(activity)
    return found


def _outlook(visit: Family, seen: Row, form: Form) -> Row:
    """What the cart comes to with the ticks of the form, else as it stands."""
    return outlook_of(visit, seen, chosen_lines(form, seen) if form.fields else None, code_of(form))


def _groups(offering: Row, sessions: Sequence[Row]) -> list[Row]:
    """Sessions as the page lays them out: by week from Monday on, or by month where a week has one session at most."""
    found: dict[date, list[Row]] = {}
    for session in sessions:
        found.setdefault(monday(session["local_date"]), []).append(session)
    if FULL_WEEK in offering["modes"] or any(len(each) > 1 for each in found.values()):
        return [{"monday": first, "is_week": True, "sessions": each} for first, each in found.items()]
    months: dict[date, list[Row]] = {}
    for session in sessions:
        months.setdefault(session["local_date"].replace(day=1), []).append(session)
    return [{"monday": first, "is_week": False, "sessions": each} for first, each in months.items()]
