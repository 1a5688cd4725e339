"""What went wrong, as a page that says what happened and what to do next; programs keep their problem documents."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Scope

from web.portals import PORTALS, is_page
from web.visitor import Visitor, with_next
from web.words import N_

Handler = Callable[[Request, Exception], Awaitable[Response]]

# Headline and advice, by status.
_SAID = {
    401: (N_("Please sign in"), N_("You're not signed in, or your session has ended.")),
    403: (N_("You don't have access to this page"), N_("The account you're signed in with can't open this page.")),
    404: (N_("We can't find that page"), N_("It may have moved, or it may belong to someone else.")),
    405: (N_("This page doesn't accept forms"), N_("Go back, reload the page and try again.")),
    409: (N_("That can't be done right now"), N_("Something changed while you had this page open. Nothing was saved.")),
    412: (N_("Someone else got there first"), N_("This changed while you had the page open. Please check it again.")),
    413: (N_("That's too large"), N_("Shorten the text or choose a smaller file.")),
    415: (N_("We couldn't read this form"), N_("Go back, reload the page and try again.")),
    422: (N_("Something needs fixing"), N_("Go back and check what you entered.")),
    429: (N_("Please wait a moment"), N_("There have been too many attempts.")),
    502: (
        N_("The payment didn't go through"),
        N_("You haven't been charged. Try again, or choose another way to pay."),
    ),
    503: (N_("One moment, please"), N_("We're a little busy and couldn't finish this. Please try again shortly.")),
    500: (
        N_("Something went wrong on our side"),
        N_("The problem has been recorded. Try again, or contact us with the number below."),
    ),
}
# A 403 that has nothing to do with who one is, by its code.
_OUT_OF_DATE = (N_("This page is out of date"), N_("Go back, reload the page and try again."))
_BROKEN_LINK = (N_("This link doesn't work"), N_("Open the newest e-mail you have from us, or ask for a new link."))
_SAID_OF = {
    "form_out_of_date": _OUT_OF_DATE, "cross_site": _OUT_OF_DATE, "link_invalid": _BROKEN_LINK,
    "link_expired": _BROKEN_LINK, "link_used": _BROKEN_LINK,
    "link_claimed": (N_("Please sign in"), N_("Everything you booked is in your family's account.")),
}  # fmt: skip
# Without words of the problem's own: what it says is for programs.
_WITHOUT_WORDS = (404, 405, 413, 415, 500)


def or_page(handler: Handler) -> Handler:
    """The same handler; where a person looks at a page, its problem is one."""

    async def answer(request: Request, error: Exception) -> Response:
        response = await handler(request, error)
        if not _wants_page(request):
            return response
        if isinstance(error, RequestValidationError):  # of a page only its address is checked so: it leads nowhere
            response.status_code = 404
        return _page(request, response)

    return answer


def refusal_page(scope: Scope, response: ASGIApp) -> ASGIApp:
    """The page of a problem that was met before the application was."""
    assert isinstance(response, Response)
    return _page(Request(scope), response) if is_page(scope["path"]) else response


def _wants_page(request: Request) -> bool:
    if is_page(request.url.path):
        return not request.url.path.startswith("/static/")
    return request.method == "GET" and request.headers.get("sec-fetch-mode") == "navigate"


def _page(request: Request, response: Response) -> Response:
    problem: dict[str, Any] = orjson.loads(bytes(response.body))
    status = response.status_code
    visitor = Visitor(request)
    if status == 401 and request.method == "GET":
        return RedirectResponse(with_next("/sign-in", visitor.address), 303)
    headline, advice = _SAID_OF.get(problem["code"]) or _SAID.get(status, _SAID[500 if status >= 500 else 409])
    portal = next((one for one in PORTALS.values() if visitor.path.startswith(one.home)), None)
    return visitor.answer(
        "problem.html", organisation=visitor.centre, who=None, status=status, headline=headline, advice=advice,
        problem=problem, home=portal.home if portal else "/",
        is_own_words=status not in _WITHOUT_WORDS,
    )  # fmt: skip
