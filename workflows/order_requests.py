"""What is asked of an order, whichever it is: a new one goes its own way, a change of a booking by its difference."""

from datetime import datetime
from typing import Any
from uuid import UUID

from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import Invalid, Reason
from models import TermBookingConfirmationType
from workflows import change_order
from workflows import term_booking_order as orders
from workflows.interest_facts import Wishes
from workflows.order_facts import lock_order
from workflows.term_booking_order import Outcome


def save(
    tx: Transaction, *, order_id: UUID, lines: list[Row], actor: Actor, now: datetime, version: int | None = None,
    wishes: Wishes | None = None, promo_code: str | None = None,
) -> Outcome:  # fmt: skip
    """Put sessions into the cart; into that of a change all that its booking is to hold."""
    known: dict[str, Any] = {"order_id": order_id, "lines": lines, "actor": actor, "now": now, "version": version}
    order = lock_order(tx, order_id, actor=actor, version=version)
    if not order.is_change:
        return orders.save(tx, wishes=wishes, promo_code=promo_code, locked=order, **known)
    given = [name for name, value in (("wishes", wishes), ("promo_code", promo_code)) if value]
    if given:
        raise Invalid("A change is about the sessions of its booking alone.", reasons=[
            Reason("invalid", "Not with a change of a booking.", field=name) for name in given])  # fmt: skip
    return change_order.save(tx, **known)


def submit(
    tx: Transaction, *, order_id: UUID, confirmation_type: TermBookingConfirmationType, price_fingerprint: str,
    actor: Actor, now: datetime, override_reason: str = "", is_muted: bool = False,
    schedule_fingerprint: str | None = None,
) -> Outcome:  # fmt: skip
    """Take the places that are asked for; the submission of a change is always muted."""
    known: dict[str, Any] = {
        "order_id": order_id, "confirmation_type": confirmation_type, "price_fingerprint": price_fingerprint,
        "actor": actor, "now": now, "override_reason": override_reason,
    }  # fmt: skip
    order = lock_order(tx, order_id, actor=actor)
    if order.is_change:
        return change_order.submit(tx, **known)
    return orders.submit(tx, is_muted=is_muted, schedule_fingerprint=schedule_fingerprint, locked=order, **known)


def confirm(
    tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime, reason: str = "", is_muted: bool = False,
    confirmation_type: TermBookingConfirmationType | None = None, difference_fingerprint: str = "",
) -> Outcome:  # fmt: skip
    """Make what was submitted; a change only with the difference that was reviewed."""
    known: dict[str, Any] = {
        "order_id": order_id, "actor": actor, "now": now, "reason": reason, "is_muted": is_muted,
        "confirmation_type": confirmation_type,
    }  # fmt: skip
    order = lock_order(tx, order_id, actor=actor)
    if order.is_change:
        return change_order.confirm(tx, difference_fingerprint=difference_fingerprint, **known)
    return orders.confirm(tx, locked=order, **known)
