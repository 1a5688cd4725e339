"""Keeps an offering's sessions in step with its schedule, and never touches one that is booked."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from uuid import UUID
from zoneinfo import ZoneInfo

from catalogue.schedule import Calendar, Meeting, Skipped, Slot, holidays_between, plan
from catalogue.sets import insert_rows, update_rows
from engine.database import Row, Transaction
from engine.errors import NotFound
from engine.ids import new_id
from models import OfferingStatus, ProductType, SessionStatus, TermProduct


class OfferingNotFound(NotFound):
    """There is no such offering."""

    code = "offering_not_found"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The sessions an offering should have; each has the offering's price (minor units) and capacity."""

    slots: tuple[Slot, ...]
    price_minor: int
    capacity: int


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session that should change or go and stayed as it is, because somebody holds it or has it in a cart."""

    session_id: UUID
    term_program_set_id: UUID
    component: str
    local_date: date | None
    local_start: time | None
    taken: int
    reason: str


@dataclass(slots=True)
class SessionChanges:
    """What generation did. `withdrawn` sessions are in carts: they stay, cancelled, so that nobody can book them."""

    created: int = 0
    updated: int = 0
    removed: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    kept: list[KeptSession] = field(default_factory=list)

    def add(self, other: "SessionChanges") -> None:
        self.created += other.created
        self.updated += other.updated
        self.removed += other.removed
        self.withdrawn += other.withdrawn
        self.unchanged += other.unchanged
        self.kept += other.kept


def generate_sessions(tx: Transaction, term_program_set_ids: Sequence[UUID]) -> SessionChanges:
    """Make, update and remove sessions until they are what the offerings' schedules say.

    Cancelled and completed offerings are left alone. A session that anyone holds is never changed: it is reported
    instead, and capacity is then raised or lowered by hand. Locks the offerings, then the sessions it changes, by id.
    Raises `OfferingNotFound`, and `ScheduleIsInvalid` or `UnknownHolidays` where a schedule cannot be followed.
    """
    ids = sorted(set(term_program_set_ids))
    offerings = tx.rows(_OFFERINGS, ids=ids)
    if len(offerings) < len(ids):
        missing = set(ids) - {row["id"] for row in offerings}
        raise OfferingNotFound(f"There is no offering {min(missing)}.")
    running = [row for row in offerings if row["status"] in (OfferingStatus.DRAFT, OfferingStatus.PUBLISHED)]
    calendars = read_calendars(tx, {(row["term_id"], row["site_id"]) for row in running})
    wanted = {}
    for row in running:
        meetings = [Meeting.from_json(kept) for kept in row["schedule"]]
        made = plan(meetings, calendars[row["term_id"], row["site_id"]])
        wanted[row["id"]] = Wanted(made.slots, row["session_price_minor"], row["capacity"])
    return write_sessions(tx, wanted)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a generation would make and take away, and the days of the schedule on which nothing takes place."""

    fresh: tuple[Slot, ...] = ()
    gone: tuple[Row, ...] = ()  # sessions that are open still
    skipped: tuple[Skipped, ...] = ()


def foresee_sessions(tx: Transaction, term_program_set_id: UUID, language: str = "en") -> Foreseen:
    """Session by session what `generate_sessions` counts; holidays have their names in the language.

    Of an offering that is cancelled or completed nothing. Raises as it does.
    """
    offering = next(iter(tx.rows(_OFFERINGS, ids=[term_program_set_id])), None)
    if offering is None or offering["status"] not in (OfferingStatus.DRAFT, OfferingStatus.PUBLISHED):
        return Foreseen()
    where = offering["term_id"], offering["site_id"]
    meetings = [Meeting.from_json(kept) for kept in offering["schedule"]]
    made = plan(meetings, read_calendars(tx, {where}, language)[where])
    had = {(row["component"], row["local_date"], row["local_start"]): row
           for row in tx.rows(_SESSIONS, ids=[term_program_set_id])}  # fmt: skip
    fresh = tuple(slot for slot in made.slots if slot.key not in had)
    wanted = {slot.key for slot in made.slots}
    gone = [row for key, row in had.items() if key not in wanted and row["status"] == "OPEN"]
    return Foreseen(fresh, tuple(sorted(gone, key=lambda row: (row["starts_at"] is None, row["starts_at"]))),
                    made.skipped)  # fmt: skip


def read_calendars(
    tx: Transaction, pairs: Iterable[tuple[UUID, UUID]], language: str = "en"
) -> dict[tuple[UUID, UUID], Calendar]:
    """The calendar of each (term, site): the term's bounds, closure days and public holidays, in the site's zone.

    The holidays have their names in the language.
    """
    pairs = list(pairs)
    rows = tx.rows(_CALENDARS, terms=[term for term, _ in pairs], sites=[site for _, site in pairs])
    return {
        (row["term_id"], row["site_id"]): Calendar(
            zone=ZoneInfo(row["time_zone"]),
            starts_on=row["starts_on"],
            ends_on=row["ends_on"],
            closures={date.fromisoformat(day): reason for day, reason in row["closures"].items()},
            holidays=holidays_between(
                row["holiday_country"], row["holiday_subdivision"], row["starts_on"], row["ends_on"], language
            ),
        )
        for row in rows
    }


def write_sessions(tx: Transaction, wanted: Mapping[UUID, Wanted]) -> SessionChanges:
    """Bring the sessions of these offerings to what is wanted, in a number of statements that their count sets."""
    changes = SessionChanges()
    seating = _lock_seating(tx, list(wanted))
    by_offering: dict[UUID, dict[tuple[str, date | None, time | None], Row]] = defaultdict(dict)
    for row in tx.rows(_SESSIONS, ids=list(wanted)):
        by_offering[row["term_program_set_id"]][row["component"], row["local_date"], row["local_start"]] = row
    fresh: list[Row] = []
    changing: dict[UUID, Row] = {}
    strays: dict[UUID, Row] = {}
    for offering_id, target in wanted.items():
        known = by_offering[offering_id]
        for slot in target.slots:
            had = known.pop(slot.key, None)
            # Once made, a session is seated anew by its own verb only.
            venue_id = had["venue_id"] if had else seating.venues.get(offering_id)
            session = _as_row(slot, target) | seating.of(venue_id, target)
            if had is None:
                fresh.append({"id": new_id(), "term_program_set_id": offering_id, **_NEW, **session})
            elif had["status"] != "OPEN" or not _differences(had, session):
                changes.unchanged += 1
            else:
                changing[had["id"]] = {**had, "wanted": session}
        strays.update({row["id"]: row for row in known.values() if row["status"] == "OPEN"})
    if changing or strays:
        _change(tx, changing, strays, changes)
    changes.created += insert_rows(tx, TermProduct, fresh)
    return changes


def _change(tx: Transaction, changing: dict[UUID, Row], strays: dict[UUID, Row], changes: SessionChanges) -> None:
    """Update and remove what nobody holds; report the rest. Looks after it locked, in a later statement."""
    ids = sorted([*changing, *strays])
    tx.rows(
        "SELECT id FROM term_product WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) ORDER BY id FOR UPDATE",
        ids=ids,
    )
    found = {row["id"]: row for row in tx.rows(_HOLDS, ids=ids)}
    updates, gone, withdrawn = [], [], []
    for session_id, row in changing.items():
        if found[session_id]["is_held"]:
            why = "; ".join(_differences(row, row["wanted"]))
            changes.kept.append(_kept(row, found[session_id]["taken"], f"is booked, so it was not changed: {why}"))
        else:
            updates.append({"id": session_id, **row["wanted"]})
    for session_id, row in strays.items():
        if found[session_id]["is_held"]:
            changes.kept.append(_kept(row, found[session_id]["taken"], "is booked, and no longer in the schedule"))
        elif found[session_id]["is_asked_for"]:
            withdrawn.append(session_id)
        else:
            gone.append(session_id)
    changes.updated += update_rows(tx, TermProduct, updates)
    if gone:
        changes.removed += tx.run(
            "DELETE FROM term_product WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)", ids=gone
        )
    if withdrawn:
        changes.withdrawn += tx.run(_WITHDRAW, ids=withdrawn)


def _as_row(slot: Slot, target: Wanted) -> Row:
    return {
        "component": slot.component,
        "title": slot.title,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "local_date": slot.local_date,
        "local_start": slot.local_start,
        "local_end": slot.local_end,
        "price_minor": target.price_minor,
        "capacity": target.capacity,
    }


@dataclass(frozen=True, slots=True)
class _Seating:
    """Where offerings are seated, and how many seats each venue has."""

    venues: dict[UUID, UUID]
    seats: dict[UUID, int]

    def of(self, venue_id: UUID | None, target: Wanted) -> Row:
        """A session's columns: it has no more places than there are seats."""
        if venue_id is None:
            return {"venue_id": None, "is_seated": False}
        return {"venue_id": venue_id, "is_seated": True, "capacity": min(target.capacity, self.seats[venue_id])}


def _lock_seating(tx: Transaction, ids: list[UUID]) -> _Seating:
    """The seating of offerings and their sessions; no seat comes or goes before this is written."""
    locked = [row["id"] for row in tx.rows(_LOCK_VENUES, ids=ids)]
    if not locked:
        return _Seating({}, {})
    seats = {row["venue_id"]: row["seats"] for row in tx.rows(_SEATS, ids=locked)}
    venues = {row["id"]: row["venue_id"] for row in tx.rows(_SEATED, ids=ids)}
    return _Seating(venues, {venue_id: seats.get(venue_id, 0) for venue_id in locked})


def _differences(row: Row, session: Row) -> list[str]:
    """What would change, in words."""
    return [
        f"{name.replace('_', ' ')} {row[name]} should be {value}"
        for name, value in session.items()
        if row[name] != value and name != "is_seated"
    ]


def _kept(row: Row, taken: int, reason: str) -> KeptSession:
    return KeptSession(
        session_id=row["id"],
        term_program_set_id=row["term_program_set_id"],
        component=row["component"],
        local_date=row["local_date"],
        local_start=row["local_start"],
        taken=taken,
        reason=reason,
    )


_NEW = {"product_type": ProductType.SESSION, "status": SessionStatus.OPEN, "taken": 0}

_OFFERINGS = """
    SELECT o.id, o.term_id, o.status, o.schedule, o.session_price_minor, o.capacity, p.site_id
    FROM term_program_set o JOIN program p ON p.organisation_id = o.organisation_id AND p.id = o.program_id
    WHERE o.organisation_id = %(org)s AND o.id = ANY(%(ids)s) ORDER BY o.id FOR NO KEY UPDATE OF o
"""

_CALENDARS = """
    SELECT t.id AS term_id, s.id AS site_id, t.starts_on, t.ends_on, s.time_zone, s.holiday_country,
           s.holiday_subdivision, coalesce(c.closures, '{}') AS closures
    FROM unnest(%(terms)s::uuid[], %(sites)s::uuid[]) AS pair (term_id, site_id)
    JOIN term t ON t.organisation_id = %(org)s AND t.id = pair.term_id
    JOIN site s ON s.organisation_id = %(org)s AND s.id = pair.site_id
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(d.date, d.reason) AS closures FROM closure_day d
        WHERE d.organisation_id = %(org)s AND d.site_id = s.id AND (d.term_id IS NULL OR d.term_id = t.id)
    ) c ON true
"""

_SESSIONS = """
    SELECT id, term_program_set_id, component, title, status, starts_at, ends_at, local_date, local_start, local_end,
           price_minor, capacity, venue_id, is_seated
    FROM term_product
    WHERE organisation_id = %(org)s AND term_program_set_id = ANY(%(ids)s) AND product_type = 'SESSION'
"""

_LOCK_VENUES = """
    SELECT v.id FROM venue v
    WHERE v.organisation_id = %(org)s AND v.id IN (
        SELECT venue_id FROM term_program_set WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)
        UNION ALL
        SELECT venue_id FROM term_product WHERE organisation_id = %(org)s AND term_program_set_id = ANY(%(ids)s))
    ORDER BY v.id FOR SHARE
"""

_SEATS = """
    SELECT venue_id, count(*) AS seats FROM seat
    WHERE organisation_id = %(org)s AND venue_id = ANY(%(ids)s) GROUP BY venue_id
"""

_SEATED = """
    SELECT id, venue_id FROM term_program_set
    WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) AND venue_id IS NOT NULL
"""

# Held: a place is taken, or a claim or a booking names it. Asked for: some cart, present or past, names it.
_HOLDS = """
    SELECT p.id, p.taken,
           p.taken > 0
           OR EXISTS (SELECT FROM place_claim c WHERE c.organisation_id = %(org)s AND c.term_product_id = p.id)
           OR EXISTS (SELECT FROM term_booking_line b WHERE b.organisation_id = %(org)s AND b.term_product_id = p.id)
           AS is_held,
           EXISTS (SELECT FROM term_booking_order_line l WHERE l.organisation_id = %(org)s AND l.term_product_id = p.id)
           AS is_asked_for
    FROM term_product p WHERE p.organisation_id = %(org)s AND p.id = ANY(%(ids)s)
"""

_WITHDRAW = "UPDATE term_product SET status = 'CANCELLED' WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)"
