"""Workers at the same moment, and a family that pays meanwhile: what is overdue is charged once, whoever is first."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from engine.database import Database
from tests.workflows.payment_world import PayWorld, Placed, make_world
from tests.workflows.race import GOT_IT, Pull, clients
from tests.workflows.test_overdue_fees import LATE, fees, lines, ruled
from tests.workflows.test_payment_reminders import invoiced
from workflows import payments
from workflows.overdue_fees import Overdue, charge, find_overdue

FAMILIES, WORKERS = 4, 8


@pytest.fixture
def world(database: Database, database_url: str) -> Iterator[PayWorld]:
    made = make_world(database, database_url, name=f"Centre {datetime.now().timestamp()}")  # noqa: DTZ005 - a name
    ruled(made)
    yield made
    assert made.own_breaches() == []


def overdue(world: PayWorld) -> list[Overdue]:
    found: list[Overdue] = world.run(find_overdue, now=LATE)
    return found


def charging(each: Overdue) -> list[Pull]:
    return [Pull(charge, {"overdue": each, "now": LATE}) for _ in range(WORKERS)]


def test_each_is_charged_once(world: PayWorld) -> None:
    for _ in range(FAMILIES):
        invoiced(world)

    with clients(world.url, processes=4, each=2) as racing:
        outcomes = racing.race(world.organisation_id, [charging(each) for each in overdue(world)])

    assert {outcome for each in outcomes for outcome in each} == {GOT_IT}
    assert (len(fees(world)), len(lines(world))) == (FAMILIES, FAMILIES)


def test_who_pays_at_that_moment_is_charged_or_not_and_owes_accordingly(world: PayWorld) -> None:
    placed = [invoiced(world) for _ in range(FAMILIES)]
    by_order = {each.order_id: each for each in overdue(world)}
    rounds = [[*charging(by_order[one.id])[: WORKERS - 1], paying(world, one)] for one in placed]

    with clients(world.url, processes=4, each=2) as racing:
        outcomes = racing.race(world.organisation_id, rounds)

    assert {outcome for each in outcomes for outcome in each} == {GOT_IT}
    charged = {fee["booking_id"]: fee["amount_minor"] for fee in fees(world)}
    for one in placed:
        assert -world.balance(one, "RECEIVABLE") == charged.get(world.booking(one)["id"], 0)


def paying(world: PayWorld, placed: Placed) -> Pull:
    return Pull(payments.record_manual_payment, {
        "order_id": placed.id, "amount_minor": 2260, "reason": "cash", "actor": world.admin, "now": LATE,
    })  # fmt: skip
