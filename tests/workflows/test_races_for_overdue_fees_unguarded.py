"""The control of the race for overdue fees: without the look under the lock and the constraint one is charged more than
once; either of the two is enough. In a database of its own that is not checked.
"""

from typing import Any

import psycopg
import pytest

from engine.database import Database
from tests.workflows.payment_world import PayWorld, make_world
from tests.workflows.race import clients
from tests.workflows.test_overdue_fees import fees, ruled
from tests.workflows.test_payment_reminders import invoiced
from tests.workflows.test_races_for_overdue_fees import charging, overdue
from workflows import overdue_fees


def charged(world: PayWorld, monkeypatch: pytest.MonkeyPatch, *, looks: bool) -> int:
    """How many fees so many workers charge for one invoice that all of them have found."""
    before = len(fees(world))
    invoiced(world)
    (found,) = overdue(world)

    def as_it_was_found(*_: Any, **__: Any) -> list[overdue_fees.Overdue]:
        return [found]

    with monkeypatch.context() as patched:
        if not looks:
            patched.setattr(overdue_fees, "find_overdue", as_it_was_found)
        with clients(world.url, processes=4, each=2) as racing:
            racing.race(world.organisation_id, [charging(found)])
    return len(fees(world)) - before


def test_without_its_guards_an_invoice_is_charged_more_than_once(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(database, database_url, name="Unguarded")
    ruled(world)

    assert charged(world, monkeypatch, looks=False) == 1, "the constraint alone"
    with psycopg.connect(database_url) as owner:
        owner.execute("DROP INDEX uq_overdue_fee_invoice")
    assert charged(world, monkeypatch, looks=True) == 1, "the look under the lock alone"
    assert charged(world, monkeypatch, looks=False) > 1, "neither: the race is real"
