"""Rolling the offerings of a term over into the next."""

import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from api.schemas.base import NO_NUL, Input, Moment, Output, shows
from api.schemas.sample_programme import ROLL_OVER
from catalogue.roll_over import Fate


class NewRollOver(Input):
    """When booking opens in the new term. Without moments those of the earlier term move along."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "bookable_from": "2026-06-22T09:00:00-04:00",
        "priority_from": "2026-06-15T09:00:00-04:00", "fingerprint": ROLL_OVER["fingerprint"],
    }]})  # fmt: skip

    bookable_from: Moment | None = Field(default=None, description="When booking opens to all.")
    priority_from: Moment | None = Field(
        default=None, description="When it opens to those enrolled in the same program in the earlier term."
    )
    fingerprint: Annotated[str, StringConstraints(min_length=32, max_length=32, pattern=NO_NUL)] = Field(
        description="Of the preview that was looked at."
    )


class SkippedDate(Output):
    """A date of the schedule on which nothing takes place."""

    date: datetime.date
    reason: str


class RolledOffering(Output):
    """What becomes of an offering of the earlier term."""

    from_offering_id: UUID
    offering_id: UUID | None = Field(description="In the new term, once it is made.")
    name: str
    program: str
    fate: Fate
    reason: str = Field(description="Why it is not made.")
    sessions: int
    first_date: datetime.date | None
    last_date: datetime.date | None
    skipped: list[SkippedDate] = Field(description="Closure days, public holidays, dates outside the term.")


class RollOver(Output):
    """A roll-over, previewed or made."""

    model_config = shows(ROLL_OVER)

    from_term_id: UUID
    term_id: UUID
    term_name: str
    starts_on: datetime.date
    ends_on: datetime.date
    weeks: int = Field(description="By how many weeks its dates move.")
    offerings_to_make: int
    sessions_to_make: int
    offerings: list[RolledOffering]
    fingerprint: str = Field(description="Send it with the roll-over that makes what is shown here.")
