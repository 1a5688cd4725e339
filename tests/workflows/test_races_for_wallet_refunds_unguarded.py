"""The control of the race for the money of a wallet: without its locks and guards it goes several ways at once. In a
database of its own that is not checked.
"""

import psycopg
import pytest

from engine.database import Database
from tests.workflows.centre import make_centre
from tests.workflows.race import GOT_IT, unguard_wallets
from tests.workflows.test_races_for_wallet_refunds import gone, race
from workflows import wallet_facts


@pytest.mark.usefixtures("time_to_meet")
def test_without_locks_and_guards_it_goes_several_ways(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unguard_wallets(monkeypatch, database_url)
    monkeypatch.setattr(wallet_facts, "_LOCK", wallet_facts._LOCK.replace("FOR NO KEY UPDATE OF a", ""))
    with psycopg.connect(database_url) as owner:
        owner.execute("DROP TRIGGER within_payment ON refund")

    its, outcomes = race(make_centre(database, database_url))

    assert outcomes.count(GOT_IT) > 1
    assert sum(gone(its).values()) > 11_30
