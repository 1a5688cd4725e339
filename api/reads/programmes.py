"""What is offered, as families look for it: with whom it is for, when it meets, and what is left."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from api.reads.paging import Listing
from engine.database import Row, Transaction

# A term that is over takes no bookings, and years of them need not be counted; nowhere is the day earlier than this.
_NOT_OVER = "m.status IN ('OPEN', 'RUNNING') AND m.ends_on >= (%(now)s AT TIME ZONE 'UTC')::date - 1"
_OFFERINGS = f"""
SELECT {{keys}}, p.id, p.name, p.code, p.modes, p.session_price_minor, p.full_week_price_minor, p.full_term_price_minor,
       p.age_from_months, p.age_below_months, p.school_year_from, p.school_year_to, p.height_from_cm, p.height_to_cm,
       p.weight_from_kg, p.weight_to_kg, p.bookable_from, p.bookable_until, p.venue_id, g.id AS program_id,
       g.name AS program, g.description, c.name AS category, c.program_type, i.id AS site_id, i.name AS site,
       i.address, m.id AS term_id, m.name AS term, n.session_count, n.first_date, n.last_date, n.weekdays,
       n.starts, n.ends, n.least_left, n.most_left
FROM term_program_set p
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN program_category c ON c.organisation_id = g.organisation_id AND c.id = g.category_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
JOIN term m ON m.organisation_id = p.organisation_id AND m.id = p.term_id AND {_NOT_OVER}
CROSS JOIN LATERAL (
    SELECT count(*) AS session_count, min(s.local_date) AS first_date, max(s.local_date) AS last_date,
           array_agg(DISTINCT extract(isodow FROM s.local_date)::int - 1) AS weekdays,
           min(s.local_start) AS starts, max(s.local_end) AS ends,
           min(s.capacity - s.taken) AS least_left, max(s.capacity - s.taken) AS most_left
    FROM term_product s
    WHERE s.organisation_id = p.organisation_id AND s.term_program_set_id = p.id AND s.status = 'OPEN'
      AND s.product_type = 'SESSION' AND s.starts_at > %(now)s) n
WHERE p.organisation_id = %(org)s AND p.status = 'PUBLISHED' AND n.session_count > 0{{where}}
"""
# Age in completed months on the day of the first session to come.
_AGE = """
EXISTS (SELECT FROM attendee t WHERE t.organisation_id = p.organisation_id AND t.id = ANY(%(children)s)
        AND coalesce(p.age_from_months <= x.months, true) AND coalesce(p.age_below_months > x.months, true))
""".replace(
    "x.months",
    "(extract(year FROM age(n.first_date, t.date_of_birth)) * 12 "
    "+ extract(month FROM age(n.first_date, t.date_of_birth)))",
)
_YEARS = "coalesce(p.age_from_months < %(youngest)s + 12, true) AND coalesce(p.age_below_months > %(youngest)s, true)"


def offerings() -> Listing:
    """Published offerings with sessions to come, by name."""
    return Listing(_OFFERINGS, [("p.name", "text"), ("p.id", "uuid")])


def narrow(
    found: Listing, *, children: Collection[UUID] = (), weekday: int | None = None, site_id: UUID | None = None,
    term_id: UUID | None = None, text: str = "", category: str = "", only_free: bool = False, years: int | None = None,
) -> None:  # fmt: skip
    """Each filter narrows; what is empty is no filter. `weekday` 0 is Monday; one child of the right age is enough, and
    of an age in `years` any month of it.
    """
    found.where(_AGE, children=list(children) or None)
    found.where(_YEARS, youngest=None if years is None else 12 * years)
    found.where("%(weekday)s = ANY(n.weekdays)", weekday=weekday)
    found.where("i.id = %(site)s", site=site_id)
    found.where("m.id = %(term)s", term=term_id)
    found.where("c.name = %(category)s", category=category or None)
    found.where(
        "position(unaccented(%(q)s) IN unaccented(p.name || ' ' || p.code || ' ' || g.name || ' ' || c.name)) > 0",
        q=text.replace("\0", "") or None,
    )
    if only_free:
        found.conditions.append("n.most_left > 0")


def one(tx: Transaction, offering_id: UUID, *, now: datetime) -> Row | None:
    """An offering that families may book now or soon."""
    found = offerings()
    found.where("p.id = %(id)s", id=offering_id)
    page = found.page(tx, cursor=None, limit=1, show=dict, now=now).body
    return page["items"][0] if page and page["items"] else None


def several(tx: Transaction, offering_ids: Collection[UUID], *, now: datetime) -> list[Row]:
    """Those of these offerings that families may book now or soon."""
    found = offerings()
    found.where("p.id = ANY(%(ids)s)", ids=sorted(offering_ids))
    page = found.page(tx, cursor=None, limit=len(offering_ids) or 1, show=dict, now=now).body
    assert page is not None
    items: list[Row] = page["items"]
    return items


_SESSION = """
SELECT s.id, s.term_program_set_id AS offering_id, s.title, s.component, s.local_date, s.local_start, s.local_end,
       s.starts_at, s.price_minor, s.capacity,
       greatest(s.capacity - s.taken + (
         SELECT count(*) FROM place_claim c
         JOIN timer x ON x.organisation_id = c.organisation_id AND x.subject_id = c.order_id AND x.status = 'ARMED'
         WHERE c.organisation_id = s.organisation_id AND c.term_product_id = s.id AND c.takes_place
           AND x.due_at <= %(now)s AND c.order_type <> 1 AND s.waiting_count = 0), 0) AS left,
       s.waiting_count, s.is_seated
FROM term_product s
"""
_SESSIONS = f"""{_SESSION}
WHERE s.organisation_id = %(org)s AND s.term_program_set_id = %(offering)s AND s.product_type = 'SESSION'
  AND s.status = 'OPEN' AND s.starts_at > %(now)s
ORDER BY s.starts_at, s.id
"""
_ONE_SESSION = f"""{_SESSION}
WHERE s.organisation_id = %(org)s AND s.id = %(id)s AND s.product_type = 'SESSION' AND s.status = 'OPEN'
  AND s.starts_at > %(now)s
"""
_OF_WEEK = """
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
     AND p.status = 'PUBLISHED' AND p.term_id = %(term)s
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id AND g.site_id = %(site)s
WHERE s.organisation_id = %(org)s AND s.product_type = 'SESSION' AND s.status = 'OPEN' AND s.starts_at > %(now)s
"""
_WEEK = f"""{_SESSION}{_OF_WEEK} AND s.local_date BETWEEN %(first)s AND %(last)s
ORDER BY s.starts_at, p.name, s.id LIMIT 300
"""
_NEXT_DAY = f"SELECT min(s.local_date) AS day FROM term_product s {_OF_WEEK}"


def sessions_to_come(tx: Transaction, offering_id: UUID, *, now: datetime) -> list[Row]:
    """Its sessions to come with the places that are left; an overdue hold keeps none."""
    return tx.rows(_SESSIONS, offering=offering_id, now=now)


def session_to_come(tx: Transaction, session_id: UUID, *, now: datetime) -> Row | None:
    return tx.row(_ONE_SESSION, id=session_id, now=now)


def week(
    tx: Transaction, *, term_id: UUID, site_id: UUID | None, first: date, last: date, now: datetime
) -> list[Row]:  # fmt: skip
    """The sessions to come of all programs of a term at one place on these days, by time."""
    return tx.rows(_WEEK, term=term_id, site=site_id, first=first, last=last, now=now)


def next_day(tx: Transaction, *, term_id: UUID, site_id: UUID | None, now: datetime) -> date | None:
    """When something of the term is on next at this place."""
    row = tx.row(_NEXT_DAY, term=term_id, site=site_id, now=now)
    return row["day"] if row else None


_HELD = """
SELECT c.term_product_id AS session_id, o.attendee_id, o.status, o.order_type, o.booking_id, o.id AS order_id
FROM place_claim c
JOIN term_booking_order o ON o.organisation_id = c.organisation_id AND o.id = c.order_id
WHERE c.organisation_id = %(org)s AND o.attendee_id = ANY(%(children)s) AND c.term_product_id = ANY(%(sessions)s)
  AND o.account_id = ANY(%(accounts)s)
UNION ALL
SELECT e.term_product_id, e.attendee_id, 0, 1, NULL, e.order_id FROM waiting_entry e
WHERE e.organisation_id = %(org)s AND e.attendee_id = ANY(%(children)s) AND e.term_product_id = ANY(%(sessions)s)
  AND e.status IN (10, 20, 30)
"""


def held(
    tx: Transaction, children: Collection[UUID], sessions: Collection[UUID], accounts: Collection[UUID]
) -> list[Row]:  # fmt: skip
    """Which of these sessions the children hold or wait for already."""
    return tx.rows(_HELD, children=list(children), sessions=list(sessions), accounts=list(accounts))


_TERMS = (
    f"SELECT m.id, m.name FROM term m WHERE m.organisation_id = %(org)s AND {_NOT_OVER} ORDER BY m.starts_on, m.name"
)


def choices(tx: Transaction, *, now: datetime) -> Row:
    """What the filters offer: sites, terms that are not over, and categories."""
    return {
        "sites": tx.rows("SELECT id, name FROM site WHERE organisation_id = %(org)s ORDER BY name"),
        "terms": tx.rows(_TERMS, now=now),
        "categories": [row["name"] for row in tx.rows(
            "SELECT name FROM program_category WHERE organisation_id = %(org)s ORDER BY name")],
    }  # fmt: skip
