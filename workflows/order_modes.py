"""The booking modes of an order's lines: which one each gets, which sets they make, what each session costs then."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from catalogue.mode_choice import choose_modes
from catalogue.selection import ModePrices, OfferedSession, by_week, failing_selection, in_one_set, unit_prices
from engine.errors import Reason
from models import BookingMode, LineKind
from workflows.order_facts import Facts, Offering, WantedLine


def settle_modes(facts: Facts) -> None:
    """Give each line its mode: the one asked for, or a whole week or term that the selection makes and that costs less.

    Asked again whenever the price is: what was offered when the cart was saved may have changed.
    """
    for offering in facts.offerings.values():
        lines = _priced_by_mode(facts, offering)
        sessions = facts.siblings.get(offering.id, [])
        known = {session.id for session in sessions}
        for line in lines:
            line.asked_mode = line.asked_mode or line.mode
        lines = _without_seat_prices(lines)
        if not lines or any(line.session_id not in known for line in lines):
            continue
        choices = choose_modes(
            {line.session_id: line.asked_mode or line.mode for line in lines}, modes=offering.facts["modes"],
            prices=mode_prices(offering), own=_own_prices(lines), sessions=sessions,
        )  # fmt: skip
        for line in lines:
            line.mode, line.mode_reason = choices[line.session_id].mode, choices[line.session_id].why


def wrong_sets(facts: Facts, offering: Offering) -> Iterator[Reason]:
    """Why the sessions of an offering do not make the sets that their modes ask for."""
    lines = _priced_by_mode(facts, offering)
    sessions = facts.siblings.get(offering.id, [])
    if _is_mixed(lines, sessions):
        yield Reason("modes_mixed", f"{offering.name}: one week is booked in one mode, and a full term as a whole.",
                     field=f"lines[{lines[0].position}].mode", rule="modes")  # fmt: skip
        return
    for mode in dict.fromkeys(line.mode for line in lines):
        of_mode = [line for line in lines if line.mode is mode]
        chosen = {line.session_id for line in of_mode}
        # What a change adds makes the set together with what stays.
        stays = {line.session_id for line in facts.staying if line.offering.id == offering.id}
        failing = failing_selection(
            offering=offering.name, mode=mode, modes=offering.facts["modes"],
            chosen=chosen | (stays & in_one_set(mode, sessions, chosen)), sessions=sessions,
        )  # fmt: skip
        yield from (replace(reason, field=f"lines[{of_mode[0].position}].mode") for reason in failing)


def _is_mixed(lines: list[WantedLine], sessions: list[OfferedSession]) -> bool:
    """A full term beside anything else, or a full week beside single days of the same week."""
    modes = {line.session_id: line.mode for line in lines}
    if BookingMode.FULL_TERM in modes.values():
        return len(set(modes.values())) > 1
    return any(len({modes[s.id] for s in week if s.id in modes}) > 1 for week in by_week(sessions).values())


def unit_prices_of(facts: Facts, offering: Offering) -> dict[UUID, tuple[int, str]]:
    """What each session of the offering costs in minor units, and the words for where the price comes from."""
    found: dict[UUID, tuple[int, str]] = {}
    lines = _without_seat_prices(_priced_by_mode(facts, offering))
    siblings = facts.siblings.get(offering.id, [])
    known = {session.id for session in siblings}
    for mode in dict.fromkeys(line.mode for line in lines):
        of_mode = [line for line in lines if line.mode is mode]
        chosen = {line.session_id for line in of_mode}
        # Where some chosen session is not offered (and will be refused), price what was asked for.
        sessions = siblings if chosen <= known else [OfferedSession(s.session_id, s.local_date, True) for s in of_mode]
        units, basis = unit_prices(
            mode=mode, prices=mode_prices(offering), own=_own_prices(of_mode), sessions=sessions, chosen=chosen
        )
        found.update({session_id: (unit, basis) for session_id, unit in units.items()})
    return found


def _priced_by_mode(facts: Facts, offering: Offering) -> list[WantedLine]:
    return [line for line in facts.lines if line.offering is offering and line.kind is LineKind.SESSION]


def _without_seat_prices(lines: list[WantedLine]) -> list[WantedLine]:
    """A seat with a price of its own costs that in any mode: such a line keeps the mode that was asked for."""
    return [line for line in lines if line.seat is None or line.seat.price_minor is None]


def _own_prices(lines: list[WantedLine]) -> dict[UUID, int]:
    return {line.session_id: line.facts["price_minor"] for line in lines}


def mode_prices(offering: Offering) -> ModePrices:
    return ModePrices(
        offering.facts["session_price_minor"], offering.facts["full_week_price_minor"],
        offering.facts["full_term_price_minor"],
    )  # fmt: skip
