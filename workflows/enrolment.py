"""How a booking ends when its owner or an admin asks: one that is approved for attendance only ends with its order."""

from datetime import date, datetime
from uuid import UUID

from engine.actor import Actor
from engine.database import Transaction
from models import TermBookingStatus
from workflows import term_booking as bookings
from workflows import term_booking_order as orders
from workflows.booking_facts import Enrolled, lock_booking


def cancel(
    tx: Transaction, *, booking_id: UUID, actor: Actor, now: datetime, reason: str = "", is_muted: bool = False,
    version: int | None = None,
) -> Enrolled:  # fmt: skip
    """Give up every session to come, with a credit note over what of them is invoiced; what was held stays billed.

    Raises NotFound, Changed, NotAllowedNow, NotPermitted, Refused (the cancellation window; an admin gives a reason).
    """
    enrolled = lock_booking(tx, booking_id, actor=actor, version=version)
    if enrolled.booking.status is TermBookingStatus.ATTENDANCE_APPROVED:
        orders.end_enrolled(tx, enrolled, "cancel", actor=actor, now=now, reason=reason, is_muted=is_muted)
    else:
        bookings.cancel_locked(tx, enrolled, actor=actor, now=now, reason=reason, is_muted=is_muted)
    return enrolled


def close(
    tx: Transaction, *, booking_id: UUID, last_day: date, actor: Actor, now: datetime, reason: str = "",
    is_muted: bool = False, version: int | None = None,
) -> Enrolled:  # fmt: skip
    """Set a booking's last day, read where its term runs: what comes later is given up now, with its credit, and the
    booking is closed when that day is over. Raises what `cancel` raises.
    """
    enrolled = lock_booking(tx, booking_id, actor=actor, version=version)
    if enrolled.booking.status is TermBookingStatus.ATTENDANCE_APPROVED:
        orders.end_enrolled(
            tx, enrolled, "close", actor=actor, now=now, reason=reason, is_muted=is_muted, last_day=last_day
        )
    else:
        bookings.close_locked(tx, enrolled, last_day=last_day, actor=actor, now=now, reason=reason, is_muted=is_muted)
    return enrolled
