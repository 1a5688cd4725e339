"""Offerings of a term: when, for whom, how many, how much; and their sessions, looked at before they are made."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.editing import create, edit, find
from api.moves import Answer, Principal
from api.reads import desk
from api.reads import sessions as shown
from api.records import OFFERINGS
from api.schemas.offerings import NewOffering, OfferingChange
from api.schemas.sessions import SessionChange
from catalogue.schedule import WEEKDAYS
from catalogue.sessions import foresee_sessions, generate_sessions
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, TermbookError
from engine.money import to_major
from models import BookingMode, OfferingStatus
from web.admin import ages
from web.admin.activities import has_activities
from web.asked import id_of, page_of
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.labels import MODE, OFFERING_STATUS
from web.visitor import Admin
from workflows.capacity import set_capacity

router = APIRouter()

_PRICES = ("session_price_minor", "full_week_price_minor", "full_term_price_minor")
_NUMBERS = ("capacity", "school_year_from", "school_year_to", "height_from_cm", "height_to_cm")
_YOUNGEST, _OLDEST = "age_from_months", "age_below_months"  # typed in years: `web.admin.ages`


@router.get("/admin/offerings")
def list_offerings(visit: Admin) -> Response:
    asked, term_id = visit.asked("q")[:200], id_of(visit, "term")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.offerings(who)
        found.where("p.term_id = %(term)s", term=term_id)
        found.where("position(lower(%(q)s) IN lower(p.name || ' ' || p.code)) > 0", q=asked or None)
        page = page_of(visit, tx, found, show=lambda row: shown.show_offering(who, row), now=visit.now)
        return {"page": page, "asked": asked, "terms": desk.choices(tx, "term"), "term_id": term_id and str(term_id)}

    return visit.show("admin/offerings.html", query)


@router.get("/admin/offerings/new")
def show_new(visit: Admin) -> Response:
    return _form_page(visit, None)


@router.get("/admin/offerings/{offering_id}")
def show_offering(visit: Admin, offering_id: UUID) -> Response:
    """The offering with its sessions, and what its schedule would make of them."""
    planned = visit.foresee(lambda tx, _: _planned(visit, tx, offering_id))

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.offerings(who)
        found.where("p.id = %(id)s", id=offering_id)
        listed = found.page(tx, cursor=None, limit=1, show=lambda row: shown.show_offering(who, row), now=visit.now)
        sessions = shown.sessions(who)
        sessions.where("s.term_program_set_id = %(offering)s", offering=offering_id)
        page = sessions.page(tx, cursor=None, limit=500, show=lambda row: shown.show_session(who, row), now=visit.now)
        return {
            "offering": OFFERINGS.shape(find(tx, OFFERINGS, offering_id).model_dump()),
            "around": (listed.body or {})["items"][0], "sessions": (page.body or {})["items"], "planned": planned,
            "has_activities": has_activities(tx, offering_id),
        }  # fmt: skip

    return visit.show("admin/offering.html", query)


def _planned(visit: Admin, tx: Transaction, offering_id: UUID) -> Row:
    try:
        days = foresee_sessions(tx, offering_id, visit.language or "en")
        return {"changes": generate_sessions(tx, [offering_id]), "days": days, "refusal": None}
    except (Invalid, Conflict) as refusal:
        return {"changes": None, "refusal": refusal}


@router.post("/admin/offerings/{offering_id}/sessions")
def make_sessions(visit: Admin, offering_id: UUID, form: Posted) -> Response:
    """Make what the page showed; a booked session is never changed."""
    made = visit.move(form, lambda tx, _: Answer(asdict(generate_sessions(tx, [offering_id]))))
    said = visit.say("%(created)s sessions created, %(updated)s changed, %(removed)s removed. %(kept)s left "
                     "unchanged because they are booked.", created=made["created"], updated=made["updated"],
                     removed=made["removed"] + made["withdrawn"], kept=len(made["kept"]))  # fmt: skip
    return visit.go(f"/admin/offerings/{offering_id}", said)


@router.post("/admin/sessions/{session_id}/capacity")
def change_capacity(visit: Admin, session_id: UUID, form: Posted) -> Response:
    """More or fewer places; new ones are offered to who waits."""
    offering_id = form.id("offering")
    page = f"/admin/offerings/{offering_id}" if offering_id else "/admin/offerings"

    def verb(tx: Transaction, who: Principal) -> Answer:
        asked = checked(SessionChange, {"capacity": form.whole("capacity"), "reason": form.text("reason")})
        set_capacity(tx, session_id=session_id, capacity=asked.capacity, reason=asked.reason, actor=who.actor,
                     now=visit.now)  # fmt: skip
        return Answer({})

    try:
        visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return visit.refuse(page, refusal)
    return visit.go(page, visit.say("Places updated."))


@router.get("/admin/offerings/{offering_id}/form")
def show_form(visit: Admin, offering_id: UUID) -> Response:
    return _form_page(visit, offering_id)


def _form_page(
    visit: Admin, offering_id: UUID | None, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        kept: Row = {}
        if offering_id is not None:
            kept = OFFERINGS.shape(find(tx, OFFERINGS, offering_id).model_dump())
            for name in _PRICES:
                kept[name] = "" if kept[name] is None else str(to_major(kept[name], who.organisation["currency"]))
            kept[_YOUNGEST], kept[_OLDEST] = ages.as_typed(visit, kept[_YOUNGEST], kept[_OLDEST])
        first = (kept.get("schedule") or [{}])[0]
        return {
            "kept": kept, "meeting": first, "has_more": len(kept.get("schedule") or ()) > 1,
            "terms": desk.choices(tx, "term", where="AND status <> 'ARCHIVED'"),
            "programs": desk.choices(tx, "program"),
        }  # fmt: skip

    return visit.show(
        "admin/offering_form.html", query, form=form, refusal=refusal, offering_id=offering_id, weekdays=WEEKDAYS,
        modes=list(MODE.items()), statuses=[(one.value, OFFERING_STATUS[one.value][0]) for one in OfferingStatus],
    )  # fmt: skip


@router.post("/admin/offerings/new")
def make_offering(visit: Admin, form: Posted) -> Response:
    try:

        def verb(tx: Transaction, who: Principal) -> Answer:
            given = _values(form, who.organisation)
            given |= {"term_id": form.text("term_id") or None, "program_id": form.text("program_id") or None}
            return create(tx, OFFERINGS, checked(NewOffering, given, within=("schedule",)).model_dump(by_alias=True))

        made = visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return _form_page(visit, None, form, refusal)
    return visit.go(
        f"/admin/offerings/{made['id']}", visit.say("Offering created. Check its sessions below, then create them.")
    )


@router.post("/admin/offerings/{offering_id}/form")
def change_offering(visit: Admin, offering_id: UUID, form: Posted) -> Response:
    try:

        def verb(tx: Transaction, who: Principal) -> Answer:
            asked = checked(OfferingChange, _values(form, who.organisation), within=("schedule",))
            return edit(tx, OFFERINGS, offering_id, asked.changes(), call=visit.call)

        visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return _form_page(visit, offering_id, form, refusal)
    return visit.go(f"/admin/offerings/{offering_id}", visit.say("Changes saved."))


def _values(form: Form, organisation: Row) -> Row:
    """What the form says, as the API takes it; a schedule of several meetings is left to the API and the import."""
    found: Row = {
        "name": form.text("name"), "code": form.text("code"), "status": form.text("status"),
        "modes": [mode for mode in form.texts("modes") if mode in BookingMode.__members__],
        _YOUNGEST: ages.youngest(form, _YOUNGEST), _OLDEST: ages.oldest_below(form, _OLDEST),
        **{name: form.whole(name) for name in _NUMBERS},
        **{name: form.minor(name, organisation) for name in _PRICES},
    }  # fmt: skip
    if not form.is_ticked("has_more"):
        found["schedule"] = [_meeting(form)] if form.texts("weekdays") or form.lines("dates") else []
    return found


def _meeting(form: Form) -> Row:
    return {
        "weekdays": [day for day in form.texts("weekdays") if day in WEEKDAYS], "dates": form.lines("dates"),
        "starts": form.text("starts") or None, "ends": form.text("ends") or None,
        "from": form.text("from") or None, "until": form.text("until") or None,
    }  # fmt: skip
