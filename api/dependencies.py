"""From a request to a `Call`: what the caller shows and asks for, read without any I/O."""

import hashlib
import re
from typing import Annotated

from fastapi import Body, Depends
from fastapi.routing import APIRoute
from pydantic import ConfigDict
from starlette.requests import Request

from api.credentials import cookie_name, presented
from api.errors import Unauthenticated, request_id_of
from api.moves import Call
from api.operations import roles_of
from api.schemas.base import Input
from api.state import State
from engine.errors import Invalid, Reason
from models import Role

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_LONGEST_ETAGS = 1000


async def call(request: Request) -> Call:
    """What any route of a signed-in caller needs. Its headers are read here by hand and documented in
    `api.documentation`: as declared parameters they would cost a third of what the framework takes for a request.
    """
    state: State = request.app.state.termbook
    headers = request.headers
    cookie = request.cookies.get(cookie_name(state.settings.cookie_secure))
    shown = presented(headers.get("authorization"), cookie)
    if shown is None:
        raise Unauthenticated("Sign in, or send a token that is valid.")
    if request.scope["query_string"]:
        require_declared(request)
    key, act_as = headers.get("idempotency-key"), headers.get("act-as")
    if key is not None and not _KEY.fullmatch(key):
        raise _malformed("idempotency-key", "An Idempotency-Key has 1 to 200 visible ASCII characters.")
    if act_as is not None and act_as not in set(Role):
        raise _malformed("act-as", f"One acts as one of {', '.join(Role)}.")
    if_match, if_none_match = headers.get("if-match"), headers.get("if-none-match")
    if max(len(if_match or ""), len(if_none_match or "")) > _LONGEST_ETAGS:
        raise _malformed("if-match", f"A list of versions has at most {_LONGEST_ETAGS} characters.")
    return Call(
        state.database, state.clock.now(), shown, roles_of(request), Role(act_as) if act_as else None,
        request_id=request_id_of(request), key=key, request_hash=await _hash(request) if key else "",
        if_match=if_match, if_none_match=if_none_match,
    )  # fmt: skip


# The query parameters of each route, by its name, worked out once.
_DECLARED: dict[str, frozenset[str]] = {}


def require_declared(request: Request) -> None:
    """A misspelt filter is refused: ignored, it would answer with everything. Raises Invalid naming each."""
    route: APIRoute = request.scope["route"]
    declared = _DECLARED.get(route.unique_id)
    if declared is None:
        declared = frozenset(parameter.alias for parameter in route.dependant.query_params)
        _DECLARED[route.unique_id] = declared
    unknown = [name for name in request.query_params if name not in declared]
    if unknown:
        allowed = f"Allowed are {', '.join(sorted(declared))}." if declared else "This address takes none."
        raise Invalid(
            f"There is no such query parameter. {allowed}",
            reasons=[Reason("unknown_parameter", f"There is no query parameter {_shown(name)}. {allowed}",
                            field=_shown(name), facts={"in": "query", "allowed": sorted(declared)})
                     for name in unknown],
        )  # fmt: skip


def _shown(name: str) -> str:
    """A name that anybody may have sent, as it can be shown."""
    return name.encode("utf-8", "replace").decode()[:80]


def _malformed(header: str, message: str) -> Invalid:
    return Invalid(message, reasons=[Reason("malformed", message, field=header, facts={"in": "header"})])


async def _hash(request: Request) -> str:
    """What makes it the same request: method, address and body, byte for byte."""
    scope = request.scope
    head = f"{scope['method']} {scope['path']}?".encode() + scope["query_string"]
    return hashlib.sha256(head + b"\n" + await request.body()).hexdigest()


async def state(request: Request) -> State:
    """What the application was made with, for routes without a caller."""
    found: State = request.app.state.termbook
    return found


Called = Annotated[Call, Depends(call)]
Application = Annotated[State, Depends(state)]


class Nothing(Input):
    """Nothing needs to be said; the body may be left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


# Of a move without input: no body, or one that says nothing. What is misplaced in it is refused, never ignored.
NoInput = Annotated[Nothing | None, Body()]
