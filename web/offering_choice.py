"""One program as whoever books chooses of it: its days by week, what is on at each, and what is sold beside them."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from uuid import UUID

from api.reads import programmes
from catalogue.activities import read_activities
from engine.database import Row, Transaction
from engine.errors import NotFound
from models import SessionStatus
from web.choosing import FULL_WEEK
from web.words import monday

# What somebody may choose of an offering's sessions: `choosing.read_choice` with who they are.
Choice = Callable[[Row, Sequence[Row]], Row]


def read_offering(tx: Transaction, offering_id: UUID, *, choice: Choice, now: datetime) -> Row:
    """All that a page of the program shows. What is ticked there takes the place of all that the cart holds of it, also
    of days that cannot be had any more: those are `gone`. Raises NotFound.
    """
    offering = programmes.one(tx, offering_id, now=now)
    if offering is None:
        raise NotFound("This program has no sessions to come any more.", what="offering")
    sessions = programmes.sessions_to_come(tx, offering_id, now=now)
    seen = choice(offering, sessions)
    children = [{**child, "why_not": seen["why_not"][child["id"], offering_id]} for child in seen["children"]]
    every = {extra["extra_id"]: extra for extras in seen["extras"].values() for extra in extras}
    own = [line for line in seen["in_cart"] if line["offering_id"] == offering_id]
    there = {session["id"] for session in sessions}
    return {
        **seen, "offering": offering, "children": children, "every_extra": list(every.values()),
        "fitting": [child for child in children if not child["why_not"]],
        "activities": activities_of(tx, offering_id), "weeks": _groups(offering, sessions),
        "gone": [line for line in own if line["session_id"] not in there],
        "replaced": seen["replaced"] | {line["session_id"] for line in own},
    }  # fmt: skip


def activities_of(tx: Transaction, offering_id: UUID) -> dict[date, list[Row]]:
    """What is on at each day of a holiday programme."""
    found: dict[date, list[Row]] = {}
    for activity in read_activities(tx, offering_id, published_only=False):
        if activity["status"] != SessionStatus.OPEN:
            continue
        found.setdefault(activity["date"], []).append(activity)
    return found


def _groups(offering: Row, sessions: Sequence[Row]) -> list[Row]:
    """Sessions as the page lays them out: by week from Monday on, or by month where a week has one session at most."""
    found: dict[date, list[Row]] = {}
    for session in sessions:
        found.setdefault(monday(session["local_date"]), []).append(session)
    if FULL_WEEK in offering["modes"] or any(len(each) > 1 for each in found.values()):
        return [{"monday": first, "is_week": True, "sessions": each} for first, each in found.items()]
    months: dict[date, list[Row]] = {}
    for session in sessions:
        months.setdefault(session["local_date"].replace(day=1), []).append(session)
    return [{"monday": first, "is_week": False, "sessions": each} for first, each in months.items()]
