"""Every page answers with an order, a booking and an invoice behind it, and none is heavier than it may be."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from billing.reports.catalogue import ReportName
from models import Role
from tests.web.conftest import Centre
from tests.web.test_family_booking import family_class
from tests.web.test_family_forms import Tab, booked, enter, fill
from web.admin.programme import SORTS
from web.portals import PORTALS
from web.site import _ROUTERS

PEOPLE = {Role.FAMILY: "rossi@family.example", Role.STAFF: "staff@centre7.example",
          Role.ADMIN: "admin@centre7.example", Role.FINANCE: "finance@centre7.example"}  # fmt: skip
HEAVIEST = 100_000  # bytes of a page, before the style sheet that is kept for good
NAMES = {"/admin/programme/": SORTS, "/finance/reports/": [name.value for name in ReportName]}


@pytest.fixture(scope="module")
def known(centre: Centre) -> dict[str, Any]:
    """One of everything that the addresses of pages name."""
    with enter(centre) as client:
        tab = Tab(client, client.get("/family"))
        booking = booked(tab, centre, "Everywhere looked at", hour=11).rpartition("/")[2]
        fill(tab, centre, family_class(centre, "In the cart", hour=12))
    (row,) = centre.rows(
        "SELECT b.id AS booking_id, b.order_id, b.account_id, b.attendee_id AS child_id, i.id AS invoice_id, "
        "l.term_product_id AS session_id, l.term_program_set_id AS offering_id, m.group_order_id AS group_id "
        "FROM term_booking b JOIN invoice i ON i.organisation_id = b.organisation_id AND i.booking_id = b.id "
        "JOIN term_booking_line l ON l.organisation_id = b.organisation_id AND l.booking_id = b.id "
        "JOIN group_order_member m ON m.organisation_id = b.organisation_id AND m.order_id = b.order_id "
        "WHERE b.organisation_id = %(org)s AND b.id = %(id)s", id=booking,
    )  # fmt: skip
    return row


def pages_of(role: Role) -> list[str]:
    home = PORTALS[role].home
    every = {route.path for router in _ROUTERS for route in router.routes if "GET" in getattr(route, "methods", ())}
    # What a script asks for is no page; at an address that is a number there are no passkeys to ask for.
    # A photo is none either, and most children have none; the session of this module has no seats.
    pages = {path for path in every if not path.endswith(("/photo", "/seats/{session_id}"))}
    pages -= {f"{home}/passkeys/options"}
    return sorted(path for path in pages if path == home or path.startswith(f"{home}/"))


def filled(path: str, known: dict[str, Any]) -> list[str]:
    """The addresses of a page; none where it is about something that this module does not make."""
    if not set(re.findall(r"\{(\w+)\}", path)) <= {*known, "name"}:
        return []
    names = next((names for start, names in NAMES.items() if path.startswith(start)), [""])
    return [path.format(**known, name=name) for name in names]


@pytest.fixture(scope="module", params=PEOPLE, ids=lambda role: role.value)
def portal(request: pytest.FixtureRequest, centre: Centre) -> Iterator[tuple[Role, httpx.Client]]:
    with enter(centre, PEOPLE[request.param]) as client:
        yield request.param, client


def test_every_page_answers(portal: tuple[Role, httpx.Client], known: dict[str, Any]) -> None:
    role, client = portal
    addresses = [address for path in pages_of(role) for address in filled(path, known)]

    faults = []
    for address in addresses:
        answer = client.get(address, follow_redirects=True)
        size = len(answer.content) if answer.headers["content-type"].startswith("text/html") else 0
        # 422: what is asked in the address is missing, and the page says so.
        if answer.status_code not in (200, 422) or size > HEAVIEST:
            faults.append((address, answer.status_code, size))

    assert len(addresses) > 2
    assert faults == []
