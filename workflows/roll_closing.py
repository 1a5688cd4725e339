"""Closing a roll settles it: who did not come was absent, makeup credits are given and used, late fees are proposed.

The only moment at which attendance moves anything beyond itself. Refused while somebody is signed in, two devices
disagree, the heads that were counted are not what the roll says, or somebody is not marked of whom whoever closes did
not say so; an admin may open a closed roll again.
"""

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from attendance.headcounts import last_count
from attendance.roll import Roll, read_roll
from catalogue.rule_values import LatePickupFee, Makeup
from catalogue.rules import Answer, Rule, read_rules
from engine.actor import SYSTEM, Actor
from engine.database import Row, Transaction
from engine.errors import NotPermitted, Reason
from engine.fire import MovedMeanwhile, Refused, fire
from engine.ids import new_id
from models import AttendanceStatus, LineKind, MakeupStatus, RollEvent, RollEventKind
from workflows import late_pickup, makeup_credit
from workflows.absences import MARK, why_none_by_rule
from workflows.makeup_credit import AS_JSON, Credit

_CAME = frozenset({AttendanceStatus.PRESENT, AttendanceStatus.LATE, AttendanceStatus.LEFT})


@dataclass(slots=True)
class Settled:
    """What closing a roll did."""

    session_id: UUID
    absent: int  # expected, and did not come
    granted: int
    revoked: int
    used: int
    late: int  # fees proposed


_LOCK_ATTENDEES = """
SELECT t.id FROM attendee t WHERE t.organisation_id = %(org)s AND t.id IN (
    SELECT a.attendee_id FROM term_attendance a
    WHERE a.organisation_id = %(org)s AND a.term_product_id = %(session_id)s)
ORDER BY t.id FOR NO KEY UPDATE
"""
# Every mark locks its row first, and looks then whether the roll is closed: none slips past.
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
SELECT a.id, a.version, a.status, a.marked_at, a.signed_out_at, t.name, b.account_id, b.attendee_id, b.order_type,
       l.kind,
       (SELECT count(*) FROM makeup_credit g WHERE g.organisation_id = a.organisation_id
        AND g.attendee_id = a.attendee_id AND g.term_id = b.term_id AND g.status <> 900) AS given,
       (SELECT {AS_JSON} FROM makeup_credit m
        WHERE m.organisation_id = a.organisation_id AND m.attendance_id = a.id) AS earned,
       (SELECT {AS_JSON} FROM makeup_credit m
        WHERE m.organisation_id = a.organisation_id AND m.order_id = b.order_id
          AND m.session_id = a.term_product_id AND m.status = 200) AS booked,
       EXISTS (SELECT FROM late_pickup x WHERE x.organisation_id = a.organisation_id
               AND x.attendance_id = a.id) AS is_late,
       (SELECT count(*) FROM roll_conflict c WHERE c.organisation_id = a.organisation_id
        AND c.attendance_id = a.id AND c.resolved_at IS NULL) AS conflicts
FROM term_attendance a
JOIN attendee t ON t.organisation_id = a.organisation_id AND t.id = a.attendee_id
JOIN term_booking b ON b.organisation_id = a.organisation_id AND b.id = a.booking_id
JOIN term_booking_line l ON l.organisation_id = a.organisation_id AND l.id = a.booking_line_id
WHERE a.organisation_id = %(org)s AND a.term_product_id = %(session_id)s
ORDER BY t.name, a.id
"""


def close_roll(
    tx: Transaction, *, session_id: UUID, absent: Collection[UUID] = (), actor: Actor, now: datetime
) -> Settled:  # fmt: skip
    """Settle the roll of a session that is over: who did not come was absent, absences told in time give their makeup
    credit, one of somebody who came after all is taken back, makeup sessions have used theirs, late fees are proposed.

    `absent` are the rows of the roll of whom whoever closes says that they did not come. Somebody who was forgotten at
    the door is not absent because of that: every other row without a mark refuses, by name.

    Raises NotFound (no roll, or not the actor's site), NotPermitted, Refused with every reason: it is not over, or
    closed before; somebody is signed in or not marked; devices disagree; heads are not counted, or a difference is not
    explained.
    """
    roll = read_roll(tx, session_id=session_id, actor=actor)
    tx.rows(_LOCK_ATTENDEES, session_id=session_id)
    tx.rows(_LOCK_ROLL, session_id=session_id)
    session = tx.row(_LOCK_SESSION, session_id=session_id)
    assert session is not None, "it has a roll"
    rows = tx.rows(_ROWS, session_id=session_id)
    rules = read_rules(tx, term_program_set_id=session["term_program_set_id"])
    reasons = [
        *_not_yet(roll.name, session, now),
        *_not_marked(roll.name, rows, absent),
        *_unsettled(tx, roll, rows, rules),
    ]
    if reasons:
        raise Refused(reasons[0].message, reasons=reasons)
    settled = Settled(session_id, _mark_absent(tx, rows, actor, now), 0, 0, 0, 0)
    settled.granted = _grant_told(tx, session, rows, rules[Rule.MAKEUP].value, actor=actor, now=now)
    settled.revoked = _revoke_of_those_who_came(tx, rows, now=now)
    booked = [Credit.of(row["booked"]) for row in rows if row["booked"]]
    makeup_credit.use(tx.batch, booked, now=now, reason="the session was held")
    settled.used = len(booked)
    settled.late = _propose_fees(tx, session_id, session, rows, rules[Rule.LATE_PICKUP].value, now)
    _note(tx, session_id, RollEventKind.CLOSED, "", asdict(settled), actor=actor, now=now)
    return settled


def reopen_roll(tx: Transaction, *, session_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """Open a closed roll again, to correct it; closing it once more settles what is new. What was settled stays.

    Raises NotFound, NotPermitted (not an admin), Refused (not closed).
    """
    if not actor.is_admin:
        raise NotPermitted("Only an admin opens a closed roll again.")
    roll = read_roll(tx, session_id=session_id, actor=actor)
    tx.rows(_LOCK_ROLL, session_id=session_id)
    session = tx.row(_LOCK_SESSION, session_id=session_id)
    assert session is not None, "it has a roll"
    if session["roll_closed_at"] is None:
        message = f"The roll of {roll.name} is open."
        raise Refused(message, reasons=[Reason("roll_is_open", message, rule="roll_closing", session=roll.name)])
    _note(tx, session_id, RollEventKind.REOPENED, reason, {}, actor=actor, now=now)


def _not_yet(name: str, session: Row, now: datetime) -> Iterator[Reason]:
    about: dict[str, Any] = {"rule": "roll_closing", "session": name}
    if now < session["ends_at"]:
        yield Reason("session_not_over", f"{name} is not over.", **about)
    if session["roll_closed_at"] is not None:
        yield Reason("roll_is_closed", f"The roll of {name} was closed before.", **about)


def _not_marked(name: str, rows: list[Row], absent: Collection[UUID]) -> Iterator[Reason]:
    forgotten = [row for row in rows if row["status"] == AttendanceStatus.EXPECTED and row["id"] not in absent]
    if forgotten:
        names = [row["name"] for row in forgotten]
        yield Reason("not_marked", f"Not marked yet: {', '.join(names)}.", rule="roll_closing", session=name,
                     facts={"names": names, "attendance_ids": [str(row["id"]) for row in forgotten]})  # fmt: skip


def _unsettled(tx: Transaction, roll: Roll, rows: list[Row], rules: dict[Rule, Answer]) -> Iterator[Reason]:
    about: dict[str, Any] = {"rule": "roll_closing", "session": roll.name}
    here = [row["name"] for row in rows if row["status"] in (AttendanceStatus.PRESENT, AttendanceStatus.LATE)]
    if here:
        yield Reason("signed_in", f"Still signed in: {', '.join(here)}.", facts={"names": here}, **about)
    disputed = [row["name"] for row in rows if row["conflicts"]]
    if disputed:
        yield Reason("conflicts_open", f"Two devices disagree about {', '.join(disputed)}: decide first.",
                     facts={"names": disputed}, **about)  # fmt: skip
    if not rules[Rule.HEADCOUNT].value or not any(row["status"] in _CAME for row in rows):
        return
    count = last_count(tx, roll.session_id)
    if count is None:
        yield Reason("not_counted", "Nobody has counted heads.", **about)
    elif not count.is_reconciled:
        message = f"{count.counted} heads were counted, the roll says {count.on_roll}: explain the difference."
        yield Reason("difference_unexplained", message,
                     facts={"counted": count.counted, "on_roll": count.on_roll}, **about)  # fmt: skip


def _mark_absent(tx: Transaction, rows: list[Row], actor: Actor, now: datetime) -> int:
    missing = [row for row in rows if row["status"] == AttendanceStatus.EXPECTED]
    if missing:
        tx.batch.guard(
            MARK, [{"id": row["id"], "version": row["version"], "at": now, "by": actor.user_id,
                    "status": AttendanceStatus.ABSENT.value, "reason": None} for row in missing],
            otherwise=lambda _: MovedMeanwhile("The roll was marked meanwhile; look again."),
        )  # fmt: skip
    return len(missing)


def _grant_told(
    tx: Transaction, session: Row, rows: list[Row], rule: Makeup | None, *, actor: Actor, now: datetime
) -> int:
    if rule is None:
        return 0
    told = [row for row in rows if row["status"] == AttendanceStatus.ABSENT_NOTIFIED and not row["earned"]]
    granted = 0
    for row in told:
        if not why_none_by_rule(rule, LineKind(row["kind"]), row["order_type"], told_at=row["marked_at"],
                                starts_at=session["starts_at"], given=row["given"]):  # fmt: skip
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


def _propose_fees(
    tx: Transaction, session_id: UUID, session: Row, rows: list[Row], fee: LatePickupFee | None, now: datetime
) -> int:
    """For who left too late; once for each row of the roll, however often it is closed."""
    if fee is None:
        return 0
    gone = [row for row in rows if row["status"] == AttendanceStatus.LEFT and row["signed_out_at"] is not None]
    return sum(late_pickup.propose(tx.batch, fee, row=row, session_id=session_id, ends_at=session["ends_at"], now=now)
               for row in gone if not row["is_late"])  # fmt: skip


def _note(
    tx: Transaction, session_id: UUID, kind: RollEventKind, reason: str, facts: Row, *, actor: Actor, now: datetime
) -> None:
    tx.run("UPDATE term_product SET roll_closed_at = %(at)s WHERE organisation_id = %(org)s AND id = %(id)s",
           at=now if kind is RollEventKind.CLOSED else None, id=session_id)  # fmt: skip
    tx.batch.add(RollEvent, [{"id": new_id(), "term_product_id": session_id, "kind": kind.value, "at": now,
                              "actor_id": actor.user_id, "reason": reason, "facts": facts}])  # fmt: skip
