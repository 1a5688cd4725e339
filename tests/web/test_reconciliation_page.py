"""Finance compares with the provider on a page: what one side alone knows stands there, and in the file."""

from collections.abc import Iterator

import pytest

from engine.actor import Actor
from models import ActorKind
from tests.web.conftest import Centre
from tests.web.test_family_forms import Tab, enter
from workflows import wallet


@pytest.fixture
def office(centre: Centre) -> Iterator[Tab]:
    with enter(centre, "finance@centre7.example") as client:
        yield Tab(client, client.get("/finance"))


def test_says_what_differs_and_gives_it_as_a_file(centre: Centre, office: Tab) -> None:
    account, now = centre.sample.rossi.account_id, centre.clock.now()
    centre.edit(wallet.start_top_up, account_id=account, amount="12.00", provider="sandbox",
                actor=Actor(ActorKind.FINANCE, None), now=now)  # fmt: skip
    asked = f"provider=sandbox&{{}}from={now:%Y-%m-%d}&{{}}until={now:%Y-%m-%d}"
    assert "Compare" in office.text(office.client.get("/finance/reconciliation"))

    page = office.text(office.client.get(f"/finance/reconciliation?{asked.format('', '')}"))
    file = office.client.get(f"/payment-reconciliation/file?{asked.format('begun_', 'begun_')}")

    assert "Only in our records" in page
    assert "12.00" in page
    heading, *lines = file.text.splitlines()
    assert "Refunded, ours" in heading
    assert "Disputed, provider's" in heading
    assert any(line.startswith("MISSING_THERE") and "12.00" in line for line in lines)


def test_a_period_that_is_none_is_said(office: Tab) -> None:
    answer = office.client.get("/finance/reconciliation?provider=sandbox&from=2026-05-02&until=2026-05-01")

    assert answer.status_code == 422
    assert "Ask for one to 366 days" in office.text(answer)
