"""The door at a browser: thirty children in thirty-odd taps; without scripts, without a mouse, without a network."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, BrowserContext, Page, expect

from api.app import create_app
from attendance.people import add_person
from attendance.photos import keep_photo, small_jpeg
from engine.actor import Actor
from engine.clock import SetClock
from engine.database import Database
from engine.ids import new_id
from engine.settings import Settings
from models import ActorKind, Role
from samples.sample import PASSWORD, make_sample
from tests import builders as build
from tests.api.conftest import serving
from tests.builders import NOW
from tests.engine.later import until
from tests.ports import free_port
from tests.web.browsing import _FLAGS, SCREENSHOTS, SIZES, Person, chromium
from tests.web.conftest import SLUG, Centre, Somebody
from tests.web.test_family_consents import picture
from tests.web.test_family_forms import Tab, enter

STAFF = "staff@centre7.example"
PIN = "4711"


@pytest.fixture(scope="module")
def centre(database_url: str, checked_database: Database) -> Iterator[Centre]:
    """A sample centre of this module's own, without a payment provider: nobody pays at the door."""
    sample, clock = make_sample(database_url, checked_database, slug=SLUG, name="Centre 7", now=NOW), SetClock(NOW)
    port = free_port()
    settings = Settings(cookie_secure=False, secret="for tests", base_url=f"http://127.0.0.1:{port}")
    app = create_app(settings, database=checked_database, clock=clock, gateways={})
    with serving(app, port=port) as url:
        yield Centre(url, sample, checked_database, clock, None, settings)  # type: ignore[arg-type]


@pytest.fixture
def signed_in(somebody: Somebody) -> Somebody:
    """As everywhere, with more patience: a machine that tests much at once is slow."""

    def enter(email: str, **wanted: Any) -> Person:
        found = somebody(**wanted)
        found.page.context.set_default_timeout(60_000)
        found.open(f"/at/{SLUG}/sign-in").fill("E-mail address", email).fill("Password", PASSWORD)
        found.page.get_by_role("main").get_by_role("button", name="Sign in").click()
        found.page.wait_for_url("**/staff")
        found.interactions = 0
        return found

    return enter


@dataclass
class Roll:
    """A session that is about to start, with its children."""

    centre: Centre
    session_id: UUID
    address: str

    def rows(self) -> dict[str, dict[str, Any]]:
        found = self.centre.rows(
            "SELECT t.name, a.* FROM term_attendance a JOIN attendee t ON t.id = a.attendee_id "
            "WHERE a.term_product_id = %(id)s", id=self.session_id,
        )  # fmt: skip
        return {row["name"]: row for row in found}

    def statuses(self) -> dict[str, str]:
        return {name: row["status"] for name, row in self.rows().items()}


# What a thumb presses on a roll and in its dialog, and what of it is smaller than a thumb.
TOO_SMALL = """() => [...document.querySelectorAll(
    ".back, .roll-acts button, .roll-acts a, .closing button, "
    + "#out button, #out-other, #out-pin, #out label:has(input)")]
    .map(one => [one, one.getBoundingClientRect()])
    .filter(([one, box]) => one.offsetParent && Math.min(box.width, box.height) < 43.5)
    .map(([one]) => one.textContent.trim())"""
SOON = datetime(2026, 3, 31, 9, 30)  # noqa: DTZ001 - local


def make_roll(
    centre: Centre, count: int, *, name: str = "After-school club", starts: datetime = SOON, minutes: int = 60
) -> Roll:
    """A session of today that starts in half an hour, at the site of the sample's staff."""

    def make(tx: Any) -> UUID:
        (site,) = tx.rows("SELECT s.* FROM site s JOIN user_site x ON x.site_id = s.id LIMIT 1")
        term = build.term(tx, site, name=f"{name} term", starts_on=date(2026, 3, 1), ends_on=date(2026, 3, 31))
        program = build.program(tx, site, name=name)
        offering = build.offering(tx, term, program, capacity=count)
        (session,) = build.sessions(tx, offering, starts, minutes=minutes)
        account = build.account(tx, name="Door family")
        for number in range(1, count + 1):
            child = build.attendee(tx, account, name=f"Child {number:02}", **(_SPECIAL if number == 1 else {}))
            build.confirmed(tx, account, child, term, [session])
            if number == 1:
                add_person(tx, attendee_id=child["id"], name="Rosa Rossi", relationship="grandmother",
                           phone="+1 416 555 0107", pin_hash=_HASH, now=centre.clock.now())  # fmt: skip
        found: UUID = session["id"]
        return found

    session_id = centre.edit(make)
    return Roll(centre, session_id, f"/staff/rolls/{session_id}")


_HASH = PasswordHasher().hash(PIN)
_SPECIAL = {
    "allergy_notes": "Peanuts, carries an EpiPen", "allergy_severity": "SEVERE", "medical_notes": "Inhaler in her bag",
    "must_not_collect": ["Max Mustermann"], "authorised_pick_ups": ["Uncle Bob"],
}  # fmt: skip


def row_of(page: Page, name: str) -> Any:
    return page.locator(f'[data-row][data-name="{name}"]')


def tap(page: Page, name: str, what: str) -> None:
    row_of(page, name).get_by_role("button", name=f"{what} {name}", exact=True).click()


def wait_until_sent(page: Page) -> None:
    expect(page.locator("#sending")).to_have_text("All sent", timeout=60_000)


def draw(page: Page, box: Any, *, start: float = 0.2) -> None:
    """One stroke on a field to sign on."""
    field = box.bounding_box()
    x, y = field["x"], field["y"]
    page.mouse.move(x + field["width"] * start, y + field["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(x + field["width"] * (start + 0.2), y + field["height"] * 0.8, steps=6)
    page.mouse.up()


class TestPages:
    """Without a browser: what the forms do, and what a page says."""

    @pytest.fixture
    def client(self, centre: Centre) -> Iterator[httpx.Client]:
        headers = {"Accept": "text/html", "Origin": centre.url}
        with httpx.Client(base_url=centre.url, headers=headers, timeout=60, follow_redirects=True) as client:
            self.post(client, f"/at/{SLUG}/sign-in", email=STAFF, password=PASSWORD)
            yield client

    def post(self, client: httpx.Client, page: str, to: str = "", **fields: str) -> httpx.Response:
        """The form of a page, sent."""
        token = re.search(r'name="form_token" value="([^"]+)"', client.get(page).text)
        assert token
        return client.post(to or page, data={"form_token": token[1], **fields})

    def test_from_the_first_mark_to_the_headcount(self, centre: Centre, client: httpx.Client) -> None:
        roll = make_roll(centre, 2, name="Plain")
        one, two = (str(row["id"]) for _, row in sorted(roll.rows().items()))

        assert roll.address in client.get("/staff").text
        shown = self.post(client, roll.address, f"{roll.address}/marks", attendance_id=one, status="PRESENT")
        assert (shown.status_code, "Child 01" in shown.text, "Severe" in shown.text) == (200, True, True)
        self.post(client, roll.address, f"{roll.address}/marks", attendance_id=two, status="ABSENT:Ill")
        assert roll.statuses() == {"Child 01": "PRESENT", "Child 02": "ABSENT"}
        assert roll.rows()["Child 02"]["reason"] == "Ill"

        out = f"{roll.address}/out/{one}"
        assert "Choose who is collecting." in self.post(client, out, who="").text
        barred = self.post(client, out, who="name:Max Mustermann")
        assert (barred.status_code, "must not collect Child 01" in barred.text) == (422, True)
        assert "Signed out." in self.post(client, out, who="name:Uncle Bob").text
        assert roll.rows()["Child 01"]["collected_by"] == "Uncle Bob"
        assert "Uncle Bob" in client.get("/staff/signatures").text

        self.post(client, roll.address, f"{roll.address}/headcount", counted="1")
        refused = self.post(client, roll.address, f"{roll.address}/closing")
        assert (refused.status_code, "is not over" in refused.text) == (409, True)

    def test_staff_come_and_go(self, centre: Centre, client: httpx.Client) -> None:
        (site,) = centre.rows("SELECT site_id FROM user_site LIMIT 1")
        presence = f"/staff/sites/{site['site_id']}/presence"

        assert "re on site." in self.post(client, "/staff", presence, move="arrive").text
        assert "left the site." in self.post(client, "/staff", presence, move="leave").text

    def test_a_page_that_is_only_kept_takes_no_words_from_the_one_that_is_read(
        self, centre: Centre, client: httpx.Client
    ) -> None:
        """Rolls are laid in at any moment, also between a form and its answer."""
        (site,) = centre.rows("SELECT site_id FROM user_site LIMIT 1")
        client.follow_redirects = False
        self.post(client, "/staff", f"/staff/sites/{site['site_id']}/presence", move="arrive")

        kept = client.get("/staff", headers={"X-Kept-Only": "yes"}).text
        read = client.get("/staff").text
        self.post(client, "/staff", f"/staff/sites/{site['site_id']}/presence", move="leave")

        assert ("re on site." in kept, "re on site." in read) == (False, True)

    def test_the_worker_may_answer_for_the_first_page(self, client: httpx.Client) -> None:
        worker = client.get("/staff/worker.js")

        assert worker.headers["Service-Worker-Allowed"] == "/staff"
        assert client.get(re.findall(r'"([^"]+)"', worker.text)[0]).status_code == 200

    def test_a_roll_of_another_site_is_not_found(self, client: httpx.Client) -> None:
        assert client.get(f"/staff/rolls/{new_id()}").status_code == 404


class TestTheRoll:
    @pytest.mark.parametrize("size", ["phone", "tablet", "desktop"])
    def test_is_sound_in_every_size(self, centre: Centre, signed_in: Somebody, size: str) -> None:
        roll = make_roll(centre, 4, name=f"Club {size}")
        stella = signed_in(STAFF, size=size, dark=size == "tablet")

        stella.open("/staff").picture(f"staff-today-{size}").fits()
        stella.open(roll.address)
        tap(stella.page, "Child 02", "Present")
        tap(stella.page, "Child 03", "Absent")
        wait_until_sent(stella.page)
        stella.picture(f"staff-roll-{size}").fits()
        expect(row_of(stella.page, "Child 01").locator(".alert.severe").first).to_contain_text("Peanuts")
        row_of(stella.page, "Child 02").get_by_role("link", name="Sign out").click()
        stella.picture(f"staff-dialog-{size}").is_sound()

    def test_of_thirty_children_takes_at_most_thirty_five_taps(self, centre: Centre, signed_in: Somebody) -> None:
        roll = make_roll(centre, 30, name="Thirty")
        stella = signed_in(STAFF, size="phone").open("/staff")

        stella.click(stella.page.locator(f'a[href="{roll.address}"]'))
        for number in range(1, 31):
            name, what = f"Child {number:02}", "Absent" if number == 7 else "Present"
            stella.click(row_of(stella.page, name).get_by_role("button", name=f"{what} {name}", exact=True))
        stella.click(row_of(stella.page, "Child 07").get_by_role("button", name="Ill Child 07", exact=True))
        wait_until_sent(stella.page)

        assert stella.interactions <= 35
        found = roll.statuses()
        assert [name for name, status in found.items() if status != "PRESENT"] == ["Child 07"]
        assert roll.rows()["Child 07"]["reason"] == "Ill"

    def test_a_tap_that_bounces_is_one_tap(self, centre: Centre, signed_in: Somebody) -> None:
        """Where a button was there is another at once: the reason of an absence, the undo, the row under a dialog."""
        roll = make_roll(centre, 4, name="Bounces")
        stella = signed_in(STAFF, size="phone").open(roll.address)
        page = stella.page

        row_of(page, "Child 02").get_by_role("button", name="Late Child 02", exact=True).dblclick()
        absent = row_of(page, "Child 03").get_by_role("button", name="Absent Child 03", exact=True)
        absent.dblclick(position={"x": absent.bounding_box()["width"] - 8, "y": 20})
        tap(page, "Child 04", "Present")
        row_of(page, "Child 04").get_by_role("link", name="Sign out").click()
        page.get_by_label("Name of person collecting").fill("Aunt Ada")
        page.get_by_label("Sign later").check()
        page.locator("#out-done").dblclick()
        expect(row_of(page, "Child 04")).to_have_attribute("data-status", "LEFT")
        wait_until_sent(page)

        assert roll.statuses() == {"Child 01": "EXPECTED", "Child 02": "LATE", "Child 03": "ABSENT", "Child 04": "LEFT"}
        assert roll.rows()["Child 03"]["reason"] is None

    @pytest.mark.parametrize("size", ["small phone", "tablet"])
    def test_a_thumb_finds_every_button_and_a_name_keeps_its_room(
        self, centre: Centre, signed_in: Somebody, size: str
    ) -> None:
        roll = make_roll(centre, 4, name=f"Thumbs {size}")
        stella = signed_in(STAFF, size=size).open(roll.address)
        page = stella.page

        tap(page, "Child 02", "Absent")
        tap(page, "Child 03", "Late")
        wait_until_sent(page)
        assert page.evaluate(TOO_SMALL) == []
        assert row_of(page, "Child 02").locator(".roll-who").bounding_box()["width"] >= 250

        tap(page, "Child 01", "Present")
        row_of(page, "Child 01").get_by_role("link", name="Sign out").click()
        page.get_by_label("Rosa Rossi").check()
        assert page.evaluate(TOO_SMALL) == []
        page.locator("#out-pin").fill("0000")
        page.locator("#out-done").click()
        expect(page.locator("#out-fault")).to_contain_text("not the PIN")
        for what in ("fault", "done", "cancel"):
            expect(page.locator(f"#out-{what}")).to_be_in_viewport(ratio=1)

    def test_with_the_keyboard_alone(self, centre: Centre, signed_in: Somebody) -> None:
        roll = make_roll(centre, 2, name="Keys")
        stella = signed_in(STAFF).open(roll.address)
        page = stella.page

        def to(name: str) -> None:
            for _ in range(60):
                page.keyboard.press("Tab")
                if page.evaluate("document.activeElement.textContent.trim().replace(/\\s+/g, ' ')") == name:
                    return
            raise AssertionError(f"{name} is not reached by Tab")

        to("Present Child 01")
        page.keyboard.press("Enter")
        expect(row_of(page, "Child 01")).to_have_attribute("data-status", "PRESENT")
        to("Absent Child 02")
        page.keyboard.press("Enter")
        wait_until_sent(page)
        page.reload()
        to("Sign out Child 01")
        page.keyboard.press("Enter")
        page.locator("#out[open]").wait_for()
        page.keyboard.press("Space")  # the first who may collect has the focus
        while page.evaluate("document.activeElement.id") != "out-later":
            page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(row_of(page, "Child 01")).to_have_attribute("data-status", "LEFT")
        wait_until_sent(page)

        assert roll.statuses() == {"Child 01": "LEFT", "Child 02": "ABSENT"}
        stella.open("/staff/signatures").reads("collected Child 01")
        stella.picture("staff-signatures").fits()

    def test_what_the_server_says_is_said_as_the_reader_does(self, centre: Centre, signed_in: Somebody) -> None:
        roll = make_roll(centre, 1, name="En français")
        stella = signed_in(STAFF, size="phone").click("Français").open(roll.address)
        seen = row_of(stella.page, "Child 01").get_attribute("data-version")
        with enter(centre, STAFF) as client:
            other = Tab(client, client.get(roll.address))
            given = {"attendance_id": str(roll.rows()["Child 01"]["id"]), "status": "ABSENT", "seen_version": seen}
            client.post(f"{roll.address}/marks", data={**other.any_token(), **given})
        assert roll.statuses() == {"Child 01": "ABSENT"}

        row_of(stella.page, "Child 01").evaluate("(row, seen) => { row.dataset.version = seen; }", seen)
        tap(stella.page, "Child 01", "Présent")

        told = stella.page.locator("#told")
        expect(told).to_contain_text(re.compile("Un autre appareil a noté Child 01|Child 01 a reçu la marque"))
        assert "marked" not in told.inner_text()
        stella.picture("staff-disagreement-in-french")

    def test_a_signature_of_the_queue(self, centre: Centre, signed_in: Somebody) -> None:
        roll = make_roll(centre, 1, name="Queue")
        stella = signed_in(STAFF, size="tablet").open(roll.address)
        tap(stella.page, "Child 01", "Present")
        row_of(stella.page, "Child 01").get_by_role("link", name="Sign out").click()
        stella.page.get_by_label("Uncle Bob").check()
        stella.page.get_by_role("button", name="Sign out", exact=True).click()
        expect(stella.page.locator("#out-fault")).to_contain_text("sign")
        stella.page.get_by_label("Sign later").check()
        stella.page.locator("#out-done").click()
        wait_until_sent(stella.page)

        sign_out = roll.rows()["Child 01"]["mark_id"]
        stella.open(f"/staff/signatures/{sign_out}")
        draw(stella.page, stella.page.locator("canvas"))
        stella.picture("staff-signature").fits()
        stella.click("Save signature").reads("Signature saved.")

        assert centre.rows("SELECT 1 FROM signature WHERE sign_out_id = %(id)s", id=sign_out)


@dataclass
class Server:
    """The same centre on an address of its own, that can be killed and started again."""

    centre: Centre
    port: int = field(default_factory=free_port)
    running: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        settings = replace_settings(self.centre, self.url)
        app = create_app(settings, database=self.centre.database, clock=self.centre.clock, gateways={})
        self.running.enter_context(serving(app, port=self.port))

    def kill(self) -> None:
        self.running.close()
        self.running = ExitStack()


def replace_settings(centre: Centre, url: str) -> Any:
    return centre.settings.model_copy(update={"base_url": url})


@pytest.fixture
def server(centre: Centre) -> Iterator[Server]:
    server = Server(centre)
    server.start()
    yield server
    server.kill()


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


# The roll is laid in again; the first answer to that is a page that stands in for it.
KEPT_AFTER_A_STAND_IN = """async (address) => {
    const store = await caches.open("termbook-staff"), really = window.fetch;
    await store.delete(address);
    let isFirst = true;
    window.fetch = (asked, ...more) => {
        if (asked !== address || !isFirst) return really(asked, ...more);
        isFirst = false;
        const headers = { "Content-Type": "text/html", "X-From-Store": "yes" };
        return Promise.resolve(new Response("Today", { headers }));
    };
    const module = document.querySelector("link[rel=modulepreload][href*=offline]").href;
    await (await import(module)).prepare([address]);
    return (await store.match(address))?.text() ?? "";
}"""


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


@pytest.fixture
def tablet(browser: Browser, server: Server, tmp_path: Path) -> Iterator[Callable[[str], Tablet]]:
    with ExitStack() as stack:

        def make(name: str) -> Tablet:
            made = Tablet(browser, tmp_path / name, server)
            stack.callback(made.stop)
            return made

        yield make


class TestWithoutANetwork:
    def test_the_server_is_killed_two_tablets_disagree_one_restarts_and_nothing_is_lost(
        self, centre: Centre, server: Server, tablet: Callable[[str], Tablet]
    ) -> None:
        roll = make_roll(centre, 3, name="Offline")
        left, right = tablet("left"), tablet("right")
        on_left = left.open(left.sign_in(), roll.address)
        on_right = right.open(right.sign_in(), roll.address)

        server.kill()
        tap(on_left, "Child 02", "Present")
        tap(on_left, "Child 03", "Present")
        tap(on_right, "Child 02", "Absent")
        expect(on_left.locator("#sending")).to_contain_text("2 not sent")
        expect(on_left.locator("#sending")).to_contain_text("Offline")
        expect(on_right.locator("#sending")).to_contain_text("1 not sent")

        left.stop()
        on_left = left.start()
        on_left.goto(server.url + roll.address)
        expect(on_left.locator("#sending")).to_contain_text("2 not sent")
        expect(row_of(on_left, "Child 03")).to_have_attribute("data-status", "PRESENT")
        tap(on_left, "Child 01", "Present")
        expect(on_left.locator("#sending")).to_contain_text("3 not sent")
        on_left.screenshot(path=_picture("staff-offline"), full_page=True)
        assert set(roll.statuses().values()) == {"EXPECTED"}

        # Of two who disagree the first that arrives is taken: here the left one, whatever the machine's pace.
        on_right.context.set_offline(True)
        server.start()
        wait_until_sent(on_left)
        on_right.context.set_offline(False)
        wait_until_sent(on_right)

        assert roll.statuses() == {"Child 01": "PRESENT", "Child 02": "PRESENT", "Child 03": "PRESENT"}
        expect(on_right.locator("#told")).to_contain_text("Child 02")
        on_right.reload()
        expect(on_right.locator("#disagreements")).to_contain_text("Child 02")
        on_right.screenshot(path=_picture("staff-disagreement"), full_page=True)
        on_right.get_by_role("button", name="Use what was sent Child 02").click()
        on_right.get_by_text("Resolved.").wait_for()
        assert roll.statuses()["Child 02"] == "ABSENT"

    def test_the_network_is_lost_in_the_middle_of_a_signature(
        self, centre: Centre, tablet: Callable[[str], Tablet]
    ) -> None:
        roll = make_roll(centre, 1, name="Signing")
        one = tablet("one")
        page = one.open(one.open(one.sign_in(), "/staff"), roll.address)
        assert one.context is not None
        tap(page, "Child 01", "Present")
        wait_until_sent(page)
        row_of(page, "Child 01").get_by_role("link", name="Sign out").click()
        page.get_by_label("Rosa Rossi").check()
        draw(page, page.locator("#out-pad"))

        one.context.set_offline(True)
        page.locator("#out-pin").fill(PIN)
        page.locator("#out-done").click()
        expect(page.locator("#out-fault")).to_contain_text("the PIN can't be checked")
        page.locator("#out-pin").fill("")
        draw(page, page.locator("#out-pad"), start=0.5)
        page.locator("#out-done").click()
        expect(page.locator("#sending")).to_contain_text("2 not sent")
        page.reload()
        expect(page.locator("#sending")).to_contain_text("2 not sent")
        expect(row_of(page, "Child 01")).to_have_attribute("data-status", "LEFT")
        page.goto(page.url.partition("/staff")[0] + "/staff")
        expect(page.locator("#sending")).to_contain_text("2 not sent")

        one.context.set_offline(False)
        wait_until_sent(page)

        (signed,) = centre.rows("SELECT x.strokes, o.collected_by FROM signature x JOIN sign_out o ON o.id = "
                                "x.sign_out_id WHERE o.id = %(id)s", id=roll.rows()["Child 01"]["mark_id"])  # fmt: skip
        assert (len(signed["strokes"]), signed["collected_by"]) == (2, "Rosa Rossi")

    def test_a_signature_of_the_queue_stays_on_the_device_until_it_is_sent(
        self, centre: Centre, tablet: Callable[[str], Tablet]
    ) -> None:
        roll = make_roll(centre, 1, name="Signs later")
        one = tablet("one")
        page = one.open(one.sign_in(), roll.address)
        assert one.context is not None
        tap(page, "Child 01", "Present")
        row_of(page, "Child 01").get_by_role("link", name="Sign out").click()
        page.get_by_label("Rosa Rossi").check()
        page.get_by_label("Sign later").check()
        page.locator("#out-done").click()
        wait_until_sent(page)
        sign_out = roll.rows()["Child 01"]["mark_id"]
        one.open(page, f"/staff/signatures/{sign_out}")
        draw(page, page.locator("canvas"))
        until(lambda: has_drawing(page, sign_out))

        one.context.set_offline(True)
        page.reload()
        expect(page.locator("[data-strokes]")).not_to_have_value("")  # what was drawn is still there
        page.get_by_role("button", name="Save signature").click()
        expect(page.locator("#told")).to_contain_text("Saved on this device")
        expect(page.locator("#sending")).to_contain_text("1 not sent")
        one.context.set_offline(False)
        wait_until_sent(page)

        assert centre.rows("SELECT 1 FROM signature WHERE sign_out_id = %(id)s", id=sign_out)

    def test_what_is_said_is_in_view_and_what_needs_a_network_waits_for_one(
        self, centre: Centre, tablet: Callable[[str], Tablet]
    ) -> None:
        """At the end of a long roll a count is kept and a closing answered; signing out does not lose the pages."""
        roll = make_roll(centre, 20, name="Waits")
        one = tablet("one")
        page = one.open(one.open(one.sign_in(), "/staff"), roll.address)
        assert one.context is not None

        one.context.set_offline(True)
        page.get_by_label("Children counted in the room").fill("3")
        page.get_by_role("button", name="Save headcount", exact=True).click()
        expect(page.locator(".closing")).to_contain_text("3 counted at")
        page.reload()
        expect(page.locator(".closing")).to_contain_text("3 counted at")
        page.get_by_role("button", name="Close the roll").click()
        expect(page.get_by_text("Some marks haven't been sent yet")).to_be_in_viewport()
        page.evaluate("document.querySelector('form[action=\"/sign-out\"]').requestSubmit()")
        expect(page.get_by_text("This needs a network.")).to_be_in_viewport()
        page.goto(page.url.partition("/staff")[0] + "/staff")
        page.get_by_role("button", name="I'm here").click()
        expect(page.get_by_text("This needs a network.")).to_be_in_viewport()

        one.context.set_offline(False)
        wait_until_sent(page)
        page.get_by_role("button", name="I'm here").click()
        present = "SELECT id FROM staff_presence WHERE left_at IS NULL"
        until(lambda: centre.rows(present), seconds=60)
        assert centre.rows("SELECT counted FROM headcount WHERE term_product_id = %(id)s", id=roll.session_id) == [
            {"counted": 3}
        ]

    def test_a_roll_that_was_never_opened_opens(
        self, centre: Centre, server: Server, tablet: Callable[[str], Tablet]
    ) -> None:
        roll = make_roll(centre, 1, name="Unopened")
        one = tablet("one")
        page = one.sign_in()
        one.open(page, "/staff")
        until(lambda: is_kept(page, server.url + roll.address, modules=7), seconds=60)
        server.kill()

        page.goto(server.url + roll.address)
        tap(page, "Child 01", "Present")
        expect(page.locator("#sending")).to_contain_text("1 not sent")
        server.start()
        wait_until_sent(page)

        assert roll.statuses() == {"Child 01": "PRESENT"}

    def test_who_signs_out_from_whatever_page_leaves_no_roll_behind_and_loses_nothing(
        self, centre: Centre, server: Server, tablet: Callable[[str], Tablet]
    ) -> None:
        """The tablet is everybody's: the next one reads no child's name on it, and what was not sent is sent later."""
        roll = make_roll(centre, 1, name="Shared tablet")
        one = tablet("one")
        page = one.open(one.sign_in(), roll.address)
        assert one.context is not None
        one.context.route("**/roll-bundles", lambda route: route.abort())
        tap(page, "Child 01", "Present")
        expect(page.locator("#sending")).to_contain_text("1 not sent")
        page.goto(f"{server.url}/staff/signatures")  # it lays nothing in itself
        page.get_by_text("Account menu").locator("..").click()
        page.locator('form[action="/sign-out"] button').click()
        page.get_by_text("You've signed out.").wait_for()

        until(lambda: page.evaluate("caches.has('termbook-staff')") is False)
        assert roll.statuses() == {"Child 01": "EXPECTED"}
        one.context.unroute("**/roll-bundles")
        wait_until_sent(one.sign_in_again(page))
        assert roll.statuses() == {"Child 01": "PRESENT"}

    def test_a_page_that_stands_in_for_a_roll_is_not_kept_in_its_place(
        self, server: Server, centre: Centre, tablet: Callable[[str], Tablet]
    ) -> None:
        """The network failed for a moment, so that today's page stood in: the roll is asked for again."""
        roll = make_roll(centre, 1, name="Stood in for")
        one = tablet("one")
        page = one.sign_in()
        one.open(page, "/staff")
        until(lambda: is_kept(page, server.url + roll.address, modules=7), seconds=60)

        kept = page.evaluate(KEPT_AFTER_A_STAND_IN, roll.address)

        assert "Child 01" in kept

    def test_faces_are_there_and_letters_where_a_face_is_not(
        self, centre: Centre, server: Server, tablet: Callable[[str], Tablet]
    ) -> None:
        roll = make_roll(centre, 2, name="Faces")
        admin, made = Actor(ActorKind.ADMIN, centre.sample.users[Role.ADMIN]), roll.rows()
        for name in made:
            centre.edit(keep_photo, attendee_id=made[name]["attendee_id"], jpeg=small_jpeg(picture()), actor=admin,
                        now=centre.clock.now())  # fmt: skip
        one = tablet("one")
        page = one.sign_in()
        one.open(page, "/staff")  # the roll is never opened with a network
        until(lambda: page.evaluate(KEPT_PHOTOS) == 2, seconds=60)
        page.evaluate(FORGET_PHOTO, str(made["Child 02"]["attendee_id"]))
        page.context.new_cdp_session(page).send("Network.clearBrowserCache")
        server.kill()

        page.goto(server.url + roll.address)
        faces = {name: row_of(page, name).locator(".avatar") for name in made}
        page.wait_for_function("[...document.querySelectorAll('.roll-who img')].every(one => one.complete)")

        wide = {name: face.locator("img").evaluate("one => one.naturalWidth") for name, face in faces.items()}
        assert wide["Child 01"] > 0
        assert wide["Child 02"] == 0
        assert faces["Child 02"].inner_text() == "C0"
        page.screenshot(path=_picture("staff-faces"), full_page=True)


KEPT_PHOTOS = """async () => (await (await caches.open("termbook-staff")).keys())
    .filter(one => one.url.includes("/photos/")).length"""
FORGET_PHOTO = """async child => {
    const store = await caches.open("termbook-staff");
    for (const one of await store.keys()) if (one.url.includes(`/photos/${child}`)) await store.delete(one);
}"""


class TestClosing:
    def test_a_roll_is_closed_when_the_session_is_over(self, centre: Centre, signed_in: Somebody) -> None:
        roll = make_roll(centre, 1, name="Closing", minutes=1)
        stella = signed_in(STAFF).open(roll.address)
        centre.clock.move(timedelta(minutes=40))  # type: ignore[attr-defined]
        stella.click("Close the roll").reads("Roll closed.")

        assert roll.statuses() == {"Child 01": "ABSENT"}
        stella.picture("staff-closed").is_sound()


def _picture(name: str) -> Path:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS / f"{name}.png"
