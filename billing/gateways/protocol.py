"""What the house asks of a payment provider, in its own words; every provider is one adapter of this protocol.

No adapter knows the database, and nobody calls one inside a transaction.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
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


class GatewayRefundStatus(StrEnum):
    """Where money on its way back stands with the provider."""

    PENDING = "PENDING"  # accepted; the payer's bank has not answered
    SUCCEEDED = "SUCCEEDED"  # the payer has it back
    FAILED = "FAILED"  # it came back to us; see failure_reason


@dataclass(frozen=True, slots=True)
class GatewayRefund:
    """How a refund stands with its provider."""

    external_id: str
    status: GatewayRefundStatus
    failure_reason: str | None = None


@dataclass(frozen=True, slots=True)
class GatewayRecord:
    """A payment in the provider's own list; `key` is ours, `refunded_minor` what went back of it or is on its way, and
    `disputed_minor` what its payer's bank has taken of it at present.
    """

    external_id: str
    key: str | None
    status: PaymentStatus
    amount_minor: int
    currency: str
    at: datetime
    refunded_minor: int = 0
    disputed_minor: int = 0


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


@dataclass(frozen=True, slots=True)
class GatewayRefundEvent:
    """Something the provider tells about a refund. `key` is ours, as it was given to `refund`; `external_id` is the
    payment's.
    """

    event_id: str
    type: str
    refund: GatewayRefund
    amount_minor: int
    currency: str
    at: datetime
    key: str | None = None
    external_id: str | None = None


class DisputeStatus(StrEnum):
    """Who has the money of a disputed payment."""

    OPEN = "OPEN"  # taken from us until it is decided
    LOST = "LOST"  # the payer's for good
    WON = "WON"  # ours again


@dataclass(frozen=True, slots=True)
class GatewayDisputeEvent:
    """A payer disputes a payment with their bank: a chargeback. `external_id` is the payment's."""

    event_id: str
    type: str
    dispute_id: str
    external_id: str
    status: DisputeStatus
    reason: str
    amount_minor: int
    currency: str
    at: datetime


Told = GatewayEvent | GatewayRefundEvent | GatewayDisputeEvent


class Gateway(Protocol):
    """A payment provider. Amounts are minor units of `currency`."""

    @property
    def name(self) -> str:
        """The provider's name in our records."""
        ...

    def create_checkout(
        self, *, key: str, amount_minor: int, currency: str, description: str, return_url: str,
        webhook_url: str | None = None, merchant: str = "",
    ) -> Checkout:  # fmt: skip
        """Open a page to pay on. Idempotent by `key`: the same key gives the same checkout however often it is asked.
        `merchant` says for whom it is, where several share an account with the provider; `records` lists by it.

        Raises GatewayUnreachable (nothing happened), GatewayOutcomeUnknown (ask again with the same key),
        GatewayRefused.
        """
        ...

    def query(self, external_id: str) -> GatewayPayment:
        """How the payment stands now. Raises GatewayUnreachable, GatewayRefused (there is no such payment)."""
        ...

    def refund(self, *, key: str, external_id: str, amount_minor: int, currency: str) -> GatewayRefund:
        """Give money of the payment `external_id` back to its payer. Idempotent by `key` as long as the provider keeps
        it (Stripe: a day): asked again it tells how that refund stands, and moves no more money.

        Raises GatewayUnreachable (nothing happened), GatewayOutcomeUnknown (look for it with `find_refund` before
        asking again with the same key), GatewayRefused (more than is captured and not refunded, another currency, a key
        used for something else).
        """
        ...

    def query_refund(self, external_id: str) -> GatewayRefund:
        """How the refund stands now. Raises GatewayUnreachable, GatewayRefused (there is no such refund)."""
        ...

    def find_refund(self, *, key: str, external_id: str) -> GatewayRefund | None:
        """The refund of the payment `external_id` that was asked for with `key`, also after the provider has forgotten
        the key; None where there is none. Raises GatewayUnreachable, GatewayRefused.
        """
        ...

    def records(self, *, merchant: str, since: datetime, until: datetime) -> Iterator[GatewayRecord]:
        """What the provider has on its own books of the payments begun from `since` to before `until`.

        Raises GatewayUnreachable, GatewayRefused, also while it is read.
        """
        ...

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Told | None:
        """The event in a webhook's body; None where it tells of nothing that we keep. It may ask the provider.

        Raises WebhookForged, WebhookTooOld, GatewayUnreachable.
        """
        ...
