"""A browser at hand: the system's Chromium, in the sizes that people have, and what every page has to stand."""

import shutil
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import (
    Browser,
    BrowserContext,
    CDPSession,
    Error,
    Locator,
    Page,
    TimeoutError,
    expect,
    sync_playwright,
)

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
SIZES = {"small phone": (360, 640), "phone": (390, 844), "tablet": (820, 1180), "desktop": (1280, 900)}

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
# The shell is the same browser without its own windows, menus and extensions: a new profile costs it a quarter.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# A page has few colours, and axe reads each thousands of times: what it made of one is what it makes of it again.
_COLOURS_READ_ONCE = """
(() => {
  const colour = axe.commons.color.Color.prototype, read = colour.parseString, known = new Map();
  colour.parseString = function (text) {
    if (!known.has(text)) {
      read.call(this, text);
      known.set(text, [this.r, this.g, this.b, this.alpha]);
    }
    [this.r, this.g, this.b, this.alpha] = known.get(text);
    return this;
  };
})();
"""
# Of what it finds only the violations come back; the rest would be written down and read for nobody.
_VIOLATIONS = """axe.run({resultTypes: ["violations"]}).then(found => found.violations.map(one =>
  `${one.id}: ${one.help} ${JSON.stringify(one.nodes.slice(0, 3).map(node => node.html.slice(0, 200)))}`))"""
expect.set_options(timeout=60_000)  # as long as a page may take on a busy machine


def chromium() -> str:
    """Where the system has it."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    assert found, "the pages are tested in Chromium: scripts/system_libraries.sh says how to install it"
    return found


@contextmanager
def running_browser() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(_FLAGS))
        yield browser
        browser.close()


@dataclass
class Person:
    """Somebody at a browser of their own. `interactions` counts what they did: clicks, ticks, and fields filled in."""

    page: Page
    base: str
    browser: Browser
    look: dict[str, Any]
    has_scripts: bool = True
    interactions: int = 0
    errors: list[str] = field(default_factory=list)

    def open(self, path: str) -> "Person":
        self.page.goto(self.base + path)
        return self

    def click(self, what: "str | Locator", *, exact: bool = True) -> "Person":
        """Press the link or button of that name."""
        self.interactions += 1
        if isinstance(what, str):
            role = self.page.get_by_role("link", name=what, exact=exact).or_(
                self.page.get_by_role("button", name=what, exact=exact)
            )
            what = role.first
        what.click()
        return self

    def tick(self, what: "str | Locator") -> "Person":
        self.interactions += 1
        (self.page.get_by_label(what).first if isinstance(what, str) else what).check()
        return self

    def fill(self, label: str, text: str) -> "Person":
        self.interactions += 1
        self.page.get_by_label(label).first.fill(text)
        return self

    def choose(self, label: str, option: str) -> "Person":
        self.interactions += 1
        self.page.get_by_label(label).first.select_option(label=option)
        return self

    def reads(self, text: str) -> bool:
        """Whether the page says this."""
        try:
            self.page.get_by_text(text).first.wait_for()
        except TimeoutError as late:
            raise AssertionError(f"{self.path} does not say {text!r}, but:\n{self.text}") from late
        return True

    @property
    def text(self) -> str:
        return self.page.locator("main").inner_text()

    @property
    def title(self) -> str:
        return self.page.locator("h1").first.inner_text()

    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self.base)

    def picture(self, name: str) -> "Person":
        """Keep a picture of the whole page among the build's artefacts: packed loosely, which takes half the time."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_load_state()
        size = self._protocol.send("Page.getLayoutMetrics")["cssContentSize"]
        shown = self.page.viewport_size or {}
        size |= {side: max(size[side], shown.get(side, 0)) for side in ("width", "height")}  # not laid out yet: 0
        (SCREENSHOTS / f"{name}.png").write_bytes(b64decode(self._taken(size)))
        return self

    def _taken(self, size: dict[str, float], *, again: int = 5) -> str:
        """The picture as the browser sends it. On a busy machine it has no frame of a page at times that has just
        taken the place of another ("Unable to capture screenshot"): then it is asked once more.
        """
        clip = {**size, "scale": 1}
        asked = {"clip": clip, "captureBeyondViewport": True, "optimizeForSpeed": True}
        try:
            return str(self._protocol.send("Page.captureScreenshot", asked)["data"])
        except Error as refused:
            if not again or "Unable to capture" not in refused.message:
                raise
        self.page.wait_for_timeout(300)
        return self._taken(size, again=again - 1)

    @cached_property
    def _protocol(self) -> CDPSession:
        """Never left: whoever leaves one takes away the page's device for passkeys, also from another."""
        return self.page.context.new_cdp_session(self.page)

    def fits(self) -> "Person":
        """No scrolling sideways, and no fault of a script."""
        self.page.wait_for_load_state()  # the answer to a form may be on its way still
        wide, room = self.page.locator("html").evaluate("page => [page.scrollWidth, page.clientWidth]")
        assert wide <= room, f"{self.path} is {wide} px wide where there are {room}"
        assert not self.errors, f"{self.path}: {self.errors}"
        return self

    def is_sound(self) -> "Person":
        """Nothing that axe finds, no fault of a script, nothing refused by our own policy, no scrolling sideways."""
        self.fits()
        with self._with_scripts() as page:
            if not page.evaluate("'axe' in window"):
                page.evaluate(AXE_SCRIPT + _COLOURS_READ_ONCE)
            found = page.evaluate(_VIOLATIONS)
        assert not found, f"{self.path}: " + "\n".join(found)
        return self

    @contextmanager
    def _with_scripts(self) -> Iterator[Page]:
        """The page as it stands, where axe can run: it is a script itself, and ours stay away then."""
        if self.has_scripts:
            yield self.page
            return
        context = self.browser.new_context(**self.look)
        page = context.new_page()
        shown, address = self.page.content(), self.page.url
        page.route(address, lambda route: route.fulfill(body=shown, content_type="text/html; charset=utf-8"))
        page.route("**/*.js", lambda route: route.abort())
        page.goto(address)
        yield page
        context.close()


@contextmanager
def person(
    browser: Browser, base: str, *, size: str = "desktop", scripts: bool = True, dark: bool = False,
    locale: str = "en-CA", **more: Any,
) -> Iterator[Person]:  # fmt: skip
    """Somebody with a browser profile of their own."""
    width, height = SIZES[size]
    look = {"viewport": {"width": width, "height": height}, "locale": locale,
            "color_scheme": "dark" if dark else "light", "has_touch": size != "desktop"}  # fmt: skip
    context: BrowserContext = browser.new_context(**look, java_script_enabled=scripts, **more)
    context.set_default_timeout(60_000)  # a page may be the first that a busy machine serves
    page = context.new_page()
    found = Person(page, base, browser, look, scripts)
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    page.on("console", lambda said: found.errors.append(said.text) if _is_fault(said) else None)
    try:
        yield found
    finally:
        context.close()


def signed_in_as(somebody: Person, client: httpx.Client) -> Person:
    """They carry the cookie of that sign-in."""
    held = [{"name": one.name, "value": one.value or "", "url": somebody.base} for one in client.cookies.jar]
    somebody.page.context.add_cookies(held)  # type: ignore[arg-type]
    return somebody


def _is_fault(said: Any) -> bool:
    """An answer of 4xx is no fault of the page: it is what a refusal looks like."""
    return said.type == "error" and "Failed to load resource" not in said.text
