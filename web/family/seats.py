"""Numbered seats of one session: who comes, and where they sit."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from api.moves import Principal
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, TermbookError
from web.choosing import clashes_in, code_of, live_answer, refuse_unknown, ticked_in
from web.family.choosing import outlook_of, put_into_cart, read_choice
from web.forms import NOTHING_SENT, Form, Posted
from web.seat_choice import read_seats, refuse_unseated, seated_lines, sitting_in
from web.visitor import Family

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
        refuse_unknown(form, seen)
        refuse_unseated(form, seen)
        put_into_cart(visit, form, seen, _lines(form, seen))
    except (Conflict, Invalid) as refusal:
        return _page(visit, session_id, form=form, refusal=refusal)
    return visit.go("/family/cart", visit.say("%(name)s has been added to your cart.", name=seen["offering"]["name"]))


@router.post("/family/seats/{session_id}/price")
def price(visit: Family, session_id: UUID, form: Posted) -> Response:
    """What the seats come to, for the page's script."""
    seen = visit.fetch(lambda tx, who: _seen(visit, tx, who, session_id))
    refuse_unknown(form, seen)
    return JSONResponse(live_answer(visit, seen, outlook_of(visit, seen, _lines(form, seen), code_of(form))))


def _page(
    visit: Family, session_id: UUID, *, form: Form = NOTHING_SENT, refusal: TermbookError | None = None,
    find_best: bool = False,
) -> Response:  # fmt: skip
    seen = visit.fetch(lambda tx, who: _seen(visit, tx, who, session_id))
    seated = sitting_in(visit, form, seen, find_best=find_best)
    lines = seated_lines(form, seen, seated["coming"], seated["sitting"]) if form.fields else None
    outlook = outlook_of(visit, seen, lines, code_of(form))
    return visit.show(
        "family/seats.html", None, form=form, refusal=refusal, **seen, **seated, outlook=outlook,
        ticked=ticked_in(form, seen), clashes=clashes_in(outlook),
    )  # fmt: skip


def _seen(visit: Family, tx: Transaction, who: Principal, session_id: UUID) -> Row:
    return read_seats(tx, who, session_id, now=visit.now, choice=lambda offering, sessions: read_choice(
        tx, who, [offering], sessions, term_id=offering["term_id"]))  # fmt: skip


def _lines(form: Form, seen: Row) -> dict[UUID, list[Row]]:
    return seated_lines(form, seen, form.texts("child"), form.texts("seat"))
