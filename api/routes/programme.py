"""Sites, terms, categories, programs and extras: what an admin sets up."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.editing import Resource, delete
from api.operations import ADMIN, EVERYBODY, OFFICE, for_roles
from api.routes.resource import add_create, add_list, add_resource
from api.schemas import catalogue as schemas
from catalogue.schedule import public_holidays
from models import ClosureDay, Extra, Program, ProgramCategory, ProgramType, Site, Term

router = APIRouter(tags=["programme"])


def _has_known_holidays(values: dict[str, Any]) -> None:
    """Raises UnknownHolidays; any year will do."""
    public_holidays(values["holiday_country"], values["holiday_subdivision"], 2026)


SITES = Resource(
    Site, "site", "/sites", ("name", "address", "time_zone", "holiday_country", "holiday_subdivision"),
    check=_has_known_holidays,
)  # fmt: skip
TERMS = Resource(
    Term, "term", "/terms", ("name", "site_id", "starts_on", "ends_on", "status"), families_see="t.status <> 'DRAFT'"
)
CATEGORIES = Resource(
    ProgramCategory, "category", "/program-categories", ("name", "program_type"), codes=[("program_type", ProgramType)]
)
PROGRAMS = Resource(Program, "program", "/programs", ("category_id", "site_id", "name", "description"))
EXTRAS = Resource(
    Extra, "extra", "/extras", ("name", "price_minor", "program_id", "is_active"), families_see="t.is_active"
)
CLOSURE_DAYS = Resource(ClosureDay, "closure day", "/closure-days", ("site_id", "term_id", "date", "reason"))

add_resource(
    router, SITES, new=schemas.NewSite, change=schemas.SiteChange, shown=schemas.Site, readers=EVERYBODY
)  # fmt: skip
add_resource(
    router, TERMS, new=schemas.NewTerm, change=schemas.TermChange, shown=schemas.Term, readers=EVERYBODY
)  # fmt: skip
add_resource(
    router, CATEGORIES, new=schemas.NewProgramCategory, change=schemas.ProgramCategoryChange,
    shown=schemas.ProgramCategory, readers=EVERYBODY,
)  # fmt: skip
add_resource(
    router, PROGRAMS, new=schemas.NewProgram, change=schemas.ProgramChange, shown=schemas.Program, readers=EVERYBODY
)
add_resource(
    router, EXTRAS, new=schemas.NewExtra, change=schemas.ExtraChange, shown=schemas.Extra, readers=EVERYBODY
)  # fmt: skip
add_list(router, CLOSURE_DAYS, schemas.ClosureDay, OFFICE)
add_create(router, CLOSURE_DAYS, schemas.NewClosureDay, schemas.ClosureDay)


@router.delete("/closure-days/{record_id}", **for_roles(ADMIN, 404, status_code=204))
def delete_closure_day(record_id: UUID, call: Called) -> Response:
    """Take a closure day away; sessions come back when they are generated again."""
    return call.move(lambda tx, _: delete(tx, CLOSURE_DAYS, record_id))
