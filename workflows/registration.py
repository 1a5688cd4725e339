"""Registering: an e-mail address that its owner has proved gets a login, and the bookings made with it as a guest."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from engine.database import Transaction
from engine.errors import Invalid, Reason
from engine.fire import announce
from engine.ids import new_id, new_reference
from engine.links import sign_link

PURPOSE = "registration"
LINK_FOR = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Registered:
    """The login, the account it acts for, and whether bookings of a guest came with it."""

    user_id: UUID
    account_id: UUID
    is_new_user: bool
    has_claimed: bool


def ask(tx: Transaction, *, email: str, now: datetime) -> None:
    """Mail the address that finishes the registration. The same for every e-mail address: nothing is revealed."""
    announce(tx.batch, "registration.asked", now=now, email=email.lower())


def registration_link(secret: str, organisation_id: UUID, email: str, *, now: datetime) -> tuple[str, datetime]:
    """The part of an address that proves the e-mail address, and until when it can be used."""
    expires_at = now + LINK_FOR
    return sign_link(secret, PURPOSE, expires_at=expires_at, organisation=organisation_id.hex, email=email), expires_at


_KNOWN = 'SELECT id FROM "user" WHERE organisation_id = %(org)s AND email = %(email)s FOR NO KEY UPDATE'

_MAKE_USER = """
INSERT INTO "user" (organisation_id, id, email, name, password_hash, roles, is_active, created_at)
VALUES (%(org)s, %(id)s, %(email)s, %(name)s, %(password_hash)s, ARRAY['family'], true, %(now)s)
ON CONFLICT (organisation_id, email) DO NOTHING RETURNING id
"""

# Who works here may have children too: else what they booked as a guest would be closed to them.
_IS_FAMILY = """
UPDATE "user" SET roles = array_append(roles, 'family')
WHERE organisation_id = %(org)s AND id = %(id)s AND NOT 'family' = ANY(roles)
"""

# The guest account becomes a family's; its address is free for another guest account from then on.
_CLAIM = """
UPDATE account SET kind = 'FAMILY' WHERE organisation_id = %(org)s AND kind = 'GUEST' AND email = %(email)s RETURNING id
"""

_MAKE_ACCOUNT = """
INSERT INTO account (organisation_id, id, reference, kind, name, email, phone, address, is_staff, created_at)
VALUES (%(org)s, %(id)s, %(reference)s, 'FAMILY', %(name)s, %(email)s, '', '[]', false, %(now)s)
"""

_ACCOUNTS = "SELECT account_id FROM account_user WHERE organisation_id = %(org)s AND user_id = %(user_id)s LIMIT 1"

_LINK = """
INSERT INTO account_user (organisation_id, id, account_id, user_id)
VALUES (%(org)s, %(id)s, %(account_id)s, %(user_id)s) ON CONFLICT (organisation_id, account_id, user_id) DO NOTHING
"""


def finish(
    tx: Transaction, *, email: str, name: str | None, password_hash: str | None, now: datetime
) -> Registered:  # fmt: skip
    """Make the login of a proved address, or find the one that there is, and give it the guest account of the address.

    Finishing twice claims nothing twice; a login that exists is a family's from then on, whatever else it is. Raises
    Invalid where a new login lacks a name or a password; a login that
    exists keeps its own.
    """
    known = tx.row(_KNOWN, email=email)
    user_id, is_new = (known["id"], False) if known else (_new_user(tx, email, name, password_hash, now), True)
    tx.run(_IS_FAMILY, id=user_id)
    claimed = tx.row(_CLAIM, email=email)
    if claimed is not None:
        account_id: UUID = claimed["id"]
        tx.run(_LINK, id=new_id(), account_id=account_id, user_id=user_id)
        return Registered(user_id, account_id, is_new, has_claimed=True)
    own = tx.row(_ACCOUNTS, user_id=user_id)
    if own is not None:
        return Registered(user_id, own["account_id"], is_new, has_claimed=False)
    account_id = new_id()
    tx.run(_MAKE_ACCOUNT, id=account_id, reference=new_reference("AC"), name=name or email, email=email, now=now)
    tx.run(_LINK, id=new_id(), account_id=account_id, user_id=user_id)
    return Registered(user_id, account_id, is_new, has_claimed=False)


def _new_user(tx: Transaction, email: str, name: str | None, password_hash: str | None, now: datetime) -> UUID:
    missing = [field for field, value in (("name", name), ("password", password_hash)) if not value]
    if missing:
        raise Invalid(
            "Choose a name and a password.",
            reasons=[Reason("required", f"A new login has a {field}.", field=field) for field in missing],
        )
    made = tx.row(_MAKE_USER, id=new_id(), email=email, name=name, password_hash=password_hash, now=now)
    if made is None:  # somebody finished the same registration a moment ago
        made = tx.row(_KNOWN, email=email)
    assert made is not None
    user_id: UUID = made["id"]
    return user_id
