"""How a route is declared: who may call it, what it refuses, and what the documentation says of both."""

from typing import Any

from starlette.requests import Request

from api.errors import MEDIA_TYPE
from api.schemas.sample_programme import FIRST_SESSION
from models import ActorKind, Role

ADMIN = frozenset({Role.ADMIN})
OFFICE = frozenset({Role.ADMIN, Role.FINANCE})
OWNERS = frozenset({Role.ADMIN, Role.FAMILY})
OWNERS_AND_FINANCE = frozenset({Role.ADMIN, Role.FINANCE, Role.FAMILY})
STAFF = frozenset({Role.ADMIN, Role.STAFF})
EVERYBODY = frozenset(Role)

_ROLES = "x-roles"
_IS_PUBLIC: dict[str, Any] = {_ROLES: [], "security": []}

# The answers of a route that gives a document.
PDF: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The document.",
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
    }
}

# The answer of a route that gives many of them.
ZIP: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A file for each document.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}

_REFUSALS = {
    304: "The version that `If-None-Match` names is still the current one.",
    400: "The body cannot be read.",
    401: "Not signed in, or the token is not valid.",
    403: "Known, and never allowed to do this.",
    404: "There is no such thing for this caller; what belongs to another answers the same.",
    409: "The state of the world does not allow it now; `reasons` lists every rule that says no.",
    412: "It is not the version that `If-Match` names any more.",
    413: "The request is too large.",
    415: "The body is not JSON.",
    422: "The input is not valid; `reasons` names each field. Also: the Idempotency-Key was used for another request.",
    429: "Too many attempts; `Retry-After` says when to try again.",
    502: "The payment provider refused the request.",
    503: "Not possible at this moment, though nothing is wrong with the request; `Retry-After` says when to try again.",
}
_EXAMPLES: dict[int, tuple[str, str, dict[str, Any]]] = {
    400: ("malformed", "The request cannot be read.", {}),
    401: ("unauthenticated", "Sign in, or send a token that is valid.", {}),
    403: ("not_permitted", "This is not for staff users.", {}),
    404: ("not_found", "There is no such order.", {}),
    409: ("refused", f"submit of TO-4F7K9QW2 is refused: {FIRST_SESSION} is full (12 places).", {"reasons": [{
        "code": "session_full", "message": f"{FIRST_SESSION} is full (12 places).", "field": "lines[0].session_id",
        "rule": "capacity", "session": FIRST_SESSION,
    }]}),
    412: ("changed", "TO-4F7K9QW2 was changed meanwhile; look at it again.", {}),
    413: ("too_large", "A request has at most 1048576 bytes.", {}),
    415: ("unsupported_media_type", "Send the body as application/json.", {}),
    422: ("invalid", "The request is not valid: see lines[0].session_id.", {"reasons": [{
        "code": "uuid_parsing", "message": "Input should be a valid UUID", "field": "lines[0].session_id",
    }]}),
    429: ("too_many_attempts", "Too many attempts to sign in; try again in 15 minutes.", {}),
    502: ("gateway_refused", "The payment provider refused the request: unknown merchant", {}),
    503: ("too_busy", "Others keep changing the same records; please try again in a moment.", {}),
}  # fmt: skip


def for_roles(roles: frozenset[Role], *refusals: int, **declared: Any) -> dict[str, Any]:
    """The arguments of a route for callers with one of these roles; `refusals` are the statuses it may answer with,
    beyond those that every route has.
    """
    return _declared({_ROLES: sorted(roles)}, (401, 403, 422, 503, *refusals), declared)


def for_anyone(*refusals: int, **declared: Any) -> dict[str, Any]:
    """The arguments of a route that needs no sign-in."""
    return _declared(_IS_PUBLIC, refusals, declared)


def creates(*refusals: int) -> tuple[int, ...]:
    """What a route that creates or moves may refuse besides: its body, or a key that is in use."""
    return (400, 409, 413, 415, *refusals)


def roles_of(request: Request) -> frozenset[ActorKind]:
    """Whom the route of this request is for."""
    return _KINDS[tuple(request.scope["route"].openapi_extra[_ROLES])]


def _declared(extra: dict[str, Any], refusals: tuple[int, ...], declared: dict[str, Any]) -> dict[str, Any]:
    responses = {status: _refusal(status) for status in sorted(set(refusals))}
    responses |= declared.pop("responses", {})
    return {"openapi_extra": extra, "responses": responses, **declared}


def _refusal(status: int) -> dict[str, Any]:
    found: dict[str, Any] = {"description": _REFUSALS[status]}
    if status in _EXAMPLES:
        code, detail, more = _EXAMPLES[status]
        found["content"] = {MEDIA_TYPE: {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "example": {
                "type": f"urn:termbook:problem:{code}", "title": code.replace("_", " ").capitalize(), "status": status,
                "detail": detail, "code": code, "request_id": "0c1d2e3f4a5b", **more,
            },
        }}  # fmt: skip
    return found


class _Kinds(dict[tuple[str, ...], frozenset[ActorKind]]):
    """Roles as the actors they are, worked out once for each set."""

    def __missing__(self, roles: tuple[str, ...]) -> frozenset[ActorKind]:
        self[roles] = frozenset(ActorKind(role.upper()) for role in roles)
        return self[roles]


_KINDS = _Kinds()
