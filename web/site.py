"""The pages, composed: their routes, their files, and what stands in for the API's answers where a browser asks."""

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from web import design, front, guest_orders, guests, mail_stops, passkeys, sign_in
from web.admin import ROUTERS as ADMIN
from web.assets import Assets
from web.family import ROUTERS as FAMILY
from web.finance import ROUTERS as FINANCE
from web.staff import ROUTERS as STAFF

_ROUTERS = (
    front.router,
    sign_in.router,
    *passkeys.ROUTERS,
    guests.router,
    guest_orders.router,
    mail_stops.router,
    design.router,
    *FAMILY,
    *STAFF,
    *ADMIN,
    *FINANCE,
)


_PAGES = tuple(route for router in _ROUTERS for route in router.routes)
for _page in _PAGES:
    if isinstance(_page, APIRoute):
        _page.include_in_schema = False


class ForBrowsers(APIRoute):
    """An address that a program may ask for as well: only who asks for HTML gets the page."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        accepts = next((value for name, value in scope.get("headers", ()) if name == b"accept"), b"")
        return super().matches(scope) if b"text/html" in accepts else (Match.NONE, {})


def add_shared(app: FastAPI) -> None:
    """Add what shares its address with a route of the API; goes before the API's routes."""
    for address, page in front.SHARED.items():
        app.router.add_api_route(
            address, page, methods=["GET"], include_in_schema=False, route_class_override=ForBrowsers
        )


def add_pages(app: FastAPI) -> None:
    """Add every page; after the API's routes, whose hot paths need not look past them."""
    app.router.routes.extend(_PAGES)
    app.mount("/static", Assets())
