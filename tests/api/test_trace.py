"""A real registration's demand played through the verbs: nothing oversold, and each difference has its reason."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from api.runtime import Runtime
from api.trace import TimetableRefused, play_trace
from api.trace_file import TraceUnreadable, read_trace
from api.trace_report import Outcome, differs, table
from engine.clock import FrozenClock
from engine.database import Database
from engine.settings import Settings
from tests.builders import NOW

DATA = Path(__file__).parent / "data"
TIMETABLE = Path(__file__).parent.parent / "catalogue" / "data" / "timetable.tsv"
MAPPING = Path(__file__).parents[2] / "samples" / "ucsd_summer3.toml"


def play(database: Database, url: str, trace: Path, *, timetable: Path = TIMETABLE, seed: int = 3) -> Outcome:
    runtime = Runtime(Settings(), url, database, FrozenClock(NOW))
    return play_trace(
        runtime, Console(file=io.StringIO()), trace=trace, timetable=timetable, mapping=MAPPING, seed=seed
    )


@pytest.fixture(scope="module")
def outcome(checked_database: Database, database_url: str) -> Outcome:
    return play(checked_database, database_url, DATA / "trace.csv")


class TestPlayed:
    def test_nothing_is_oversold_and_no_promise_broken(self, outcome: Outcome) -> None:
        assert outcome.is_sound
        assert outcome.oversold == 0
        assert outcome.played.lines == 15

    def test_a_freed_place_goes_to_the_queue_at_once(self, outcome: Outcome) -> None:
        biology = outcome.played.sections["BIO 20 A01"]

        assert biology.why["queue promoted by our rule, at once"] == 1
        assert (len(biology.enrolled), len(biology.waiting)) == (2, 0)

    def test_seats_are_never_fewer_than_are_taken(self, outcome: Outcome) -> None:
        assert outcome.played.sections["BIO 20 A01"].why["seats below what is taken"] == 1

    def test_a_section_that_the_timetable_lacks_is_counted(self, outcome: Outcome) -> None:
        assert dict(outcome.played.unknown) == {"HIST 1 A00": 2}

    def test_each_difference_has_a_reason(self, outcome: Outcome) -> None:
        shown = io.StringIO()
        Console(file=shown, width=200).print(table(outcome.played))

        assert "not known" not in shown.getvalue()
        assert [s.name for s in outcome.played.sections.values() if differs(s) and not s.why] == []

    def test_the_same_seed_plays_the_same_people(
        self, checked_database: Database, database_url: str, outcome: Outcome
    ) -> None:
        again = play(checked_database, database_url, DATA / "trace.csv")

        assert {n: (len(s.enrolled), s.why) for n, s in again.played.sections.items()} == {
            n: (len(s.enrolled), s.why) for n, s in outcome.played.sections.items()
        }  # fmt: skip


class TestFile:
    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("", "has no column time, course"),
            ("time,course,section,enrolled,waitlisted\n", "has no column seats"),
            ("time,course,section,enrolled,waitlisted,seats\n", "holds no line"),
            (
                "time,course,section,enrolled,waitlisted,seats\n1,A,B,2,0,x\n",
                "Line 2, seats: 'x' is not a whole number",
            ),
            ("time,course,section,enrolled,waitlisted,seats\n1,A,B,-2,0,1\n", "Line 2, enrolled"),
            ("time,course,section,enrolled,waitlisted,seats\n1,A,B,2\n", "Line 2, waitlisted: None"),
        ],
    )
    def test_that_is_no_trace_is_refused_with_its_line(self, tmp_path: Path, text: str, what: str) -> None:
        file = tmp_path / "trace.csv"
        file.write_text(text)

        with pytest.raises(TraceUnreadable) as refusal:
            read_trace(file)

        assert what in refusal.value.message

    def test_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(TraceUnreadable, match="cannot be read"):
            read_trace(tmp_path / "nothing.csv")

    def test_a_timetable_with_a_bad_row_plays_nothing(
        self, checked_database: Database, database_url: str, tmp_path: Path
    ) -> None:
        bad = tmp_path / "timetable.tsv"
        bad.write_text(TIMETABLE.read_text().replace("\t30\t", "\tmany\t"))

        with pytest.raises(TimetableRefused, match="line 2"):
            play(checked_database, database_url, DATA / "trace.csv", timetable=bad)
