"""What lies in a wallet is asked back on its page, by the family or by finance for it, and decided like any request."""

from collections.abc import Iterator

import httpx
import pytest

from tests.web.conftest import Centre
from tests.web.test_family_forms import Tab, enter
from tests.web.test_family_wallet import give, top_up

FINANCE = "finance@centre7.example"


@pytest.fixture
def family(centre: Centre) -> Iterator[Tab]:
    with enter(centre) as client:
        yield Tab(client, client.get("/family"))


@pytest.fixture
def office(centre: Centre) -> Iterator[Tab]:
    with enter(centre, FINANCE) as client:
        yield Tab(client, client.get("/finance"))


def asked(family: Tab, account: object, amount: str) -> httpx.Response:
    page = f"/family/wallet/{account}/refund"
    return family.open(page).send(page, {"amount": amount, "reason": "We move away"})


def test_from_asking_over_a_rejection_to_money_on_its_way(centre: Centre, family: Tab, office: Tab) -> None:
    top_up(centre, "20.00")
    give(centre, "5.00", "Welcome")
    account = centre.sample.rossi.account_id
    assert f"/family/wallet/{account}/refund" in family.open("/family/wallet").page.text

    more = family.text(asked(family, account, "99999"))
    assert "can go the way it was paid now" in more
    assert "Your request has been sent to the centre." in family.text(asked(family, account, "20.00"))
    assert "The centre is reviewing your request" in family.text(family.page)
    assert "From wallet" in family.text(family.client.get("/family/wallet"))

    (request,) = centre.rows("SELECT id, reference FROM refund_request WHERE organisation_id = %(org)s "
                             "AND booking_id IS NULL")  # fmt: skip
    address = f"/finance/refunds/{request['id']}"
    listed = office.text(office.client.get("/finance/refunds"))
    assert request["reference"] in listed
    assert "none (from the wallet)" in listed
    office.open(address).send(f"{address}/rejection", {"note": "Next week"}, action=f"{address}/rejection")
    assert "Next week" in family.text(family.client.get(f"/family/wallet/{account}/refund"))

    again = f"/finance/families/{account}/wallet/refund"
    assert again in office.open(f"/finance/families/{account}/wallet").page.text
    answer = office.open(again).send(again, {"amount": "20.00", "reason": "As said"})
    assert "Refund requested. You can decide it now or later." in office.text(answer)
    assert "Awaiting a decision" in office.text(office.page)
    sent = office.open(address).send(f"{address}/approval", {"note": ""}, action=f"{address}/approval")
    assert "Processing" in office.text(sent)


def test_an_empty_wallet_says_so_and_has_no_form(centre: Centre, office: Tab) -> None:
    account = centre.sample.chen.account_id

    page = office.text(office.client.get(f"/finance/families/{account}/wallet/refund"))

    assert "There is no money in the wallet" in page
    assert "Request refund" not in page


def test_another_familys_wallet_is_not_found(centre: Centre, family: Tab) -> None:
    assert family.client.get(f"/family/wallet/{centre.sample.chen.account_id}/refund").status_code == 404
