"""Where a mark contradicted what was known: shown until a person has decided which of the two is right."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from attendance import marks
from attendance.marks import HERE, Mark, MarkedRow
from catalogue.rules import Rule, read_rules
from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import Conflict, NotFound, Reason
from models import AttendanceStatus, ConflictResolution, SignOut


class ConflictStands(Conflict):
    """The conflict cannot be decided like this."""

    code = "conflict_stands"


@dataclass(slots=True)
class OpenConflict:
    """Two accounts of one attendee: what the roll says, and what a mark said."""

    id: UUID
    attendance_id: UUID
    session_id: UUID
    name: str
    code: str
    known_status: AttendanceStatus
    known_at: datetime | None
    status: AttendanceStatus  # the row's, now
    sent_status: AttendanceStatus
    sent_at: datetime
    device: str
    sent_by: str | None
    collected_by: str | None
    reason: str | None
    raised_at: datetime


_OPEN = """
SELECT c.id, c.attendance_id, c.term_product_id AS session_id, t.name, c.code, c.known_status, c.known_at, a.status,
       m.status AS sent_status, m.marked_at AS sent_at, m.device, u.name AS sent_by, m.collected_by, m.reason,
       c.raised_at
FROM roll_conflict c
JOIN roll_mark m ON m.organisation_id = c.organisation_id AND m.id = c.mark_id
JOIN term_attendance a ON a.organisation_id = c.organisation_id AND a.id = c.attendance_id
JOIN attendee t ON t.organisation_id = a.organisation_id AND t.id = a.attendee_id
LEFT JOIN "user" u ON u.organisation_id = m.organisation_id AND u.id = m.marked_by
WHERE c.organisation_id = %(org)s AND c.resolved_at IS NULL AND c.term_product_id = %(session_id)s
ORDER BY c.raised_at, c.id
"""


def open_conflicts(tx: Transaction, *, session_id: UUID) -> list[OpenConflict]:
    """What a person has still to decide on this roll, oldest first."""
    found = tx.rows(_OPEN, session_id=session_id)
    words = ("known_status", "status", "sent_status")
    return [OpenConflict(**{**row, **{name: AttendanceStatus(row[name]) for name in words}}) for row in found]


_CONFLICT = """
SELECT c.id, c.mark_id, c.attendance_id, c.term_product_id AS session_id, c.resolution, m.status, m.marked_at,
       m.device, m.collected_by, m.reason
FROM roll_conflict c JOIN roll_mark m ON m.organisation_id = c.organisation_id AND m.id = c.mark_id
WHERE c.organisation_id = %(org)s AND c.id = %(id)s
"""


def resolve(
    tx: Transaction, *, conflict_id: UUID, resolution: ConflictResolution, note: str, actor: Actor, now: datetime
) -> UUID:
    """Decide which account is right; what was sent is taken only where it may be. Returns the session's id.

    Raises NotFound (none at a site of this actor), ConflictStands (decided otherwise before, the roll is closed, or a
    person who must not collect: that never becomes a sign-out, whoever says so).
    """
    found = tx.row(_CONFLICT, id=conflict_id)
    rows = marks.lock_rows(tx, [found["attendance_id"]], actor=actor) if found else {}
    if found is None or not rows:
        raise NotFound("There is no such conflict.", what="conflict")
    row = rows[found["attendance_id"]]
    found = tx.row(f"{_CONFLICT} FOR UPDATE OF c", id=conflict_id)
    assert found is not None, "it was there a moment ago"
    if found["resolution"] == resolution:
        return UUID(str(found["session_id"]))
    if found["resolution"] is not None:
        raise _stands(
            Reason("decided_otherwise", f"It was decided before: {found['resolution'].lower()}.", rule="roll")
        )
    if resolution is ConflictResolution.TAKEN:
        _take(tx, found, row, actor=actor, now=now)
    tx.run(
        "UPDATE roll_conflict SET resolved_at = %(now)s, resolved_by = %(by)s, resolution = %(resolution)s, "
        "note = %(note)s WHERE organisation_id = %(org)s AND id = %(id)s",
        now=now, by=actor.user_id, resolution=resolution.value, note=note, id=conflict_id,
    )  # fmt: skip
    return UUID(str(found["session_id"]))


def _take(tx: Transaction, found: Row, row: MarkedRow, *, actor: Actor, now: datetime) -> None:
    """The mark was right. The row says so since now, so that what devices still send about before is a conflict."""
    mark = Mark(
        found["attendance_id"], AttendanceStatus(found["status"]), found["marked_at"], found["collected_by"],
        found["reason"], id=found["mark_id"], device=found["device"],
    )  # fmt: skip
    if row.status is AttendanceStatus.CANCELLED:
        raise _stands(Reason("not_markable", f"{row.name} is not on the roll any more.", rule="roll"))
    if row.session["is_closed"]:
        raise _stands(
            Reason(
                "roll_is_closed", f"The roll of {row.session['name']} is closed: an admin opens it again.", rule="roll"
            )
        )
    if (wrong := marks.wrong_person(mark, row)) is not None:
        raise _stands(wrong)
    if mark.status is AttendanceStatus.LEFT:
        rules = read_rules(tx, term_program_set_id=row.session["offering_id"])
        signed_out = marks.sign_out_row(
            mark, row, needs_proof=rules[Rule.SIGN_OUT_PROOF].value, actor=actor, now=now
        )  # fmt: skip
        tx.batch.add(SignOut, [signed_out])
    came_at = row.signed_in_at if mark.status in HERE and row.status in HERE else None
    version = row.version
    marks.apply(mark, row, marked_at=now)
    if came_at is not None:
        row.signed_in_at = min(came_at, mark.marked_at)
    changed = marks.RollChanged("Somebody else is marking this roll.")
    tx.batch.guard(marks.WRITE_MARK, [marks.written_row(row, version, actor)], otherwise=lambda _: changed)


def _stands(reason: Reason) -> ConflictStands:
    return ConflictStands(reason.message, reasons=[reason])
