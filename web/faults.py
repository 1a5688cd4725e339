"""What went wrong, as a page that says what happened and what to do next; programs keep their problem documents."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Scope

from web.portals import PORTALS, is_page
from web.visitor import Visitor, with_next
from web.words import N_

Handler = Callable[[Request, Exception], Awaitable[Response]]

# Headline and advice, by status.
_SAID = {
    401: (N_("Please sign in"), N_("You are not signed in, or were signed out meanwhile.")),
    403: (N_("This is not for you"), N_("You are signed in as somebody who may not see this page.")),
    404: (N_("We cannot find this page"), N_("It may have been moved, or it belongs to somebody else.")),
    405: (N_("This page takes no form"), N_("Go back and load the page again.")),
    409: (N_("That is not possible now"), N_("Something changed since the page was shown. Nothing was saved.")),
    412: (N_("Somebody was faster"), N_("It was changed since the page was shown. Look at it again.")),
    413: (N_("That is too much"), N_("Something you sent is too large. Shorten the text or choose a smaller file.")),
    415: (N_("We cannot read this form"), N_("Go back and load the page again.")),
    422: (N_("Something is not right yet"), N_("Go back and look at what you entered.")),
    429: (N_("A short pause, please"), N_("There were too many attempts.")),
    502: (N_("The payment provider refused"), N_("Nothing was paid. Try again, or choose another way to pay.")),
    503: (N_("One moment, please"), N_("We cannot do this right now, though nothing is wrong. Try again shortly.")),
    500: (N_("Something went wrong on our side"), N_("It has been recorded. Try again, or tell us the number below.")),
}
# A 403 that has nothing to do with who one is.
_OUT_OF_DATE = (N_("This page is out of date"), N_("Go back and load the page again."))


def or_page(handler: Handler) -> Handler:
    """The same handler; where a person looks at a page, its problem is one."""

    async def answer(request: Request, error: Exception) -> Response:
        response = await handler(request, error)
        return _page(request, response) if _wants_page(request) else response

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
    is_out_of_date = problem["code"] == "form_out_of_date"
    headline, advice = _OUT_OF_DATE if is_out_of_date else _SAID.get(status, _SAID[500 if status >= 500 else 409])
    portal = next((one for one in PORTALS.values() if visitor.path.startswith(one.home)), None)
    return visitor.answer(
        "problem.html", organisation=visitor.centre, who=None, status=status, headline=headline, advice=advice,
        problem=problem, home=portal.home if portal else "/",
        is_own_words=status not in (404, 405, 413, 415, 500) or is_out_of_date,
    )  # fmt: skip
