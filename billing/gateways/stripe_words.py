"""Stripe's words in ours: amounts, statuses, and what its events tell.

Stripe counts some currencies otherwise than ISO 4217: its amounts are converted at this border and nowhere else.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from billing.gateways.protocol import (
    DisputeStatus,
    GatewayDisputeEvent,
    GatewayEvent,
    GatewayRefund,
    GatewayRefundEvent,
    GatewayRefundStatus,
    GatewayRefused,
    Told,
)
from engine.money import minor_digits
from models import PaymentStatus

Object = dict[str, Any]

# Of what Stripe charges without decimals, and with three; all others with two, also ISK and UGX.
_WITHOUT_DECIMALS = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()  # noqa: SIM905 - a list to read
)
_WITH_THREE = frozenset("BHD JOD KWD OMR TND".split())  # noqa: SIM905

_REFUNDS = {
    "succeeded": GatewayRefundStatus.SUCCEEDED,
    "failed": GatewayRefundStatus.FAILED,
    "canceled": GatewayRefundStatus.FAILED,
}
# An inquiry (warning_…) takes no money, nor does a dispute that was prevented.
_DISPUTES = {
    "needs_response": DisputeStatus.OPEN,
    "under_review": DisputeStatus.OPEN,
    "lost": DisputeStatus.LOST,
    "won": DisputeStatus.WON,
}
_OF_SESSIONS = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
    }
)
_OF_REFUNDS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})


def to_stripe(amount_minor: int, currency: str) -> int:
    """Our minor units as Stripe counts them. Raises GatewayRefused where Stripe cannot charge that amount."""
    theirs = _digits(currency)
    amount: int
    amount, left = divmod(amount_minor * 10**theirs, 10 ** minor_digits(currency))
    if left or (theirs == 3 and amount % 10):
        raise GatewayRefused(f"The payment provider cannot charge {amount_minor} minor units of {currency} exactly.")
    return amount


def from_stripe(amount: int, currency: str) -> int:
    """What Stripe counts, in our minor units."""
    minor: int = amount * 10 ** minor_digits(currency) // 10 ** _digits(currency)
    return minor


def _digits(currency: str) -> int:
    return 0 if currency in _WITHOUT_DECIMALS else 3 if currency in _WITH_THREE else 2


def status_of(session: Object) -> tuple[PaymentStatus, str | None]:
    """How the payment of a Checkout Session stands, and why it failed. A card that is declined leaves the session open:
    its payer may try another.
    """
    intent = session.get("payment_intent")
    intent = intent if isinstance(intent, dict) else {}
    if session["status"] == "open":
        return (PaymentStatus.PROCESSING if intent.get("status") == "processing" else PaymentStatus.PENDING), None
    if session["status"] == "expired":
        return PaymentStatus.FAILED, _failure(intent) or "expired"
    if session["payment_status"] in ("paid", "no_payment_required"):
        return PaymentStatus.SUCCESS, None
    if intent.get("status") in ("canceled", "requires_payment_method"):
        return PaymentStatus.FAILED, _failure(intent) or "declined"
    return PaymentStatus.PROCESSING, None  # it was completed, and the money is under way


def _failure(intent: Object) -> str | None:
    error = intent.get("last_payment_error") or {}
    return error.get("decline_code") or error.get("code")


def refund_of(refund: Object) -> GatewayRefund:
    """A refund; one that awaits something of its payer is under way."""
    status = _REFUNDS.get(refund["status"], GatewayRefundStatus.PENDING)
    return GatewayRefund(refund["id"], status, refund.get("failure_reason"))


def takes_money(dispute: Object) -> bool:
    """Whether a dispute has taken its payment's money at present: it is not won, and no mere inquiry."""
    return _DISPUTES.get(dispute["status"], DisputeStatus.WON) is not DisputeStatus.WON


def told_by(event: Object, *, session_of: Callable[[str], str | None]) -> Told | None:
    """What an event tells; None for those that we do not keep. `session_of` finds a payment intent's session."""
    kind, subject = event["type"], event["data"]["object"]
    common = {
        "event_id": event["id"], "type": kind, "at": datetime.fromtimestamp(event["created"], tz=UTC),
    }  # fmt: skip
    if kind in _OF_SESSIONS:
        return _payment_event(kind, subject, common)
    currency = str(subject.get("currency", "")).upper()
    if kind in _OF_REFUNDS:
        marks = subject.get("metadata") or {}
        paid = marks.get("termbook_checkout") or session_of(str(subject["payment_intent"]))
        return GatewayRefundEvent(
            refund=refund_of(subject), key=marks.get("termbook_refund"), external_id=paid, currency=currency,
            amount_minor=from_stripe(subject["amount"], currency), **common,
        )  # fmt: skip
    if kind.startswith("charge.dispute.") and subject["status"] in _DISPUTES:
        paid = session_of(str(subject["payment_intent"]))
        return None if paid is None else GatewayDisputeEvent(
            dispute_id=subject["id"], external_id=paid, status=_DISPUTES[subject["status"]],
            reason=subject["reason"], amount_minor=from_stripe(subject["amount"], currency), currency=currency,
            **common,
        )  # fmt: skip
    return None


def _payment_event(kind: str, session: Object, common: Object) -> GatewayEvent:
    currency = str(session["currency"]).upper()
    status, failure = status_of(session)
    if kind == "checkout.session.async_payment_failed":
        status, failure = PaymentStatus.FAILED, failure or "declined"
    return GatewayEvent(
        external_id=session["id"], status=status, failure_reason=failure, key=session.get("client_reference_id"),
        amount_minor=from_stripe(session["amount_total"] or 0, currency), currency=currency, **common,
    )  # fmt: skip
