"""Passkeys: a device's key that signs a challenge of ours instead of a password.

A challenge is a signed text that says for whom and until when it stands; answered, it is noted as spent. So to look at
a form writes nothing, and nothing is answered twice.
"""

import hashlib
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_authentication_credential_json, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from api.attempts import Limit, count_attempt, forget_attempt, subject_of
from api.credentials import new_secret
from api.errors import Unauthenticated
from api.sign_in import SIGNED_IN_FOR, SignIn, add_credential
from engine.database import Database, Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason, TermbookError
from engine.ids import new_id
from engine.links import open_link, sign_link
from engine.settings import Settings
from models import CredentialKind

MOST_PASSKEYS = 10
LONGEST_LABEL = 60
ANSWERED_WITHIN = timedelta(minutes=5)
_PURPOSE = "passkey"
_LIMIT = Limit("sign in", most=30, window=timedelta(minutes=15))
_LONGEST_ANSWER = 20_000
_NOT_OURS = "This passkey is not known here; sign in another way."
_AGAIN = "The passkey could not be checked; please try again."


class PasskeyRefused(Unauthenticated):
    """What the device signed is not what we asked, or it is no key that we know."""

    code = "passkey_refused"


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for a signature: our host and origin as the browser knows them, and the visit that it is for."""

    host: str
    origin: str
    secret: str
    browser: str  # what this browser's forms are bound to


def asking(settings: Settings, browser: str) -> Asking | None:
    """None where the address has no name: browsers keep no keys for a bare IP address."""
    found = urlsplit(settings.base_url)
    try:
        ipaddress.ip_address(found.hostname or "")
    except ValueError:
        bound = hashlib.sha256(browser.encode()).hexdigest()
        return Asking(found.hostname or "", f"{found.scheme}://{found.netloc}", settings.secret, bound)
    return None


# --- a key is added ---


def options_to_add(tx: Transaction, by: Asking, *, user_id: UUID, email: str, name: str, now: datetime) -> str:
    """What the browser needs to make a key, as JSON."""
    known = [PublicKeyCredentialDescriptor(bytes(row["key_id"])) for row in passkeys_of(tx, user_id)]
    options = generate_registration_options(
        rp_id=by.host, rp_name=by.host, user_id=user_id.bytes, user_name=email, user_display_name=name,
        challenge=_challenge(by, tx.organisation_id, user_id, now), exclude_credentials=known,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )  # fmt: skip
    return options_to_json(options)


_ADD = """
INSERT INTO passkey (organisation_id, id, user_id, key_id, public_key, sign_count, label, created_at)
VALUES (%(org)s, %(id)s, %(user_id)s, %(key_id)s, %(public_key)s, %(sign_count)s, %(label)s, %(now)s)
ON CONFLICT (organisation_id, key_id) DO NOTHING
"""


def add_passkey(tx: Transaction, by: Asking, *, user_id: UUID, answer: str, label: str, now: datetime) -> UUID:
    """Keep the public half of a key that the user's device made.

    Raises PasskeyRefused (a challenge that is not ours, spent, or too old; another origin), Invalid (no name), Conflict
    (as many as one may have, or this one already).
    """
    label = _label(label)
    tx.rows('SELECT 1 FROM "user" WHERE organisation_id = %(org)s AND id = %(id)s FOR UPDATE', id=user_id)
    if len(passkeys_of(tx, user_id)) >= MOST_PASSKEYS:
        raise Conflict(f"One login has at most {MOST_PASSKEYS} passkeys; remove one that is not used.")
    challenge = _answered(by, tx.organisation_id, user_id, answer, now)
    _spend(tx, challenge, now)
    try:
        made = verify_registration_response(
            credential=answer, expected_challenge=challenge, expected_rp_id=by.host, expected_origin=by.origin,
            require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError, TypeError, KeyError) as fault:
        raise PasskeyRefused(_AGAIN) from fault
    passkey_id = new_id()
    added = tx.run(
        _ADD, id=passkey_id, user_id=user_id, key_id=made.credential_id, public_key=made.credential_public_key,
        sign_count=made.sign_count, label=label, now=now,
    )  # fmt: skip
    if not added:
        raise Conflict("This device has a passkey here already.")
    return passkey_id


# --- one signs in ---


def options_to_sign_in(by: Asking, *, organisation_id: UUID, now: datetime) -> str:
    """What the browser needs to find a key of ours and sign with it, as JSON. Nobody is named: the key knows whose it
    is."""
    options = generate_authentication_options(
        rp_id=by.host, challenge=_challenge(by, organisation_id, None, now),
        user_verification=UserVerificationRequirement.REQUIRED,
    )  # fmt: skip
    return options_to_json(options)


_KEY = """
SELECT k.id, k.user_id, k.public_key, k.sign_count
FROM passkey k JOIN "user" u ON u.organisation_id = k.organisation_id AND u.id = k.user_id
WHERE k.organisation_id = %(org)s AND k.key_id = %(key_id)s AND u.is_active
"""
# The count is looked at once more: two sign-ins of one key at once are one too many.
_USED = """
UPDATE passkey SET sign_count = %(fresh)s, used_at = %(now)s
WHERE organisation_id = %(org)s AND id = %(id)s AND (sign_count < %(fresh)s OR sign_count = 0 AND %(fresh)s = 0)
"""


def sign_in_by_passkey(
    database: Database, by: Asking, *, organisation_id: UUID, answer: str, address: str, now: datetime
) -> SignIn:  # fmt: skip
    """Check what a device signed and make a server-side session.

    Raises PasskeyRefused, and TooManyAttempts after 30 that failed in 15 minutes from one network address.
    """
    subject = subject_of("passkey", address)
    attempt_id = database.run(organisation_id, lambda tx: count_attempt(tx, _LIMIT, subject, now=now))
    challenge = _answered(by, organisation_id, None, answer, now)
    key_id, handle = _named(answer)

    def begin(tx: Transaction) -> Row | None:
        _spend(tx, challenge, now)
        return tx.row(_KEY, key_id=key_id)

    key = database.run(organisation_id, begin)
    if key is None or handle not in (None, key["user_id"].bytes):
        raise PasskeyRefused(_NOT_OURS)
    try:
        seen = verify_authentication_response(
            credential=answer, expected_challenge=challenge, expected_rp_id=by.host, expected_origin=by.origin,
            credential_public_key=bytes(key["public_key"]), credential_current_sign_count=key["sign_count"],
            require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError, TypeError, KeyError) as fault:
        raise PasskeyRefused(_AGAIN) from fault
    secret = new_secret()

    def finish(tx: Transaction) -> None:
        if not tx.run(_USED, id=key["id"], fresh=seen.new_sign_count, now=now):
            raise PasskeyRefused(_AGAIN)
        forget_attempt(tx, attempt_id)
        add_credential(tx, CredentialKind.SIGN_IN, user_id=key["user_id"], secret=secret, label="", now=now,
                       expires_at=now + SIGNED_IN_FOR)  # fmt: skip

    database.run(organisation_id, finish)
    return SignIn(organisation_id, secret)


def _named(answer: str) -> tuple[bytes, bytes | None]:
    """Which key signed, and whose the device says it is."""
    try:
        given = parse_authentication_credential_json(answer)
    except (WebAuthnException, ValueError, TypeError, KeyError) as fault:
        raise PasskeyRefused(_AGAIN) from fault
    return given.raw_id, given.response.user_handle


# --- one's keys ---


def passkeys_of(tx: Transaction, user_id: UUID) -> list[Row]:
    return tx.rows(
        "SELECT id, key_id, label, created_at, used_at FROM passkey WHERE organisation_id = %(org)s "
        "AND user_id = %(user_id)s ORDER BY created_at, id", user_id=user_id,
    )  # fmt: skip


def rename_passkey(tx: Transaction, *, user_id: UUID, passkey_id: UUID, label: str) -> None:
    """Raises Invalid, and NotFound where it is no key of this user."""
    changed = tx.run(
        "UPDATE passkey SET label = %(label)s WHERE organisation_id = %(org)s AND id = %(id)s "
        "AND user_id = %(user_id)s",
        label=_label(label), id=passkey_id, user_id=user_id,
    )  # fmt: skip
    _require(changed)


def remove_passkey(tx: Transaction, *, user_id: UUID, passkey_id: UUID) -> None:
    """It signs in no more. Raises NotFound."""
    _require(
        tx.run("DELETE FROM passkey WHERE organisation_id = %(org)s AND id = %(id)s AND user_id = %(user_id)s",
               id=passkey_id, user_id=user_id)
    )  # fmt: skip


def _require(changed: int) -> None:
    if not changed:
        raise NotFound("There is no such passkey.", what="passkey")


def _label(text: str) -> str:
    label = " ".join(text.split())
    if not label or len(label) > LONGEST_LABEL or not label.isprintable():
        reason = Reason(
            "invalid", f"Give it a name of at most {LONGEST_LABEL} characters.", field="label", rule="label"
        )
        raise Invalid("The passkey needs a name.", reasons=[reason])
    return label


# --- challenges ---


def _challenge(by: Asking, organisation_id: UUID, user_id: UUID | None, now: datetime) -> bytes:
    """For this visit, this organisation and, where a key is added, this user."""
    text = sign_link(
        by.secret, _PURPOSE, expires_at=now + ANSWERED_WITHIN, organisation=organisation_id.hex, browser=by.browser,
        user=user_id.hex if user_id else "", once=secrets.token_hex(16),
    )  # fmt: skip
    return text.encode()


def _answered(by: Asking, organisation_id: UUID, user_id: UUID | None, answer: str, now: datetime) -> bytes:
    """The challenge that was answered. Raises PasskeyRefused unless it is ours, for this visit, and of this moment."""
    try:
        challenge = _challenge_in(answer)
        facts = open_link(by.secret, _PURPOSE, challenge.decode(), now=now)
    except (TermbookError, WebAuthnException, ValueError, TypeError, KeyError) as fault:
        raise PasskeyRefused(_AGAIN) from fault
    wanted = {"organisation": organisation_id.hex, "browser": by.browser, "user": user_id.hex if user_id else ""}
    if any(facts.get(name) != value for name, value in wanted.items()):
        raise PasskeyRefused(_AGAIN)
    return challenge


def _challenge_in(answer: str) -> bytes:
    if len(answer) > _LONGEST_ANSWER:
        raise ValueError("no device answers at such length")
    given: dict[str, Any] = orjson.loads(answer)
    return bytes(parse_client_data_json(base64url_to_bytes(given["response"]["clientDataJSON"])).challenge)


def _spend(tx: Transaction, challenge: bytes, now: datetime) -> None:
    """Raises PasskeyRefused where it was answered before."""
    spent = tx.run(
        "INSERT INTO spent_challenge (organisation_id, id, challenge_hash, expires_at) "
        "VALUES (%(org)s, %(id)s, %(hash)s, %(until)s) ON CONFLICT (organisation_id, challenge_hash) DO NOTHING",
        id=new_id(), hash=hashlib.sha256(challenge).hexdigest(), until=now + ANSWERED_WITHIN,
    )  # fmt: skip
    if not spent:
        raise PasskeyRefused(_AGAIN)
