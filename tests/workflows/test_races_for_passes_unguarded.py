"""The control of the race for a pass: without the account's lock and the guard its units are used twice. In a database
of its own that is not checked.
"""

import psycopg
import pytest

from engine.batch import Guarded
from engine.database import Database
from tests.workflows.centre import make_centre
from tests.workflows.passes import of
from tests.workflows.race import GOT_IT
from tests.workflows.test_races_for_passes import UNITS, race
from workflows import pass_use, term_booking_order
from workflows.order_facts import read_order


@pytest.mark.usefixtures("time_to_meet")
def test_without_lock_and_guard_it_is_overused(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(term_booking_order, "lock_order", lambda tx, order_id, **_: read_order(tx, order_id))
    guard = pass_use._USE
    unguarded = Guarded(name=guard.name, sql=guard.sql[: guard.sql.index("AND e.used + r.units")] + "RETURNING e.id",
                        takes=guard.takes, is_by_id=True)  # fmt: skip
    monkeypatch.setattr(pass_use, "_USE", unguarded)
    with psycopg.connect(database_url) as owner:
        owner.execute("ALTER TABLE entitlement DROP CONSTRAINT ck_entitlement_used_within_granted")

    centre = make_centre(database, database_url)
    pass_id, outcomes = race(centre)

    assert outcomes.count(GOT_IT) > UNITS
    assert of(centre, pass_id)["used"] > UNITS
