"""kill -9 of everything under load, for as long as a test may take; `make crash` goes on for two minutes."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

import pytest

from bench.crash import CLOCK_START, Report, load, prove
from bench.crash_clients import Journal, Order
from bench.crash_proof import orders_failing, own
from bench.crash_services import Installation, Victim, installed

SECONDS, SEED = 22.0, 7


@dataclass(frozen=True)
class Aftermath:
    """What is left after the kills, still running."""

    installation: Installation
    found: Report

    def failings(self, journals: list[Journal]) -> list[str]:
        with own(self.installation.server.url) as owner:
            return list(orders_failing(owner, [order for journal in journals for order in journal.orders]))


@pytest.fixture(scope="module")
def aftermath() -> Iterator[Aftermath]:
    found = Report(SEED)
    with installed(clock_start=CLOCK_START) as installation:
        load(installation, found, seconds=SECONDS)
        prove(installation, found)
        installation.is_suspect = bool(found.faults)
        yield Aftermath(installation, found)


class TestAfterKillingEverything:
    def test_every_word_was_kept(self, aftermath: Aftermath) -> None:
        assert aftermath.found.faults == []

    def test_and_it_was_worth_a_proof(self, aftermath: Aftermath) -> None:
        found = aftermath.found

        assert set(found.kills) == set(Victim)
        assert found.acknowledged >= 10
        assert found.retries > 0
        assert found.timeouts > 0
        assert found.messages > 0
        assert set(found.restarts) == {"API", "worker", "PostgreSQL"}


class TestTheProof:
    """Controls: were a word broken, it would be seen."""

    def test_sees_an_order_that_is_lost(self, aftermath: Aftermath) -> None:
        journals = deepcopy(aftermath.found.journals)
        journals[0].orders.append(Order("00000000-0000-0000-0000-000000000000", ["new"], "DRAFT"))

        assert [fault for fault in aftermath.failings(journals) if "is lost" in fault]

    def test_sees_a_key_that_was_applied_twice(self, aftermath: Aftermath) -> None:
        """Then an order is there that nobody was told of, or a trigger stands twice in a history."""
        journals = deepcopy(aftermath.found.journals)
        untold = journals[0].orders.pop()
        saved = next(one for journal in journals for one in journal.orders if "submit" in one.triggers)
        saved.triggers.remove("save")

        faults = aftermath.failings(journals)

        assert [fault for fault in faults if untold.id in fault and "nobody was told" in fault]
        assert [fault for fault in faults if saved.id in fault and "its history says" in fault]

    def test_sees_a_trigger_that_is_undone(self, aftermath: Aftermath) -> None:
        journals = deepcopy(aftermath.found.journals)
        order = next(one for journal in journals for one in journal.orders)
        order.triggers.append("submit")

        assert [fault for fault in aftermath.failings(journals) if order.id in fault]
