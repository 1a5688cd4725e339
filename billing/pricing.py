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
    """Price a version: base, tax per rate, rounding. Amounts are minor units of the organisation's currency."""
    bases = [line.unit_minor * line.quantity for line in lines]
    taxes = _taxes(lines, bases, prices_include_tax)
    priced = []
    for line, base, tax in zip(lines, bases, taxes, strict=True):
        net, gross = (base - tax, base) if prices_include_tax else (base, base + tax)
        priced.append(PricedLine(line, base, 0, net, tax, gross, _trace(line, base, tax, prices_include_tax)))
    net_total, tax_total = sum(p.net_minor for p in priced), sum(taxes)
    return Priced(priced, net_total, tax_total, net_total + tax_total, _fingerprint(priced))


def _taxes(lines: Sequence[LineToPrice], bases: Sequence[int], included: bool) -> list[int]:
    taxes = [0] * len(lines)
    by_rate: dict[tuple[str, Decimal], list[int]] = defaultdict(list)
    for i, line in enumerate(lines):
        if line.tax_rate:
            by_rate[line.tax_name, line.tax_rate].append(i)
    for (_, rate), members in by_rate.items():
        millionths = int(rate * _MILLION)
        taxable = sum(bases[i] for i in members)
        whole = _half_up(taxable * millionths, _MILLION + millionths if included else _MILLION)
        for i, share in zip(members, spread(whole, [bases[i] for i in members]), strict=True):
            taxes[i] = share
    return taxes


def _half_up(numerator: int, denominator: int) -> int:
    """Round half away from zero."""
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def _trace(line: LineToPrice, base: int, tax: int, included: bool) -> list[Trace]:
    steps: list[Trace] = [
        {"step": "base", "basis": line.basis, "unit_minor": line.unit_minor, "quantity": line.quantity,
         "amount_minor": base},
    ]  # fmt: skip
    if line.tax_rate:
        steps.append({
            "step": "tax", "name": line.tax_name, "rate": str(line.tax_rate), "included": included,
            "amount_minor": tax, "rounding": "half-up over the version, shared by largest remainder",
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
