"""Comparing our payments with a provider's own books."""

from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import Application, Called
from api.moves import respond
from api.operations import OFFICE, for_roles
from api.schemas.base import Day
from api.schemas.reconciliation import PaymentReconciliation
from engine.errors import Invalid, Reason
from workflows.reconciliation import reconcile

router = APIRouter(tags=["finance"])

_LONGEST_DAYS = 366
_EARLIEST, _LATEST = date(2000, 1, 1), date(9998, 1, 1)


@router.get("/payment-reconciliation", **for_roles(OFFICE, 409, 502, response_model=PaymentReconciliation))
def compare_with_provider(
    call: Called, app: Application, provider: Annotated[str, Query(max_length=50)] = "sandbox",
    begun_from: Annotated[Day | None, Query(description="When the payments were begun; yesterday.")] = None,
    begun_until: Annotated[Day | None, Query(description="The last day of it; the first.")] = None,
) -> Response:  # fmt: skip
    """Ask a payment provider for its own records and compare: what is missing here or there, what differs.
    Nothing is changed by it.
    """
    who, _ = call.identify()
    gateway = app.gateways.get(provider)
    if gateway is None:
        raise _invalid("provider", f"There is no payment provider {provider}.")
    zone = ZoneInfo(who.organisation["time_zone"])
    begun_from = begun_from or call.now.astimezone(zone).date() - timedelta(days=1)
    begun_until = begun_until or begun_from
    is_a_period = _EARLIEST <= begun_from <= begun_until <= _LATEST
    if not is_a_period or (begun_until - begun_from).days >= _LONGEST_DAYS:
        raise _invalid("begun_until", f"Ask for one to {_LONGEST_DAYS} days, from {_EARLIEST} on.")
    since = datetime.combine(begun_from, time(), zone)
    until = datetime.combine(begun_until + timedelta(days=1), time(), zone)
    found = reconcile(call.database, call.organisation_id, gateway, since=since, until=until)
    return respond(200, {"provider": provider, "since": since, "until": until, **asdict(found)}, {})


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(message, reasons=[Reason("invalid", message, field=field)])
