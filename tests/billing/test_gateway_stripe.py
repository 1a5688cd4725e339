"""What is Stripe's alone: how it counts money, cards that are tried again, delayed methods, inquiries."""

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest

from billing.gateways.protocol import Checkout, Gateway, GatewayRefused, GatewayUnreachable
from billing.gateways.stripe_words import from_stripe, to_stripe
from models import PaymentStatus
from tests.billing.providers import StripeProvider, stripe_client, tell
from tests.billing.stripe_server import running_stripe
from tests.builders import NOW
from tests.ports import free_port


@pytest.fixture
def provider() -> Iterator[StripeProvider]:
    with running_stripe(NOW) as books, closing(stripe_client(books.url)) as client:
        yield StripeProvider(books, client)


def checkout(gateway: Gateway, *, amount_minor: int = 2260, currency: str = "CAD") -> Checkout:
    return gateway.create_checkout(
        key=str(uuid4()), amount_minor=amount_minor, currency=currency, description="Riverside Centre: TO-1",
        return_url="http://127.0.0.1:9/orders/1",
    )  # fmt: skip


class TestAmounts:
    @pytest.mark.parametrize(
        ("amount_minor", "currency", "theirs"),
        [(2260, "CAD", 2260), (5000, "JPY", 5000), (12350, "KWD", 12350), (700, "ISK", 70000), (300, "UGX", 30000),
         (500, "MGA", 5)],
    )  # fmt: skip
    def test_are_counted_as_stripe_counts(self, amount_minor: int, currency: str, theirs: int) -> None:
        assert to_stripe(amount_minor, currency) == theirs
        assert from_stripe(theirs, currency) == amount_minor

    @pytest.mark.parametrize(("amount_minor", "currency"), [(12345, "KWD"), (550, "MGA")])
    def test_that_it_cannot_charge_exactly_are_refused(self, amount_minor: int, currency: str) -> None:
        with pytest.raises(GatewayRefused, match="exactly"):
            to_stripe(amount_minor, currency)

    def test_come_back_in_ours(self, provider: StripeProvider) -> None:
        made = checkout(provider.gateway, amount_minor=700, currency="ISK")
        provider.pay(made)

        said = provider.gateway.query(made.external_id)

        assert (said.amount_minor, said.currency) == (700, "ISK")


class TestPaying:
    def test_a_declined_card_may_be_followed_by_another(self, provider: StripeProvider) -> None:
        made = checkout(provider.gateway)
        provider.books.decline(made.external_id)
        declined = provider.gateway.query(made.external_id)

        provider.pay(made)

        assert declined.status is PaymentStatus.PENDING
        assert provider.gateway.query(made.external_id).status is PaymentStatus.SUCCESS
        assert [event.type for event in tell(provider, provider.messages(2))] == ["checkout.session.completed"]

    @pytest.mark.parametrize(("succeeds", "ends"), [(True, PaymentStatus.SUCCESS), (False, PaymentStatus.FAILED)])
    def test_a_delayed_method_is_under_way_until_the_bank_answers(
        self, provider: StripeProvider, succeeds: bool, ends: PaymentStatus
    ) -> None:
        made = checkout(provider.gateway)
        provider.books.complete(made.external_id, paid=False)
        under_way = provider.gateway.query(made.external_id)

        provider.books.settle(made.external_id, succeeds=succeeds)

        assert under_way.status is PaymentStatus.PROCESSING
        assert provider.gateway.query(made.external_id).status is ends
        statuses = [event.status for event in tell(provider, provider.messages(2))]  # type: ignore[union-attr]
        assert statuses == [PaymentStatus.PROCESSING, ends]

    def test_an_inquiry_takes_no_money(self, provider: StripeProvider) -> None:
        made = checkout(provider.gateway)
        provider.pay(made)
        provider.messages(1)

        provider.books.dispute(made.external_id, status="warning_needs_response")

        assert tell(provider, provider.messages(1)) == []


class TestTalking:
    def test_a_stranger_is_refused_and_told_no_key(self, provider: StripeProvider) -> None:
        stranger = closing(stripe_client(provider.books.url, api_key="sk_test_stranger"))
        with stranger as client, pytest.raises(GatewayRefused, match="not accepted") as refusal:
            client.query("cs_test_1")

        assert "sk_test" not in refusal.value.message

    def test_nobody_there_is_told_apart_from_no_answer(self) -> None:
        nobody = closing(stripe_client(f"http://127.0.0.1:{free_port()}"))
        with nobody as client, pytest.raises(GatewayUnreachable):
            checkout(client)

    def test_lists_page_by_page(self, provider: StripeProvider) -> None:
        for _ in range(101):
            checkout(provider.gateway)

        found = list(provider.gateway.records(merchant="", since=NOW, until=NOW.replace(year=2027)))

        assert len({record.external_id for record in found}) == 101
