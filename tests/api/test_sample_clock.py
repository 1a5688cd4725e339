"""The sample's clock goes on where it stood, and only for the sample that it was kept for."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from api import sample_clock

SUNDAY = datetime(2026, 4, 12, 13, 25, 7, tzinfo=UTC)


def test_what_was_kept_last_is_found_again(tmp_path: Path) -> None:
    sample = uuid4()
    for second in (1, 2):
        sample_clock.keep(tmp_path, sample, SUNDAY.replace(second=second))

    assert sample_clock.kept(tmp_path, sample) == SUNDAY.replace(second=2)
    assert [path.name for path in tmp_path.iterdir()] == ["clock"]


def test_nothing_is_known_of_another_sample_or_before_the_first_run(tmp_path: Path) -> None:
    assert sample_clock.kept(tmp_path, uuid4()) is None
    sample_clock.keep(tmp_path, uuid4(), SUNDAY)

    assert sample_clock.kept(tmp_path, uuid4()) is None
