"""The living page of the design system: every piece that pages are made of, in every state."""

from fastapi import APIRouter
from starlette.responses import Response

from engine.errors import Invalid, Reason
from web.visitor import NO_ORGANISATION, Anybody
from web.words import N_

router = APIRouter()


@router.get("/design")
def show_design(visit: Anybody) -> Response:
    refusal = Invalid(N_("Please check the fields marked below."), reasons=[
        Reason("required", N_("Please fill this in."), field="sample_wrong"),
    ])  # fmt: skip
    return visit.answer(
        "front/design.html", organisation={**NO_ORGANISATION, "currency": "CAD", "locale": "en_CA"}, who=None,
        refusal=refusal,
    )  # fmt: skip
