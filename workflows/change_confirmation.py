"""Confirming a change order: its original gets the next revision."""

from datetime import datetime
from typing import Any

from engine.actor import Actor
from engine.batch import Batch
from engine.fire import fire
from workflows.booking_effects import drop_lines, release_leaving, strike_attendance
from workflows.change_effects import bill_change, swap_claims
from workflows.change_facts import Change
from workflows.order_facts import Order
from workflows.order_holdings import Holdings
from workflows.term_booking import CHART as BOOKING_CHART


def revise_booking(
    order: Order, *, batch: Batch, change: Change, holdings: Holdings, actor: Actor, now: datetime, reason: str,
    **_: Any,
) -> None:  # fmt: skip
    """The original keeps its status and gets the next revision; the order is confirmed as its change."""
    booking = change.enrolled.booking
    assert order.confirmation_type is not None
    known: dict[str, Any] = {
        "batch": batch, "change": change, "holdings": holdings, "enrolled": change.enrolled, "leaving": change.leaving,
        "why": "CANCELED", "now": now,
    }  # fmt: skip
    # What is given up is free before what takes its time is the booking's.
    for effect in (strike_attendance, drop_lines, release_leaving, swap_claims, bill_change):
        effect(booking, **known)
    fire(
        batch, BOOKING_CHART, booking, "revise", actor=actor, now=now, reason=reason or f"changed by {order.reference}",
        is_muted=True,
        changes={
            "order": order.reference, "added": [str(line.session_id) for line in change.facts.lines],
            "given_up": [str(line.session_id) for line in change.leaving],
            "delta_minor": change.difference.delta_minor,
        },
    )  # fmt: skip
    order.change(booking_id=booking.id, confirmation_type=order.confirmation_type, change_due_minor=None)
