"""A payer's bank takes a payment back: what it settled is open again, and every order of the news ends alike."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from billing.gateways.protocol import DisputeStatus, GatewayDisputeEvent
from engine.database import Database
from models import PaymentReviewKind, PaymentStatus
from models import TermBookingStatus as S
from tests.builders import NOW
from tests.workflows.payment_world import PROVIDER, PayWorld, Placed, event_of, make_world
from workflows import payment_events
from workflows.payment_events import Outcome
from workflows.payments import StartedPayment

OPEN, LOST, WON = DisputeStatus.OPEN, DisputeStatus.LOST, DisputeStatus.WON
SUCCESS, PROCESSING = PaymentStatus.SUCCESS, PaymentStatus.PROCESSING


@pytest.fixture(scope="module")
def centre(database: Database, database_url: str) -> PayWorld:
    return make_world(database, database_url)


@pytest.fixture
def world(centre: PayWorld) -> Iterator[PayWorld]:
    """The centre; whatever a test did, every invariant holds afterwards."""
    yield centre
    assert centre.breaches() == []


def hear(world: PayWorld, started: StartedPayment, told: PaymentStatus | DisputeStatus, **changed: Any) -> Outcome:
    """The provider tells of the payment, or of a dispute about it; the same news carry the same id."""
    event_id = f"{started.key}-{told}"
    if isinstance(told, PaymentStatus):
        return world.deliver(event_of(started, told, event_id=event_id))
    default = {
        "external_id": f"ext_{started.payment_id}", "dispute_id": f"dp_{started.payment_id}", "reason": "fraudulent",
        "amount_minor": started.amount_minor, "currency": started.currency, "at": NOW,
    }  # fmt: skip
    event = GatewayDisputeEvent(event_id=event_id, type="dispute", status=told, **{**default, **changed})
    return payment_events.deliver_event(world.database, world.organisation_id, provider=PROVIDER, event=event, now=NOW)


def paid(world: PayWorld) -> tuple[Placed, StartedPayment]:
    placed = world.place()
    started = world.start(placed)
    hear(world, started, SUCCESS)
    return placed, started


def dispute(world: PayWorld, started: StartedPayment) -> dict[str, Any]:
    sql = "SELECT status, taken_minor, receivable_minor FROM payment_dispute WHERE payment_id = %(id)s"
    [row] = world.rows(sql, id=started.payment_id)
    return row


def end(world: PayWorld, placed: Placed, started: StartedPayment) -> tuple[Any, ...]:
    """Everything that must not depend on how the news arrive."""
    accounts = ("RECEIVABLE", "CUSTOMER_CREDIT", "GATEWAY_CLEARING", "DEFERRED_REVENUE")
    found = world.payment(started.payment_id)
    used = world.rows("SELECT coalesce(sum(amount_minor), 0)::bigint AS minor FROM payment_allocation "
                      "WHERE payment_id = %(id)s", id=started.payment_id)  # fmt: skip
    return (
        world.status(placed), found["status"], found["amount_minor"], found["disputed_minor"], used[0]["minor"],
        world.booking(placed)["payment_state"], tuple(dispute(world, started).values()),
        [world.balance(placed, account) for account in accounts], sorted(r["kind"] for r in world.reviews(placed)),
    )  # fmt: skip


class TestChargeback:
    def test_opens_what_the_payment_settled_and_moves_no_status(self, world: PayWorld) -> None:
        placed, started = paid(world)

        outcome = hear(world, started, OPEN)

        assert (outcome, world.status(placed), world.booking(placed)["payment_state"]) == (
            Outcome.DISPUTED, S.APPROVED, "OPEN",
        )  # fmt: skip
        assert (world.balance(placed, "RECEIVABLE"), world.balance(placed, "GATEWAY_CLEARING")) == (-2260, 0)
        assert [review["kind"] for review in world.reviews(placed)] == [PaymentReviewKind.CHARGEBACK]

    def test_that_is_won_settles_it_again(self, world: PayWorld) -> None:
        placed, started = paid(world)
        hear(world, started, OPEN)

        hear(world, started, WON)

        assert (world.booking(placed)["payment_state"], world.balance(placed, "RECEIVABLE")) == ("PAID", 0)
        assert dispute(world, started) == {"status": "WON", "taken_minor": 0, "receivable_minor": 0}

    def test_of_a_part_takes_that_part(self, world: PayWorld) -> None:
        placed, started = paid(world)

        hear(world, started, OPEN, amount_minor=1000)

        assert (world.balance(placed, "RECEIVABLE"), world.payment(started.payment_id)["disputed_minor"]) == (
            -1000, 1000,
        )  # fmt: skip

    def test_of_money_that_nothing_was_paid_with_takes_the_familys_credit(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)
        world.tell(started, SUCCESS, amount_minor=900)  # not what was asked: credit

        hear(world, started, LOST, amount_minor=900)

        assert (world.balance(placed), world.balance(placed, "RECEIVABLE")) == (0, 0)
        assert world.status(placed) == S.SUBMITTED

    def test_after_it_the_family_pays_again(self, world: PayWorld) -> None:
        placed, started = paid(world)
        hear(world, started, LOST)

        again = world.start(placed)
        world.tell(again, SUCCESS)

        assert (again.amount_minor, world.booking(placed)["payment_state"]) == (2260, "PAID")

    def test_in_another_currency_is_for_finance(self, world: PayWorld) -> None:
        placed, started = paid(world)

        hear(world, started, OPEN, currency="USD")

        assert [review["kind"] for review in world.reviews(placed)] == [PaymentReviewKind.WRONG_CURRENCY]
        assert world.booking(placed)["payment_state"] == "PAID"

    def test_of_a_payment_that_is_not_ours_is_for_finance(self, world: PayWorld) -> None:
        _, started = paid(world)

        outcome = hear(world, started, OPEN, external_id="ext_of_a_stranger")

        assert outcome is Outcome.UNKNOWN
        [review] = world.rows("SELECT kind FROM payment_review WHERE external_id = 'ext_of_a_stranger'")
        assert review["kind"] == PaymentReviewKind.UNKNOWN_PAYMENT


class TestAnyOrder:
    @pytest.mark.parametrize("last", [WON, LOST])
    def test_of_capture_dispute_and_its_end_each_twice_ends_alike(self, world: PayWorld, last: DisputeStatus) -> None:
        orders = sorted(set(permutations([SUCCESS, OPEN, last] * 2)))
        ends: dict[str, int] = {}

        for told in orders:
            placed = world.place()
            started = world.start(placed)
            for news in told:
                hear(world, started, news)
            found = repr(end(world, placed, started))
            ends[found] = ends.get(found, 0) + 1

        assert len(orders) == 90
        assert list(ends.values()) == [90], ends

    def test_of_all_news_of_a_payment_that_was_disputed_and_won_ends_alike(self, world: PayWorld) -> None:
        ends = set()

        for told in permutations([PROCESSING, SUCCESS, OPEN, WON]):
            placed = world.place()
            started = world.start(placed)
            for news in told:
                hear(world, started, news)
            ends.add(repr(end(world, placed, started)))

        assert len(ends) == 1
