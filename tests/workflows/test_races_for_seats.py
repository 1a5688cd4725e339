"""Sixty-four clients want ten seats: each seat has one holder; without the constraint, some have more."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from catalogue.seat_plan import Block
from engine.check import check
from engine.database import Database
from tests.conftest import drop_database, fresh_database
from tests.workflows.centre import Centre, make_centre, sundays
from tests.workflows.hall import REGULAR, Show, show
from tests.workflows.race import GOT_IT, Clients, clients
from tests.workflows.test_races_for_places import carts
from workflows.charts import edges

CLIENTS = 64
TEN = (Block("A-B", "1-5", REGULAR),)
LOST = {"seat_taken", "seat_taken, session_full"}


@pytest.fixture(scope="module")
def sixty_four(riverside: Centre, database_url: str) -> Iterator[Clients]:
    """Eight processes with eight clients each."""
    with clients(database_url, processes=8, each=8) as racing:
        yield racing


def wish(magic: Show, sessions: Sequence[int], labels: Sequence[str]) -> list[dict[str, Any]]:
    """These sessions, each with that seat."""
    return [{**magic.sessions[n], "seat_id": magic.seats[label]} for n, label in zip(sessions, labels, strict=True)]


def test_each_seat_has_one_holder(riverside: Centre, sixty_four: Clients) -> None:
    magic, dice = show(riverside, blocks=TEN, prices={}), random.Random(10)
    labels = [*magic.seats, *(dice.choice(list(magic.seats)) for _ in range(CLIENTS - 10))]
    dice.shuffle(labels)
    jobs = carts(riverside, [wish(magic, [0], [label]) for label in labels])

    (outcomes,) = sixty_four.race(riverside.organisation_id, [jobs])

    assert set(outcomes) <= {GOT_IT, *LOST}
    got = [label for label, outcome in zip(labels, outcomes, strict=True) if outcome == GOT_IT]
    assert sorted(got) == sorted(magic.seats) == sorted(magic.holders())
    assert riverside.taken(magic) == [10]


def test_several_sessions_in_any_order_end_without_a_deadlock(riverside: Centre, sixty_four: Clients) -> None:
    magic, dice = show(riverside, *sundays(4), blocks=TEN, prices={}), random.Random(4)
    wishes = []
    for _ in range(CLIENTS):
        sessions = dice.sample(range(4), dice.randint(2, 4))
        wishes.append((sessions, [dice.choice(list(magic.seats)) for _ in sessions]))
    jobs = carts(riverside, [wish(magic, *asked) for asked in wishes])

    (outcomes,) = sixty_four.race(riverside.organisation_id, [jobs])

    assert set(outcomes) <= {GOT_IT, *LOST}
    sold = Counter(
        seat for outcome, (sessions, labels) in zip(outcomes, wishes, strict=True) if outcome == GOT_IT
        for seat in zip(sessions, labels, strict=True)
    )  # fmt: skip
    assert set(sold.values()) == {1}
    assert sold.keys() == {(n, label) for n in range(4) for label in magic.holders(n)}
    # Nobody was refused while all their seats were free.
    for outcome, (sessions, labels) in zip(outcomes, wishes, strict=True):
        assert outcome == GOT_IT or sold.keys() & set(zip(sessions, labels, strict=True))


class TestControl:
    """The same race with the constraint off is lost: the race is real."""

    @pytest.fixture
    def unguarded(self, server_url: str, migrated_template: str) -> Iterator[tuple[Centre, str]]:
        name = f"{migrated_template}_unseated"
        url = fresh_database(server_url, name, template=migrated_template)
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("DROP INDEX uq_place_claim_seat")
        database = Database(url)
        yield make_centre(database, url), url
        database.close()
        drop_database(server_url, name)

    @pytest.mark.usefixtures("time_to_meet")
    def test_without_the_constraint_a_seat_has_several_holders(self, unguarded: tuple[Centre, str]) -> None:
        centre, url = unguarded
        magic = show(centre, blocks=TEN, prices={})
        jobs = carts(centre, [wish(magic, [0], ["A1"])] * 24)

        with clients(url, processes=4, each=6) as racing:
            (outcomes,) = racing.race(centre.organisation_id, [jobs])

        assert outcomes.count(GOT_IT) > 1
        breaches = check(centre.database, edges=edges(), organisation_id=centre.organisation_id)
        assert {breach.invariant for breach in breaches} == {"seat_has_one_holder"}
