"""`termbook check`: a healthy database is clean, and each invariant is the only one that sees its own corruption."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime, timedelta

import psycopg
import pytest

from engine.check import Breach, check, check_organisation, check_schema, report
from engine.database import Database
from engine.ids import new_id
from engine.invariants import INVARIANTS
from tests import builders as build
from tests.builders import NOW
from tests.engine.check_world import EDGES, World, populate
from tests.engine.corruptions import CORRUPTIONS, Corruption
from tests.engine.corruptions.billing import an_open_booking_called_paid
from tests.engine.corruptions.form import change
from tests.engine.corruptions.places import mia_swims_during_karate


class _RollBack(Exception):
    pass


@pytest.fixture(scope="module", autouse=True)
def worlds(database: Database, database_url: str) -> tuple[World, World]:
    """Two organisations with the same healthy world."""
    found = []
    for name in ("Riverside Centre", "Hill Centre"):
        with psycopg.connect(database_url) as owner:
            organisation_id = build.organisation(owner, name=name)
        with database.transaction(organisation_id) as tx:
            found.append(populate(tx))
    return found[0], found[1]


@pytest.fixture
def world(database: Database, worlds: tuple[World, World]) -> Iterator[World]:
    """The first world, open to corruption: no trigger and no foreign key looks, and nothing is kept."""
    try:
        with database.transaction(worlds[0].tx.organisation_id) as tx:
            tx.run("SET LOCAL ROLE NONE")
            tx.run("SET LOCAL session_replication_role = replica")
            yield deepcopy(worlds[0], {id(worlds[0].tx): tx})
            raise _RollBack
    except _RollBack:
        pass


# What the database adds up as it is written, by the invariant that holds it.
_ADD_UP = {
    "deferral_is_what_was_written": """
INSERT INTO deferral
       (organisation_id, id, booking_line_id, term_product_id, invoiced_minor, credited_minor, earned_minor)
SELECT l.organisation_id, l.id, b.id, b.term_product_id, l.net_minor,
       coalesce((SELECT sum(c.net_minor) FROM credit_note_line c WHERE c.invoice_line_id = l.id), 0),
       coalesce((SELECT sum(r.amount_minor) FROM revenue_recognition r WHERE r.invoice_line_id = l.id), 0)
FROM invoice_line l JOIN term_booking_line b ON b.organisation_id = l.organisation_id AND b.id = l.booking_line_id
WHERE l.organisation_id = %(org)s
""",
    "receivable_is_what_was_written": """
INSERT INTO receivable (organisation_id, id, account_id, billing_id, issued_on, due_on, total_minor, paid_minor,
                        credited_minor, moved_at)
SELECT v.organisation_id, v.id, v.account_id, v.billing_id, v.issued_on, v.due_on, v.total_minor,
       coalesce((SELECT sum(p.amount_minor) FROM payment_allocation p WHERE p.invoice_id = v.id), 0),
       coalesce((SELECT sum(c.amount_minor) FROM credit_allocation c WHERE c.invoice_id = v.id), 0),
       greatest((SELECT max(p.created_at) FROM payment_allocation p WHERE p.invoice_id = v.id),
                (SELECT max(c.created_at) FROM credit_allocation c WHERE c.invoice_id = v.id))
FROM invoice v WHERE v.organisation_id = %(org)s
""",
    "capture_is_what_was_written": """
INSERT INTO capture (organisation_id, id, captured_minor, posted_minor, captured_on)
SELECT y.organisation_id, y.id,
       CASE WHEN y.status = 'SUCCESS' AND y.provider NOT IN ('manual', 'bank', 'cash', 'direct_debit', 'wallet')
            THEN y.amount_minor ELSE 0 END,
       coalesce((SELECT sum(p.amount_minor) FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id
                 WHERE e.source_kind = 'PAYMENT' AND e.source_id = y.id AND p.ledger_account = 'GATEWAY_CLEARING'), 0),
       (SELECT min(p.posted_on) FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id
        WHERE e.source_kind = 'PAYMENT' AND e.source_id = y.id AND p.ledger_account = 'GATEWAY_CLEARING')
FROM payment y WHERE y.organisation_id = %(org)s
""",
}


def found_in(world: World, *, role: str = "termbook_app", broken: str = "") -> list[Breach]:
    """What the application sees broken in a world, once the database has added up what was written, as ever; not what
    the corruption itself broke.
    """
    for invariant, add_up in _ADD_UP.items():
        if invariant != broken:
            world.tx.run(f"DELETE FROM {invariant.partition('_is_')[0]} WHERE organisation_id = %(org)s")
            world.tx.run(add_up)
    world.tx.run(f"SET LOCAL ROLE {role}")
    return check_organisation(world.tx, edges=EDGES) + check_schema(world.tx)


class TestHealthy:
    def test_every_organisation_is_clean(self, database: Database) -> None:
        breaches = check(database, edges=EDGES)

        assert report(breaches) == f"All {len(INVARIANTS)} invariants hold."

    def test_a_payment_that_came_after_the_timeout_is_no_breach(self, world: World) -> None:
        build.payment(world.tx, world.timed_out, amount_minor=1130, at=NOW + timedelta(hours=1))

        assert found_in(world) == []

    def test_a_sibling_may_be_elsewhere_at_the_same_time(self, world: World) -> None:
        world.ordered(build.confirmed, 3, child=world.mia)
        build.confirmed(world.tx, world.okafor, world.leo, world.term, [world.swimming[3]])

        assert found_in(world) == []

    def test_an_attendee_may_go_from_one_session_straight_to_the_next(self, world: World) -> None:
        noon = datetime(2026, 4, 11, 11)  # noqa: DTZ001 - local
        lunch = build.sessions(world.tx, {**world.tx.rows("SELECT * FROM term_program_set")[0], "id": new_id()}, noon)
        build.confirmed(world.tx, world.okafor, world.mia, world.term, lunch)

        assert found_in(world) == []

    def test_what_was_held_before_a_cancellation_stays_on_the_roll(self, world: World) -> None:
        change(world, "term_attendance", world.canceled.attendance[0], "status = 'PRESENT'")
        world.tx.run(
            "UPDATE status_event SET at = %(after)s WHERE subject_id = %(id)s AND trigger = 'cancel'",
            after=world.karate[7]["ends_at"], id=world.canceled.booking["id"],
        )  # fmt: skip

        assert found_in(world) == []


class TestCorruption:
    @pytest.mark.parametrize(
        ("invariant", "corruption"), CORRUPTIONS, ids=[f"{n}-{c.__name__}" for n, c in CORRUPTIONS]
    )
    def test_exactly_one_invariant_is_reported(self, world: World, invariant: str, corruption: Corruption) -> None:
        corruption(world)

        breaches = found_in(world, broken=invariant)

        assert {breach.invariant for breach in breaches} == {invariant}, report(breaches)
        assert all("{" not in breach.what for breach in breaches)

    def test_every_invariant_has_a_corruption(self) -> None:
        assert {name for name, _ in CORRUPTIONS} == {invariant.name for invariant in INVARIANTS}
        assert len({invariant.name for invariant in INVARIANTS}) == len(INVARIANTS)

    def test_an_application_that_bypasses_policies_is_reported(self, world: World) -> None:
        breaches = found_in(world, role="NONE")

        assert "application_is_bound_by_policies" in {breach.invariant for breach in breaches}


class TestReport:
    def test_names_the_promise_the_records_and_how_many(self, world: World) -> None:
        mia_swims_during_karate(world)

        breaches = found_in(world)

        first = world.mias.order["reference"]
        assert report(breaches).splitlines()[0].startswith("attendee_is_in_one_place_at_a_time: No two time-blocking")
        assert breaches[0].what.startswith("Mia Okafor is booked for Swimming Sat 11 Apr 2026 10:30 (TO-")
        assert f"and at the same time for Karate Sat 11 Apr 2026 10:00 ({first})." in breaches[0].what
        assert report(breaches).endswith(f"1 of {len(INVARIANTS)} invariants broken, by 1 record.")

    def test_writes_money_in_the_currency_of_the_organisation(self, world: World) -> None:
        an_open_booking_called_paid(world)

        breach = found_in(world)[0]

        assert breach.what == f"{world.anas.booking['reference']} is PAID; $0.00 of $22.60 invoiced is settled."
        assert breach.facts["total_minor"] == 2260

    def test_looks_at_one_organisation_only_when_asked(self, database: Database, worlds: tuple[World, World]) -> None:
        broken, healthy = (world.tx.organisation_id for world in worlds)
        with database.transaction(broken) as tx:
            tx.run("UPDATE term_product SET taken = taken + 1 WHERE id = %(id)s", id=worlds[0].karate[0]["id"])

        try:
            assert check(database, edges=EDGES, organisation_id=healthy) == []
            assert [breach.organisation_id for breach in check(database, edges=EDGES)] == [broken]
        finally:
            with database.transaction(broken) as tx:
                tx.run("UPDATE term_product SET taken = taken - 1 WHERE id = %(id)s", id=worlds[0].karate[0]["id"])
