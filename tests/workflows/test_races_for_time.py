"""One attendee, overlapping orders at the same moment: exactly one wins, by two guards that hold alone."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from engine.check import check
from engine.database import Database, Row, Transaction
from tests import builders as build
from tests.conftest import drop_database, fresh_database
from tests.workflows.centre import FIRST, MINUTE, Centre, make_centre
from tests.workflows.race import GOT_IT, Clients, Pull, clients, submission
from workflows import order_facts
from workflows.charts import edges

ROUNDS = 500
RIVALS = 3


@dataclass
class Rivals:
    """Three accounts that Mia belongs to; each wants another session, and all of them overlap."""

    centre: Centre
    accounts: list[Row]
    sessions: list[Row]

    def rounds(self, count: int) -> list[list[Pull]]:
        """In each round another child, three carts."""

        def make(tx: Transaction) -> list[list[Pull]]:
            made = []
            for number in range(count):
                child = build.attendee(tx, self.accounts[0], name=f"Child {number}")
                made.append([
                    submission(build.cart(tx, by, child, self.centre.term, [session]), actor=self.centre.admin)
                    for by, session in zip(self.accounts, self.sessions, strict=True)
                ])  # fmt: skip
            return made

        rounds: list[list[Pull]] = self.centre.edit(make)
        return rounds

    def holding(self) -> int:
        """The claims in these sessions."""
        ids = [session["id"] for session in self.sessions]
        found: int = self.centre.one("SELECT count(*) AS n FROM place_claim WHERE term_product_id = ANY(%(ids)s)",
                                     ids=ids)["n"]  # fmt: skip
        return found


def rivals(centre: Centre) -> Rivals:
    courses = [centre.course(FIRST + n * 20 * MINUTE, name=f"Course {n}", capacity=10_000) for n in range(RIVALS)]
    return Rivals(centre, [centre.family().account for _ in courses], [course.sessions[0] for course in courses])


@pytest.fixture
def three(riverside: Centre, database_url: str) -> Iterator[Clients]:
    with clients(database_url, processes=RIVALS, each=1) as racing:
        yield racing


def test_exactly_one_wins_five_hundred_times(riverside: Centre, three: Clients) -> None:
    family = rivals(riverside)

    outcomes = three.race(riverside.organisation_id, family.rounds(ROUNDS))

    one_wins = {GOT_IT: 1, "double_booked": RIVALS - 1}
    assert [Counter(found) for found in outcomes] == [one_wins] * ROUNDS
    assert family.holding() == ROUNDS
    # Nobody wins because of their number.
    assert len({found.index(GOT_IT) for found in outcomes}) > 1


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product that locks nobody before it looks."""
    assert "FOR NO KEY UPDATE OF " in order_facts._LOCK
    monkeypatch.setattr(order_facts, "_LOCK", order_facts._LOCK.replace("FOR NO KEY UPDATE OF ", "-- "))


@pytest.mark.usefixtures("unlocked", "time_to_meet")
class TestWithoutTheLock:
    def test_the_constraint_of_the_database_holds_alone(self, riverside: Centre, database_url: str) -> None:
        family = rivals(riverside)
        rounds = family.rounds(20)

        with clients(database_url, processes=RIVALS, each=1) as racing:
            outcomes = racing.race(riverside.organisation_id, rounds)

        assert [found.count(GOT_IT) for found in outcomes] == [1] * 20
        assert {outcome for found in outcomes for outcome in found} <= {GOT_IT, "double_booked"}
        assert family.holding() == 20

    def test_control_without_the_constraint_either_she_is_in_two_places(
        self, server_url: str, migrated_template: str
    ) -> None:
        name = f"{migrated_template}_unlocked"
        url = fresh_database(server_url, name, template=migrated_template)
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("ALTER TABLE place_claim DROP CONSTRAINT ex_place_claim_no_overlap")
        database = Database(url)
        centre = make_centre(database, url)
        rounds = rivals(centre).rounds(10)

        with clients(url, processes=RIVALS, each=1) as racing:
            outcomes = racing.race(centre.organisation_id, rounds)

        breaches = check(database, edges=edges(), organisation_id=centre.organisation_id)
        database.close()
        drop_database(server_url, name)
        assert max(found.count(GOT_IT) for found in outcomes) > 1
        assert {breach.invariant for breach in breaches} == {"attendee_is_in_one_place_at_a_time"}
