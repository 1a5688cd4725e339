"""The adapter of the sandbox: what a merchant's client of a payment provider looks like, over HTTP with time limits."""

from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx
import orjson

from billing.gateways.protocol import (
    Checkout,
    GatewayEvent,
    GatewayOutcomeUnknown,
    GatewayPayment,
    GatewayRefused,
    GatewayUnreachable,
    WebhookForged,
)
from billing.gateways.signature import verify
from models import PaymentStatus

# The sandbox speaks its own words, as every provider does.
STATUSES = {
    "open": PaymentStatus.PENDING,
    "processing": PaymentStatus.PROCESSING,
    "succeeded": PaymentStatus.SUCCESS,
    "failed": PaymentStatus.FAILED,
}
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class SandboxGateway:
    """A client of one sandbox for one merchant. `secret` signs webhooks, `api_key` is the merchant's own."""

    name = "sandbox"

    def __init__(self, url: str, *, api_key: str, secret: str, timeout_seconds: float = 5.0) -> None:
        self._secret = secret
        self._client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=httpx.Timeout(timeout_seconds, connect=min(2.0, timeout_seconds)),
            trust_env=False,  # the sandbox is next door, never behind a proxy
        )

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def create_checkout(
        self, *, key: str, amount_minor: int, currency: str, description: str, return_url: str,
        webhook_url: str | None = None,
    ) -> Checkout:  # fmt: skip
        """See `Gateway.create_checkout`."""
        answer = self._create({
            "amount_minor": amount_minor, "currency": currency, "description": description,
            "client_reference": key, "return_url": return_url, "webhook_url": webhook_url,
        }, key)  # fmt: skip
        return Checkout(external_id=answer["id"], url=answer["url"])

    def _create(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        try:
            response = self._client.post("/v1/checkouts", json=body, headers={"Idempotency-Key": key})
        except _NEVER_SENT as error:
            raise GatewayUnreachable("The payment provider cannot be reached; try again in a moment.") from error
        except httpx.TransportError as error:
            raise GatewayOutcomeUnknown("The payment provider did not answer; ask again with the same key.") from error
        if response.status_code >= 500:
            raise GatewayOutcomeUnknown("The payment provider failed to answer; ask again with the same key.")
        return _read(response)

    def query(self, external_id: str) -> GatewayPayment:
        """See `Gateway.query`. Asking changes nothing, so an answer that does not come is simply asked for again."""
        try:
            response = self._client.get(f"/v1/checkouts/{external_id}")
        except httpx.TransportError as error:
            raise GatewayUnreachable("The payment provider cannot be reached; try again in a moment.") from error
        if response.status_code >= 500:
            raise GatewayUnreachable("The payment provider failed to answer; try again in a moment.")
        answer = _read(response)
        return GatewayPayment(
            status=STATUSES[answer["status"]], amount_minor=answer["amount_minor"], currency=answer["currency"],
            failure_reason=answer["failure_reason"],
        )  # fmt: skip

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> GatewayEvent:
        """See `Gateway.verify_webhook`. Each attempt to deliver is signed afresh; the id stays that of the event."""
        message_id = verify(self._secret, headers, body, now=now)
        try:
            message = orjson.loads(body)
            told = message["data"]
            return GatewayEvent(
                event_id=message_id, type=message["type"], external_id=told["id"], status=STATUSES[told["status"]],
                amount_minor=told["amount_minor"], currency=told["currency"], failure_reason=told["failure_reason"],
                key=told["client_reference"], at=datetime.fromisoformat(message["timestamp"]),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError) as error:
            raise WebhookForged("The webhook is signed, but no message of the payment provider.") from error


def _read(response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        reason = response.text[:200] if response.status_code != 401 else "the merchant's key is not accepted"
        raise GatewayRefused(f"The payment provider refused the request: {reason}", status=response.status_code)
    answer: dict[str, Any] = response.json()
    return answer
