"""Offerings of a term, and the sessions that their schedules make."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import Called, NoInput
from api.moves import Answer, Principal
from api.operations import ADMIN, EVERYBODY, creates, for_roles
from api.reads import sessions as shown
from api.reads.paging import Cursor, Limit
from api.records import OFFERINGS
from api.routes.resource import add_create, add_edit, add_read
from api.schemas import offerings as schemas
from api.schemas.base import Page, ShortText
from catalogue.sessions import generate_sessions
from engine.database import Transaction
from models import OfferingStatus

router = APIRouter(tags=["programme"])


@router.get("/offerings", **for_roles(EVERYBODY, response_model=Page[schemas.OfferingSummary]))
def list_offerings(
    call: Called, term_id: UUID | None = None, program_id: UUID | None = None, category_id: UUID | None = None,
    site_id: UUID | None = None, status: OfferingStatus | None = None,
    q: Annotated[ShortText | None, Query(description="Part of the name or the code.")] = None,
    age_months: Annotated[int | None, Query(ge=0, le=1500, description="Open to this age.")] = None,
    cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Offerings in alphabetical order; families see the published ones."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.offerings(who)
        found.where("p.term_id = %(term)s", term=term_id)
        found.where("p.program_id = %(program)s", program=program_id)
        found.where("g.category_id = %(category)s", category=category_id)
        found.where("g.site_id = %(site)s", site=site_id)
        found.where("p.status = %(status)s", status=status)
        found.where("position(lower(%(q)s) IN lower(p.name || ' ' || p.code)) > 0", q=q)
        shown.of_age(found, age_months)
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show_offering(who, row), now=call.now)

    return call.read(query)


add_create(router, OFFERINGS, schemas.NewOffering, schemas.Offering)
add_read(router, OFFERINGS, schemas.Offering, EVERYBODY)
add_edit(router, OFFERINGS, schemas.OfferingChange, schemas.Offering)


@router.post(
    "/offerings/{offering_id}/sessions", **for_roles(ADMIN, *creates(404), response_model=schemas.SessionChanges)
)  # fmt: skip
def make_sessions(offering_id: UUID, call: Called, _: NoInput = None) -> Response:
    """Make, change and remove sessions until they are what the schedule says. A booked session is never changed: it
    comes back in `kept`.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        return Answer(asdict(generate_sessions(tx, [offering_id])))

    return call.move(verb)
