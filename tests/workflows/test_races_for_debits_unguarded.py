"""The control of the race for a run: with its guards off a debit goes out in several. Its database is not checked."""

from dataclasses import replace

import psycopg
import pytest

from engine.database import Database
from models import DebitScheme
from tests.workflows.centre import make_centre
from tests.workflows.test_debit_runs import CREDITOR, race, ready, waiting
from workflows import debit_runs


@pytest.mark.usefixtures("time_to_meet")
def test_without_its_guards_a_debit_is_in_several_runs(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = debit_runs._HAND_OVER
    monkeypatch.setattr(debit_runs, "_HAND_OVER", replace(off, sql=off.sql.replace(" AND t.status = 'PENDING'", "")))
    monkeypatch.setattr(debit_runs, "_lock", lambda tx, review: None)
    with psycopg.connect(database_url) as owner:
        owner.execute(
            "ALTER TABLE debit_run_entry DROP CONSTRAINT uq_debit_run_entry_organisation_id_payment_id"
        )  # fmt: skip
    centre = ready(make_centre(database, database_url, currency="EUR"), DebitScheme.SEPA, CREDITOR)
    won = []
    for _ in range(10):
        waiting(centre)
        won.append(race(centre).count(True))
        if max(won) > 1:
            return

    pytest.fail(f"the race never met: {won}")
