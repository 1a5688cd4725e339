"""The adapter of the sandbox: what a merchant's client of a payment provider looks like, over HTTP with time limits."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx
import orjson

from billing.gateways.protocol import (
    Checkout,
    DisputeStatus,
    GatewayDisputeEvent,
    GatewayEvent,
    GatewayOutcomeUnknown,
    GatewayPayment,
    GatewayRecord,
    GatewayRefund,
    GatewayRefundEvent,
    GatewayRefundStatus,
    GatewayRefused,
    GatewayUnreachable,
    Told,
    WebhookForged,
)
from billing.gateways.signature import verify
from models import PaymentStatus

# The sandbox speaks its own words, as every provider does.
STATUSES = {
    "open": PaymentStatus.PENDING,
    "challenged": PaymentStatus.PENDING,
    "processing": PaymentStatus.PROCESSING,
    "succeeded": PaymentStatus.SUCCESS,
    "failed": PaymentStatus.FAILED,
}
REFUND_STATUSES = {
    "pending": GatewayRefundStatus.PENDING,
    "succeeded": GatewayRefundStatus.SUCCEEDED,
    "failed": GatewayRefundStatus.FAILED,
}
DISPUTE_STATUSES = {"open": DisputeStatus.OPEN, "won": DisputeStatus.WON, "lost": DisputeStatus.LOST}
PAGE_ROWS = 100
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
        webhook_url: str | None = None, merchant: str = "",
    ) -> Checkout:  # fmt: skip
        """See `Gateway.create_checkout`."""
        answer = self._create("/v1/checkouts", {
            "amount_minor": amount_minor, "currency": currency, "description": description,
            "client_reference": key, "return_url": return_url, "webhook_url": webhook_url, "merchant": merchant,
        }, key)  # fmt: skip
        return Checkout(external_id=answer["id"], url=answer["url"])

    def _create(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        try:
            response = self._client.post(path, json=body, headers={"Idempotency-Key": key})
        except _NEVER_SENT as error:
            raise GatewayUnreachable("The payment provider cannot be reached; try again in a moment.") from error
        except httpx.TransportError as error:
            raise GatewayOutcomeUnknown("The payment provider did not answer; ask again with the same key.") from error
        if response.status_code >= 500:
            raise GatewayOutcomeUnknown("The payment provider failed to answer; ask again with the same key.")
        answer: dict[str, Any] = _read(response)
        return answer

    def query(self, external_id: str) -> GatewayPayment:
        """See `Gateway.query`."""
        answer = self._ask(f"/v1/checkouts/{external_id}")
        return GatewayPayment(
            status=STATUSES[answer["status"]], amount_minor=answer["amount_minor"], currency=answer["currency"],
            failure_reason=answer["failure_reason"],
        )  # fmt: skip

    def refund(self, *, key: str, external_id: str, amount_minor: int, currency: str) -> GatewayRefund:
        """See `Gateway.refund`."""
        asked = {"checkout_id": external_id, "amount_minor": amount_minor, "currency": currency}
        return _refund(self._create("/v1/refunds", asked, key))

    def query_refund(self, external_id: str) -> GatewayRefund:
        """See `Gateway.query_refund`."""
        return _refund(self._ask(f"/v1/refunds/{external_id}"))

    def find_refund(self, *, key: str, external_id: str) -> GatewayRefund | None:
        """See `Gateway.find_refund`."""
        made = self._ask("/v1/refunds", checkout_id=external_id)
        return next((_refund(one) for one in made if one["client_reference"] == key), None)

    def records(self, *, merchant: str, since: datetime, until: datetime) -> Iterator[GatewayRecord]:
        """See `Gateway.records`."""
        asked = {"merchant": merchant, "since": since.timestamp(), "until": until.timestamp(), "limit": PAGE_ROWS}
        after = ""
        while page := self._ask("/v1/checkouts", **asked, after=after):
            for row in page:
                yield GatewayRecord(
                    external_id=row["id"], key=row["client_reference"], status=STATUSES[row["status"]],
                    amount_minor=row["amount_minor"], currency=row["currency"],
                    at=datetime.fromtimestamp(row["created_at"], tz=UTC), refunded_minor=row["refunded_minor"],
                    disputed_minor=row["disputed_minor"],
                )  # fmt: skip
            after = page[-1]["id"]

    def _ask(self, path: str, **asked: Any) -> Any:
        """Asking changes nothing, so an answer that does not come is simply asked for again."""
        try:
            response = self._client.get(path, params=asked)
        except httpx.TransportError as error:
            raise GatewayUnreachable("The payment provider cannot be reached; try again in a moment.") from error
        if response.status_code >= 500:
            raise GatewayUnreachable("The payment provider failed to answer; try again in a moment.")
        return _read(response)

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Told | None:
        """See `Gateway.verify_webhook`. Each attempt to deliver is signed afresh; the id stays that of the event."""
        message_id = verify(self._secret, headers, body, now=now)
        try:
            message = orjson.loads(body)
            subject, told = message["type"].split(".")[0], message["data"]
            common = {
                "event_id": message_id, "type": message["type"], "at": datetime.fromisoformat(message["timestamp"]),
                "amount_minor": told["amount_minor"], "currency": told["currency"],
            }  # fmt: skip
            return _EVENTS[subject](told, common)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WebhookForged("The webhook is signed, but no message of the payment provider.") from error


def _payment_event(told: dict[str, Any], common: dict[str, Any]) -> GatewayEvent:
    return GatewayEvent(
        external_id=told["id"], status=STATUSES[told["status"]], failure_reason=told["failure_reason"],
        key=told["client_reference"], **common,
    )  # fmt: skip


def _refund_event(told: dict[str, Any], common: dict[str, Any]) -> GatewayRefundEvent:
    return GatewayRefundEvent(
        refund=_refund(told), key=told["client_reference"], external_id=told["checkout_id"], **common
    )


def _dispute_event(told: dict[str, Any], common: dict[str, Any]) -> GatewayDisputeEvent:
    return GatewayDisputeEvent(
        dispute_id=told["id"], external_id=told["checkout_id"], status=DISPUTE_STATUSES[told["status"]],
        reason=told["reason"], **common,
    )  # fmt: skip


_EVENTS: dict[str, Callable[[dict[str, Any], dict[str, Any]], Told]] = {
    "payment": _payment_event, "refund": _refund_event, "dispute": _dispute_event,
}  # fmt: skip


def _refund(answer: dict[str, Any]) -> GatewayRefund:
    return GatewayRefund(answer["id"], REFUND_STATUSES[answer["status"]], answer["failure_reason"])


def _read(response: httpx.Response) -> Any:
    if response.is_error:
        reason = response.text[:200] if response.status_code != 401 else "the merchant's key is not accepted"
        raise GatewayRefused(f"The payment provider refused the request: {reason}", status=response.status_code)
    return response.json()
