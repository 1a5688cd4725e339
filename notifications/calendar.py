"""Calendar files (iCalendar, RFC 5545): one event for each dated session, at its place's local time."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from notifications.messages import Session

ASK_AGAIN_AFTER = timedelta(hours=4)


def make_calendar(
    sessions: Iterable[Session],
    *,
    organisation_name: str,
    attendee_id: UUID,
    attendee_name: str,
    revision: int,
    now: datetime,
    feed_name: str = "",
) -> bytes:
    """The file's bytes; with no dated session, a calendar without events.

    The event of an attendee's session always has the same UID, so a calendar that has it already takes the higher
    `revision` instead of adding another. A feed has a name, and says how often it is worth asking again.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Termbook//Enrolment//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    if feed_name:
        calendar.add("x-wr-calname", _plain(feed_name))
        calendar.add("refresh-interval", ASK_AGAIN_AFTER, parameters={"VALUE": "DURATION"})
    starts: list[datetime] = []
    for session in sessions:
        if session.starts_at is None or session.ends_at is None:
            continue
        starts.append(session.starts_at)
        zone = ZoneInfo(session.time_zone)
        event = Event()
        event.add("uid", event_uid(session.id, attendee_id))
        event.add("sequence", revision - 1)
        event.add("dtstamp", now)
        event.add("dtstart", session.starts_at.astimezone(zone))
        event.add("dtend", session.ends_at.astimezone(zone))
        event.add("summary", _plain(f"{session.title} – {attendee_name}"))
        event.add("description", _plain(organisation_name))
        event.add("location", _plain(", ".join(part for part in (session.place, session.address) if part)))
        calendar.add_component(event)
    _tell_zones(calendar, starts)
    return bytes(calendar.to_ical())


def event_uid(session_id: UUID, attendee_id: UUID) -> str:
    """What names this attendee's place in this session in every calendar, for good."""
    return f"{session_id}-{attendee_id}"


def _tell_zones(calendar: Calendar, starts: list[datetime]) -> None:
    """Say when the clocks change in the years around the sessions: not every calendar program knows every zone."""
    if starts:
        a_year = timedelta(days=366)
        calendar.add_missing_timezones(min(starts).date() - a_year, max(starts).date() + a_year)


def _plain(text: str) -> str:
    """Control characters have no place in a calendar file; line breaks are escaped by the library."""
    return "".join(character for character in text if character >= " " or character == "\n")
