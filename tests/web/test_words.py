"""Days, times and sessions, as people of a place write them."""

from datetime import UTC, datetime

import pytest
from babel import Locale

from web.words import Writing


@pytest.mark.parametrize(("locale", "written"), [
    ("en_CA", "Karate, Sun, Apr 12, 2026, 9:30 a.m.–10:30 a.m."),
    ("fr_CA", "Karate, dim. 12 avr. 2026, 09 h 30–10 h 30"),
    ("en_AU", "Karate, Sun, 12 Apr 2026, 9:30 am–10:30 am"),
    ("de", "Karate, So., 12. Apr. 2026, 09:30–10:30"),
])  # fmt: skip
def test_a_session_is_named_as_its_reader_writes(locale: str, written: str) -> None:
    writing = Writing(Locale.parse(locale), "America/Toronto")

    found = writing.session("Karate, Sun 12 Apr 2026 09:30–10:30")

    assert found.replace("\u202f", " ").replace("\xa0", " ") == written
    assert writing.session("Karate, undated") == "Karate, undated"


def test_a_moment_is_told_to_the_minute() -> None:
    writing = Writing(Locale.parse("en_CA"), "America/Toronto")

    found = writing.moment(datetime(2026, 4, 12, 13, 30, 10, tzinfo=UTC))

    assert found.replace("\u202f", " ").replace("\xa0", " ") == "Apr 12, 2026, 9:30 a.m."
