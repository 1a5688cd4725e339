"""Logins and their roles, for admins."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api import logins
from api.dependencies import Called
from api.moves import Answer, Call, Principal, etag
from api.operations import ADMIN, creates, for_roles
from api.passwords import hash_password
from api.reads import people as shown
from api.reads.paging import Cursor, Limit
from api.schemas import people as schemas
from api.schemas.base import Page
from engine.database import Row, Transaction

router = APIRouter(tags=["people"])


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
    password_hash = _hash(call, body.password)

    def verb(tx: Transaction, who: Principal) -> Answer:
        made = logins.make(tx, body, password_hash=password_hash, now=call.now)
        assert made.body is not None
        answer = _answer(tx, made.body["id"])
        return Answer(answer.body, 201, answer.version, made.location)

    return call.move(verb)


@router.patch("/users/{user_id}", **for_roles(ADMIN, *creates(404, 409, 412), response_model=schemas.User))
def change_user(user_id: UUID, body: schemas.UserChange, call: Called) -> Response:
    """Change a login; what is left out stays as it is. A new password ends its sign-ins. `If-Match` is honoured."""
    changes = body.changes()
    password_hash = _hash(call, changes.pop("password", None))

    def verb(tx: Transaction, who: Principal) -> Answer:
        logins.change(tx, user_id, changes, password_hash=password_hash, call=call)
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
