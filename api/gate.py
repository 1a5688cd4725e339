"""What every request passes first: a request id, a limit on its size, JSON only (of pages: forms only), and no other
site's page.
"""

import re
from collections.abc import Callable
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import CrossSite, problem, refuse, unexpected

LARGEST_BODY = 1024 * 1024
LARGEST_IMPORT = 32 * 1024 * 1024
LARGEST_PHOTO = 6 * 1024 * 1024  # a photo of 5 MB in its form

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PHOTO = re.compile(r"/(family|admin)/children/[0-9a-f-]{36}/photo")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


class Gate:
    """ASGI middleware around the whole API and the pages.

    `is_page` says which addresses are pages: their forms are let through, for a token of their own to be checked, and
    `as_page` makes a page of a refusal.
    """

    def __init__(
        self, app: ASGIApp, *, cookie_name: str, origin: str, is_page: Callable[[str], bool] = lambda _: False,
        as_page: Callable[[Scope, ASGIApp], ASGIApp] = lambda _, refusal: refusal,
    ) -> None:  # fmt: skip
        self.app = app
        self.cookie = f"{cookie_name}="
        self.origin = origin
        self.is_page = is_page
        self.as_page = as_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = scope["termbook.request_id"] = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        answering = _Answering(send, request_id)
        limit = _largest(scope["path"])
        is_page = self.is_page(scope["path"])
        try:
            refusal = self._refusal(scope, headers, limit, request_id, is_page)
            if refusal is not None and is_page:
                await _read_away(receive)
            await self._shown(scope, refusal)(scope, _limited(receive, limit), answering)
        except Exception as error:
            if answering.has_begun:
                raise
            await self._shown(scope, unexpected(error, request_id=request_id))(scope, receive, answering)

    def _shown(self, scope: Scope, refusal: ASGIApp | None) -> ASGIApp:
        return self.app if refusal is None else self.as_page(scope, refusal)

    def _refusal(
        self, scope: Scope, headers: Headers, limit: int, request_id: str, is_page: bool
    ) -> ASGIApp | None:  # fmt: skip
        if "\x00" in scope["path"]:
            return problem(404, "not_found", "There is no such thing.", request_id=request_id)
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > limit:
            return problem(413, "too_large", f"A request has at most {limit} bytes.", request_id=request_id)
        if scope["method"] in _SAFE_METHODS or scope["path"].startswith("/webhooks/"):
            return None
        has_body = length != "0" or "transfer-encoding" in headers
        if is_page:
            return self._page_refusal(headers, has_body, request_id)
        is_json = _is_json(headers.get("content-type", ""))
        if has_body and not is_json:
            return problem(
                415, "unsupported_media_type", "Send the body as application/json.", request_id=request_id
            )  # fmt: skip
        if self._is_by_cookie(headers):
            no_form = is_json or scope["method"] != "POST"
            refused = self._comes_from_elsewhere(headers, no_form)
            return refuse(CrossSite(refused), request_id=request_id) if refused else None
        return None

    def _page_refusal(self, headers: Headers, has_body: bool, request_id: str) -> ASGIApp | None:
        """A form comes from a page of ours. A browser that names no origin is known by the form's token alone."""
        if has_body and headers.get("content-type", "").partition(";")[0].strip().lower() not in _FORMS:
            return problem(415, "unsupported_media_type", "A page takes forms only.", request_id=request_id)
        refused = self._comes_from_elsewhere(headers, no_form=True)
        return refuse(CrossSite(refused), request_id=request_id) if refused else None

    def _is_by_cookie(self, headers: Headers) -> bool:
        return self.cookie in headers.get("cookie", "") and "authorization" not in headers

    def _comes_from_elsewhere(self, headers: Headers, no_form: bool) -> str | None:
        """Browsers say where a request comes from; who says nothing must send what no form of a page can send."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None:
            is_own = site in ("same-origin", "none")
        elif origin is not None:
            is_own = origin == self.origin or origin.partition("://")[2] == headers.get("host")
        else:
            return None if no_form else "With the cookie of a sign-in, send Content-Type: application/json."
        return None if is_own else "This request comes from a page of another site."


class _Answering:
    """Passes the answer on, with the headers that every answer has."""

    def __init__(self, send: Send, request_id: str) -> None:
        self.send = send
        self.request_id = request_id
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.request_id
            headers["X-Content-Type-Options"] = "nosniff"
            # Some addresses are secrets; no page that they lead to learns them.
            headers.setdefault("Referrer-Policy", "no-referrer")
            headers.setdefault("Cache-Control", "no-store")
        await self.send(message)


async def _read_away(receive: Receive) -> None:
    """A browser that is answered in the middle of its form shows a broken connection in place of the answer."""
    left = LARGEST_IMPORT
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


def _limited(receive: Receive, limit: int) -> Receive:
    """Stop reading a body that is longer than it may be, also when its length was not announced."""
    received = 0

    async def receive_some() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise HTTPException(413)
        return message

    return receive_some


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def _largest(path: str) -> int:
    """How many bytes a request to this address may have."""
    if path == "/imports":
        return LARGEST_IMPORT
    return LARGEST_PHOTO if _PHOTO.fullmatch(path) else LARGEST_BODY
