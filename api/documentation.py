"""The OpenAPI document: what the routes declare, with the parts they share."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.credentials import COOKIE
from api.schemas.base import Problem
from models import Role

_DESCRIPTION = """
Enrolments of an organisation: its programme, its families, their orders, bookings, invoices and roll calls.

**Who calls.** People sign in (`POST /sign-ins`) and carry a cookie; programs send `Authorization: Bearer tb_…`
(`POST /tokens`). Each route names the roles it is for, for programs in `x-roles`. What belongs to somebody else
answers 404, like what does not exist.

**Money** is a whole number of the currency's minor units in fields named `…_minor`; **moments** carry their offset;
**dates and local times** are those of the site.

**Retries.** Send an `Idempotency-Key` with every POST: the same key and request get the same answer again, with the
header `Idempotent-Replayed`. Another request with a used key answers 422, one that is still being worked on 409.

**Changes.** Answers carry an `ETag`; send it as `If-Match` and a version that has changed since answers 412.

**Lists** come in pages: pass `next_cursor` as `cursor`. A row that is added meanwhile shifts nothing.

**Refusals** are `application/problem+json` (RFC 9457). `code` is stable, `detail` is for people, and `reasons` lists
every rule or field that says no, not only the first.
"""


def describe(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes,
            separate_input_output_schemas=False,
        )  # fmt: skip
        components = document.setdefault("components", {})
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        components.setdefault("schemas", {}).update({**problem.pop("$defs", {}), "Problem": problem})
        for unused in ("HTTPValidationError", "ValidationError"):
            components["schemas"].pop(unused, None)
        components["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "A program's token, `tb_…`."},
            "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Set by `POST /sign-ins`."},
        }
        _add_headers(document)
        document["security"] = [{"token": []}, {"cookie": []}]
        app.openapi_schema = document
    return app.openapi_schema


_ACT_AS = {
    "name": "Act-As", "in": "header", "required": False, "schema": {"type": "string", "enum": [*Role]},
    "description": "Which of one's own roles to act in; by default the one that may do most.",
}  # fmt: skip
_IF_NONE_MATCH = {
    "name": "If-None-Match", "in": "header", "required": False, "schema": {"type": "string", "maxLength": 1000},
    "description": "An ETag that is known; the same version answers 304.",
}  # fmt: skip
_IF_MATCH = {
    "name": "If-Match", "in": "header", "required": False, "schema": {"type": "string", "maxLength": 1000},
    "description": "The ETag that was read; another version answers 412.",
}  # fmt: skip
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
    "description": "Makes a retry safe: the same key and request get the same answer again.",
}  # fmt: skip


def _add_headers(document: dict[str, Any]) -> None:
    """What `api.dependencies.call` reads, where it means something."""
    for methods in document["paths"].values():
        for method, operation in methods.items():
            if not operation["x-roles"]:
                continue
            said = operation.get("description", "")
            operation["description"] = f"{said}\n\nFor: {', '.join(operation['x-roles'])}.".strip()
            headers = [_ACT_AS]
            if method != "get":
                headers.append(_IDEMPOTENCY_KEY)
            if "304" in operation["responses"]:
                headers.append(_IF_NONE_MATCH)
            if "412" in operation["responses"]:
                headers.append(_IF_MATCH)
            operation.setdefault("parameters", []).extend(headers)
