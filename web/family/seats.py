"""Numbered seats of one session: who comes, and where they sit."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from api.moves import Principal
from api.reads import programmes
from api.reads import seats as shown
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason, TermbookError
from web.family.choosing import CASUAL, clashes_in, code_of, live_answer, outlook_of, put_into_cart, read_choice
from web.forms import NOTHING_SENT, Form, Posted
from web.visitor import Family
from web.words import N_

router = APIRouter()


@router.get("/family/seats/{session_id}")
def show_seats(visit: Family, session_id: UUID) -> Response:
    return _page(visit, session_id)


@router.post("/family/seats/{session_id}")
def choose_seats(visit: Family, session_id: UUID, form: Posted) -> Response:
    """Put these seats into the cart, find the best together, or only say what they would come to."""
    do = form.text("do")
    if do in ("look", "best"):
        return _page(visit, session_id, form=form, find_best=do == "best")
    try:
        seen = visit.fetch(lambda tx, who: _seen(visit, tx, who, session_id))
        _refuse_unless_seated(form)
        put_into_cart(visit, form, seen, _lines(form, seen))
    except (Conflict, Invalid) as refusal:
        return _page(visit, session_id, form=form, refusal=refusal)
    return visit.go("/family/cart", visit.say("%(name)s has been added to your cart.", name=seen["offering"]["name"]))


@router.post("/family/seats/{session_id}/price")
def price(visit: Family, session_id: UUID, form: Posted) -> Response:
    """What the seats come to, for the page's script."""
    seen = visit.fetch(lambda tx, who: _seen(visit, tx, who, session_id))
    return JSONResponse(live_answer(visit, seen, outlook_of(visit, seen, _lines(form, seen), code_of(form))))


def _refuse_unless_seated(form: Form) -> None:
    """Everybody who comes sits somewhere. Raises Invalid."""
    children, seats = form.ids("child"), form.ids("seat")
    if not children:
        message = N_("Select who is coming.")
        raise Invalid(message, reasons=[Reason("missing", message, field="child")])
    if len(children) != len(seats):
        message = N_("Choose one seat for each person.")
        raise Invalid(message, reasons=[Reason("seats_do_not_match", message, field="seat")])


def _page(
    visit: Family, session_id: UUID, *, form: Form = NOTHING_SENT, refusal: TermbookError | None = None,
    find_best: bool = False,
) -> Response:  # fmt: skip
    seen = visit.fetch(lambda tx, who: _seen(visit, tx, who, session_id))
    own = [line for line in seen["in_cart"] if line["session_id"] == session_id]
    if form.fields:
        coming, sitting = set(form.texts("child")), set(form.texts("seat"))
    else:
        coming = {str(line["attendee_id"]) for line in own}
        sitting = {str(line["seat_id"]) for line in own}
    groups = 0
    if find_best and coming:
        best = visit.fetch(lambda tx, who: shown.best_seats(
            tx, who, session_id, count=len(coming), seat_type=None, now=visit.now).body)  # fmt: skip
        sitting, groups = {str(seat["id"]) for seat in best["seats"]}, best["groups"]
    lines = _assigned(coming, sitting, seen) if form.fields else None
    outlook = outlook_of(visit, seen, lines, code_of(form))
    return visit.show(
        "family/seats.html", None, form=form, refusal=refusal, **seen, coming=coming, sitting=sitting, groups=groups,
        outlook=outlook, clashes=clashes_in(outlook),
    )  # fmt: skip


def _seen(visit: Family, tx: Transaction, who: Principal, session_id: UUID) -> Row:
    plan = shown.seat_map(tx, who, session_id, now=visit.now).body
    session = programmes.session_to_come(tx, session_id, now=visit.now)
    offering = programmes.one(tx, session["offering_id"], now=visit.now) if session else None
    if plan is None or session is None or offering is None:
        raise NotFound("This session cannot be booked any more.", what="session")
    seen = read_choice(tx, who, [offering], [session], term_id=offering["term_id"])
    return {**seen, "plan": plan, "session": session, "offering": offering}


def _lines(form: Form, seen: Row) -> dict[UUID, list[Row]]:
    return _assigned(set(form.texts("child")), set(form.texts("seat")), seen)


def _assigned(coming: set[str], sitting: set[str], seen: Row) -> dict[UUID, list[Row]]:
    """Who comes, each at the next of the seats, from the front and from the left."""
    seats = [seat["id"] for row in seen["plan"]["rows"] for seat in row["seats"] if str(seat["id"]) in sitting]
    children = [
        child for child in seen["children"]
        if str(child["id"]) in coming and not seen["why_not"][child["id"], seen["offering"]["id"]]
        and f"{child['id']}.{seen['session']['id']}" not in seen["held"]
    ]  # fmt: skip
    found: dict[UUID, list[Row]] = {}
    for child, seat_id in zip(children, seats, strict=False):
        line: dict[str, Any] = {"session_id": seen["session"]["id"], "mode": CASUAL, "seat_id": seat_id, "extras": [],
                                "activity_ids": []}  # fmt: skip
        found[child["id"]] = [line]
    return found
