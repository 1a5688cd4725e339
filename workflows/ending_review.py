"""What ending a booking comes to: an edit that gives up what is to come, with all that it alters of other bookings."""

from dataclasses import replace
from datetime import datetime

from engine.database import Transaction
from models import TermBookingStatus
from workflows.booking_facts import Enrolled
from workflows.change_facts import Change, read_change
from workflows.change_pricing import Asked
from workflows.change_review import with_companions
from workflows.companion_facts import companion_of, kept_rows
from workflows.term_booking import Ending


def read_ending(
    tx: Transaction, enrolled: Enrolled, ending: Ending, *, now: datetime, waives_fees: bool = False
) -> Change:
    """The review of an ending, by the computation of any change; the caller holds the locks. `waives_fees` is an
    admin's.

    What is approved for attendance only was never invoiced: nothing of it is billed, whatever was held.
    """
    unbilled = enrolled.booking.status is TermBookingStatus.ATTENDANCE_APPROVED
    gone = enrolled.kept() if unbilled else ending.leaving
    wanted, extras = kept_rows(enrolled, without=frozenset(line.session_id for line in gone))
    change = read_change(
        tx, companion_of(None, enrolled, now), enrolled, now=now, wanted=wanted, extras=extras,
        asked=Asked(has_change_fee=False, has_late_fees=not waives_fees and not unbilled),
        ending=f"{ending.trigger} {ending.last_day or ''}",
    )  # fmt: skip
    return with_companions(tx, replace(change, is_ending=ending.trigger != "plan_close"))
