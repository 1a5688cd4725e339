"""Both payment providers as a contract test meets them: our client of each, and what payers and banks do there."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from billing.gateways.protocol import Checkout, Gateway, Told
from billing.gateways.stripe import StripeGateway
from tests.billing.sandbox import Sandbox, receiving, running_sandbox
from tests.billing.stripe_server import STRIPE_KEY, STRIPE_SECRET, Stripe, running_stripe
from tests.builders import NOW
from tests.engine.later import until

Message = tuple[dict[str, str], bytes]
PATIENCE_SECONDS = 1.5


class Provider(Protocol):
    """A provider with its payers."""

    webhook_url: str | None
    extra: int  # how many webhooks of a paid checkout come before that of its capture

    @property
    def gateway(self) -> Gateway: ...
    @property
    def now(self) -> datetime: ...
    def pay(self, checkout: Checkout) -> None: ...
    def give_up(self, checkout: Checkout) -> None: ...
    def dispute(self, checkout: Checkout) -> str: ...
    def decide(self, dispute_id: str, outcome: str) -> None: ...
    def lose_requests(self) -> None: ...
    def lose_answers(self) -> None: ...
    def behave(self) -> None: ...
    def refuse_refunds(self, reason: str) -> None: ...
    def messages(self, count: int) -> list[Message]:
        """The webhooks that have come since the last call, at least so many, each as it was signed."""
        ...


@dataclass
class SandboxProvider:
    sandbox: Sandbox
    webhook_url: str
    inbox: list[Message]
    extra: int = 1

    @property
    def gateway(self) -> Gateway:
        return self.sandbox.gateway

    @property
    def now(self) -> datetime:
        return self.sandbox.clock.now()

    def pay(self, checkout: Checkout) -> None:
        self.sandbox.visit(checkout.url)

    def give_up(self, checkout: Checkout) -> None:
        self.sandbox.visit(checkout.url, "decline")

    def dispute(self, checkout: Checkout) -> str:
        return self.sandbox.dispute(checkout.external_id)

    def decide(self, dispute_id: str, outcome: str) -> None:
        self.sandbox.decide(dispute_id, outcome)

    def lose_requests(self) -> None:
        self.sandbox.behave(hang_before_seconds=PATIENCE_SECONDS * 1.5)

    def lose_answers(self) -> None:
        self.sandbox.behave(hang_after_seconds=PATIENCE_SECONDS * 1.5)

    def behave(self) -> None:
        self.sandbox.behave()

    def refuse_refunds(self, reason: str) -> None:
        self.sandbox.behave(fail_refund=reason)

    def messages(self, count: int) -> list[Message]:
        until(lambda: len(self.inbox) >= count)
        found = self.inbox[:]
        self.inbox.clear()
        return found


@dataclass
class StripeProvider:
    books: Stripe
    client: StripeGateway
    webhook_url: str | None = None
    told: int = 0
    extra: int = 0

    @property
    def gateway(self) -> Gateway:
        return self.client

    @property
    def now(self) -> datetime:
        return self.books.now

    def pay(self, checkout: Checkout) -> None:
        self.books.complete(checkout.external_id)

    def give_up(self, checkout: Checkout) -> None:
        self.books.decline(checkout.external_id)
        self.books.expire(checkout.external_id)

    def dispute(self, checkout: Checkout) -> str:
        return self.books.dispute(checkout.external_id)

    def decide(self, dispute_id: str, outcome: str) -> None:
        self.books.decide(dispute_id, outcome)

    def lose_requests(self) -> None:
        self.books.hang_before_seconds = PATIENCE_SECONDS * 1.5

    def lose_answers(self) -> None:
        self.books.hang_after_seconds = PATIENCE_SECONDS * 1.5

    def behave(self) -> None:
        self.books.hang_before_seconds = self.books.hang_after_seconds = 0
        self.books.refund_status, self.books.refund_failure = "succeeded", None

    def refuse_refunds(self, reason: str) -> None:
        self.books.refund_status, self.books.refund_failure = "failed", reason

    def messages(self, count: int) -> list[Message]:
        fresh = self.books.events[self.told :]
        assert len(fresh) >= count
        self.told = len(self.books.events)
        return [self.books.sign(event) for event in fresh]


def tell(provider: Provider, messages: list[Message]) -> list[Told]:
    """What our client makes of webhooks; what tells nothing that we keep is left out."""
    heard = [provider.gateway.verify_webhook(headers, body, now=provider.now) for headers, body in messages]
    return [event for event in heard if event is not None]


@contextmanager
def sandbox_provider(folder: Path) -> Iterator[Provider]:
    inbox: list[Message] = []

    def receive(headers: dict[str, str], body: bytes) -> int:
        inbox.append((headers, body))
        return 200

    with (
        running_sandbox(folder / "contract.sqlite3", timeout_seconds=PATIENCE_SECONDS) as sandbox,
        receiving(receive) as address,
    ):
        yield SandboxProvider(sandbox, address, inbox)


@contextmanager
def stripe_provider(folder: Path) -> Iterator[Provider]:
    with running_stripe(NOW) as books, closing(stripe_client(books.url)) as client:
        yield StripeProvider(books, client)


def stripe_client(url: str, api_key: str = STRIPE_KEY) -> StripeGateway:
    return StripeGateway(
        api_key, webhook_secret=STRIPE_SECRET, api_base=url, timeout_seconds=PATIENCE_SECONDS
    )  # fmt: skip
