"""Which lines of orders a family's passes cover: pure, the same for the same facts.

A line keeps the pass that it uses already. Others take the one that ends first among those that are good for their
program on their local date, sessions by date before extras. A pass covers a session, or all pieces of an extra, whole
or not at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from billing.pricing import PricedLine, Reduction, Trace
from models import PassCovers

Line = tuple[UUID, str]  # session and component


@dataclass(frozen=True, slots=True)
class Right:
    """A pass as it stands: `left` is what is not used by others, without limit where it is None."""

    id: UUID
    reference: str
    name: str
    valid_from: date
    valid_until: date
    left: int | None
    covers: PassCovers
    scopes: frozenset[UUID]  # programs and categories; none is everywhere
    kept: Mapping[Line, int] = field(default_factory=dict)  # what these orders use of it already
    freed: int = 0  # what of `left` the same edit gives back: it is free only once the edit is made

    def is_good_for(self, line: "Uncovered") -> bool:
        """Whether it may cover the line, units aside."""
        if line.day is None or not self.valid_from <= line.day <= self.valid_until:
            return False
        return not self.scopes or not self.scopes.isdisjoint(line.scopes)


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A component that could be covered. An extra's `line_key` is its session's."""

    key: tuple[UUID, UUID]  # of its order and session, or extra row: what the reduction is found by
    order_id: UUID
    session_id: UUID
    component: str
    day: date | None
    scopes: frozenset[UUID]
    amount_minor: int
    quantity: int = 1

    @property
    def is_session(self) -> bool:
        return self.component == "SESSION"


Coverage = dict[tuple[UUID, UUID], Reduction]


def cover(lines: Iterable[Uncovered], rights: Sequence[Right]) -> Coverage:
    """The entitlement of each covered line, by its key: the whole of its price, with the pass and its units."""
    left = {right.id: right.left for right in rights}
    by_end = sorted(rights, key=lambda right: (right.valid_until, right.id.int))
    covered: Coverage = {}
    brought: dict[tuple[UUID, UUID], Right] = {}  # sessions whose extras come along
    # What is kept is taken out first, so that nobody else of the same orders gets it.
    wanted = sorted(lines, key=lambda each: (
        not each.is_session, _keeper(each, by_end) is None, each.day or date.max, each.order_id.int,
        each.session_id.int, each.component,
    ))  # fmt: skip
    for line in wanted:
        if line.amount_minor <= 0:
            continue
        by = brought.get((line.order_id, line.session_id))
        units = 0 if by is not None else line.quantity
        right = by or _choose(line, by_end, left)
        if right is None:
            continue
        if (has := left[right.id]) is not None:
            left[right.id] = has - units
        if line.is_session and right.covers is PassCovers.SESSIONS_AND_EXTRAS:
            brought[line.order_id, line.session_id] = right
        covered[line.key] = Reduction(line.amount_minor, _trace(line, right, units))
    return covered


def _keeper(line: Uncovered, rights: Iterable[Right]) -> Right | None:
    return next((right for right in rights if (line.session_id, line.component) in right.kept), None)


def _choose(line: Uncovered, rights: Sequence[Right], left: Mapping[UUID, int | None]) -> Right | None:
    fit = {PassCovers.SESSIONS, PassCovers.SESSIONS_AND_EXTRAS} if line.is_session else {PassCovers.EXTRAS}

    def has_enough(right: Right) -> bool:
        units = left[right.id]
        return right.covers in fit and right.is_good_for(line) and (units is None or units >= line.quantity)

    keeper = _keeper(line, rights)
    if keeper is not None and has_enough(keeper):
        return keeper
    return next((right for right in rights if has_enough(right)), None)


def _trace(line: Uncovered, right: Right, units: int) -> Trace:
    piece = "" if units == 1 else f", {units} units" if units else ", with its session"
    return {
        "step": "entitlement", "rule": "PASS", "name": right.name, "pass_id": str(right.id),
        "reference": right.reference, "units": units, "amount_minor": -line.amount_minor,
        "why": f"covered by {right.reference}{piece}",
    }  # fmt: skip


def entitlement_of(trace: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The step of a price that says which pass covers the line."""
    return next((step for step in trace if step["step"] == "entitlement"), None)


def kept_entitlement(trace: Iterable[Trace]) -> tuple[Reduction, ...]:
    """The same of a line that an edit keeps: it stays covered."""
    return tuple(Reduction(-step["amount_minor"], step) for step in trace if step["step"] == "entitlement")


def share_minor(net_minor: int, granted: int, nth: int) -> int:
    """What the nth unit (from 1) of a pass is worth: all of them make its net price to the cent."""
    return net_minor * nth // granted - net_minor * (nth - 1) // granted


def paid_of(priced: PricedLine) -> dict[str, Any]:
    """What the snapshot of an extra says of its price: 0.00 is paid for what a pass covers."""
    step = entitlement_of(priced.trace)
    unit = priced.line.unit_minor
    return {
        "price_minor": unit, "price_paid_minor": unit if step is None else 0,
        "covered_by_entitlement_id": step and UUID(step["pass_id"]),
    }  # fmt: skip
