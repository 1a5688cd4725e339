"""What can be had of an order, session by session: for a family that asked for that beforehand."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from engine.actor import Actor
from engine.chart import Guard
from engine.errors import Reason
from models import BookingMode
from workflows.extras import has_extra
from workflows.interest_rules import is_enrolment
from workflows.order_discounts import has_good_promo_code
from workflows.order_facts import Facts, Order, WantedLine
from workflows.order_guards import (
    has_confirmation_type_on_offer,
    has_no_conflict,
    has_order_type_on_offer,
    has_place,
    has_trial_left,
    is_before_cut_off,
    is_eligible,
    is_in_booking_window,
    is_not_empty,
    is_selectable,
)
from workflows.order_modes import settle_modes
from workflows.seat_guards import has_seat, is_seat_of_its_session

# What speaks of an order as a whole: where one says no, nothing of it can be had.
_OF_ORDERS: tuple[Guard, ...] = (is_enrolment, is_not_empty, has_good_promo_code)
# What speaks of one offering, or of single sessions of it.
_OF_OFFERINGS: tuple[Guard, ...] = (
    has_order_type_on_offer, has_confirmation_type_on_offer, is_selectable, is_in_booking_window, is_before_cut_off,
    is_eligible, has_trial_left, has_place, is_seat_of_its_session, has_seat,
    has_extra,
)  # fmt: skip


def part(
    order: Order, facts: Facts, *, actor: Actor, now: datetime, override: str
) -> tuple[Facts, list[Reason]]:  # fmt: skip
    """The facts of what can be had, and why the rest cannot. Of a full week or term nothing is left out by itself."""
    known: dict[str, Any] = {"actor": actor, "now": now, "override": override}
    reasons = [reason for guard in _OF_ORDERS for reason in guard(order, facts=facts, **known)]
    if reasons:
        return facts.of(()), reasons
    while facts.lines:
        # Days that are left may make up no whole week any more.
        settle_modes(facts)
        failing = list(_failing(order, facts, known))
        if not failing:
            break
        reasons += [reason for reason, _ in failing]
        lost = {line.line_id for _, lines in failing for line in lines}
        facts = facts.of(line for line in facts.lines if line.line_id not in lost)
    return facts, reasons


def _failing(order: Order, facts: Facts, known: dict[str, Any]) -> Iterator[tuple[Reason, list[WantedLine]]]:
    """Each reason with the lines that go with it."""
    for offering in facts.offerings.values():
        own = facts.of(line for line in facts.lines if line.offering is offering)
        for guard in _OF_OFFERINGS:
            for reason in guard(order, facts=own, **known):
                yield reason, _lost(reason, own.lines)
    for reason in has_no_conflict(order, facts=facts, **known):
        (named,) = [line for line in facts.lines if str(line.session_id) == (reason.facts or {})["session_id"]]
        yield reason, _lost(reason, [line for line in facts.lines if line.offering is named.offering])


def _lost(reason: Reason, lines: list[WantedLine]) -> list[WantedLine]:
    """The session that the reason names; all of them where it names none, or where they were asked for as a whole."""
    session_id = (reason.facts or {}).get("session_id")
    named = [line for line in lines if str(line.session_id) == session_id]
    return named if named and all(_is_single(line) for line in named) else lines


def _is_single(line: WantedLine) -> bool:
    return (line.asked_mode or line.mode) is BookingMode.CASUAL
