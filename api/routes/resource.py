"""The four routes of a plain record: list, make, read, change. Declared once, registered for each."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from api.dependencies import Called
from api.editing import Resource, create, edit, find
from api.editing import answer as answer_of
from api.moves import Answer, Principal
from api.operations import ADMIN, creates, for_roles
from api.reads.paging import Cursor, Limit
from api.schemas.base import Change, Input, Page
from engine.database import Transaction
from engine.errors import NotFound
from models import Role


def add_list(router: APIRouter, resource: Resource, shown: type[BaseModel], readers: frozenset[Role]) -> None:
    """`GET /nouns`."""

    def list_them(call: Called, cursor: Cursor = None, limit: Limit = 50) -> Response:
        def query(tx: Transaction, who: Principal) -> Answer:
            found = resource.listing()
            if resource.families_see and who.actor.is_family:
                found.where(resource.families_see)
            return found.page(tx, cursor=cursor, limit=limit, show=resource.shape)

        return call.read(query)

    _add(router, "GET", resource.path, list_them, f"List {_plural(resource)}.",
         for_roles(readers, response_model=Page[shown]))  # type: ignore[valid-type]  # fmt: skip


def add_read(router: APIRouter, resource: Resource, shown: type[BaseModel], readers: frozenset[Role]) -> None:
    """`GET /nouns/{id}`."""

    def read_one(record_id: UUID, call: Called) -> Response:
        def query(tx: Transaction, who: Principal) -> Answer:
            if resource.families_see and who.actor.is_family:
                _require_shown(tx, resource, record_id)
            return answer_of(resource, resource.shape(find(tx, resource, record_id).model_dump()))

        return call.read(query)

    _add(router, "GET", f"{resource.path}/{{record_id}}", read_one, f"Read {_a(resource.noun)}.",
         for_roles(readers, 304, 404, response_model=shown))  # fmt: skip


def _require_shown(tx: Transaction, resource: Resource, record_id: UUID) -> None:
    sql = f'SELECT 1 FROM "{resource.table}" t WHERE t.organisation_id = %(org)s AND t.id = %(id)s'
    if tx.row(f"{sql} AND {resource.families_see}", id=record_id) is None:
        raise NotFound(f"There is no such {resource.noun}.", what=resource.noun)


def add_create(router: APIRouter, resource: Resource, new: type[Input], shown: type[BaseModel]) -> None:
    """`POST /nouns`, for admins."""

    def make_one(body: Any, call: Called) -> Response:
        return call.move(lambda tx, _: create(tx, resource, body.model_dump(by_alias=True)))

    make_one.__annotations__["body"] = new
    _add(router, "POST", resource.path, make_one, f"Make {_a(resource.noun)}.",
         for_roles(ADMIN, *creates(409), status_code=201, response_model=shown))  # fmt: skip


def add_edit(router: APIRouter, resource: Resource, change: type[Change], shown: type[BaseModel]) -> None:
    """`PATCH /nouns/{id}`, for admins; `If-Match` is honoured."""

    def change_one(record_id: UUID, body: Any, call: Called) -> Response:
        return call.move(lambda tx, _: edit(tx, resource, record_id, body.changes(), call=call))

    change_one.__annotations__["body"] = change
    _add(router, "PATCH", f"{resource.path}/{{record_id}}", change_one,
         f"Change {_a(resource.noun)}; what is left out stays as it is.",
         for_roles(ADMIN, *creates(404, 409, 412), response_model=shown))  # fmt: skip


def add_resource(
    router: APIRouter, resource: Resource, *, new: type[Input], change: type[Change], shown: type[BaseModel],
    readers: frozenset[Role],
) -> None:  # fmt: skip
    """All four."""
    add_list(router, resource, shown, readers)
    add_create(router, resource, new, shown)
    add_read(router, resource, shown, readers)
    add_edit(router, resource, change, shown)


def _add(router: APIRouter, method: str, path: str, endpoint: Any, summary: str, declared: dict[str, Any]) -> None:
    words = resource_words(path)
    verb = endpoint.__name__.split("_")[0]
    many = endpoint.__name__ == "list_them"
    router.add_api_route(
        path, endpoint, methods=[method], name=f"{verb}_{words if many else _singular(words)}", summary=summary,
        **declared,
    )  # fmt: skip


def resource_words(path: str) -> str:
    """`/closure-days/{record_id}` is about closure_days."""
    return path.split("/")[1].replace("-", "_")


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _plural(resource: Resource) -> str:
    return resource.path.removeprefix("/").replace("-", " ")


def _singular(words: str) -> str:
    return words.removesuffix("ies") + "y" if words.endswith("ies") else words.removesuffix("s")
