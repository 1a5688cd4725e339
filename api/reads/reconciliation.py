"""What a provider has on its books against ours, for a period that somebody names; and as a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from api.moves import Call
from billing.gateways.protocol import Gateway
from billing.reports.form import Column, Period, Report
from engine.database import Row
from engine.errors import Invalid, Reason
from engine.money import to_major
from workflows.reconciliation import PaymentDifference, Reconciliation, Side, reconcile

_LONGEST_DAYS = 366
_EARLIEST, _LATEST = date(2000, 1, 1), date(9998, 1, 1)
_SIDES = (("here", "ours"), ("there", "provider's"))


@dataclass(frozen=True, slots=True)
class Compared:
    """Payments begun on these local days of the organisation, as the two have them."""

    provider: str
    currency: str  # of the organisation
    days: Period
    since: datetime
    until: datetime
    found: Reconciliation


def compared(
    call: Call, gateways: Mapping[str, Gateway], *, provider: str, begun_from: date | None, begun_until: date | None
) -> Compared:  # fmt: skip
    """Ask the provider, outside any transaction, and compare; yesterday unless told otherwise.

    Raises Invalid (no such provider, no period), GatewayUnreachable, GatewayRefused.
    """
    who, _ = call.identify()
    gateway = gateways.get(provider)
    if gateway is None:
        raise _invalid("provider", f"There is no payment provider {provider}.")
    zone = ZoneInfo(who.organisation["time_zone"])
    begun_from = begun_from or who.today(call.now) - timedelta(days=1)
    begun_until = begun_until or begun_from
    is_a_period = _EARLIEST <= begun_from <= begun_until <= _LATEST
    if not is_a_period or (begun_until - begun_from).days >= _LONGEST_DAYS:
        raise _invalid("begun_until", f"Ask for one to {_LONGEST_DAYS} days, from {_EARLIEST} on.")
    since = datetime.combine(begun_from, time(), zone)
    until = datetime.combine(begun_until + timedelta(days=1), time(), zone)
    found = reconcile(call.database, call.organisation_id, gateway, since=since, until=until)
    return Compared(provider, who.organisation["currency"], Period(begun_from, begun_until), since, until, found)


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(message, reasons=[Reason("invalid", message, field=field)])


def as_report(of: Compared) -> Report:
    """The differences as a table, a payment or checkout each row; amounts in the currency of their side."""
    columns = [Column("kind", "Difference"), Column("payment", "Payment"), Column("external_id", "Provider's id"),
               Column("differs_in", "Differs in")]  # fmt: skip
    for side, whose in _SIDES:
        columns += [Column(f"{side}_{name}", f"{heading}, {whose}") for name, heading in (
            ("status", "Status"), ("currency", "Currency"), ("amount", "Amount"), ("refunded", "Refunded"),
            ("disputed", "Disputed"))]  # fmt: skip
    return Report("payment-reconciliation", "Payment reconciliation", of.days, columns,
                  [_line(difference) for difference in of.found.differences])  # fmt: skip


def _line(difference: PaymentDifference) -> Row:
    line: dict[str, Any] = {
        "kind": difference.kind.value, "payment": " ".join(difference.references),
        "external_id": difference.external_id,
        "differs_in": " ".join(name.removesuffix("_minor") for name in difference.differs_in),
    }  # fmt: skip
    for name, side in (("here", difference.here), ("there", difference.there)):
        line |= {f"{name}_{key}": value for key, value in _of(side).items()}
    return line


def _of(side: Side | None) -> dict[str, str | None]:
    if side is None:
        return dict.fromkeys(("status", "currency", "amount", "refunded", "disputed"))
    amounts = {"amount": side.amount_minor, "refunded": side.refunded_minor, "disputed": side.disputed_minor}
    return {"status": side.status.value, "currency": side.currency,
            **{name: str(to_major(minor, side.currency)) for name, minor in amounts.items()}}  # fmt: skip
