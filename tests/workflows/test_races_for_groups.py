"""Families with several children want the last places at the same moment, in opposite order of sessions and kids."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from billing.pricing import LineToPrice, price
from engine import database as engine_database
from engine.check import check
from engine.database import Database, Transaction
from models import GroupOrderPolicy
from models import TermBookingConfirmationType as How
from tests import builders as build
from tests.builders import NOW, Ordered, Row
from tests.conftest import drop_database, fresh_database
from tests.workflows.centre import Centre, Course, make_centre, sundays
from tests.workflows.race import GOT_IT, Clients, Pull, clients
from workflows import group_order, places
from workflows.charts import edges
from workflows.group_facts import fingerprint_of

FAMILIES = 24
ALL_OR_NOTHING, BEST_EFFORT = GroupOrderPolicy.ALL_OR_NOTHING, GroupOrderPolicy.BEST_EFFORT


@pytest.fixture(scope="module")
def families(riverside: Centre, database_url: str) -> Iterator[Clients]:
    """Eight processes with three clients each."""
    with clients(database_url, processes=8, each=3) as racing:
        yield racing


def groups(
    centre: Centre, course: Course, *, children: int = 2, count: int = FAMILIES, policy: GroupOrderPolicy
) -> list[Pull]:  # fmt: skip
    """A submission of a group order for each family: all children want all sessions, every other family backwards."""

    def make(tx: Transaction) -> list[Pull]:
        return [one(tx, backwards=n % 2 == 1) for n in range(count)]

    def one(tx: Transaction, *, backwards: bool) -> Pull:
        by = build.account(tx)
        wanted = course.sessions[::-1] if backwards else course.sessions
        kids = [build.attendee(tx, by, name=f"Child {n}") for n in range(children)]
        carts = [build.cart(tx, by, kid, centre.term, wanted) for kid in (kids[::-1] if backwards else kids)]
        group = build.group_order(tx, by, centre.term, carts, policy=policy.value)
        return submission(centre, group, carts)

    jobs: list[Pull] = centre.edit(make)
    return jobs


def submission(centre: Centre, group: Row, carts: Sequence[Ordered]) -> Pull:
    """At the price that the family was shown."""
    fingerprint = fingerprint_of(price(_lines(cart), prices_include_tax=True).fingerprint for cart in carts)
    return Pull(group_order.submit, {
        "group_order_id": group["id"], "confirmation_type": How.PAY_NOW_PAY_ALL, "price_fingerprint": fingerprint,
        "actor": centre.admin, "now": NOW,
    })  # fmt: skip


def _lines(cart: Ordered) -> list[LineToPrice]:
    child = cart.order["attendee_id"]
    return [
        LineToPrice(child, s["id"], "SESSION", "", s["price_minor"], 1, "session price", "", Decimal(0))
        for s in cart.sessions
    ]


def submitted_whole(centre: Centre, jobs: Sequence[Pull]) -> set[int]:
    """How many orders of each group were submitted, of all groups."""
    ids = [job.known["group_order_id"] for job in jobs]
    rows = centre.rows(
        "SELECT count(*) FILTER (WHERE o.status = 300) AS n FROM group_order_member m "
        "JOIN term_booking_order o ON o.id = m.order_id "
        "WHERE m.group_order_id = ANY(%(ids)s) GROUP BY m.group_order_id", ids=ids,
    )  # fmt: skip
    return {row["n"] for row in rows}


@pytest.fixture
def no_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadlock is told, not tried again; for clients that are forked from here on."""

    def tell(error: Exception, attempt: int) -> None:
        raise error

    monkeypatch.setattr(engine_database, "_raise_unless_worth_retrying", tell)


@pytest.fixture
def a_rest_at_each_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes several places rests before each, holding those before it: families that start together meet on any
    machine, in the middle of their sessions.
    """
    rests = places.TAKE.sql.replace(
        "FROM (SELECT p.id, r.places FROM",
        "FROM (WITH each AS MATERIALIZED (SELECT p.id, r.places, pg_sleep(0.01) FROM",
    ).replace(") locked ", ") SELECT id, places FROM each) locked ")
    assert "pg_sleep" in rests
    monkeypatch.setattr(places, "TAKE", replace(places.TAKE, sql=rests))


def deadlock_rounds(centre: Centre) -> list[list[Pull]]:
    """In each of two rounds four families want the same eight sessions for three children each, half of them
    backwards.
    """
    karate = centre.course(*sundays(8), capacity=3 * FAMILIES)
    return [groups(centre, karate, children=3, count=4, policy=ALL_OR_NOTHING) for _ in range(2)]


class TestAllOrNothing:
    @pytest.mark.parametrize(("capacity", "winners"), [(2, 1), (5, 2), (8, 4)])
    def test_as_many_families_as_there_is_room_for_get_all(
        self, riverside: Centre, families: Clients, capacity: int, winners: int
    ) -> None:
        karate = riverside.course(*sundays(4), capacity=capacity)
        jobs = groups(riverside, karate, policy=ALL_OR_NOTHING)

        (outcomes,) = families.race(riverside.organisation_id, [jobs])

        assert Counter(outcomes) == {GOT_IT: winners, "session_full": FAMILIES - winners}
        assert riverside.taken(karate) == [2 * winners] * 4
        assert submitted_whole(riverside, jobs) == {0, 2}

    @pytest.mark.usefixtures("no_second_try", "a_rest_at_each_place")
    def test_without_a_single_deadlock(self, riverside: Centre, database_url: str) -> None:
        rounds = deadlock_rounds(riverside)

        with clients(database_url, processes=2, each=2) as racing:
            outcomes = racing.race(riverside.organisation_id, rounds)

        assert outcomes == [[GOT_IT] * 4] * 2


class TestBestEffort:
    def test_every_place_is_sold_and_none_twice(self, riverside: Centre, families: Clients) -> None:
        karate = riverside.course(*sundays(3), capacity=3)
        jobs = groups(riverside, karate, policy=BEST_EFFORT)

        (outcomes,) = families.race(riverside.organisation_id, [jobs])

        assert set(outcomes) == {GOT_IT, "session_full"}
        assert riverside.taken(karate) == [3, 3, 3]


class TestControl:
    """The same races with the guards off are lost: they are real."""

    @pytest.fixture
    def unguarded(
        self, server_url: str, migrated_template: str, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[tuple[Centre, str]]:
        """A database that takes more places than there are, and a product that does not look at the count."""
        guard = " AND s.taken + locked.places <= coalesce(s.capacity, 2147483647)"
        assert guard in places.TAKE.sql
        monkeypatch.setattr(places, "TAKE", replace(places.TAKE, sql=places.TAKE.sql.replace(guard, "")))
        name = f"{migrated_template}_unguarded_groups"
        url = fresh_database(server_url, name, template=migrated_template)
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("ALTER TABLE term_product DROP CONSTRAINT ck_term_product_taken_within_capacity")
        database = Database(url)
        yield make_centre(database, url), url
        database.close()
        drop_database(server_url, name)

    @pytest.mark.usefixtures("time_to_meet")
    def test_without_the_count_more_are_sold_than_there_were(self, unguarded: tuple[Centre, str]) -> None:
        centre, url = unguarded
        karate = centre.course(*sundays(2), capacity=4)
        jobs = groups(centre, karate, count=12, policy=ALL_OR_NOTHING)

        with clients(url, processes=4, each=3) as racing:
            (outcomes,) = racing.race(centre.organisation_id, [jobs])

        assert outcomes.count(GOT_IT) > 2
        assert all(taken > 4 for taken in centre.taken(karate))
        breaches = check(centre.database, edges=edges(), organisation_id=centre.organisation_id)
        assert {breach.invariant for breach in breaches} == {"places_within_capacity"}

    @pytest.mark.usefixtures("no_second_try", "a_rest_at_each_place")
    def test_without_the_order_of_locks_they_deadlock(
        self, riverside: Centre, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Each locks in the order in which its family named the sessions.
        unsorted = places.TAKE.sql.replace("ORDER BY p.id FOR", "ORDER BY r.nth FOR")
        assert unsorted != places.TAKE.sql
        take = replace(places.TAKE, sql=unsorted, takes=f"{places.TAKE.takes}, nth int")
        monkeypatch.setattr(places, "TAKE", take)
        guard = engine_database.Batch.guard

        def numbered(batch: Any, guarded: Any, rows: Any, **more: Any) -> None:
            rows = [{**row, "nth": n} for n, row in enumerate(rows)] if guarded is take else rows
            guard(batch, guarded, rows, **more)

        monkeypatch.setattr(engine_database.Batch, "guard", numbered)
        rounds = deadlock_rounds(riverside)

        with clients(database_url, processes=2, each=2) as racing:
            outcomes = racing.race(riverside.organisation_id, rounds)

        assert any("deadlock" in outcome for each in outcomes for outcome in each), outcomes
