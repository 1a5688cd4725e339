"""Closing a day at a site, and opening it again: first whom it concerns and what they get or pay, then one step."""

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
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.visitor import Admin
from workflows import closure_days, closure_reopening
from workflows.closure_facts import Scope

router = APIRouter()


@router.get("/admin/closures")
def show_closure(visit: Admin) -> Response:
    return _page(visit)


def _page(visit: Admin, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    site_id, day = id_of(visit, "site"), day_of(visit, "day")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = closure_days.preview(tx, Scope(site_id=site_id, day=day)) if site_id and day else None
        return {"sites": desk.choices(tx, "site"), "site_id": site_id and str(site_id), "day": day, "preview": found}

    return visit.show("admin/closure.html", query, form=form, refusal=refusal)


@router.post("/admin/closures/{site_id}/{day}")
def close_day(visit: Admin, site_id: UUID, day: str, form: Posted) -> Response:
    """Close the day as its preview showed it; where anything changed since, the fresh preview is shown."""
    address = f"/admin/closures?site={site_id}&day={day}"
    try:
        asked = checked(NewClosure, {"reason": form.text("reason"), "fingerprint": form.text("fingerprint"),
                                     "is_muted": form.is_ticked("is_muted")})  # fmt: skip

        def verb(tx: Transaction, who: Principal) -> Answer:
            scope = Scope(site_id=site_id, day=_day(day))
            return Answer(closure_days.close_day(tx, scope, actor=who.actor, now=visit.now, **asked.model_dump()))

        done = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        said = "; ".join(reason.message for reason in refusal.reasons) or refusal.message
        return visit.go(address, said, kind="bad")
    return visit.go(address, visit.say("The day is closed: %(count)s bookings were credited %(credited)s in all.",
                                       count=len(done["bookings"]), credited=done["credited"]))  # fmt: skip


@router.get("/admin/reopenings")
def show_reopening(visit: Admin) -> Response:
    """What opening a closed day again would do."""
    site_id, day = id_of(visit, "site"), day_of(visit, "day")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = None
        if site_id and day:
            try:
                scope = Scope(site_id=site_id, day=day)
                found = closure_reopening.preview(tx, scope, actor=who.actor, now=visit.now)
            except NotFound:  # of a form that asks for any day, that nothing is closed there is an answer
                found = {"sessions": [], "bookings": []}
        return {"sites": desk.choices(tx, "site"), "site_id": site_id and str(site_id), "day": day, "preview": found}

    return visit.show("admin/reopening.html", query)


@router.post("/admin/reopenings/{site_id}/{day}")
def reopen_day(visit: Admin, site_id: UUID, day: str, form: Posted) -> Response:
    """Open the day as its preview showed it; where anything changed since, the fresh preview is shown."""
    address = f"/admin/reopenings?site={site_id}&day={day}"
    try:
        asked = checked(NewReopening, {"reason": form.text("reason"), "fingerprint": form.text("fingerprint"),
                                       "is_muted": form.is_ticked("is_muted")})  # fmt: skip

        def verb(tx: Transaction, who: Principal) -> Answer:
            scope = Scope(site_id=site_id, day=_day(day))
            return Answer(closure_reopening.reopen_day(
                tx, scope, actor=who.actor, now=visit.now, **asked.model_dump()))  # fmt: skip

        done = visit.move(form, verb)
    except (Conflict, Invalid, NotFound) as refusal:
        said = "; ".join(reason.message for reason in refusal.reasons) or refusal.message
        return visit.go(address, said, kind="bad")
    back = [booking for booking in done["bookings"] if booking["comes_back"]]
    return visit.go(address, visit.say("The day is open again: %(count)s bookings came back, %(charged)s is invoiced.",
                                       count=len(back), charged=done["charged"]))  # fmt: skip


def _day(text: str) -> date:
    """Raises NotFound: the address is of no day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotFound("There is no such day.", what="day") from None
