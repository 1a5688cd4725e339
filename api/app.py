"""The API and the pages, composed: settings, database, clock and payment gateways in, an ASGI application out."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from urllib.parse import urlsplit

import anyio.to_thread
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from api.credentials import cookie_name
from api.documentation import describe
from api.errors import HANDLERS
from api.gate import Gate
from api.routes import (
    accounts,
    activities,
    authorised_people,
    bank,
    bookings,
    books,
    calendars,
    changes,
    closures,
    consents,
    conversions,
    debit_runs,
    documents,
    finance,
    group_orders,
    guests,
    health,
    invoice_runs,
    mails,
    makeups,
    mandates,
    offerings,
    orders,
    passes,
    payments,
    programme,
    promo_codes,
    reconciliation,
    refunds,
    registrations,
    reopenings,
    reports,
    roll_over,
    rolls,
    search,
    seats,
    sessions,
    setup,
    sign_ins,
    subscriptions,
    tickets,
    users,
    waiting,
    wallets,
    webhooks,
)
from api.state import State
from billing.gateways.protocol import Gateway
from engine.clock import Clock
from engine.database import Database
from engine.settings import Settings
from web.faults import or_page, refusal_page
from web.portals import is_page
from web.site import add_pages, add_shared

_ROUTERS = tuple(
    module.router
    for module in (
        orders,
        conversions,
        group_orders,
        sign_ins,
        bookings,
        changes,
        closures,
        sessions,
        rolls,
        seats,
        tickets,
        offerings,
        activities,
        makeups,
        mails,
        programme,
        promo_codes,
        waiting,
        roll_over,
        subscriptions,
        search,
        accounts,
        authorised_people,
        consents,
        users,
        finance,
        books,
        calendars,
        documents,
        invoice_runs,
        reports,
        mandates,
        debit_runs,
        payments,
        reconciliation,
        bank,
        wallets,
        passes,
        refunds,
        guests,
        registrations,
        reopenings,
        webhooks,
        setup,
        health,
    )
)
# As they are: a router that is included makes each of its routes again, for every application, and looks through its
# own at every request.
_OPERATIONS = tuple(route for router in _ROUTERS for route in router.routes)
for _operation in _OPERATIONS:
    if isinstance(_operation, APIRoute):
        _operation.operation_id = _operation.name
# The documentation page comes with its script and style: it works without a network.
_PAGES = "/docs/files"


def create_app(
    settings: Settings, *, database: Database, clock: Clock, gateways: Mapping[str, Gateway]
) -> FastAPI:  # fmt: skip
    """The application; it owns none of what it is given, and closes nothing."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # As many requests at work as there are connections: more would only wait for one.
        anyio.to_thread.current_default_thread_limiter().total_tokens = 2 * settings.pool_size
        yield

    app = FastAPI(
        title="Termbook", version="1", lifespan=lifespan, docs_url=None, redoc_url=None,
        separate_input_output_schemas=False,
    )  # fmt: skip
    app.state.termbook = State(settings, database, clock, gateways)
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, or_page(handler))
    url = urlsplit(settings.base_url)
    app.add_middleware(
        Gate, cookie_name=cookie_name(settings.cookie_secure), origin=f"{url.scheme}://{url.netloc}", is_page=is_page,
        as_page=refusal_page,
    )  # fmt: skip
    add_shared(app)
    app.router.routes.extend(_OPERATIONS)
    add_pages(app)
    _add_documentation(app)
    return app


def _add_documentation(app: FastAPI) -> None:
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    app.mount(_PAGES, StaticFiles(directory=str(files("fastapi_offline") / "static")))

    @app.get("/docs", include_in_schema=False)
    async def documentation() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json", title="Termbook API", swagger_js_url=f"{_PAGES}/swagger-ui-bundle.js",
            swagger_css_url=f"{_PAGES}/swagger-ui.css", swagger_favicon_url=f"{_PAGES}/favicon.png",
        )  # fmt: skip
