"""What the house asks of a payment provider, in its own words; every provider is one adapter of this protocol.

No adapter knows the database, and nobody calls one inside a transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.errors import Conflict, NotPermitted
from models import PaymentStatus


class GatewayUnreachable(Conflict):
    """The provider could not be reached, so it did nothing; try again in a moment."""

    code = "gateway_unreachable"


class GatewayOutcomeUnknown(Conflict):
    """The provider was asked and did not answer: ask again with the same key, never with another."""

    code = "gateway_outcome_unknown"


class GatewayRefused(Conflict):
    """The provider says no to the request itself: wrong credentials, or a key that was used for something else."""

    code = "gateway_refused"


class WebhookForged(NotPermitted):
    """The message is not signed by the provider."""

    code = "webhook_forged"


class WebhookTooOld(NotPermitted):
    """The message is signed, but for another time: too old, or from the future."""

    code = "webhook_too_old"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A page of the provider's where the payer pays."""

    external_id: str
    url: str


@dataclass(frozen=True, slots=True)
class GatewayPayment:
    """How a payment stands with its provider; the amount is what was captured, else what was asked."""

    status: PaymentStatus
    amount_minor: int
    currency: str
    failure_reason: str | None = None


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """Something the provider tells about a payment. `key` is ours, as it was given to `create_checkout`: with it an
    event finds its payment even when the answer to that call never arrived.
    """

    event_id: str
    type: str
    external_id: str
    status: PaymentStatus
    amount_minor: int
    currency: str
    at: datetime
    failure_reason: str | None = None
    key: str | None = None


class Gateway(Protocol):
    """A payment provider. Amounts are minor units of `currency`."""

    @property
    def name(self) -> str:
        """The provider's name in our records."""
        ...

    def create_checkout(
        self, *, key: str, amount_minor: int, currency: str, description: str, return_url: str,
        webhook_url: str | None = None,
    ) -> Checkout:  # fmt: skip
        """Open a page to pay on. Idempotent by `key`: the same key gives the same checkout however often it is asked.

        Raises GatewayUnreachable (nothing happened), GatewayOutcomeUnknown (ask again with the same key),
        GatewayRefused.
        """
        ...

    def query(self, external_id: str) -> GatewayPayment:
        """How the payment stands now. Raises GatewayUnreachable, GatewayRefused (there is no such payment)."""
        ...

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> GatewayEvent:
        """The event in a webhook's body. Raises WebhookForged, WebhookTooOld."""
        ...
