"""Expressions of interest become bookings, several at once."""

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import ADMIN, creates, for_roles
from api.reads import orders as shown
from api.schemas.conversions import EoiConversion, EoiConversions, EoiOutcomes
from engine.database import Transaction
from models import TermBookingConfirmationType
from workflows import eoi_conversions

router = APIRouter(tags=["orders"])


@router.post("/eoi-conversions", **for_roles(ADMIN, *creates(409), response_model=EoiOutcomes))
def convert_eois(body: EoiConversions, call: Called) -> Response:
    """Convert several expressions of interest at once, at the prices that were shown with them: all of them or none, or
    with `is_best_effort` each that can be, those asked first served first. A price that has changed is refused with the
    new one: send its fingerprint.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        terms = eoi_conversions.Terms(
            TermBookingConfirmationType[body.confirmation_type], who.actor, call.now, body.override_reason,
            body.confirmation_reason, body.is_muted,
        )  # fmt: skip
        asked = [_asked(each) for each in body.conversions]
        ended = eoi_conversions.convert_several(tx, asked, terms=terms, is_best_effort=body.is_best_effort)
        return shown.converted(ended, who)

    return call.move(verb)


def _asked(body: EoiConversion) -> eoi_conversions.Asked:
    lines = None if body.lines is None else [line.model_dump() for line in body.lines]
    return eoi_conversions.Asked(body.order_id, lines, body.price_fingerprint)
