"""Every page that no other test looks at with axe: on a phone by day and on a desktop by night, in one browser."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from billing.reports.catalogue import ReportName
from models import Role
from tests.web.browsing import SIZES, Person, person
from tests.web.conftest import SLUG, Centre
from tests.web.flows.ways import CHEN, empty_cart, signed_in_as
from tests.web.test_every_page import PEOPLE
from tests.web.test_family_booking import family_class
from tests.web.test_family_forms import WAY, Tab, booked, enter, fill, sessions_of, submission
from tests.web.test_family_quotes import quoted
from tests.web.test_finance_bank import came_in
from tests.web.test_office_codes import made
from tests.web.test_staff import make_roll
from web.admin.programme import SORTS
from workflows.registration import registration_link
from workflows.sign_in_links import sign_in_link

FAMILY, OFFICE, FINANCE, STAFF = (PEOPLE[role] for role in (Role.FAMILY, Role.ADMIN, Role.FINANCE, Role.STAFF))
SHADES = (("phone", "light"), ("desktop", "dark"))
NOBODY = ""

# Who looks at what: routes as they are declared, `{a|b}` names what stands for `a`; each has something on it.
PAGES = {
    NOBODY: [
        "/sign-in", "/at/{centre}/programs", "/at/{centre}/programs/{offering_id}", "/at/{centre}/sign-up",
        "/guest/sign-in/{link|sign_in}", "/guest/registration/{link|registration}", "/guest/order/{link|guest}",
    ],
    FAMILY: [
        "/family", "/family/bookings", "/family/bookings?show=calendar&month=2026-04",
        "/family/bookings/{booking_id}/change", "/family/bookings/{booking_id}/cancellation",
        "/family/queue/{session_id|full}/{child_id}", "/family/orders/{order_id|quote}", "/family/documents",
        "/family/children/new", "/family/children/{child_id}/picture", "/family/calendar-feeds",
        "/family/wallet/{account_id}/refund",
    ],
    CHEN: ["/family", "/family/bookings", "/family/offers/{offer_id}"],
    STAFF: ["/staff/passkeys", "/staff/rolls/{session_id|roll}/out/{attendance_id}"],
    OFFICE: [
        "/admin/families/new", "/admin/families/{account_id}/contact", "/admin/families/{account_id}/children/new",
        "/admin/children/{child_id}", "/admin/children/{child_id}/pick-ups", "/admin/orders/{order_id}",
        "/admin/orders/{order_id|cart}/sessions", "/admin/bookings/{booking_id}",
        "/admin/bookings/{booking_id}/cancellation", "/admin/bookings/{booking_id}/closure?last_day=2026-06-30",
        "/admin/queues", "/admin/queues/{session_id|full}",
        *(f"/admin/programme/{name}" for name in SORTS), *(f"/admin/programme/{name}/new" for name in SORTS),
        "/admin/programme/terms/{record_id|term_id}", "/admin/offerings/new", "/admin/reopenings", "/admin/users/new",
        "/admin/consents", "/admin/discounts/new", "/admin/promo-codes/{code}", "/admin/passkeys",
        *(f"/admin/rules/{name}?scope=ORGANISATION" for name in ("auto_cancel_minutes", "order_types", "late_pickup",
                                                                 "payment_reminders", "tax")),
        "/admin/offerings/{offering_id}/activities", "/admin/rolls/{session_id|roll}",
    ],
    FINANCE: [
        "/finance/stuck-orders", "/finance/waiting-wallets", "/finance/families", "/finance/bank/{line_id}",
        "/finance/passkeys", "/finance/families/{account_id}/passes", "/finance/families/{account_id}/wallet/refund",
        "/finance/reconciliation?provider=sandbox&from=2026-03-01&until=2026-03-31",
        *(f"/finance/reports/{name.value}" for name in ReportName),
    ],
}  # fmt: skip
EVERY = [(email, path) for email, paths in PAGES.items() for path in paths]


@pytest.fixture(scope="module")
def known(centre: Centre) -> dict[str, Any]:
    return furnished(centre)


def furnished(centre: Centre) -> dict[str, Any]:
    """What the addresses name: a booking and its invoice, a cart, a quote, a queue and an offer of it, a roll."""
    with enter(centre) as client, enter(centre, CHEN) as other:
        tab, chen = Tab(client, client.get("/family")), Tab(other, other.get("/family"))
        booking = booked(tab, centre, "Booked and looked at", hour=8).rpartition("/")[2]
        quote = quoted(tab, centre, "Quoted and looked at", hour=9).rpartition("/")[2]
        waited = _offered(centre, tab, chen)
        program = family_class(centre, "For everybody", hour=12)
        fill(tab, centre, program)
    (row,) = centre.rows(
        "SELECT b.id AS booking_id, b.order_id, b.account_id, b.attendee_id AS child_id, b.term_id FROM term_booking b "
        "WHERE b.organisation_id = %(org)s AND b.id = %(id)s", id=booking)  # fmt: skip
    (cart,) = centre.rows("SELECT id FROM term_booking_order WHERE organisation_id = %(org)s AND status = 200 LIMIT 1")
    roll = make_roll(centre, 2)
    with enter(centre, OFFICE) as client, enter(centre, FINANCE) as other:
        made(Tab(client, client.get("/admin")), "SOUND")
        line = came_in(Tab(other, other.get("/finance")), "looked at").rpartition("/")[2]
    return {
        "centre": SLUG, **waited, **row, **_links(centre), "cart": cart["id"], "quote": quote,
        "offering_id": program.rpartition("/")[2], "roll": roll.session_id,
        "attendance_id": roll.rows()["Child 01"]["id"], "guest": _guest_order(centre),
        "code": "SOUND", "line_id": line,
    }  # fmt: skip


def _offered(centre: Centre, tab: Tab, chen: Tab) -> dict[str, Any]:
    """A full session that one family waits for, and a place that was offered to another."""
    full = family_class(centre, "Full", capacity=1, hour=10)
    free = family_class(centre, "Free again", capacity=1, hour=11)
    taken = {}
    for address in (full, free):
        fill(tab, centre, address, child=1)
        action = submission(tab)
        taken[address] = tab.client.post(action, data={**tab.hidden(action), **WAY}).headers["location"]
        (session, *_) = sessions_of(centre, address)
        queue = f"/family/queue/{session['id']}/{centre.sample.chen.attendee_ids[0]}"
        chen.open(queue).send(queue, {})
    tab.open(taken[free]).send(f"{taken[free]}/reopening", {}, action=f"{taken[free]}/reopening")
    empty_cart(tab)
    offers = re.findall(r'href="/family/offers/([0-9a-f-]+)"', chen.open("/family").page.text)
    return {"offer_id": offers[0], "full": sessions_of(centre, full)[0]["id"]}


def _links(centre: Centre) -> dict[str, str]:
    """What mails lead to: coming in, and the second half of signing up."""
    known: dict[str, Any] = {"now": centre.clock.now()}
    (rosa,) = centre.rows("""SELECT id FROM "user" WHERE organisation_id = %(org)s AND email = %(email)s""",
                          email=FAMILY)  # fmt: skip
    signed = centre.settings.secret, centre.organisation_id
    return {"sign_in": sign_in_link(*signed, rosa["id"], **known)[0],
            "registration": registration_link(*signed, "rina@new.example", **known)[0]}  # fmt: skip


def _guest_order(centre: Centre) -> str:
    """The signed part of the address of a guest's cart."""
    address = family_class(centre, "For a guest", hour=13).replace("/family/", f"/at/{SLUG}/")
    given = {"pick": str(sessions_of(centre, address)[0]["id"]), "child_name": "Gil Guest",
             "date_of_birth": "2017-05-05", "name": "Gus Guest", "email": "gus@guest.example"}  # fmt: skip
    with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
        guest = Tab(client, client.get(address))
        return guest.send(address, given).headers["location"].rpartition("/")[2]


def address_of(path: str, known: dict[str, Any]) -> str:
    return re.sub(r"\{\w+\|(\w+)\}", r"{\1}", path).format(**known)


@pytest.fixture(scope="module")
def visitors(browser: Browser, centre: Centre) -> Iterator[Callable[[str], Person]]:
    """Everybody at a browser of their own, signed in once."""
    with ExitStack() as stack:

        @cache
        def visitor(email: str) -> Person:
            found = stack.enter_context(person(browser, centre.url))
            return signed_in_as(found, stack.enter_context(enter(centre, email))) if email else found

        yield visitor


@pytest.mark.parametrize(("email", "path"), EVERY, ids=lambda each: each or "nobody")
def test_it_is_sound(visitors: Callable[[str], Person], known: dict[str, Any], email: str, path: str) -> None:
    looking = visitors(email)
    shown = address_of(path, known)

    for size, shade in SHADES:
        width, height = SIZES[size]
        looking.page.set_viewport_size({"width": width, "height": height})
        looking.page.emulate_media(color_scheme=shade)
        if size == SHADES[0][0]:
            answer = looking.page.goto(looking.base + shown)
            assert answer is not None
            assert answer.ok, (shown, looking.text)
        if email in (NOBODY, FAMILY, CHEN):
            looking.picture(f"sound-{re.sub('[^a-z]+', '-', path.strip('/'))}-{size}")
        looking.is_sound()
