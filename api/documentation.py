"""The OpenAPI document: what the routes declare, with the parts they share."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.credentials import COOKIE
from api.schemas.base import Problem

_DESCRIPTION = """
Enrolments of an organisation: its programme, its families, their orders, bookings, invoices and roll calls.

**Who calls.** People sign in (`POST /sign-ins`) and carry a cookie; programs send `Authorization: Bearer tb_…`
(`POST /tokens`). Each route names the roles it is for in `x-roles`. What belongs to somebody else answers 404, like
what does not exist.

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
        _drop_headers_without_meaning(document)
        document["security"] = [{"token": []}, {"cookie": []}]
        app.openapi_schema = document
    return app.openapi_schema


def _drop_headers_without_meaning(document: dict[str, Any]) -> None:
    """Questions have no key to retry with; only they are asked again with an ETag that is known."""
    for methods in document["paths"].values():
        for method, operation in methods.items():
            meaningless = {"idempotency-key", "if-match"} if method == "get" else {"if-none-match"}
            if "parameters" in operation:
                operation["parameters"] = [p for p in operation["parameters"] if p["name"] not in meaningless]
