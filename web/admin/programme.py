"""What is set up: terms, sites, categories, programs, extras and closure days, each a list and a form."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from api.editing import Resource, create, edit, find
from api.moves import Answer, Principal
from api.reads import desk
from api.records import CATEGORIES, CLOSURE_DAYS, EXTRAS, PROGRAMS, SITES, TERMS, VENUES
from api.schemas import catalogue as schemas
from api.schemas import seats
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from engine.money import to_major
from models import TermStatus
from web.asked import page_of
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.labels import PROGRAM_TYPE, TERM_STATUS
from web.visitor import Admin
from web.words import N_

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Input:
    """A field of a form: `kind` is text, area, date, money, whole, tick, zone, or the name of a list to choose from."""

    name: str
    label: str
    kind: str = "text"
    is_required: bool = False
    hint: str = ""
    is_fixed: bool = False  # cannot be changed once it is made


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of record, as the office keeps it."""

    title: str
    one: str
    resource: Resource
    new: type[BaseModel]
    change: type[BaseModel] | None
    inputs: tuple[Input, ...]
    columns: tuple[str, ...]


_CHOICES: dict[str, Callable[[Transaction], list[tuple[str, str]]]] = {
    "site": lambda tx: desk.choices(tx, "site"),
    "term": lambda tx: desk.choices(tx, "term"),
    "category": lambda tx: desk.choices(tx, "program_category"),
    "program": lambda tx: desk.choices(tx, "program"),
    "term_status": lambda _: [(status.value, TERM_STATUS[status.value][0]) for status in TermStatus],
    "program_type": lambda _: list(PROGRAM_TYPE.items()),
}

_NAME = Input("name", N_("Name"), is_required=True)
SORTS: dict[str, Sort] = {
    "terms": Sort(
        N_("Terms"), N_("Term"), TERMS, schemas.NewTerm, schemas.TermChange,
        (
            _NAME, Input("site_id", N_("Site"), "site", hint=N_("Leave empty for all sites."), is_fixed=True),
            Input("starts_on", N_("First day"), "date", is_required=True),
            Input("ends_on", N_("Last day"), "date", is_required=True),
            Input("status", N_("Status"), "term_status", is_required=True,
                  hint=N_("Families can book while it is open or running.")),
        ),
        ("name", "starts_on", "ends_on", "status"),
    ),
    "sites": Sort(
        N_("Sites"), N_("Site"), SITES, schemas.NewSite, schemas.SiteChange,
        (
            _NAME, Input("address", N_("Address"), "area"),
            Input("time_zone", N_("Time zone"), "zone", is_required=True, hint=N_("For example, America/Toronto.")),
            Input("holiday_country", N_("Country (for public holidays)"), hint=N_("Two letters, for example CA.")),
            Input("holiday_subdivision", N_("Province or state"), hint=N_("For example, ON.")),
        ),
        ("name", "address", "time_zone"),
    ),
    "categories": Sort(
        N_("Categories"), N_("Category"), CATEGORIES, schemas.NewProgramCategory, schemas.ProgramCategoryChange,
        (_NAME, Input("program_type", N_("Type"), "program_type", is_required=True, is_fixed=True)),
        ("name", "program_type"),
    ),
    "programs": Sort(
        N_("Programs"), N_("Program"), PROGRAMS, schemas.NewProgram, schemas.ProgramChange,
        (
            _NAME, Input("category_id", N_("Category"), "category", is_required=True),
            Input("site_id", N_("Site"), "site", is_required=True, is_fixed=True),
            Input("description", N_("Description"), "area"),
        ),
        ("name", "category_id", "site_id"),
    ),
    "extras": Sort(
        N_("Extras"), N_("Extra"), EXTRAS, schemas.NewExtra, schemas.ExtraChange,
        (
            _NAME, Input("price_minor", N_("Price"), "money", is_required=True),
            Input("program_id", N_("Program"), "program", is_fixed=True,
                  hint=N_("Leave empty to offer it with every program.")),
            Input("stock", N_("Stock"), "whole", 
                  hint=N_("How many are available at each session. Leave empty for no limit.")),
            Input("is_active", N_("Can be booked"), "tick"),
        ),
        ("name", "price_minor", "program_id", "stock", "is_active"),
    ),
    "venues": Sort(
        N_("Venues"), N_("Venue"), VENUES, seats.NewVenue, seats.VenueChange,
        (_NAME, Input("site_id", N_("Site"), "site", is_required=True, is_fixed=True)), ("name", "site_id"),
    ),
    "closure-days": Sort(
        N_("Closure days"), N_("Closure day"), CLOSURE_DAYS, schemas.NewClosureDay, None,
        (
            Input("site_id", N_("Site"), "site", is_required=True), Input("term_id", N_("Term"), "term"),
            Input("date", N_("Day"), "date", is_required=True), Input("reason", N_("Reason")),
        ),
        ("date", "site_id", "reason"),
    ),
}  # fmt: skip


def sort_of(name: str) -> Sort:
    """Raises NotFound."""
    found = SORTS.get(name)
    if found is None:
        raise NotFound("There is no such list.", what="list")
    return found


@router.get("/admin/programme")
def show_programme(visit: Admin) -> Response:
    return visit.show("admin/programme.html", sorts=SORTS)


@router.get("/admin/programme/{name}")
def list_records(visit: Admin, name: str) -> Response:
    sort = sort_of(name)

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = page_of(visit, tx, sort.resource.listing(), limit=200, show=sort.resource.shape)
        return {"page": found, "choices": _choices(tx, sort)}

    return visit.show("admin/records.html", query, sort=sort, name=name)


def _choices(tx: Transaction, sort: Sort) -> dict[str, list[tuple[str, str]]]:
    return {one.name: _CHOICES[one.kind](tx) for one in sort.inputs if one.kind in _CHOICES}


@router.get("/admin/programme/{name}/new")
def show_new(visit: Admin, name: str) -> Response:
    return _form_page(visit, name, None)


@router.get("/admin/programme/{name}/{record_id}")
def show_record(visit: Admin, name: str, record_id: UUID) -> Response:
    return _form_page(visit, name, record_id)


def _form_page(
    visit: Admin, name: str, record_id: UUID | None, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:
    sort = sort_of(name)
    if record_id is not None and sort.change is None:
        raise NotFound("This is not changed once it is made.", what="record")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        kept: Row = {}
        if record_id is not None:
            kept = sort.resource.shape(find(tx, sort.resource, record_id).model_dump())
            for one in sort.inputs:
                if one.kind == "money":
                    kept[one.name] = str(to_major(kept[one.name], who.organisation["currency"]))
        return {"record": kept, "choices": _choices(tx, sort)}

    return visit.show("admin/record.html", query, form=form, refusal=refusal, sort=sort, name=name,
                      record_id=record_id)  # fmt: skip


@router.post("/admin/programme/{name}/new")
def make_record(visit: Admin, name: str, form: Posted) -> Response:
    sort = sort_of(name)
    try:

        def verb(tx: Transaction, who: Principal) -> Answer:
            asked = checked(sort.new, _values(sort, form, who.organisation, is_new=True))
            return create(tx, sort.resource, asked.model_dump(by_alias=True))

        visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return _form_page(visit, name, None, form, refusal)
    return visit.go(f"/admin/programme/{name}", visit.say("Created."))


@router.post("/admin/programme/{name}/{record_id}")
def change_record(visit: Admin, name: str, record_id: UUID, form: Posted) -> Response:
    sort = sort_of(name)
    change = sort.change
    if change is None:
        raise NotFound("This is not changed once it is made.", what="record")
    try:

        def verb(tx: Transaction, who: Principal) -> Answer:
            asked = checked(change, _values(sort, form, who.organisation, is_new=False))
            given: Row = asked.changes()  # type: ignore[attr-defined]
            return edit(tx, sort.resource, record_id, given, call=visit.call)

        visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return _form_page(visit, name, record_id, form, refusal)
    return visit.go(f"/admin/programme/{name}", visit.say("Changes saved."))


def _values(sort: Sort, form: Form, organisation: Row, *, is_new: bool) -> Row:
    """What was sent, as the API takes it."""
    found: Row = {}
    for one in sort.inputs:
        if one.is_fixed and not is_new:
            continue
        text = form.text(one.name)
        if one.kind == "tick":
            found[one.name] = form.is_ticked(one.name)
        elif one.kind == "money":
            found[one.name] = form.minor(one.name, organisation)
        elif one.kind == "whole":
            found[one.name] = form.whole(one.name)
        elif text or one.kind in ("text", "area"):
            found[one.name] = text
        elif one.is_required:
            found[one.name] = None
    return found
