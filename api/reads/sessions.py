"""Offerings and sessions as they are shown: with their places, and for the people who work there their bookings."""

from uuid import UUID

from api.moves import Answer, Principal, etag
from api.reads.orders import session_label
from api.reads.paging import Listing
from engine.database import Row, Transaction
from engine.errors import NotFound
from models import ActorKind, TermBookingOrderType, TermBookingStatus

# A hold whose timeout has passed is void when it is read, whatever the worker does; where somebody waits, its place is
# not free but theirs.
_OVERDUE = """
(SELECT count(*) FROM place_claim c
 JOIN timer x ON x.organisation_id = c.organisation_id AND x.subject_id = c.order_id AND x.status = 'ARMED'
 WHERE c.organisation_id = s.organisation_id AND c.term_product_id = s.id AND c.takes_place AND x.due_at <= %(now)s
   AND c.order_type <> 1 AND s.waiting_count = 0)
"""

_SESSIONS = f"""
SELECT {{keys}}, s.id, s.term_program_set_id AS offering_id, p.name AS offering, p.code, p.status AS offering_status,
       p.term_id, g.id AS program_id, g.name AS program, i.id AS site_id, i.name AS site, i.time_zone, s.product_type,
       s.component, s.title, s.status, s.starts_at, s.ends_at, s.local_date, s.local_start, s.local_end, s.price_minor,
       s.capacity, s.taken - {_OVERDUE} AS taken, s.venue_id
FROM term_product s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
WHERE s.organisation_id = %(org)s AND s.product_type = 'SESSION'{{where}}
"""
_FAMILIES_SEE = "p.status = 'PUBLISHED'"


def sessions(principal: Principal) -> Listing:
    """Sessions in order of time, undated ones last; `now` is a parameter of the page."""
    found = Listing(_SESSIONS, [("coalesce(s.starts_at, 'infinity')", "timestamptz"), ("s.id", "uuid")])
    if principal.actor.is_family:
        found.where(_FAMILIES_SEE)
    return found


def show_session(principal: Principal, row: Row) -> Row:
    """With what is left, and the price in words."""
    name = session_label(
        row["offering"], *(str(row[n]) if row[n] is not None else None for n in ("local_date", "local_start",
                                                                              "local_end")))  # fmt: skip
    return {
        **row, "name": name, "price": principal.money(row["price_minor"]),
        "left": max(0, row["capacity"] - row["taken"]),
    }  # fmt: skip


_ENROLLED = """
SELECT o.id AS order_id, o.reference AS order_reference, o.status AS order_status, b.id AS booking_id,
       b.reference, b.status, b.order_type, o.order_type AS asked_type, t.id AS attendee_id, t.name AS attendee
FROM place_claim c
JOIN term_booking_order o ON o.organisation_id = c.organisation_id AND o.id = c.order_id
JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id
LEFT JOIN term_booking b ON b.organisation_id = o.organisation_id AND b.id = o.booking_id
WHERE c.organisation_id = %(org)s AND c.term_product_id = %(session_id)s
ORDER BY t.name, c.id
"""


def one_session(tx: Transaction, principal: Principal, session_id: UUID, *, now: object) -> Answer:
    """A session with its places; for admins and the site's staff also who is in it. Raises NotFound."""
    found = sessions(principal)
    found.where("s.id = %(session_id)s", session_id=session_id)
    page = found.page(tx, cursor=None, limit=1, show=lambda row: show_session(principal, row), now=now)
    assert page.body is not None
    if not page.body["items"]:
        raise NotFound("There is no such session.", what="session")
    shown = page.body["items"][0]
    if works_there(principal, shown["site_id"]):
        rows = tx.rows(_ENROLLED, session_id=session_id)
        shown["bookings"] = [_booking(row) for row in rows if row["booking_id"] is not None]
        shown["held"] = [_hold(row) for row in rows if row["booking_id"] is None]
        shown["active_count"] = len(shown["bookings"])
        shown["held_count"] = len(shown["held"])
    return Answer(shown, version=etag(shown))


def works_there(principal: Principal, site_id: UUID) -> bool:
    """Admins work everywhere, staff at their sites."""
    return principal.actor.is_admin or (principal.kind is ActorKind.STAFF and site_id in principal.actor.site_ids)


def _booking(row: Row) -> Row:
    return {
        "id": row["booking_id"], "reference": row["reference"], "status": TermBookingStatus(row["status"]).name,
        "order_type": TermBookingOrderType(row["order_type"]).name, "attendee_id": row["attendee_id"],
        "attendee": row["attendee"],
    }  # fmt: skip


def _hold(row: Row) -> Row:
    return {
        "order_id": row["order_id"], "reference": row["order_reference"],
        "status": TermBookingStatus(row["order_status"]).name,
        "order_type": TermBookingOrderType(row["asked_type"]).name, "attendee_id": row["attendee_id"],
        "attendee": row["attendee"],
    }  # fmt: skip


_OFFERINGS = """
SELECT {keys}, p.id, p.name, p.code, p.status, p.program_id, g.name AS program, g.category_id, c.name AS category,
       g.site_id, i.name AS site, p.term_id, m.name AS term, p.modes, p.session_price_minor, p.age_from_months,
       p.age_below_months, p.bookable_from, p.bookable_until, n.session_count, n.first_date, n.last_date, n.least_left,
       n.most_left
FROM term_program_set p
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN program_category c ON c.organisation_id = g.organisation_id AND c.id = g.category_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
JOIN term m ON m.organisation_id = p.organisation_id AND m.id = p.term_id
CROSS JOIN LATERAL (
    SELECT count(*) AS session_count, min(s.local_date) AS first_date, max(s.local_date) AS last_date,
           coalesce(min(s.capacity - s.taken) FILTER (WHERE coalesce(s.ends_at > %(now)s, true)), 0) AS least_left,
           coalesce(max(s.capacity - s.taken) FILTER (WHERE coalesce(s.ends_at > %(now)s, true)), 0) AS most_left
    FROM term_product s
    WHERE s.organisation_id = p.organisation_id AND s.term_program_set_id = p.id AND s.status = 'OPEN'
      AND s.product_type = 'SESSION') n
WHERE p.organisation_id = %(org)s{where}
"""


def offerings(principal: Principal) -> Listing:
    """Offerings in alphabetical order; families see the published ones of terms that are no drafts."""
    found = Listing(_OFFERINGS, [("p.name", "text"), ("p.id", "uuid")])
    if principal.actor.is_family:
        found.where(f"{_FAMILIES_SEE} AND m.status <> 'DRAFT'")
    return found


def of_age(found: Listing, age_months: int | None) -> None:
    """Only what is open to this age."""
    found.where("coalesce(p.age_from_months <= %(age)s, true) AND coalesce(p.age_below_months > %(age)s, true)",
                age=age_months)  # fmt: skip


def show_offering(principal: Principal, row: Row) -> Row:
    return {**row, "session_price": principal.money(row["session_price_minor"])}
