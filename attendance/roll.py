"""The roll of a session: who is expected, who must not have nuts, who came, who left with whom.

Marks are idempotent and carry the device's own time, so that a tablet that was offline can send them later; a mark that
is older than what is known, or that contradicts it, comes back as a conflict and overwrites nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from attendance.conflicts import OpenConflict, open_conflicts
from attendance.headcounts import Count, last_count
from attendance.marks import Mark, Outcome, RollChanged, take_marks
from attendance.people import PEOPLE, Person, has_list, who_may_collect
from attendance.ratio import Ratio, read_ratio
from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, NotPermitted, Reason
from models import ActorKind, AlertSeverity, AttendanceStatus

__all__ = ["Mark", "Roll", "RollChanged", "RollEntry", "RollIsClosed", "mark_roll", "read_roll", "require_on_roll"]

# Of a note that nobody has graded.
_UNGRADED = {"Allergy": AlertSeverity.SEVERE, "Medical": AlertSeverity.IMPORTANT}


class RollIsClosed(Conflict):
    """The roll is settled; an admin opens it again, with a reason."""

    code = "roll_is_closed"


@dataclass(frozen=True, slots=True)
class Alert:
    """What staff must know of an attendee, and how grave it is."""

    what: str
    words: str
    severity: AlertSeverity
    is_graded: bool

    def __str__(self) -> str:
        return f"{self.what}: {self.words}"


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
    alerts: list[Alert]
    people: list[Person]
    has_list: bool  # of names: then nobody else collects
    must_not_collect: list[str]
    version: int
    marked_at: datetime | None
    signed_in_at: datetime | None
    signed_out_at: datetime | None
    collected_by: str | None
    reason: str | None
    seat: str | None = None  # in a seated session

    @property
    def authorised_pick_ups(self) -> list[str]:
        """The names of who may collect."""
        return [person.name for person in self.people]

    @property
    def initials(self) -> str:
        words = self.name.split()
        return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()

    @property
    def severity(self) -> AlertSeverity | None:
        """Of its gravest alert."""
        order = list(AlertSeverity)
        return max((alert.severity for alert in self.alerts), key=order.index, default=None)


@dataclass(slots=True)
class Roll:
    """The roll of one session; `conflicts` are the marks of this call that were not taken, `disagreements` those that
    a person has still to decide.
    """

    session_id: UUID
    site_id: UUID
    name: str
    site: str
    time_zone: str
    local_date: date
    starts_at: datetime
    ends_at: datetime
    capacity: int
    closed_at: datetime | None
    entries: list[RollEntry]
    ratio: Ratio
    headcount: Count | None = None
    disagreements: list[OpenConflict] = field(default_factory=list)
    conflicts: list[Reason] = field(default_factory=list)

    def count(self, *statuses: AttendanceStatus) -> int:
        return sum(1 for entry in self.entries if entry.status in statuses)

    @property
    def expected(self) -> int:
        """Everybody who has not cancelled."""
        return len(self.entries) - self.count(AttendanceStatus.CANCELLED)

    @property
    def present(self) -> int:
        """Everybody who is here now."""
        return self.count(AttendanceStatus.PRESENT, AttendanceStatus.LATE)

    @property
    def waiting(self) -> int:
        """Of whom nothing is marked yet."""
        return self.count(AttendanceStatus.EXPECTED)

    @property
    def gone(self) -> int:
        return self.count(AttendanceStatus.LEFT)

    @property
    def absent(self) -> int:
        return self.count(AttendanceStatus.ABSENT, AttendanceStatus.ABSENT_NOTIFIED)


_SESSION = """
SELECT s.id, p.name, i.id AS site_id, i.name AS site, i.time_zone, s.local_date, s.starts_at, s.ends_at, s.capacity,
       s.roll_closed_at, s.term_program_set_id AS offering_id, p.program_id
FROM term_product s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
WHERE s.organisation_id = %(org)s AND s.id = %(session_id)s
"""

_ENTRIES = f"""
SELECT a.id AS attendance_id, a.attendee_id, t.name, a.status, a.version, a.marked_at, a.signed_in_at, a.signed_out_at,
       a.collected_by, a.reason, t.medical_notes, t.allergy_notes, t.medical_severity, t.allergy_severity,
       {PEOPLE} AS people, t.must_not_collect,
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
    entries = [_entry(row) for row in tx.rows(_ENTRIES, session_id=session_id, program_id=session["program_id"])]
    roll = Roll(
        session_id=session_id, site_id=session["site_id"], name=session["name"], site=session["site"],
        time_zone=session["time_zone"], local_date=session["local_date"], starts_at=session["starts_at"],
        ends_at=session["ends_at"], capacity=session["capacity"], closed_at=session["roll_closed_at"], entries=entries,
        headcount=last_count(tx, session_id), disagreements=open_conflicts(tx, session_id=session_id),
        ratio=read_ratio(tx, session["site_id"], offering_id=session["offering_id"]),
    )  # fmt: skip
    roll.ratio.look_at(session["offering_id"], present=roll.present, expected=roll.expected)
    return roll


def require_on_roll(tx: Transaction, *, session_id: UUID, attendee_id: UUID, actor: Actor) -> None:
    """Raises NotFound where the attendee is not on a roll of this session that the actor may see."""
    session = tx.row(_SESSION, session_id=session_id)
    is_theirs = session is not None and (actor.kind is ActorKind.ADMIN or session["site_id"] in actor.site_ids)
    row = tx.row("SELECT 1 FROM term_attendance WHERE organisation_id = %(org)s AND term_product_id = %(session)s "
                 "AND attendee_id = %(attendee)s LIMIT 1", session=session_id, attendee=attendee_id)  # fmt: skip
    if not is_theirs or row is None:
        raise NotFound("There is no such attendee on this roll.", what="attendee")


def _entry(row: Row) -> RollEntry:
    alerts = [
        Alert(what, row[f"{column}_notes"], AlertSeverity(row[f"{column}_severity"] or _UNGRADED[what]),
              row[f"{column}_severity"] is not None)
        for what, column in (("Allergy", "allergy"), ("Medical", "medical")) if row[f"{column}_notes"]
    ]  # fmt: skip
    kept = {name: value for name, value in row.items() if not name.startswith(("medical_", "allergy_"))}
    named = kept.pop("people")
    return RollEntry(
        **{**kept, "status": AttendanceStatus(row["status"])}, alerts=alerts, has_list=has_list(named),
        people=who_may_collect(named, row["must_not_collect"]),
    )  # fmt: skip


def mark_roll(tx: Transaction, *, session_id: UUID, marks: Sequence[Mark], actor: Actor, now: datetime) -> Roll:
    """Take marks at the door; the same mark sent again changes nothing.

    Raises Invalid naming each mark that can never be taken (an unknown row, a person who must not collect, a sign-in
    before the day), RollIsClosed; contradictions with what is known are kept, and come back in `conflicts`.
    """
    ours = {entry.attendance_id for entry in read_roll(tx, session_id=session_id, actor=actor).entries}
    strange = [place for place, mark in enumerate(marks) if mark.attendance_id not in ours]
    answers = take_marks(tx, marks=[mark for mark in marks if mark.attendance_id in ours], actor=actor, now=now,
                         is_asked=True)  # fmt: skip
    places = [place for place in range(len(marks)) if place not in strange]
    refused = {place: answer.reasons for place, answer in zip(places, answers, strict=True)
               if answer.outcome is Outcome.REFUSED}  # fmt: skip
    unknown = Reason("unknown", "There is no such row on this roll.", field="attendance_id")
    refused |= {place: [unknown] for place in strange}
    if refused:
        _refuse([_placed(reason, place) for place in sorted(refused) for reason in refused[place]])
    tx.flush()
    roll = read_roll(tx, session_id=session_id, actor=actor)
    roll.conflicts = [
        _placed(reason, place)
        for place, answer in zip(places, answers, strict=True) if answer.outcome is Outcome.CONFLICT
        for reason in answer.reasons
    ]  # fmt: skip
    return roll


def _placed(reason: Reason, place: int) -> Reason:
    """Names the mark of the request that it is about."""
    where = f"marks[{place}]" + (f".{reason.field}" if reason.field else "")
    return Reason(reason.code, reason.message, field=where, rule=reason.rule, facts=reason.facts)


def _refuse(reasons: list[Reason]) -> None:
    closed = next((reason for reason in reasons if reason.code == "roll_is_closed"), None)
    if closed is not None:
        raise RollIsClosed(closed.message, reasons=reasons)
    raise Invalid("Some marks cannot be taken.", reasons=reasons)
