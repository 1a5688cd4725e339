"""The booking: the confirmed enrolment, made by its order's confirmation.

The diagram is generated from the chart: `termbook diagram`. Steps that end a booking for attendance only end its order
too: they stand in `workflows.enrolment`.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from engine.actor import Actor
from engine.chart import Chart, Step
from engine.database import Transaction
from engine.fire import fire
from models import ActorKind
from models import TermBookingStatus as S
from workflows.booked_fee import charge_fee, credit_fee
from workflows.booking_effects import (
    SUSPENDED,
    arm_close,
    disarm_close,
    drop_lines,
    expect_again,
    rebill,
    release_leaving,
    release_places,
    strike_attendance,
    write_credit,
)
from workflows.booking_facts import BookedLine, Enrolled, lock_booking
from workflows.booking_guards import (
    has_nothing_due,
    has_nothing_held_unbilled,
    has_nothing_left_unbilled,
    has_reason,
    has_run,
    is_in_cancellation_window,
    is_within_term,
)
from workflows.change_documents import plan_documents
from workflows.change_effects import settle_ending
from workflows.change_facts import Change
from workflows.change_guards import is_ending_as_shown
from workflows.closure_effects import free_claims, tell_closure, turn_lines
from workflows.makeup_use import return_closed_credits, return_left_credits
from workflows.pass_use import return_closed_uses, return_left_uses, use_again
from workflows.reopening_effects import charge_again, expect_returning, hold_again, tell_reopening

ADMIN = frozenset({ActorKind.ADMIN})
OWNER = frozenset({ActorKind.ADMIN, ActorKind.FAMILY, ActorKind.GUEST})
SYSTEM = frozenset({ActorKind.SYSTEM})

_MAY_CANCEL = (has_reason, is_in_cancellation_window, is_ending_as_shown)
_MAY_CLOSE = (has_reason, is_within_term, is_ending_as_shown)
_MAY_ARCHIVE = (has_run, has_nothing_due)
_GIVE_UP = (strike_attendance, drop_lines, settle_ending)
_END = (*_GIVE_UP, return_left_credits, return_left_uses, release_places, disarm_close)
_PLAN = (*_GIVE_UP, return_left_credits, return_left_uses, release_leaving, disarm_close, arm_close)
# Of a booking for attendance only: nothing is invoiced, and its order voids the Billing.
_END_UNBILLED = (strike_attendance, drop_lines, return_left_credits, return_left_uses, release_places)
_ARCHIVE = (release_places, disarm_close)
_BILLED = (S.APPROVED, S.SUSPENDED, S.CLOSED, S.CANCELED)
_FEES = (
    ("charge_pickup", charge_fee), ("credit_pickup", credit_fee), ("charge_overdue", charge_fee),
    ("credit_overdue", credit_fee),
)  # fmt: skip
_REOPEN_DAY = (hold_again, expect_returning, use_again, charge_again, tell_reopening)
_CLOSE_DAY = (
    strike_attendance, turn_lines, free_claims, return_closed_credits, return_closed_uses, write_credit, rebill,
    tell_closure,
)  # fmt: skip

CHART = Chart(
    name="term_booking",
    states=(S.ATTENDANCE_APPROVED, S.APPROVED, S.SUSPENDED, S.CLOSED, S.ARCHIVED, S.CANCELED),
    initial=(S.APPROVED, S.ATTENDANCE_APPROVED),
    steps=(
        #     trigger       source                 target       who             guards                                      effects               tells
        Step("approve",    S.ATTENDANCE_APPROVED, S.APPROVED,  ADMIN | SYSTEM),
        Step("cancel",     S.ATTENDANCE_APPROVED, S.CANCELED,  OWNER,          (*_MAY_CANCEL, has_nothing_held_unbilled),  _END_UNBILLED,        "booking.canceled"),
        Step("cancel",     S.APPROVED,            S.CANCELED,  OWNER,          _MAY_CANCEL,                                _END,                 "booking.canceled"),
        Step("cancel",     S.SUSPENDED,           S.CANCELED,  OWNER,          _MAY_CANCEL,                                _END,                 "booking.canceled"),
        Step("convert",    S.APPROVED,            S.CANCELED,  SYSTEM,         (),                                         _END,                 "booking.converted"),
        Step("follow",     S.APPROVED,            S.APPROVED,  SYSTEM),
        Step("plan_close", S.APPROVED,            S.APPROVED,  ADMIN | SYSTEM, _MAY_CLOSE,                                 _PLAN,                "booking.closing"),
        Step("plan_close", S.SUSPENDED,           S.SUSPENDED, ADMIN | SYSTEM, _MAY_CLOSE,                                 _PLAN,                "booking.closing"),
        Step("close",      S.ATTENDANCE_APPROVED, S.CLOSED,    ADMIN,          (*_MAY_CLOSE, has_nothing_left_unbilled),   _END_UNBILLED,        "booking.closed"),
        Step("close",      S.APPROVED,            S.CLOSED,    ADMIN | SYSTEM, _MAY_CLOSE,                                 _END,                 "booking.closed"),
        Step("close",      S.SUSPENDED,           S.CLOSED,    ADMIN | SYSTEM, _MAY_CLOSE,                                 _END,                 "booking.closed"),
        # A change order gives up, adds and reprices; its confirmation does so in one order of writes.
        Step("revise",     S.APPROVED,            S.APPROVED,  OWNER | SYSTEM),
        Step("revise",     S.ATTENDANCE_APPROVED, S.ATTENDANCE_APPROVED, OWNER | SYSTEM),
        Step("suspend",    S.APPROVED,            S.SUSPENDED, ADMIN,          (has_reason,),                              (strike_attendance,), "booking.suspended"),
        Step("resume",     S.SUSPENDED,           S.APPROVED,  ADMIN,          (),                                         (expect_again,),      "booking.resumed"),
        Step("close_day",  S.ATTENDANCE_APPROVED, S.ATTENDANCE_APPROVED, SYSTEM, (),                                        _CLOSE_DAY),
        Step("close_day",  S.APPROVED,            S.APPROVED,  SYSTEM,         (),                                         _CLOSE_DAY),
        Step("close_day",  S.SUSPENDED,           S.SUSPENDED, SYSTEM,         (),                                         _CLOSE_DAY),
        Step("reopen_day", S.ATTENDANCE_APPROVED, S.ATTENDANCE_APPROVED, SYSTEM, (),                                        _REOPEN_DAY),
        Step("reopen_day", S.APPROVED,            S.APPROVED,  SYSTEM,         (),                                         _REOPEN_DAY),
        # A fee of it is charged, or waived after that: its price moves and nothing else.
        *(Step(trigger, status, status, SYSTEM, (), (effect,)) for trigger, effect in _FEES for status in _BILLED),
        Step("archive",    S.APPROVED,            S.ARCHIVED,  ADMIN | SYSTEM, _MAY_ARCHIVE,                               _ARCHIVE),
        Step("archive",    S.CLOSED,              S.ARCHIVED,  ADMIN | SYSTEM, _MAY_ARCHIVE,                               _ARCHIVE),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Ending:
    """How a booking is to end: by which trigger, which sessions it gives up, and when its status moves."""

    trigger: str
    leaving: list[BookedLine]
    last_day: date | None = None
    closes_at: datetime | None = None

    @property
    def why(self) -> str:
        """What the roll says of the sessions that are given up."""
        return "CANCELED" if self.trigger == "cancel" else "CLOSED"


def cancellation_of(enrolled: Enrolled, now: datetime) -> Ending:
    """Every session that is still to come is given up; what was held stays billed."""
    return Ending("cancel", enrolled.to_come(now))


def closure_of(enrolled: Enrolled, last_day: date, now: datetime) -> Ending:
    """The sessions after a last day are given up now; the status moves when that day is over, at once where it is."""
    to_come = enrolled.to_come(now)
    leaving = [line for line in to_come if line.day > last_day]
    closes_at = _end_of(enrolled, last_day, [line for line in to_come if line not in leaving])
    if closes_at <= now:
        return Ending("close", to_come, last_day)
    return Ending("plan_close", leaving, last_day, closes_at)


def _end_of(enrolled: Enrolled, last_day: date, staying: list[BookedLine]) -> datetime:
    """When the day is over where the term runs, and its sessions too."""
    midnight = datetime.combine(last_day + timedelta(days=1), time(), tzinfo=enrolled.zone)
    return max([midnight, *(line.ends_at for line in staying)])


def end_locked(
    tx: Transaction, enrolled: Enrolled, ending: Ending, *, actor: Actor, now: datetime, reason: str = "",
    is_muted: bool = False, change: Change | None = None, shown_fingerprint: str = "",
) -> None:  # fmt: skip
    """End a booking whose lock the caller holds: a person by the review `change` that was shown, the system without."""
    if ending.last_day is not None:
        enrolled.booking.change(closes_on=ending.last_day)
    credit = enrolled.credit_of(ending.leaving) if change is None else plan_documents(change).credit
    told = {"last_day": ending.last_day, "closes_at": ending.closes_at}
    changes = {
        "sessions": [str(line.session_id) for line in ending.leaving], "credited_minor": credit.total_minor,
        "freed_minor": credit.freed_minor, **{name: str(value) for name, value in told.items() if value is not None},
        **({} if change is None else {"delta_minor": change.difference.delta_minor}),
    }  # fmt: skip
    fire(tx.batch, CHART, enrolled.booking, ending.trigger, actor=actor, now=now, reason=reason, is_muted=is_muted,
         changes=changes, enrolled=enrolled, leaving=ending.leaving, credit=credit, why=ending.why, change=change,
         shown_fingerprint=shown_fingerprint, last_day=ending.last_day, closes_at=ending.closes_at)  # fmt: skip


def close_locked(
    tx: Transaction, enrolled: Enrolled, *, last_day: date, actor: Actor, now: datetime, reason: str = "",
    is_muted: bool = False,
) -> None:  # fmt: skip
    """Close a booking without a review: with its subscription, whose prices count nothing else."""
    end_locked(tx, enrolled, closure_of(enrolled, last_day, now), actor=actor, now=now, reason=reason,
               is_muted=is_muted)  # fmt: skip


def suspend(
    tx: Transaction, *, booking_id: UUID, actor: Actor, now: datetime, reason: str = "", is_muted: bool = False,
    version: int | None = None,
) -> Enrolled:  # fmt: skip
    """Nobody is expected for a while: place and time are kept, no money moves."""
    enrolled = lock_booking(tx, booking_id, actor=actor, version=version)
    leaving = enrolled.to_come(now)
    fire(tx.batch, CHART, enrolled.booking, "suspend", actor=actor, now=now, reason=reason, is_muted=is_muted,
         enrolled=enrolled, leaving=leaving, why=SUSPENDED,
         changes={"sessions": [str(line.session_id) for line in leaving]})  # fmt: skip
    return enrolled


def resume(
    tx: Transaction, *, booking_id: UUID, actor: Actor, now: datetime, reason: str = "", is_muted: bool = False,
    version: int | None = None,
) -> Enrolled:  # fmt: skip
    """The sessions that are still to come are attended again."""
    enrolled = lock_booking(tx, booking_id, actor=actor, version=version)
    fire(tx.batch, CHART, enrolled.booking, "resume", actor=actor, now=now, reason=reason, is_muted=is_muted,
         enrolled=enrolled, changes={"sessions": [str(line.session_id) for line in enrolled.to_come(now)]})  # fmt: skip
    return enrolled


def archive(
    tx: Transaction, *, booking_id: UUID, actor: Actor, now: datetime, reason: str = "", version: int | None = None
) -> Enrolled:
    """Put away what has run and is settled; nothing moves it from then on."""
    enrolled = lock_booking(tx, booking_id, actor=actor, version=version)
    archive_locked(tx, enrolled, actor=actor, now=now, reason=reason)
    return enrolled


def archive_locked(tx: Transaction, enrolled: Enrolled, *, actor: Actor, now: datetime, reason: str = "") -> None:
    """Archive a booking whose lock the caller holds."""
    fire(tx.batch, CHART, enrolled.booking, "archive", actor=actor, now=now, reason=reason, enrolled=enrolled)


def close_ended(tx: Transaction, enrolled: Enrolled, *, last_day: date, actor: Actor, now: datetime) -> None:
    """Move the status of a booking whose last day is over; what came later was given up before."""
    end_locked(tx, enrolled, Ending("close", [], last_day), actor=actor, now=now,
               reason=f"its last day was {last_day.isoformat()}")  # fmt: skip
