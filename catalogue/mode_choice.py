"""Which mode each chosen session gets: days that make up a week or the term cost what the whole costs. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from catalogue.selection import ModePrices, OfferedSession, by_week, unit_prices
from models import BookingMode

_CASUAL, _WEEK, _TERM = BookingMode.CASUAL, BookingMode.FULL_WEEK, BookingMode.FULL_TERM


@dataclass(frozen=True, slots=True)
class Choice:
    """The mode that a session gets, and why it is not the one that was asked for (empty where it is)."""

    mode: BookingMode
    why: str = ""


def choose_modes(
    asked: Mapping[UUID, BookingMode], *, modes: Sequence[str], prices: ModePrices, own: Mapping[UUID, int],
    sessions: Sequence[OfferedSession],
) -> dict[UUID, Choice]:  # fmt: skip
    """Switch up where the selection makes a whole: single days to the full week, anything to the full term.

    It is switched where the whole is offered and costs less, or where what was asked for is not offered at all. `asked`
    names each chosen session, `own` its own price in minor units, `sessions` are all of the offering. A week that was
    asked for and is not whole stays as it was asked for: the selection is refused then, naming the missing days.
    """
    choices = {session_id: Choice(mode) for session_id, mode in asked.items()}
    if _WEEK in modes:
        for week in by_week(s for s in sessions if s.local_date).values():
            _switch_week(choices, week, modes=modes, prices=prices, own=own, sessions=sessions)
    if _TERM in modes:
        _switch_term(choices, modes=modes, prices=prices, own=own, sessions=sessions)
    return choices


def _switch_week(
    choices: dict[UUID, Choice], week: Sequence[OfferedSession], *, modes: Sequence[str], prices: ModePrices,
    own: Mapping[UUID, int], sessions: Sequence[OfferedSession],
) -> None:  # fmt: skip
    chosen = {s.id for s in week if s.id in choices}
    if not chosen or any(choices[i].mode is not _CASUAL for i in chosen) or _is_missing_any(week, chosen):
        return
    if _CASUAL in modes and _cost(_WEEK, chosen, prices, own, sessions) >= sum(own[i] for i in chosen):
        return
    first = min(s.local_date for s in week if s.id in chosen and s.local_date)
    days = len({s.local_date for s in week if s.id in chosen})
    kept = "" if chosen == {s.id for s in week} else " that can be booked"
    many = f"All {days} days" if days > 1 else "The only day"
    verb = "are" if days > 1 else "is"
    why = f"{many}{kept} of the week of {first:%a %d %b %Y} {verb} chosen: full week price."
    choices.update({i: Choice(_WEEK, why) for i in chosen})


def _switch_term(
    choices: dict[UUID, Choice], *, modes: Sequence[str], prices: ModePrices, own: Mapping[UUID, int],
    sessions: Sequence[OfferedSession],
) -> None:  # fmt: skip
    chosen = set(choices)
    if any(choice.mode is _TERM for choice in choices.values()) or _is_missing_any(sessions, chosen):
        return
    now = sum(
        _cost(mode, {i for i in chosen if choices[i].mode is mode}, prices, own, sessions)
        for mode in {choice.mode for choice in choices.values()}
    )
    is_offered = all(choice.mode in modes for choice in choices.values())
    if is_offered and _cost(_TERM, chosen, prices, own, sessions) >= now:
        return
    why = f"All {len(chosen)} sessions of the term that can be booked are chosen: full term price."
    choices.update({i: Choice(_TERM, why) for i in chosen})


def _is_missing_any(whole: Sequence[OfferedSession], chosen: set[UUID]) -> bool:
    return any(s.is_to_come and s.id not in chosen for s in whole)


def _cost(
    mode: BookingMode, chosen: set[UUID], prices: ModePrices, own: Mapping[UUID, int],
    sessions: Sequence[OfferedSession],
) -> int:  # fmt: skip
    units, _ = unit_prices(mode=mode, prices=prices, own=dict(own), sessions=sessions, chosen=chosen)
    return sum(units.values())
