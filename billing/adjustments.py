"""What stands beside sessions and extras in the price of a booking: fees by rule, and an admin's adjustments.

Pure, in minor units. A charge is a line of its own about one session; what an admin takes off is a reduction of a
session's line, so that a credit note always takes back something that was invoiced.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.pricing import LineToPrice, Reduction, half_up
from catalogue.rule_values import LateFee

FEE_CUTOFF, FEE_CHANGE, FEE_PICKUP, FEE_OVERDUE = "FEE_CUTOFF", "FEE_CHANGE", "FEE_PICKUP", "FEE_OVERDUE"
MANUAL = "MANUAL"
_BESIDE = frozenset({FEE_CUTOFF, FEE_CHANGE, FEE_PICKUP, FEE_OVERDUE, MANUAL})
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What an admin puts on top of a session's price, or takes off it (negative), and why."""

    session_id: UUID
    amount_minor: int
    reason: str


def kind_of(component: str) -> str:
    """SESSION, EXTRA, or what stands beside them."""
    return component.partition(":")[0]


def is_beside(component: str) -> bool:
    """Neither the session nor an extra of it: it stays when the session is given up."""
    return kind_of(component) in _BESIDE


def beside(about: LineToPrice, component: str, name: str, amount_minor: int, basis: str) -> LineToPrice:
    """A charge about a session, taxed as the session is. A fee says which it is, for papers in any language."""
    named = {"extra": name} if kind_of(component) == MANUAL else {"extra": name, "fee": kind_of(component)}
    return replace(about, component=component, description=f"{name}, {about.description}", unit_minor=amount_minor,
                   quantity=1, basis=basis, printed=about.printed | named, reductions=(),
                   kept_tax_minor=None)  # fmt: skip


def late_fee_minor(fee: LateFee, price_minor: int) -> int:
    """What is kept of a session's price when it is given up late: never more than it cost."""
    if fee.percent is not None:
        return half_up(price_minor * int(Decimal(fee.percent) * 10_000), _MILLION)
    return min(fee.amount_minor or 0, price_minor)


def adjusted(line: LineToPrice, before: Iterable[Mapping[str, Any]], now: Iterable[Adjustment]) -> LineToPrice:
    """A session's line with what admins took off it before (steps of its trace) and take off it now."""
    left = line.base_minor - line.discount_minor
    reductions = list(line.reductions)
    asked = [(-step["amount_minor"], step["why"]) for step in before if step["step"] == "adjustment"]
    asked += [(-each.amount_minor, each.reason) for each in now if each.amount_minor < 0]
    for amount, why in asked:
        taken = min(amount, left)
        left -= taken
        reductions.append(Reduction(taken, {
            "step": "adjustment", "rule": MANUAL, "name": "Adjustment", "why": why, "amount_minor": -taken,
        }))  # fmt: skip
    return line if len(reductions) == len(line.reductions) else replace(line, reductions=tuple(reductions))
