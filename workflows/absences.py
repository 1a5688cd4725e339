"""Absences that a family tells in advance: told in time, they give a makeup credit by the rule of the program."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from catalogue.rule_values import Makeup
from catalogue.rules import Rule, answer
from engine.actor import Actor
from engine.batch import Guarded
from engine.database import Transaction
from engine.errors import NotFound, Reason
from engine.fire import MovedMeanwhile, Refused
from models import AttendanceStatus, LineKind, TermBookingOrderType
from workflows import makeup_credit
from workflows.booking_facts import BookedLine, Enrolled, lock_booking
from workflows.makeup_credit import Credit

_WITHOUT_MAKEUP = "no makeup credit: "


@dataclass(slots=True)
class Absence:
    """An absence that was told: the credit that it gave, or why it gave none."""

    session_id: UUID
    credit: Credit | None
    why_none: str


MARK = Guarded(
    name="note_absence",
    sql="UPDATE term_attendance t SET status = r.status, reason = r.reason, marked_at = r.at, marked_by = r.by, "
    "version = t.version + 1 FROM {rows} WHERE t.organisation_id = {org} AND t.id = r.id AND t.version = r.version "
    "RETURNING t.id",
    takes="id uuid, version int, status text, reason text, at timestamptz, by uuid",
)


def notify_absence(
    tx: Transaction, *, booking_id: UUID, session_id: UUID, actor: Actor, now: datetime, reason: str = ""
) -> Absence:
    """Tell that the attendee will not come. The place is kept; by the rule of the program it gives a makeup credit.

    Raises NotFound (not this actor's booking, or no such session of it), Refused (it began; the roll knows better).
    """
    enrolled = lock_booking(tx, booking_id, actor=actor)
    line = next((line for line in enrolled.kept() if line.session_id == session_id and line.attendance), None)
    if line is None or line.attendance is None:
        raise NotFound("The booking has no such session.", what="session")
    _refuse_unless_expected(line, now)
    tx.batch.guard(
        MARK, [{"id": line.attendance["id"], "version": line.attendance["version"], "at": now, "by": actor.user_id,
                 "status": AttendanceStatus.ABSENT_NOTIFIED.value, "reason": reason or None}],
        otherwise=lambda _: MovedMeanwhile("The roll was marked meanwhile; look again."),
    )  # fmt: skip
    rule: Makeup | None = answer(Rule.MAKEUP, enrolled.settings, chain=line.chain).value
    given = _given(tx, enrolled.booking.attendee_id, enrolled.term["id"])
    why_none = why_none_by_rule(
        rule, line.kind, enrolled.order_type, told_at=now, starts_at=line.starts_at, given=given
    )
    if why_none or rule is None:
        return Absence(session_id, None, why_none)
    if (taken := makeup_credit.find_of_absence(tx, UUID(line.attendance["id"]))) and not taken.is_withdrawn:
        return Absence(session_id, None, f"{_WITHOUT_MAKEUP}{taken.reference} was taken back.")
    return Absence(session_id, _grant(tx, rule, enrolled, line, actor=actor, now=now), "")


def _refuse_unless_expected(line: BookedLine, now: datetime) -> None:
    assert line.attendance is not None
    status = AttendanceStatus(line.attendance["status"])
    about: dict[str, Any] = {"field": "session_id", "rule": "absence", "session": line.label}
    if line.starts_at <= now:
        raise _refusal(Reason("session_started", f"{line.label} has begun; the roll says who is there.", **about))
    if status is not AttendanceStatus.EXPECTED:
        said = status.value.lower().replace("_", " ")
        raise _refusal(Reason("not_expected", f"{line.label}: the roll says {said} already.", **about))


def _refusal(reason: Reason) -> Refused:
    return Refused(reason.message, reasons=[reason])


def why_none_by_rule(
    rule: Makeup | None, kind: LineKind, order_type: int, *, told_at: datetime | None, starts_at: datetime, given: int
) -> str:
    """Why the absence gives no credit; empty where it gives one."""
    if rule is None:
        return f"{_WITHOUT_MAKEUP}the program gives none."
    if kind is not LineKind.SESSION or order_type == TermBookingOrderType.TRIAL_SESSION:
        return f"{_WITHOUT_MAKEUP}a trial or a makeup session is not made up for."
    if told_at is None or told_at > starts_at - timedelta(hours=rule.notice_hours):
        return f"{_WITHOUT_MAKEUP}it is told at least {rule.notice_hours} hours before the session."
    if given >= rule.per_term:
        return f"{_WITHOUT_MAKEUP}the {rule.per_term} of this term are given."
    return ""


_GIVEN = """
SELECT count(*) AS given FROM makeup_credit
WHERE organisation_id = %(org)s AND attendee_id = %(attendee_id)s AND term_id = %(term_id)s AND status <> 900
"""


def _given(tx: Transaction, attendee_id: UUID, term_id: Any) -> int:
    """How many credits the attendee was given in the term; revoked ones do not count. The attendee is locked."""
    row = tx.row(_GIVEN, attendee_id=attendee_id, term_id=term_id)
    assert row is not None
    found: int = row["given"]
    return found


def _grant(
    tx: Transaction, rule: Makeup, enrolled: Enrolled, line: BookedLine, *, actor: Actor, now: datetime
) -> Credit:
    assert line.attendance is not None
    if (withdrawn := makeup_credit.find_of_absence(tx, UUID(line.attendance["id"]))) is not None:
        return makeup_credit.renew_withdrawn(tx.batch, withdrawn, rule, now=now)
    return makeup_credit.grant(
        tx.batch, rule, attendance_id=UUID(line.attendance["id"]), account_id=enrolled.booking.account_id,
        attendee_id=enrolled.booking.attendee_id, program_id=line.chain[1], term_id=UUID(enrolled.term["id"]),
        actor=actor, now=now,
    )  # fmt: skip
