"""The roll of a session: who is expected, who must not have nuts, who came, who left with whom.

Marks are idempotent and carry the device's own time, so that a tablet that was offline can send them later; a mark that
is older than what is known, or that contradicts it, comes back as a conflict and overwrites nothing.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.actor import Actor
from engine.batch import Guarded
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, NotPermitted, Reason
from models import ActorKind, AttendanceStatus, SignMethod

_HERE = frozenset({AttendanceStatus.PRESENT, AttendanceStatus.LATE})
_MARKS = frozenset(AttendanceStatus) - {AttendanceStatus.CANCELLED}
# What can be known before the day of the session.
_IN_ADVANCE = frozenset({AttendanceStatus.EXPECTED, AttendanceStatus.ABSENT_NOTIFIED})
# The door opens this long before a session starts.
ARRIVAL = timedelta(hours=2)


class RollChanged(Conflict):
    """Somebody else marked the same row at the same moment; send the marks again."""

    code = "roll_changed"


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark from a device. `marked_at` is the device's own time; `collected_by` names who took a child home."""

    attendance_id: UUID
    status: AttendanceStatus
    marked_at: datetime
    collected_by: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class RollEntry:
    """An attendee's row on the roll, with what staff must see."""

    attendance_id: UUID
    attendee_id: UUID
    name: str
    status: AttendanceStatus
    is_new: bool
    is_trial: bool
    is_makeup: bool
    activities: list[str]
    alerts: list[str]
    authorised_pick_ups: list[str]
    must_not_collect: list[str]
    version: int
    marked_at: datetime | None
    signed_in_at: datetime | None
    signed_out_at: datetime | None
    collected_by: str | None
    reason: str | None
    seat: str | None = None  # in a seated session


@dataclass(slots=True)
class Roll:
    """The roll of one session; `conflicts` are the marks of this call that were not taken."""

    session_id: UUID
    name: str
    site: str
    time_zone: str
    local_date: date
    starts_at: datetime
    ends_at: datetime
    capacity: int
    entries: list[RollEntry]
    conflicts: list[Reason] = field(default_factory=list)

    def count(self, *statuses: AttendanceStatus) -> int:
        return sum(1 for entry in self.entries if entry.status in statuses)

    @property
    def expected(self) -> int:
        """Everybody who has not cancelled."""
        return len(self.entries) - self.count(AttendanceStatus.CANCELLED)


_SESSION = """
SELECT s.id, p.name, i.id AS site_id, i.name AS site, i.time_zone, s.local_date, s.starts_at, s.ends_at, s.capacity,
       p.program_id
FROM term_product s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
WHERE s.organisation_id = %(org)s AND s.id = %(session_id)s
"""

_ENTRIES = """
SELECT a.id AS attendance_id, a.attendee_id, t.name, a.status, a.version, a.marked_at, a.signed_in_at, a.signed_out_at,
       a.collected_by, a.reason, t.medical_notes, t.allergy_notes, t.authorised_pick_ups, t.must_not_collect,
       CASE WHEN x.id IS NOT NULL THEN concat('row ', x.row_name, ' seat ', x.number) END AS seat,
       b.order_type = 2 AS is_trial, l.kind = 'MAKEUP_SESSION' AS is_makeup,
       ARRAY(SELECT p.title FROM term_booking_order o
             JOIN term_booking_order_line w ON w.organisation_id = o.organisation_id AND w.order_id = o.id
                  AND w.term_product_id = a.term_product_id
             JOIN term_booking_order_activity y ON y.organisation_id = w.organisation_id AND y.order_line_id = w.id
             JOIN term_product p ON p.organisation_id = y.organisation_id AND p.id = y.term_product_id
             WHERE o.organisation_id = b.organisation_id AND o.booking_id = b.id ORDER BY p.title) AS activities,
       NOT EXISTS (SELECT FROM term_attendance o
            JOIN term_product os ON os.organisation_id = o.organisation_id AND os.id = o.term_product_id
            JOIN term_program_set op ON op.organisation_id = os.organisation_id AND op.id = os.term_program_set_id
            WHERE o.organisation_id = a.organisation_id AND o.attendee_id = a.attendee_id
              AND op.program_id = %(program_id)s AND o.local_date < a.local_date
              AND o.status IN ('PRESENT', 'LATE', 'LEFT')) AS is_new
FROM term_attendance a
JOIN attendee t ON t.organisation_id = a.organisation_id AND t.id = a.attendee_id
JOIN term_booking_line l ON l.organisation_id = a.organisation_id AND l.id = a.booking_line_id
JOIN term_booking b ON b.organisation_id = a.organisation_id AND b.id = a.booking_id
LEFT JOIN seat x ON x.organisation_id = l.organisation_id AND x.id = l.seat_id
WHERE a.organisation_id = %(org)s AND a.term_product_id = %(session_id)s
ORDER BY t.name, a.id
"""


def read_roll(tx: Transaction, *, session_id: UUID, actor: Actor) -> Roll:
    """The roll as it is now. Raises NotFound for a session without a date, or of a site that is not the actor's."""
    session = tx.row(_SESSION, session_id=session_id)
    if session is None or session["local_date"] is None:
        raise NotFound("There is no such session with a roll.", what="session")
    if actor.kind not in (ActorKind.ADMIN, ActorKind.STAFF):
        raise NotPermitted("Rolls are for staff and admins.")
    if actor.kind is ActorKind.STAFF and session["site_id"] not in actor.site_ids:
        raise NotFound("There is no such session with a roll.", what="session")
    rows = tx.rows(_ENTRIES, session_id=session_id, program_id=session["program_id"])
    return Roll(
        session_id=session_id, name=session["name"], site=session["site"], time_zone=session["time_zone"],
        local_date=session["local_date"], starts_at=session["starts_at"], ends_at=session["ends_at"],
        capacity=session["capacity"], entries=[_entry(row) for row in rows],
    )  # fmt: skip


def _entry(row: Row) -> RollEntry:
    alerts = [f"{what}: {row[column]}" for what, column in (("Allergy", "allergy_notes"), ("Medical", "medical_notes"))
              if row[column]]  # fmt: skip
    kept = {k: v for k, v in row.items() if k not in ("medical_notes", "allergy_notes", "status")}
    return RollEntry(**kept, status=AttendanceStatus(row["status"]), alerts=alerts)


_MARK = Guarded(
    name="mark",
    sql="UPDATE term_attendance t SET status = r.status, version = t.version + 1, marked_at = r.marked_at, "
    "marked_by = r.marked_by, signed_in_at = r.signed_in_at, signed_out_at = r.signed_out_at, "
    "collected_by = r.collected_by, method = r.method, reason = r.reason FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.version = r.version RETURNING t.id",
    takes="id uuid, version int, status text, marked_at timestamptz, marked_by uuid, signed_in_at timestamptz, "
    "signed_out_at timestamptz, collected_by text, method text, reason text",
)


def mark_roll(tx: Transaction, *, session_id: UUID, marks: Sequence[Mark], actor: Actor, now: datetime) -> Roll:
    """Take marks; the same mark sent again changes nothing.

    Raises Invalid naming each mark that can never be taken (an unknown row, a person who must not collect, a sign-in
    before the day); contradictions with newer marks come back in `conflicts`.
    """
    tx.run("SELECT 1 FROM term_attendance WHERE organisation_id = %(org)s AND term_product_id = %(session_id)s "
           "ORDER BY id FOR NO KEY UPDATE", session_id=session_id)  # fmt: skip
    roll = read_roll(tx, session_id=session_id, actor=actor)
    entries = {entry.attendance_id: entry for entry in roll.entries}
    reasons = list(_impossible(marks, entries, roll, now))
    if reasons:
        raise Invalid("Some marks cannot be taken.", reasons=reasons)
    rows: dict[UUID, Row] = {}
    for position, mark in enumerate(marks):
        entry = entries[mark.attendance_id]
        if _is_known(mark, entry):
            continue
        conflict = _conflict(position, mark, entry)
        if conflict:
            roll.conflicts.append(conflict)
            continue
        version = rows[entry.attendance_id]["version"] if entry.attendance_id in rows else entry.version
        _apply(mark, entry)
        entry.version = version + 1  # written once, however many marks of this call it took
        rows[entry.attendance_id] = _row(entry, version, actor)
    if rows:
        tx.batch.guard(
            _MARK, list(rows.values()), otherwise=lambda _: RollChanged("Somebody else is marking this roll.")
        )
    return roll


def _impossible(marks: Sequence[Mark], entries: dict[UUID, RollEntry], roll: Roll, now: datetime) -> Iterable[Reason]:
    for position, mark in enumerate(marks):
        entry = entries.get(mark.attendance_id)
        where = f"marks[{position}]"
        if entry is None:
            yield Reason("unknown", "There is no such row on this roll.", field=f"{where}.attendance_id")
            continue
        if mark.status not in _MARKS or entry.status is AttendanceStatus.CANCELLED:
            yield Reason("not_markable", f"{entry.name} is not on the roll any more.", field=f"{where}.status")
        if mark.marked_at > now:
            yield Reason("in_the_future", "A mark is not made in the future; check the device's clock.",
                         field=f"{where}.marked_at")  # fmt: skip
        if mark.status not in _IN_ADVANCE and mark.marked_at < roll.starts_at - ARRIVAL:
            starts = f"{roll.starts_at.astimezone(ZoneInfo(roll.time_zone)):%a %d %b %Y %H:%M}"
            yield Reason("too_early", f"{roll.name} starts only on {starts}.", field=f"{where}.marked_at")
        yield from _wrong_person(where, mark, entry)


def _wrong_person(where: str, mark: Mark, entry: RollEntry) -> Iterable[Reason]:
    if mark.status is not AttendanceStatus.LEFT:
        return
    who = (mark.collected_by or "").strip()
    if _folded(who) in {_folded(name) for name in entry.must_not_collect}:
        yield Reason("must_not_collect", f"{who} must not collect {entry.name}.", field=f"{where}.collected_by",
                     rule="must_not_collect")  # fmt: skip
    elif entry.authorised_pick_ups and _folded(who) not in {_folded(name) for name in entry.authorised_pick_ups}:
        names = ", ".join(entry.authorised_pick_ups)
        yield Reason("not_authorised", f"{entry.name} leaves with one of: {names}.", field=f"{where}.collected_by",
                     rule="authorised_pick_ups")  # fmt: skip


def _folded(name: str) -> str:
    """A name as people compare it: no difference of case, of spaces or of how an accent is typed."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _is_known(mark: Mark, entry: RollEntry) -> bool:
    """Sent again: the mark that holds, or the sign-in of somebody who has left since."""
    if mark.status in _HERE and entry.status is AttendanceStatus.LEFT:
        return mark.marked_at == entry.signed_in_at
    same = mark.status is entry.status and (mark.collected_by or None) == entry.collected_by
    return same and entry.marked_at is not None and mark.marked_at <= entry.marked_at


def _conflict(position: int, mark: Mark, entry: RollEntry) -> Reason | None:
    """An older mark that says something else, or a sign-out of somebody who never came in, is shown to a person."""
    facts = {"attendance_id": str(entry.attendance_id), "is": entry.status.value, "sent": mark.status.value}
    if entry.marked_at is not None and mark.marked_at < entry.marked_at:
        return Reason("older_mark", f"{entry.name} was marked {entry.status.value.lower()} later than this mark.",
                      field=f"marks[{position}]", facts=facts)  # fmt: skip
    if mark.status is AttendanceStatus.LEFT and entry.status not in _HERE | {AttendanceStatus.LEFT}:
        return Reason("not_signed_in", f"{entry.name} was not signed in.", field=f"marks[{position}]", facts=facts)
    return None


def _apply(mark: Mark, entry: RollEntry) -> None:
    if mark.status in _HERE:
        entry.signed_in_at, entry.signed_out_at, entry.collected_by = mark.marked_at, None, None
    elif mark.status is AttendanceStatus.LEFT:
        entry.signed_out_at, entry.collected_by = mark.marked_at, mark.collected_by
    else:
        entry.signed_in_at = entry.signed_out_at = entry.collected_by = None
    entry.status, entry.marked_at, entry.reason = mark.status, mark.marked_at, mark.reason


def _row(entry: RollEntry, version: int, actor: Actor) -> Row:
    return {
        "id": entry.attendance_id, "version": version, "status": entry.status.value, "marked_at": entry.marked_at,
        "marked_by": actor.user_id, "signed_in_at": entry.signed_in_at, "signed_out_at": entry.signed_out_at,
        "collected_by": entry.collected_by, "method": SignMethod.ROLL.value, "reason": entry.reason,
    }  # fmt: skip
