"""Passkeys: added, used, renamed and removed in a browser; and everything that is not the key that was asked."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import expect

from api.attempts import Limit
from engine.database import Database
from samples.sample import PASSWORD
from tests.billing.sandbox import Sandbox
from tests.web.browsing import Person
from tests.web.conftest import SLUG, Centre, Somebody, served_centre
from tests.web.device import Device

HTML = {"Accept": "text/html"}
TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
ROSSI, STAFF = "rossi@family.example", "staff@centre7.example"
AT = f"/at/{SLUG}/passkey"


@pytest.fixture(scope="module")
def centre(database_url: str, checked_database: Database, sandbox: Sandbox) -> Iterator[Centre]:
    """Under a name: browsers keep no keys for a number."""
    with served_centre(database_url, checked_database, sandbox, host="localhost") as found:
        yield found


class Browser:
    """Somebody's browser without a window: its cookies, and the token of its forms."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.token = self._token(f"/at/{SLUG}/sign-in")

    def _token(self, path: str) -> str:
        page = self.client.get(path)
        found = TOKEN.search(page.text)
        assert found, page.text
        return found[1]

    def post(self, path: str, **fields: str) -> httpx.Response:
        return self.client.post(path, data={"form_token": self.token, **fields})

    def sign_in(self, email: str) -> "Browser":
        answer = self.post(f"/at/{SLUG}/sign-in", email=email, password=PASSWORD)
        assert answer.status_code == 303, answer.text
        self.token = self._token(answer.headers["location"])
        return self

    def options(self, path: str) -> dict[str, Any]:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        found: dict[str, Any] = answer.json()
        return found

    def add(self, device: Device, home: str = "/family", **client: Any) -> httpx.Response:
        made = device.make(self.options(f"{home}/passkeys/options"), **client)
        return self.post(f"{home}/passkeys", answer=made, label="My telephone")

    def enter(self, answer: str) -> httpx.Response:
        return self.post(AT, answer=answer)


Open = Callable[[], Browser]


@pytest.fixture
def browsing(centre: Centre) -> Iterator[Open]:
    """Opens browsers; all are closed when the test is over."""
    with ExitStack() as stack:
        yield lambda: Browser(stack.enter_context(httpx.Client(base_url=centre.url, headers=HTML, timeout=60)))


@pytest.fixture
def device(centre: Centre) -> Device:
    """A device that was never here, while nobody's attempts are counted yet."""
    for table in ("passkey", "sign_in_attempt"):
        centre.edit(lambda tx, table=table: tx.run(f"DELETE FROM {table} WHERE organisation_id = %(org)s"))
    return Device(centre.url)


@pytest.fixture
def known(browsing: Open, device: Device) -> Device:
    """A device with a passkey of the Rossi family's guardian."""
    added = browsing().sign_in(ROSSI).add(device)
    assert (added.status_code, added.headers["location"]) == (303, "/family/passkeys"), added.text
    return device


def is_refused(answer: httpx.Response) -> bool:
    return answer.status_code == 401 and "set-cookie" not in answer.headers and "passkey" in answer.text


class TestSignIn:
    def test_the_key_leads_home_and_is_counted(self, centre: Centre, browsing: Open, known: Device) -> None:
        browser = browsing()

        answer = browser.enter(known.sign(browser.options(AT)))

        assert (answer.status_code, answer.headers["location"]) == (303, "/family")
        assert browser.client.get("/family").status_code == 200
        (row,) = centre.rows("SELECT sign_count, used_at FROM passkey WHERE key_id = %(id)s", id=known.key_id)
        assert row["sign_count"] == 1
        assert row["used_at"] is not None

    def test_staff_come_to_their_own_pages(self, browsing: Open, device: Device) -> None:
        assert browsing().sign_in(STAFF).add(device, "/staff").status_code == 303
        browser = browsing()

        answer = browser.enter(device.sign(browser.options(AT)))

        assert (answer.status_code, answer.headers["location"]) == (303, "/staff")

    def test_an_answer_counts_once(self, browsing: Open, known: Device) -> None:
        browser, twin, thief = browsing(), browsing(), browsing()
        twin.client.cookies.update(browser.client.cookies)
        twin.token = browser.token
        said = known.sign(browser.options(AT))

        assert browser.enter(said).status_code == 303
        assert is_refused(twin.enter(said)), "the same visit"
        assert is_refused(thief.enter(said)), "another visit"

    def test_a_challenge_stands_for_five_minutes_and_for_its_browser(
        self, centre: Centre, browsing: Open, known: Device
    ) -> None:
        browser, other = browsing(), browsing()
        options = browser.options(AT)

        assert is_refused(other.enter(known.sign(options)))
        centre.clock.move(timedelta(minutes=5))  # type: ignore[attr-defined]
        assert is_refused(browser.enter(known.sign(options)))
        assert browser.enter(known.sign(browser.options(AT))).status_code == 303

    @pytest.mark.parametrize("client", [{"origin": "https://centre7.example"}, {"type": "webauthn.create"}])
    def test_what_was_signed_for_another_page_is_refused(
        self, browsing: Open, known: Device, client: dict[str, Any]
    ) -> None:
        browser = browsing()

        assert is_refused(browser.enter(known.sign(browser.options(AT), **client)))

    def test_a_count_that_goes_back_shows_a_copy(self, browsing: Open, known: Device) -> None:
        browser = browsing()
        known.count = 7
        assert browser.enter(known.sign(browser.options(AT))).status_code == 303
        copy = Device(known.origin, known.key, known.key_id, count=3, owner=known.owner)
        thief = browsing()

        assert is_refused(thief.enter(copy.sign(thief.options(AT))))
        copy.count = 7
        assert is_refused(thief.enter(copy.sign(thief.options(AT)))), "the eighth was here"
        copy.count = 8
        assert thief.enter(copy.sign(thief.options(AT))).status_code == 303

    def test_a_device_that_did_not_look_who_holds_it_is_refused(self, browsing: Open, known: Device) -> None:
        browser = browsing()
        known.verifies = False

        assert is_refused(browser.enter(known.sign(browser.options(AT))))

    def test_another_key_or_another_owner_is_refused(self, browsing: Open, known: Device) -> None:
        browser, stranger = browsing(), Device(known.origin, owner=known.owner)
        forged = Device(known.origin, key_id=known.key_id, owner=known.owner)

        assert is_refused(browser.enter(stranger.sign(browser.options(AT))))
        assert is_refused(browser.enter(forged.sign(browser.options(AT))))
        assert is_refused(browser.enter(known.sign(browser.options(AT), handle=uuid4().bytes)))

    def test_nonsense_is_refused(self, browsing: Open, known: Device) -> None:
        browser = browsing()
        good = json.loads(known.sign(browser.options(AT)))
        bad = [
            "", "{", "[]", "null", "{}", json.dumps({"response": 5}), json.dumps({"response": {"clientDataJSON": "é"}}),
            json.dumps(good | {"rawId": "AAAA"}), json.dumps(good | {"type": "password"}), "x" * 30_000,
            json.dumps(good | {"response": good["response"] | {"authenticatorData": "AAAA"}}),
        ]  # fmt: skip

        assert [is_refused(browser.enter(one)) for one in bad] == [True] * len(bad)

    def test_who_comes_in_is_not_counted(
        self, centre: Centre, browsing: Open, known: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        centre.clock.move(timedelta(minutes=15))
        monkeypatch.setattr("api.passkeys._LIMIT", Limit("sign in", 1, timedelta(minutes=15)))

        answers = []
        for _ in range(3):
            browser = browsing()
            answers.append(browser.enter(known.sign(browser.options(AT))).status_code)

        assert answers == [303] * 3

    def test_attempts_are_counted(self, browsing: Open, device: Device) -> None:
        browser = browsing()

        answers = [browser.enter("{}").status_code for _ in range(31)]

        assert answers == [401] * 30 + [429]

    def test_who_may_not_come_in_any_more_does_not_with_a_key(
        self, centre: Centre, browsing: Open, device: Device
    ) -> None:
        assert browsing().sign_in("chen@family.example").add(device).status_code == 303
        browser = browsing()
        switch = 'UPDATE "user" SET is_active = %(on)s WHERE organisation_id = %(org)s AND email = %(email)s'
        centre.edit(lambda tx: tx.run(switch, on=False, email="chen@family.example"))
        try:
            assert is_refused(browser.enter(device.sign(browser.options(AT))))
        finally:
            centre.edit(lambda tx: tx.run(switch, on=True, email="chen@family.example"))


class TestOwnKeys:
    def test_an_answer_of_another_origin_or_of_another_visit_adds_nothing(
        self, centre: Centre, browsing: Open, device: Device
    ) -> None:
        rossi, other = browsing().sign_in(ROSSI), browsing().sign_in(ROSSI)
        said = device.make(rossi.options("/family/passkeys/options"))

        keys = "/family/passkeys"
        refused = [
            rossi.add(Device(centre.url), origin="http://127.0.0.1"), other.post(keys, answer=said, label="x"),
            rossi.post(keys, answer=said, label=" "), rossi.post(keys, answer="{}", label="x"),
        ]  # fmt: skip

        assert [answer.status_code for answer in refused] == [401, 401, 422, 401]
        assert centre.rows("SELECT 1 FROM passkey WHERE key_id = %(id)s", id=device.key_id) == []

    def test_what_was_asked_at_the_door_adds_no_key(self, browsing: Open, device: Device) -> None:
        rossi = browsing().sign_in(ROSSI)
        asked = rossi.options(AT) | {"user": {"id": "AAAA"}, "rp": {"id": "localhost"}}

        assert rossi.post("/family/passkeys", answer=device.make(asked), label="x").status_code == 401

    def test_another_family_can_neither_rename_nor_remove_it(
        self, centre: Centre, browsing: Open, known: Device
    ) -> None:
        (row,) = centre.rows("SELECT id FROM passkey WHERE key_id = %(id)s", id=known.key_id)
        chen = browsing().sign_in("chen@family.example")

        answers = [chen.post(f"/family/passkeys/{row['id']}", label="mine"),
                   chen.post(f"/family/passkeys/{row['id']}/removal")]  # fmt: skip

        assert [answer.status_code for answer in answers] == [404, 404]
        (row,) = centre.rows("SELECT label FROM passkey WHERE key_id = %(id)s", id=known.key_id)
        assert row["label"] == "My telephone"


def with_device(person: Person) -> Person:
    """A device that keeps passkeys is at hand, and its owner says yes."""
    session = person.page.context.new_cdp_session(person.page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }})  # fmt: skip
    return person


class TestInTheBrowser:
    @pytest.mark.parametrize("size", ["phone", "tablet", "desktop"])
    def test_a_key_is_added_signs_in_and_is_removed(self, device: Device, signed_in: Somebody, size: str) -> None:
        assert device.count == 0, "everybody starts afresh"
        rosa = with_device(signed_in(ROSSI, size=size)).open("/family/passkeys")
        looked_at = rosa.is_sound if size == "phone" else rosa.fits
        rosa.fill("Name", "Rosa’s telephone").click("Add a passkey")
        assert rosa.reads("You can now use it to sign in")
        rosa.picture(f"passkeys-{size}")
        looked_at()

        rosa.page.locator(".menu summary").click()
        rosa.click("Sign out")
        assert rosa.reads("You've signed out")
        rosa.open(f"/at/{SLUG}/sign-in")
        looked_at().click("Sign in with a passkey")
        rosa.page.wait_for_url("**/family")

        rosa.open("/family/passkeys")
        rosa.page.get_by_text("Rename").first.click()
        rosa.page.get_by_label("New name").first.fill("Old telephone")
        rosa.click("Save")
        expect(rosa.page.get_by_text("Old telephone").first).to_be_visible()
        rosa.page.get_by_role("button", name="Remove Old telephone").click()
        assert rosa.reads("It can no longer be used to sign in")

        rosa.open("/family/passkeys")
        rosa.page.locator(".menu summary").click()
        rosa.click("Sign out")
        assert rosa.reads("You've signed out")
        rosa.open(f"/at/{SLUG}/sign-in").click("Sign in with a passkey")
        assert rosa.reads("This passkey is not known here")

    def test_without_scripts_the_other_ways_stay(self, centre: Centre, signed_in: Somebody) -> None:
        rosa = signed_in(ROSSI, size="tablet", scripts=False).open("/family/passkeys")

        assert rosa.reads("Turn on JavaScript")
        rosa.fits()
