from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.eligibility import (
    AttendeeFacts,
    OfferingFacts,
    age_below_from_maximum,
    ages_in_words,
    completed_months,
    failing,
    in_words,
)

SUNDAY = date(2026, 4, 12)
KARATE = OfferingFacts("Karate", age_from_months=72, age_below_months=age_below_from_maximum(96))


def child(born: date, **facts) -> AttendeeFacts:
    return AttendeeFacts("Mia", born, **facts)


class TestCompletedMonths:
    @pytest.mark.parametrize(
        ("born", "on", "months"),
        [
            (date(2020, 4, 12), date(2026, 4, 12), 72),
            (date(2020, 4, 13), date(2026, 4, 12), 71),
            (date(2020, 2, 29), date(2026, 2, 28), 71),
            (date(2020, 2, 29), date(2026, 3, 1), 72),
            (date(2020, 2, 29), date(2024, 2, 29), 48),
            (date(2020, 1, 31), date(2020, 2, 29), 0),
            (date(2020, 1, 31), date(2020, 3, 1), 1),
            (date(2020, 1, 31), date(2020, 4, 30), 2),
            (date(2020, 1, 31), date(2020, 5, 1), 3),
            (date(2020, 12, 31), date(2021, 1, 1), 0),
            (date(2020, 1, 1), date(2020, 1, 1), 0),
            (date(2026, 5, 1), date(2026, 4, 12), -1),
        ],
    )
    def test_counts_a_month_on_its_day_or_on_the_first_of_the_next(self, born, on, months):
        assert completed_months(born, on) == months

    @given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.dates(date(1900, 1, 1), date(2100, 1, 1)))
    def test_never_falls_as_the_days_pass(self, born, on):
        assert completed_months(born, on.replace(day=1)) <= completed_months(born, on)

    def test_agrees_with_the_database(self, database):
        pairs = [
            (date(2020, 1, day), date(2026, month, last))
            for day in (1, 15, 28, 29, 30, 31)
            for month, last in ((1, 1), (2, 28), (3, 1), (4, 30), (5, 31), (12, 31))
        ]

        with database.engine.connect() as connection:
            for born, on in pairs:
                asked = "SELECT extract(year FROM a) * 12 + extract(month FROM a) FROM age(%s::date, %s::date) a"
                theirs = connection.exec_driver_sql(asked, (on, born)).scalar()
                assert completed_months(born, on) == theirs, (born, on)


class TestMaximumAge:
    def test_in_whole_years_lasts_until_the_next_birthday(self):
        assert age_below_from_maximum(96) == 108
        assert age_below_from_maximum(36) == 48

    def test_in_months_lasts_that_month(self):
        assert age_below_from_maximum(30) == 31

    def test_a_course_for_6_to_8_takes_a_child_of_100_months(self):
        born = date(2017, 12, 12)
        assert completed_months(born, SUNDAY) == 100

        assert failing(child(born), KARATE, SUNDAY) == []

    @pytest.mark.parametrize(("born", "taken"), [(date(2017, 4, 13), True), (date(2017, 4, 12), False)])
    def test_ends_on_the_ninth_birthday(self, born, taken):
        assert (failing(child(born), KARATE, SUNDAY) == []) is taken


class TestFailing:
    def test_says_what_is_asked_and_what_the_child_has(self):
        [reason] = failing(child(date(2020, 4, 20)), KARATE, SUNDAY, field="lines[0]", session="S-1")

        assert reason.message == "Mia is 5 years 11 months on 12 Apr 2026; Karate takes 6 to 8 years."
        assert (reason.code, reason.rule) == ("age_does_not_fit", "age")
        assert (reason.field, reason.session) == ("lines[0]", "S-1")
        assert reason.facts == {
            "age_months": 71,
            "age_from_months": 72,
            "age_below_months": 108,
            "on": "2026-04-12",
        }

    def test_says_that_a_child_is_not_born_yet(self):
        [reason] = failing(child(date(2026, 5, 1)), KARATE, SUNDAY)

        assert "is not born yet on 12 Apr 2026" in reason.message

    def test_gives_every_reason_at_once(self):
        ride = OfferingFacts(
            "Rafting",
            age_from_months=144,
            school_year_from=6,
            height_from_cm=140,
            weight_from_kg=Decimal("40.0"),
            weight_to_kg=Decimal("90.0"),
        )

        reasons = failing(
            child(date(2018, 1, 1), school_year=3, height_cm=120, weight_kg=Decimal("25.5")), ride, SUNDAY
        )

        assert [reason.message for reason in reasons] == [
            "Mia is 8 years 3 months on 12 Apr 2026; Rafting takes 12 years and older.",
            "Mia's school year is 3; Rafting takes school year from 6.",
            "Mia's height is 120 cm; Rafting takes height from 140 cm.",
            "Mia's weight is 25.5 kg; Rafting takes weight 40.0 to 90.0 kg.",
        ]

    def test_what_is_not_known_is_a_reason_of_its_own(self):
        [reason] = failing(child(date(2018, 1, 1)), OfferingFacts("Slide", height_to_cm=150), SUNDAY)

        assert reason.code == "height_unknown"
        assert reason.message == "Mia's height is not known; Slide takes height up to 150 cm."

    def test_both_ends_of_a_measure_are_in(self):
        slide = OfferingFacts("Slide", height_from_cm=120, height_to_cm=150)

        assert failing(child(SUNDAY, height_cm=120), slide, SUNDAY) == []
        assert failing(child(SUNDAY, height_cm=150), slide, SUNDAY) == []
        assert len(failing(child(SUNDAY, height_cm=151), slide, SUNDAY)) == 1

    def test_no_rule_takes_everyone(self):
        assert failing(child(date(1930, 1, 1)), OfferingFacts("Chess"), SUNDAY) == []

    def test_reads_rows_with_more_columns(self):
        offering = {name: getattr(KARATE, name) for name in KARATE.__slots__} | {"capacity": 3}
        attendee = {"name": "Mia", "date_of_birth": SUNDAY, "school_year": 1, "height_cm": 1, "weight_kg": None, "x": 1}

        assert OfferingFacts.of(offering) == KARATE
        assert AttendeeFacts.of(attendee).school_year == 1


class TestWords:
    @pytest.mark.parametrize(
        ("months", "words"), [(0, "0 months"), (1, "1 month"), (12, "1 year"), (71, "5 years 11 months")]
    )
    def test_of_an_age(self, months, words):
        assert in_words(months) == words

    @pytest.mark.parametrize(
        ("low", "below", "words"),
        [
            (72, 108, "6 to 8 years"),
            (36, 48, "3 years"),
            (720, None, "60 years and older"),
            (None, 48, "up to 3 years"),
            (None, 12, "under 1 year"),
            (None, None, "all ages"),
            (30, 55, "2 years 6 months to under 4 years 7 months"),
            (None, 31, "under 2 years 7 months"),
        ],
    )
    def test_of_a_range(self, low, below, words):
        assert ages_in_words(low, below) == words
