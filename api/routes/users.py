"""Logins and their roles, for admins."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.editing import Resource, as_refusals, create, find, require_match
from api.moves import Answer, Call, Principal, etag
from api.operations import ADMIN, creates, for_roles
from api.passwords import hash_password
from api.reads import people as shown
from api.reads.paging import Cursor, Limit
from api.schemas import people as schemas
from api.schemas.base import Page
from engine.database import Row, Transaction
from engine.ids import new_id
from models import User

router = APIRouter(tags=["people"])

USERS = Resource(User, "user", "/users", ("email", "name", "roles", "is_active", "created_at"))


@router.get("/users", **for_roles(ADMIN, response_model=Page[schemas.User]))
def list_users(call: Called, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Every login of the organisation."""
    return call.read(lambda tx, _: shown.users().page(tx, cursor=cursor, limit=limit, show=dict))


@router.get("/users/{user_id}", **for_roles(ADMIN, 304, 404, response_model=schemas.User))
def read_user(user_id: UUID, call: Called) -> Response:
    """A login with its accounts and sites."""
    return call.read(lambda tx, _: _answer(tx, user_id))


@router.post("/users", **for_roles(ADMIN, *creates(409), status_code=201, response_model=schemas.User))
def make_user(body: schemas.NewUser, call: Called) -> Response:
    """Make a login."""
    given = body.model_dump(include={"email", "name"}) | {"roles": [str(r) for r in body.roles], "created_at": call.now}
    given["password_hash"] = _hash(call, body.password)

    def verb(tx: Transaction, who: Principal) -> Answer:
        made = create(tx, USERS, given)
        assert made.body is not None
        _replace_links(tx, made.body["id"], body.account_ids, body.site_ids)
        answer = _answer(tx, made.body["id"])
        return Answer(answer.body, 201, answer.version, made.location)

    return call.move(verb)


@router.patch("/users/{user_id}", **for_roles(ADMIN, *creates(404, 409, 412), response_model=schemas.User))
def change_user(user_id: UUID, body: schemas.UserChange, call: Called) -> Response:
    """Change a login; what is left out stays as it is. A new password ends its sign-ins. `If-Match` is honoured."""
    changes = body.changes()
    accounts, sites = changes.pop("account_ids", None), changes.pop("site_ids", None)
    if "password" in changes:
        changes["password_hash"] = _hash(call, changes.pop("password"))
    if "roles" in changes:
        changes["roles"] = [str(role) for role in changes["roles"]]

    def verb(tx: Transaction, who: Principal) -> Answer:
        row = find(tx, USERS, user_id, locked=True)
        require_match(call, etag(shown.user(tx, user_id)), "user")
        row.sqlmodel_update(changes)
        tx.session.add(row)
        tx.session.flush()
        _replace_links(tx, user_id, accounts, sites)
        if "password_hash" in changes or changes.get("is_active") is False:
            _end_sign_ins(tx, user_id, call.now)
        return _answer(tx, user_id)

    return call.move(verb)


def _answer(tx: Transaction, user_id: UUID) -> Answer:
    row: Row = shown.user(tx, user_id)
    return Answer(row, version=etag(row))


def _hash(call: Call, password: str | None) -> str | None:
    """Outside any transaction, and only for a caller who may do this at all."""
    if password is None:
        return None
    call.identify()
    return hash_password(password)


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
