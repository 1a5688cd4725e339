"""Interests at the office are converted several at once: who said it first is served first, and each says why not."""

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from models import TermBookingOrderType
from tests.web.conftest import Centre
from tests.web.flows.ways import MONDAY, built, course
from tests.web.test_admin import OFFICE
from tests.web.test_family_forms import FIELD, Tab, enter

PAGE = "/admin/interests"


@pytest.fixture
def office(centre: Centre) -> Iterator[Tab]:
    with enter(centre, OFFICE) as client:
        yield Tab(client, client.get(PAGE))


def expressed(centre: Centre, name: str, *, day: int) -> list[UUID]:
    """Mia's interest in a course of one place, and Leo's after it."""
    address = course(centre, name, MONDAY + timedelta(days=day, hours=9), capacity=1)
    return [built(centre, address, child=child, to="express", order_type=TermBookingOrderType.EOI) for child in (0, 1)]


def shown(office: Tab) -> list[str]:
    return re.findall(r'name="order" value="([^"]+)"', office.open(PAGE).page.text)


def rows_of(office: Tab, order_id: UUID) -> str:
    """What the list says of one of them."""
    (row,) = [row for row in re.findall(r"<li>.*?</li>", office.page.text, re.S) if f'value="{order_id}"' in row]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row))


def convert(office: Tab, *order_ids: str, **more: str) -> str:
    token = dict(FIELD.findall(office.page.text))
    return office.text(office.client.post(PAGE, data={**token, "order": list(order_ids), **more}))


class TestSeveral:
    def test_who_said_it_first_gets_the_one_place(self, centre: Centre, office: Tab) -> None:
        mia, leo = expressed(centre, "Robotics", day=0)
        ticked = [one for one in shown(office) if one in (str(mia), str(leo))]
        assert ticked == [str(mia), str(leo)]

        said = convert(office, *ticked, best_effort="yes", confirmation_reason="they asked early")

        assert "1 converted, 1 not converted" in said
        assert "Leo Rossi" in rows_of(office, leo)
        assert "Robotics, Mon, Jun 1, 2026, 9:00 a.m.–10:00 a.m. is full" in rows_of(office, leo)
        assert str(mia) not in shown(office)

    def test_what_stands_in_the_way_of_all_stands_beside_whose_it_is(self, centre: Centre, office: Tab) -> None:
        mia, leo = expressed(centre, "Rowing", day=1)
        shown(office)

        said = convert(office, str(mia), str(leo))

        assert "1 of 2 cannot be converted; nothing was." in said
        assert "is full" in rows_of(office, leo)
        assert "is full" not in rows_of(office, mia)
        assert "Rowing" in rows_of(office, mia)  # what it is about
        assert "1 session ·" in rows_of(office, mia)
