"""Moving an offering's schedule from one term into another: by whole weeks, so that every weekday stays. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from catalogue.schedule import Meeting


@dataclass(frozen=True, slots=True)
class Shift:
    """From one term into another. `weeks` is the difference of their starts, rounded to whole weeks."""

    from_starts_on: date
    from_ends_on: date
    weeks: int

    @classmethod
    def between(cls, from_starts_on: date, from_ends_on: date, to_starts_on: date) -> "Shift":
        """The nearest whole number of weeks: at most three days are rounded away."""
        return cls(from_starts_on, from_ends_on, ((to_starts_on - from_starts_on).days + 3) // 7)

    @property
    def by(self) -> timedelta:
        return timedelta(weeks=self.weeks)

    def meetings(self, kept: Sequence[Meeting]) -> list[Meeting]:
        """The meetings in the new term. A bound that is the old term's own is the new term's own too."""
        return [
            replace(
                meeting, dates=tuple(day + self.by for day in meeting.dates), from_date=self._first(meeting.from_date),
                until_date=self._last(meeting.until_date),
            )
            for meeting in kept
        ]  # fmt: skip

    def _first(self, day: date | None) -> date | None:
        return None if day is None or day <= self.from_starts_on else day + self.by

    def _last(self, day: date | None) -> date | None:
        return None if day is None or day >= self.from_ends_on else day + self.by

    def moment(self, at: datetime | None, zone: ZoneInfo) -> datetime | None:
        """The same weekday and time on the clocks of that zone."""
        return None if at is None else (at.astimezone(zone) + self.by).replace(tzinfo=zone)
