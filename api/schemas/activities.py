"""Activities of a holiday programme's days."""

import datetime
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import Change, Count, Day, Input, Name, Output, shows
from api.schemas.sample_programme import OFFERING_ID, sample_id
from models import SessionStatus

_ACTIVITY = {
    "id": sample_id(44), "offering_id": OFFERING_ID, "date": "2026-07-08", "title": "Pirates", "status": "OPEN",
    "capacity": 20, "taken": 3, "left": 17,
}  # fmt: skip


class Activity(Output):
    """A day's theme: no price and no time of its own."""

    model_config = shows(_ACTIVITY)

    id: UUID
    offering_id: UUID
    date: datetime.date
    title: str
    status: SessionStatus
    capacity: int | None = Field(description="Null: everybody who is there that day.")
    taken: int
    left: int | None


class Activities(Output):
    """The activities of an offering, day by day."""

    model_config = shows({"items": [_ACTIVITY]})

    items: list[Activity]


class NewActivity(Input):
    """Gives a day of a holiday programme a theme."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"date": "2026-07-08", "title": "Pirates", "capacity": 20}]}
    )

    date: Day = Field(description="A day on which the offering has a session.")
    title: Name
    capacity: Count | None = Field(default=None, description="Null: no limit besides the day's own.")


class ActivityChange(Change):
    """Another title, more or fewer places; never fewer than are taken."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"capacity": 24}]})

    title: Name = ""
    capacity: Count | None = None
