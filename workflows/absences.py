"""Absences: a family tells one in advance, and the closed roll settles the others. Either may give a makeup credit."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from attendance.roll import read_roll
from catalogue.rule_values import Makeup
from catalogue.rules import Rule, answer, read_rules
from engine.actor import SYSTEM, Actor
from engine.batch import Guarded
from engine.database import Row, Transaction
from engine.errors import NotFound, Reason
from engine.fire import MovedMeanwhile, Refused, fire
from models import AttendanceStatus, LineKind, MakeupStatus, TermBookingOrderType
from workflows import makeup_credit
from workflows.booking_facts import BookedLine, Enrolled, lock_booking
from workflows.makeup_credit import AS_JSON, Credit

_WITHOUT_MAKEUP = "no makeup credit: "


@dataclass(slots=True)
class Absence:
    """An absence that was told: the credit that it gave, or why it gave none."""

    session_id: UUID
    credit: Credit | None
    why_none: str


_MARK = Guarded(
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
        _MARK, [{"id": line.attendance["id"], "version": line.attendance["version"], "at": now, "by": actor.user_id,
                 "status": AttendanceStatus.ABSENT_NOTIFIED.value, "reason": reason or None}],
        otherwise=lambda _: MovedMeanwhile("The roll was marked meanwhile; look again."),
    )  # fmt: skip
    rule: Makeup | None = answer(Rule.MAKEUP, enrolled.settings, chain=line.chain).value
    given = _given(tx, enrolled.booking.attendee_id, enrolled.term["id"])
    why_none = _why_none(rule, line.kind, enrolled.order_type, told_at=now, starts_at=line.starts_at, given=given)
    if why_none or rule is None:
        return Absence(session_id, None, why_none)
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


def _why_none(
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
    return makeup_credit.grant(
        tx.batch, rule, attendance_id=UUID(line.attendance["id"]), account_id=enrolled.booking.account_id,
        attendee_id=enrolled.booking.attendee_id, program_id=line.chain[1], term_id=UUID(enrolled.term["id"]),
        actor=actor, now=now,
    )  # fmt: skip


@dataclass(slots=True)
class Settled:
    """What closing a roll did."""

    session_id: UUID
    absent: int  # expected, and did not come
    granted: int
    revoked: int
    used: int


_LOCK_ATTENDEES = """
SELECT t.id FROM attendee t WHERE t.organisation_id = %(org)s AND t.id IN (
    SELECT a.attendee_id FROM term_attendance a
    WHERE a.organisation_id = %(org)s AND a.term_product_id = %(session_id)s)
ORDER BY t.id FOR NO KEY UPDATE
"""
_LOCK_ROLL = """
SELECT id FROM term_attendance WHERE organisation_id = %(org)s AND term_product_id = %(session_id)s
ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_SESSION = """
SELECT s.term_program_set_id, s.roll_closed_at, s.starts_at, s.ends_at, p.program_id, p.term_id
FROM term_product s JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
WHERE s.organisation_id = %(org)s AND s.id = %(session_id)s FOR NO KEY UPDATE OF s
"""
_ROWS = f"""
SELECT a.id, a.version, a.status, a.marked_at, b.account_id, b.attendee_id, b.order_type, l.kind,
       (SELECT count(*) FROM makeup_credit g WHERE g.organisation_id = a.organisation_id
        AND g.attendee_id = a.attendee_id AND g.term_id = b.term_id AND g.status <> 900) AS given,
       (SELECT {AS_JSON} FROM makeup_credit m
        WHERE m.organisation_id = a.organisation_id AND m.attendance_id = a.id) AS earned,
       (SELECT {AS_JSON} FROM makeup_credit m
        WHERE m.organisation_id = a.organisation_id AND m.order_id = b.order_id
          AND m.session_id = a.term_product_id AND m.status = 200) AS booked
FROM term_attendance a
JOIN term_booking b ON b.organisation_id = a.organisation_id AND b.id = a.booking_id
JOIN term_booking_line l ON l.organisation_id = a.organisation_id AND l.id = a.booking_line_id
WHERE a.organisation_id = %(org)s AND a.term_product_id = %(session_id)s
"""
_CAME = frozenset({AttendanceStatus.PRESENT, AttendanceStatus.LATE, AttendanceStatus.LEFT})


def close_roll(tx: Transaction, *, session_id: UUID, actor: Actor, now: datetime) -> Settled:
    """Settle the roll of a session that is over: who did not come was absent, absences told in time give their makeup
    credit, one of somebody who came after all is taken back, and makeup sessions have used theirs.

    Raises NotFound (no roll, or not the actor's site), NotPermitted, Refused (not over, or closed before).
    """
    roll = read_roll(tx, session_id=session_id, actor=actor)
    tx.rows(_LOCK_ATTENDEES, session_id=session_id)
    tx.rows(_LOCK_ROLL, session_id=session_id)
    session = tx.row(_LOCK_SESSION, session_id=session_id)
    assert session is not None, "it has a roll"
    _refuse_to_close(roll.name, session, now)
    rows = tx.rows(_ROWS, session_id=session_id)
    missing = [row for row in rows if row["status"] == AttendanceStatus.EXPECTED]
    if missing:
        tx.batch.guard(
            _MARK, [{"id": row["id"], "version": row["version"], "at": now, "by": actor.user_id,
                     "status": AttendanceStatus.ABSENT.value, "reason": None} for row in missing],
            otherwise=lambda _: MovedMeanwhile("The roll was marked meanwhile; look again."),
        )  # fmt: skip
    settled = Settled(session_id, len(missing), _grant_told(tx, session, rows, actor=actor, now=now), 0, 0)
    settled.revoked = _revoke_of_those_who_came(tx, rows, now=now)
    booked = [Credit.of(row["booked"]) for row in rows if row["booked"]]
    makeup_credit.use(tx.batch, booked, now=now, reason="the session was held")
    settled.used = len(booked)
    tx.run("UPDATE term_product SET roll_closed_at = %(now)s WHERE organisation_id = %(org)s AND id = %(id)s",
           now=now, id=session_id)  # fmt: skip
    return settled


def _refuse_to_close(name: str, session: Row, now: datetime) -> None:
    about: dict[str, Any] = {"rule": "roll_closing", "session": name}
    if now < session["ends_at"]:
        raise _refusal(Reason("session_not_over", f"{name} is not over.", **about))
    if session["roll_closed_at"] is not None:
        raise _refusal(Reason("roll_is_closed", f"The roll of {name} was closed before.", **about))


def _grant_told(tx: Transaction, session: Row, rows: list[Row], *, actor: Actor, now: datetime) -> int:
    rule: Makeup | None = read_rules(tx, term_program_set_id=session["term_program_set_id"])[Rule.MAKEUP].value
    told = [row for row in rows if row["status"] == AttendanceStatus.ABSENT_NOTIFIED and not row["earned"]]
    granted = 0
    for row in told if rule is not None else ():
        if not _why_none(rule, LineKind(row["kind"]), row["order_type"], told_at=row["marked_at"],
                         starts_at=session["starts_at"], given=row["given"]):  # fmt: skip
            assert rule is not None
            makeup_credit.grant(
                tx.batch, rule, attendance_id=row["id"], account_id=row["account_id"], attendee_id=row["attendee_id"],
                program_id=session["program_id"], term_id=session["term_id"], actor=actor, now=now,
            )  # fmt: skip
            granted += 1
    return granted


def _revoke_of_those_who_came(tx: Transaction, rows: list[Row], *, now: datetime) -> int:
    earned = [Credit.of(row["earned"]) for row in rows if row["earned"] and row["status"] in _CAME]
    revoked = [credit for credit in earned if credit.status is MakeupStatus.AVAILABLE]
    for credit in revoked:
        fire(tx.batch, makeup_credit.CHART, credit, "revoke", actor=SYSTEM, now=now, reason="the attendee came")
    return len(revoked)
