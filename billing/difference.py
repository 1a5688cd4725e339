"""The Billing Difference: what an edit changes of what a booking costs, line by line and why. Pure, in minor units.

Two numbers that are never mixed: the *delta* is the new total less the old one, the *due* is the new total less what is
paid, whoever owes what for which reason.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from billing.adjustments import is_beside, kind_of
from billing.pricing import PricedLine, half_up

_MILLION = 1_000_000


class Cause(StrEnum):
    """Why a line costs something else."""

    ADDED = "ADDED"  # it is new, or there is more of it
    CANCELLED = "CANCELLED"  # it is given up, or there is less of it
    DISCOUNT_LOST = "DISCOUNT_LOST"  # a discount is no longer given, or less of it
    DISCOUNT_GAINED = "DISCOUNT_GAINED"  # a discount is given, or more of it
    FEE_CUTOFF = "FEE_CUTOFF"  # what is kept of a session that is given up late
    FEE_CHANGE = "FEE_CHANGE"  # what the change itself costs
    CATALOGUE_CHANGE = "CATALOGUE_CHANGE"  # the catalogue asks another price than it did
    MANUAL = "MANUAL"  # an admin put something on top, or took something off


@dataclass(frozen=True, slots=True)
class DifferenceLine:
    """One component that costs something else: was, becomes, why. Deltas are signed."""

    session_id: UUID
    component: str
    description: str
    was_minor: int
    becomes_minor: int
    net_delta_minor: int
    tax_delta_minor: int
    causes: tuple[Cause, ...]
    why: tuple[str, ...]  # in words: which discount or fee, and its reason
    is_new: bool = False  # it was not billed before: it is charged in full, also where it costs nothing
    # How its price came about, step by step, the discounts that did not apply included; of what goes, how it had.
    trace: tuple[dict[str, Any], ...] = ()
    not_applied: tuple[str, ...] = ()  # the rules that did not apply, and why

    @property
    def delta_minor(self) -> int:
        return self.becomes_minor - self.was_minor


@dataclass(frozen=True, slots=True)
class Difference:
    """What an edit comes to. `fingerprint` changes whenever a figure or what it was computed from changes."""

    lines: tuple[DifferenceLine, ...]
    old_total_minor: int
    new_total_minor: int
    paid_minor: int
    fingerprint: str
    # Taxes in the totals above.
    old_tax_minor: int = 0
    new_tax_minor: int = 0
    # Nothing is asked, invoiced or credited of a booking that is not invoiced yet: its invoice will be over all of it.
    is_invoiced: bool = True

    @property
    def delta_minor(self) -> int:
        return self.new_total_minor - self.old_total_minor

    @property
    def due_minor(self) -> int:
        """What is still to be paid for all of it."""
        return max(0, self.new_total_minor - self.paid_minor)

    @property
    def credit_minor(self) -> int:
        """What was paid beyond what it costs then: the family's credit."""
        return max(0, self.paid_minor - self.new_total_minor)

    @property
    def required_minor(self) -> int:
        """What this edit asks to be paid: of what is due no more than it adds."""
        return max(0, min(self.delta_minor, self.due_minor)) if self.is_invoiced else 0

    @property
    def invoiced_minor(self) -> int:
        """The supplementary invoice: the lines that cost more."""
        return sum(line.delta_minor for line in self.lines if line.delta_minor > 0)

    @property
    def credited_minor(self) -> int:
        """The credit note: the lines that cost less."""
        return -sum(line.delta_minor for line in self.lines if line.delta_minor < 0)


def compare(
    was: Iterable[dict[str, Any]], becomes: Sequence[PricedLine], *, paid_minor: int, computed_from: Sequence[Any] = (),
    is_invoiced: bool = True, not_applied: Mapping[UUID, str] | None = None,
) -> Difference:  # fmt: skip
    """The difference between the lines of a Billing version and what an edit makes of them.

    `paid_minor` is what was paid for the booking, net of what was freed; `computed_from` names the records that the
    edit was computed from, with their versions; `not_applied` says, by session, why giving it up costs no fee.
    """
    before = {(UUID(str(row["term_product_id"])), row["component"]): row for row in was}
    after = {(p.line.term_product_id, p.line.component): p for p in becomes}
    both = [*before, *(key for key in after if key not in before)]
    lines = [_line(key, before.get(key), after.get(key), not_applied or {}) for key in both]
    # What is new or given up is listed also where it costs nothing.
    changed = tuple(line for key, line in zip(both, lines, strict=True)
                    if line.delta_minor or key not in before or key not in after)  # fmt: skip
    figures = sorted((s.hex, c, after[s, c].line.quantity if (s, c) in after else 0, line.was_minor, line.becomes_minor,
                      line.tax_delta_minor) for (s, c), line in zip(both, lines, strict=True))  # fmt: skip
    whole = repr((figures, paid_minor, [str(each) for each in computed_from]))
    return Difference(
        changed, sum(row["gross_minor"] for row in before.values()), sum(p.gross_minor for p in after.values()),
        paid_minor, hashlib.sha256(whole.encode()).hexdigest()[:32],
        old_tax_minor=sum(row["tax_minor"] for row in before.values()),
        new_tax_minor=sum(p.tax_minor for p in after.values()), is_invoiced=is_invoiced,
    )  # fmt: skip


def _line(
    key: tuple[UUID, str], row: dict[str, Any] | None, priced: PricedLine | None, no_fee: Mapping[UUID, str]
) -> DifferenceLine:
    session_id, component = key
    description = priced.line.description if priced else str(row and row["description"])
    was = (row["net_minor"], row["tax_minor"], row["gross_minor"]) if row else (0, 0, 0)
    becomes = (priced.net_minor, priced.tax_minor, priced.gross_minor) if priced else (0, 0, 0)
    causes, why = _causes(component, row, priced)
    trace = priced.trace if priced else row["trace"] if row else []
    not_applied = [f"{step['name']}: {step['why']}" for step in trace
                   if priced and step["step"] == "discount" and not step["amount_minor"]]  # fmt: skip
    if priced is None and component == "SESSION" and session_id in no_fee:
        not_applied.append(f"Late cancellation fee: {no_fee[session_id]}")
    return DifferenceLine(
        session_id, component, description, was[2], becomes[2], becomes[0] - was[0], becomes[1] - was[1], causes, why,
        row is None, tuple(trace), tuple(not_applied),
    )  # fmt: skip


def _causes(
    component: str, row: dict[str, Any] | None, priced: PricedLine | None
) -> tuple[tuple[Cause, ...], tuple[str, ...]]:
    if row is None:
        assert priced is not None, "a line was or becomes"
        if is_beside(component):
            return (Cause(kind_of(component)),), (priced.line.basis,)
        adjustments = _steps(priced.trace, "adjustment")
        return (Cause.ADDED, *((Cause.MANUAL,) if adjustments else ())), tuple(step["why"] for step in adjustments)
    if priced is None:
        return (Cause.CANCELLED,), ()
    causes = []
    if priced.line.quantity != row["quantity"]:
        causes.append(Cause.ADDED if priced.line.quantity > row["quantity"] else Cause.CANCELLED)
    of_mode = _other_basis(row, priced)
    if priced.base_minor * row["quantity"] != row["base_minor"] * priced.line.quantity:
        is_dearer = priced.base_minor > row["base_minor"]
        of_another = Cause.DISCOUNT_LOST if is_dearer else Cause.DISCOUNT_GAINED
        causes.append(of_another if of_mode else Cause.CATALOGUE_CHANGE)
    was, becomes = (-sum(step["amount_minor"] for step in _steps(trace, "discount"))
                    for trace in (row["trace"], priced.trace))  # fmt: skip
    if was != becomes:
        causes.append(Cause.DISCOUNT_LOST if becomes < was else Cause.DISCOUNT_GAINED)
        causes = list(dict.fromkeys(causes))
    before, after = (_steps(trace, "adjustment") for trace in (row["trace"], priced.trace))
    if before != after:
        causes.append(Cause.MANUAL)
    why = [*of_mode, *_changed_discounts(row["trace"], priced.trace), *(step["why"] for step in after[len(before) :])]
    return tuple(causes), tuple(why)


def _other_basis(row: dict[str, Any], priced: PricedLine) -> list[str]:
    """In words, that a session is priced by another mode than it was: by the week, the term or the day."""
    was = row["trace"][0]["basis"] if row["trace"] else priced.line.basis
    return [f"{priced.line.basis}, was {was}"] if was != priced.line.basis else []


def _steps(trace: Iterable[dict[str, Any]], named: str) -> list[dict[str, Any]]:
    return [step for step in trace if step["step"] == named]


def _changed_discounts(was: Iterable[dict[str, Any]], becomes: Iterable[dict[str, Any]]) -> Iterable[str]:
    """The discounts that take another amount than before, with the reason for what they take now."""
    before = {(s["scope_id"], s["version"]): s["amount_minor"] for s in _steps(was, "discount")}
    for step in _steps(becomes, "discount"):
        if step["amount_minor"] != before.get((step["scope_id"], step["version"]), 0):
            yield f"{step['name']}: {step['why']}"


def kept_tax(row: dict[str, Any], amount_minor: int, *, included: bool) -> int:
    """The tax of a line that an edit keeps at a new amount (with tax in it where prices include it).

    Unchanged where the amount is; else the half-up of its own rate, and never the other way than the amount went: what
    is charged or credited has no negative part.
    """
    was = row["gross_minor"] if included else row["net_minor"]
    if amount_minor == was or not Decimal(row["tax_rate"]):
        return int(row["tax_minor"])
    millionths = int(Decimal(row["tax_rate"]) * _MILLION)
    tax = half_up(amount_minor * millionths, _MILLION + millionths if included else _MILLION)
    change = amount_minor - was
    # With tax inside, the net may not go the other way either.
    bounds = (row["tax_minor"], row["tax_minor"] + change if included else tax)
    if included:
        return int(min(max(tax, min(bounds)), max(bounds)))
    return int(max(bounds) if change > 0 else min(bounds))
