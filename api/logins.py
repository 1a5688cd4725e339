"""Logins: made and changed with the accounts and sites that they reach."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from api.editing import Resource, as_refusals, create, find, require_match
from api.moves import Answer, Call, etag
from api.reads import people as shown
from api.schemas import people as schemas
from engine.database import Transaction
from engine.ids import new_id
from models import User

USERS = Resource(User, "user", "/users", ("email", "name", "roles", "is_active", "created_at"))


def make(tx: Transaction, asked: schemas.NewUser, *, password_hash: str | None, now: datetime) -> Answer:
    """A login; without a password there is no sign-in, only tokens. Raises Conflict, Invalid."""
    given = asked.model_dump(include={"email", "name"}) | {"roles": [str(role) for role in asked.roles]}
    made = create(tx, USERS, given | {"created_at": now, "password_hash": password_hash})
    assert made.body is not None
    _replace_links(tx, made.body["id"], asked.account_ids, asked.site_ids)
    return made


def change(
    tx: Transaction, user_id: UUID, changes: dict[str, Any], *, password_hash: str | None, call: Call
) -> None:  # fmt: skip
    """What is left out stays as it is. A new password, or making it inactive, ends its sign-ins.

    Raises NotFound, Conflict, Invalid, PreconditionFailed.
    """
    changes = dict(changes)
    accounts, sites = changes.pop("account_ids", None), changes.pop("site_ids", None)
    if "roles" in changes:
        changes["roles"] = [str(role) for role in changes["roles"]]
    if password_hash is not None:
        changes["password_hash"] = password_hash
    row = find(tx, USERS, user_id, locked=True)
    require_match(call, etag(shown.user(tx, user_id)), "user")
    row.sqlmodel_update(changes)
    tx.session.add(row)
    tx.session.flush()
    _replace_links(tx, user_id, accounts, sites)
    if "password_hash" in changes or changes.get("is_active") is False:
        _end_sign_ins(tx, user_id, call.now)


def _replace_links(
    tx: Transaction, user_id: UUID, account_ids: Iterable[UUID] | None, site_ids: Iterable[UUID] | None
) -> None:
    for table, column, ids in (("account_user", "account_id", account_ids), ("user_site", "site_id", site_ids)):
        if ids is None:
            continue
        given: dict[str, Any] = {"user_id": user_id, "ids": [(new_id(), other) for other in dict.fromkeys(ids)]}
        with as_refusals("user"):
            tx.run(f"DELETE FROM {table} WHERE organisation_id = %(org)s AND user_id = %(user_id)s", user_id=user_id)
            for link_id, other in given["ids"]:
                tx.run(f"INSERT INTO {table} (organisation_id, id, user_id, {column}) "
                       "VALUES (%(org)s, %(id)s, %(user_id)s, %(other)s)", id=link_id, user_id=user_id,
                       other=other)  # fmt: skip


def _end_sign_ins(tx: Transaction, user_id: UUID, now: datetime) -> None:
    tx.run("UPDATE credential SET revoked_at = %(now)s WHERE organisation_id = %(org)s AND user_id = %(user_id)s "
           "AND kind = 'SIGN_IN' AND revoked_at IS NULL", user_id=user_id, now=now)  # fmt: skip
