"""Two truths compared: what a provider has on its books, and what we have on ours. It changes nothing.

The provider is asked outside any transaction; ours are read around its answer, so that a payment begun at the edge of
the period is found on both sides.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from billing.gateways.protocol import Gateway, GatewayRecord
from engine.database import Database, Row, Transaction
from models import PaymentStatus

_EDGE = timedelta(hours=2)  # a page is opened later than its payment is begun


class DifferenceKind(StrEnum):
    """How the two disagree."""

    MISSING_HERE = "MISSING_HERE"  # the provider has a payment that we do not know
    MISSING_THERE = "MISSING_THERE"  # we have a payment that the provider does not know
    DIFFERS = "DIFFERS"  # status, amount, currency, what was refunded or what is disputed are not the same


@dataclass(frozen=True, slots=True)
class Side:
    """What one of the two says; amounts are minor units. Refunded is what was sent back or is on its way, disputed what
    the payer's bank has taken at present.
    """

    status: PaymentStatus
    amount_minor: int
    currency: str
    refunded_minor: int = 0
    disputed_minor: int = 0

    def differs_in(self, other: "Side") -> tuple[str, ...]:
        """The names of what is not the same."""
        names = [field.name for field in fields(self)]
        return tuple(name for name in names if getattr(self, name) != getattr(other, name))


@dataclass(frozen=True, slots=True)
class PaymentDifference:
    """One payment, or checkout of several, on which the two disagree."""

    kind: DifferenceKind
    external_id: str | None
    references: tuple[str, ...]
    here: Side | None
    there: Side | None
    differs_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How many payments agree, and those that do not."""

    agreeing: int
    differences: tuple[PaymentDifference, ...]


def reconcile(
    database: Database, organisation_id: UUID, gateway: Gateway, *, since: datetime, until: datetime
) -> Reconciliation:
    """Compare the payments begun from `since` to before `until`. Raises GatewayUnreachable, GatewayRefused."""
    there = list(gateway.records(merchant=str(organisation_id), since=since - _EDGE, until=until + _EDGE))
    with database.transaction(organisation_id) as tx:
        here = _read_ours(tx, gateway.name, there, since - _EDGE, until + _EDGE)
    return compare(here, there, since=since, until=until)


def compare(
    here: Iterable[Row], there: Iterable[GatewayRecord], *, since: datetime, until: datetime
) -> Reconciliation:  # fmt: skip
    """Match by our key, else by the provider's id; what lies outside the period only helps to match."""
    ours = {str(row["key"]): row for row in here}
    by_external = {row["external_id"]: key for key, row in ours.items() if row["external_id"]}
    agreeing, found = 0, []
    for record in there:
        key = record.key if record.key in ours else by_external.get(record.external_id)
        row = ours.pop(key, None) if key else None
        begun = row["created_at"] if row else record.at
        if not since <= begun < until:
            continue
        difference = _difference(row, record)
        if difference is None:
            agreeing += 1
        else:
            found.append(difference)
    # One whose page was never opened is known to nobody but us, and nobody can pay it.
    left = [row for row in ours.values() if since <= row["created_at"] < until
            and (row["external_id"] or row["status"] != PaymentStatus.FAILED)]  # fmt: skip
    found += [PaymentDifference(DifferenceKind.MISSING_THERE, row["external_id"], tuple(row["references"]),
                                _side(row), None) for row in left]  # fmt: skip
    return Reconciliation(agreeing, tuple(found))


def _difference(row: Row | None, record: GatewayRecord) -> PaymentDifference | None:
    there = Side(
        record.status, record.amount_minor, record.currency, refunded_minor=record.refunded_minor,
        disputed_minor=record.disputed_minor,
    )  # fmt: skip
    if row is None:
        return PaymentDifference(DifferenceKind.MISSING_HERE, record.external_id, (), None, there)
    here = _side(row)
    if here == there:
        return None
    return PaymentDifference(DifferenceKind.DIFFERS, record.external_id, tuple(row["references"]), here, there,
                             here.differs_in(there))  # fmt: skip


def _side(row: Row) -> Side:
    return Side(
        PaymentStatus(row["status"]), row["amount_minor"], row["currency"], refunded_minor=row["refunded_minor"],
        disputed_minor=row["disputed_minor"],
    )  # fmt: skip


# A checkout of several orders is one payment there: its payments move together. A refund is with the provider once it
# was asked for.
_OURS = """
SELECT coalesce(p.checkout_id, p.id) AS key, max(p.external_id) AS external_id, min(p.created_at) AS created_at,
       array_agg(p.reference ORDER BY p.reference) AS references, sum(p.amount_minor)::bigint AS amount_minor,
       min(p.currency) AS currency, min(p.status) AS status, sum(p.disputed_minor)::bigint AS disputed_minor,
       sum(r.minor)::bigint AS refunded_minor
FROM payment p
CROSS JOIN LATERAL (SELECT coalesce(sum(x.amount_minor), 0) AS minor FROM refund x
                    WHERE x.organisation_id = p.organisation_id AND x.payment_id = p.id
                      AND (x.status = 'SUCCEEDED' OR (x.status = 'PENDING' AND x.asked_at IS NOT NULL))) r
WHERE p.organisation_id = %(org)s AND p.provider = %(provider)s
  AND (p.created_at >= %(since)s AND p.created_at < %(until)s OR p.external_id = ANY(%(external_ids)s))
GROUP BY coalesce(p.checkout_id, p.id)
"""


def _read_ours(
    tx: Transaction, provider: str, there: list[GatewayRecord], since: datetime, until: datetime
) -> list[Row]:  # fmt: skip
    return tx.rows(
        _OURS, provider=provider, since=since, until=until, external_ids=[record.external_id for record in there]
    )
