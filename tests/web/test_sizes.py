"""The main flows of all four doors on a phone, a tablet and a desktop, each with and without scripts.

Every page on the way fits its screen, and what was done stands in the database. One browser serves them all; people are
signed in before they come, since the sign-in has tests of its own.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from engine.database import Transaction
from models import ProgramCategory, Role
from tests import builders as build
from tests.builders import TORONTO
from tests.web.browsing import Person, person
from tests.web.conftest import SLUG, Centre
from tests.web.test_admin import build as build_by_hand
from tests.web.test_every_page import PEOPLE
from tests.web.test_family_booking import all_of, pay_at_sandbox, until_booked
from tests.web.test_family_forms import WAY, Tab, enter, fill, sessions_of, submission
from tests.web.test_staff import make_roll, row_of, tap, wait_until_sent
from web.portals import PORTALS

CHEN = "chen@family.example"
MONDAY = datetime(2026, 6, 1, tzinfo=TORONTO)
WAYS = [(size, scripts) for size in ("phone", "tablet", "desktop") for scripts in (True, False)]


@dataclass
class Way:
    """A size of screen, with scripts or without; each has hours of its own, so that no child is in two places."""

    size: str
    scripts: bool

    @property
    def name(self) -> str:
        return f"{self.size}-{'scripts' if self.scripts else 'plain'}"

    def at(self, day: int) -> datetime:
        """An hour of this way on a day of the week, 0 is Monday."""
        return MONDAY + timedelta(days=day, hours=6 + 2 * WAYS.index((self.size, self.scripts)))


@pytest.fixture(params=WAYS, ids=lambda each: f"{each[0]}-{'scripts' if each[1] else 'plain'}")
def way(request: pytest.FixtureRequest) -> Way:
    return Way(*request.param)


@pytest.fixture(scope="module")
def clients(centre: Centre) -> Iterator[dict[str, httpx.Client]]:
    """Everybody, signed in."""
    with ExitStack() as stack:
        emails = (*PEOPLE.values(), CHEN)
        yield {email: stack.enter_context(enter(centre, email)) for email in emails}


Door = Callable[..., Person]


@pytest.fixture
def door(browser: Browser, centre: Centre, clients: dict[str, httpx.Client], way: Way) -> Iterator[Door]:
    """A browser of this size for somebody: `door(PEOPLE[Role.FAMILY])`; nobody's is a guest's."""
    with ExitStack() as stack:

        def come(email: str = "") -> Person:
            found = stack.enter_context(person(browser, centre.url, size=way.size, scripts=way.scripts))
            return signed_in_as(found, clients[email]) if email else found

        yield come


def signed_in_as(somebody: Person, client: httpx.Client) -> Person:
    """They carry the cookie of that sign-in."""
    held = [{"name": one.name, "value": one.value or "", "url": somebody.base} for one in client.cookies.jar]
    somebody.page.context.add_cookies(held)  # type: ignore[arg-type]
    return somebody


def course(centre: Centre, name: str, *starts: datetime, capacity: int = 12, **columns: Any) -> str:
    """The address of a program for both Rossi children."""

    def make(tx: Transaction) -> str:
        place = tx.row("SELECT * FROM site WHERE organisation_id = %(org)s LIMIT 1")
        during = tx.row("SELECT * FROM term WHERE organisation_id = %(org)s AND %(day)s BETWEEN starts_on AND ends_on "
                        "LIMIT 1", day=starts[0].date())  # fmt: skip
        assert place is not None
        assert during is not None
        kind = build.add(tx, ProgramCategory, name=f"{name}, a kind", program_type=12 if "Camp" in name else 11)
        made = build.offering(
            tx, during, build.program(tx, place, name=name, category=kind), name=name, capacity=capacity,
            **{"modes": ["FULL_TERM", "CASUAL"], "session_price_minor": 1050, **columns},
        )  # fmt: skip
        build.sessions(tx, made, *starts, price_minor=1050, capacity=capacity)
        return f"/family/programs/{made['id']}"

    found: str = centre.edit(make)
    return found


def weekly(first: datetime, count: int) -> list[datetime]:
    return [first + timedelta(weeks=n) for n in range(count)]


def empty_cart(family: Tab) -> None:
    """What was given back lies in the cart again; the next flow begins with an empty one."""
    shown = family.open("/family/cart").page.text
    for action in sorted(set(re.findall(r'action="(/family/cart/[0-9a-f-]+)"', shown))):
        for out in re.findall(r'name="out" value="([^"]+)"', shown):
            family.send(action, {"out": out}, action=action)


def booked_of(centre: Centre, address: str) -> list[dict[str, Any]]:
    """Each booking of the program: how many sessions stand, whether they are paid, and what was invoiced for them."""
    return centre.rows(
        "SELECT t.name, count(*) AS sessions, b.payment_state AS paid, (SELECT sum(i.total_minor) FROM invoice i WHERE "
        "i.organisation_id = b.organisation_id AND i.booking_id = b.id)::bigint AS total_minor FROM term_booking b "
        "JOIN term_booking_line l ON l.organisation_id = b.organisation_id AND l.booking_id = b.id "
        "JOIN attendee t ON t.organisation_id = b.organisation_id AND t.id = b.attendee_id "
        "WHERE b.organisation_id = %(org)s AND l.term_program_set_id = %(id)s AND l.cancelled_at IS NULL "
        "GROUP BY b.organisation_id, b.id, b.payment_state, t.name ORDER BY t.name", id=address.rpartition("/")[2],
    )  # fmt: skip


def test_a_term_is_found_booked_for_two_children_and_paid(centre: Centre, door: Door, way: Way) -> None:
    name = f"Aikido {way.name}"
    address = course(centre, name, *weekly(way.at(0), 2))
    rosa = door(PEOPLE[Role.FAMILY]).open("/family/programs")

    rosa.fits().fill("Search", name)
    rosa.page.get_by_role("button", name="Search").first.click()
    rosa.page.locator(f'a[href="{address}"]').click()
    rosa.fits().tick(all_of(rosa, "Mia")).tick(all_of(rosa, "Leo")).click("Put into the cart")
    rosa.fits().click("Keep my places and go on")
    rosa.fits().click("Pay now")
    pay_at_sandbox(rosa)
    until_booked(rosa)
    rosa.fits()

    assert booked_of(centre, address) == [
        {"name": name, "sessions": 2, "paid": "PAID", "total_minor": 2100} for name in ("Leo Rossi", "Mia Rossi")
    ]  # fmt: skip


def test_a_booking_is_changed_through_its_difference(
    centre: Centre, door: Door, way: Way, clients: dict[str, httpx.Client]
) -> None:
    address = course(centre, f"Judo {way.name}", *weekly(way.at(1), 3))
    family = Tab(clients[PEOPLE[Role.FAMILY]], clients[PEOPLE[Role.FAMILY]].get("/family"))
    fill(family, centre, address)
    action = submission(family)
    later = {**family.hidden(action), "way": "CONFIRM_WITHOUT_PAYMENT"}
    booking = re.search(r'href="(/family/bookings/[0-9a-f-]+)"', family.client.post(
        action, data=later, follow_redirects=True).text)  # fmt: skip
    assert booking
    _, second, _ = sessions_of(centre, address)

    rosa = door(PEOPLE[Role.FAMILY]).open(booking[1])
    rosa.fits().click(rosa.page.locator('a[href$="/change"]').first)
    rosa.fits().tick(rosa.page.locator(f'input[name="keep"][value="{second["id"]}"]'))
    if not way.scripts:
        rosa.click("See what it comes to")
    assert rosa.fits().reads("Pay later, by invoice")
    rosa.tick(rosa.page.locator('input[name="way"][value="CONFIRM_WITHOUT_PAYMENT"]')).click("Make the change")

    assert rosa.fits().reads("Your booking was changed.")
    (booked,) = booked_of(centre, address)
    assert booked == {"name": "Mia Rossi", "sessions": 2, "paid": "OPEN", "total_minor": 2100}


def test_a_holiday_week_is_booked_whole(centre: Centre, door: Door, way: Way) -> None:
    days = [way.at(day) + timedelta(weeks=2) for day in range(5)]
    address = course(centre, f"Camp {way.name}", *days, modes=["CASUAL", "FULL_WEEK"], full_week_price_minor=4000)
    rosa = door(PEOPLE[Role.FAMILY]).open(address)

    rosa.fits().tick(rosa.page.get_by_role("checkbox", name=re.compile("Leo.*full week")).first)
    rosa.click("Put into the cart").fits().tick(rosa.page.locator('input[value="CONFIRM_WITHOUT_PAYMENT"]').first)
    rosa.fits().click(rosa.page.locator('form[action$="/submission"] button.primary').first)

    assert rosa.fits().reads("booked")
    (week,) = booked_of(centre, address)
    assert week == {"name": "Leo Rossi", "sessions": 5, "paid": "OPEN", "total_minor": 4000}


def test_an_offer_of_the_queue_is_taken(
    centre: Centre, door: Door, way: Way, clients: dict[str, httpx.Client]
) -> None:  # fmt: skip
    address = course(centre, f"Wanted {way.name}", way.at(2), capacity=1)
    (session,) = sessions_of(centre, address)
    family, chen = (Tab(clients[email], clients[email].get("/family")) for email in (PEOPLE[Role.FAMILY], CHEN))
    fill(family, centre, address)
    action = submission(family)
    where = family.client.post(action, data={**family.hidden(action), **WAY}).headers["location"]
    queue = f"/family/queue/{session['id']}/{centre.sample.chen.attendee_ids[0]}"
    chen.open(queue).send(queue, {})
    family.open(where).send(f"{where}/reopening", {}, action=f"{where}/reopening")
    empty_cart(family)

    bo = door(CHEN).open("/family")
    bo.fits().click(bo.page.locator('a[href^="/family/offers/"]').first)
    bo.fits().tick(bo.page.locator('input[value="CONFIRM_WITHOUT_PAYMENT"]')).click("Take the place")

    assert bo.fits().reads("The place is yours now.")
    (place,) = booked_of(centre, address)
    assert place == {"name": "Lin Chen", "sessions": 1, "paid": "OPEN", "total_minor": 1050}


def test_a_guest_books_and_pays_without_a_login(centre: Centre, door: Door, way: Way) -> None:
    address = course(centre, f"For guests {way.name}", way.at(3))
    gus = door().open(address.replace("/family/", f"/at/{SLUG}/"))

    gus.fits().tick(gus.page.locator('input[name="pick"]').first)
    gus.fill("Name of the child", "Gil Guest").fill("Date of birth", "2017-05-05")
    gus.fill("Your name", "Gus Guest").fill("E-mail address", f"{way.name}@guest.example").click("Go on")
    gus.fits().click("Keep my places and go on")
    gus.fits().click("Pay now")
    pay_at_sandbox(gus)
    until_booked(gus)
    gus.fits()

    (booked,) = booked_of(centre, address)
    assert booked == {"name": "Gil Guest", "sessions": 1, "paid": "PAID", "total_minor": 1050}


def test_the_office_builds_a_booking(centre: Centre, door: Door, way: Way) -> None:
    office = door(PEOPLE[Role.ADMIN])
    before = centre.rows("SELECT count(*) AS n FROM term_booking WHERE organisation_id = %(org)s")[0]["n"]

    address = build_by_hand(office, centre, family="Chen", child="Lin Chen", sessions=1)
    office.fits().fill("Set window, cut-off and eligibility aside because", "asked by telephone")
    office.page.get_by_role("button", name=re.compile("^Submit")).click()
    form = office.fits().page.locator(f"form[action='{address}/confirmation']")
    form.get_by_label(re.compile("^Reason")).fill("paid at the desk")
    form.get_by_role("button").click()

    assert office.fits().reads("The booking is confirmed")
    after = centre.rows("SELECT count(*) AS n FROM term_booking WHERE organisation_id = %(org)s")[0]["n"]
    assert after == before + 1


def test_finance_matches_a_bank_line(
    centre: Centre, door: Door, way: Way, clients: dict[str, httpx.Client]
) -> None:  # fmt: skip
    family = Tab(clients[PEOPLE[Role.FAMILY]], clients[PEOPLE[Role.FAMILY]].get("/family"))
    fill(family, centre, course(centre, f"By transfer {way.name}", way.at(4)))
    action = submission(family)
    family.client.post(action, data={**family.hidden(action), **WAY})
    (order,) = centre.rows("SELECT id, reference, total_minor FROM term_booking_order WHERE organisation_id = %(org)s "
                           "AND status = 300 ORDER BY id DESC LIMIT 1")  # fmt: skip
    amount = f"{order['total_minor'] / 100:.2f}"
    csv = f"Date,Amount,Description\n2026-03-31,{amount},thank you {way.name}\n".encode()

    finn = door(PEOPLE[Role.FINANCE]).open("/finance/bank")
    finn.fits().page.locator("summary", has_text="Import a file").click()
    finn.page.locator("#file").set_input_files({"name": "march.csv", "mimeType": "text/csv", "buffer": csv})
    finn.fill("Which bank account", "Operating account").click("Import")
    assert finn.fits().reads("1 of 1 lines are new")
    finn.click(finn.page.locator("tr", has_text=f"thank you {way.name}").get_by_role("link"))
    finn.fits().fill("Order", order["reference"])
    finn.page.get_by_role("button", name="Match", exact=True).click()

    assert finn.fits().reads("It is settled.")
    (paid,) = centre.rows("SELECT status, amount_minor FROM payment WHERE organisation_id = %(org)s AND order_id = "
                          "%(id)s", id=order["id"])  # fmt: skip
    assert (paid["status"], paid["amount_minor"]) == ("SUCCESS", order["total_minor"])


def test_the_roll_is_taken(centre: Centre, door: Door, way: Way) -> None:
    roll = make_roll(centre, 3, name=f"Roll {way.name}")
    stella = door(PEOPLE[Role.STAFF]).open("/staff")

    stella.fits().click(stella.page.locator(f'a[href="{roll.address}"]'))
    stella.fits()
    tap(stella.page, "Child 01", "Present")
    tap(stella.page, "Child 02", "Present")
    tap(stella.page, "Child 03", "Absent")
    row_of(stella.page, "Child 03").get_by_role("button", name="Ill Child 03", exact=True).click()
    if way.scripts:
        wait_until_sent(stella.page)

    stella.fits()
    assert roll.statuses() == {"Child 01": "PRESENT", "Child 02": "PRESENT", "Child 03": "ABSENT"}
    assert roll.rows()["Child 03"]["reason"] == "Ill"


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
