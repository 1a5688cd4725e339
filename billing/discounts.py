"""Which discounts the sessions of an order get: pure arithmetic in minor units, with a reason for each yes and each no.

Discounts are applied in their declared order. One that does not stack goes to sessions that have none before it; a
percentage is taken of what is left, over all entitled sessions of a booking at once, half-up, shared by largest
remainder; an amount is given once per booking; a cap is the most that one gives to a booking. What the rules ask is
counted over confirmed bookings and the orders of the same submission, after all edits: the order in which sessions were
chosen never changes a cent.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from billing.pricing import Reduction, half_up, spread
from catalogue.discount_values import Discount, DiscountKind, EditPolicy
from engine.words import so_many
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
    def identity(self) -> tuple[UUID, DiscountKind, object]:
        """Which discount it is, whatever its terms were when a session was sold: a promo code by its code."""
        discount = self.discount
        return self.scope_id, discount.kind, discount.conditions.get("code", discount.order)

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


@dataclass(slots=True)  # nobody changes it; frozen it would cost three times as much to make
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
    ordered = sorted(candidates, key=lambda c: (c.booking.int, c.local_date or date.max, c.session_id.int))
    counted = _Counted.of(ordered, around)
    # By the place of each session in the order: ids are slow to look up.
    left = [c.amount_minor for c in ordered]
    given: list[list[Reduction]] = [[] for _ in ordered]
    is_reduced = [False] * len(ordered)
    already = _kept_already(ordered)
    for offered, members in _turns(ordered):
        decisions = _decisions(offered, ordered, members, counted, is_reduced)
        amounts = _amounts(offered, ordered, members, decisions, left, already)
        traced = _Traced(offered)
        for place, amount, (says, why) in zip(members, amounts, decisions, strict=True):
            if amount:
                left[place] -= amount
                is_reduced[place] = True
            elif says is not False:
                share = "its share of the discount is less than the smallest amount"
                why = "nothing is left to reduce" if left[place] == 0 else f"{why}; {share}"
            given[place].append(traced.reduction(ordered[place], amount, why))
    return {(c.booking, c.session_id): tuple(its) for c, its in zip(ordered, given, strict=True)}


def _turns(candidates: Sequence[Candidate]) -> Iterator[tuple[Offered, list[int]]]:
    """Each discount in its order with the sessions of one booking that it is offered to."""
    members: dict[tuple[int, str], list[int]] = defaultdict(list)
    known: dict[str, Offered] = {}
    booking: UUID | None = None
    its: tuple[Offered, ...] = ()
    turns: list[list[int]] = []
    for place, candidate in enumerate(candidates):
        # Of sessions alike it is looked up once.
        if candidate.booking is not booking or candidate.offered is not its:
            booking, its = candidate.booking, candidate.offered
            known |= {offered.key: offered for offered in its}
            turns = [members[booking.int, offered.key] for offered in its]
        for turn in turns:
            turn.append(place)
    # Of one discount that was edited meanwhile, the terms that something was sold under come first.
    sold = {turn for turn, places in members.items() if any(candidates[place].kept for place in places)}
    in_turn = sorted(members, key=lambda turn: (known[turn[1]].discount.order, turn not in sold, turn[1], turn[0]))
    for of, key in in_turn:
        yield known[key], members[of, key]


# What each discount has given to a booking, under any of its terms.
_Already = defaultdict[tuple[int, tuple[UUID, DiscountKind, object]], int]


def _kept_already(candidates: Sequence[Candidate]) -> _Already:
    """What sessions keep of each discount, before anything is judged again: an amount is given once per booking, also
    where its terms were edited between the sale and now.
    """
    already: _Already = defaultdict(int)
    for c in candidates:
        for offered in c.offered if c.kept else ():
            if c.kept and _kept(offered.discount.on_edit, c.kept):
                already[c.booking.int, offered.identity] += c.kept.gave.get(offered.key, 0)
    return already


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
        sessions: Counter[UUID] = Counter(around.also_booked)
        for alike in _stretches(candidates):
            first = alike[0]
            programs[first.attendee_id] = programs.get(first.attendee_id, frozenset()) | {first.program_id}
            sessions[first.booking] += len(alike)
        joined = {c.attendee_id.int: c.attendee_id for c in candidates}
        children = dict.fromkeys((*around.children, *(joined[number] for number in sorted(joined))))
        rank = {child: place for place, child in enumerate(children, start=1)}
        return cls(around, sessions, programs, rank)


def _stretches(candidates: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    """Neighbours of one booking, child and program: the very same ids, which are slow to compare and to look up."""
    alike: list[Candidate] = []
    for c in candidates:
        if alike and not (c.booking is alike[0].booking and c.attendee_id is alike[0].attendee_id
                          and c.program_id is alike[0].program_id):  # fmt: skip
            yield alike
            alike = []
        alike.append(c)
    if alike:
        yield alike


# What is said to a session: it keeps what it had (None), it is entitled, or it is not; and why, in words.
_Decision = tuple[bool | None, str]


def _decisions(
    offered: Offered, candidates: Sequence[Candidate], members: Sequence[int], counted: "_Counted",
    is_reduced: Sequence[bool],
) -> list[_Decision]:  # fmt: skip
    """What is said to each session; of sessions alike the condition is asked once."""
    found: list[_Decision] = []
    stacks = offered.discount.stacks
    asked: Candidate | None = None
    condition: tuple[bool, str] = (False, "")
    for place in members:
        c = candidates[place]
        if c.kept and (kept := _kept(offered.discount.on_edit, c.kept)):
            found.append((None, kept))
            continue
        if asked is None or not _are_alike(asked, c):
            asked, condition = c, _condition(offered.discount, c, counted)
        is_refused = condition[0] and not stacks and is_reduced[place]
        found.append((False, "does not follow another discount") if is_refused else condition)
    return found


def _are_alike(one: Candidate, other: Candidate) -> bool:
    """Whether every condition says the same of both."""
    return (
        one.attendee_id is other.attendee_id
        and one.program_id is other.program_id
        and one.booking is other.booking
        and (one.mode, one.booked_on, one.starts_on) == (other.mode, other.booked_on, other.starts_on)
    )


def _kept(policy: EditPolicy, kept: Kept) -> str | None:
    """Why the session keeps what it had, if it does."""
    if policy is EditPolicy.FREEZE:
        return "kept as it was sold"
    is_past = policy is EditPolicy.REPRICE_FUTURE and kept.is_held
    return "was held: kept as it was sold" if is_past else None


def _condition(discount: Discount, c: Candidate, counted: _Counted) -> tuple[bool, str]:
    asked = discount.conditions
    match discount.kind:
        case DiscountKind.SIBLING:
            return _sibling(asked, counted.rank[c.attendee_id], len(counted.rank))
        case DiscountKind.MULTI_SESSION:
            many = counted.sessions[c.booking]
            return many >= asked["sessions"], f"{so_many(many, 'session')} booked, given from {asked['sessions']}"
        case DiscountKind.FULL_WEEK:
            return c.mode is BookingMode.FULL_WEEK, f"booked as {_words(c.mode)}"
        case DiscountKind.FULL_TERM:
            return c.mode is BookingMode.FULL_TERM, f"booked as {_words(c.mode)}"
        case DiscountKind.EARLY_BIRD:
            until = asked["until"] or c.starts_on - timedelta(days=asked["days_before"])
            return c.booked_on <= until, f"booked on {c.booked_on:%d %b %Y}, given until {until:%d %b %Y}"
        case DiscountKind.COMBINE_BOOKING:
            others = (counted.programs[c.attendee_id] & asked["programs"]) - {c.program_id}
            return bool(others), "booked together" if others else "not booked with a program that it combines with"
        case DiscountKind.PROMO_CODE:
            return _promo_code(asked, counted.around.promo_codes.get(c.booking), c.booked_on)
        case DiscountKind.STAFF:
            return counted.around.is_staff, "staff account" if counted.around.is_staff else "not a staff account"


def _sibling(asked: Mapping[str, Any], place: int, children: int) -> tuple[bool, str]:
    least = asked["from_child"]
    if asked["every_child"]:
        return children >= least, f"{so_many(children, 'child', 'children')} booked, given from {least}"
    return place >= least, f"child {place} of the family, given from child {least}"


def _promo_code(asked: Mapping[str, Any], given: str | None, booked_on: date) -> tuple[bool, str]:
    """A code is good for what is booked on its days: what an edit adds later does not get it any more."""
    if given != asked["code"]:
        return False, "no such code was given"
    starts, ends = asked["from"], asked["until"]
    is_good = (starts is None or starts <= booked_on) and (ends is None or booked_on <= ends)
    days = " ".join(
        filter(None, (f"from {starts:%d %b %Y}" if starts else "", f"until {ends:%d %b %Y}" if ends else ""))
    )
    return is_good, f"code {given}" if is_good else f"code {given} is good {days}, booked on {booked_on:%d %b %Y}"


def _words(mode: BookingMode) -> str:
    return mode.value.lower().replace("_", " ")


def _amounts(
    offered: Offered, candidates: Sequence[Candidate], members: Sequence[int], decisions: Sequence[_Decision],
    left: Sequence[int], given: _Already,
) -> list[int]:  # fmt: skip
    """What the discount gives each session of one booking, kept amounts first; `given` is moved on."""
    discount = offered.discount
    amounts = [0] * len(members)
    for n, place in enumerate(members):
        kept = candidates[place].kept
        if decisions[n][0] is None and kept:
            amounts[n] = min(kept.gave.get(offered.key, 0), left[place])
    entitled = [n for n, decision in enumerate(decisions) if decision[0]]
    weights = [left[members[n]] for n in entitled]
    turn = candidates[members[0]].booking.int, offered.identity
    already, most = given[turn], sum(weights)
    if discount.percent is not None:
        whole = half_up(most * int(discount.percent * 10_000), _MILLION)
    else:
        whole = max(0, (discount.amount_minor or 0) - already)
    room = most if discount.cap_minor is None else max(0, discount.cap_minor - already)
    gives = min(whole, room, most)
    given[turn] += gives
    for n, share in zip(entitled, spread(gives, weights), strict=True):
        amounts[n] = share
    return amounts


class _Traced:
    """What of a discount stands in the trace of a price, with the terms and the day that it was sold under."""

    def __init__(self, offered: Offered) -> None:
        self._terms = offered.traced
        self._said: tuple[str, date, date] | None = None
        self._step: dict[str, Any] = {}

    def reduction(self, c: Candidate, amount_minor: int, why: str) -> Reduction:
        said = why, c.booked_on, c.starts_on
        if said != self._said:
            self._said = said
            self._step = {**self._terms, "amount_minor": 0, "why": why, "booked_on": c.booked_on.isoformat(),
                          "starts_on": c.starts_on.isoformat()}  # fmt: skip
        step = self._step.copy()
        step["amount_minor"] = -amount_minor
        return Reduction(amount_minor, step)
