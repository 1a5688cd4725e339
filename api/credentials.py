"""Secrets of callers: the cookie of a person, the bearer token of a program. Only their SHA-256 is ever kept.

Both carry their organisation in clear, so that a transaction can be opened for it before the first query.
"""

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID

from models import CredentialKind

COOKIE = "__Host-termbook"
# Browsers refuse the prefix without HTTPS; on a developer's loopback the cookie has a plain name.
COOKIE_WITHOUT_TLS = "termbook"

_TOKEN_PREFIX = "tb_"  # noqa: S105 - marks a token, so that scanners of source code find leaked ones


@dataclass(frozen=True, slots=True)
class Presented:
    """What a caller shows."""

    organisation_id: UUID
    kind: CredentialKind
    secret_hash: str


def cookie_name(is_secure: bool) -> str:
    return COOKIE if is_secure else COOKIE_WITHOUT_TLS


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """A secret of 256 random bits needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def cookie_value(organisation_id: UUID, secret: str) -> str:
    return f"{organisation_id.hex}_{secret}"


def token_text(organisation_id: UUID, secret: str) -> str:
    return _TOKEN_PREFIX + cookie_value(organisation_id, secret)


def presented(authorization: str | None, cookie: str | None) -> Presented | None:
    """What the caller shows, if it has the right form; a header counts before a cookie."""
    if authorization is not None:
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "bearer" or not value.startswith(_TOKEN_PREFIX):
            return None
        return _parse(value.removeprefix(_TOKEN_PREFIX).strip(), CredentialKind.TOKEN)
    return _parse(cookie, CredentialKind.SIGN_IN) if cookie else None


def _parse(text: str, kind: CredentialKind) -> Presented | None:
    organisation, _, secret = text.partition("_")
    if len(organisation) != 32 or not 20 <= len(secret) <= 200:
        return None
    try:
        return Presented(UUID(hex=organisation), kind, hash_of(secret))
    except ValueError:
        return None
