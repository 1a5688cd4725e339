"""The activities that an order chooses for its holiday days: what they are, and the rules that may refuse them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from engine.database import Transaction
from engine.errors import Reason

if TYPE_CHECKING:
    from workflows.order_facts import Facts, Order, WantedLine


@dataclass(frozen=True, slots=True)
class WantedActivity:
    """A day's theme that a line chooses. It has no price and no time; without a capacity it takes whoever is there."""

    id: UUID
    title: str
    offering_id: UUID
    day: date
    is_open: bool
    capacity: int | None
    taken: int

    @property
    def is_full(self) -> bool:
        return self.capacity is not None and self.taken >= self.capacity


_WANTED = """
SELECT s.id, s.title, s.term_program_set_id AS offering_id, s.local_date AS day, s.status = 'OPEN' AS is_open,
       s.capacity, s.taken
FROM term_product s
WHERE s.organisation_id = %(org)s AND s.id = ANY(%(ids)s) AND s.product_type = 'ACTIVITY'
"""


def read_wanted_activities(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, WantedActivity]:
    """The activities with these ids; nothing is read where there are none."""
    return {row["id"]: WantedActivity(**row) for row in tx.rows(_WANTED, ids=list(ids))} if ids else {}


def is_activity_of_its_day(order: "Order", *, facts: "Facts", **_: object) -> Iterator[Reason]:
    """An activity is one of the line's own holiday programme, on the line's own day, and takes place."""
    for line in facts.lines:
        known = {activity.id: activity for activity in line.activities}
        is_holiday = line.offering.facts["program_type"] == _HOLIDAY
        for activity_id in line.activity_ids:
            activity = known.get(activity_id)
            if not is_holiday:
                yield _about(line, "no_activities", f"{line.label} has no activities; only holiday programmes do.",
                             activity_id)  # fmt: skip
            elif activity is None or activity.offering_id != line.offering.id:
                yield _about(line, "activity_elsewhere", f"The activity is none of {line.offering.name}.", activity_id)
            elif activity.day != line.local_date:
                yield _about(line, "activity_of_another_day", f"{activity.title} is on {activity.day:%a %d %b %Y}, not "
                             f"on the day of {line.label}.", activity_id)  # fmt: skip
            elif not activity.is_open:
                yield _about(line, "activity_closed", f"{activity.title} does not take place.", activity_id)


_HOLIDAY = 12


def has_activity_place(order: "Order", *, facts: "Facts", **_: object) -> Iterator[Reason]:
    """Each chosen activity has a place left; the database has the last word."""
    for line in facts.lines:
        for activity in line.activities:
            if activity.is_full:
                yield activity_full(line, activity)


def places(count: int | None) -> str:
    """So many places, in words."""
    return "1 place" if count == 1 else f"{count} places"


def activity_full(line: "WantedLine", activity: WantedActivity) -> Reason:
    return _about(line, "activity_full", f"{activity.title} on {activity.day:%a %d %b %Y} is full "
                  f"({places(activity.capacity)}).", activity.id)  # fmt: skip


def _about(line: "WantedLine", code: str, message: str, activity_id: UUID) -> Reason:
    return Reason(code, message, field=f"lines[{line.position}].activity_ids", rule="activities", session=line.label,
                  facts={"session_id": str(line.session_id), "activity_id": str(activity_id)})  # fmt: skip
