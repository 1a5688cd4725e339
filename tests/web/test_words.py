"""Days, times and sessions, as people of a place write them; and our French, which is written one way."""

import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel import Locale

from web.catalogues import kept
from web.words import Writing

ROOT = Path(__file__).parents[2]


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


@pytest.mark.parametrize(("days", "written"), [
    ([0, 1, 2, 3, 4], "Mon–Fri"), ([0, 1, 3, 4], "Mon, Tue, Thu, Fri"), ([5], "Sat"), ([6, 2, 1, 0], "Mon–Wed, Sun"),
    ([], ""),
])  # fmt: skip
def test_days_in_a_row_are_said_by_the_first_and_the_last(days: list[int], written: str) -> None:
    assert Writing(Locale.parse("en_CA"), "America/Toronto").weekdays_together(days) == written


def test_one_waits_on_a_list_and_never_in_a_queue() -> None:
    """One word for one thing, in English; the sentences of the domain are among them."""
    said = [str(message.id) for catalogue in kept("fr").values() for message in catalogue]
    said += [mail.read_text() for mail in (ROOT / "notifications" / "templates" / "en").glob("*.txt")]

    assert [text for text in said if re.search(r"(?i)\bqueue", text)] == []


class TestFrench:
    """As it is written in Quebec: one word for each thing, and the spaces that the Office québécois recommends."""

    @pytest.mark.parametrize(("fault", "is_not"), [
        (r"\s[;!?]", "no space before ; ! ?"),
        (r"[^\S\xa0]:(?:\s|$)", "a space that does not break before a colon"),
        (r"«[^\xa0]|[^\xa0]»", "spaces that do not break within «\xa0»"),
        (r"(?<=[a-zàâçéèêëîïôûù])'(?=[a-zàâçéèêëîïôûù])", "’ as apostrophe"),
        (r"\.\.\.", "… as ellipsis"),
        (r"(?i)porte-monnaie|(?<!ligne de )commandes?\b|trimestre(?! dernier)|codes? promo\b|adresse électronique|"
         "espèces",
         "the words of the glossary in docs/web.md"),
        (r"(?i)files? d’attente|\b(?:la|sa|une) file\b", "« liste d’attente », one word for one thing"),
    ])  # fmt: skip
    def test_is_written_one_way(self, fault: str, is_not: str) -> None:
        assert [text for text in french() if re.search(fault, text)] == [], is_not

    def test_everything_is_looked_at(self) -> None:
        assert len(list(french())) > 3000


def french() -> Iterator[str]:
    """What we say in French: on pages, in mails without their placeholders, and on papers."""
    for catalogue in kept("fr").values():
        for message in catalogue:
            if message.id:
                yield from (message.string,) if isinstance(message.string, str) else message.string
    for mail in (ROOT / "notifications" / "templates" / "fr").glob("*.txt"):
        yield re.sub(r"\{%.*?%\}", "", mail.read_text())
    labels = tomllib.loads((ROOT / "invoicing" / "templates" / "labels.fr.toml").read_text())
    yield from labels.values()
