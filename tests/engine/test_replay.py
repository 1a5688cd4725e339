"""`termbook check --replay`: the history alone leads to what stands, and it is told where it does not."""

from contextlib import suppress

import pytest

from engine.database import Database
from engine.replay import Comparison, replay, replay_organisation, report
from tests.workflows.centre import Cart, Centre, make_centre, orders, sundays
from workflows.charts import edges

CORRUPTIONS = {
    "UPDATE term_booking_order SET status = 475 WHERE id = %(id)s": "its history alone makes it 300.",
    "DELETE FROM status_event WHERE subject_id = %(id)s": "its history alone makes it None.",
    "UPDATE status_event SET trigger = 'wave' WHERE subject_id = %(id)s AND sequence = 3":
        "event 3 (wave to 300) cannot follow on status 200.",
    "UPDATE status_event SET from_status = 100 WHERE subject_id = %(id)s AND sequence = 3":
        "event 3 (submit to 300) cannot follow on status 200.",
    "UPDATE status_event SET changes = '{}' WHERE subject_id = %(id)s AND sequence = 3":
        "1 place is taken; by the history alone 0 are.",
    "UPDATE term_product SET taken = 5 WHERE id IN (SELECT term_product_id FROM place_claim WHERE order_id = %(id)s)":
        "5 places are taken; by the history alone 1 is.",
    "DELETE FROM term_booking_order WHERE id = %(id)s": "which is not there.",
}  # fmt: skip


class _RollBack(Exception):
    pass


@pytest.fixture(scope="module")
def centre(checked_database: Database, database_url: str) -> Centre:
    return make_centre(checked_database, database_url)


@pytest.fixture(scope="module")
def cart(centre: Centre) -> Cart:
    """Two sessions held, after an order for them was given up."""
    rossi, karate = centre.family(), centre.course(*sundays(2))
    given_up = centre.submitted(rossi, rossi.child(), karate.lines())
    centre.pull(orders.cancel, given_up, actor=rossi.actor)
    return centre.submitted(rossi, rossi.child(), karate.lines())


def corrupted(centre: Centre, statement: str, cart: Cart) -> Comparison:
    """What is found after a change that nobody can make through the application; nothing of it is kept."""
    found: list[Comparison] = []
    with suppress(_RollBack), centre.database.transaction(centre.organisation_id) as tx:
        tx.run("SET LOCAL ROLE NONE")
        tx.run("SET LOCAL session_replication_role = replica")
        assert tx.run(statement, id=cart.id), "the corruption found its row"
        tx.run("SET LOCAL ROLE termbook_app")
        found.append(replay_organisation(tx, edges=edges()))
        raise _RollBack
    return found[0]


class TestReplay:
    def test_leads_to_what_stands(self, centre: Centre, cart: Cart) -> None:
        assert cart.reference

        compared = replay(centre.database, edges=edges(), organisation_id=centre.organisation_id)

        assert report(compared) == (
            "Replayed 7 events of 2 records from the history alone: every status and every place taken is as it stands."
        )
        assert compared.breaches == []

    @pytest.mark.parametrize("statement", CORRUPTIONS)
    def test_says_what_differs(self, centre: Centre, cart: Cart, statement: str) -> None:
        compared = corrupted(centre, statement, cart)

        assert [b.what for b in compared.breaches if CORRUPTIONS[statement] in b.what]
        assert f"{len(compared.breaches)} differ:" in report(compared)
