"""Finds offerings for people who look for one, and reads the facts of sessions for verbs that book them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from catalogue.eligibility import OfferingFacts
from catalogue.schedule import WEEKDAYS
from engine.database import Transaction
from engine.errors import Invalid
from models import BookingMode, OfferingStatus, SessionStatus, TermStatus

LARGEST_PAGE = 200


class SearchIsInvalid(Invalid):
    """A filter of a search has a value that it cannot have."""

    code = "search_is_invalid"


@dataclass(frozen=True, slots=True)
class FoundOffering:
    """An offering in a list: prices in minor units, days and times of its site, `free_places` of its emptiest session.

    Sessions that do not take place are not counted.
    """

    id: UUID
    name: str
    code: str
    status: OfferingStatus
    program_id: UUID
    program: str
    category_id: UUID
    category: str
    site_id: UUID
    site: str
    term_id: UUID
    term: str
    modes: list[BookingMode]
    session_price_minor: int
    full_week_price_minor: int | None
    full_term_price_minor: int | None
    age_from_months: int | None
    age_below_months: int | None
    bookable_from: datetime | None
    bookable_until: datetime | None
    session_count: int
    first_date: date | None
    last_date: date | None
    free_places: int


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """All that a verb asks of a session and of what it belongs to. `chain` is what `rules.answer` takes."""

    id: UUID
    component: str
    status: SessionStatus
    starts_at: datetime | None
    ends_at: datetime | None
    local_date: date | None
    local_start: time | None
    local_end: time | None
    price_minor: int
    capacity: int
    taken: int
    offering_id: UUID
    name: str
    offering_status: OfferingStatus
    modes: list[BookingMode]
    full_week_price_minor: int | None
    full_term_price_minor: int | None
    age_from_months: int | None
    age_below_months: int | None
    school_year_from: int | None
    school_year_to: int | None
    height_from_cm: int | None
    height_to_cm: int | None
    weight_from_kg: Decimal | None
    weight_to_kg: Decimal | None
    bookable_from: datetime | None
    bookable_until: datetime | None
    term_id: UUID
    term_status: TermStatus
    program_id: UUID
    category_id: UUID
    site_id: UUID
    time_zone: str
    chain: tuple[UUID, ...]

    @property
    def eligibility(self) -> OfferingFacts:
        """Whom its offering takes."""
        return OfferingFacts(
            name=self.name,
            age_from_months=self.age_from_months,
            age_below_months=self.age_below_months,
            school_year_from=self.school_year_from,
            school_year_to=self.school_year_to,
            height_from_cm=self.height_from_cm,
            height_to_cm=self.height_to_cm,
            weight_from_kg=self.weight_from_kg,
            weight_to_kg=self.weight_to_kg,
        )


def find_offerings(
    tx: Transaction,
    *,
    term: UUID | None = None,
    site: UUID | None = None,
    weekday: int | None = None,
    text: str | None = None,
    age_months: int | None = None,
    status: OfferingStatus | None = OfferingStatus.PUBLISHED,
    limit: int = 50,
    after: tuple[str, UUID] | None = None,
) -> list[FoundOffering]:
    """Offerings by name, each filter narrowing; None is no filter.

    `weekday` (0 is Monday) asks for a session on that day, `text` stands in the name, code, program or category,
    `age_months` is a child's age in completed months, `after` the (name, id) of the last one of the page before.
    Raises `SearchIsInvalid`.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        raise SearchIsInvalid(f"limit is {limit}; ask for 1 to {LARGEST_PAGE} offerings at a time.")
    if weekday is not None and not 0 <= weekday < len(WEEKDAYS):
        raise SearchIsInvalid(f"weekday is {weekday}; 0 is Monday and 6 is Sunday.")
    if text is not None and "\0" in text:
        raise SearchIsInvalid("text holds a NUL character.")
    wanted: dict[str, Any] = {
        "term": term,
        "site": site,
        "isodow": None if weekday is None else weekday + 1,
        "pattern": _pattern(text),
        "age": age_months,
        "status": status and str(status),
        "after_name": after and after[0],
        "after_id": after and after[1],
    }
    filters = " AND ".join(sql for name, sql in _FILTERS.items() if wanted[name] is not None) or "true"
    rows = tx.rows(_FIND.format(filters=filters), limit=limit, **wanted)
    return [
        FoundOffering(
            **{
                **row,
                "status": OfferingStatus(row["status"]),
                "modes": [BookingMode(mode) for mode in row["modes"]],
            }
        )
        for row in rows
    ]


def session_facts(tx: Transaction, session_ids: Iterable[UUID]) -> dict[UUID, SessionFacts]:
    """The facts of each session of this organisation, in one statement; ids that are not there are left out."""
    return {
        row["id"]: SessionFacts(
            **{
                **row,
                "status": SessionStatus(row["status"]),
                "offering_status": OfferingStatus(row["offering_status"]),
                "term_status": TermStatus(row["term_status"]),
                "modes": [BookingMode(mode) for mode in row["modes"]],
            },
            chain=(row["offering_id"], row["program_id"], row["category_id"], tx.organisation_id),
        )
        for row in tx.rows(_FACTS, ids=list(session_ids))
    }


def _pattern(text: str | None) -> str | None:
    """What people typed, as a pattern in which nothing is special."""
    if text is None or not text.strip():
        return None
    plain = text.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%"


_FILTERS = {
    "term": "o.term_id = %(term)s",
    "site": "p.site_id = %(site)s",
    "isodow": """EXISTS (
        SELECT FROM term_product s WHERE s.organisation_id = %(org)s AND s.term_program_set_id = o.id
        AND s.status = 'OPEN' AND extract(isodow FROM s.local_date) = %(isodow)s
    )""",
    "pattern": """(
        o.name ILIKE %(pattern)s OR o.code ILIKE %(pattern)s OR p.name ILIKE %(pattern)s OR c.name ILIKE %(pattern)s
    )""",
    "age": "coalesce(o.age_from_months, 0) <= %(age)s AND (o.age_below_months IS NULL OR %(age)s < o.age_below_months)",
    "status": "o.status = %(status)s",
    "after_id": "(o.name, o.id) > (%(after_name)s::text, %(after_id)s::uuid)",
}

_FIND = """
    SELECT o.id, o.name, o.code, o.status, p.id AS program_id, p.name AS program, c.id AS category_id,
           c.name AS category, p.site_id, i.name AS site, t.id AS term_id, t.name AS term, o.modes,
           o.session_price_minor, o.full_week_price_minor, o.full_term_price_minor, o.age_from_months,
           o.age_below_months, o.bookable_from, o.bookable_until, coalesce(s.session_count, 0) AS session_count,
           s.first_date, s.last_date, coalesce(s.free_places, 0) AS free_places
    FROM term_program_set o
    JOIN program p ON p.organisation_id = o.organisation_id AND p.id = o.program_id
    JOIN program_category c ON c.organisation_id = o.organisation_id AND c.id = p.category_id
    JOIN site i ON i.organisation_id = o.organisation_id AND i.id = p.site_id
    JOIN term t ON t.organisation_id = o.organisation_id AND t.id = o.term_id
    LEFT JOIN LATERAL (
        SELECT count(*)::int AS session_count, min(e.local_date) AS first_date, max(e.local_date) AS last_date,
               max(e.capacity - e.taken) AS free_places
        FROM term_product e WHERE e.organisation_id = %(org)s AND e.term_program_set_id = o.id
        AND e.product_type = 'SESSION' AND e.status = 'OPEN'
    ) s ON true
    WHERE o.organisation_id = %(org)s AND {filters}
    ORDER BY o.name, o.id LIMIT %(limit)s
"""

_FACTS = """
    SELECT e.id, e.component, e.status, e.starts_at, e.ends_at, e.local_date, e.local_start, e.local_end,
           e.price_minor, e.capacity, e.taken, o.id AS offering_id, o.name, o.status AS offering_status, o.modes,
           o.full_week_price_minor, o.full_term_price_minor, o.age_from_months, o.age_below_months, o.school_year_from,
           o.school_year_to, o.height_from_cm, o.height_to_cm, o.weight_from_kg, o.weight_to_kg, o.bookable_from,
           o.bookable_until, o.term_id, t.status AS term_status, o.program_id, p.category_id, p.site_id, i.time_zone
    FROM term_product e
    JOIN term_program_set o ON o.organisation_id = e.organisation_id AND o.id = e.term_program_set_id
    JOIN program p ON p.organisation_id = o.organisation_id AND p.id = o.program_id
    JOIN site i ON i.organisation_id = o.organisation_id AND i.id = p.site_id
    JOIN term t ON t.organisation_id = o.organisation_id AND t.id = o.term_id
    WHERE e.organisation_id = %(org)s AND e.id = ANY(%(ids)s)
"""
