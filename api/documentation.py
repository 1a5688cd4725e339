"""The OpenAPI document: what the routes declare, with the parts they share."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.credentials import COOKIE
from api.errors import MEDIA_TYPE, problem_body
from api.schemas.bank import LINE_AFTER
from api.schemas.base import Output, Page, Problem, example_of
from api.schemas.books import BOOKS_AFTER
from api.schemas.codes import PROBLEMS, REASONS
from api.schemas.debit_runs import RUN_AFTER
from api.schemas.mandates import DEBIT_AFTER, MANDATE_AFTER
from api.schemas.refusals import ALSO, GUARDS, PULLED_WITH, TRIGGERS, refusals
from api.schemas.sample_enrolment import BOOKING_HISTORY, ORDER_AFTER
from api.schemas.sample_finance import PAYMENT_AFTER
from api.schemas.sample_group import GROUP_ORDER_AFTER
from api.schemas.sample_programme import ORGANISATION_ID
from api.schemas.subscriptions import SUBSCRIPTION_AFTER
from models import Role
from workflows.charts import CHARTS

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
every rule or field that says no, not only the first. Each operation lists the codes of both with their meaning, for
programs in `x-codes` and `x-reason-codes`; a field that is not of its type has the validator's code (`uuid_parsing`).
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
        _add_examples(document)
        _add_refusals(document)
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


# What an operation answers where that is not the example of its schema, or its schema is nobody's in particular.
_ANSWERS: dict[str, Any] = {
    **BOOKS_AFTER, **LINE_AFTER, **RUN_AFTER,
    **ORDER_AFTER, **GROUP_ORDER_AFTER, **PAYMENT_AFTER, **MANDATE_AFTER, **DEBIT_AFTER, **SUBSCRIPTION_AFTER,
    "read_booking_history": BOOKING_HISTORY, "is_alive": {"status": "alive"},
    "is_ready": {"status": "ready"},
    "read_front_door": {
        "name": "Termbook", "documentation": "https://bookings.example/docs",
        "openapi": "https://bookings.example/openapi.json", "health": "https://bookings.example/readyz",
    },
    "make_sign_in": {"organisation_id": ORGANISATION_ID},
}  # fmt: skip


# How a file begins.
_FILES = {
    "application/xml": "<?xml version='1.0' encoding='UTF-8'?>…", "text/plain": "0                 01…",
    "application/pdf": "%PDF-1.7 …", "text/csv": "Month,Tax\r\n2026-04,260.00\r\n",
    "application/zip": "PK…",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "PK…",
}  # fmt: skip


def _add_examples(document: dict[str, Any]) -> None:
    """Whole: what makes the document leaves nulls out, also of examples."""
    schemas = document["components"]["schemas"]
    for name, kind in _answers(Output):
        if name in schemas and (issubclass(kind, Page) or "examples" in schemas[name]):
            schemas[name]["examples"] = [example_of(kind)]
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                for media_type, content in response.get("content", {}).items() if int(status) < 300 else ():
                    _show(operation["operationId"], media_type, content, schemas)


def _answers(kind: type[Output]) -> Iterator[tuple[str, type[Output]]]:
    """Every answer under the name of its component."""
    for found in kind.__subclasses__():
        yield re.sub(r"[^\w.-]", "_", found.__name__), found
        yield from _answers(found)


def _show(operation_id: str, media_type: str, content: dict[str, Any], schemas: dict[str, Any]) -> None:
    component = schemas.get(content["schema"].get("$ref", "").rsplit("/", 1)[-1], {})
    if operation_id in _ANSWERS:
        content["example"] = _ANSWERS[operation_id]
    elif media_type in _FILES:
        content["example"] = _FILES[media_type]
    elif "examples" in component:
        content["example"] = component["examples"][0]


def _add_refusals(document: dict[str, Any]) -> None:
    """The codes of each refusal in words, and for programs in `x-codes` and `x-reason-codes`."""
    for methods in document["paths"].values():
        for method, operation in methods.items():
            operation_id = operation["operationId"]
            reasons = _reasons_of(TRIGGERS.get(operation_id), *ALSO.get(operation_id, ()))
            for status in ("403", "404", "409", "412", "422"):
                if status in operation["responses"]:
                    codes = refusals(
                        operation["operationId"], int(status), is_public=not operation["x-roles"],
                        is_read=method == "get", reasons=reasons,
                    )  # fmt: skip
                    _tell(operation["responses"], status, *codes)


def _reasons_of(*steps: tuple[str, str] | None) -> tuple[str, ...]:
    """What the guards of triggers' steps may say, in the order of the charts."""
    guards = [guard.__name__ for chart in CHARTS for edge in chart.steps
              if (chart.name, PULLED_WITH.get(edge.trigger, edge.trigger)) in steps for guard in edge.when]  # fmt: skip
    return tuple(dict.fromkeys(code for guard in guards for code in GUARDS[guard]))


def _tell(responses: dict[str, Any], status: str, problems: tuple[str, ...], reasons: tuple[str, ...]) -> None:
    """A refusal that no code stands for never comes; an example is one of those that can come."""
    if not problems:
        del responses[status]
        return
    response = responses[status]
    response["description"] += _table("code", problems, PROBLEMS) + _table("reasons[].code", reasons, REASONS)
    response["x-codes"], response["x-reason-codes"] = [*problems], [*reasons]
    content = response["content"][MEDIA_TYPE]
    if content["example"]["code"] not in problems or any(
        reason["code"] not in reasons for reason in content["example"].get("reasons", ()) if status == "409"
    ):
        content["example"] = problem_body(
            int(status), problems[0], PROBLEMS[problems[0]], request_id=content["example"]["request_id"]
        )


def _table(what: str, codes: tuple[str, ...], meanings: Mapping[str, str]) -> str:
    rows = "".join(f"| `{code}` | {meanings[code]} |\n" for code in codes)
    return f"\n\n| `{what}` | meaning |\n| --- | --- |\n{rows}" if rows else ""
