"""Errors as `application/problem+json` (RFC 9457): the only place that knows which HTTP status a refusal has."""

from collections.abc import Iterable
from typing import Any

import orjson
import psycopg
import sqlalchemy as sa
import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from billing.gateways.protocol import GatewayOutcomeUnknown, GatewayRefused, GatewayUnreachable
from engine.database import OutcomeUnknown, TooBusy
from engine.errors import Conflict, Invalid, NotFound, NotPermitted, Reason, StartupFailed, TermbookError
from workflows.order_facts import Changed

_log = structlog.get_logger("termbook.api")

MEDIA_TYPE = "application/problem+json"
# A request with thousands of faults is told of the first ones.
MOST_REASONS = 100
RETRY_AFTER_SECONDS = 2


class Unauthenticated(TermbookError):
    """Nobody we know: sign in, or send a token that is valid."""

    code = "unauthenticated"


class TooManyAttempts(TermbookError):
    """Too many attempts to sign in; `retry_after_seconds` says when to try again."""

    code = "too_many_attempts"


class CrossSite(NotPermitted):
    """A page of another site sent this request with the visitor's cookie."""

    code = "cross_site"


class InFlight(Conflict):
    """The request with this Idempotency-Key is still being worked on."""

    code = "in_flight"


class KeyReused(Invalid):
    """The Idempotency-Key was used for another request."""

    code = "idempotency_key_reused"


class NotReady(TermbookError):
    """The service cannot do its work at this moment."""

    code = "not_ready"


# The first that fits counts.
_STATUS: tuple[tuple[type[TermbookError], int], ...] = (
    (Unauthenticated, 401),
    (TooManyAttempts, 429),
    (TooBusy, 503),
    (OutcomeUnknown, 503),
    (NotReady, 503),
    (GatewayUnreachable, 503),
    (GatewayOutcomeUnknown, 503),
    (GatewayRefused, 502),
    (StartupFailed, 503),
    (Changed, 412),
    (NotFound, 404),
    (NotPermitted, 403),
    (Conflict, 409),
    (Invalid, 422),
)


def status_of(error: TermbookError) -> int:
    """The HTTP status of a refusal."""
    return next((status for family, status in _STATUS if isinstance(error, family)), 500)


def problem(
    status: int, code: str, detail: str, *, request_id: str = "", headers: dict[str, str] | None = None, **more: Any
) -> Response:
    """A problem document; `more` are extension members."""
    return Response(
        orjson.dumps(problem_body(status, code, detail, request_id=request_id, **more), default=str),
        status, headers=headers, media_type=MEDIA_TYPE,
    )  # fmt: skip


def problem_body(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    return {
        **more, "type": f"urn:termbook:problem:{code}", "title": code.replace("_", " ").capitalize(),
        "status": status, "detail": detail, "code": code,
    }  # fmt: skip


def refusal_body(error: TermbookError) -> dict[str, Any]:
    """The problem document of a refusal, without what belongs to the one request."""
    more: dict[str, Any] = {"facts": error.facts} if error.facts else {}
    if error.reasons:
        more["reasons"] = [reason.as_dict() for reason in error.reasons[:MOST_REASONS]]
    return problem_body(status_of(error), error.code, error.message, **more)


def refuse(error: TermbookError, *, request_id: str) -> Response:
    """The answer to a request that was refused."""
    status = status_of(error)
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="termbook"'
    if status in (429, 503) or isinstance(error, InFlight):
        headers["Retry-After"] = str(error.facts.get("retry_after_seconds", RETRY_AFTER_SECONDS))
    if status >= 500:
        _log.warning("refused", code=error.code, detail=error.message, request_id=request_id)
    body = {**refusal_body(error), "request_id": request_id}
    return Response(orjson.dumps(body, default=str), status, headers=headers, media_type=MEDIA_TYPE)


async def on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, TermbookError)
    return refuse(error, request_id=request_id_of(request))


async def on_invalid(request: Request, error: Exception) -> Response:
    """Input that does not fit its schema: every fault with the field it is in."""
    assert isinstance(error, RequestValidationError)
    reasons = [_reason(fault).as_dict() for fault in error.errors()[:MOST_REASONS]]
    fields = ", ".join(dict.fromkeys(reason["field"] for reason in reasons[:5]))
    return problem(
        422, "invalid", f"The request is not valid: see {fields}.", request_id=request_id_of(request), reasons=reasons
    )


_HTTP_CODES = {
    400: ("malformed", "The request cannot be read."),
    404: ("not_found", "There is no such thing."),
    405: ("method_not_allowed", "This method is not allowed here."),
    413: ("too_large", "The request is too large."),
    415: ("unsupported_media_type", "Send the body as application/json."),
}


async def on_http(request: Request, error: Exception) -> Response:
    """What the framework refuses: unknown routes, wrong methods, bodies that cannot be read."""
    assert isinstance(error, HTTPException)
    code, detail = _HTTP_CODES.get(error.status_code, ("http_error", str(error.detail)))
    headers = dict(error.headers) if error.headers else None
    return problem(error.status_code, code, detail, request_id=request_id_of(request), headers=headers)


async def on_database_down(request: Request, error: Exception) -> Response:
    """The database cannot be reached, or every connection is taken for too long."""
    _log.error("database.unavailable", error=type(error).__name__, request_id=request_id_of(request))
    return refuse(
        NotReady("The database cannot be reached; please try again in a moment."), request_id=request_id_of(request)
    )


def unexpected(error: Exception, *, request_id: str) -> Response:
    """Our own bug: logged whole, told to nobody."""
    _log.error("unexpected", request_id=request_id, exc_info=error)
    return problem(
        500, "internal_error", f"Something went wrong on our side; tell us the request id {request_id}.",
        request_id=request_id,
    )  # fmt: skip


HANDLERS = {
    TermbookError: on_refusal,
    RequestValidationError: on_invalid,
    HTTPException: on_http,
    psycopg.OperationalError: on_database_down,
    sa.exc.OperationalError: on_database_down,
    sa.exc.TimeoutError: on_database_down,
}


def request_id_of(request: Request) -> str:
    return str(request.scope.get("termbook.request_id", ""))


def _reason(fault: dict[str, Any]) -> Reason:
    where, *path = fault["loc"]
    field = _path(path if where in ("body", "path", "query", "header", "cookie") else fault["loc"]) or str(where)
    code, message = fault["type"], fault["msg"]
    if fault["type"] == "json_invalid":
        field, message = "body", f"The body is not valid JSON: {fault.get('ctx', {}).get('error', '')}."
    elif code == "string_pattern_mismatch" and "\x00" in fault.get("ctx", {}).get("pattern", ""):
        code, message = "nul_character", "A text cannot hold a NUL character."
    elif code == "string_pattern_mismatch" and "@" in fault.get("ctx", {}).get("pattern", ""):
        message = "Write an e-mail address, such as name@example.org."
    return Reason(code, message.removeprefix("Value error, "), field=field, facts={"in": str(where)})


def _path(path: Iterable[Any]) -> str:
    """`lines[2].session_id`, in characters that JSON can carry."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".").encode("utf-8", "replace").decode()[:200]
