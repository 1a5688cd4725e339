"""The adjustments of a change order: kept beside its cart, part of every review of it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.adjustments import Adjustment
from billing.pricing import PricedLine
from engine.actor import Actor
from engine.database import Transaction
from engine.errors import Reason
from engine.ids import new_id
from models import TermBookingOrderAdjustment
from workflows.change_facts import Change

_READ = """
SELECT term_product_id AS session_id, amount_minor, reason FROM term_booking_order_adjustment
WHERE organisation_id = %(org)s AND order_id = %(order_id)s ORDER BY term_product_id
"""
_CLEAR = "DELETE FROM term_booking_order_adjustment WHERE organisation_id = %(org)s AND order_id = %(order_id)s"


def read_adjustments(tx: Transaction, order_id: UUID) -> tuple[Adjustment, ...]:
    """What admins have put on top of its sessions, or taken off them."""
    return tuple(Adjustment(**row) for row in tx.rows(_READ, order_id=order_id))


def replace_adjustments(
    tx: Transaction, order_id: UUID, adjustments: Sequence[Adjustment], *, actor: Actor, now: datetime
) -> None:
    """Keep these in place of what was kept before."""
    tx.run(_CLEAR, order_id=order_id)
    tx.batch.add(
        TermBookingOrderAdjustment,
        [{"id": new_id(), "order_id": order_id, "term_product_id": each.session_id, "amount_minor": each.amount_minor,
          "reason": each.reason, "made_by": actor.user_id, "created_at": now} for each in adjustments],
    )  # fmt: skip


def failing_adjustments(change: Change) -> Iterator[Reason]:
    """An adjustment is of a session that the booking has then, and takes off no more than that costs."""
    lines = {p.line.term_product_id: p for p in change.priced.lines if p.line.component == "SESSION"}
    for position, each in enumerate(change.asked.adjustments):
        priced = lines.get(each.session_id)
        named: dict[str, Any] = {"rule": "adjustment", "facts": {"session_id": str(each.session_id)}}
        if priced is None:
            yield Reason("not_of_the_change", "An adjustment is of a session that the booking has after the change.",
                         field=f"adjustments[{position}].session_id", **named)  # fmt: skip
        elif each.amount_minor < 0 and _taken_minor(priced) < -each.amount_minor:
            yield Reason("adjustment_too_large", f"{priced.line.description} does not cost so much.",
                         field=f"adjustments[{position}].amount_minor", **named)  # fmt: skip


def _taken_minor(priced: PricedLine) -> int:
    """What the newest adjustment of the line takes off it."""
    taken = [reduction.amount_minor for reduction in priced.line.reductions if reduction.trace["step"] == "adjustment"]
    return taken[-1]
