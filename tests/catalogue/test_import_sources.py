"""Three sources written in quite different ways, each read by its mapping alone."""

import csv
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from catalogue.rules import Answer, Rule, answer, read_rules, read_settings
from models import RuleScope
from tests.catalogue.conftest import DATA, SAMPLES, TORONTO, make_organisation

TORONTO_FILES = (
    SAMPLES / "toronto_registered_programs_centre7_2026.csv",
    SAMPLES / "toronto_centre7.toml",
    SAMPLES / "toronto_prices.toml",
)
OFFERINGS = "SELECT * FROM term_program_set WHERE organisation_id = %(org)s ORDER BY code"
SESSIONS = """
    SELECT s.*, o.code, o.name AS offering FROM term_product s
    JOIN term_program_set o ON o.organisation_id = s.organisation_id AND o.id = s.term_program_set_id
    WHERE s.organisation_id = %(org)s ORDER BY o.code, s.starts_at, s.component
"""


def by_code(found: list[dict]) -> dict[str, list[dict]]:
    codes: dict[str, list[dict]] = {}
    for row in found:
        codes.setdefault(row["code"], []).append(row)
    return codes


def days_by_hand(row: dict[str, str]) -> list[date]:
    """The dates of a row, by walking its days and looking at each: nothing of ours is used."""
    first, last = (datetime.strptime(f"{text} +0000", "%b-%d-%Y %z").date() for text in row["From To"].split(" to "))
    holidays = {date(2026, 4, 3), date(2026, 5, 18), date(2026, 7, 1)}
    walked = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [day for day in walked if day.strftime("%a") in row["Days of The Week"] and day not in holidays]


class TestToronto:
    @pytest.fixture
    def report(self, run_import):
        return run_import(*TORONTO_FILES)

    def test_has_53_offerings_and_405_sessions(self, report):
        assert report.applied
        assert (report.rows_read, report.created, report.updated, report.unchanged) == (53, 53, 0, 0)
        assert report.sessions.created == 405
        assert (report.bad_rows, report.vanished, report.notices) == ([], [], [])
        assert (report.sites.created, report.terms.created, report.categories.created) == (1, 2, 5)
        assert report.programs.created == 27

    def test_has_exactly_the_days_that_the_file_names(self, report, rows):
        with TORONTO_FILES[0].open(encoding="utf-8") as lines:
            expected = {row["Course_ID"]: days_by_hand(row) for row in csv.DictReader(lines)}

        found = {code: [s["local_date"] for s in sessions] for code, sessions in by_code(rows(SESSIONS)).items()}

        assert found == expected
        assert sum(map(len, expected.values())) == report.sessions.created

    def test_victoria_day_is_no_day_of_classes(self, report, rows):
        drawing = by_code(rows(SESSIONS))["129519"]

        assert [s["local_date"].isoformat()[5:] for s in drawing] == [
            "04-20", "04-27", "05-04", "05-11", "05-25", "06-01", "06-08", "06-15", "06-22"
        ]  # fmt: skip

    def test_camps_are_holiday_weeks_priced_by_the_day_and_by_the_week(self, report, rows):
        camps = rows(
            """
            SELECT o.code, o.modes, o.session_price_minor, o.full_week_price_minor, o.capacity, c.program_type,
                   count(s.id) AS days
            FROM term_program_set o
            JOIN program p ON p.organisation_id = o.organisation_id AND p.id = o.program_id
            JOIN program_category c ON c.organisation_id = o.organisation_id AND c.id = p.category_id
            JOIN term_product s ON s.organisation_id = o.organisation_id AND s.term_program_set_id = o.id
            WHERE o.organisation_id = %(org)s AND c.name = 'Camps'
            GROUP BY o.code, o.modes, o.session_price_minor, o.full_week_price_minor, o.capacity, c.program_type
            """
        )

        assert len(camps) == 18
        assert {camp["program_type"] for camp in camps} == {12}
        assert {tuple(camp["modes"]) for camp in camps} == {("FULL_WEEK",)}
        assert {(camp["days"], camp["full_week_price_minor"]) for camp in camps} == {(4, 16000), (5, 20000)}
        assert sum(camp["days"] == 4 for camp in camps) == 4
        assert {(camp["session_price_minor"], camp["capacity"]) for camp in camps} == {(4800, 24)}

    def test_ages_are_kept_as_they_are_asked(self, report, rows):
        offerings = {row["code"]: row for row in rows(OFFERINGS)}

        karate, painting = offerings["129878"], offerings["129515"]
        assert (karate["name"], karate["age_from_months"], karate["age_below_months"]) == ("Karate - Beginner", 72, 108)
        assert (painting["age_from_months"], painting["age_below_months"]) == (720, None)
        assert painting["display"] == {"section": "Arts - Visual Arts"}

    def test_a_course_that_is_not_available_yet_opens_later(self, report, rows):
        zumba = next(row for row in rows(OFFERINGS) if row["code"] == "175284")

        assert zumba["name"] == "Zumba®"
        assert zumba["status"] == "PUBLISHED"
        assert zumba["bookable_from"] == datetime(2026, 6, 3, 7, 0, tzinfo=TORONTO)

    def test_sessions_stand_in_the_centres_time(self, report, rows):
        first = by_code(rows(SESSIONS))["129878"][0]

        assert (first["local_date"], first["local_start"], first["local_end"]) == (
            date(2026, 4, 12),
            time(9, 30),
            time(10, 30),
        )
        assert first["starts_at"] == datetime(2026, 4, 12, 13, 30, tzinfo=UTC)
        assert (first["price_minor"], first["capacity"], first["taken"]) == (1050, 16, 0)

    def test_terms_stand_where_the_date_puts_them(self, report, rows):
        terms = rows("SELECT name, status FROM term WHERE organisation_id = %(org)s ORDER BY starts_on")

        assert [(term["name"], term["status"]) for term in terms] == [
            ("Spring 2026", "RUNNING"),
            ("Summer 2026", "OPEN"),
        ]

    def test_adults_are_taxed_and_children_are_not(self, report, rows, database, organisation):
        offerings = {row["code"]: row["id"] for row in rows(OFFERINGS)}

        def tax(code: str) -> Answer:
            with database.transaction(organisation) as tx:
                return read_rules(tx, term_program_set_id=offerings[code])[Rule.TAX]

        assert (tax("132785").value.name, tax("132785").value.rate_percent) == ("HST", Decimal(13))
        assert tax("132785").scope is RuleScope.CATEGORY
        assert tax("129515").scope is RuleScope.PROGRAM
        assert (tax("129878").value, tax("129878").scope) == (None, RuleScope.ORGANISATION)

    def test_a_camp_closes_a_day_ahead(self, report, rows, database, organisation):
        [camps] = rows("SELECT id FROM program_category WHERE organisation_id = %(org)s AND name = 'Camps'")
        chain = (camps["id"], organisation)

        with database.transaction(organisation) as tx:
            settings = read_settings(tx, chain)

        assert answer(Rule.BOOKING_CUT_OFF, settings, chain=chain).value == 1440
        assert answer(Rule.BOOKING_CUT_OFF, settings, chain=chain[1:]).value == 60


class TestTimetable:
    """The format of a university's timetable: all meetings of a section in one cell."""

    @pytest.fixture
    def sessions(self, run_import, rows):
        report = run_import(DATA / "timetable.tsv", SAMPLES / "ucsd_summer3.toml")
        assert report.applied
        return by_code(rows(SESSIONS))

    def test_weekly_meetings_repeat_and_dated_ones_happen_once(self, sessions):
        components = [s["component"] for s in sessions["BIO 10 A00"]]

        # From 1 July to 13 September 2024 there are 33 Mondays, Wednesdays and Fridays, one of them Labor Day, and 22
        # Tuesdays and Thursdays, one of them Independence Day.
        assert components.count("LE") == 32
        assert components.count("DI") == 21
        assert components.count("FI") == 1
        final = next(s for s in sessions["BIO 10 A00"] if s["component"] == "FI")
        assert (final["local_date"], final["local_start"], final["local_end"]) == (
            date(2024, 9, 7),
            time(8),
            time(10, 59),
        )
        assert final["title"] == "HALL 1"

    def test_independent_work_has_a_place_and_no_time(self, sessions):
        [only] = sessions["BIO 99 001"]

        assert (only["component"], only["starts_at"], only["local_date"], only["capacity"]) == ("IN", None, None, 9999)

    def test_an_examination_takes_the_lectures_place(self, sessions):
        on_the_day = [s for s in sessions["BIO 20 A01"] if s["local_date"] == date(2024, 9, 11)]

        assert [s["component"] for s in on_the_day] == ["FI"]
        assert [s["component"] for s in sessions["BIO 20 A01"]].count("LA") == 1

    def test_a_meeting_without_its_days_is_undated_beside_those_that_have_them(self, sessions):
        chemistry = sessions["CHEM 5 A00"]

        assert sum(s["local_date"] is None for s in chemistry) == 1
        assert {s["local_date"].weekday() for s in chemistry if s["local_date"]} == {5}
        assert {s["capacity"] for s in chemistry} == {0}

    def test_days_that_stand_together_are_told_apart(self, sessions):
        assert {s["local_date"].weekday() for s in sessions["CHEM 5 B00"]} == {0, 1, 2, 3, 4}

    def test_a_department_is_a_category_and_a_course_a_program(self, sessions, rows):
        named = rows(
            """
            SELECT c.name AS category, p.name AS program FROM program p
            JOIN program_category c ON c.organisation_id = p.organisation_id AND c.id = p.category_id
            WHERE p.organisation_id = %(org)s ORDER BY p.name
            """
        )

        assert [(row["category"], row["program"]) for row in named] == [
            ("BIO", "BIO 10"),
            ("BIO", "BIO 20"),
            ("BIO", "BIO 99"),
            ("CHEM", "CHEM 5"),
        ]


class TestUnseenSource:
    """Semicolons, another encoding, other words and other units: a mapping and no code."""

    @pytest.fixture
    def organisation(self, database_url):
        return make_organisation(database_url, currency="EUR", time_zone="Europe/Berlin")

    @pytest.fixture
    def found(self, run_import, rows):
        report = run_import(DATA / "kurse.csv", DATA / "kurse.toml")
        assert report.applied
        assert report.bad_rows == []
        return {row["code"]: row for row in rows(OFFERINGS)}, by_code(rows(SESSIONS))

    def test_words_are_read_in_their_encoding(self, found):
        offerings, _ = found

        assert offerings["K-1"]["name"] == "Töpfern für Kinder"
        assert offerings["K-3"]["name"] == 'Mond "bei Nacht"'
        assert offerings["K-3"]["display"] == {"teacher": "nach Ansage"}

    def test_weekdays_dates_and_times(self, found):
        _, sessions = found

        assert [(s["local_date"].day, s["local_start"], s["local_end"]) for s in sessions["K-1"]] == [
            (day, time(16, 45), time(18, 0)) for day in (13, 15, 20, 22)
        ]
        assert [s["local_date"].day for s in sessions["K-2"]] == [14, 15, 16]
        assert sessions["K-2"][0]["starts_at"] == datetime(2026, 4, 14, 7, 0, tzinfo=UTC)

    def test_a_session_past_midnight_belongs_to_its_start_date(self, found):
        [night] = found[1]["K-3"]

        assert (night["local_date"], night["local_start"], night["local_end"]) == (
            date(2026, 5, 8),
            time(23, 30),
            time(1),
        )
        assert night["ends_at"] - night["starts_at"] == timedelta(minutes=90)

    def test_ages_prices_and_places(self, found):
        offerings, _ = found

        def asked(code):
            row = offerings[code]
            return row["age_from_months"], row["age_below_months"], row["session_price_minor"], row["capacity"]

        assert asked("K-1") == (72, 108, 123450, 12)
        assert asked("K-2") == (36, None, 750, 8)
        assert asked("K-3") == (None, None, 0, 20)
        assert offerings["K-1"]["modes"] == ["FULL_TERM", "CASUAL"]
        assert offerings["K-3"]["modes"] == ["CASUAL"]
        assert offerings["K-1"]["bookable_until"] == datetime(2026, 4, 10, 16, 0, tzinfo=UTC)

    def test_categories_may_be_named_or_made(self, found, rows):
        named = rows("SELECT name, program_type FROM program_category WHERE organisation_id = %(org)s ORDER BY name")

        assert [(row["name"], row["program_type"]) for row in named] == [
            ("Gestalten", 11),
            ("Natur und Garten", 12),
            ("Sport", 11),
        ]
