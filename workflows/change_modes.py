"""What an edit does to the modes of a booking: a week or term that is not whole any more, and one that it completes.

A session that stays keeps its mode, and the price that goes with it, as far as the policy of its mode's own discount
says; where there is no such discount, by the default: what was held keeps it. The rest is looked at as a new order is.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from catalogue.discount_values import DiscountKind, EditPolicy, discount
from catalogue.mode_choice import Choice, choose_modes
from catalogue.selection import OfferedSession, in_one_set, missing_of, unit_prices
from engine.database import Row
from models import BookingMode, LineKind
from workflows.booking_facts import BookedLine
from workflows.order_facts import Facts, Offering, WantedLine
from workflows.order_modes import mode_prices, settle_modes

_CASUAL, _WEEK, _TERM = BookingMode.CASUAL, BookingMode.FULL_WEEK, BookingMode.FULL_TERM
_OF_MODES = {DiscountKind.FULL_WEEK: _WEEK, DiscountKind.FULL_TERM: _TERM}
# Where a price comes from that moves with the mode; one of a seat or a makeup credit does not.
_BASES = ("session price", "full week", "full term")


def settle_changed_modes(
    facts: Facts, live: dict[UUID, BookedLine], leaving: Sequence[BookedLine], billed: dict[UUID, Row], now: datetime
) -> None:
    """Give each session that stays or is added its mode after the edit; `billed` are the prices of those that stay."""
    settle_modes(facts)
    for line in facts.staying:
        line.mode, line.mode_reason = live[line.session_id].mode, ""
    for offering in {line.offering.id: line.offering for line in facts.staying}.values():
        kept = [line for line in facts.staying if line.offering.id == offering.id and line.kind is LineKind.SESSION]
        added = [line for line in facts.lines if line.offering.id == offering.id and line.kind is LineKind.SESSION
                 and (line.seat is None or line.seat.price_minor is None)]  # fmt: skip
        gone = {line.session_id for line in leaving if line.chain[0] == offering.id and not line.is_held(now)}
        if kept and (added or gone):
            _settle(facts, offering, kept, added, gone, live, billed, now)


def _settle(
    facts: Facts, offering: Offering, kept: list[WantedLine], added: list[WantedLine], gone: set[UUID],
    live: dict[UUID, BookedLine], billed: dict[UUID, Row], now: datetime,
) -> None:  # fmt: skip
    sessions = facts.siblings.get(offering.id, [])
    chosen, new = {line.session_id for line in (*kept, *added)}, {line.session_id for line in added}
    if not chosen <= {session.id for session in sessions}:
        return
    broken = {line.session_id for line in kept if _lacks(line, gone, chosen, sessions)}
    chosen_as = _as_new(offering, kept, added, chosen, sessions)
    for line in kept:
        choice = chosen_as[line.session_id]
        is_completed = choice.mode is not _CASUAL and line.session_id in in_one_set(choice.mode, sessions, new)
        if choice.mode is line.mode or not (line.session_id in broken or is_completed):
            continue
        booked = live[line.session_id]
        if _is_judged_again(billed[line.session_id], booked, booked.is_held(now)):
            line.mode = choice.mode
            line.mode_reason = choice.why or f"The {_words(booked.mode)} is not whole any more."
    for line in added:
        line.mode, line.mode_reason = chosen_as[line.session_id].mode, chosen_as[line.session_id].why


def _lacks(line: WantedLine, gone: set[UUID], chosen: set[UUID], sessions: Sequence[OfferedSession]) -> bool:
    """Whether the edit gives up something of the week or term that the session was booked in."""
    own = chosen & in_one_set(line.mode, sessions, {line.session_id})
    return any(session.id in gone for session in missing_of(line.mode, own, sessions))


def _as_new(
    offering: Offering, kept: list[WantedLine], added: list[WantedLine], chosen: set[UUID],
    sessions: Sequence[OfferedSession],
) -> dict[UUID, Choice]:  # fmt: skip
    """The modes that a new order of all of it would get; a week or term that is asked for with what is added is asked
    for as a whole.
    """
    asked = {line.session_id: _CASUAL for line in kept}
    asked |= {line.session_id: line.asked_mode or line.mode for line in added}
    for mode in (_WEEK, _TERM):
        whole = in_one_set(mode, sessions, {line.session_id for line in added if asked[line.session_id] is mode})
        if whole and not missing_of(mode, chosen & whole, sessions):
            asked |= dict.fromkeys(chosen & whole, mode)
    own = {line.session_id: line.facts["price_minor"] for line in (*kept, *added)}
    return choose_modes(asked, modes=offering.facts["modes"], prices=mode_prices(offering), own=own, sessions=sessions)


def _is_judged_again(row: Row, booked: BookedLine, is_held: bool) -> bool:
    """By the policy of the discount that goes with its mode, in the terms that it was sold under."""
    if row["trace"][0]["basis"] not in _BASES or any(s["step"] in ("entitlement", "adjustment") for s in row["trace"]):
        return False
    declared = [discount(step["terms"]) for step in row["trace"] if step["step"] == "discount"]
    of_modes = [each for each in declared if each.kind in _OF_MODES]
    own = [each for each in of_modes if _OF_MODES[each.kind] is booked.mode]
    policy = next((each.on_edit for each in (*own, *of_modes)), EditPolicy.REPRICE_FUTURE)
    return policy is EditPolicy.REPRICE_ALL or (policy is EditPolicy.REPRICE_FUTURE and not is_held)


def repriced_by_mode(
    facts: Facts, live: dict[UUID, BookedLine], billed: dict[UUID, Row]
) -> dict[UUID, tuple[int, str]]:
    """What each session that stays in another mode costs then, and where that comes from: the catalogue's price of
    today. Where it is not sold by the session, it keeps its price.
    """
    found: dict[UUID, tuple[int, str]] = {}
    for line in facts.staying:
        if line.mode is live[line.session_id].mode:
            continue
        offering, sessions = line.offering, facts.siblings[line.offering.id]
        if line.mode is _CASUAL and _CASUAL.value not in offering.facts["modes"]:
            continue
        units, basis = unit_prices(
            mode=line.mode, prices=mode_prices(offering), own={line.session_id: line.facts["price_minor"]},
            sessions=sessions, chosen={line.session_id},
        )  # fmt: skip
        if basis != billed[line.session_id]["trace"][0]["basis"]:
            found[line.session_id] = units[line.session_id], basis
    return found


def _words(mode: BookingMode) -> str:
    return mode.value.lower().replace("_", " ")
