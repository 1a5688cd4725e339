"""Marks of a roll, as devices send them: once, twice, or late.

A mark carries the device's own time, an id that the device made, and the version of the row that it showed. What
contradicts something that the device could not have known, or that is newer, is kept as a conflict beside the row,
until a person has decided. Only the marked rows are locked: two tablets work on one roll.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from attendance.people import PEOPLE, Person, has_list, name_key, who_may_collect
from catalogue.rules import Rule, read_rules
from engine.actor import Actor
from engine.batch import Guarded
from engine.database import Row, Transaction
from engine.errors import Conflict, NotPermitted, Reason
from engine.ids import new_id
from models import ActorKind, AttendanceStatus, MarkOutcome, RollConflict, RollMark, SignMethod, SignOut

S = AttendanceStatus
HERE = frozenset({S.PRESENT, S.LATE})
_MARKS = frozenset(S) - {S.CANCELLED}
# What can be known before the day of the session.
_IN_ADVANCE = frozenset({S.EXPECTED, S.ABSENT_NOTIFIED})
# The door opens this long before a session starts.
ARRIVAL = timedelta(hours=2)


class RollChanged(Conflict):
    """Somebody else marked the same row at the same moment; send the marks again."""

    code = "roll_changed"


class Outcome(StrEnum):
    """What became of something that a device sent."""

    TAKEN = "TAKEN"  # it holds
    KNOWN = "KNOWN"  # it held already
    CONFLICT = "CONFLICT"  # kept: a person decides
    REFUSED = "REFUSED"  # it can never be


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark. `marked_at` is the device's own time; `seen_version` the version of the row that it showed.

    Who takes a child home is named by `collected_by`, or by the id of an authorised person.
    """

    attendance_id: UUID
    status: AttendanceStatus
    marked_at: datetime
    collected_by: str | None = None
    reason: str | None = None
    id: UUID | None = None
    device: str = ""
    seen_version: int | None = None
    person_id: UUID | None = None
    is_pin_proven: bool = False

    @property
    def mark_id(self) -> UUID:
        """The device's; where it made none, the same mark has the same id again."""
        words = f"{self.status} {self.marked_at.isoformat()} {self.collected_by} {self.person_id}"
        return self.id or uuid5(self.attendance_id, words)


@dataclass(slots=True)
class Answered:
    """What became of a mark, and why."""

    mark: Mark
    outcome: Outcome
    reasons: list[Reason] = field(default_factory=list)
    conflict_id: UUID | None = None


@dataclass(slots=True)
class MarkedRow:
    """A row of a roll while marks are taken."""

    attendance_id: UUID
    attendee_id: UUID
    name: str
    status: AttendanceStatus
    version: int
    marked_at: datetime | None
    signed_in_at: datetime | None
    signed_out_at: datetime | None
    collected_by: str | None
    reason: str | None
    device: str | None
    mark_id: UUID | None
    must_not: list[str]
    people: list[Row]
    session: Row

    def may_collect(self) -> list[Person]:
        return who_may_collect(self.people, self.must_not)


_LOCK_ROWS = """
SELECT id FROM term_attendance WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE
"""
_ROWS = f"""
SELECT a.id AS attendance_id, a.attendee_id, t.name, a.status, a.version, a.marked_at, a.signed_in_at, a.signed_out_at,
       a.collected_by, a.reason, a.device, a.mark_id, t.must_not_collect AS must_not, {PEOPLE} AS people,
       json_build_object('id', s.id, 'offering_id', p.id, 'name', p.name, 'site_id', g.site_id,
                         'time_zone', i.time_zone, 'starts_at', s.starts_at,
                         'is_closed', s.roll_closed_at IS NOT NULL) AS session
FROM term_attendance a
JOIN attendee t ON t.organisation_id = a.organisation_id AND t.id = a.attendee_id
JOIN term_product s ON s.organisation_id = a.organisation_id AND s.id = a.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
WHERE a.organisation_id = %(org)s AND a.id = ANY(%(ids)s)
"""
_KNOWN = """
SELECT m.id, m.attendance_id, m.status, m.outcome, c.id AS conflict_id, c.code, c.known_status,
       c.resolved_at IS NULL AND c.id IS NOT NULL AS is_open
FROM roll_mark m LEFT JOIN roll_conflict c ON c.organisation_id = m.organisation_id AND c.mark_id = m.id
WHERE m.organisation_id = %(org)s AND m.id = ANY(%(ids)s)
"""
WRITE_MARK = Guarded(
    name="mark",
    sql="UPDATE term_attendance t SET status = r.status, version = t.version + 1, marked_at = r.marked_at, "
    "marked_by = r.marked_by, signed_in_at = r.signed_in_at, signed_out_at = r.signed_out_at, "
    "collected_by = r.collected_by, method = r.method, reason = r.reason, device = r.device, mark_id = r.mark_id "
    "FROM {rows} WHERE t.organisation_id = {org} AND t.id = r.id AND t.version = r.version RETURNING t.id",
    takes="id uuid, version int, status text, marked_at timestamptz, marked_by uuid, signed_in_at timestamptz, "
    "signed_out_at timestamptz, collected_by text, method text, reason text, device text, mark_id uuid",
    is_by_id=True,
)


def lock_rows(tx: Transaction, attendance_ids: Sequence[UUID], *, actor: Actor) -> dict[UUID, MarkedRow]:
    """Lock these rows and read them, in a later statement; those of sites that are not the actor's are left out."""
    if actor.kind not in (ActorKind.ADMIN, ActorKind.STAFF):
        raise NotPermitted("Rolls are for staff and admins.")
    ids = sorted(set(attendance_ids))
    tx.rows(_LOCK_ROWS, ids=ids)
    rows = [_row(found) for found in tx.rows(_ROWS, ids=ids)]
    return {row.attendance_id: row for row in rows if actor.is_admin or row.session["site_id"] in actor.site_ids}


def _row(found: Row) -> MarkedRow:
    session: Row = found.pop("session")
    session |= {"id": UUID(session["id"]), "site_id": UUID(session["site_id"]),
                "offering_id": UUID(session["offering_id"]),
                "starts_at": datetime.fromisoformat(session["starts_at"])}  # fmt: skip
    return MarkedRow(**{**found, "status": S(found["status"])}, session=session)


def take_marks(
    tx: Transaction, *, marks: Sequence[Mark], actor: Actor, now: datetime, is_asked: bool = False
) -> list[Answered]:
    """Take marks in their order; each is answered. `is_asked`: the door asks whether it may, so that what it may not is
    refused; else it tells what has happened, and what should not have is kept as a conflict.
    """
    rows = lock_rows(tx, [mark.attendance_id for mark in marks], actor=actor)
    known = {row["id"]: row for row in tx.rows(_KNOWN, ids=[mark.mark_id for mark in marks])}
    work = _Taking(tx, rows, known, actor, now, is_asked)
    answers = [work.answer(mark) for mark in marks]
    work.write()
    return answers


@dataclass(slots=True)
class _Taking:
    """The marks of one call."""

    tx: Transaction
    rows: dict[UUID, MarkedRow]
    known: dict[UUID, Row]
    actor: Actor
    now: datetime
    is_asked: bool
    seen: dict[UUID, Outcome] = field(default_factory=dict)
    changed: dict[UUID, int] = field(default_factory=dict)  # rows to write, with the version that was read
    proofs: dict[UUID, bool] = field(default_factory=dict)  # by offering: whether its rule asks for a proof

    def answer(self, mark: Mark) -> Answered:
        row = self.rows.get(mark.attendance_id)
        if row is None:
            unknown = Reason("unknown", "There is no such row on this roll.", field="attendance_id")
            return Answered(mark, Outcome.REFUSED, [unknown])
        if (before := self._before(mark, row)) is not None:
            return before
        impossible = [*_impossible(mark, row, self.now), *(_forbidden(mark, row) if self.is_asked else ())]
        if impossible:
            return Answered(mark, Outcome.REFUSED, impossible)
        outcome, reasons, conflict_id = MarkOutcome.TAKEN, [], None
        if contradiction := _contradiction(mark, row, self.changed.get(row.attendance_id, row.version)):
            outcome, reasons, conflict_id = MarkOutcome.CONFLICT, [contradiction], new_id()
            self._note_conflict(mark, row, contradiction, conflict_id)
        elif is_known(mark, row):
            outcome = MarkOutcome.KNOWN
        else:
            self._take(mark, row)
        self.seen[mark.mark_id] = Outcome(outcome)
        self.tx.batch.add(RollMark, [_mark_row(mark, row, outcome, self.actor, self.now)])
        return Answered(mark, Outcome(outcome), reasons, conflict_id)

    def _before(self, mark: Mark, row: MarkedRow) -> Answered | None:
        """The answer to a mark that was sent before."""
        if mark.mark_id in self.seen:
            return Answered(mark, Outcome.KNOWN)
        earlier = self.known.get(mark.mark_id)
        if earlier is None:
            return None
        if (earlier["attendance_id"], earlier["status"]) != (mark.attendance_id, mark.status):
            return Answered(mark, Outcome.REFUSED, [Reason("id_reused", "Another mark has this id.", field="id")])
        if not earlier["is_open"]:
            return Answered(mark, Outcome.KNOWN)
        reason = _about(mark, earlier["code"], row, S(earlier["known_status"]))
        return Answered(mark, Outcome.CONFLICT, [reason], earlier["conflict_id"])

    def _take(self, mark: Mark, row: MarkedRow) -> None:
        self.changed.setdefault(row.attendance_id, row.version)
        if mark.status is S.LEFT:
            self.tx.batch.add(SignOut, [self._sign_out(mark, row)])
        apply(mark, row, marked_at=mark.marked_at)

    def _sign_out(self, mark: Mark, row: MarkedRow) -> Row:
        offering = row.session["offering_id"]
        if offering not in self.proofs:
            self.proofs[offering] = read_rules(self.tx, term_program_set_id=offering)[Rule.SIGN_OUT_PROOF].value
        return sign_out_row(mark, row, needs_proof=self.proofs[offering], actor=self.actor, now=self.now)

    def _note_conflict(self, mark: Mark, row: MarkedRow, why: Reason, conflict_id: UUID) -> None:
        self.tx.batch.add(RollConflict, [{
            "id": conflict_id, "mark_id": mark.mark_id, "attendance_id": row.attendance_id,
            "term_product_id": row.session["id"], "code": why.code, "known_status": row.status.value,
            "known_at": row.marked_at, "raised_at": self.now, "note": "",
        }])  # fmt: skip

    def write(self) -> None:
        written = [written_row(self.rows[row_id], version, self.actor) for row_id, version in self.changed.items()]
        if written:
            self.tx.batch.guard(
                WRITE_MARK, written, otherwise=lambda _: RollChanged("Somebody else is marking this roll.")
            )


def _impossible(mark: Mark, row: MarkedRow, now: datetime) -> Iterator[Reason]:
    session = row.session
    if mark.status not in _MARKS or row.status is S.CANCELLED:
        yield Reason("not_markable", f"{row.name} is not on the roll any more.", field="status")
    if mark.marked_at > now:
        yield Reason("in_the_future", "A mark is not made in the future; check the device's clock.", field="marked_at")
    if mark.status not in _IN_ADVANCE and mark.marked_at < session["starts_at"] - ARRIVAL:
        starts = f"{session['starts_at'].astimezone(ZoneInfo(session['time_zone'])):%a %d %b %Y %H:%M}"
        yield Reason("too_early", f"{session['name']} starts only on {starts}.", field="marked_at")
    if mark.status is S.LEFT and not who(mark, row):
        yield Reason("person_missing", f"Say who collects {row.name}.", field="collected_by", rule="pick_ups")


def _forbidden(mark: Mark, row: MarkedRow) -> Iterator[Reason]:
    if row.session["is_closed"]:
        yield _about(mark, "roll_is_closed", row, row.status)
    if (wrong := wrong_person(mark, row)) is not None:
        yield wrong


def who(mark: Mark, row: MarkedRow) -> str:
    """The name of who collects: of the record where that still stands, else as the device said it; empty for nobody."""
    said = (mark.collected_by or "").strip()
    if mark.person_id is None:
        return said
    return next((person.name for person in row.may_collect() if person.person_id == mark.person_id), said)


def wrong_person(mark: Mark, row: MarkedRow) -> Reason | None:
    """Why the child does not go with this person: nobody at the door sets that aside."""
    key = name_key(who(mark, row))
    if mark.status is not S.LEFT or not key:
        return None
    if key in {name_key(name) for name in row.must_not}:
        return _about(mark, "must_not_collect", row, row.status)
    allowed = row.may_collect()
    if has_list(row.people) and key not in {name_key(person.name) for person in allowed}:
        return _about(mark, "not_authorised", row, row.status)
    return None


def is_known(mark: Mark, row: MarkedRow) -> bool:
    """It says what holds: who is here has come, whoever saw it when; who left has been here."""
    if mark.status in HERE and row.status in HERE:
        return mark.status is row.status or mark.device != (row.device or "")
    if mark.status in HERE and row.status is S.LEFT:
        return row.marked_at is not None and mark.marked_at <= row.marked_at
    if mark.status is S.LEFT and row.status is S.LEFT:
        return name_key(who(mark, row)) == name_key(row.collected_by or "")
    return mark.status is row.status and (mark.reason or None) == row.reason and row.marked_at is not None


def _contradiction(mark: Mark, row: MarkedRow, read_version: int) -> Reason | None:
    """Why a person must decide."""
    if is_known(mark, row):
        return None
    if row.session["is_closed"]:
        return _about(mark, "roll_is_closed", row, row.status)
    if (wrong := wrong_person(mark, row)) is not None:
        return wrong
    if row.marked_at is not None and mark.marked_at < row.marked_at:
        return _about(mark, "older_mark", row, row.status)
    if mark.status is S.LEFT and row.status not in HERE | {S.LEFT}:
        return _about(mark, "not_signed_in", row, row.status)
    is_unseen = mark.seen_version is not None and mark.seen_version < read_version
    follows = row.status in _IN_ADVANCE or (mark.status is S.LEFT and row.status in HERE)
    if is_unseen and not follows and mark.device != (row.device or ""):
        return _about(mark, "other_device", row, row.status)
    return None


def _about(mark: Mark, code: str, row: MarkedRow, known: AttendanceStatus) -> Reason:
    """A conflict in words."""
    facts: dict[str, Any] = {"attendance_id": str(row.attendance_id), "is": known.value, "sent": mark.status.value}
    said, person = known.value.lower().replace("_", " "), who(mark, row)
    names = ", ".join(p.name for p in row.may_collect())
    words, where = {
        "older_mark": (f"{row.name} was marked {said} later than this mark.", None),
        "not_signed_in": (f"{row.name} was not signed in.", None),
        "other_device": (f"Another device marked {row.name} as {said}, and this one had not seen it.", None),
        "roll_is_closed": (f"The roll of {row.session['name']} is closed.", None),
        "must_not_collect": (f"{person} must not collect {row.name}.", "collected_by"),
        "not_authorised": (f"{row.name} leaves with one of: {names}.", "collected_by"),
    }[code]
    rule = {"must_not_collect": code, "not_authorised": "authorised_pick_ups"}.get(code)
    return Reason(code, words, field=where, rule=rule, facts=facts)


def apply(mark: Mark, row: MarkedRow, *, marked_at: datetime) -> None:
    """The row says what the mark says, since `marked_at`."""
    if mark.status in HERE:
        row.signed_in_at, row.signed_out_at, row.collected_by = mark.marked_at, None, None
    elif mark.status is S.LEFT:
        row.signed_out_at, row.collected_by = mark.marked_at, who(mark, row)
        if row.signed_in_at is not None and row.signed_in_at > mark.marked_at:
            row.signed_in_at = None
    else:
        row.signed_in_at = row.signed_out_at = row.collected_by = None
    row.status, row.marked_at, row.reason = mark.status, marked_at, mark.reason or None
    row.device, row.mark_id = mark.device, mark.mark_id


def sign_out_row(mark: Mark, row: MarkedRow, *, needs_proof: bool, actor: Actor, now: datetime) -> Row:
    """The record of who left with whom."""
    name = who(mark, row)
    found = next((p for p in row.may_collect() if name_key(p.name) == name_key(name)), None)
    return {
        "id": mark.mark_id, "attendance_id": row.attendance_id, "collected_by": name, "collected_key": name_key(name),
        "person_id": found and found.person_id, "must_not_keys": [name_key(barred) for barred in row.must_not],
        "is_pin_proven": mark.is_pin_proven, "needs_proof": needs_proof, "left_at": mark.marked_at,
        "signed_by": actor.user_id, "recorded_at": now,
    }  # fmt: skip


def written_row(row: MarkedRow, version: int, actor: Actor) -> Row:
    """A row as `WRITE_MARK` takes it; `version` is the one that was read."""
    return {
        "id": row.attendance_id, "version": version, "status": row.status.value, "marked_at": row.marked_at,
        "marked_by": actor.user_id, "signed_in_at": row.signed_in_at, "signed_out_at": row.signed_out_at,
        "collected_by": row.collected_by, "method": SignMethod.ROLL.value, "reason": row.reason,
        "device": row.device or None, "mark_id": row.mark_id,
    }  # fmt: skip


def _mark_row(mark: Mark, row: MarkedRow, outcome: MarkOutcome, actor: Actor, now: datetime) -> Row:
    return {
        "id": mark.mark_id, "attendance_id": mark.attendance_id, "status": mark.status.value,
        "marked_at": mark.marked_at, "device": mark.device, "seen_version": mark.seen_version,
        "collected_by": who(mark, row) or None, "reason": mark.reason, "marked_by": actor.user_id, "received_at": now,
        "outcome": outcome.value,
    }  # fmt: skip
