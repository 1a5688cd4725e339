"""Promo codes: declared on a level of the catalogue, changed, taken away, and who used them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import ADMIN, creates, for_roles
from api.reads import promo_codes as shown
from api.reads.paging import Cursor, Limit
from api.schemas import promo_codes as schemas
from api.schemas.base import Page
from catalogue import promo_codes
from engine.database import Row, Transaction
from models import RuleScope

router = APIRouter(tags=["programme"])

InPath = Annotated[str, Path(min_length=3, max_length=30, pattern=r"^[A-Za-z0-9-]+$")]


@router.get("/promo-codes", **for_roles(ADMIN, response_model=schemas.PromoCodes))
def list_promo_codes(call: Called) -> Response:
    """Every code, good or not, with how often it was used."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found, _ = promo_codes.declared_codes(tx)
        return Answer({"items": shown.show_codes(tx, who, found, today=who.today(call.now))})

    return call.read(query)


@router.post(
    "/promo-codes", **for_roles(ADMIN, *creates(404), status_code=201, response_model=schemas.PromoCode)
)  # fmt: skip
def make_promo_code(body: schemas.NewPromoCode, call: Called) -> Response:
    """Declare a code on a level: it is good for orders of the offerings below it that declare no discounts."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        scope_id = body.scope_id or tx.organisation_id
        promo_codes.add_code(tx, body.scope, scope_id, body.terms())
        return Answer(_one(tx, who, body.code, scope_id, call.now), status=201)

    return call.move(verb)


@router.put("/promo-codes/{code}", **for_roles(ADMIN, *creates(404), response_model=schemas.PromoCode))
def change_promo_code(code: InPath, body: schemas.ChangedPromoCode, call: Called) -> Response:
    """Give a code other terms on one level, for orders from now on."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        scope_id = body.scope_id or tx.organisation_id
        promo_codes.change_code(tx, body.scope, scope_id, code.upper(), body.terms())
        return Answer(_one(tx, who, code.upper(), scope_id, call.now))

    return call.move(verb)


@router.delete("/promo-codes/{code}", **for_roles(ADMIN, 404, status_code=204))
def remove_promo_code(
    code: InPath, call: Called, scope: RuleScope = RuleScope.ORGANISATION, scope_id: UUID | None = None
) -> Response:  # fmt: skip
    """Take a code away from a level; what was sold with it keeps it."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        promo_codes.remove_code(tx, scope, scope_id or tx.organisation_id, code.upper())
        return Answer(status=204)

    return call.move(verb)


@router.get("/promo-codes/{code}/uses", **for_roles(ADMIN, 404, response_model=Page[schemas.PromoCodeUse]))
def list_promo_code_uses(code: InPath, call: Called, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The orders that use the code or were booked with it, the latest first; also of a code that is no more."""

    def query(tx: Transaction, who: Principal) -> Answer:
        return shown.uses(code.upper()).page(tx, cursor=cursor, limit=limit, show=shown.show_use)

    return call.read(query)


def _one(tx: Transaction, who: Principal, code: str, scope_id: UUID, now: datetime) -> Row:
    (found,) = shown.show_codes(
        tx, who, promo_codes.find_code(tx, code, scope_id=scope_id)[:1], today=who.today(now)
    )  # fmt: skip
    return found
