"""Closing a day at a site, and opening it again: first whom it concerns and what they get or pay, then one step."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import desk
from api.schemas.closures import NewClosure, NewReopening
from engine.database import Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from web.asked import day_of, id_of
from web.forms import NOTHING_SENT, Form, Posted, checked, day_in
from web.visitor import Admin
from workflows import closure_days, closure_reopening
from workflows.closure_facts import Scope

router = APIRouter()


@router.get("/admin/closures")
def show_closure(visit: Admin) -> Response:
    """Whom closing a day would concern, and what they would get."""
    return _closing(visit, id_of(visit, "site"), day_of(visit, "day"))


def _closing(
    visit: Admin, site_id: UUID | None, day: date | None, form: Form = NOTHING_SENT,
    refusal: TermbookError | None = None,
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        return _about(tx, site_id, day, lambda scope: closure_days.preview(tx, scope))

    return visit.show("admin/closure.html", query, form=form, refusal=refusal)


def _about(tx: Transaction, site_id: UUID | None, day: date | None, look: Callable[[Scope], object]) -> dict[str, Any]:
    """The site and day that are asked for, with what is found there once both are."""
    found = look(Scope(site_id=site_id, day=day)) if site_id and day else None
    return {"sites": desk.choices(tx, "site"), "site_id": site_id and str(site_id), "day": day, "preview": found}


@router.post("/admin/closures/{site_id}/{day}")
def close_day(visit: Admin, site_id: UUID, day: str, form: Posted) -> Response:
    """Close the day as its preview showed it; where anything changed since, the fresh preview is shown."""
    scope = Scope(site_id=site_id, day=_day(day))
    try:
        asked = checked(NewClosure, _sent(form))
        done = visit.move(form, lambda tx, who: Answer(closure_days.close_day(
            tx, scope, actor=who.actor, now=visit.now, **asked.model_dump())))  # fmt: skip
    except (Conflict, Invalid) as refusal:
        return _closing(visit, site_id, scope.day, form, refusal)
    said = visit.say("Day closed. %(count)s bookings were credited, %(credited)s in total.",
                     count=len(done["bookings"]), credited=visit.money(done["credited_minor"]))  # fmt: skip
    return visit.go(f"/admin/closures?site={site_id}&day={day}", said)


def _sent(form: Form) -> dict[str, Any]:
    return {"reason": form.text("reason"), "fingerprint": form.text("fingerprint"),
            "is_muted": form.is_ticked("is_muted")}  # fmt: skip


@router.get("/admin/reopenings")
def show_reopening(visit: Admin) -> Response:
    """What opening a closed day again would do."""
    return _reopening(visit, id_of(visit, "site"), day_of(visit, "day"))


def _reopening(
    visit: Admin, site_id: UUID | None, day: date | None, form: Form = NOTHING_SENT,
    refusal: TermbookError | None = None,
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        def look(scope: Scope) -> object:
            try:
                return closure_reopening.preview(tx, scope, actor=who.actor, now=visit.now)
            except NotFound:  # of a form that asks for any day, that nothing is closed there is an answer
                return {"sessions": [], "bookings": []}

        return _about(tx, site_id, day, look)

    return visit.show("admin/reopening.html", query, form=form, refusal=refusal)


@router.post("/admin/reopenings/{site_id}/{day}")
def reopen_day(visit: Admin, site_id: UUID, day: str, form: Posted) -> Response:
    """Open the day as its preview showed it; where anything changed since, the fresh preview is shown."""
    scope = Scope(site_id=site_id, day=_day(day))
    try:
        asked = checked(NewReopening, _sent(form))
        done = visit.move(form, lambda tx, who: Answer(closure_reopening.reopen_day(
            tx, scope, actor=who.actor, now=visit.now, **asked.model_dump())))  # fmt: skip
    except (Conflict, Invalid, NotFound) as refusal:
        return _reopening(visit, site_id, scope.day, form, refusal)
    back = [booking for booking in done["bookings"] if booking["comes_back"]]
    said = visit.say("Day reopened. %(count)s bookings restored, %(charged)s invoiced.", count=len(back),
                     charged=visit.money(done["charged_minor"]))  # fmt: skip
    return visit.go(f"/admin/reopenings?site={site_id}&day={day}", said)


def _day(text: str) -> date:
    """Raises NotFound: the address is of no day."""
    found = day_in(text)
    if found is None:
        raise NotFound("There is no such day.", what="day")
    return found
