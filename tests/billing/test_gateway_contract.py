"""What every payment provider keeps, of the sandbox in its process and of Stripe's library against its wire format."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from billing.gateways.protocol import (
    Checkout,
    DisputeStatus,
    GatewayDisputeEvent,
    GatewayEvent,
    GatewayOutcomeUnknown,
    GatewayRefundEvent,
    GatewayRefundStatus,
    GatewayRefused,
    WebhookForged,
    WebhookTooOld,
)
from models import PaymentStatus
from tests.billing.providers import Provider, sandbox_provider, stripe_provider, tell

PROVIDERS = {"sandbox": sandbox_provider, "stripe": stripe_provider}
MERCHANT = "riverside"


@pytest.fixture(scope="module", params=PROVIDERS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with PROVIDERS[request.param](tmp_path_factory.mktemp(request.param)) as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.behave()
    running.messages(0)
    return running


def checkout(provider: Provider, *, key: str = "", amount_minor: int = 2260, merchant: str = MERCHANT) -> Checkout:
    return provider.gateway.create_checkout(
        key=key or str(uuid4()), amount_minor=amount_minor, currency="CAD", description="Riverside Centre: TO-1",
        return_url="http://127.0.0.1:9/orders/1", webhook_url=provider.webhook_url, merchant=merchant,
    )  # fmt: skip


class TestCheckout:
    def test_waits_for_its_payer(self, provider: Provider) -> None:
        made = checkout(provider)

        said = provider.gateway.query(made.external_id)
        assert (said.status, said.amount_minor, said.currency) == (PaymentStatus.PENDING, 2260, "CAD")
        assert made.url.startswith("http")

    def test_is_made_once_for_its_key(self, provider: Provider) -> None:
        key = str(uuid4())

        assert checkout(provider, key=key) == checkout(provider, key=key)
        with pytest.raises(GatewayRefused):
            checkout(provider, key=key, amount_minor=1)

    def test_is_paid(self, provider: Provider) -> None:
        made = checkout(provider)

        provider.pay(made)

        assert provider.gateway.query(made.external_id).status is PaymentStatus.SUCCESS

    def test_that_is_declined_and_given_up_has_failed_and_says_why(self, provider: Provider) -> None:
        made = checkout(provider)

        provider.give_up(made)
        provider.pay(made)  # too late

        said = provider.gateway.query(made.external_id)
        assert (said.status, said.failure_reason) == (PaymentStatus.FAILED, "card_declined")

    def test_is_not_found_by_a_guess(self, provider: Provider) -> None:
        with pytest.raises(GatewayRefused):
            provider.gateway.query("cs_test_guessed")

    @pytest.mark.parametrize("how", ["lose_requests", "lose_answers"])
    def test_of_unknown_outcome_is_made_once_when_it_is_asked_again(self, provider: Provider, how: str) -> None:
        key = str(uuid4())
        getattr(provider, how)()
        with pytest.raises(GatewayOutcomeUnknown):
            checkout(provider, key=key)

        provider.behave()
        made, again = checkout(provider, key=key), checkout(provider, key=key)

        assert made == again
        since, until = provider.now - timedelta(hours=1), provider.now + timedelta(hours=1)
        found = [r for r in provider.gateway.records(merchant=MERCHANT, since=since, until=until) if r.key == key]
        assert [record.external_id for record in found] == [made.external_id]


class TestRefund:
    def paid(self, provider: Provider) -> Checkout:
        made = checkout(provider)
        provider.pay(made)
        return made

    def test_is_made_once_for_its_key(self, provider: Provider) -> None:
        made, key = self.paid(provider), str(uuid4())

        asked = {"key": key, "external_id": made.external_id, "currency": "CAD"}
        first = provider.gateway.refund(amount_minor=1500, **asked)
        again = provider.gateway.refund(amount_minor=1500, **asked)

        assert first == again == provider.gateway.query_refund(first.external_id)
        assert first.status is GatewayRefundStatus.SUCCEEDED
        with pytest.raises(GatewayRefused):
            provider.gateway.refund(amount_minor=10, **asked)

    def test_is_never_more_than_was_captured(self, provider: Provider) -> None:
        made = self.paid(provider)
        asked = {"external_id": made.external_id, "currency": "CAD"}
        provider.gateway.refund(key=str(uuid4()), amount_minor=1500, **asked)

        with pytest.raises(GatewayRefused):
            provider.gateway.refund(key=str(uuid4()), amount_minor=761, **asked)
        provider.gateway.refund(key=str(uuid4()), amount_minor=760, **asked)

    def test_is_refused_for_what_was_not_captured_or_in_another_currency(self, provider: Provider) -> None:
        with pytest.raises(GatewayRefused):
            provider.gateway.refund(
                key=str(uuid4()), external_id=checkout(provider).external_id, amount_minor=1, currency="CAD"
            )
        with pytest.raises(GatewayRefused):
            provider.gateway.refund(
                key=str(uuid4()), external_id=self.paid(provider).external_id, amount_minor=1, currency="USD"
            )

    def test_that_comes_back_says_why(self, provider: Provider) -> None:
        made = self.paid(provider)
        provider.refuse_refunds("expired_or_canceled_card")

        refund = provider.gateway.refund(
            key=str(uuid4()), external_id=made.external_id, amount_minor=2260, currency="CAD"
        )

        assert (refund.status, refund.failure_reason) == (GatewayRefundStatus.FAILED, "expired_or_canceled_card")

    def test_is_found_by_its_key_among_those_of_its_payment(self, provider: Provider) -> None:
        made, other, key = self.paid(provider), self.paid(provider), str(uuid4())
        unpaid = checkout(provider)
        provider.gateway.refund(key=str(uuid4()), external_id=made.external_id, amount_minor=100, currency="CAD")
        refund = provider.gateway.refund(key=key, external_id=made.external_id, amount_minor=200, currency="CAD")

        assert provider.gateway.find_refund(key=key, external_id=made.external_id) == refund
        assert provider.gateway.find_refund(key=str(uuid4()), external_id=made.external_id) is None
        assert provider.gateway.find_refund(key=key, external_id=other.external_id) is None
        assert provider.gateway.find_refund(key=key, external_id=unpaid.external_id) is None

    def test_of_unknown_outcome_is_made_once_when_it_is_asked_again(self, provider: Provider) -> None:
        made, key = self.paid(provider), str(uuid4())
        asked = {"key": key, "external_id": made.external_id, "amount_minor": 2260, "currency": "CAD"}
        provider.lose_answers()
        with pytest.raises(GatewayOutcomeUnknown):
            provider.gateway.refund(**asked)

        provider.behave()
        found = provider.gateway.find_refund(key=key, external_id=made.external_id)
        refund = provider.gateway.refund(**asked)

        assert refund.status is GatewayRefundStatus.SUCCEEDED
        assert found == refund
        with pytest.raises(GatewayRefused):
            provider.gateway.refund(**{**asked, "key": str(uuid4()), "amount_minor": 1})


class TestWebhooks:
    def test_tell_of_a_payment_with_our_key(self, provider: Provider) -> None:
        key = str(uuid4())
        made = checkout(provider, key=key)
        provider.pay(made)

        *_, last = tell(provider, provider.messages(1 + provider.extra))

        assert isinstance(last, GatewayEvent)
        assert (last.external_id, last.key, last.status) == (made.external_id, key, PaymentStatus.SUCCESS)
        assert (last.amount_minor, last.currency) == (2260, "CAD")

    def test_tell_of_a_refund_with_its_key(self, provider: Provider) -> None:
        made, key = checkout(provider), str(uuid4())
        provider.pay(made)
        refund = provider.gateway.refund(key=key, external_id=made.external_id, amount_minor=700, currency="CAD")

        [event] = [
            e for e in tell(provider, provider.messages(2 + provider.extra)) if isinstance(e, GatewayRefundEvent)
        ][-1:]

        assert (event.key, event.external_id, event.amount_minor) == (key, made.external_id, 700)
        assert event.refund == refund

    @pytest.mark.parametrize("outcome", ["won", "lost"])
    def test_tell_of_a_dispute_and_how_it_ends(self, provider: Provider, outcome: str) -> None:
        made = checkout(provider)
        provider.pay(made)
        dispute_id = provider.dispute(made)
        provider.decide(dispute_id, outcome)

        told = [e for e in tell(provider, provider.messages(3 + provider.extra)) if isinstance(e, GatewayDisputeEvent)]

        assert {(e.dispute_id, e.external_id, e.amount_minor) for e in told} == {(dispute_id, made.external_id, 2260)}
        assert (told[0].status, told[-1].status) == (DisputeStatus.OPEN, DisputeStatus(outcome.upper()))

    def test_are_refused_when_changed_unsigned_or_of_another_time(self, provider: Provider) -> None:
        made = checkout(provider)
        provider.pay(made)
        headers, body = provider.messages(1)[0]
        hear = provider.gateway.verify_webhook

        for given, content in ((headers, body + b" "), ({}, body)):
            with pytest.raises(WebhookForged):
                hear(given, content, now=provider.now)
        for off in (timedelta(minutes=6), timedelta(minutes=-6)):
            with pytest.raises(WebhookTooOld):
                hear(headers, body, now=provider.now + off)


class TestRecords:
    def test_list_what_the_provider_has_of_one_merchant_and_time(self, provider: Provider) -> None:
        merchant = str(uuid4())
        first, second = (checkout(provider, merchant=merchant) for _ in range(2))
        checkout(provider, merchant="another")
        provider.pay(first)
        provider.gateway.refund(key=str(uuid4()), external_id=first.external_id, amount_minor=60, currency="CAD")

        hour = timedelta(hours=1)
        now = provider.now
        listed = {
            r.external_id: r for r in provider.gateway.records(merchant=merchant, since=now - hour, until=now + hour)
        }
        earlier = list(provider.gateway.records(merchant=merchant, since=now - 2 * hour, until=now - hour))

        assert set(listed) == {first.external_id, second.external_id}
        assert (listed[first.external_id].status, listed[first.external_id].refunded_minor) == (
            PaymentStatus.SUCCESS,
            60,
        )
        assert listed[second.external_id].status is PaymentStatus.PENDING
        assert earlier == []

    def test_say_what_disputes_have_taken_at_present(self, provider: Provider) -> None:
        merchant = str(uuid4())
        taken, won = (checkout(provider, merchant=merchant) for _ in range(2))
        for paid in (taken, won):
            provider.pay(paid)
        provider.dispute(taken)
        provider.decide(provider.dispute(won), "won")

        hour = timedelta(hours=1)
        found = provider.gateway.records(merchant=merchant, since=provider.now - hour, until=provider.now + hour)
        listed = {record.external_id: record for record in found}

        assert listed[taken.external_id].disputed_minor == listed[taken.external_id].amount_minor > 0
        assert listed[won.external_id].disputed_minor == 0
