"""64 clients over HTTP on the last places: exactly as many sold as there were, and a race that is real."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest

from api.credentials import hash_of, new_secret, token_text
from engine.actor import Actor
from engine.check import check
from engine.database import Database, Transaction
from models import AccountUser, ActorKind, Credential, TermBookingOrderType, User
from tests.acceptance.processes import REPOSITORY, Program, api
from tests.acceptance.runners import Answer, Request
from tests.builders import (
    NOW,
    TORONTO,
    Row,
    account,
    add,
    attendee,
    offering,
    organisation,
    program,
    sessions,
    site,
    term,
)
from tests.conftest import drop_database, fresh_database
from workflows import term_booking_order as orders
from workflows.charts import edges

CLIENTS, PROCESSES = 64, 4


@dataclass(frozen=True)
class Family:
    account_id: UUID
    attendee_id: UUID
    token: str


@dataclass
class Centre:
    """A programme and 64 families, each with a child and a token; `day` moves on, so that no race meets another."""

    database: Database
    organisation_id: UUID
    term: Row
    program: Row
    families: list[Family]
    day: datetime = datetime(2026, 4, 6, 9, tzinfo=TORONTO)

    def places(self, *capacities: int) -> list[Row]:
        """Sessions with so many places, an hour each, one after the other."""

        def make(tx: Transaction) -> list[Row]:
            of = offering(tx, self.term, self.program)
            return [sessions(tx, of, self.day + timedelta(hours=n), capacity=c)[0] for n, c in enumerate(capacities)]

        found = self.database.run(self.organisation_id, make)
        self.day += timedelta(days=1)
        return found

    def cart(self, family: Family, wanted: Sequence[Row]) -> tuple[UUID, str]:
        """A saved order and the fingerprint of its price."""

        def fill(tx: Transaction) -> tuple[UUID, str]:
            actor = Actor(ActorKind.FAMILY, account_ids=frozenset({family.account_id}))
            made = orders.new(
                tx, actor=actor, account_id=family.account_id, attendee_id=family.attendee_id,
                term_id=self.term["id"], order_type=TermBookingOrderType.BOOKING, now=NOW,
            )  # fmt: skip
            tx.flush()
            lines = [{"session_id": one["id"]} for one in wanted]
            saved = orders.save(tx, order_id=made.order.id, lines=lines, actor=actor, now=NOW)
            assert saved.priced is not None
            return made.order.id, saved.priced.fingerprint

        return self.database.run(self.organisation_id, fill)

    def taken(self, of: Sequence[Row]) -> dict[UUID, int]:
        with self.database.transaction(self.organisation_id) as tx:
            rows = tx.rows("SELECT id, taken FROM term_product WHERE organisation_id = %(org)s AND id = ANY (%(ids)s)",
                           ids=[one["id"] for one in of])  # fmt: skip
        return {row["id"]: row["taken"] for row in rows}


def make_centre(url: str) -> Centre:
    with psycopg.connect(url) as owner:
        organisation_id = organisation(owner)
    database = Database(url)

    def fill(tx: Transaction) -> Centre:
        place = site(tx)
        during = term(tx, place)
        of = program(tx, place)
        return Centre(database, organisation_id, during, of, [_family(tx, number) for number in range(CLIENTS)])

    return database.run(organisation_id, fill)


def _family(tx: Transaction, number: int) -> Family:
    home = account(tx, name=f"Family {number}")
    user = add(tx, User, email=f"family{number}@race.example", name=f"Family {number}", roles=["family"])
    add(tx, AccountUser, account_id=home["id"], user_id=user["id"])
    secret = new_secret()
    add(tx, Credential, kind="TOKEN", user_id=user["id"], secret_hash=hash_of(secret),
        expires_at=NOW + timedelta(days=1))  # fmt: skip
    return Family(home["id"], attendee(tx, home)["id"], token_text(tx.organisation_id, secret))


class Runners:
    """The client processes, kept from race to race."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.acceptance.runners"]
        self._processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
            for _ in range(PROCESSES)
        ]

    def send(self, requests: Sequence[Request]) -> list[Answer]:
        """All at the same moment; the answers in their order."""
        shares = [requests[number::PROCESSES] for number in range(PROCESSES)]
        for process, share in zip(self._processes, shares, strict=True):
            self._tell(process, json.dumps(share))
        for process in self._processes:
            assert self._hear(process) == "ready\n"
        for process in self._processes:
            self._tell(process, "go")
        answers = [json.loads(self._hear(process)) for process in self._processes]
        return [answers[number % PROCESSES][number // PROCESSES] for number in range(len(requests))]

    @staticmethod
    def _tell(process: "subprocess.Popen[str]", line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()

    @staticmethod
    def _hear(process: "subprocess.Popen[str]") -> str:
        assert process.stdout is not None
        return process.stdout.readline()

    def close(self) -> None:
        for process in self._processes:
            process.communicate(timeout=20)


@pytest.fixture(scope="module")
def runners() -> Iterator[Runners]:
    runners = Runners()
    yield runners
    runners.close()


@dataclass(frozen=True)
class Course:
    """Where a race is run: a centre, its API and the clients."""

    url: str
    centre: Centre
    api: Program
    runners: Runners


@contextmanager
def racing(url: str, log: Path, runners: Runners, factory: str) -> Iterator[Course]:
    centre = make_centre(url)
    try:
        with api(url, log, factory=factory) as served:
            yield Course(url, centre, served, runners)
    finally:
        centre.database.close()


@pytest.fixture(scope="module")
def course(database_url: str, tmp_path_factory: pytest.TempPathFactory, runners: Runners) -> Iterator[Course]:
    with racing(database_url, tmp_path_factory.mktemp("race") / "api.log", runners, "api.server:create") as course:
        yield course


@pytest.fixture(scope="module")
def unguarded(
    server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory, runners: Runners
) -> Iterator[Course]:
    """The same, in a database without the last guard and with an API without the first."""
    name = f"{migrated_template}_unguarded"
    url = fresh_database(server_url, name, template=migrated_template)
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("ALTER TABLE term_product DROP CONSTRAINT ck_term_product_taken_within_capacity")
    log = tmp_path_factory.mktemp("race") / "unguarded.log"
    with racing(url, log, runners, "tests.acceptance.unguarded:create") as course:
        yield course
    drop_database(server_url, name)


@dataclass(frozen=True)
class Race:
    """What each client wanted and was answered, and how many places are taken now."""

    places: list[Row]
    wanted: list[list[Row]]
    answers: list[Answer]
    taken: dict[UUID, int]

    @property
    def sold(self) -> Counter[UUID]:
        pairs = zip(self.wanted, self.answers, strict=True)
        return Counter(one["id"] for wanted, answer in pairs if answer["status"] == 200 for one in wanted)


def race(course: Course, places: list[Row], chance: Random, *, each: int = 1) -> Race:
    """Every family submits at once, each for so many of the places, in an order of its own."""
    wanted = [chance.sample(places, k=each) for _ in course.centre.families]
    requests: list[Request] = []
    for family, sessions_wanted in zip(course.centre.families, wanted, strict=True):
        order_id, fingerprint = course.centre.cart(family, sessions_wanted)
        body: dict[str, Any] = {"confirmation_type": "PAY_NOW_PAY_ALL", "price_fingerprint": fingerprint}
        requests.append({"url": course.api.url, "token": family.token, "key": str(order_id),
                         "path": f"/orders/{order_id}/submission", "body": body})  # fmt: skip
    answers = course.runners.send(requests)
    return Race(places, wanted, answers, course.centre.taken(places))


def assert_none_oversold(run: Race) -> None:
    """What is taken is what was sold, and never more than there was."""
    for place in run.places:
        assert run.taken[place["id"]] == run.sold[place["id"]] <= place["capacity"]


def assert_clean(run: Race) -> None:
    """Sold or refused, and refused only because a wanted place is gone."""
    assert_none_oversold(run)
    assert {answer["status"] for answer in run.answers} <= {200, 409}
    for wanted, answer in zip(run.wanted, run.answers, strict=True):
        if answer["status"] == 409:
            assert answer["type"] == "application/problem+json"
            assert {reason["code"] for reason in answer["body"]["reasons"]} == {"session_full"}
            assert any(run.taken[one["id"]] == one["capacity"] for one in wanted)


class TestTheLastPlaces:
    @pytest.mark.parametrize("places", [1, 3, 10])
    def test_are_sold_exactly(self, course: Course, places: int) -> None:
        run = race(course, course.centre.places(places), Random(places))

        assert_clean(run)
        assert Counter(answer["status"] for answer in run.answers) == {200: places, 409: CLIENTS - places}

    @pytest.mark.parametrize("seed", [1, 2])
    def test_of_several_sessions_at_once_in_any_order(self, course: Course, seed: int) -> None:
        run = race(course, course.centre.places(1, 3, 10, 3, 10, 3), Random(seed), each=3)

        assert_clean(run)

    def test_leave_every_invariant_whole_and_no_deadlock(self, course: Course) -> None:
        breaches = check(course.centre.database, edges=edges())
        course.api.end()  # its sessions report their deadlocks when they end

        assert breaches == []
        with psycopg.connect(course.url) as owner:
            [deadlocks] = owner.execute(
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            ).fetchone() or [None]
        assert deadlocks == 0
        assert course.api.log.read_text() == ""


class TestWithoutTheGuard:
    """The control: the same race goes wrong, so what the tests above see is the guard at work."""

    @pytest.mark.parametrize("places", [3])
    def test_places_are_oversold(self, unguarded: Course, places: int) -> None:
        run = race(unguarded, unguarded.centre.places(places), Random(places))

        assert max(run.taken.values()) > places
        with pytest.raises(AssertionError):
            assert_none_oversold(run)

    def test_and_the_check_tells(self, unguarded: Course) -> None:
        assert "places_within_capacity" in {one.invariant for one in check(unguarded.centre.database, edges=edges())}
