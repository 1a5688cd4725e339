"""The control of the race for a wallet: without its locks and its guard it goes below zero. In a database of its own
that is not checked.
"""

import pytest

from engine.database import Database
from tests.workflows.centre import make_centre
from tests.workflows.race import GOT_IT, unguard_wallets
from tests.workflows.test_races_for_wallets import DEBITS, HELD, race


@pytest.mark.usefixtures("time_to_meet")
def test_without_locks_and_guard_it_is_overdrawn(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unguard_wallets(monkeypatch, database_url)

    its, outcomes = race(make_centre(database, database_url))

    assert HELD < outcomes.count(GOT_IT) <= DEBITS
    assert its.holds[0] < 0
