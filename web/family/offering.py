"""One program: its weeks with a box for each child, and what it comes to while one ticks."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from api.moves import Principal
from api.reads.sessions import one_session
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid
from web.choosing import chosen_lines, clashes_in, code_of, live_answer, refuse_unknown, ticked_in
from web.family.choosing import outlook_of, put_into_cart, read_choice
from web.forms import NOTHING_SENT, Form, Posted
from web.offering_choice import read_offering
from web.visitor import Family

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
        refuse_unknown(form, seen)
        kept = put_into_cart(visit, form, seen, chosen_lines(form, seen))
    except (Conflict, Invalid) as refusal:
        return _page(visit, offering_id, form=form, refusal=refusal)
    said = visit.say("%(name)s has been added to your cart.", name=seen["offering"]["name"]) if kept else ""
    return visit.go("/family/cart" if kept else f"/family/programs/{offering_id}", said)


@router.post("/family/programs/{offering_id}/price")
def price(visit: Family, offering_id: UUID, form: Posted) -> Response:
    """What the ticks come to, for the page's script."""
    seen = visit.fetch(lambda tx, who: _seen(visit, tx, who, offering_id))
    refuse_unknown(form, seen)
    return JSONResponse(live_answer(visit, seen, _outlook(visit, seen, form)))


def _page(visit: Family, offering_id: UUID, *, form: Form = NOTHING_SENT, refusal: Any = None) -> Response:
    seen = visit.fetch(lambda tx, who: _seen(visit, tx, who, offering_id))
    outlook = _outlook(visit, seen, form)
    return visit.show(
        "family/offering.html", None, form=form, refusal=refusal, **seen, ticked=ticked_in(form, seen),
        outlook=outlook, clashes=clashes_in(outlook), seats_at="/family/seats",
    )  # fmt: skip


def _seen(visit: Family, tx: Transaction, who: Principal, offering_id: UUID) -> Row:
    """All that the page shows of the program and of who may come."""
    return read_offering(tx, offering_id, now=visit.now, choice=lambda offering, sessions: read_choice(
        tx, who, [offering], sessions, term_id=offering["term_id"]))  # fmt: skip


def _outlook(visit: Family, seen: Row, form: Form) -> Row:
    """What the cart comes to with the ticks of the form, else as it stands."""
    return outlook_of(visit, seen, chosen_lines(form, seen) if form.fields else None, code_of(form))
