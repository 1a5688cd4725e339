"""An absence that was told is taken back: the attendee comes after all, and the credit that it gave goes."""

from datetime import datetime
from uuid import UUID

from engine.actor import SYSTEM, Actor
from engine.batch import Guarded
from engine.database import Transaction
from engine.errors import NotFound, Reason
from engine.fire import MovedMeanwhile, Refused, fire
from models import AttendanceStatus, MakeupStatus
from workflows import makeup_credit
from workflows.booking_facts import BookedLine, lock_booking
from workflows.makeup_credit import Credit

_EXPECT = Guarded(
    name="expect_again",
    sql="UPDATE term_attendance t SET status = r.status, reason = NULL, marked_at = r.at, marked_by = r.by, "
    "version = t.version + 1 FROM {rows} WHERE t.organisation_id = {org} AND t.id = r.id AND t.version = r.version "
    "RETURNING t.id",
    takes="id uuid, version int, status text, at timestamptz, by uuid",
)


def withdraw_absence(tx: Transaction, *, booking_id: UUID, session_id: UUID, actor: Actor, now: datetime) -> None:
    """The attendee is expected again.

    Raises NotFound (not this actor's booking, or no such session of it), Refused (it began, no absence was told, or the
    credit of the absence is booked or used).
    """
    enrolled = lock_booking(tx, booking_id, actor=actor)
    line = next((line for line in enrolled.kept() if line.session_id == session_id and line.attendance), None)
    if line is None or line.attendance is None:
        raise NotFound("The booking has no such session.", what="session")
    credit = makeup_credit.find_of_absence(tx, UUID(line.attendance["id"]))
    if reasons := _in_the_way(line, credit, now):
        raise Refused(reasons[0].message, reasons=reasons)
    tx.batch.guard(
        _EXPECT, [{"id": line.attendance["id"], "version": line.attendance["version"], "at": now, "by": actor.user_id,
                   "status": AttendanceStatus.EXPECTED.value}],
        otherwise=lambda _: MovedMeanwhile("The roll was marked meanwhile; look again."),
    )  # fmt: skip
    if credit is not None and credit.status is MakeupStatus.AVAILABLE:
        credit.change(is_withdrawn=True)
        fire(tx.batch, makeup_credit.CHART, credit, "withdraw", actor=SYSTEM, now=now,
             reason="the absence was taken back")  # fmt: skip


def _in_the_way(line: BookedLine, credit: Credit | None, now: datetime) -> list[Reason]:
    assert line.attendance is not None
    reasons = []
    if line.starts_at <= now:
        reasons.append(Reason("session_started", f"{line.label} has begun; the roll says who is there.",
                              field="session_id", rule="absence", session=line.label))  # fmt: skip
    elif line.attendance["status"] != AttendanceStatus.ABSENT_NOTIFIED:
        reasons.append(Reason("not_absent", f"No absence from {line.label} was told.", field="session_id",
                              rule="absence", session=line.label))  # fmt: skip
    if credit is not None and credit.status in (MakeupStatus.BOOKED, MakeupStatus.USED):
        state = credit.status.name.lower()
        reasons.append(Reason("makeup_booked", f"{credit.reference}, which the absence gave, is {state}: give the "
                              "makeup session up first.", field="session_id", rule="makeup",
                              session=line.label))  # fmt: skip
    return reasons
