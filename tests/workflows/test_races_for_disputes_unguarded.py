"""The control of the race of a dispute: without the locks of account and wallet, and the guard, it takes what is spent.
In a database of its own that is not checked.
"""

import psycopg
import pytest

from billing import wallet as wallets
from engine.batch import Guarded
from engine.database import Database
from tests.workflows.centre import make_centre
from tests.workflows.race import GOT_IT
from tests.workflows.test_races_for_disputes import race
from workflows import wallet, wallet_facts
from workflows.order_facts import read_order


@pytest.mark.usefixtures("time_to_meet")
def test_without_locks_and_guard_the_wallet_is_overdrawn(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wallet, "lock_order", lambda tx, order_id, actor: read_order(tx, order_id))
    monkeypatch.setattr(wallet_facts, "_LOCK", wallet_facts._LOCK.replace("FOR NO KEY UPDATE OF a", ""))
    monkeypatch.setattr(wallets, "_LOCK", wallets._LOCK.replace("FOR NO KEY UPDATE", ""))
    guard = wallets._MOVE
    unguarded = Guarded(name=guard.name, sql=guard.sql[: guard.sql.index("AND w.balance_minor")] + "RETURNING w.id",
                        takes=guard.takes, is_by_id=True)  # fmt: skip
    monkeypatch.setattr(wallets, "_MOVE", unguarded)
    with psycopg.connect(database_url) as owner:
        owner.execute("ALTER TABLE wallet DROP CONSTRAINT ck_wallet_balance_is_not_negative")

    its, outcomes, owed_minor = race(make_centre(database, database_url))

    spent_minor = outcomes.count(GOT_IT) * 11_30
    assert its.holds[0] < 0
    assert owed_minor < spent_minor
