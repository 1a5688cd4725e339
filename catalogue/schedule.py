"""From an offering's schedule to its dated slots: weekdays, dates, closure days and public holidays. Pure.

An offering meets in one or more ways (`Meeting`); each repeats on weekdays, happens on given dates, or has no time at
all. Dates and times are those of the site; what comes out is in UTC, beside the site's local time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import holidays

from engine.errors import Invalid

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_DAY = timedelta(days=1)


class ScheduleIsInvalid(Invalid):
    """A schedule contradicts itself, or is not one."""

    code = "schedule_is_invalid"


class UnknownHolidays(Invalid):
    """The country or subdivision is not one whose public holidays we know."""

    code = "unknown_holidays"


@dataclass(frozen=True, slots=True)
class Meeting:
    """One way in which an offering meets: weekdays (0 is Monday), or dates, or neither: then it is undated.

    Times are local; an end that is not after the start lies on the next day. `from_date` and `until_date` bound the
    weekdays, both included; None is the term's own bound.
    """

    component: str = ""
    title: str = ""
    weekdays: tuple[int, ...] = ()
    dates: tuple[date, ...] = ()
    starts: time | None = None
    ends: time | None = None
    from_date: date | None = None
    until_date: date | None = None

    @property
    def is_undated(self) -> bool:
        return not self.weekdays and not self.dates

    def as_json(self) -> dict[str, object]:
        """As it is kept in `term_program_set.schedule`."""
        return {
            "component": self.component,
            "title": self.title,
            "weekdays": [WEEKDAYS[day] for day in self.weekdays],
            "dates": [day.isoformat() for day in self.dates],
            "starts": self.starts and self.starts.isoformat("minutes"),
            "ends": self.ends and self.ends.isoformat("minutes"),
            "from": self.from_date and self.from_date.isoformat(),
            "until": self.until_date and self.until_date.isoformat(),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Meeting":
        """The reverse of `as_json`; keys may be missing. Raises `ScheduleIsInvalid`."""
        try:
            return cls(
                component=str(kept.get("component") or ""),
                title=str(kept.get("title") or ""),
                weekdays=tuple(sorted({WEEKDAYS.index(day) for day in kept.get("weekdays") or ()})),
                dates=tuple(sorted({date.fromisoformat(day) for day in kept.get("dates") or ()})),
                starts=time.fromisoformat(kept["starts"]) if kept.get("starts") else None,
                ends=time.fromisoformat(kept["ends"]) if kept.get("ends") else None,
                from_date=date.fromisoformat(kept["from"]) if kept.get("from") else None,
                until_date=date.fromisoformat(kept["until"]) if kept.get("until") else None,
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise ScheduleIsInvalid(f"{kept!r} is not a meeting of a schedule: {error}") from error


@dataclass(frozen=True, slots=True)
class Slot:
    """One session to be: aware UTC moments beside the site's local date and times, or all None where it is undated.

    `local_date` is the date it was planned on, also where it runs past midnight; the local times are those that clocks
    on the wall will show.
    """

    component: str = ""
    title: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    local_date: date | None = None
    local_start: time | None = None
    local_end: time | None = None

    @property
    def key(self) -> tuple[str, date | None, time | None]:
        """What makes it the same session when it is generated again."""
        return (self.component, self.local_date, self.local_start)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A date that the schedule names and on which nothing takes place, with the reason."""

    date: date
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What an offering's schedule comes to, in order of time, undated slots last."""

    slots: tuple[Slot, ...]
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days that bound and interrupt a schedule: the term's first and last day, closure days, public holidays.

    A closure day stops everything; a public holiday stops what repeats, not what was put on that very date.
    """

    zone: ZoneInfo
    starts_on: date
    ends_on: date
    closures: Mapping[date, str]
    holidays: Mapping[date, str]


def plan(meetings: Sequence[Meeting], calendar: Calendar) -> Plan:
    """Every slot of an offering within its term.

    A meeting on a given date takes the place of a repeated one of the same offering that it overlaps (the examination
    instead of that day's lecture). Raises `ScheduleIsInvalid` where a dated meeting lacks its times, or two meetings of
    one component start at the same moment and end apart.
    """
    skipped: list[Skipped] = []
    given = [slot for each in meetings if each.dates for slot in _on_dates(each, calendar, skipped)]
    occupied: dict[date, list[Slot]] = {}
    for slot in given:
        assert slot.local_date is not None
        occupied.setdefault(slot.local_date, []).append(slot)
    repeated = [slot for each in meetings if each.weekdays for slot in _on_weekdays(each, calendar, occupied, skipped)]
    undated = [Slot(each.component, each.title) for each in meetings if each.is_undated]

    slots: dict[tuple[str, date | None, time | None], Slot] = {}
    for slot in (*given, *repeated, *undated):
        known = slots.setdefault(slot.key, slot)
        if known.ends_at != slot.ends_at:
            raise ScheduleIsInvalid(
                f"{slot.component or 'The offering'} starts twice on {slot.local_date} at {slot.local_start}, "
                f"with different ends."
            )
    ordered = sorted(slots.values(), key=_in_time)
    return Plan(tuple(ordered), tuple(sorted(skipped, key=lambda each: each.date)))


def overlapping(slots: Sequence[Slot]) -> tuple[Slot, Slot] | None:
    """Two slots of one offering that nobody can attend both, if there are any."""
    dated = sorted((slot for slot in slots if slot.starts_at is not None), key=_in_time)
    for earlier, later in pairwise(dated):
        if later.starts_at < earlier.ends_at:  # type: ignore[operator]
            return earlier, later
    return None


def moments(day: date, starts: time, ends: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The UTC start and end of a local slot; an end that is not after the start lies on the next day.

    A time in the hour that a clock change skips moves forward by it; in the hour that it repeats it is the first of the
    two. Where moving the start leaves nothing before the announced end, the slot keeps its length.
    """
    last = day if ends > starts else day + _DAY
    local_start, local_end = datetime.combine(day, starts, zone), datetime.combine(last, ends, zone)
    # fold=0 takes the offset before the change: later in a gap, the first of the two in an overlap.
    starts_at, ends_at = local_start.astimezone(UTC), local_end.astimezone(UTC)
    if ends_at <= starts_at:
        ends_at = starts_at + (local_end.replace(tzinfo=None) - local_start.replace(tzinfo=None))
    return starts_at, ends_at


@lru_cache(maxsize=512)
def public_holidays(country: str, subdivision: str, year: int, language: str = "en") -> Mapping[date, str]:
    """Public holidays of a country (`CA`) or its subdivision (`ON`) in a year; none for an empty country.

    Their names are in the language, in English where it has none for them, else as the country says them: never as the
    machine is set. Raises `UnknownHolidays`.
    """
    if not country:
        return {}
    try:
        known = holidays.country_holidays(country, subdiv=subdivision or None)
        found = holidays.country_holidays(
            country, subdiv=subdivision or None, years=year, language=_language_of(known, language)
        )
    except NotImplementedError as error:
        raise UnknownHolidays(f"We do not know the public holidays of {country} {subdivision}: {error}.") from error
    return {day: name for day, name in found.items() if day.year == year}


def _language_of(known: holidays.HolidayBase, language: str) -> str | None:
    """Which of a country's own names for a language: its main one first (`en_CA` before `en_US`)."""
    spoken = [one for one in (known.default_language, *known.supported_languages) if one]
    for wanted in (language, "en"):
        if found := next((one for one in spoken if one.partition("_")[0] == wanted), None):
            return found
    return known.default_language


def holidays_between(
    country: str, subdivision: str, first: date, last: date, language: str = "en"
) -> dict[date, str]:  # fmt: skip
    """Public holidays from `first` to `last`, both included. Raises `UnknownHolidays`."""
    years = range(first.year, last.year + 1)
    found = {
        day: name for year in years for day, name in public_holidays(country, subdivision, year, language).items()
    }  # fmt: skip
    return {day: name for day, name in found.items() if first <= day <= last}


def _on_dates(meeting: Meeting, calendar: Calendar, skipped: list[Skipped]) -> Iterable[Slot]:
    for day in meeting.dates:
        if not calendar.starts_on <= day <= calendar.ends_on:
            skipped.append(Skipped(day, "outside the term"))
        elif day in calendar.closures:
            skipped.append(Skipped(day, calendar.closures[day] or "closure day"))
        else:
            yield _slot(meeting, day, calendar.zone)


def _on_weekdays(
    meeting: Meeting, calendar: Calendar, occupied: Mapping[date, list[Slot]], skipped: list[Skipped]
) -> Iterable[Slot]:
    first = max(meeting.from_date or calendar.starts_on, calendar.starts_on)
    last = min(meeting.until_date or calendar.ends_on, calendar.ends_on)
    for weekday in meeting.weekdays:
        day = first + _DAY * ((weekday - first.weekday()) % 7)
        while day <= last:
            closed = calendar.closures.get(day, calendar.holidays.get(day))
            if closed is not None:
                skipped.append(Skipped(day, closed or "closure day"))
            else:
                slot = _slot(meeting, day, calendar.zone)
                instead = next((other for other in occupied.get(day, ()) if _overlap(slot, other)), None)
                if instead is None:
                    yield slot
                else:
                    skipped.append(Skipped(day, f"{instead.component or 'a single date'} takes its place"))
            day += 7 * _DAY


def _slot(meeting: Meeting, day: date, zone: ZoneInfo) -> Slot:
    if meeting.starts is None or meeting.ends is None:
        raise ScheduleIsInvalid(f"{meeting.component or 'A meeting'} on {day} lacks its start or end time.")
    return Slot(meeting.component, meeting.title, *_on_the_clock(day, meeting.starts, meeting.ends, zone))


@lru_cache(maxsize=65_536)
def _on_the_clock(day: date, starts: time, ends: time, zone: ZoneInfo) -> tuple[datetime, datetime, date, time, time]:
    """Many offerings share their times: they are worked out, and kept in memory, once."""
    starts_at, ends_at = moments(day, starts, ends, zone)
    shown = [moment.astimezone(zone).time().replace(fold=0) for moment in (starts_at, ends_at)]
    return starts_at, ends_at, day, shown[0], shown[1]


def _overlap(one: Slot, other: Slot) -> bool:
    assert one.starts_at is not None and one.ends_at is not None, "only dated slots can overlap"  # noqa: PT018
    assert other.starts_at is not None and other.ends_at is not None, "only dated slots can overlap"  # noqa: PT018
    return one.starts_at < other.ends_at and other.starts_at < one.ends_at


_FAR = datetime.max.replace(tzinfo=UTC)


def _in_time(slot: Slot) -> tuple[datetime, str]:
    return (slot.starts_at or _FAR, slot.component)
