"""Signing in with a password (counted attempts, then the password outside any transaction, then the credential), and by
an address that was mailed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from api.attempts import Limit, count_attempt, forget_attempt, forget_attempts, subject_of
from api.credentials import hash_of, new_secret
from api.errors import Unauthenticated
from api.passwords import hash_password, is_outdated, is_password
from engine.database import Database, Row, Transaction
from engine.errors import NotPermitted
from engine.ids import new_id
from engine.links import LinkInvalid, open_link
from engine.settings import derived_secret
from models import CredentialKind
from workflows import sign_in_links

SIGNED_IN_FOR = timedelta(days=14)
_LIMIT = Limit("sign in", most=10, window=timedelta(minutes=15))
# One password tried with many addresses. A school's families may come from one address too, and mostly know theirs.
_LIMIT_FROM_ONE_ADDRESS = Limit("sign in", most=100, window=timedelta(minutes=15))


@dataclass(frozen=True, slots=True)
class SignIn:
    """A fresh sign-in; the secret goes into the cookie and is kept nowhere."""

    organisation_id: UUID
    secret: str


def sign_in(
    database: Database, *, organisation: str, email: str, password: str, address: str, now: datetime
) -> SignIn:  # fmt: skip
    """Check a password and make a server-side session.

    Raises Unauthenticated, in the same words and time for a wrong organisation, e-mail address or password, and
    TooManyAttempts after 10 attempts in 15 minutes with one e-mail address from one network address, or 100 that failed
    from there with whatever e-mail addresses.
    """
    organisation_id = database.organisation_by_slug(organisation)
    subject = subject_of(email, address)
    attempt, user = None, None
    if organisation_id is not None:
        attempt, user = database.run(organisation_id, lambda tx: _begin_attempt(tx, subject, email, address, now))
    is_right = is_password(user["password_hash"] if user else None, password)
    if organisation_id is None or attempt is None or user is None or not is_right:
        raise Unauthenticated("Organisation, e-mail address or password is wrong.")
    fresh = hash_password(password) if is_outdated(user["password_hash"]) else None
    secret = new_secret()

    def finish(tx: Transaction) -> None:
        forget_attempts(tx, subject)
        forget_attempt(tx, attempt)
        _come_in(tx, user, secret=secret, fresh=fresh, now=now)

    database.run(organisation_id, finish)
    return SignIn(organisation_id, secret)


_USER = """
SELECT id, password_hash FROM "user"
WHERE organisation_id = %(org)s AND email = %(email)s AND is_active AND password_hash IS NOT NULL
"""


def _begin_attempt(tx: Transaction, subject: str, email: str, address: str, now: datetime) -> tuple[UUID, Row | None]:
    count_attempt(tx, _LIMIT, subject, now=now)
    attempt_id = count_attempt(tx, _LIMIT_FROM_ONE_ADDRESS, subject_of("sign in", address), now=now)
    return attempt_id, tx.row(_USER, email=email)


def _come_in(tx: Transaction, user: Row, *, secret: str, fresh: str | None, now: datetime) -> None:
    if fresh is not None:
        tx.run('UPDATE "user" SET password_hash = %(fresh)s WHERE organisation_id = %(org)s AND id = %(id)s',
               fresh=fresh, id=user["id"])  # fmt: skip
    add_credential(
        tx, CredentialKind.SIGN_IN, user_id=user["id"], secret=secret, label="", now=now, expires_at=now + SIGNED_IN_FOR
    )


_CREDENTIAL = """
INSERT INTO credential (organisation_id, id, kind, user_id, secret_hash, label, created_at, expires_at)
VALUES (%(org)s, %(id)s, %(kind)s, %(user_id)s, %(secret_hash)s, %(label)s, %(now)s, %(expires_at)s)
"""


def add_credential(
    tx: Transaction, kind: CredentialKind, *, user_id: UUID, secret: str, label: str, now: datetime,
    expires_at: datetime,
) -> UUID:  # fmt: skip
    """Enter a credential; only the secret's SHA-256 is kept. Returns its id."""
    credential_id = new_id()
    tx.run(
        _CREDENTIAL, id=credential_id, kind=kind.value, user_id=user_id, secret_hash=hash_of(secret), label=label,
        now=now, expires_at=expires_at,
    )  # fmt: skip
    return credential_id


class LinkUsed(NotPermitted):
    """The address signed somebody in already; it does so once."""

    code = "link_used"


_ENTER = """
INSERT INTO credential (organisation_id, id, kind, user_id, secret_hash, label, created_at, expires_at)
VALUES (%(org)s, %(id)s, 'SIGN_IN', %(user_id)s, %(secret_hash)s, '', %(now)s, %(expires_at)s)
ON CONFLICT (organisation_id, secret_hash) DO NOTHING
"""


def sign_in_by_link(database: Database, *, secret: str, link: str, now: datetime) -> SignIn:
    """Come in by a mailed address. Its own fingerprint is the secret of the sign-in, which exists once.

    Raises LinkInvalid, LinkExpired, LinkUsed.
    """
    organisation_id, user_id = opened_link(secret, link, now=now)
    fresh = hash_of(derived_secret(secret, f"sign in by {link}"))

    def enter(tx: Transaction) -> int:
        if sign_in_links.find(tx, user_id=user_id) is None:
            return 0
        return tx.run(_ENTER, id=new_id(), user_id=user_id, secret_hash=hash_of(fresh), now=now,
                      expires_at=now + SIGNED_IN_FOR)  # fmt: skip

    if not database.run(organisation_id, enter):
        raise LinkUsed("This link signed you in already; it works once. Ask for a new one.")
    return SignIn(organisation_id, fresh)


def opened_link(secret: str, link: str, *, now: datetime) -> tuple[UUID, UUID]:
    """The organisation and the user of a mailed address. Raises LinkInvalid or LinkExpired."""
    facts = open_link(secret, sign_in_links.PURPOSE, link, now=now)
    try:
        return UUID(hex=facts["organisation"]), UUID(hex=facts["user"])
    except (KeyError, ValueError) as fault:
        raise LinkInvalid("This link is not valid; ask for a new one.") from fault
