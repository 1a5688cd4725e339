"""Tablets that restart, a server that is killed, and what a device has kept."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response

from api.app import create_app
from samples.sample import PASSWORD
from tests.api.conftest import serving
from tests.engine.later import until
from tests.ports import free_port
from tests.web.browsing import _FLAGS, SIZES, chromium
from tests.web.conftest import SLUG, Centre
from tests.web.staff.rolls import STAFF, Roll


@dataclass
class Server:
    """The same centre on an address of its own, that can be killed and started again, and a bad network before it."""

    centre: Centre
    port: int = field(default_factory=free_port)
    running: ExitStack = field(default_factory=ExitStack)
    holds: str = ""  # answers of pages to this method are long on their way
    loses: str = ""  # those by this one are never answered
    waiting: int = 0  # answers that are on their way

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        settings = replace_settings(self.centre, self.url)
        app = create_app(settings, database=self.centre.database, clock=self.centre.clock, gateways={})
        app.add_middleware(BaseHTTPMiddleware, dispatch=self.on_the_way)
        self.running.enter_context(serving(app, port=self.port))

    async def on_the_way(self, request: Request, answered: RequestResponseEndpoint) -> Response:
        """Whether somebody answers at all is found out on a word; pages take the bad way."""
        if not request.url.path.startswith("/staff") or request.url.path == "/staff/words":
            return await answered(request)
        lost = Response(status_code=502)
        if self.loses == request.method:
            return lost
        answer = await answered(request)
        self.waiting += 1
        while self.holds == request.method:
            await asyncio.sleep(0.02)
        self.waiting -= 1
        return lost if self.loses == request.method else answer

    def kill(self) -> None:
        self.running.close()
        self.running = ExitStack()


def replace_settings(centre: Centre, url: str) -> Any:
    return centre.settings.model_copy(update={"base_url": url})


@dataclass
class Tablet:
    """A tablet whose browser can be restarted: what it kept is on its disk."""

    browser: Browser
    folder: Path
    server: Server
    context: BrowserContext | None = None

    def start(self) -> Page:
        width, height = SIZES["tablet"]
        self.context = self.browser.browser_type.launch_persistent_context(
            self.folder, executable_path=chromium(), args=list(_FLAGS), viewport={"width": width, "height": height},
            locale="en-CA",
        )  # fmt: skip
        self.context.set_default_timeout(60_000)
        return self.context.pages[0]

    def stop(self) -> None:
        if self.context is not None:
            self.context.close()
            self.context = None

    def sign_in(self) -> Page:
        return self.sign_in_again(self.start())

    def sign_in_again(self, page: Page) -> Page:
        page.goto(f"{self.server.url}/at/{SLUG}/sign-in")
        page.get_by_label("E-mail address").first.fill(STAFF)
        page.get_by_label("Password").first.fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/staff")
        return page

    def at_roll(self, roll: Roll) -> Page:
        """Somebody signed in, with the page of the day and the roll laid in."""
        return self.open(self.open(self.sign_in(), "/staff"), roll.address)

    def has_network(self, is_there: bool) -> None:
        assert self.context is not None
        self.context.set_offline(not is_there)

    def open(self, page: Page, address: str) -> Page:
        """The roll, with everything laid in that it needs without a network."""
        page.goto(self.server.url + address)
        until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"), seconds=60)
        until(lambda: is_kept(page, self.server.url + address), seconds=60)
        return page


def is_kept(page: Page, address: str, *, modules: int = 5) -> bool:
    """Whether the device has the page, and so many modules."""
    looks = """async ([address, modules]) => {
        const store = await caches.open("termbook-staff"), files = await store.keys();
        return await store.match(address) !== undefined
            && files.filter(one => one.url.endsWith(".js")).length >= modules;
    }"""
    return bool(page.evaluate(looks, [address, modules]))


def has_drawing(page: Page, sign_out: Any) -> bool:
    """Whether the device has kept what is drawn so far."""
    looks = """name => new Promise((answer) => {
        const asked = indexedDB.open("termbook-door");
        asked.onsuccess = () => {
            const found = asked.result.transaction("facts").objectStore("facts").get(name);
            found.onsuccess = () => { asked.result.close(); answer((found.result || []).length > 0); };
        };
    })"""
    return bool(page.evaluate(looks, f"drawing-{sign_out}"))
