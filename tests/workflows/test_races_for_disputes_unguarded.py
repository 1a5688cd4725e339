"""The control of the race of a dispute: without the locks of account and wallet, and the guard, it takes what is spent.
In a database of its own that is not checked.
"""

import pytest

from engine.database import Database
from tests.workflows.centre import make_centre
from tests.workflows.race import GOT_IT, unguard_wallets
from tests.workflows.test_races_for_disputes import race
from workflows import wallet_facts


@pytest.mark.usefixtures("time_to_meet")
def test_without_locks_and_guard_the_wallet_is_overdrawn(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unguard_wallets(monkeypatch, database_url)
    monkeypatch.setattr(wallet_facts, "_LOCK", wallet_facts._LOCK.replace("FOR NO KEY UPDATE OF a", ""))

    its, outcomes, owed_minor = race(make_centre(database, database_url))

    spent_minor = outcomes.count(GOT_IT) * 11_30
    assert its.holds[0] < 0
    assert owed_minor < spent_minor
