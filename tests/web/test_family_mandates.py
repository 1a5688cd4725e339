"""Direct debit as a family's way to pay: the mandate is given on a page, and the cart offers it once it is in force."""

from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import expect

from engine.actor import Actor
from models import ActorKind, RuleSetting, TermBookingConfirmationType
from tests import builders as build
from tests.web.conftest import Centre, Somebody
from tests.web.test_family_booking import ROSSI, family_class
from tests.web.test_family_forms import Tab, enter, fill
from workflows import mandate

OFFICE = Actor(ActorKind.ADMIN, None)
IBAN = "DE89 3704 0044 0532 0130 00"


def debited_class(centre: Centre, name: str, hour: int) -> str:
    """The address of a class that takes direct debits, in two parts."""
    address = family_class(centre, name, hour=hour)
    for rule, value in (("confirmation_types", [how.name for how in TermBookingConfirmationType]),
                        ("instalments", {"count": 2, "every": "MONTH", "first_after_days": 7})):  # fmt: skip
        centre.edit(build.add, RuleSetting, scope="TPS", scope_id=UUID(address.rpartition("/")[2]), name=rule,
                    value=value)  # fmt: skip
    return address


def given(centre: Centre) -> list[dict[str, Any]]:
    return centre.rows("SELECT id, status FROM direct_debit_mandate WHERE organisation_id = %(org)s AND account_id = "
                       "%(id)s AND status IN (100, 200)", id=centre.sample.rossi.account_id)  # fmt: skip


class TestInABrowser:
    @pytest.mark.parametrize(("size", "scripts"), [("phone", False), ("desktop", True)])
    def test_is_given_put_in_force_paid_with_and_withdrawn(
        self, centre: Centre, signed_in: Somebody, size: str, scripts: bool
    ) -> None:
        with enter(centre) as client:
            tab = Tab(client, client.get("/family"))
            fill(tab, centre, debited_class(centre, f"Debited {size}", hour=8 + 3 * scripts))
        rosa = signed_in(ROSSI, size=size, scripts=scripts).open("/family/cart")
        rosa.reads("First, set up a mandate, which lets us collect from your bank account.")
        assert rosa.page.locator('input[value="DIRECT_DEBIT"]').count() == 0
        rosa.picture(f"cart-without-mandate-{size}").is_sound()

        rosa.click("Set up a mandate").fill("Account holder", "Rosa Rossi").fill("IBAN", "DE00 1234")
        rosa.click("Submit mandate").reads("This is not an IBAN")
        assert rosa.page.get_by_label("IBAN").get_attribute("aria-invalid") == "true"
        rosa.picture(f"mandate-refused-{size}").is_sound()
        rosa.fill("IBAN", IBAN).click("Submit mandate").reads("Your mandate has been saved.")
        expect(rosa.page.get_by_text("DE•• •••• 3000", exact=True).first).to_be_visible()
        assert "0532" not in rosa.page.content()
        rosa.picture(f"mandate-waits-{size}").fits()
        rosa.open("/family/cart").reads("The centre is reviewing your mandate")
        rosa.fits()

        (waiting,) = given(centre)
        centre.edit(mandate.activate, mandate_id=waiting["id"], actor=OFFICE, now=centre.clock.now())
        rosa.open("/family/cart").tick(rosa.page.locator('input[value="DIRECT_DEBIT"]'))
        rosa.reads("collect from your bank account")
        rosa.picture(f"cart-with-mandate-{size}").is_sound()
        rosa.click("Hold my places and continue").reads("You're booked")

        rosa.open("/family/mandates").reads("Active")
        rosa.click("Cancel mandate", exact=False).reads("Mandate cancelled")
        rosa.picture(f"mandate-withdrawn-{size}").fits()
        assert given(centre) == []


class TestForms:
    def test_what_is_wrong_is_said_and_nothing_is_kept(self, centre: Centre) -> None:
        address = "/family/mandates"
        with enter(centre, "chen@family.example") as client:
            tab = Tab(client, client.get(address))
            whole = {"holder": "Bo Chen", "iban": IBAN}
            later = tab.send(address, {**whole, "signed_on": "2199-01-01"}, action=address)
            both = tab.send(address, {**whole, "account_number": "1234567"}, action=address)
            nobody = tab.send(address, {"holder": "", "iban": IBAN}, action=address)
            none = tab.send(address, {"holder": "Bo Chen"}, action=address)
            theirs = {**whole, "account": str(centre.sample.rossi.account_id)}
            other = tab.send(address, theirs, action=address)
            kept = client.get(address).text

        assert (later.status_code, "not signed on a day to come" in later.text) == (422, True)
        assert (both.status_code, "not both" in both.text) == (422, True)
        assert nobody.status_code == 422
        assert (none.status_code, "4 to 20 digits" in none.text) == (422, True)
        assert other.status_code == 404
        assert "DE••" not in kept

    def test_one_waits_at_a_time_and_another_familys_is_not_found(self, centre: Centre) -> None:
        address = "/family/mandates"
        with enter(centre, "chen@family.example") as client:
            tab = Tab(client, client.get(address))
            first = {**tab.hidden(address), "holder": "Bo Chen", "bank_code": "00123", "account_number": "1234567"}
            assert client.post(address, data=first).status_code == 303
            again = client.post(address, data={**first, "form_key": "another"})
            (own,) = centre.rows("SELECT id FROM direct_debit_mandate WHERE organisation_id = %(org)s AND account_id = "
                                 "%(id)s", id=centre.sample.chen.account_id)  # fmt: skip
        with enter(centre) as client:
            tab = Tab(client, client.get("/family/children/new"))
            stolen = client.post(f"{address}/{own['id']}/revocation", data=tab.hidden())

        assert (again.status_code, "waits for its activation" in again.text) == (409, True)
        assert stolen.status_code == 404
