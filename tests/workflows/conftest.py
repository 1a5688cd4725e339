"""A centre for each module that tells stories, checked over the whole database at the end; and time for a race."""

import time
from collections.abc import Iterator

import pytest

from engine.database import Database, Transaction
from engine.replay import replay, report
from tests.workflows.centre import Centre, make_centre
from workflows.charts import edges


@pytest.fixture(scope="module")
def riverside(checked_database: Database, database_url: str) -> Iterator[Centre]:
    """What the stories of a module did stands in the history too: that alone leads to the same statuses and places."""
    centre = make_centre(checked_database, database_url)
    yield centre
    replayed = replay(checked_database, edges=edges(), organisation_id=centre.organisation_id)
    assert not replayed.breaches, report(replayed)


@pytest.fixture
def time_to_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rests between what it has read and what it writes, so that those who start together meet on any machine; for
    threads, and for clients that are forked from here on.
    """
    flush = Transaction.flush

    def after_a_rest(tx: Transaction) -> dict[str, int]:
        time.sleep(0.03)
        return flush(tx)

    monkeypatch.setattr(Transaction, "flush", after_a_rest)
