"""Sites, terms, categories, programs and extras: what an admin sets up."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.editing import delete
from api.operations import ADMIN, EVERYBODY, OFFICE, for_roles
from api.records import CATEGORIES, CLOSURE_DAYS, EXTRAS, PROGRAMS, SITES, TERMS
from api.routes.resource import add_create, add_list, add_resource
from api.schemas import catalogue as schemas

router = APIRouter(tags=["programme"])

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
