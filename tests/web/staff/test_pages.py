"""The door without a browser: what the forms do, and what a page says."""

import re
from collections.abc import Iterator

import httpx
import pytest

from engine.ids import new_id
from samples.sample import PASSWORD
from tests.web.conftest import SLUG, Centre
from tests.web.staff.rolls import STAFF, make_roll


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

        assert "No staff on site" in client.get("/staff").text
        here = self.post(client, "/staff", presence, move="arrive").text
        assert ("re on site." in here, "1 staff on site" in here) == (True, True)
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
