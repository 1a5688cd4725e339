"""Which sets of sessions a booking mode allows, and what each session then costs. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from engine.errors import Reason
from models import BookingMode


@dataclass(frozen=True, slots=True)
class OfferedSession:
    """A session of an offering as far as modes care: undated ones belong to no week but to the term.

    What is closed, over or past its cut-off is not to come: nobody is asked to choose it, and nobody pays its share.
    """

    id: UUID
    local_date: date | None
    is_to_come: bool


@dataclass(frozen=True, slots=True)
class ModePrices:
    """What an offering asks, in minor units. Full week and full term are optional prices of the whole."""

    session_minor: int
    full_week_minor: int | None
    full_term_minor: int | None


def failing_selection(
    *, offering: str, mode: BookingMode, modes: Sequence[str], chosen: set[UUID], sessions: Iterable[OfferedSession]
) -> list[Reason]:
    """Why this set of sessions cannot be chosen in this mode; names each missing date."""
    if mode.value not in modes:
        offered = ", ".join(_words(m) for m in modes)
        return [Reason("mode_not_offered", f"{offering} is not offered as {_words(mode.value)} (offered: {offered}).",
                       rule="modes")]  # fmt: skip
    missing = missing_of(mode, chosen, list(sessions))
    if not missing:
        return []
    dates = ", ".join(f"{s.local_date:%a %d %b %Y}" if s.local_date else "an undated session" for s in missing)
    what = "every session of the week" if mode is BookingMode.FULL_WEEK else "every session that is still to come"
    return [Reason("selection_incomplete", f"{offering} as {_words(mode.value)} takes {what}; missing: {dates}.",
                   rule="modes")]  # fmt: skip


def missing_of(mode: BookingMode, chosen: set[UUID], sessions: Sequence[OfferedSession]) -> list[OfferedSession]:
    """What these sessions lack to make the set that the mode asks for."""
    if mode is BookingMode.CASUAL:
        return []
    weeks = {_week(s) for s in sessions if s.id in chosen}
    asked = [s for s in sessions if _week(s) in weeks] if mode is BookingMode.FULL_WEEK else sessions
    return [s for s in asked if s.is_to_come and s.id not in chosen]


def in_one_set(mode: BookingMode, sessions: Sequence[OfferedSession], of: set[UUID]) -> set[UUID]:
    """The sessions of the sets of the mode in which these are: of their weeks, or the whole term."""
    if mode is BookingMode.CASUAL:
        return set(of)
    weeks = {_week(s) for s in sessions if s.id in of}
    return {s.id for s in sessions if of and (mode is BookingMode.FULL_TERM or _week(s) in weeks)}


def _words(mode: str) -> str:
    return mode.lower().replace("_", " ")


def unit_prices(
    *,
    mode: BookingMode,
    prices: ModePrices,
    own: dict[UUID, int],
    sessions: Sequence[OfferedSession],
    chosen: set[UUID],
) -> tuple[dict[UUID, int], str]:
    """What each chosen session costs in this mode, and the words for where the price comes from.

    A full week's price is that of the offering's fullest week; a shorter one costs its part. It is shared over the
    week's sessions, a full term's over all of them, and asked for those that are chosen: a closed day is not paid.
    Shares differ by at most one minor unit, the earlier sessions take it. `own` is each session's own price.
    """
    if mode is BookingMode.FULL_WEEK and prices.full_week_minor is not None:
        weeks = by_week(sessions)
        fullest = max(len(week) for week in weeks.values())
        shares = {}
        for week in weeks.values():
            shares.update(_shares((2 * prices.full_week_minor * len(week) + fullest) // (2 * fullest), week))
        return {i: shares[i] for i in chosen}, "full week"
    if mode is BookingMode.FULL_TERM and prices.full_term_minor is not None:
        shares = _shares(prices.full_term_minor, sessions)
        return {i: shares[i] for i in chosen}, "full term"
    return {i: own[i] for i in chosen}, "session price"


def by_week(sessions: Iterable[OfferedSession]) -> dict[tuple[int, int], list[OfferedSession]]:
    """The sessions of each week, Monday to Sunday; undated ones together."""
    weeks: dict[tuple[int, int], list[OfferedSession]] = defaultdict(list)
    for session in sessions:
        weeks[_week(session)].append(session)
    return weeks


def _shares(total: int, sessions: Sequence[OfferedSession]) -> dict[UUID, int]:
    each, left = divmod(total, len(sessions))
    ordered = sorted(sessions, key=lambda s: (s.local_date or date.max, s.id))
    return {s.id: each + (1 if n < left else 0) for n, s in enumerate(ordered)}


def _week(session: OfferedSession) -> tuple[int, int]:
    return session.local_date.isocalendar()[:2] if session.local_date else (0, 0)
