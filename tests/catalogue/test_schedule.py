from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.schedule import (
    Calendar,
    Meeting,
    ScheduleIsInvalid,
    Skipped,
    UnknownHolidays,
    holidays_between,
    moments,
    overlapping,
    plan,
    public_holidays,
)

TORONTO = ZoneInfo("America/Toronto")
SPRING = (date(2026, 3, 30), date(2026, 6, 28))


def calendar(first=SPRING[0], last=SPRING[1], closures=None, with_holidays=True) -> Calendar:
    found = holidays_between("CA", "ON", first, last) if with_holidays else {}
    return Calendar(TORONTO, first, last, closures or {}, found)


def weekly(*weekdays: int, starts=time(16, 45), ends=time(17, 45), **more) -> Meeting:
    return Meeting(weekdays=weekdays, starts=starts, ends=ends, **more)


class TestWeekdays:
    def test_victoria_day_is_left_out_of_a_monday_class(self):
        made = plan([weekly(0, from_date=date(2026, 4, 20), until_date=date(2026, 6, 22))], calendar())

        days = [slot.local_date for slot in made.slots]
        assert len(days) == 9
        assert date(2026, 5, 18) not in days
        assert made.skipped == (Skipped(date(2026, 5, 18), "Victoria Day"),)

    def test_a_camp_week_that_leaves_the_holiday_out_stays_whole(self):
        summer = calendar(date(2026, 6, 29), date(2026, 8, 30))
        camp = weekly(0, 1, 3, 4, from_date=date(2026, 6, 29), until_date=date(2026, 7, 3))

        made = plan([camp], summer)

        assert [slot.local_date.day for slot in made.slots] == [29, 30, 2, 3]
        assert made.skipped == ()

    def test_stay_within_the_term(self):
        made = plan([weekly(0, from_date=date(2026, 1, 1), until_date=date(2027, 1, 1))], calendar())

        assert made.slots[0].local_date == date(2026, 3, 30)
        assert made.slots[-1].local_date == date(2026, 6, 22)

    def test_closure_days_are_left_out_with_their_reason(self):
        closed = calendar(closures={date(2026, 4, 6): "Boiler repair", date(2026, 4, 13): ""})

        made = plan([weekly(0)], closed)

        assert Skipped(date(2026, 4, 6), "Boiler repair") in made.skipped
        assert Skipped(date(2026, 4, 13), "closure day") in made.skipped
        assert made.slots[1].local_date == date(2026, 4, 20)

    def test_keep_their_local_time_across_a_clock_change(self):
        march = calendar(date(2026, 3, 1), date(2026, 3, 15))

        before, after = (slot.starts_at for slot in plan([weekly(6)], march).slots[:2])

        assert before == datetime(2026, 3, 1, 21, 45, tzinfo=UTC)
        assert after == datetime(2026, 3, 8, 20, 45, tzinfo=UTC)

    @given(
        st.sets(st.integers(0, 6), min_size=1),
        st.dates(date(2025, 1, 1), date(2027, 1, 1)),
        st.integers(0, 120),
    )
    def test_are_all_the_weekdays_and_no_other(self, weekdays, first, length):
        last = first + timedelta(days=length)

        made = plan([weekly(*sorted(weekdays))], calendar(first, last, with_holidays=False))

        wanted = [first + timedelta(days=n) for n in range(length + 1)]
        assert [slot.local_date for slot in made.slots] == [day for day in wanted if day.weekday() in weekdays]


class TestDates:
    def test_happen_once_even_on_a_public_holiday(self):
        made = plan([Meeting(dates=(date(2026, 5, 18),), starts=time(9), ends=time(10))], calendar())

        assert [slot.local_date for slot in made.slots] == [date(2026, 5, 18)]

    def test_are_left_out_on_a_closure_day_and_outside_the_term(self):
        one = Meeting(dates=(date(2026, 4, 7), date(2026, 7, 1)), starts=time(9), ends=time(10))

        made = plan([one], calendar(closures={date(2026, 4, 7): "Flood"}))

        assert made.slots == ()
        assert made.skipped == (Skipped(date(2026, 4, 7), "Flood"), Skipped(date(2026, 7, 1), "outside the term"))

    def test_an_examination_takes_the_place_of_the_lecture_it_overlaps(self):
        lecture = weekly(2, component="LE", starts=time(14), ends=time(16))
        final = Meeting("FI", dates=(date(2026, 6, 10),), starts=time(14), ends=time(16))

        made = plan([lecture, final], calendar())

        [on_the_day] = [slot for slot in made.slots if slot.local_date == date(2026, 6, 10)]
        assert on_the_day.component == "FI"
        assert Skipped(date(2026, 6, 10), "FI takes its place") in made.skipped
        assert overlapping(made.slots) is None

    def test_two_repeated_meetings_at_one_time_are_both_made_and_found_to_overlap(self):
        lecture = weekly(2, component="LE", starts=time(14), ends=time(16))
        seminar = weekly(2, component="SE", starts=time(15), ends=time(17))

        made = plan([lecture, seminar], calendar())

        one, other = overlapping(made.slots)
        assert (one.component, other.component) == ("LE", "SE")

    def test_the_same_meeting_twice_is_one(self):
        assert len(plan([weekly(0), weekly(0)], calendar()).slots) == len(plan([weekly(0)], calendar()).slots)

    def test_the_same_start_with_two_ends_is_refused(self):
        with pytest.raises(ScheduleIsInvalid, match="different ends"):
            plan([weekly(0), weekly(0, ends=time(18))], calendar())

    def test_a_meeting_without_times_is_refused(self):
        with pytest.raises(ScheduleIsInvalid, match="lacks its start or end"):
            plan([Meeting(weekdays=(0,))], calendar())


class TestUndated:
    def test_has_a_place_and_no_time(self):
        [slot] = plan([Meeting("IN", "Independent study")], calendar()).slots

        assert slot.component == "IN"
        assert (slot.starts_at, slot.ends_at, slot.local_date, slot.local_start) == (None, None, None, None)

    def test_stands_after_what_is_dated(self):
        made = plan([Meeting("LA"), weekly(0, component="LE")], calendar())

        assert made.slots[-1].component == "LA"
        assert made.slots[0].component == "LE"


class TestClockChanges:
    SKIPPED = date(2026, 3, 8)  # 02:00 becomes 03:00
    REPEATED = date(2026, 11, 1)  # 02:00 becomes 01:00

    def test_a_start_in_the_skipped_hour_moves_forward(self):
        starts_at, ends_at = moments(self.SKIPPED, time(2, 30), time(5, 0), TORONTO)

        assert starts_at == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
        assert starts_at.astimezone(TORONTO).time() == time(3, 30)
        assert ends_at.astimezone(TORONTO).time() == time(5, 0)

    def test_a_session_inside_the_skipped_hour_keeps_its_length(self):
        starts_at, ends_at = moments(self.SKIPPED, time(2, 15), time(2, 45), TORONTO)

        assert starts_at.astimezone(TORONTO).time() == time(3, 15)
        assert ends_at - starts_at == timedelta(minutes=30)

    def test_a_session_whose_end_the_move_would_reach_keeps_its_length(self):
        starts_at, ends_at = moments(self.SKIPPED, time(2, 30), time(3, 15), TORONTO)

        assert starts_at.astimezone(TORONTO).time() == time(3, 30)
        assert ends_at - starts_at == timedelta(minutes=45)

    def test_a_start_in_the_repeated_hour_is_the_first_of_the_two(self):
        starts_at, ends_at = moments(self.REPEATED, time(1, 30), time(3, 0), TORONTO)

        assert starts_at == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
        assert ends_at == datetime(2026, 11, 1, 8, 0, tzinfo=UTC)

    def test_the_slot_shows_what_the_clocks_show(self):
        night = Meeting(dates=(self.SKIPPED,), starts=time(2, 30), ends=time(5))

        [slot] = plan([night], calendar(date(2026, 3, 1), date(2026, 3, 31))).slots

        assert (slot.local_date, slot.local_start, slot.local_end) == (self.SKIPPED, time(3, 30), time(5))

    @given(
        st.dates(date(2020, 1, 1), date(2030, 1, 1)),
        st.times(),
        st.times(),
        st.sampled_from(
            ["America/Toronto", "Australia/Lord_Howe", "America/St_Johns", "Africa/Cairo", "Pacific/Apia", "UTC"]
        ),
    )
    def test_every_slot_ends_after_it_starts(self, day, starts, ends, zone):
        starts_at, ends_at = moments(day, starts, ends, ZoneInfo(zone))

        assert timedelta(0) < ends_at - starts_at <= timedelta(hours=25)


class TestPastMidnight:
    def test_belongs_to_its_start_date(self):
        sleepover = Meeting(dates=(date(2026, 4, 10),), starts=time(22), ends=time(7))

        [slot] = plan([sleepover], calendar()).slots

        assert slot.local_date == date(2026, 4, 10)
        assert slot.ends_at - slot.starts_at == timedelta(hours=9)
        assert (slot.local_start, slot.local_end) == (time(22), time(7))

    def test_may_run_over_the_last_day_of_the_term(self):
        night = Meeting(dates=(SPRING[1],), starts=time(23), ends=time(1))

        [slot] = plan([night], calendar()).slots

        assert slot.ends_at.astimezone(TORONTO).date() == SPRING[1] + timedelta(days=1)


class TestHolidays:
    def test_of_ontario(self):
        assert public_holidays("CA", "ON", 2026)[date(2026, 5, 18)] == "Victoria Day"

    @pytest.mark.parametrize(("country", "subdivision", "language", "names"), [
        ("CA", "ON", "fr", "Vendredi saint"), ("CA", "ON", "en", "Good Friday"), ("DE", "BE", "de", "Karfreitag"),
        ("DE", "BE", "en", "Good Friday"), ("DE", "BE", "fr", "Good Friday"), ("AU", "NSW", "fr", "Good Friday"),
    ])  # fmt: skip
    def test_are_named_in_the_language_else_in_english(self, country, subdivision, language, names):
        assert public_holidays(country, subdivision, 2026, language)[date(2026, 4, 3)] == names

    def test_are_named_whatever_the_machine_speaks(self, monkeypatch):
        monkeypatch.setenv("LANGUAGE", "de")

        assert public_holidays("DE", "HH", 2027)[date(2027, 3, 26)] == "Good Friday"

    def test_of_no_country_are_none(self):
        assert public_holidays("", "", 2026) == {}

    @pytest.mark.parametrize(("country", "subdivision"), [("XX", ""), ("CA", "ZZ")])
    def test_of_an_unknown_place_are_refused(self, country, subdivision):
        with pytest.raises(UnknownHolidays, match=country):
            public_holidays(country, subdivision, 2026)


class TestJson:
    def test_reads_back_what_was_written(self):
        meeting = Meeting("LE", "Room 1", (0, 2), (), time(9, 5), time(10), date(2026, 4, 1), date(2026, 5, 1))

        assert Meeting.from_json(meeting.as_json()) == meeting

    @pytest.mark.parametrize(
        "kept", [{"weekdays": ["MOO"]}, {"starts": "25:00"}, {"dates": ["2026-04-31"]}, {"from": 3}]
    )
    def test_refuses_what_is_no_meeting(self, kept):
        with pytest.raises(ScheduleIsInvalid):
            Meeting.from_json(kept)
