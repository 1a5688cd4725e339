"""Sixty-four clients want the last places: exactly as many are sold as there were; without the guard, more."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from engine.batch import Guarded
from engine.check import check
from engine.database import Database, Transaction
from tests import builders as build
from tests.conftest import drop_database, fresh_database
from tests.workflows.centre import Centre, Course, make_centre, sundays
from tests.workflows.race import GOT_IT, Clients, Pull, clients, submission
from workflows import places
from workflows.charts import edges

CLIENTS = 64


@pytest.fixture(scope="module")
def sixty_four(riverside: Centre, database_url: str) -> Iterator[Clients]:
    """Eight processes with eight clients each."""
    with clients(database_url, processes=8, each=8) as racing:
        yield racing


def carts(centre: Centre, wanted: Sequence[Sequence[dict[str, Any]]]) -> list[Pull]:
    """A submit for each list of sessions, each by a family of its own; the cart is already there."""

    def make(tx: Transaction) -> list[Pull]:
        jobs = []
        for sessions in wanted:
            by = build.account(tx)
            child = build.attendee(tx, by)
            placed = build.cart(tx, by, child, centre.term, sessions, moves=build.CARTED)
            jobs.append(submission(placed, actor=centre.admin))
        return jobs

    jobs: list[Pull] = centre.edit(make)
    return jobs


def claims(centre: Centre, course: Course) -> list[int]:
    rows = centre.rows("SELECT term_product_id AS id, count(*) AS n FROM place_claim "
                       "WHERE term_product_id = ANY(%(ids)s) GROUP BY 1", ids=course.ids)  # fmt: skip
    counted = {row["id"]: row["n"] for row in rows}
    return [counted.get(session_id, 0) for session_id in course.ids]


@pytest.mark.parametrize("capacity", [1, 3, 10])
def test_the_last_places_are_sold_once(riverside: Centre, sixty_four: Clients, capacity: int) -> None:
    karate = riverside.course(capacity=capacity)
    jobs = carts(riverside, [karate.sessions] * CLIENTS)

    (outcomes,) = sixty_four.race(riverside.organisation_id, [jobs])

    assert Counter(outcomes) == {GOT_IT: capacity, "session_full": CLIENTS - capacity}
    assert riverside.taken(karate) == claims(riverside, karate) == [capacity]


def test_several_at_once_in_random_order(riverside: Centre, sixty_four: Clients) -> None:
    dice = random.Random(64)
    capacities = [1, 3, 10, 10, 10, 20]
    karate = riverside.course(*sundays(len(capacities)), capacity=1)
    for session_id, capacity in zip(karate.ids, capacities, strict=True):
        riverside.run("UPDATE term_product SET capacity = %(n)s WHERE id = %(id)s", n=capacity, id=session_id)
    wanted = [dice.sample(karate.sessions, dice.randint(2, 4)) for _ in range(CLIENTS)]
    jobs = carts(riverside, wanted)

    (outcomes,) = sixty_four.race(riverside.organisation_id, [jobs])

    sold = Counter(
        session["id"]
        for outcome, sessions in zip(outcomes, wanted, strict=True) if outcome == GOT_IT
        for session in sessions
    )  # fmt: skip
    full = {session_id for session_id, n in zip(karate.ids, capacities, strict=True) if sold[session_id] == n}
    assert set(outcomes) == {GOT_IT, "session_full"}
    assert [sold[session_id] for session_id in karate.ids] == riverside.taken(karate) == claims(riverside, karate)
    assert all(sold[session_id] <= n for session_id, n in zip(karate.ids, capacities, strict=True))
    # Nobody was refused while there was room: every loser wanted a session that is full.
    for outcome, sessions in zip(outcomes, wanted, strict=True):
        assert outcome == GOT_IT or full & {session["id"] for session in sessions}


class TestControl:
    """The same race with the guard off is lost: the race is real."""

    @pytest.fixture
    def unguarded(
        self, server_url: str, migrated_template: str, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[tuple[Centre, str]]:
        """A database that takes more places than there are, and a product that does not look at the count."""
        guard = " AND s.taken + locked.places <= coalesce(s.capacity, 2147483647)"
        assert guard in places.TAKE.sql
        take = Guarded(places.TAKE.name, places.TAKE.sql.replace(guard, ""), places.TAKE.takes)
        monkeypatch.setattr(places, "TAKE", take)
        name = f"{migrated_template}_unguarded"
        url = fresh_database(server_url, name, template=migrated_template)
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("ALTER TABLE term_product DROP CONSTRAINT ck_term_product_taken_within_capacity")
        database = Database(url)
        yield make_centre(database, url), url
        database.close()
        drop_database(server_url, name)

    @pytest.mark.usefixtures("time_to_meet")
    def test_without_the_guard_more_are_sold_than_there_were(self, unguarded: tuple[Centre, str]) -> None:
        centre, url = unguarded
        karate = centre.course(capacity=3)
        jobs = carts(centre, [karate.sessions] * 24)

        with clients(url, processes=4, each=6) as racing:
            (outcomes,) = racing.race(centre.organisation_id, [jobs])

        assert outcomes.count(GOT_IT) > 3
        assert centre.taken(karate)[0] > 3
        breaches = check(centre.database, edges=edges(), organisation_id=centre.organisation_id)
        assert {breach.invariant for breach in breaches} == {"places_within_capacity"}

    @pytest.mark.usefixtures("time_to_meet")
    def test_without_the_count_the_check_of_the_table_still_holds(
        self, riverside: Centre, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        take = Guarded(
            places.TAKE.name,
            places.TAKE.sql.replace(" AND s.taken + locked.places <= coalesce(s.capacity, 2147483647)", ""),
            places.TAKE.takes,
        )
        monkeypatch.setattr(places, "TAKE", take)
        karate = riverside.course(capacity=3)
        jobs = carts(riverside, [karate.sessions] * 24)

        with clients(database_url, processes=4, each=6) as racing:
            (outcomes,) = racing.race(riverside.organisation_id, [jobs])

        assert outcomes.count(GOT_IT) == 3
        assert riverside.taken(karate) == [3]
