"""Signing in by mail: whoever opens the address that was mailed comes in, once, within a quarter of an hour."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from engine.database import Transaction
from engine.fire import announce
from engine.links import sign_link

PURPOSE = "sign in"
LINK_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Known:
    """A login that may come in."""

    user_id: UUID
    name: str


def ask(tx: Transaction, *, email: str, now: datetime) -> None:
    """Mail the address, where somebody signs in with it. The same for every e-mail address: nothing is revealed."""
    announce(tx.batch, "sign_in.asked", now=now, email=email.lower())


def sign_in_link(secret: str, organisation_id: UUID, user_id: UUID, *, now: datetime) -> tuple[str, datetime]:
    """The part of an address that brings its reader in, and until when."""
    expires_at = now + LINK_FOR
    link = sign_link(secret, PURPOSE, expires_at=expires_at, organisation=organisation_id.hex, user=user_id.hex)
    return link, expires_at


_KNOWN = """
SELECT id AS user_id, name FROM "user"
WHERE organisation_id = %(org)s AND is_active AND (email = %(email)s OR id = %(user_id)s)
"""


def find(tx: Transaction, *, email: str | None = None, user_id: UUID | None = None) -> Known | None:
    """The active login of an e-mail address, or of its id."""
    row = tx.row(_KNOWN, email=email, user_id=user_id)
    return Known(**row) if row else None
