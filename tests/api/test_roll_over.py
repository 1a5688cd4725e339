"""A term is rolled over by HTTP: looked at, made, and refused to whom it is not for."""

from datetime import date
from typing import Any

import pytest

from catalogue.sessions import generate_sessions
from engine.database import Transaction
from tests.api.conftest import World
from tests.builders import Row, offering, program, term

SUNDAYS = [{"weekdays": ["SUN"], "starts": "09:30", "ends": "10:30"}]


@pytest.fixture(scope="module")
def spring(world: World) -> Row:
    """A term of its own with judo on Sundays."""

    def make(tx: Transaction) -> Row:
        spring = term(tx, world.site, name="Spring 2027", starts_on=date(2027, 4, 1), ends_on=date(2027, 6, 30))
        judo = offering(tx, spring, program(tx, world.site, name="Judo"), schedule=SUNDAYS)
        generate_sessions(tx, [judo["id"]])
        return spring

    made: Row = world.edit(make)
    return made


def draft(world: World, **columns: Any) -> Row:
    dates = {"name": "Summer 2027", "starts_on": date(2027, 7, 1), "ends_on": date(2027, 7, 31), "status": "DRAFT"}
    made: Row = world.edit(lambda tx: term(tx, world.site, **{**dates, **columns}))
    return made


class TestRollOver:
    def test_what_was_looked_at_is_made_and_made_once(self, world: World, spring: Row) -> None:
        path = f"/terms/{draft(world)['id']}/roll-overs/{spring['id']}"
        opens = {"bookable_from": "2027-06-08T09:00:00-04:00", "priority_from": "2027-06-01T09:00:00-04:00"}

        seen = world.admin.get(path, params=opens).json()
        made = world.admin.post(path, {**opens, "fingerprint": seen["fingerprint"]})
        again = world.admin.post(path, {**opens, "fingerprint": seen["fingerprint"]})

        assert (seen["offerings_to_make"], seen["sessions_to_make"], seen["weeks"]) == (1, 4, 13)
        assert (seen["offerings"][0]["fate"], seen["offerings"][0]["offering_id"]) == ("ROLLS", None)
        assert made.status_code == 200, made.text
        judo = world.admin.get(f"/offerings/{made.json()['offerings'][0]['offering_id']}").json()
        assert (judo["priority_term_id"], judo["status"]) == (str(spring["id"]), "PUBLISHED")
        assert judo["priority_from"].startswith("2027-06-01")
        assert (again.json()["offerings_to_make"], again.json()["offerings"][0]["fate"]) == (0, "ROLLED")
        assert again.json()["offerings"][0]["offering_id"] == judo["id"]

    def test_a_term_that_overlaps_is_refused_and_named(self, world: World, spring: Row) -> None:
        path = f"/terms/{draft(world, name='June', starts_on=date(2027, 6, 30))['id']}/roll-overs/{spring['id']}"
        before = world.count("term_program_set")

        looked = world.admin.get(path)
        made = world.admin.post(path, {"fingerprint": "0" * 32})

        for refused in (looked, made):
            assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (409, "terms_overlap")
        assert world.count("term_program_set") == before

    def test_what_nobody_looked_at_is_refused(self, world: World, spring: Row) -> None:
        path = f"/terms/{draft(world)['id']}/roll-overs/{spring['id']}"

        refused = world.admin.post(path, {"fingerprint": "0" * 32})

        assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (409, "preview_stale")

    def test_families_do_not_roll_terms(self, world: World, spring: Row) -> None:
        path = f"/terms/{draft(world)['id']}/roll-overs/{spring['id']}"

        assert world.rossi.get(path).status_code == 403
        assert world.rossi.post(path, {"fingerprint": "0" * 32}).status_code == 403

    def test_priority_needs_an_opening_to_all(self, world: World) -> None:
        answer = world.admin.patch(f"/offerings/{world.offering['id']}", {"priority_from": "2026-02-01T09:00:00Z"})

        assert answer.status_code == 422
        assert answer.json()["reasons"][0]["field"] in ("priority_from", "priority_term_id")
