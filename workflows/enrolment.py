"""How a booking ends when its owner or an admin asks: by the Billing Difference, as any edit.

One that is approved for attendance only ends with its order. Other bookings of the family that cost something else
without it get their next revision in the same transaction.
"""

from datetime import date, datetime
from uuid import UUID

from engine.actor import SYSTEM, Actor
from engine.database import Transaction
from models import TermBookingStatus
from workflows import term_booking as bookings
from workflows import term_booking_order as orders
from workflows.booking_facts import Enrolled, lock_booking
from workflows.change_confirmation import revise
from workflows.change_effects import forget_repriced, held_for
from workflows.change_facts import Change
from workflows.ending_review import read_ending
from workflows.term_booking import Ending


def review_cancellation(
    tx: Transaction, *, booking_id: UUID, actor: Actor, now: datetime, waives_fees: bool = False
) -> Change:
    """What cancelling would come to now; nothing is written. Raises NotFound."""
    enrolled = lock_booking(tx, booking_id, actor=actor)
    ending = bookings.cancellation_of(enrolled, now)
    return read_ending(tx, enrolled, ending, now=now, waives_fees=waives_fees and actor.is_admin)


def review_closure(
    tx: Transaction, *, booking_id: UUID, last_day: date | None, actor: Actor, now: datetime, waives_fees: bool = False
) -> Change:
    """What closing after that day, or today, would come to now; nothing is written. Raises NotFound."""
    enrolled = lock_booking(tx, booking_id, actor=actor)
    ending = bookings.closure_of(enrolled, last_day or enrolled.today(now), now)
    return read_ending(tx, enrolled, ending, now=now, waives_fees=waives_fees and actor.is_admin)


def cancel(
    tx: Transaction, *, booking_id: UUID, fingerprint: str, actor: Actor, now: datetime, reason: str = "",
    is_muted: bool = False, version: int | None = None, waives_fees: bool = False,
) -> Enrolled:  # fmt: skip
    """Give up every session to come as `review_cancellation` showed it; what was held stays billed.

    Raises NotFound, Changed, NotAllowedNow, NotPermitted, Refused (the cancellation window; an admin gives a reason;
    the fingerprint is not that of the review that would be made now, which comes with the refusal).
    """
    enrolled = lock_booking(tx, booking_id, actor=actor, version=version)
    ending = bookings.cancellation_of(enrolled, now)
    _end(tx, enrolled, ending, fingerprint=fingerprint, actor=actor, now=now, reason=reason, is_muted=is_muted,
         waives_fees=waives_fees)  # fmt: skip
    return enrolled


def close(
    tx: Transaction, *, booking_id: UUID, last_day: date, fingerprint: str, actor: Actor, now: datetime,
    reason: str = "", is_muted: bool = False, version: int | None = None, waives_fees: bool = False,
) -> Enrolled:  # fmt: skip
    """Set a booking's last day, read where its term runs: what comes later is given up now, as `review_closure` showed
    it, and the booking is closed when that day is over. Raises what `cancel` raises.
    """
    enrolled = lock_booking(tx, booking_id, actor=actor, version=version)
    ending = bookings.closure_of(enrolled, last_day, now)
    _end(tx, enrolled, ending, fingerprint=fingerprint, actor=actor, now=now, reason=reason, is_muted=is_muted,
         waives_fees=waives_fees)  # fmt: skip
    return enrolled


def _end(
    tx: Transaction, enrolled: Enrolled, ending: Ending, *, fingerprint: str, actor: Actor, now: datetime, reason: str,
    is_muted: bool, waives_fees: bool,
) -> None:  # fmt: skip
    change = read_ending(tx, enrolled, ending, now=now, waives_fees=waives_fees and actor.is_admin)
    if enrolled.booking.status is TermBookingStatus.ATTENDANCE_APPROVED:
        trigger = "cancel" if ending.trigger == "cancel" else "close"
        orders.end_enrolled(tx, enrolled, trigger, actor=actor, now=now, reason=reason, is_muted=is_muted,
                            last_day=ending.last_day, change=change, shown_fingerprint=fingerprint)  # fmt: skip
    else:
        bookings.end_locked(tx, enrolled, ending, actor=actor, now=now, reason=reason, is_muted=is_muted, change=change,
                            shown_fingerprint=fingerprint)  # fmt: skip
        # Only once nothing refuses it.
        forget_repriced(tx, change)
    _revise_others(tx, change, enrolled.booking.reference, now=now)


def _revise_others(tx: Transaction, change: Change, because_of: str, *, now: datetime) -> None:
    """The other bookings that the review showed get their next revision with it."""
    for companion in change.companions:
        revise(tx.batch, companion, holdings=held_for(companion), actor=SYSTEM, now=now, reason=f"{because_of} ended",
               told=because_of)  # fmt: skip
        forget_repriced(tx, companion)
