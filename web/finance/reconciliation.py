"""Our payments, refunds and disputes against a provider's own books: asked for by a button, and nothing is changed."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.reads.reconciliation import compared
from engine.errors import Conflict, Invalid
from engine.money import format_money
from web.asked import day_of
from web.visitor import Finance
from web.words import N_

router = APIRouter()

KINDS = {
    "MISSING_HERE": N_("Only in the provider's records"),
    "MISSING_THERE": N_("Only in our records"),
    "DIFFERS": N_("Differs"),
}
WHAT = {
    "status": N_("Status"), "amount_minor": N_("Amount"), "currency": N_("Currency"),
    "refunded_minor": N_("Refunded"), "disputed_minor": N_("Disputed"),
}  # fmt: skip


@router.get("/finance/reconciliation")
def show_reconciliation(visit: Finance) -> Response:
    """The provider is asked outside any transaction."""
    provider = visit.asked("provider")
    shown: dict[str, Any] = {
        "kinds": KINDS, "what": WHAT, "providers": sorted(visit.state.gateways), "chosen": provider, "of": None,
        "amount_in": format_money,
    }  # fmt: skip
    if not provider:
        return visit.show("finance/reconciliation.html", **shown)
    try:
        of = compared(visit.call, visit.state.gateways, provider=provider, begun_from=day_of(visit, "from"),
                      begun_until=day_of(visit, "until"))  # fmt: skip
    except (Conflict, Invalid) as refusal:
        return visit.show("finance/reconciliation.html", refusal=refusal, **shown)
    return visit.show("finance/reconciliation.html", **shown | {"of": of})
