"""What lines cost: pure arithmetic in minor units, with a trace that explains every line to the cent.

Tax is computed per rate over the whole version, half-up, and spread to its lines by largest remainder, so that the
parts always sum to the whole (DOMAIN §4). The same inputs always give the same cents.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

Trace = dict[str, Any]

_MILLION = 1_000_000


# These three are made for every line of every price and nobody changes them: declared frozen they would cost three
# times as much to make.
@dataclass(slots=True)
class Reduction:
    """What a discount takes off a line (0 where it does not apply), and what the trace says of it."""

    amount_minor: int
    trace: Trace


@dataclass(slots=True)
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
        taken = 0
        for reduction in self.reductions:
            taken += reduction.amount_minor
        return taken


@dataclass(slots=True)
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
    if left:
        # The sort is stable: of equal remainders the earlier share comes first.
        by_remainder = sorted(range(len(weights)), key=lambda i: -(total * weights[i] % whole))
        for i in by_remainder[:left]:
            shares[i] += 1
    return shares


def price(lines: Sequence[LineToPrice], *, prices_include_tax: bool) -> Priced:
    """Price a version: base, discounts, tax per rate, rounding. Amounts are in minor units of its one currency."""
    bases = [line.unit_minor * line.quantity for line in lines]
    taken = [line.discount_minor for line in lines]
    amounts = [base - less for base, less in zip(bases, taken, strict=True)]
    assert min(amounts, default=0) >= 0, "a discount takes no more than there is"
    taxes = _taxes(lines, amounts, prices_include_tax)
    priced = []
    for line, base, less, amount, tax in zip(lines, bases, taken, amounts, taxes, strict=True):
        net, gross = (amount - tax, amount) if prices_include_tax else (amount, amount + tax)
        trace = _trace(line, base, tax, prices_include_tax)
        priced.append(PricedLine(line, base, less, net, tax, gross, trace))
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


def _trace(line: LineToPrice, base: int, tax: int, included: bool) -> list[Trace]:
    steps: list[Trace] = [
        {"step": "base", "basis": line.basis, "unit_minor": line.unit_minor, "quantity": line.quantity,
         "amount_minor": base}
    ]  # fmt: skip
    steps += [reduction.trace for reduction in line.reductions]
    if rate := line.tax_rate:
        steps.append({
            "step": "tax", "name": line.tax_name, "rate": str(rate), "included": included, "amount_minor": tax,
            "rounding": "half-up over the version, shared by largest remainder"
            if line.kept_tax_minor is None else "kept",
        })  # fmt: skip
    return steps


def _fingerprint(lines: Sequence[PricedLine]) -> str:
    figures = []
    attendee_id, attendee = None, ""
    for p in lines:
        line = p.line
        if line.attendee_id is not attendee_id:
            attendee_id, attendee = line.attendee_id, line.attendee_id.hex
        figures.append((attendee, line.term_product_id.hex, line.component, line.quantity, p.base_minor,
                        p.discount_minor, p.tax_minor, p.gross_minor))  # fmt: skip
    figures.sort()
    return hashlib.sha256(repr(figures).encode()).hexdigest()[:32]
