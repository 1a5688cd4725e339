"""Comparing our payments, refunds and disputes with a provider's own books."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from api.dependencies import Application, Called
from api.moves import respond
from api.operations import OFFICE, for_roles
from api.reads.reconciliation import as_report, compared
from api.routes.reports import CSV, as_file, named
from api.schemas.base import Day
from api.schemas.reconciliation import PaymentReconciliation
from billing import exports

router = APIRouter(tags=["finance"])

_Provider = Annotated[str, Query(max_length=50)]
_From = Annotated[Day | None, Query(description="When the payments were begun; yesterday.")]
_Until = Annotated[Day | None, Query(description="The last day of it; the first.")]


@router.get("/payment-reconciliation", **for_roles(OFFICE, 409, 502, response_model=PaymentReconciliation))
def compare_with_provider(
    call: Called, app: Application, provider: _Provider = "sandbox", begun_from: _From = None,
    begun_until: _Until = None,
) -> Response:  # fmt: skip
    """Ask a payment provider for its own records and compare: what is missing here or there, what differs, in status,
    amount, what was refunded and what is disputed. Nothing is changed by it.
    """
    of = compared(call, app.gateways, provider=provider, begun_from=begun_from, begun_until=begun_until)
    return respond(200, {"provider": provider, "since": of.since, "until": of.until, **asdict(of.found)}, {})


@router.get(
    "/payment-reconciliation/file",
    **for_roles(OFFICE, 409, 502, responses=as_file(CSV), response_class=Response),
)  # fmt: skip
def compare_with_provider_in_a_file(
    call: Called, app: Application, provider: _Provider = "sandbox", begun_from: _From = None,
    begun_until: _Until = None,
) -> Response:  # fmt: skip
    """What differs as CSV, a payment each line, ours beside the provider's."""
    of = compared(call, app.gateways, provider=provider, begun_from=begun_from, begun_until=begun_until)
    name = named(f"payment-reconciliation-{of.days.since}-{of.days.until}.csv")
    return StreamingResponse(exports.report_csv(as_report(of), of.currency), media_type=CSV, headers=name)
