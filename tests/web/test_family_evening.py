"""In the evening the day in Toronto is not the machine's, which counts in UTC: pages and API go by the centre's."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from models import Role
from tests.web.conftest import PEOPLE, Centre
from tests.web.test_family_booking import FIRST
from tests.web.test_family_forms import Tab, booked, enter

TODAY = str(FIRST.date())


@pytest.fixture(scope="module")
def evening(centre: Centre) -> Iterator[Tab]:
    """Half past eight on the day of a class that begins at nine; in UTC it is tomorrow."""
    with enter(centre) as client:
        tab = Tab(client, client.get("/family"))
        booked(tab, centre, "Under the stars", count=1, hour=21)
        centre.clock.move(FIRST.replace(hour=20, minute=30) - centre.clock.now())  # type: ignore[attr-defined]
        assert centre.clock.now().date() == FIRST.date() + timedelta(days=1)
        yield tab


def test_tonights_class_comes_next(evening: Tab) -> None:
    assert "Under the stars" in evening.text(evening.client.get("/family"))


def test_a_statement_ends_today(centre: Centre, evening: Tab) -> None:
    printed = evening.client.get("/family/documents/statement")
    told = evening.client.get(f"/accounts/{centre.sample.rossi.account_id}/statement",
                              headers={"Accept": "application/json"})  # fmt: skip

    assert TODAY in printed.headers["content-disposition"]
    assert told.json()["period_until"] == TODAY


@pytest.mark.usefixtures("evening")
def test_an_invoice_run_reaches_today(centre: Centre) -> None:
    with enter(centre, PEOPLE[Role.FINANCE]) as client:
        told: httpx.Response = client.get("/invoice-runs/preview", headers={"Accept": "application/json"})

    assert told.json()["through"] == TODAY
