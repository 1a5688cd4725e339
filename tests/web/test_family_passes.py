"""A family's passes: seen on sale, bought from the wallet or at the provider, named in the cart, and their uses."""

import time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import expect

from engine.actor import Actor
from models import ActorKind, WalletEntryKind
from tests.web.conftest import Centre, Somebody
from tests.web.test_family_booking import ROSSI, family_class, pay_at_sandbox
from tests.web.test_family_forms import WAY, Tab, enter, fill, submission
from tests.web.test_family_wallet import top_up
from web.labels import WALLET_ENTRY
from workflows import passes
from workflows.passes import Offer

ADMIN = Actor(ActorKind.ADMIN, None)


def on_sale(centre: Centre, name: str, **terms: Any) -> UUID:
    offer = Offer(**{"name": name, "price_minor": 9000, "validity_days": 180, "units": 10, **terms})
    made: UUID = centre.edit(passes.declare, offer=offer, actor=ADMIN, now=centre.clock.now())
    return made


def test_every_movement_of_a_wallet_has_its_words() -> None:
    assert set(WALLET_ENTRY) == set(WalletEntryKind)


class TestBuying:
    @pytest.mark.parametrize(("size", "scripts"), [("phone", False), ("desktop", True)])
    def test_from_the_wallet_and_it_covers_what_is_in_the_cart(
        self, centre: Centre, signed_in: Somebody, size: str, scripts: bool
    ) -> None:
        name = f"Ten times, {size}"
        product = on_sale(centre, name, validity_days=180 if scripts else 200)  # the later one ends first
        top_up(centre, "90.00")
        rosa = signed_in(ROSSI, size=size, scripts=scripts).open("/family/wallet").click("Passes")
        expect(rosa.page.get_by_role("heading", name="Passes", exact=True)).to_be_visible()
        rosa.picture(f"passes-{size}").fits()

        rosa.click(rosa.page.locator(f'a[href^="/family/passes/on-sale/{product}"]')).reads("In your wallet")
        rosa.picture(f"pass-on-sale-{size}").fits()
        rosa.click("Pay from wallet").reads("The pass is yours.")
        rosa.reads("10 of 10 left")
        rosa.reads("Not used yet")
        rosa.fits()
        assert "Pass purchase" in rosa.open("/family/wallet").text

        with enter(centre) as client:
            tab = Tab(client, client.get("/family"))
            fill(tab, centre, family_class(centre, f"Covered {size}", hour=8 + 2 * scripts))
        rosa.open("/family/cart").reads("covered by PS-")
        rosa.page.locator("details.more summary").first.click()
        rosa.reads("Pass: Ten times")
        rosa.picture(f"cart-with-pass-{size}").is_sound()
        with enter(centre) as client:
            tab = Tab(client, client.get("/family"))
            action = submission(tab)
            client.post(action, data={**tab.hidden(action), **WAY})

        rosa.open("/family/passes").reads("9 of 10 left")
        rosa.click(name).reads(f"Covered {size}")
        rosa.reads("1 unit")
        rosa.picture(f"pass-used-{size}").fits()

    def test_at_the_provider(self, centre: Centre, signed_in: Somebody) -> None:
        product = on_sale(centre, "As often as wanted", units=None, price_minor=200_000)
        rosa = signed_in(ROSSI, size="phone", scripts=False).open(f"/family/passes/on-sale/{product}")
        assert rosa.page.get_by_role("button", name="Pay from wallet").count() == 0
        rosa.reads("short")

        rosa.click("Continue to payment")
        pay_at_sandbox(rosa)
        rosa.page.wait_for_url(lambda url: url.startswith(rosa.base))
        for _ in range(240):
            if "As often as wanted" in rosa.page.get_by_role("region", name="Yours").inner_text():
                break
            time.sleep(0.25)
            rosa.page.reload()

        assert "Unlimited use" in rosa.page.get_by_role("region", name="Yours").inner_text()


class TestRefusals:
    def test_are_said_at_their_field_and_nothing_is_bought(self, centre: Centre) -> None:
        product = on_sale(centre, "Refused")
        address = f"/family/passes/on-sale/{product}"
        with enter(centre, "chen@family.example") as client:
            tab = Tab(client, client.get(address))
            past = tab.send(address, {"pay": "wallet", "valid_from": "2020-01-01"}, action=address)
            none = tab.send(address, {"pay": "wallet", "valid_from": "soon"}, action=address)
            poor = tab.open(address).send(address, {"pay": "wallet"}, action=address)
            centre.edit(passes.withdraw, product_id=product, actor=ADMIN, now=centre.clock.now())
            gone = tab.send(address, {"pay": "wallet"}, action=address)
            shown = client.get("/family/passes").text
            rossi = client.get(f"/family/passes?account={centre.sample.rossi.account_id}")

        assert (past.status_code, "from today on" in past.text) == (422, True)
        assert none.status_code == 422
        assert poor.status_code == 409
        assert (gone.status_code, "is no longer on sale" in gone.text) == (409, True)
        assert "No passes yet" in shown
        assert rossi.status_code == 404

    def test_another_familys_pass_is_not_found(self, centre: Centre) -> None:
        product = on_sale(centre, "Of the Rossis")
        top_up(centre, "90.00")
        made = centre.edit(
            passes.buy, account_id=centre.sample.rossi.account_id, product_id=product,
            actor=ADMIN, now=centre.clock.now(),
        )  # fmt: skip
        with enter(centre, "chen@family.example") as client:
            assert client.get(f"/family/passes/{made}").status_code == 404


class TestTakenBack:
    def test_finance_takes_one_back_and_both_see_when_why_and_what_went_back(self, centre: Centre) -> None:
        account = centre.sample.rossi.account_id
        product = on_sale(centre, "Taken back one day", tax_name="HST", tax_percent=Decimal(13))
        made = centre.edit(passes.buy_by_hand, account_id=account, product_id=product, provider="cash",
                           reason="at the desk", actor=ADMIN, now=centre.clock.now())  # fmt: skip
        action = f"/finance/passes/{made}/revocation"
        with enter(centre, "finance@centre7.example") as client:
            tab = Tab(client, client.get(f"/finance/families/{account}/passes"))
            assert f"/finance/passes/{made}" in tab.page.text
            assert client.get(f"/finance/families/{account}").text.count(f"/finance/families/{account}/passes") == 1
            unsaid = tab.open(f"/finance/passes/{made}").send(action, {"reason": " "}, action=action)
            before = tab.text(tab.open(f"/finance/passes/{made}").page)
            office = tab.text(tab.send(action, {"reason": "A double sale", "is_muted": "yes"}, action=action))
        with enter(centre) as client:
            family = Tab(client, client.get(f"/family/passes/{made}"))
            told = family.text(family.page)
            listed = client.get("/family/passes").text

        assert unsaid.status_code == 422
        assert "$90.00 will be returned to the wallet" in before
        assert "Pass cancelled and refunded." in office
        for page in (office, told):
            assert "A double sale" in page
            assert "includes $10.35 tax" in page
        assert "Cancel pass" not in office
        assert "Cancelled" in listed
        assert not centre.rows("SELECT id FROM outbox_message WHERE organisation_id = %(org)s "
                               "AND topic = 'pass.revoked' AND payload->>'entitlement_id' = %(id)s",
                               id=str(made))  # fmt: skip
