"""One week of a place: every program's sessions day by day, with a box for each child that may come."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from api.moves import Principal
from api.reads import programmes
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, TermbookError
from web.asked import day_of, id_of, today_of
from web.choosing import chosen_lines, clashes_in, code_of, live_answer, refuse_unknown, ticked_in
from web.family.choosing import outlook_of, put_into_cart, read_choice
from web.forms import NOTHING_SENT, Form, Posted
from web.visitor import Family
from web.words import monday

router = APIRouter()


@router.get("/family/week")
def show_week(visit: Family) -> Response:
    return _page(visit)


@router.post("/family/week")
def choose(visit: Family, form: Posted) -> Response:
    """Keep what is ticked in the cart, or only say what it would come to."""
    if form.text("do") == "look":
        return _page(visit, form)
    try:
        seen = visit.fetch(lambda tx, who: _seen(visit, tx, who))
        refuse_unknown(form, seen)
        kept = put_into_cart(visit, form, seen, chosen_lines(form, seen))
    except (Conflict, Invalid) as refusal:
        return _page(visit, form, refusal)
    if not kept:
        return visit.go(visit.address)
    return visit.go("/family/cart", visit.say("Your week has been added to the cart."))


@router.post("/family/week/price")
def price(visit: Family, form: Posted) -> Response:
    """What the ticks come to, for the page's script."""
    seen = visit.fetch(lambda tx, who: _seen(visit, tx, who))
    refuse_unknown(form, seen)
    outlook = outlook_of(visit, seen, chosen_lines(form, seen), code_of(form))
    return JSONResponse(live_answer(visit, seen, outlook))


def _page(visit: Family, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    seen = visit.fetch(lambda tx, who: _seen(visit, tx, who))
    outlook = outlook_of(visit, seen, chosen_lines(form, seen) if form.fields else None, code_of(form))
    days: dict[date, list[Row]] = {}
    for session in seen["sessions"]:
        days.setdefault(session["local_date"], []).append(session)
    return visit.show(
        "family/week.html", None, form=form, refusal=refusal, **seen, days=days, outlook=outlook,
        ticked=ticked_in(form, seen), clashes=clashes_in(outlook),
    )  # fmt: skip


def _seen(visit: Family, tx: Transaction, who: Principal) -> Row:
    """The week that the address asks for: of its term, at its place, or wherever something is on next."""
    choices = programmes.choices(tx, now=visit.now)
    site_id = _one_of(choices["sites"], id_of(visit, "site"))
    term_id = _one_of(choices["terms"], id_of(visit, "term")) or UUID(int=0)
    first = day_of(visit, "week") or programmes.next_day(tx, term_id=term_id, site_id=site_id, now=visit.now)
    first = monday(first or today_of(visit, who))
    sessions = programmes.week(
        tx, term_id=term_id, site_id=site_id, first=first, last=first + timedelta(days=6), now=visit.now
    )  # fmt: skip
    offerings = programmes.several(tx, {session["offering_id"] for session in sessions}, now=visit.now)
    known: dict[UUID, Any] = {offering["id"]: offering for offering in offerings}
    seen = read_choice(
        tx, who, offerings, [one for one in sessions if one["offering_id"] in known], term_id=term_id
    )  # fmt: skip
    fit = {offering_id for (_, offering_id), reasons in seen["why_not"].items() if not reasons}
    shown = [session for session in seen["sessions"] if session["offering_id"] in fit]
    return {
        **seen, **choices, "sessions": shown, "site_id": site_id, "chosen_term": term_id, "first": first,
        "before": first - timedelta(days=7), "after": first + timedelta(days=7),
    }  # fmt: skip


def _one_of(rows: list[Row], asked: UUID | None) -> UUID | None:
    """What was asked for where it is one of them, else the first."""
    ids = [row["id"] for row in rows]
    return asked if asked in ids else next(iter(ids), None)
