"""The adapter of Stripe, through its own library: Checkout Sessions, refunds, disputes, signed webhooks.

A payment of ours is a Checkout Session: that is its external id. Our key travels as its client reference, and in the
metadata of what Stripe makes for it. Stripe keeps an idempotency key for a day at least; what was asked before that is
told apart by the metadata: a refund before it is asked for again, a payment in reconciliation.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import httpx
import orjson
import stripe

from billing.gateways.protocol import (
    Checkout,
    GatewayOutcomeUnknown,
    GatewayPayment,
    GatewayRecord,
    GatewayRefund,
    GatewayRefused,
    GatewayUnreachable,
    Told,
    WebhookForged,
    WebhookTooOld,
)
from billing.gateways.signature import TOLERANCE
from billing.gateways.stripe_words import (
    from_stripe,
    refund_of,
    status_of,
    takes_money,
    to_stripe,
    told_by,
)

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_KEY_IN_USE = "idempotency_key_in_use"  # the same request is being answered at this moment
_PAGE_ROWS = 100

Answer = TypeVar("Answer")


class _Http(stripe.HTTPClient):
    """The library's requests over httpx, with time limits; as much of an HTTP client as it asks for."""

    name = "httpx"

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__()
        self._http = httpx.Client(timeout=httpx.Timeout(timeout_seconds, connect=min(5.0, timeout_seconds)))

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, *, _usage: Any = None
    ) -> tuple[str, int, Mapping[str, str]]:
        """The answer's body, status and headers. Raises APIConnectionError, caused by what httpx says."""
        try:
            response = self._http.request(method, url, headers=dict(headers or {}), content=post_data)
        except httpx.HTTPError as error:
            raise stripe.APIConnectionError(str(error)) from error  # type: ignore[no-untyped-call]
        return response.text, response.status_code, response.headers

    def close(self) -> None:
        self._http.close()


class StripeGateway:
    """A client of one Stripe account. `webhook_secret` is that of its webhook endpoint; `api_base` another server that
    speaks Stripe's API, for tests.
    """

    name = "stripe"

    def __init__(self, api_key: str, *, webhook_secret: str, api_base: str = "", timeout_seconds: float = 10.0) -> None:
        self._webhook_secret = webhook_secret
        # It retries nothing by itself: whether an outcome is known is for whoever asked.
        self._http = _Http(timeout_seconds)
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base} if api_base else {},
            http_client=self._http,
            max_network_retries=0,
        )

    def close(self) -> None:
        self._http.close()

    def create_checkout(
        self, *, key: str, amount_minor: int, currency: str, description: str, return_url: str,
        webhook_url: str | None = None, merchant: str = "",
    ) -> Checkout:  # fmt: skip
        """See `Gateway.create_checkout`. Stripe's webhooks come to the endpoint that is set up in its dashboard."""
        item: Any = {"currency": currency.lower(), "unit_amount": to_stripe(amount_minor, currency),
                "product_data": {"name": description}}  # fmt: skip
        marks = {"termbook_payment": key, "termbook_merchant": merchant}
        session = self._make(lambda: self._client.v1.checkout.sessions.create(
            {
                "mode": "payment", "client_reference_id": key, "success_url": return_url, "cancel_url": return_url,
                "line_items": [{"quantity": 1, "price_data": item}], "metadata": marks,
                "payment_intent_data": {"metadata": marks, "description": description},
            },
            {"idempotency_key": key},
        ))  # fmt: skip
        return Checkout(external_id=session.id, url=session.url or "")

    def query(self, external_id: str) -> GatewayPayment:
        """See `Gateway.query`."""
        session = self._ask(
            lambda: self._client.v1.checkout.sessions.retrieve(external_id, {"expand": ["payment_intent"]})
        )
        status, failure = status_of(session.to_dict())
        currency = str(session.currency).upper()
        return GatewayPayment(status, from_stripe(session.amount_total or 0, currency), currency, failure)

    def refund(self, *, key: str, external_id: str, amount_minor: int, currency: str) -> GatewayRefund:
        """See `Gateway.refund`. The payment is read first: reading moves nothing, whatever becomes of it."""
        session = self._ask(lambda: self._client.v1.checkout.sessions.retrieve(external_id))
        if str(session.currency).upper() != currency:
            raise GatewayRefused(f"The payment provider captured {str(session.currency).upper()}, not {currency}.")
        if session.payment_intent is None:
            raise GatewayRefused("The payment provider has captured nothing of it.")
        intent = str(session.payment_intent)
        refund = self._make(lambda: self._client.v1.refunds.create(
            {"payment_intent": intent, "amount": to_stripe(amount_minor, currency),
             "metadata": {"termbook_refund": key, "termbook_checkout": external_id}},
            {"idempotency_key": key},
        ))  # fmt: skip
        return refund_of(refund.to_dict())

    def query_refund(self, external_id: str) -> GatewayRefund:
        """See `Gateway.query_refund`."""
        return refund_of(self._ask(lambda: self._client.v1.refunds.retrieve(external_id)).to_dict())

    def find_refund(self, *, key: str, external_id: str) -> GatewayRefund | None:
        """See `Gateway.find_refund`. Told apart by the metadata, which Stripe keeps for good."""
        session = self._ask(lambda: self._client.v1.checkout.sessions.retrieve(external_id))
        asked: Any = {"payment_intent": str(session.payment_intent), "limit": _PAGE_ROWS}
        while session.payment_intent is not None:
            page = self._ask(partial(self._client.v1.refunds.list, asked))
            for refund in (found.to_dict() for found in page.data):
                if (refund.get("metadata") or {}).get("termbook_refund") == key:
                    return refund_of(refund)
            if not page.has_more:
                return None
            asked = asked | {"starting_after": page.data[-1].id}
        return None

    def records(self, *, merchant: str, since: datetime, until: datetime) -> Iterator[GatewayRecord]:
        """See `Gateway.records`. Stripe cannot list by metadata: what is another merchant's is passed over here."""
        created = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
        expand = ["data.payment_intent.latest_charge"]
        asked: Any = {"created": created, "limit": _PAGE_ROWS, "expand": expand}
        while True:
            page = self._ask(partial(self._client.v1.checkout.sessions.list, asked))
            for session in (found.to_dict() for found in page.data):
                if (session.get("metadata") or {}).get("termbook_merchant", "") == merchant:
                    yield _record(session, self._disputed(session))
            if not page.has_more:
                return
            asked = asked | {"starting_after": page.data[-1].id}

    def _disputed(self, session: dict[str, Any]) -> int:
        """What disputes have taken of a session's payment at present, as Stripe counts it."""
        intent = session.get("payment_intent")
        charge = intent.get("latest_charge") if isinstance(intent, dict) else None
        if not isinstance(intent, dict) or not isinstance(charge, dict) or not charge.get("disputed"):
            return 0
        asked: Any = {"payment_intent": intent["id"], "limit": _PAGE_ROWS}
        page = self._ask(partial(self._client.v1.disputes.list, asked))
        return sum(dispute["amount"] for dispute in (found.to_dict() for found in page.data) if takes_money(dispute))

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Told | None:
        """See `Gateway.verify_webhook`. The library checks the signature; the age is compared with our own clock."""
        given = {name.lower(): value for name, value in headers.items()}.get("stripe-signature")
        try:
            stripe.WebhookSignature.verify_header(body, given, self._webhook_secret, tolerance=None)
        except (stripe.SignatureVerificationError, UnicodeDecodeError, ValueError) as error:
            raise WebhookForged("The webhook is not signed by the payment provider.") from error
        signed_at = next(int(part[2:]) for part in str(given).split(",") if part.startswith("t="))
        if abs(now.timestamp() - signed_at) > TOLERANCE.total_seconds():
            shown = datetime.fromtimestamp(signed_at, tz=UTC)
            raise WebhookTooOld(f"The webhook was signed at {shown:%Y-%m-%d %H:%M:%S} UTC, that is not now.")
        try:
            return told_by(orjson.loads(body), session_of=self._session_of)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WebhookForged("The webhook is signed, but no event of the payment provider.") from error

    def _session_of(self, payment_intent: str) -> str | None:
        """The Checkout Session that a payment intent was made for; None where it was made otherwise."""
        page = self._ask(lambda: self._client.v1.checkout.sessions.list({"payment_intent": payment_intent, "limit": 1}))
        return page.data[0].id if page.data else None

    @staticmethod
    def _make(call: Callable[[], Answer]) -> Answer:
        """Ask for something to be made, once for its key."""
        try:
            return call()
        except stripe.APIConnectionError as error:
            if isinstance(error.__cause__, _NEVER_SENT):
                raise _unreachable() from error
            raise _unknown() from error
        except stripe.RateLimitError as error:
            raise _unreachable() from error
        except stripe.StripeError as error:
            if error.code == _KEY_IN_USE or (error.http_status or 0) >= 500:
                raise _unknown() from error
            raise _refused(error) from error

    @staticmethod
    def _ask(call: Callable[[], Answer]) -> Answer:
        """Asking changes nothing, so an answer that does not come is simply asked for again."""
        try:
            return call()
        except (stripe.APIConnectionError, stripe.RateLimitError) as error:
            raise _unreachable() from error
        except stripe.StripeError as error:
            if (error.http_status or 0) >= 500:
                raise _unreachable() from error
            raise _refused(error) from error


def _record(session: dict[str, Any], disputed: int) -> GatewayRecord:
    currency = str(session["currency"]).upper()
    intent = session.get("payment_intent")
    charge = intent.get("latest_charge") if isinstance(intent, dict) else None
    refunded = charge.get("amount_refunded", 0) if isinstance(charge, dict) else 0
    return GatewayRecord(
        external_id=session["id"], key=session.get("client_reference_id"), status=status_of(session)[0],
        amount_minor=from_stripe(session["amount_total"] or 0, currency), currency=currency,
        at=datetime.fromtimestamp(session["created"], tz=UTC), refunded_minor=from_stripe(refunded, currency),
        disputed_minor=from_stripe(disputed, currency),
    )  # fmt: skip


def _unreachable() -> GatewayUnreachable:
    return GatewayUnreachable("The payment provider cannot be reached; try again in a moment.")


def _unknown() -> GatewayOutcomeUnknown:
    return GatewayOutcomeUnknown("The payment provider did not answer; ask again with the same key.")


def _refused(error: stripe.StripeError) -> GatewayRefused:
    """What Stripe says; of a key that it does not accept, not the key."""
    is_stranger = isinstance(error, stripe.AuthenticationError)
    reason = "the merchant's key is not accepted" if is_stranger else (error.user_message or "no reason given")
    return GatewayRefused(f"The payment provider refused the request: {reason[:200]}", status=error.http_status)
