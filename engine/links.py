"""Signed links: whoever holds the address may do what it says, until the moment it states."""

import hashlib
from datetime import datetime
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from engine.errors import NotPermitted, StartupFailed
from engine.settings import derived_secret


class LinkInvalid(NotPermitted):
    """The link was not made here, or it was changed on its way."""

    code = "link_invalid"


class LinkExpired(NotPermitted):
    """The link was valid once."""

    code = "link_expired"


def sign_link(secret: str, purpose: str, *, expires_at: datetime, **facts: str) -> str:
    """The part of an address that carries the facts, readable by anybody and changeable by nobody.

    A link of one purpose opens nothing of another. Raises StartupFailed when the installation has no secret.
    """
    return _serializer(secret, purpose).dumps({**facts, "until": int(expires_at.timestamp())})


def open_link(secret: str, purpose: str, text: str, *, now: datetime) -> dict[str, str]:
    """The facts of a link. Raises LinkInvalid or LinkExpired."""
    try:
        facts: dict[str, Any] = _serializer(secret, purpose).loads(text)
    except BadData as fault:
        raise LinkInvalid("This link is not valid; look whether it was copied whole.") from fault
    if facts.pop("until") <= now.timestamp():
        raise LinkExpired("This link has expired; ask for a new one.")
    return facts


def _serializer(secret: str, purpose: str) -> URLSafeSerializer:
    if not secret:
        raise StartupFailed("Links cannot be signed: set TERMBOOK_SECRET to a long random text.")
    return URLSafeSerializer(
        derived_secret(secret, f"link {purpose}"),
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
