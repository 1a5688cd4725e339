"""A family's money: its wallet, and asking something back."""

import re
from datetime import timedelta
from typing import Any

import pytest

from engine.actor import Actor
from models import ActorKind
from tests.web.conftest import Centre, Somebody
from tests.web.test_family_booking import ROSSI, family_class, pay_at_sandbox, until_booked
from tests.web.test_family_forms import Tab, enter, fill, submission
from workflows import refund_request, wallet

OFFICE = Actor(ActorKind.FINANCE, None)


def give(centre: Centre, bonus: str, why: str) -> None:
    centre.edit(
        wallet.give_bonus, account_id=centre.sample.rossi.account_id, amount=bonus, reason=why,
        expires_at=centre.clock.now() + timedelta(days=30), actor=OFFICE, now=centre.clock.now(),
    )  # fmt: skip


def top_up(centre: Centre, amount: str) -> None:
    centre.edit(
        wallet.record_top_up, account_id=centre.sample.rossi.account_id, amount=amount, reason="cash", actor=OFFICE,
        provider="cash", now=centre.clock.now(),
    )  # fmt: skip


class TestWallet:
    @pytest.mark.parametrize(("size", "scripts"), [("phone", False), ("desktop", True)])
    def test_shows_what_it_holds_and_how_it_moved(
        self, centre: Centre, signed_in: Somebody, size: str, scripts: bool
    ) -> None:
        top_up(centre, "42.00")
        give(centre, "5.00", f"Welcome {size}")

        rosa = signed_in(ROSSI, size=size, scripts=scripts).open("/family/wallet")

        assert rosa.reads(f"Welcome {size}")
        assert "use by" in rosa.text
        assert "Topped up" in rosa.text
        rosa.picture(f"wallet-{size}").fits()

    def test_the_first_page_and_the_papers_say_what_it_holds(self, centre: Centre) -> None:
        with enter(centre) as client:
            tab = Tab(client, client.get("/family/wallet"))
            top_up(centre, "7.00")
            give(centre, "0.50", "For the wait")
            available = re.findall(r"\$[\d,.]+", tab.text(client.get("/family/wallet")))[0]

            for page in ("/family", "/family/documents"):
                assert f"In your wallet {available}" in tab.text(client.get(page)), page

    def test_an_amount_that_is_none_is_said_at_its_field(self, signed_in: Somebody) -> None:
        rosa = signed_in(ROSSI, scripts=False).open("/family/wallet")

        rosa.fill("Amount", "a lot").click("Continue to payment")

        assert rosa.page.get_by_label("Amount").get_attribute("aria-invalid") == "true"
        rosa.is_sound()

    def test_another_familys_wallet_is_not_found(self, centre: Centre) -> None:
        with enter(centre) as client:
            chen = centre.sample.chen.account_id

            assert client.get(f"/family/wallet?account={chen}").status_code == 404


def paid_booking(centre: Centre, rosa: Any, name: str, hour: int) -> str:
    """A booking of one session, paid by card."""
    with enter(centre) as client:
        tab = Tab(client, client.get("/family"))
        fill(tab, centre, family_class(centre, name, hour=hour))
        action = submission(tab)
        where = client.post(action, data={**tab.hidden(action), "way": "PAY_NOW_PAY_ALL"}).headers["location"]
    rosa.open(where).click("Pay now")
    pay_at_sandbox(rosa)
    until_booked(rosa)
    (booking,) = centre.rows(
        "SELECT l.booking_id AS id FROM term_booking_line l JOIN term_program_set p ON p.organisation_id = "
        "l.organisation_id AND p.id = l.term_program_set_id WHERE l.organisation_id = %(org)s AND p.name = %(name)s",
        name=name,
    )  # fmt: skip
    return f"/family/bookings/{booking['id']}"


class TestRefund:
    def test_nothing_can_go_back_while_all_is_used_then_it_is_asked_and_decided(
        self, centre: Centre, signed_in: Somebody
    ) -> None:
        rosa = signed_in(ROSSI, size="phone", scripts=False)
        booking = paid_booking(centre, rosa, "Refund requests", 9)
        rosa.open(f"{booking}/refund")
        assert "All that was paid is used by what is booked." in rosa.text
        assert rosa.page.get_by_role("button", name="Request refund").count() == 0
        rosa.picture("refund-nothing-phone").is_sound()

        rosa.open(f"{booking}/cancellation").click("Cancel booking")
        rosa.open(f"{booking}/refund").picture("refund-ask-phone").fits()
        rosa.fill("Why", "We move away").click("Request refund")

        assert rosa.reads("Awaiting decision")
        assert rosa.page.get_by_role("button", name="Request refund").count() == 0
        rosa.picture("refund-waits-phone").is_sound()
        (request,) = centre.rows(
            "SELECT id FROM refund_request WHERE organisation_id = %(org)s AND booking_id = %(id)s",
            id=booking.rpartition("/")[2],
        )
        centre.edit(refund_request.reject, request_id=request["id"], actor=OFFICE, now=centre.clock.now(),
                    note="It was held")  # fmt: skip
        rosa.open("/family/wallet")
        assert "It was held" in rosa.text
        rosa.open(f"{booking}/refund")
        assert rosa.page.get_by_role("button", name="Request refund").count() == 1

    def test_more_than_can_go_back_is_refused_with_what_can(self, centre: Centre, signed_in: Somebody) -> None:
        rosa = signed_in(ROSSI, scripts=False)
        booking = paid_booking(centre, rosa, "Too much", 11)
        rosa.open(f"{booking}/cancellation").click("Cancel booking")

        rosa.open(f"{booking}/refund").fill("Amount", "999").click("Request refund")

        assert rosa.page.get_by_label("Amount").get_attribute("aria-invalid") == "true"
        rosa.picture("refund-too-much-desktop").is_sound()
