"""Webhook signatures as standardwebhooks.com describes them: HMAC-SHA256 over id, timestamp and body.

Own code of a page, because the specification's Python library reads the machine's clock: a system on a set clock, and
every test of age, needs the moment passed in.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from billing.gateways.protocol import WebhookForged, WebhookTooOld

_SECRET_PREFIX = "whsec_"  # noqa: S105 - the marker of a secret, not one
TOLERANCE = timedelta(minutes=5)


def _key(secret: str) -> bytes:
    key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX) + "==")
    assert len(key) >= 16, "a webhook secret has at least 16 bytes"
    return key


def _signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def sign(secret: str, *, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers that sign this attempt to deliver the message. `secret` is base64, with or without `whsec_`."""
    timestamp = str(int(now.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": _signature(secret, message_id, timestamp, body),
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> str:
    """The id of the message. Raises WebhookForged, or WebhookTooOld when it is signed for another time.

    The signature is checked first: what a stranger sends learns nothing about our clock. Several signatures, separated
    by spaces, are of a secret that is being changed; one that fits is enough.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    expected = _signature(secret, message_id, timestamp, body).encode()
    offered = [signature.encode() for signature in given.get("webhook-signature", "").split()]
    if not message_id or not any(hmac.compare_digest(expected, signature) for signature in offered):
        raise WebhookForged("The webhook is not signed by the payment provider.")
    try:
        sent_at = datetime.fromtimestamp(int(timestamp), tz=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise WebhookForged("The webhook carries no moment.") from error
    if abs(now - sent_at) > TOLERANCE:
        raise WebhookTooOld(f"The webhook was signed at {sent_at:%Y-%m-%d %H:%M:%S} UTC, that is not now.")
    return message_id
