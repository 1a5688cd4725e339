"""What goes wrong between people and their browsers: no mouse, the way back, a name like none, too many at once."""

import re
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from playwright.sync_api import Locator, expect

from api.app import create_app
from samples.sample import PASSWORD
from tests.api.conftest import serving
from tests.web.browsing import Person
from tests.web.conftest import SLUG, Centre, Somebody
from tests.web.test_family_booking import ROSSI, family_class, pay_at_sandbox, until_booked
from tests.web.test_family_forms import FIELD, Tab, empty_cart, enter, pick_of, sessions_of

CHEN = "chen@family.example"
SEND = "Hold my places and continue"


def put_into_cart(person: Person, address: str, child: str) -> Person:
    """The first session of it, for one child."""
    person.open(address)
    person.tick(person.page.locator('input[name="pick"]').and_(person.page.get_by_label(re.compile(child))).first)
    return person.click("Add to cart")


class TestWithTheKeyboardAlone:
    def test_a_class_is_found_booked_and_paid(self, centre: Centre, signed_in: Somebody) -> None:
        address = family_class(centre, "Aikido by keys", hour=8)
        rosa = signed_in(ROSSI).open("/family")
        page = rosa.page

        def to(wanted: Locator) -> None:
            for _ in range(300):
                page.keyboard.press("Tab")
                if wanted.evaluate("one => one === document.activeElement"):
                    return
            raise AssertionError(f"{wanted} is not reached by Tab")

        to(page.get_by_role("main").get_by_role("link", name="Find a program").first)
        page.keyboard.press("Enter")
        page.wait_for_url("**/family/programs")
        to(page.locator(f'a[href="{address}"]'))
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{address}")
        to(page.get_by_role("checkbox", name=re.compile("Mia.*all sessions")))
        page.keyboard.press("Space")
        page.locator("[data-summary] .total").wait_for()
        to(page.get_by_role("button", name="Add to cart"))
        page.keyboard.press("Enter")
        page.wait_for_url("**/family/cart")
        to(page.get_by_role("button", name=SEND))
        page.keyboard.press("Enter")
        page.wait_for_url("**/family/checkout/**")
        to(page.get_by_role("button", name="Pay now"))
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/checkout/" in url and rosa.base not in url)
        to(page.get_by_role("button", name="Pay").first)
        page.keyboard.press("Enter")
        until_booked(rosa)

        assert rosa.title == "You're booked"


class TestTwoTabs:
    def test_the_one_that_is_out_of_date_sends_nothing_and_shows_what_the_other_added(
        self, centre: Centre, signed_in: Somebody
    ) -> None:
        with enter(centre) as client:
            empty_cart(Tab(client, client.get("/family")))
        address = family_class(centre, "In two tabs", hour=18)
        first = put_into_cart(signed_in(ROSSI), address, "Mia")
        second = put_into_cart(replace(first, page=first.page.context.new_page()), address, "Leo")

        first.click(SEND).reads("Your order was not placed")
        shown = first.text
        held = sessions_of(centre, address)[0]["taken"]
        first.click(SEND).reads("Your places are held")
        second.click(SEND).reads("Look under bookings")

        assert "Leo Rossi" in shown
        assert held == 0
        assert sessions_of(centre, address)[0]["taken"] == 2


class TestTheWayBack:
    @pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
    def test_after_paying_nothing_can_be_paid_or_sent_again(
        self, centre: Centre, signed_in: Somebody, scripts: bool
    ) -> None:
        address = family_class(centre, f"Back again {scripts}", hour=7 if scripts else 17)
        rosa = put_into_cart(signed_in(ROSSI, size="phone", scripts=scripts), address, "Mia")
        before = paid_by_rossi(centre)
        rosa.click(SEND).click("Pay now")
        pay_at_sandbox(rosa)
        until_booked(rosa)
        seen = []

        for _ in range(8):
            rosa.page.go_back()
            if not rosa.page.url.startswith(rosa.base):
                continue  # the provider's own page says that it is paid
            seen.append(rosa.path.partition("?")[0])
            expect(rosa.page.get_by_role("button", name=re.compile("^(Pay now|Hold my places)"))).to_have_count(0)
            if rosa.path == "/family":
                break

        assert any(path.startswith("/family/checkout/") for path in seen)
        assert "/family/cart" in seen
        assert paid_by_rossi(centre) == before + 1


def paid_by_rossi(centre: Centre) -> int:
    (found,) = centre.rows("SELECT count(*) AS n FROM payment WHERE organisation_id = %(org)s AND status = 'SUCCESS' "
                           "AND account_id = %(id)s", id=centre.sample.rossi.account_id)  # fmt: skip
    return int(found["n"])


@pytest.fixture
def tab(centre: Centre) -> Iterator[Tab]:
    with enter(centre) as client:
        yield Tab(client, client.get("/family"))


class TestNames:
    def test_of_five_megabytes_gets_a_page_and_changes_nothing(self, centre: Centre, tab: Tab) -> None:
        path = "/family/children/new"
        before = centre.rows("SELECT count(*) AS n FROM attendee WHERE organisation_id = %(org)s")

        answer = tab.open(path).send(path, {"name": "x" * 5_000_000, "date_of_birth": "2018-01-01"})

        assert answer.status_code == 413
        assert "too large" in answer.text
        assert centre.rows("SELECT count(*) AS n FROM attendee WHERE organisation_id = %(org)s") == before

    def test_with_scripts_and_right_to_left_marks_harm_no_page(self, centre: Centre, signed_in: Somebody) -> None:
        name = "<img src=x onerror=alert(1)> \u202eאבג\u2066"
        rosa = signed_in(CHEN).open("/family/children/new")
        rosa.fill("Name", name).fill("Date of birth", "2017-03-04").click("Save")
        assert rosa.reads("has been added")
        address = family_class(centre, "Odd names", hour=13)

        for path in ("/family/children", "/family/programs", address):
            rosa.open(path).fits()
            assert rosa.page.locator("img").count() == 0
        put_into_cart(rosa, address, "<img")
        rosa.page.locator("bdi", has_text="onerror").first.wait_for()
        rosa.picture("cart-odd-name").fits()


class TestLimits:
    def test_a_guest_who_sends_a_form_twice_has_one_cart(self, centre: Centre) -> None:
        address = family_class(centre, "Twice", hour=16).replace("/family/", f"/at/{SLUG}/")
        (first, *_) = sessions_of(centre, address)
        given = {"pick": pick_of(first), "child_name": "Tia Twice", "date_of_birth": "2017-05-05",
                 "name": "Tom Twice", "email": "twice@guest.example"}  # fmt: skip
        with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
            guest = Tab(client, client.get(address))
            answers = [guest.send(address, given) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [303, 303]
        (found,) = centre.rows("SELECT count(*) AS n FROM term_booking_order o JOIN attendee t ON t.id = o.attendee_id "
                               "WHERE t.name = 'Tia Twice'")  # fmt: skip
        assert found["n"] == 1

    def test_guests_cannot_flood_the_centre(self, centre: Centre) -> None:
        address = family_class(centre, "Flooded", hour=15).replace("/family/", f"/at/{SLUG}/")
        (first, *_) = sessions_of(centre, address)
        given = {"pick": pick_of(first), "child_name": "Gil Guest", "date_of_birth": "2017-05-05",
                 "name": "Gus Guest", "email": "flood@guest.example"}  # fmt: skip
        with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
            answers = [Tab(client, client.get(address)).send(address, given) for _ in range(21)]

        assert [answer.status_code for answer in answers] == [303] * 20 + [429]
        assert "Too many attempts to book with this e-mail address" in answers[-1].text


class TestCookies:
    def test_are_bound_to_our_host_and_kept_from_scripts(self, centre: Centre) -> None:
        settings = centre.settings.model_copy(update={"cookie_secure": True})
        app = create_app(settings, database=centre.database, clock=centre.clock, gateways={})
        with serving(app) as url, httpx.Client(base_url=url, headers={"Accept": "text/html"}, timeout=60) as client:
            page = client.get(f"/at/{SLUG}/sign-in")
            # What is for HTTPS only is carried by hand over the loopback.
            carried = {"Cookie": page.headers["set-cookie"].partition(";")[0]}
            token = dict(FIELD.findall(page.text))["form_token"]
            given = {"form_token": token, "email": ROSSI, "password": PASSWORD}
            entered = client.post(f"/at/{SLUG}/sign-in", data=given, headers=carried)
            spoken = {"form_token": token, "language": "fr", "back": "/"}
            french = client.post("/language", data=spoken, headers=carried)

        cookies = [cookie for answer in (page, entered, french) for cookie in answer.headers.get_list("set-cookie")]
        assert len(cookies) >= 3
        for cookie in cookies:
            assert cookie.startswith("__Host-termbook"), cookie
            assert {"secure", "httponly", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}, cookie
            assert "domain" not in cookie.lower()
        assert "max-age" in page.headers["strict-transport-security"]
