"""Paying at once, end to end: a family, its order, a real provider in a process of its own, real webhooks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from billing.gateways.protocol import GatewayOutcomeUnknown, GatewayRefused, WebhookForged, WebhookTooOld
from billing.gateways.sandbox import SandboxGateway
from engine.database import Database
from engine.timers import sweep
from models import TermBookingStatus as S
from tests.billing.sandbox import API_KEY, SECRET, Sandbox, receiving, running_sandbox
from tests.engine.later import until
from tests.ports import free_port
from tests.workflows.payment_world import PayWorld, Placed, make_world
from workflows import payment_events, payments, timeouts
from workflows.payment_events import Outcome
from workflows.payments import StartedPayment


@pytest.fixture(scope="module")
def centre(database: Database, database_url: str) -> PayWorld:
    return make_world(database, database_url)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox") / "own.sqlite3", timeout_seconds=1.0) as sandbox:
        yield sandbox


@pytest.fixture
def world(centre: PayWorld) -> Iterator[PayWorld]:
    """The centre; whatever a test did, every invariant holds afterwards."""
    yield centre
    assert centre.breaches() == []


@pytest.fixture
def sandbox(provider: Sandbox) -> Sandbox:
    """The provider on a good day."""
    provider.behave()
    return provider


class Endpoint:
    """The house's webhook endpoint: verify, apply, answer."""

    def __init__(self, world: PayWorld, sandbox: Sandbox) -> None:
        self.world, self.sandbox = world, sandbox
        self.outcomes: list[Outcome] = []

    def receive(self, headers: dict[str, str], body: bytes) -> int:
        now = self.sandbox.clock.now()
        try:
            event = self.sandbox.gateway.verify_webhook(headers, body, now=now)
        except (WebhookForged, WebhookTooOld):
            return 401
        outcome = payment_events.deliver_event(
            self.world.database, self.world.organisation_id, provider="sandbox", event=event, now=now
        )
        self.outcomes.append(outcome)
        return 204


@contextmanager
def listening(world: PayWorld, sandbox: Sandbox) -> Iterator[tuple[Endpoint, str]]:
    endpoint = Endpoint(world, sandbox)
    with receiving(endpoint.receive) as address:
        yield endpoint, address


def open_checkout(
    world: PayWorld, sandbox: Sandbox, placed: Placed, webhook_url: str | None, *, gateway: SandboxGateway | None = None
) -> StartedPayment:
    return payments.open_checkout(
        world.database, world.organisation_id, gateway or sandbox.gateway, order_id=placed.id, actor=placed.family,
        return_url="http://127.0.0.1:9/orders", webhook_url=webhook_url, now=sandbox.clock.now(),
    )  # fmt: skip


def place(world: PayWorld, sandbox: Sandbox) -> Placed:
    return world.place(now=sandbox.clock.now())


def is_approved(world: PayWorld, placed: Placed) -> Callable[[], bool]:
    return lambda: world.status(placed) == S.APPROVED


def ask(
    world: PayWorld, sandbox: Sandbox, *, after: timedelta = timedelta(0), gateway: SandboxGateway | None = None
) -> int:
    """The worker asks the provider about payments whose news may be lost."""
    gateways = {"sandbox": gateway or sandbox.gateway}
    return payment_events.query_processing(world.database, gateways, now=sandbox.clock.now() + after)


class TestPayNow:
    def test_from_the_cart_to_a_paid_booking(self, world: PayWorld, sandbox: Sandbox) -> None:
        placed = place(world, sandbox)
        with listening(world, sandbox) as (endpoint, address):
            started = open_checkout(world, sandbox, placed, address)
            assert started.checkout_url is not None
            page = sandbox.http.get(started.checkout_url).text

            sandbox.visit(started.checkout_url)
            until(lambda: len(endpoint.outcomes) == 2)

        assert "CA$22.60" in page
        assert endpoint.outcomes == [Outcome.PROCESSING, Outcome.CONFIRMED]
        assert (world.status(placed), world.booking(placed)["payment_state"]) == (S.APPROVED, "PAID")
        # Two truths, one story.
        said, known = sandbox.gateway.query(str(started.external_id)), world.payment(started.payment_id)
        assert (said.status, said.amount_minor, said.currency) == (
            known["status"], known["amount_minor"], known["currency"],
        )  # fmt: skip

    def test_declined_and_then_paid_with_another_card(self, world: PayWorld, sandbox: Sandbox) -> None:
        placed = place(world, sandbox)
        with listening(world, sandbox) as (_, address):
            first = open_checkout(world, sandbox, placed, address)
            sandbox.visit(str(first.checkout_url), "decline")
            until(lambda: world.payment(first.payment_id)["status"] == "FAILED")

            second = open_checkout(world, sandbox, placed, address)
            sandbox.visit(str(second.checkout_url))
            until(is_approved(world, placed))

        assert first.payment_id != second.payment_id
        assert world.payment(first.payment_id)["failure_reason"] == "card_declined"

    def test_with_webhooks_that_come_three_times_and_overtake_one_another(
        self, world: PayWorld, sandbox: Sandbox
    ) -> None:
        sandbox.behave(copies=3, reorder=True)
        placed = place(world, sandbox)
        with listening(world, sandbox) as (endpoint, address):
            sandbox.visit(str(open_checkout(world, sandbox, placed, address).checkout_url))
            until(lambda: len(endpoint.outcomes) == 6)

        assert endpoint.outcomes.count(Outcome.CONFIRMED) == 1
        assert endpoint.outcomes.count(Outcome.UNCHANGED) == 1
        assert endpoint.outcomes.count(Outcome.ALREADY_APPLIED) == 4
        assert world.balance(placed, "GATEWAY_CLEARING") == -2260

    def test_an_old_webhook_delivered_again_changes_nothing(self, world: PayWorld, sandbox: Sandbox) -> None:
        placed = place(world, sandbox)
        with listening(world, sandbox) as (endpoint, address):
            started = open_checkout(world, sandbox, placed, address)
            sandbox.visit(str(started.checkout_url))
            until(lambda: len(endpoint.outcomes) == 2)
            before = world.final(placed, started)
            for delivery in sandbox.deliveries(str(started.external_id)):
                sandbox.deliver_again(delivery["event_id"])
            until(lambda: len(endpoint.outcomes) == 4)

        assert endpoint.outcomes[2:] == [Outcome.ALREADY_APPLIED] * 2
        assert world.final(placed, started) == before

    def test_an_endpoint_that_is_down_is_told_when_it_is_back(self, world: PayWorld, sandbox: Sandbox) -> None:
        placed = place(world, sandbox)
        endpoint, down = Endpoint(world, sandbox), [True]
        with receiving(lambda headers, body: 503 if down[0] else endpoint.receive(headers, body)) as address:
            started = open_checkout(world, sandbox, placed, address)
            sandbox.visit(str(started.checkout_url))
            until(lambda: any(one["attempts"] for one in sandbox.deliveries(str(started.external_id))))
            waiting = world.status(placed)

            down[0] = False
            until(is_approved(world, placed))

        assert waiting == S.SUBMITTED

    def test_a_wrong_capture_never_confirms(self, world: PayWorld, sandbox: Sandbox) -> None:
        sandbox.behave(capture_minor=2259)
        placed = place(world, sandbox)
        with listening(world, sandbox) as (endpoint, address):
            sandbox.visit(str(open_checkout(world, sandbox, placed, address).checkout_url))
            until(lambda: len(endpoint.outcomes) == 2)

        assert endpoint.outcomes[-1] is Outcome.REVIEW
        assert (world.status(placed), world.balance(placed)) == (S.SUBMITTED, 2259)


class TestLostAnswers:
    def test_of_a_checkout_are_asked_for_again_with_the_same_key(self, world: PayWorld, sandbox: Sandbox) -> None:
        placed = place(world, sandbox)
        sandbox.behave(hang_after_seconds=1.5)
        with pytest.raises(GatewayOutcomeUnknown):
            open_checkout(world, sandbox, placed, None)
        [unknown] = world.rows("SELECT * FROM payment WHERE order_id = %(id)s", id=placed.id)

        sandbox.behave()
        started = open_checkout(world, sandbox, placed, None)

        assert (unknown["status"], unknown["external_id"]) == ("PENDING", None)
        assert started.payment_id == unknown["id"]
        assert open_checkout(world, sandbox, placed, None) == started

    def test_do_not_lose_money_paid_before_the_page_was_attached(self, world: PayWorld, sandbox: Sandbox) -> None:
        placed = place(world, sandbox)
        started = world.run(payments.start_payment, order_id=placed.id, provider="sandbox", actor=placed.family,
                            now=sandbox.clock.now())  # fmt: skip
        with listening(world, sandbox) as (_, address):
            made = sandbox.gateway.create_checkout(
                key=started.key, amount_minor=started.amount_minor, currency=started.currency,
                description=started.description, return_url="http://127.0.0.1:9/", webhook_url=address,
            )  # fmt: skip
            sandbox.visit(made.url)
            until(is_approved(world, placed))

        assert world.payment(started.payment_id)["external_id"] == made.external_id

    def test_of_webhooks_are_found_out_by_asking(self, world: PayWorld, sandbox: Sandbox) -> None:
        sandbox.behave(drop=True)
        placed = place(world, sandbox)
        started = open_checkout(world, sandbox, placed, "http://127.0.0.1:9/")
        sandbox.visit(str(started.checkout_url))

        too_early = ask(world, sandbox)
        changed = ask(world, sandbox, after=timedelta(minutes=15))
        again = ask(world, sandbox, after=timedelta(minutes=17))

        assert (too_early, changed, again) == (0, 1, 0)
        assert world.status(placed) == S.APPROVED

    def test_a_webhook_after_the_question_changes_nothing(self, world: PayWorld, sandbox: Sandbox) -> None:
        sandbox.behave(delay_seconds=1.5)
        placed = place(world, sandbox)
        with listening(world, sandbox) as (endpoint, address):
            started = open_checkout(world, sandbox, placed, address)
            sandbox.visit(str(started.checkout_url))
            ask(world, sandbox, after=timedelta(minutes=15))
            before = world.final(placed, started)
            until(lambda: len(endpoint.outcomes) == 2)

        assert endpoint.outcomes == [Outcome.UNCHANGED] * 2
        assert world.final(placed, started) == before

    def test_what_is_asked_before_the_sweep_is_not_cancelled(self, world: PayWorld, sandbox: Sandbox) -> None:
        sandbox.behave(drop=True)
        paid, left = place(world, sandbox), place(world, sandbox)
        sandbox.visit(str(open_checkout(world, sandbox, paid, "http://127.0.0.1:9/").checkout_url))
        open_checkout(world, sandbox, left, None)
        later = timedelta(minutes=16)

        ask(world, sandbox, after=later)
        sweep(world.database, now=sandbox.clock.now() + later, handlers=timeouts.handlers())

        assert (world.status(paid), world.status(left)) == (S.APPROVED, S.CANCELED)

    def test_a_provider_that_is_away_is_asked_again(self, world: PayWorld, sandbox: Sandbox) -> None:
        sandbox.behave(drop=True)
        placed = place(world, sandbox)
        sandbox.visit(str(open_checkout(world, sandbox, placed, "http://127.0.0.1:9/").checkout_url))
        with SandboxGateway(f"http://127.0.0.1:{free_port()}", api_key=API_KEY, secret=SECRET) as away:
            nothing = ask(world, sandbox, after=timedelta(minutes=15), gateway=away)

        assert (nothing, ask(world, sandbox, after=timedelta(minutes=16))) == (0, 1)

    def test_a_provider_that_refuses_ends_the_payment_and_frees_the_order(
        self, world: PayWorld, sandbox: Sandbox
    ) -> None:
        placed = place(world, sandbox)
        with (
            SandboxGateway(sandbox.url, api_key="a-strangers-key", secret=SECRET) as stranger,
            pytest.raises(GatewayRefused),
        ):
            open_checkout(world, sandbox, placed, None, gateway=stranger)
        [refused] = world.rows("SELECT * FROM payment WHERE order_id = %(id)s", id=placed.id)

        started = open_checkout(world, sandbox, placed, None)

        assert (refused["status"], started.payment_id != refused["id"]) == ("FAILED", True)


class TestStrangers:
    def test_a_forged_webhook_writes_nothing(self, world: PayWorld, sandbox: Sandbox) -> None:
        placed = place(world, sandbox)
        started = open_checkout(world, sandbox, placed, None)
        body = b'{"type": "payment.succeeded", "data": {"id": "%s"}}' % str(started.external_id).encode()
        headers = {"webhook-id": "evt_1", "webhook-timestamp": "1774962000", "webhook-signature": "v1,Zm9yZ2Vk"}

        answer = Endpoint(world, sandbox).receive(headers, body)

        assert (answer, world.status(placed)) == (401, S.SUBMITTED)
        assert world.payment(started.payment_id)["status"] == "PENDING"
