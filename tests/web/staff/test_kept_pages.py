"""A page that stands in for an answer says so, says what became of what was sent, and gives way to the answer."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.engine.later import until
from tests.web.conftest import Centre
from tests.web.staff.rolls import make_roll, picture_file, tap, wait_until_sent
from tests.web.staff.tablets import Server, Tablet, is_kept

HERE = "SELECT id FROM staff_presence WHERE left_at IS NULL"


@pytest.fixture
def page(tablet: Callable[[str], Tablet], server: Server) -> Iterator[Page]:
    """Today, on a tablet that has laid in all that Today leads to."""
    one = tablet("one")
    page = one.open(one.sign_in(), "/staff")
    for address in ("/staff/signatures", "/staff/offline"):
        until(lambda address=address: is_kept(page, server.url + address), seconds=60)  # type: ignore[misc]
    yield page
    server.holds = server.loses = ""  # nobody waits for it when the server is killed


def standing_in(page: Page) -> str:
    """What a kept page says of itself."""
    notice = page.locator(".standing-in")
    notice.wait_for()
    return notice.inner_text()


class TestAnAnswerThatIsSlow:
    def test_to_a_form_is_not_taken_for_the_page_that_stands_in_for_it(
        self, centre: Centre, server: Server, page: Page
    ) -> None:
        server.holds = "GET"
        page.get_by_role("button", name="I'm here").click()

        said = standing_in(page)
        assert "What you sent has arrived." in said
        assert "The network is slow. This is the saved page of" in said
        assert centre.rows(HERE)
        expect(page.get_by_role("button", name="I'm here")).to_be_visible()  # the old page
        page.screenshot(path=picture_file("staff-kept-slow"), full_page=True)

        server.holds = ""
        page.get_by_text("You're on site.").wait_for()
        expect(page.locator(".standing-in")).to_be_hidden()
        page.get_by_role("button", name="I'm leaving").click()
        page.get_by_text("You've left the site.").wait_for()

    def test_changes_no_page_under_the_hands_of_who_works_on_it(
        self, centre: Centre, server: Server, page: Page
    ) -> None:
        roll = make_roll(centre, 2, name="Slow")
        page.goto(server.url + roll.address)
        until(lambda: is_kept(page, server.url + roll.address), seconds=60)
        server.holds = "GET"
        page.reload()
        assert "The network is slow." in standing_in(page)
        tap(page, "Child 01", "Present")
        counted = page.get_by_label("Children counted in the room")
        counted.fill("1")

        server.holds = ""
        wait_until_sent(page)
        page.wait_for_timeout(2500)  # it would have changed by now
        expect(counted).to_have_value("1")
        page.get_by_role("button", name="Save headcount", exact=True).click()
        expect(page.locator(".standing-in")).to_be_hidden()
        assert roll.statuses() == {"Child 01": "PRESENT", "Child 02": "EXPECTED"}

    def test_that_never_comes_is_no_network(self, server: Server, page: Page) -> None:
        server.holds = "GET"
        page.reload()
        assert "The network is slow." in standing_in(page)

        server.loses, server.holds = "GET", ""
        expect(page.locator(".standing-in")).to_contain_text("the centre doesn't answer. This is the saved page")
        server.loses = ""
        expect(page.locator(".standing-in")).to_be_hidden()

    def test_that_comes_after_somebody_signed_out_is_kept_no_more(self, server: Server, page: Page) -> None:
        server.holds = "GET"
        page.evaluate("() => { fetch('/staff'); }")
        until(lambda: server.waiting > 0, seconds=60)
        page.evaluate("document.querySelector('form[action=\"/sign-out\"]').requestSubmit()")
        page.get_by_text("You've signed out.").wait_for()
        until(lambda: page.evaluate("caches.has('termbook-staff')") is False, seconds=60)

        server.holds = ""
        until(lambda: server.waiting == 0, seconds=60)
        page.wait_for_timeout(1000)  # it would have been kept by now
        assert page.evaluate("caches.has('termbook-staff')") is False


class TestACentreThatDoesNotAnswer:
    """The device believes that it has a network, and nothing is unsent."""

    def test_shows_what_is_kept_and_says_that_it_is(self, centre: Centre, server: Server, page: Page) -> None:
        roll = make_roll(centre, 1, name="Silent")
        page.goto(server.url + roll.address)
        until(lambda: is_kept(page, server.url + roll.address), seconds=60)
        server.kill()

        page.reload()
        assert "the centre doesn't answer. This is the saved page of" in standing_in(page)
        expect(page.locator("#sending")).to_contain_text("Offline")
        page.screenshot(path=picture_file("staff-kept-roll"), full_page=True)
        page.get_by_role("link", name="Missing signatures").first.click()
        expect(page.get_by_role("heading", name="Missing signatures")).to_be_visible()
        assert "This is the saved page" in standing_in(page)

        server.start()
        expect(page.locator(".standing-in")).to_be_hidden()
        page.goto(server.url + roll.address)
        expect(page.locator(".standing-in")).to_be_hidden()

    def test_roll_that_stands_in_becomes_the_true_one(self, centre: Centre, server: Server, page: Page) -> None:
        roll = make_roll(centre, 1, name="True again")
        page.goto(server.url + roll.address)
        until(lambda: is_kept(page, server.url + roll.address), seconds=60)
        server.kill()
        page.reload()
        standing_in(page)

        server.start()
        expect(page.locator(".standing-in")).to_be_hidden()
        expect(page.locator("#sending")).to_have_text("All sent")

    def test_has_a_page_of_ours_for_what_is_not_kept(self, centre: Centre, server: Server, page: Page) -> None:
        roll = make_roll(centre, 1, name="Not kept")  # after Today was laid in
        server.kill()

        page.goto(server.url + roll.address)
        expect(page.get_by_role("heading", name="No connection")).to_be_visible()
        page.screenshot(path=picture_file("staff-no-connection"), full_page=True)
        server.start()
        expect(page.get_by_role("heading", name="Not kept")).to_be_visible()

    def test_is_said_to_who_presses_a_button_and_nothing_is_left(self, server: Server, page: Page) -> None:
        server.kill()

        page.get_by_role("button", name="I'm here").click()
        expect(page.locator("#told")).to_contain_text("The centre doesn't answer, so nothing was sent.")
        page.evaluate("document.querySelector('form[action=\"/sign-out\"]').requestSubmit()")
        expect(page.get_by_role("heading", name="Today")).to_be_visible()

    def test_whose_answer_to_a_form_is_lost_leads_back_and_says_so(self, server: Server, page: Page) -> None:
        server.loses = "POST"
        page.get_by_role("button", name="I'm here").click()

        assert "No answer came to what you sent: it may not have arrived." in standing_in(page)
        assert page.url == f"{server.url}/staff"
        page.screenshot(path=picture_file("staff-form-lost"), full_page=True)

    def test_takes_no_tap_unseen_that_came_before_the_scripts_of_a_roll(
        self, centre: Centre, tablet: Callable[[str], Tablet]
    ) -> None:
        """The browser sends such a tap as a form, which nothing on the page keeps."""
        roll, one = make_roll(centre, 1, name="Too soon"), tablet("soon")
        page = one.at_roll(roll)

        one.has_network(False)
        page.evaluate("HTMLFormElement.prototype.submit.call(document.querySelector('form[data-mark]'))")

        assert "No answer came to what you sent: it may not have arrived." in standing_in(page)
        assert page.url.endswith(roll.address)
        tap(page, "Child 01", "Present")
        one.has_network(True)
        wait_until_sent(page)
        assert roll.statuses() == {"Child 01": "PRESENT"}
