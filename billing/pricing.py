"""What lines cost: pure arithmetic in minor units, with a trace that explains every line to the cent.

Tax is computed per rate over the whole version, half-up, and spread to its lines by largest remainder, so that the
parts always sum to the whole (DOMAIN §4). The same inputs always give the same cents.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

Trace = dict[str, Any]

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Reduction:
    """What a discount takes off a line (0 where it does not apply), and what the trace says of it."""

    amount_minor: int
    trace: Trace


@dataclass(frozen=True, slots=True)
class LineToPrice:
    """One component before tax: `unit_minor` is what the catalogue asks, with tax in it or not."""

    attendee_id: UUID
    term_product_id: UUID
    component: str  # SESSION, or EXTRA:<id>
    description: str
    unit_minor: int
    quantity: int
    basis: str  # where the unit price comes from: "session price", "full week", …
    tax_name: str
    tax_rate: Decimal  # 0.13 is 13 %
    # Course, site, day and times as a document prints them.
    printed: dict[str, str] = field(default_factory=dict)
    reductions: tuple[Reduction, ...] = ()
    # An edit keeps the tax of a line whose amount it does not change: what was invoiced does not move by a cent.
    kept_tax_minor: int | None = None

    @property
    def base_minor(self) -> int:
        return self.unit_minor * self.quantity

    @property
    def discount_minor(self) -> int:
        return sum(reduction.amount_minor for reduction in self.reductions)


@dataclass(frozen=True, slots=True)
class PricedLine:
    """One component with tax; net + tax = gross."""

    line: LineToPrice
    base_minor: int
    discount_minor: int
    net_minor: int
    tax_minor: int
    gross_minor: int
    trace: list[Trace]


@dataclass(frozen=True, slots=True)
class Priced:
    """A whole version. `fingerprint` changes whenever any figure that a person was shown would change."""

    lines: list[PricedLine]
    net_minor: int
    tax_minor: int
    total_minor: int
    fingerprint: str


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """Share `total` in proportion to `weights` (not negative) by largest remainder; earlier shares win ties.

    The shares sum to `total` exactly; with all weights 0 everything goes to the first share.
    """
    whole = sum(weights)
    if whole == 0:
        return [total] + [0] * (len(weights) - 1) if weights else []
    shares = [total * weight // whole for weight in weights]
    left = total - sum(shares)
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in by_remainder[:left]:
        shares[i] += 1
    return shares


def price(lines: Sequence[LineToPrice], *, prices_include_tax: bool) -> Priced:
    """Price a version: base, discounts, tax per rate, rounding. Amounts are in minor units of its one currency."""
    amounts = [line.base_minor - line.discount_minor for line in lines]
    assert all(amount >= 0 for amount in amounts), "a discount takes no more than there is"
    taxes = _taxes(lines, amounts, prices_include_tax)
    priced = []
    for line, amount, tax in zip(lines, amounts, taxes, strict=True):
        net, gross = (amount - tax, amount) if prices_include_tax else (amount, amount + tax)
        trace = _trace(line, tax, prices_include_tax)
        priced.append(PricedLine(line, line.base_minor, line.discount_minor, net, tax, gross, trace))
    net_total, tax_total = sum(p.net_minor for p in priced), sum(taxes)
    return Priced(priced, net_total, tax_total, net_total + tax_total, _fingerprint(priced))


def _taxes(lines: Sequence[LineToPrice], amounts: Sequence[int], included: bool) -> list[int]:
    taxes = [line.kept_tax_minor or 0 for line in lines]
    by_rate: dict[tuple[str, Decimal], list[int]] = defaultdict(list)
    for i, line in enumerate(lines):
        if line.tax_rate and line.kept_tax_minor is None:
            by_rate[line.tax_name, line.tax_rate].append(i)
    for (_, rate), members in by_rate.items():
        millionths = int(rate * _MILLION)
        taxable = sum(amounts[i] for i in members)
        whole = half_up(taxable * millionths, _MILLION + millionths if included else _MILLION)
        for i, share in zip(members, spread(whole, [amounts[i] for i in members]), strict=True):
            taxes[i] = share
    return taxes


def half_up(numerator: int, denominator: int) -> int:
    """Round half away from zero."""
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def _trace(line: LineToPrice, tax: int, included: bool) -> list[Trace]:
    steps: list[Trace] = [
        {"step": "base", "basis": line.basis, "unit_minor": line.unit_minor, "quantity": line.quantity,
         "amount_minor": line.base_minor},
        *(reduction.trace for reduction in line.reductions),
    ]  # fmt: skip
    if line.tax_rate:
        steps.append({
            "step": "tax", "name": line.tax_name, "rate": str(line.tax_rate), "included": included,
            "amount_minor": tax,
            "rounding": "half-up over the version, shared by largest remainder"
            if line.kept_tax_minor is None else "kept",
        })  # fmt: skip
    return steps


def _fingerprint(lines: Sequence[PricedLine]) -> str:
    figures = [
        (p.line.attendee_id.hex, p.line.term_product_id.hex, p.line.component, p.line.quantity, p.base_minor,
         p.discount_minor, p.tax_minor, p.gross_minor)
        for p in lines
    ]  # fmt: skip
    return hashlib.sha256(repr(sorted(figures)).encode()).hexdigest()[:32]


def share_by(lines: Sequence[PricedLine], key: Callable[[PricedLine], str]) -> dict[str, int]:
    """Gross totals by any key, for summaries."""
    totals: dict[str, int] = defaultdict(int)
    for line in lines:
        totals[key(line)] += line.gross_minor
    return dict(totals)
