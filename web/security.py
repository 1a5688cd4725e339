"""What protects a page: the headers that every page has, the token of its forms, and the cookies that go with it."""

import base64
import hmac
import secrets
from urllib.parse import urlsplit

from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

from api.credentials import cookie_name
from engine.settings import Settings, derived_secret

_VISITOR = "visitor"
_FLASH = "notices"
_KEPT_ONLY = "X-Kept-Only"  # a page that nobody looks at yet: it is laid in for a time without a network
_LANGUAGE = "language"
_MOST_NOTICES = 5
_YEAR_SECONDS = 365 * 24 * 3600
_CHECKOUTS = ("https://checkout.stripe.com",)


def headers(settings: Settings) -> dict[str, str]:
    """The headers of every page. Forms lead on to the payment providers, and nowhere else."""
    sandbox = urlsplit(settings.sandbox_gateway_url)
    providers = " ".join((f"{sandbox.scheme}://{sandbox.netloc}", *_CHECKOUTS))
    found = {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
            "connect-src 'self'; frame-src 'self'; manifest-src 'self'; worker-src 'self'; "
            "base-uri 'none'; frame-ancestors 'none'; "
            f"form-action 'self' {providers}"
        ),
        # With `no-referrer` a browser would name no origin in a form of ours either.
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    }
    if settings.cookie_secure:
        found["Strict-Transport-Security"] = f"max-age={_YEAR_SECONDS}"
    return found


def anchor_of(request: Request, settings: Settings) -> tuple[str, bool]:
    """What this browser's forms are bound to, and whether it is new: the sign-in, else a cookie of its own."""
    signed_in = request.cookies.get(cookie_name(settings.cookie_secure))
    known = signed_in or request.cookies.get(_name(settings, _VISITOR))
    return (known, False) if known and len(known) >= 20 else (secrets.token_urlsafe(24), True)


def keep_anchor(response: Response, settings: Settings, anchor: str) -> None:
    _set(response, settings, _VISITOR, anchor, None)


def token_of(settings: Settings, anchor: str) -> str:
    """What every form of this browser carries; a page of another site cannot know it."""
    key = derived_secret(settings.secret, "form tokens").encode()
    return base64.urlsafe_b64encode(hmac.digest(key, anchor.encode(), "sha256")).decode().rstrip("=")


def is_token(settings: Settings, anchor: str, given: str) -> bool:
    return hmac.compare_digest(token_of(settings, anchor).encode(), given.encode("utf-8", "replace"))


def notices_of(request: Request, settings: Settings) -> list[tuple[str, str]]:
    """What the last page left to be said on this one, as (kind, text); a page that a script only keeps says nothing."""
    text = request.cookies.get(_name(settings, _FLASH))
    if not text or _KEPT_ONLY in request.headers:
        return []
    try:
        return [(str(kind), str(said)) for kind, said in _serializer(settings).loads(text)]
    except (BadData, ValueError, TypeError):
        return []


def keep_notices(response: Response, settings: Settings, notices: list[tuple[str, str]]) -> None:
    """Say these on the next page."""
    value = _serializer(settings).dumps([[kind, said[:600]] for kind, said in notices[-_MOST_NOTICES:]])
    assert isinstance(value, str)
    _set(response, settings, _FLASH, value, 600)


def forget_notices(response: Response, settings: Settings) -> None:
    _delete(response, settings, _FLASH)


def language_of(request: Request, settings: Settings) -> str:
    return request.cookies.get(_name(settings, _LANGUAGE), "")


def keep_language(response: Response, settings: Settings, language: str) -> None:
    _set(response, settings, _LANGUAGE, language, _YEAR_SECONDS)


def _name(settings: Settings, what: str) -> str:
    return f"{cookie_name(settings.cookie_secure)}-{what}"


def _set(response: Response, settings: Settings, what: str, value: str, max_age: int | None) -> None:
    response.set_cookie(
        _name(settings, what), value, max_age=max_age, path="/", secure=settings.cookie_secure, httponly=True,
        samesite="lax",
    )  # fmt: skip


def _delete(response: Response, settings: Settings, what: str) -> None:
    response.delete_cookie(_name(settings, what), path="/", secure=settings.cookie_secure, httponly=True)


def _serializer(settings: Settings) -> URLSafeSerializer:
    return URLSafeSerializer(derived_secret(settings.secret, "notices"))
