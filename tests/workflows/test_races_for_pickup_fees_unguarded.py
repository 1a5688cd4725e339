"""The control of the race for a late pick-up's fee: without its chart and the constraints it is charged more than once;
either of the two is enough. In a database of its own that is not checked.
"""

from typing import Any

import psycopg
import pytest

from engine.actor import Actor
from engine.database import Database
from tests.workflows.centre import Centre, make_centre
from tests.workflows.race import clients
from tests.workflows.test_door import stella as stella
from tests.workflows.test_pickup_fees import Late
from tests.workflows.test_races_for_pickup_fees import CLIENTS, accepting
from workflows import late_pickup

# A fee stands on one invoice line, and once in a price.
KEYS = {"invoice_line": "UNIQUE (organisation_id, late_pickup_id)",
        "billing_line": "UNIQUE (organisation_id, billing_id, attendee_id, term_product_id, component)"}  # fmt: skip
_NAMED = """
SELECT conname FROM pg_constraint
WHERE conrelid = %(table)s::regclass AND pg_get_constraintdef(oid) = %(key)s
"""


@pytest.fixture(scope="module")
def riverside(database: Database, database_url: str) -> Centre:
    return make_centre(database, database_url)


def charged(centre: Centre, staff: Actor, monkeypatch: pytest.MonkeyPatch, *, by_chart: bool) -> int:
    """How many lines charge one late pick-up that so many accept at once."""
    late, fire = Late(centre, staff), late_pickup.fire

    def of_the_booking_alone(batch: Any, chart: Any, *given: Any, **facts: Any) -> None:
        if chart is not late_pickup.CHART:
            fire(batch, chart, *given, **facts)

    with monkeypatch.context() as patched:
        if not by_chart:
            patched.setattr(late_pickup, "fire", of_the_booking_alone)
        with clients(centre.url, processes=4, each=2) as racing:
            racing.race(centre.organisation_id, [[accepting(late)] * CLIENTS])
    return len(late.lines())


def test_without_its_guards_a_late_pickup_is_charged_more_than_once(
    riverside: Centre, stella: Actor, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert charged(riverside, stella, monkeypatch, by_chart=False) == 1, "the constraints alone"
    with psycopg.connect(database_url) as owner:
        for table, key in KEYS.items():
            (name,) = owner.execute(_NAMED, {"table": table, "key": key}).fetchone() or ("",)
            owner.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    assert charged(riverside, stella, monkeypatch, by_chart=True) == 1, "the chart alone"
    assert charged(riverside, stella, monkeypatch, by_chart=False) > 1, "neither: the race is real"
