"""The control of the races for a change: with both guards off, the race is lost. In a database that is not checked."""

import psycopg
import pytest

from engine.database import Database
from tests.workflows.centre import make_centre
from tests.workflows.race import GOT_IT
from tests.workflows.test_races_with_changes import race
from workflows import change_order


def test_without_its_guards_several_have_it_open(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_order, "_refuse_unless_open_to_change", lambda tx, enrolled: None)
    with psycopg.connect(database_url) as owner:
        owner.execute("DROP INDEX uq_term_booking_order_open_change")

    assert race(make_centre(database, database_url)).count(GOT_IT) == 8
