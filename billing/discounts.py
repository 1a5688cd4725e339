"""Which discounts the sessions of an order get: pure arithmetic in minor units, with a reason for each yes and each no.

Discounts are applied in their declared order. One that does not stack goes to sessions that have none before it; a
percentage is taken of what is left, over all entitled sessions of a booking at once, half-up, shared by largest
remainder; an amount is given once per booking; a cap is the most that one gives to a booking. What the rules ask is
counted over confirmed bookings and the orders of the same submission, after all edits: the order in which sessions were
chosen never changes a cent.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from billing.pricing import Reduction, half_up, spread
from catalogue.discount_values import Discount, DiscountKind, EditPolicy
from models import BookingMode

_MILLION = 1_000_000


@dataclass(frozen=True)
class Offered:
    """A discount where it is set: the same declaration on two levels is two discounts."""

    discount: Discount
    scope_id: UUID

    @cached_property
    def key(self) -> str:
        return f"{self.scope_id}:{self.discount.order}:{self.discount.version}"

    @cached_property
    def traced(self) -> dict[str, Any]:
        """What the trace of every line says of it: asked once for all of them."""
        discount = self.discount
        return {
            "step": "discount", "rule": discount.kind.value, "name": discount.name, "version": discount.version,
            "scope_id": str(self.scope_id), "terms": discount.declared,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kept:
    """That an edit keeps the session: what each discount gave it before, by key, and whether it was held."""

    is_held: bool
    gave: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A session as discounts see it; `booking` names its booking, or its order while there is none."""

    booking: UUID
    attendee_id: UUID
    session_id: UUID
    program_id: UUID
    mode: BookingMode
    amount_minor: int
    local_date: date | None
    starts_on: date  # the first day of what was booked with it
    booked_on: date  # the organisation's local day; a kept session keeps its own
    offered: tuple[Offered, ...]
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What discounts ask besides the sessions that are priced: confirmed bookings of the group and the account."""

    children: tuple[UUID, ...] = ()  # attendees in the order in which they joined, those priced now included
    programs: Mapping[UUID, frozenset[UUID]] = field(default_factory=dict)  # confirmed, by attendee
    promo_codes: Mapping[UUID, str] = field(default_factory=dict)  # good ones, by order or booking
    is_staff: bool = False
    # Sessions that count though they are not priced, by booking: days that were closed.
    also_booked: Mapping[UUID, int] = field(default_factory=dict)


Given = dict[tuple[UUID, UUID], tuple[Reduction, ...]]


def discount_lines(candidates: Sequence[Candidate], around: Surroundings) -> Given:
    """What each session gets, by (booking, session): one reduction per discount it was offered, of 0 where it got none.

    A session of a booking stands in `candidates` once.
    """
    ordered = sorted(candidates, key=lambda c: (c.booking, c.local_date or date.max, c.session_id))
    counted = _Counted.of(ordered, around)
    left = {(c.booking, c.session_id): c.amount_minor for c in ordered}
    given: dict[tuple[UUID, UUID], list[Reduction]] = {place: [] for place in left}
    for offered, booking, members in _turns(ordered):
        decisions = {c.session_id: _decide(offered, c, counted, given[booking, c.session_id]) for c in members}
        amounts = _amounts(offered, members, decisions, left)
        for c in members:
            amount, (says, why) = amounts[c.session_id], decisions[c.session_id]
            left[booking, c.session_id] -= amount
            if says is not False and amount == 0:
                why = "nothing is left to reduce" if left[booking, c.session_id] == 0 else f"{why}; its share is 0"
            given[booking, c.session_id].append(_reduction(offered, c, amount, why))
    return {place: tuple(reductions) for place, reductions in given.items()}


def _turns(candidates: Sequence[Candidate]) -> Iterator[tuple[Offered, UUID, list[Candidate]]]:
    """Each discount in its order with the sessions of one booking that it is offered to."""
    members: dict[tuple[UUID, str], list[Candidate]] = defaultdict(list)
    known: dict[str, Offered] = {}
    for candidate in candidates:
        for offered in candidate.offered:
            known[offered.key] = offered
            members[candidate.booking, offered.key].append(candidate)
    for booking, key in sorted(members, key=lambda turn: (known[turn[1]].discount.order, turn[1], turn[0])):
        yield known[key], booking, members[booking, key]


@dataclass(frozen=True, slots=True)
class _Counted:
    """What the conditions ask, counted once."""

    around: Surroundings
    sessions: Counter[UUID]  # by booking
    programs: Mapping[UUID, frozenset[UUID]]  # by attendee
    rank: Mapping[UUID, int]  # by attendee, from 1

    @classmethod
    def of(cls, candidates: Sequence[Candidate], around: Surroundings) -> "_Counted":
        programs: dict[UUID, frozenset[UUID]] = dict(around.programs)
        for c in candidates:
            programs[c.attendee_id] = programs.get(c.attendee_id, frozenset()) | {c.program_id}
        children = dict.fromkeys((*around.children, *sorted({c.attendee_id for c in candidates})))
        rank = {child: place for place, child in enumerate(children, start=1)}
        sessions = Counter(c.booking for c in candidates)
        sessions.update(around.also_booked)
        return cls(around, sessions, programs, rank)


# What is said to a session: it keeps what it had (None), it is entitled, or it is not; and why, in words.
_Decision = tuple[bool | None, str]


def _decide(offered: Offered, c: Candidate, counted: _Counted, before: Iterable[Reduction]) -> _Decision:
    policy = offered.discount.on_edit
    if c.kept and (policy is EditPolicy.FREEZE or (policy is EditPolicy.REPRICE_FUTURE and c.kept.is_held)):
        return None, "kept as it was sold" if policy is EditPolicy.FREEZE else "was held: kept as it was sold"
    is_entitled, why = _condition(offered.discount, c, counted)
    if is_entitled and not offered.discount.stacks and any(each.amount_minor for each in before):
        return False, "does not follow another discount"
    return is_entitled, why


def _condition(discount: Discount, c: Candidate, counted: _Counted) -> tuple[bool, str]:
    asked = discount.conditions
    match discount.kind:
        case DiscountKind.SIBLING:
            return _sibling(asked, counted.rank[c.attendee_id], len(counted.rank))
        case DiscountKind.MULTI_SESSION:
            many = counted.sessions[c.booking]
            return many >= asked["sessions"], f"{many} sessions booked, given from {asked['sessions']}"
        case DiscountKind.FULL_WEEK:
            return c.mode is BookingMode.FULL_WEEK, f"booked as {_words(c.mode)}"
        case DiscountKind.FULL_TERM:
            return c.mode is BookingMode.FULL_TERM, f"booked as {_words(c.mode)}"
        case DiscountKind.EARLY_BIRD:
            until = asked["until"] or c.starts_on - timedelta(days=asked["days_before"])
            return c.booked_on <= until, f"booked on {c.booked_on}, given until {until}"
        case DiscountKind.COMBINE_BOOKING:
            others = (counted.programs[c.attendee_id] & asked["programs"]) - {c.program_id}
            return bool(others), "booked together" if others else "not booked with a program that it combines with"
        case DiscountKind.PROMO_CODE:
            is_given = counted.around.promo_codes.get(c.booking) == asked["code"]
            return is_given, f"code {asked['code']}" if is_given else "no such code was given"
        case DiscountKind.STAFF:
            return counted.around.is_staff, "staff account" if counted.around.is_staff else "not a staff account"


def _sibling(asked: Mapping[str, Any], place: int, children: int) -> tuple[bool, str]:
    least = asked["from_child"]
    if asked["every_child"]:
        return children >= least, f"{children} children booked, given from {least}"
    return place >= least, f"child {place} of the account, given from child {least}"


def _words(mode: BookingMode) -> str:
    return mode.value.lower().replace("_", " ")


def _amounts(
    offered: Offered, members: Sequence[Candidate], decisions: Mapping[UUID, _Decision],
    left: Mapping[tuple[UUID, UUID], int],
) -> dict[UUID, int]:  # fmt: skip
    """What the discount gives each session of one booking, kept amounts first."""
    discount = offered.discount
    amounts = dict.fromkeys((c.session_id for c in members), 0)
    for c in members:
        if decisions[c.session_id][0] is None and c.kept:
            amounts[c.session_id] = min(c.kept.gave.get(offered.key, 0), left[c.booking, c.session_id])
    entitled = [c for c in members if decisions[c.session_id][0]]
    weights = [left[c.booking, c.session_id] for c in entitled]
    kept = sum(amounts.values())
    if discount.percent is not None:
        whole = half_up(sum(weights) * int(discount.percent * 10_000), _MILLION)
    else:
        whole = max(0, (discount.amount_minor or 0) - kept)
    room = sum(weights) if discount.cap_minor is None else max(0, discount.cap_minor - kept)
    for c, share in zip(entitled, spread(min(whole, room, sum(weights)), weights), strict=True):
        amounts[c.session_id] = share
    return amounts


def _reduction(offered: Offered, c: Candidate, amount_minor: int, why: str) -> Reduction:
    """What of a discount stands in the trace of a price, with the terms and the day that it was sold under."""
    dates = {"booked_on": c.booked_on.isoformat(), "starts_on": c.starts_on.isoformat()}
    return Reduction(amount_minor, {**offered.traced, "amount_minor": -amount_minor, "why": why, **dates})
