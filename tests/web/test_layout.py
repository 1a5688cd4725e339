"""What stands on a page stays where it is once it is shown, and the navigation fits the smallest phone."""

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from playwright.sync_api import Browser

from models import Role
from tests.web.browsing import person, signed_in_as
from tests.web.conftest import PEOPLE, Centre
from tests.web.staff.rolls import make_roll
from tests.web.test_family_forms import enter
from web.portals import PORTALS


@pytest.fixture(scope="module")
def clients(centre: Centre) -> Iterator[dict[str, httpx.Client]]:
    """One of each door, signed in."""
    with ExitStack() as stack:
        yield {email: stack.enter_context(enter(centre, email)) for email in PEOPLE.values()}


# The pages on which people spend their time.
MAIN_PAGES = {
    Role.FAMILY: ("", "/programs", "/week", "/cart", "/bookings", "/bookings?show=calendar", "/children", "/wallet",
                  "/documents", "/passes"),
    Role.STAFF: ("", "/signatures"),
    Role.ADMIN: ("", "/families", "/orders", "/bookings", "/queues", "/programme", "/offerings", "/occupancy", "/rules",
                 "/discounts", "/promo-codes"),
    Role.FINANCE: ("", "/invoices", "/payments", "/bank", "/reports", "/refunds", "/debits"),
}  # fmt: skip
SHIFT = """new Promise(done => {
  let sum = 0;
  new PerformanceObserver(list => list.getEntries().forEach(entry => sum += entry.value))
    .observe({type: "layout-shift", buffered: true});
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(sum), 80)));
})"""
CUT_OFF = """() => [...document.querySelectorAll(".nav a")].filter(link => {
  const words = link.querySelector("span").getBoundingClientRect(), around = link.getBoundingClientRect();
  return words.height > 34 || words.left < around.left - 1 || words.right > around.right + 1
    || around.left < 0 || around.right > innerWidth || around.bottom > innerHeight;
}).map(link => link.innerText)"""


@pytest.mark.parametrize("size", ["phone", "desktop"])
@pytest.mark.parametrize("role", MAIN_PAGES, ids=lambda role: role.value)
def test_nothing_moves_once_a_page_is_shown(
    browser: Browser, centre: Centre, clients: dict[str, httpx.Client], role: Role, size: str
) -> None:
    home, shifts = PORTALS[role].home, {}
    with person(browser, centre.url, size=size) as found:
        signed_in_as(found, clients[PEOPLE[role]])
        pages = [f"{home}{path}" for path in MAIN_PAGES[role]]
        if role is Role.STAFF:
            pages.append(make_roll(centre, 12, name=f"Still {size}").address)
        for path in pages:
            found.open(path)
            shifts[path] = found.page.evaluate(SHIFT)
            found.fits()

    assert len(shifts) == len(pages)
    assert {path: shift for path, shift in shifts.items() if shift >= 0.01} == {}


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("role", MAIN_PAGES, ids=lambda role: role.value)
def test_the_navigation_fits_the_smallest_phone(
    browser: Browser, centre: Centre, clients: dict[str, httpx.Client], role: Role, language: str
) -> None:
    with person(browser, centre.url, size="small phone", locale=f"{language}-CA") as found:
        signed_in_as(found, clients[PEOPLE[role]]).open(PORTALS[role].home)
        last = found.page.locator(".nav a").last

        assert found.page.locator("html").get_attribute("lang") == f"{language}-CA"
        assert found.page.evaluate(CUT_OFF) == []
        found.picture(f"nav-{role.value}-{language}")
        wanted = last.get_attribute("href")
        last.click()
        found.page.wait_for_url(f"**{wanted}")
        found.fits()
