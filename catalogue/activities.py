"""Activities: the themes of a holiday programme's days. An activity has no price and is not a time slot."""

from datetime import date
from uuid import UUID

from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason
from engine.ids import new_id
from models import OfferingStatus, ProgramType, SessionStatus


class ActivityExists(Conflict):
    """The day has an activity of this title."""

    code = "already_exists"


class ActivityIsChosen(Conflict):
    """More places are taken in it than it would have, or it would go from under those who come for it."""

    code = "activity_is_chosen"


_OFFERING = """
SELECT p.id, p.name, c.program_type,
       EXISTS (SELECT FROM term_product s WHERE s.organisation_id = p.organisation_id AND s.term_program_set_id = p.id
               AND s.product_type = 'SESSION' AND s.local_date = %(day)s) AS has_session
FROM term_program_set p
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN program_category c ON c.organisation_id = g.organisation_id AND c.id = g.category_id
WHERE p.organisation_id = %(org)s AND p.id = %(offering_id)s
FOR NO KEY UPDATE OF p
"""

_ADD = """
INSERT INTO term_product (organisation_id, id, term_program_set_id, product_type, component, title, status, local_date,
                          price_minor, capacity, taken, is_seated)
VALUES (%(org)s, %(id)s, %(offering_id)s, 'ACTIVITY', %(title)s, %(title)s, 'OPEN', %(day)s, 0, %(capacity)s, 0, false)
ON CONFLICT DO NOTHING RETURNING id
"""


def add_activity(tx: Transaction, offering_id: UUID, *, day: date, title: str, capacity: int | None) -> UUID:
    """Give a day of a holiday programme a theme; without a capacity it takes everybody who is there that day.

    Raises NotFound, Invalid (not a holiday programme, no session on that day), ActivityExists.
    """
    offering = tx.row(_OFFERING, offering_id=offering_id, day=day)
    if offering is None:
        raise NotFound("There is no such offering.", what="offering")
    if offering["program_type"] != ProgramType.HOLIDAY:
        message = f"{offering['name']} has no activities; only holiday programmes do."
        raise Invalid(message, reasons=[Reason("no_activities", message, field="offering_id", rule="activities")])
    if not offering["has_session"]:
        message = f"{offering['name']} has no session on {day:%a %d %b %Y}."
        raise Invalid(message, reasons=[Reason("no_session_that_day", message, field="date", rule="activities")])
    made = tx.row(_ADD, id=new_id(), offering_id=offering_id, day=day, title=title, capacity=capacity)
    if made is None:
        raise _exists(title, day)
    found: UUID = made["id"]
    return found


_LOCK = """
SELECT id, term_program_set_id AS offering_id, title, local_date, capacity, taken, status FROM term_product
WHERE organisation_id = %(org)s AND id = %(id)s AND product_type = 'ACTIVITY' FOR NO KEY UPDATE
"""
_CHANGE = """
UPDATE term_product SET title = %(title)s, component = %(title)s, capacity = %(capacity)s
WHERE organisation_id = %(org)s AND id = %(id)s
"""
_TWIN = """
SELECT 1 FROM term_product WHERE organisation_id = %(org)s AND product_type = 'ACTIVITY' AND id <> %(id)s
AND term_program_set_id = %(offering_id)s AND local_date = %(local_date)s AND component = %(title)s
"""


def change_activity(tx: Transaction, activity_id: UUID, changes: Row) -> None:
    """Change title or capacity (None: no limit of its own), never below the places that are taken.

    Raises NotFound, ActivityExists, ActivityIsChosen.
    """
    known = _locked(tx, activity_id)
    wanted: Row = {**known, **changes}
    title, capacity = str(wanted["title"]), wanted["capacity"]
    if capacity is not None and capacity < known["taken"]:
        raise ActivityIsChosen(f"{known['title']} is chosen by {known['taken']}; it cannot have fewer places.")
    if tx.row(_TWIN, id=activity_id, offering_id=known["offering_id"], local_date=known["local_date"], title=title):
        raise _exists(title, known["local_date"])
    tx.run(_CHANGE, id=activity_id, title=title, capacity=capacity)


def _locked(tx: Transaction, activity_id: UUID) -> Row:
    """Nobody takes a place in it meanwhile. Raises NotFound, also for one that was taken away."""
    known = tx.row(_LOCK, id=activity_id)
    if known is None or known["status"] == SessionStatus.CANCELLED:
        raise NotFound("There is no such activity.", what="activity")
    return known


_HOLDERS = """
SELECT t.name, o.reference FROM place_claim c
JOIN attendee t ON t.organisation_id = c.organisation_id AND t.id = c.attendee_id
JOIN term_booking_order o ON o.organisation_id = c.organisation_id AND o.id = c.order_id
WHERE c.organisation_id = %(org)s AND c.term_product_id = %(id)s ORDER BY t.name, o.reference
"""
_IS_NAMED = (
    "SELECT FROM term_booking_order_activity WHERE organisation_id = %(org)s AND term_product_id = %(id)s LIMIT 1"
)
_REMOVE = "DELETE FROM term_product WHERE organisation_id = %(org)s AND id = %(id)s"
# Its title is free again for another of that day.
_WITHDRAW = """
UPDATE term_product SET status = 'CANCELLED', component = id::text WHERE organisation_id = %(org)s AND id = %(id)s
"""
_NAMED_AT_MOST = 5


def remove_activity(tx: Transaction, activity_id: UUID) -> str:
    """Take a theme away that nobody holds a place in; answers its title.

    Whoever chose it is named and stays: nobody is moved to what they did not choose. A cart or an order that ended
    may still name it: then it stays as withdrawn, is shown to nobody, and a submission is told that it does not take
    place. Raises NotFound, ActivityIsChosen.
    """
    known = _locked(tx, activity_id)
    if holders := tx.rows(_HOLDERS, id=activity_id):
        raise ActivityIsChosen(f"{known['title']} is chosen by {len(holders)} and stays: {_listed(holders)}.")
    tx.run(_WITHDRAW if tx.rows(_IS_NAMED, id=activity_id) else _REMOVE, id=activity_id)
    title: str = known["title"]
    return title


def _listed(holders: list[Row]) -> str:
    """The first of them, each with what one finds their order by."""
    named = [f"{row['name']} ({row['reference']})" for row in holders[:_NAMED_AT_MOST]]
    return ", ".join([*named, "…"] if len(holders) > _NAMED_AT_MOST else named)


_SHOWN = """
SELECT s.id, s.term_program_set_id AS offering_id, s.local_date AS date, s.title, s.status, s.capacity, s.taken,
       s.capacity - s.taken AS left
FROM term_product s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
WHERE s.organisation_id = %(org)s AND s.product_type = 'ACTIVITY' AND (s.id = %(id)s OR p.id = %(offering_id)s)
  AND s.status <> 'CANCELLED'
ORDER BY s.local_date, s.title
"""


def read_activities(tx: Transaction, offering_id: UUID, *, published_only: bool) -> list[Row]:
    """The activities of an offering, day by day. Raises NotFound."""
    offering = tx.row("SELECT status FROM term_program_set WHERE organisation_id = %(org)s AND id = %(id)s",
                      id=offering_id)  # fmt: skip
    if offering is None or (published_only and offering["status"] != OfferingStatus.PUBLISHED):
        raise NotFound("There is no such offering.", what="offering")
    return tx.rows(_SHOWN, offering_id=offering_id, id=None)


def read_activity(tx: Transaction, activity_id: UUID) -> Row:
    """One activity as it is now."""
    found = tx.row(_SHOWN, id=activity_id, offering_id=None)
    assert found is not None, "it was made or changed just now"
    return found


def _exists(title: str, day: date) -> ActivityExists:
    message = f"There is already an activity {title} on {day:%a %d %b %Y}."
    return ActivityExists(message, reasons=[Reason("already_exists", message, field="title")])
