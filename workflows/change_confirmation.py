"""Making a change: its original gets the next revision, by an order's confirmation or behind another step."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from engine.actor import SYSTEM, Actor
from engine.batch import Batch
from engine.chart import Chart
from engine.fire import fire
from models import TermBookingStatus
from workflows.booking_effects import drop_lines, release_leaving, strike_attendance
from workflows.change_effects import bill_change, swap_claims
from workflows.change_facts import Change
from workflows.order_confirmation import quote_expiry
from workflows.order_facts import Order
from workflows.order_holdings import Holdings
from workflows.pass_use import swap_uses
from workflows.quote_revision import held_by_quote
from workflows.term_booking import CHART as BOOKING_CHART


def revise_booking(
    order: Order, *, batch: Batch, chart: Chart, change: Change, holdings: Holdings, actor: Actor, now: datetime,
    reason: str, is_muted: bool = False, **_: Any,
) -> None:  # fmt: skip
    """The original keeps its status and gets the next revision; the order is confirmed as its change."""
    assert order.confirmation_type is not None
    if change.is_quoted:
        _quote_again(order, batch, chart, change, holdings, actor, now, is_muted)
        order.change(confirmation_type=order.confirmation_type, change_due_minor=None)
        return
    revise(batch, change, holdings=holdings, actor=actor, now=now, reason=reason or f"changed by {order.reference}",
           told=order.reference)  # fmt: skip
    if change.enrolled.booking.status is TermBookingStatus.ATTENDANCE_APPROVED:
        assert change.enrolled.order is not None, "its order is locked before it"
        fire(batch, chart, change.enrolled.order, "revise", actor=SYSTEM, now=now, enrolled=change.enrolled,
             reason=f"changed by {order.reference}")  # fmt: skip
    order.change(booking_id=change.enrolled.booking.id, confirmation_type=order.confirmation_type,
                 change_due_minor=None)  # fmt: skip


def _quote_again(
    order: Order, batch: Batch, chart: Chart, change: Change, holdings: Holdings, actor: Actor, now: datetime,
    is_muted: bool,
) -> None:  # fmt: skip
    """A quoted original gets another quote, with a number of its own; it is to be accepted anew."""
    original, held = change.enrolled.order, held_by_quote(change)
    assert original is not None, "a quoted original is an order"
    expires_at = quote_expiry(held, now)
    by = replace(SYSTEM, user_id=actor.user_id)
    fire(batch, chart, original, "revise", actor=by, now=now, reason=f"changed by {order.reference}",
         is_muted=is_muted, change=change, swapped=holdings, holdings=held, expires_at=expires_at,
         changes={"order": order.reference, "expires_at": expires_at.isoformat(),
                  "delta_minor": change.difference.delta_minor})  # fmt: skip


def revise(
    batch: Batch, change: Change, *, holdings: Holdings, actor: Actor, now: datetime, reason: str, told: str
) -> None:  # fmt: skip
    """The booking's next revision; `told` is the record that caused it. The caller has its lock."""
    booking = change.enrolled.booking
    known: dict[str, Any] = {
        "batch": batch, "change": change, "holdings": holdings, "enrolled": change.enrolled, "leaving": change.leaving,
        "why": "CANCELED", "now": now,
    }  # fmt: skip
    # What is given up is free before what takes its time is the booking's.
    for effect in (strike_attendance, drop_lines, release_leaving, swap_claims, swap_uses, bill_change):
        effect(booking, **known, reason=reason)
    fire(
        batch, BOOKING_CHART, booking, "revise", actor=actor, now=now, reason=reason, is_muted=True,
        changes={
            "order": told, "added": [str(line.session_id) for line in change.facts.lines],
            "given_up": [str(line.session_id) for line in change.leaving],
            "delta_minor": change.difference.delta_minor,
        },
    )  # fmt: skip
