"""A calendar file parses back to the sessions it was made of."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from icalendar import Calendar, Event

from notifications.calendar import event_uid, make_calendar
from notifications.messages import Session
from tests.notifications.letters import MIA, NOW, session


def parsed(*sessions: Session, revision: int = 1, attendee_id: UUID = MIA, name: str = "Mia") -> Calendar:
    content = make_calendar(
        sessions,
        organisation_name="Maple Centre",
        attendee_id=attendee_id,
        attendee_name=name,
        revision=revision,
        now=NOW,
    )
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    calendar = Calendar.from_ical(content)
    assert isinstance(calendar, Calendar)
    return calendar


def only(calendar: Calendar) -> Event:
    [event] = calendar.events
    return event


class TestCalendar:
    def test_has_one_event_for_each_session_at_its_local_time(self) -> None:
        calendar = parsed(session(0), session(1))

        first, second = calendar.events
        assert str(first["summary"]) == "Karate – Mia"
        assert str(first["location"]) == "Maple Hall, 1 Maple Street"
        assert first.start.isoformat() == "2026-04-11T10:00:00-04:00"
        assert first.end.isoformat() == "2026-04-11T11:00:00-04:00"
        assert first["dtstart"].params["TZID"] == "America/Toronto"
        assert second.start.isoformat() == "2026-04-18T10:00:00-04:00"
        assert [str(zone["tzid"]) for zone in calendar.timezones] == ["America/Toronto"]

    def test_keeps_the_hour_when_the_clocks_change(self) -> None:
        before = session(
            starts_at=datetime(2026, 10, 31, 14, tzinfo=UTC), ends_at=datetime(2026, 10, 31, 15, tzinfo=UTC)
        )
        after = session(starts_at=datetime(2026, 11, 7, 15, tzinfo=UTC), ends_at=datetime(2026, 11, 7, 16, tzinfo=UTC))

        starts = [event.start.isoformat() for event in parsed(before, after).events]

        assert starts == ["2026-10-31T10:00:00-04:00", "2026-11-07T10:00:00-05:00"]

    def test_a_session_past_midnight_ends_the_next_day(self) -> None:
        night = datetime(2026, 4, 12, 2, tzinfo=UTC)

        event = only(parsed(session(starts_at=night, ends_at=night + timedelta(hours=4))))

        assert (event.start.day, event.end.day) == (11, 12)

    def test_a_later_revision_replaces_the_same_event(self) -> None:
        first, moved = only(parsed(session(), revision=1)), only(parsed(session(), revision=2))

        assert first["uid"] == moved["uid"] == event_uid(session().id, MIA)
        assert (first["sequence"], moved["sequence"]) == (0, 1)

    def test_siblings_in_the_same_session_have_events_of_their_own(self) -> None:
        mia, tom = only(parsed(session())), only(parsed(session(), attendee_id=UUID(int=2)))

        assert mia["uid"] != tom["uid"]

    def test_leaves_out_what_has_no_date(self) -> None:
        calendar = parsed(session(starts_at=None, ends_at=None))

        assert calendar.events == []

    def test_no_name_can_start_a_line(self) -> None:
        event = only(parsed(session(title="Karate\r\nEND:VEVENT, 🥋; kids\x00"), name="Mia\nUID:1"))

        assert "UID" not in event or event["uid"] == event_uid(session().id, MIA)
        assert "🥋; kids" in str(event["summary"])
