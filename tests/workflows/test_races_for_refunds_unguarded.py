"""The control of the race for a refund: without the locks of account and wallet and the guards of its status it is set
aside again and again. In a database of its own that is not checked.
"""

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from billing import wallet as wallets
from engine.batch import Batch, Guarded
from engine.database import Database
from tests.workflows.centre import make_centre
from tests.workflows.race import GOT_IT
from tests.workflows.test_races_for_refunds import race
from workflows import wallet_facts


@pytest.mark.usefixtures("time_to_meet")
def test_without_lock_and_guards_it_is_sent_twice(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wallet_facts, "_LOCK", wallet_facts._LOCK.replace("FOR NO KEY UPDATE OF a", ""))
    monkeypatch.setattr(wallets, "_LOCK", wallets._LOCK.replace("FOR NO KEY UPDATE", ""))
    guard = Batch.guard

    def unguarded(batch: Batch, guarded: Guarded, rows: Any, **more: Any) -> None:
        if guarded.name == "move_refund_request":
            moves = guarded.sql.replace("AND t.status = r.from_status AND t.version = r.from_version", "")
            guarded = replace(guarded, sql=moves)
        guard(batch, guarded, rows, **more)

    monkeypatch.setattr(Batch, "guard", unguarded)
    with psycopg.connect(database_url) as owner:
        owner.execute("ALTER TABLE status_event DROP CONSTRAINT uq_status_event_organisation_id_subject_id_sequence")
        owner.execute("DROP TRIGGER within_payment ON refund")

    its, outcomes = race(make_centre(database, database_url))

    assert outcomes.count(GOT_IT) > 1
    assert len(its.sent()) == outcomes.count(GOT_IT)
