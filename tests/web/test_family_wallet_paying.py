"""A family pays bookings out of its wallet: whole, or as far as it goes and the rest another way."""

import re
import time
from collections.abc import Iterator

import pytest

from tests.web.conftest import Centre, Somebody
from tests.web.test_family_booking import ROSSI, family_class
from tests.web.test_family_forms import WAY, Tab, booked, enter, fill, submission
from tests.web.test_family_owed import order_of
from tests.web.test_family_wallet import top_up


@pytest.fixture
def tab(centre: Centre) -> Iterator[Tab]:
    with enter(centre) as client:
        yield Tab(client, client.get("/family"))


def held(tab: Tab, centre: Centre, name: str, *, hour: int, children: int = 1) -> str:
    """The page where a session for each child is held and waits to be paid; each costs 10.50."""
    address = family_class(centre, name, hour=hour)
    fill(tab, centre, address)
    if children == 2:
        session = re.findall(r'name="pick" value="([^"]+)"', tab.open(address).page.text)
        first, other = (next(box for box in session if box.startswith(str(child)))
                        for child in centre.sample.rossi.attendee_ids[:2])  # fmt: skip
        tab.send(address, {"pick": [first, other], "do": "keep"})
    action = submission(tab)
    return str(tab.client.post(action, data={**tab.hidden(action), **WAY}).headers["location"])


def available(centre: Centre) -> int:
    (row,) = centre.rows(
        "SELECT coalesce(sum(balance_minor), 0)::bigint AS minor FROM wallet "
        "WHERE organisation_id = %(org)s AND id = %(id)s", id=centre.sample.rossi.account_id,
    )  # fmt: skip
    return int(row["minor"])


def fill_up(centre: Centre, minor: int) -> None:
    """Put in what is missing of this much."""
    missing = minor - available(centre)
    assert missing >= 0
    if missing:
        top_up(centre, f"{missing / 100:.2f}")


class TestWhereOnePays:
    def test_an_empty_wallet_says_so_and_pays_nothing(self, centre: Centre, tab: Tab) -> None:
        where = held(tab, centre, "Empty", hour=8)
        shown = tab.text(tab.client.get(where))

        refused = tab.text(tab.client.post(f"{where}/wallet-payment", data=tab.any_token()))

        assert "Your wallet is empty." in shown
        assert "wallet-payment" not in tab.open(where).page.text
        assert "There is nothing in the wallet of" in refused
        assert "Your places are held" in refused

    def test_what_it_holds_goes_first_and_comes_back_where_the_places_are_given_back(
        self, centre: Centre, tab: Tab
    ) -> None:
        fill_up(centre, 400)
        where = held(tab, centre, "In part", hour=9)
        action = f"{where}/wallet-payment"

        shown = tab.text(tab.client.get(where))
        part = tab.text(tab.send(action, {}, action=action))
        left = available(centre)
        tab.text(tab.send(f"{where}/reopening", {}, action=f"{where}/reopening"))

        assert "Use $4.00 from your wallet first" in shown
        assert "Already paid −$4.00" in part
        assert "Due now $6.50" in part
        assert left == 0
        assert available(centre) == 400

    def test_the_rest_is_paid_by_card(self, centre: Centre, tab: Tab) -> None:
        fill_up(centre, 400)
        where = held(tab, centre, "Both", hour=10)
        action, by_card = f"{where}/wallet-payment", f"{where}/payment"
        tab.text(tab.open(where).send(action, {}, action=action))

        centre.sandbox.visit(tab.send(by_card, {}, action=by_card).headers["location"])
        for _ in range(240):
            if "You're booked" in (shown := tab.text(tab.client.get(where))):
                break
            time.sleep(0.25)

        assert "You're booked" in shown
        paid = centre.rows(
            "SELECT provider, amount_minor FROM payment WHERE organisation_id = %(org)s AND status = 'SUCCESS' AND "
            "order_id IN (SELECT order_id FROM group_order_member WHERE organisation_id = %(org)s "
            "AND group_order_id = %(id)s) ORDER BY amount_minor", id=where.rpartition("/")[2],
        )  # fmt: skip
        assert paid == [{"provider": "wallet", "amount_minor": 400}, {"provider": "sandbox", "amount_minor": 650}]

    def test_two_children_are_booked_out_of_it_at_once(self, centre: Centre, tab: Tab) -> None:
        fill_up(centre, 2500)
        where = held(tab, centre, "Whole", hour=11, children=2)
        action = f"{where}/wallet-payment"
        given = tab.open(where).hidden(action)

        done = tab.text(tab.client.post(action, data=given))
        again = tab.text(tab.client.post(action, data=given))

        assert "You're booked" in done
        assert "You're booked" in again
        assert available(centre) == 400

    def test_what_is_owed_is_paid_out_of_it_as_well(self, centre: Centre, tab: Tab) -> None:
        fill_up(centre, 500)
        booking = booked(tab, centre, "Owed from the wallet", hour=12)
        action = f"/family/orders/{order_of(centre, booking)}/wallet-payment"

        part = tab.text(tab.open(booking).send(action, {}, action=action))
        fill_up(centre, 550)
        tab.text(tab.open(booking).send(action, {}, action=action))

        assert "Balance due $5.50 , due by" in part
        assert "Balance due" not in tab.text(tab.client.get(booking))
        assert available(centre) == 0

    def test_in_french(self, centre: Centre, tab: Tab) -> None:
        where = held(tab, centre, "En français", hour=13)

        refused = tab.client.post(
            f"{where}/wallet-payment", data=tab.any_token(), headers={"Accept-Language": "fr"}
        )  # fmt: skip

        assert "Votre portefeuille est vide." in tab.text(refused)
        assert "There is nothing" not in tab.text(refused)

    @pytest.mark.parametrize(("size", "scripts"), [("phone", False), ("desktop", True)])
    def test_is_read_and_pressed(self, centre: Centre, signed_in: Somebody, size: str, scripts: bool) -> None:
        fill_up(centre, max(300, available(centre)))
        with enter(centre) as client:
            tab = Tab(client, client.get("/family"))
            where = held(tab, centre, f"Pressed {size}", hour=14 + scripts)
        rosa = signed_in(ROSSI, size=size, scripts=scripts).open(where).picture(f"hold-wallet-{size}").fits()

        rosa.click(rosa.page.get_by_role("button", name=re.compile("from your wallet first")))

        assert rosa.reads("Already paid")
        rosa.picture(f"hold-wallet-part-{size}").is_sound()
        rosa.click("Release my places").reads("There is nothing to pay")
