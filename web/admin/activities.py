"""The activities of a holiday programme: what each of its days is about, and for how many."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.schemas.activities import ActivityChange, NewActivity
from catalogue import activities as verbs
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from models import ProgramType
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.visitor import Admin

router = APIRouter()

_OFFERING = """
SELECT p.id, p.name, p.code, c.program_type FROM term_program_set p
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN program_category c ON c.organisation_id = g.organisation_id AND c.id = g.category_id
WHERE p.organisation_id = %(org)s AND p.id = %(id)s
"""
# Every day on which a session takes place, with the places that it has in all.
_DAYS = """
SELECT local_date AS day, sum(capacity)::bigint AS capacity, sum(taken)::bigint AS taken FROM term_product
WHERE organisation_id = %(org)s AND term_program_set_id = %(id)s AND product_type = 'SESSION' AND status = 'OPEN'
  AND local_date IS NOT NULL
GROUP BY local_date ORDER BY local_date
"""
_OFFERING_OF = """
SELECT term_program_set_id AS id FROM term_product
WHERE organisation_id = %(org)s AND id = %(activity)s AND product_type = 'ACTIVITY'
"""


def has_activities(tx: Transaction, offering_id: UUID) -> bool:
    """Only holiday programmes have."""
    found = tx.row(_OFFERING, id=offering_id)
    return found is not None and found["program_type"] == ProgramType.HOLIDAY


@router.get("/admin/offerings/{offering_id}/activities")
def show_activities(visit: Admin, offering_id: UUID) -> Response:
    return _page(visit, offering_id)


def _page(
    visit: Admin, offering_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None, *,
    changed: UUID | None = None,
) -> Response:  # fmt: skip
    """Day by day; `changed` is the one whose form was refused."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        offering = tx.row(_OFFERING, id=offering_id)
        if offering is None:
            raise NotFound("There is no such offering.", what="offering")
        by_day: dict[Any, list[Row]] = {}
        for each in verbs.read_activities(tx, offering_id, published_only=False):
            by_day.setdefault(each["date"], []).append(each)
        days = tx.rows(_DAYS, id=offering_id)
        running = {row["day"] for row in days}
        gone = [{"day": day, "capacity": None, "taken": 0} for day in by_day if day not in running]
        return {
            "offering": offering, "by_day": by_day, "days": sorted([*days, *gone], key=lambda row: row["day"]),
            "to_choose": [row["day"] for row in days], "is_holiday": offering["program_type"] == ProgramType.HOLIDAY,
        }  # fmt: skip

    return visit.show("admin/activities.html", query, form=form, refusal=refusal, changed=changed)


@router.post("/admin/offerings/{offering_id}/activities")
def add_activity(visit: Admin, offering_id: UUID, form: Posted) -> Response:
    """Give a day a theme, with places of its own or for everybody who is there."""
    try:
        given = {"date": form.text("date"), "title": form.text("title"), "capacity": form.whole("capacity")}
        asked = checked(NewActivity, given)

        def verb(tx: Transaction, who: Principal) -> Answer:
            verbs.add_activity(tx, offering_id, day=asked.date, title=asked.title, capacity=asked.capacity)
            return Answer({})

        visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return _page(visit, offering_id, form, refusal)
    return visit.go(f"/admin/offerings/{offering_id}/activities", visit.say("%(title)s added.", title=asked.title))


@router.post("/admin/activities/{activity_id}")
def change_activity(visit: Admin, activity_id: UUID, form: Posted) -> Response:
    """Another title, more or fewer places; never fewer than are taken."""
    offering_id = _offering_of(visit, activity_id)
    try:
        asked = checked(ActivityChange, {"title": form.text("title"), "capacity": form.whole("capacity")})

        def verb(tx: Transaction, who: Principal) -> Answer:
            verbs.change_activity(tx, activity_id, asked.changes())
            return Answer({})

        visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return _page(visit, offering_id, form, refusal, changed=activity_id)
    return visit.go(f"/admin/offerings/{offering_id}/activities", visit.say("Changes saved."))


@router.post("/admin/offerings/{offering_id}/activities/{activity_id}/removal")
def remove_activity(visit: Admin, offering_id: UUID, activity_id: UUID, form: Posted) -> Response:
    """Take it away, while nobody comes for it; who does is named."""
    try:
        gone = visit.move(form, lambda tx, _: Answer({"title": verbs.remove_activity(tx, activity_id)}))
    except (Conflict, NotFound) as refusal:
        return _page(visit, offering_id, refusal=refusal)
    return visit.go(f"/admin/offerings/{offering_id}/activities", visit.say("%(title)s removed.", title=gone["title"]))


def _offering_of(visit: Admin, activity_id: UUID) -> UUID:
    """Raises NotFound."""
    found: Row | None = visit.fetch(lambda tx, _: tx.row(_OFFERING_OF, activity=activity_id))
    if found is None:
        raise NotFound("There is no such activity.", what="activity")
    offering_id: UUID = found["id"]
    return offering_id
