"""From a request to a `Call`: what the caller shows and asks for, read without any I/O."""

import hashlib
import re
from typing import Annotated

from fastapi import Depends, Header
from starlette.requests import Request

from api.credentials import cookie_name, presented
from api.errors import Unauthenticated, request_id_of
from api.moves import Call
from api.operations import roles_of
from api.state import State
from engine.errors import Invalid, Reason
from models import Role

_KEY = re.compile(r"[\x21-\x7e]{1,200}")


async def call(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(description="Makes a retry safe: the same key and body get the same answer again.", max_length=200),
    ] = None,
    if_match: Annotated[
        str | None, Header(description="The ETag that was read; another version answers 412.", max_length=200)
    ] = None,
    if_none_match: Annotated[
        str | None, Header(description="An ETag that is known; the same version answers 304.", max_length=1000)
    ] = None,
    act_as: Annotated[
        Role | None, Header(description="Which of one's own roles to act in; by default the one that may do most.")
    ] = None,
) -> Call:
    """What any route of a signed-in caller needs."""
    state: State = request.app.state.termbook
    headers = request.headers
    cookie = request.cookies.get(cookie_name(state.settings.cookie_secure))
    shown = presented(headers.get("authorization"), cookie)
    if shown is None:
        raise Unauthenticated("Sign in, or send a token that is valid.")
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        message = "An Idempotency-Key has 1 to 200 visible ASCII characters."
        raise Invalid(message, reasons=[Reason("malformed", message, field="idempotency-key")])
    return Call(
        state.database, state.clock.now(), shown, roles_of(request), act_as,
        request_id=request_id_of(request), key=idempotency_key,
        request_hash=await _hash(request) if idempotency_key else "", if_match=if_match, if_none_match=if_none_match,
    )  # fmt: skip


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
