"""Term roll-over: the offerings of one term made again in the next, with their sessions, rules and seat prices.

Dates move by whole weeks; sessions are generated anew, so that the new term's closure days, public holidays and clock
changes count. What was rolled over before is left alone: `rolled_from_id` names the offering that one continues, once
per term by a constraint of the database.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import orjson
from psycopg.types.json import Jsonb

from catalogue.schedule import Calendar, Meeting, ScheduleIsInvalid, Skipped, Slot, plan
from catalogue.sessions import Wanted, read_calendars, write_sessions
from catalogue.sets import insert_rows
from catalogue.term_shift import Shift
from engine.database import Row, Transaction
from engine.errors import Invalid, NotFound, Reason
from engine.fire import Refused
from engine.ids import new_id
from models import OfferingStatus, RuleScope, SeatPrice, TermProgramSet, TermStatus


class Fate(StrEnum):
    """What a roll-over does with an offering of the source term."""

    ROLLS = "ROLLS"  # is made in the new term
    ROLLED = "ROLLED"  # was made there before, and is left as it is
    DOES_NOT_FIT = "DOES_NOT_FIT"  # cannot be made; the reason says why
    LEFT_OUT = "LEFT_OUT"  # is not made: it was cancelled


@dataclass(frozen=True, slots=True)
class Window:
    """When booking opens in the new term: to all, and before that to those enrolled in the source term.

    Without moments the source's own move along with it.
    """

    bookable_from: datetime | None = None
    priority_from: datetime | None = None


@dataclass(slots=True)
class Rolled:
    """One offering of the source term and what becomes of it. `slots` are the sessions, `skipped` the dates on which
    none takes place."""

    source: Row
    fate: Fate
    reason: str = ""
    offering_id: UUID | None = None
    values: Row = field(default_factory=dict)
    slots: tuple[Slot, ...] = ()
    skipped: tuple[Skipped, ...] = ()


@dataclass(slots=True)
class RollOver:
    """A roll-over, previewed or made. The fingerprint covers all of it but what was made before."""

    from_term: Row
    term: Row
    weeks: int
    offerings: list[Rolled]
    fingerprint: str

    def of(self, fate: Fate) -> list[Rolled]:
        return [each for each in self.offerings if each.fate is fate]

    @property
    def sessions(self) -> int:
        """How many sessions the offerings that roll have."""
        return sum(len(each.slots) for each in self.of(Fate.ROLLS))


def preview(
    tx: Transaction, *, from_term_id: UUID, term_id: UUID, window: Window, language: str = "en"
) -> RollOver:  # fmt: skip
    """What a roll-over would make; nothing is written. Public holidays have their names in the reader's language, of
    which the fingerprint knows nothing.

    Raises NotFound, Invalid (the window), Refused (the terms).
    """
    return _plan(tx, from_term_id, term_id, window, language)


def roll_over(
    tx: Transaction, *, from_term_id: UUID, term_id: UUID, window: Window, fingerprint: str | None = None
) -> RollOver:
    """Make what the preview showed. A second run makes nothing twice.

    Raises what `preview` raises, and Refused where the plan is not the one of the preview's fingerprint any more.
    """
    tx.rows("SELECT id FROM term WHERE organisation_id = %(org)s AND id = %(id)s FOR NO KEY UPDATE", id=term_id)
    planned = _plan(tx, from_term_id, term_id, window)
    if fingerprint is not None and fingerprint != planned.fingerprint:
        message = "The roll-over is not the one that was previewed; look at it again."
        raise Refused(message, reasons=[Reason("preview_stale", message, field="fingerprint", rule="preview")])
    _write(tx, planned.of(Fate.ROLLS))
    return planned


def _plan(tx: Transaction, from_term_id: UUID, term_id: UUID, window: Window, language: str = "en") -> RollOver:
    found = {row["id"]: row for row in tx.rows(_TERMS, ids=[from_term_id, term_id])}
    if missing := {from_term_id, term_id} - found.keys():
        raise NotFound("There is no such term.", what="from_term_id" if from_term_id in missing else "term_id")
    from_term, term = found[from_term_id], found[term_id]
    _require_window(window)
    if reasons := list(_failing_terms(from_term, term)):
        raise Refused(f"{from_term['name']} is not rolled over: {reasons[0].message}", reasons=reasons)
    shift = Shift.between(from_term["starts_on"], from_term["ends_on"], term["starts_on"])
    rows = tx.rows(_SOURCES, from_term_id=from_term_id, term_id=term_id)
    calendars = read_calendars(tx, {(term_id, row["site_id"]) for row in rows}, language)
    offerings = [_fate(row, term, shift, calendars[term_id, row["site_id"]], window) for row in rows]
    return RollOver(from_term, term, shift.weeks, offerings, _fingerprint(offerings))


def _require_window(window: Window) -> None:
    opens, priority = window.bookable_from, window.priority_from
    if priority is not None and (opens is None or priority >= opens):
        message = "Priority begins before booking opens to all (bookable_from)."
        raise Invalid(message, reasons=[Reason("out_of_range", message, field="priority_from", rule="booking_window")])


def _failing_terms(from_term: Row, term: Row) -> Iterator[Reason]:
    """A term is rolled over into a draft that begins after it has ended."""
    if term["status"] != TermStatus.DRAFT:
        yield Reason("term_not_draft", f"{term['name']} is {term['status'].lower()}; a roll-over needs a draft.",
                     field="term_id", rule="term_status")  # fmt: skip
    if term["starts_on"] <= from_term["ends_on"]:
        yield Reason(
            "terms_overlap", f"{term['name']} ({term['starts_on']} to {term['ends_on']}) does not begin after "
            f"{from_term['name']} ({from_term['starts_on']} to {from_term['ends_on']}) has ended.",
            field="from_term_id", rule="terms_follow",
        )  # fmt: skip


def _fate(row: Row, term: Row, shift: Shift, calendar: Calendar, window: Window) -> Rolled:
    if row["rolled_into"] is not None:
        known = Rolled(row, Fate.ROLLED, offering_id=row["rolled_into"])
    elif row["status"] == OfferingStatus.CANCELLED:
        return Rolled(row, Fate.LEFT_OUT, "it was cancelled")
    else:
        known = Rolled(row, Fate.ROLLS, offering_id=new_id())
    if term["site_id"] not in (None, row["site_id"]):
        return _unfit(known, f"{term['name']} is of another site")
    try:
        meetings = shift.meetings([Meeting.from_json(kept) for kept in row["schedule"]])
        made = plan(meetings, calendar)
    except ScheduleIsInvalid as error:
        return _unfit(known, error.message)
    if not made.slots:
        return _unfit(known, "none of its dates falls into the term", made.skipped)
    known.values = _values(row, term, meetings, shift, calendar, window)
    known.slots, known.skipped = made.slots, made.skipped
    return known


def _unfit(known: Rolled, reason: str, skipped: tuple[Skipped, ...] = ()) -> Rolled:
    """It cannot be made; what was made before is there whatever the source says now."""
    return known if known.fate is Fate.ROLLED else Rolled(known.source, Fate.DOES_NOT_FIT, reason, skipped=skipped)


# What an offering takes along as it is.
_COPIED = (
    "program_id", "name", "code", "modes", "session_price_minor", "full_week_price_minor", "full_term_price_minor",
    "capacity", "age_from_months", "age_below_months", "school_year_from", "school_year_to", "height_from_cm",
    "height_to_cm", "weight_from_kg", "weight_to_kg", "display", "venue_id",
)  # fmt: skip


def _values(row: Row, term: Row, meetings: Sequence[Meeting], shift: Shift, calendar: Calendar, window: Window) -> Row:
    """The columns of the offering in the new term. One that has run is published again; its term is a draft still."""
    is_draft = row["status"] == OfferingStatus.DRAFT
    opens = window.bookable_from or shift.moment(row["bookable_from"], calendar.zone)
    closes = shift.moment(row["bookable_until"], calendar.zone)
    priority = window.priority_from
    if priority is None and window.bookable_from is None:
        priority = shift.moment(row["priority_from"], calendar.zone)
    return {
        **{name: row[name] for name in _COPIED},
        "term_id": term["id"], "rolled_from_id": row["id"],
        "status": OfferingStatus.DRAFT if is_draft else OfferingStatus.PUBLISHED,
        "schedule": [meeting.as_json() for meeting in meetings], "bookable_from": opens,
        "bookable_until": None if closes is not None and opens is not None and closes <= opens else closes,
        "priority_from": priority, "priority_term_id": row["term_id"] if priority else None,
    }  # fmt: skip


def _fingerprint(offerings: Sequence[Rolled]) -> str:
    """The same before and after it was made, so that a second run is no other."""
    identity = [
        ["FITS" if each.fate in (Fate.ROLLS, Fate.ROLLED) else each.fate, each.source["id"], each.values, each.slots]
        for each in offerings
    ]
    return hashlib.sha256(orjson.dumps(identity, default=str)).hexdigest()[:32]


def _write(tx: Transaction, rolling: Sequence[Rolled]) -> None:
    """The offerings, their rules and seat prices, their sessions: a number of statements that their count sets."""
    insert_rows(tx, TermProgramSet, [{"id": each.offering_id, **each.values} for each in rolling])
    new_ids = {each.source["id"]: each.offering_id for each in rolling}
    settings = tx.rows(_SETTINGS, ids=list(new_ids), scope=RuleScope.TPS)
    kept = [{"from_id": row["id"], "id": new_id(), "scope_id": new_ids[row["scope_id"]]} for row in settings]
    tx.run(_COPY_SETTINGS, rows=Jsonb(kept))
    prices = tx.rows(_SEAT_PRICES, ids=list(new_ids))
    own = "term_program_set_id"
    insert_rows(tx, SeatPrice, [{**row, "id": new_id(), own: new_ids[row[own]]} for row in prices])
    wanted = {}
    for each in rolling:
        assert each.offering_id is not None
        wanted[each.offering_id] = Wanted(each.slots, each.values["session_price_minor"], each.values["capacity"])
    write_sessions(tx, wanted)


_TERMS = """
SELECT id, name, site_id, starts_on, ends_on, status FROM term WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)
"""

_SOURCES = """
SELECT o.*, p.site_id, p.name AS program,
       (SELECT n.id FROM term_program_set n WHERE n.organisation_id = o.organisation_id AND n.term_id = %(term_id)s
        AND n.rolled_from_id = o.id) AS rolled_into
FROM term_program_set o JOIN program p ON p.organisation_id = o.organisation_id AND p.id = o.program_id
WHERE o.organisation_id = %(org)s AND o.term_id = %(from_term_id)s ORDER BY o.name, o.id
"""

_SETTINGS = """
SELECT id, scope_id FROM rule_setting WHERE organisation_id = %(org)s AND scope = %(scope)s AND scope_id = ANY(%(ids)s)
"""

# In the database: a rule that is set to null is set.
_COPY_SETTINGS = """
INSERT INTO rule_setting (organisation_id, id, scope, scope_id, name, value)
SELECT s.organisation_id, r.id, s.scope, r.scope_id, s.name, s.value
FROM jsonb_to_recordset(%(rows)s) AS r (from_id uuid, id uuid, scope_id uuid)
JOIN rule_setting s ON s.organisation_id = %(org)s AND s.id = r.from_id
"""

_SEAT_PRICES = """
SELECT term_program_set_id, seat_type, price_minor FROM seat_price
WHERE organisation_id = %(org)s AND term_product_id IS NULL AND term_program_set_id = ANY(%(ids)s)
"""
