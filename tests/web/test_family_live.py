"""Until when one pays, what is left while one ticks, and a price that is old."""

import re
from collections.abc import Iterator

import pytest

from tests.web.conftest import Centre, Somebody
from tests.web.test_family_booking import ROSSI, family_class
from tests.web.test_family_forms import WAY, Tab, enter, fill, sessions_of, submission


@pytest.fixture
def tab(centre: Centre) -> Iterator[Tab]:
    with enter(centre) as client:
        yield Tab(client, client.get("/family"))


class TestWords:
    def test_the_end_of_a_hold_is_a_sentence_with_and_without_scripts(
        self, centre: Centre, tab: Tab, signed_in: Somebody
    ) -> None:
        fill(tab, centre, family_class(centre, "In time", hour=8))
        action = submission(tab)
        where = tab.client.post(action, data={**tab.hidden(action), **WAY}).headers["location"]

        plain = tab.text(tab.client.get(where))
        rosa = signed_in(ROSSI, size="phone").open(where)

        assert re.search(r"Pay by \d+:\d\d.[ap]\.m\. ", plain)
        assert rosa.reads("left)")
        assert re.search(r"Pay by \d+:\d\d.[ap]\.m\. \(\d+:\d\d left\)", rosa.text)
        rosa.picture("hold-counts-phone").is_sound()

    def test_a_deposit_is_not_offered_where_its_rest_is_due_the_same_day(self, centre: Centre, tab: Tab) -> None:
        fill(tab, centre, family_class(centre, "Soon", hour=9))
        soon = tab.open("/family/cart").page.text
        french = tab.client.get("/family/cart", headers={"Accept-Language": "fr"}).text

        assert 'value="PAY_NOW_PAY_DEPOSIT"' not in soon
        assert "The rest of the deposit would be due today as well." in soon
        assert "Le solde après l’acompte serait dû aujourd’hui aussi." in french

    def test_a_deposit_beside_a_program_that_starts_soon_asks_for_one_amount_today(
        self, centre: Centre, tab: Tab
    ) -> None:
        fill(tab, centre, family_class(centre, "In a week", hour=13))
        fill(tab, centre, family_class(centre, "In two months", hour=14), first=6, child=1)

        text = tab.text(tab.open("/family/cart").page)

        assert re.search(r"\.63 now ?, \$7\.87 on Sat, May 9", text), text


class TestWhatIsNotToBeHadAnyMore:
    def test_is_taken_out_of_the_cart_by_one_button(self, centre: Centre, tab: Tab) -> None:
        address = family_class(centre, "Closed meanwhile", hour=15)
        first, second, *_ = sessions_of(centre, address)
        child = centre.sample.rossi.attendee_ids[1]
        tab.open(address).send(address, {"pick": [f"{child}.{one['id']}" for one in (first, second)], "do": "keep"})
        action = submission(tab)
        centre.edit(lambda tx: tx.run("UPDATE term_product SET status = 'CLOSED' WHERE organisation_id = %(org)s "
                                      "AND id = %(id)s", id=first["id"]))  # fmt: skip
        refused = tab.text(tab.client.post(action, data={**tab.hidden(action), **WAY, "best_effort": "yes"}))
        path = action.removesuffix("/submission")
        (form,) = re.findall(
            rf'<form class="actions apart" [^>]*action="{path}">(.*?)</form>', tab.page.text, re.DOTALL
        )

        taken_out = tab.text(tab.client.post(path, data=list_of_fields(form)))

        assert "does not take place" in refused
        assert "Remove the session that isn't available" in refused
        assert "isn't possible yet" not in taken_out
        assert "Closed meanwhile Community Centre 7 · 1 session" in taken_out

    def test_one_session_is_taken_out_of_several(self, centre: Centre, tab: Tab) -> None:
        address = family_class(centre, "One too many", hour=16)
        first, second, *_ = sessions_of(centre, address)
        child = centre.sample.rossi.attendee_ids[1]
        tab.open(address).send(address, {"pick": [f"{child}.{one['id']}" for one in (first, second)], "do": "keep"})
        path = submission(tab).removesuffix("/submission")

        cart = tab.text(tab.client.post(path, data={**tab.hidden(path), "out": f"{child}.{first['id']}"}))

        assert "One too many Community Centre 7 · 1 session" in cart


def list_of_fields(form: str) -> dict[str, list[str]]:
    """The hidden fields of a form."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form):
        found.setdefault(name, []).append(value)
    return found


class TestWhileOneTicks:
    def test_the_places_that_are_left_follow(self, centre: Centre, signed_in: Somebody) -> None:
        address = family_class(centre, "Going fast", hour=10, capacity=4)
        first = sessions_of(centre, address)[0]
        rosa = signed_in(ROSSI).open(address)
        left = rosa.page.locator(f'[data-left="{first["id"]}"]')
        before = left.inner_text()
        with enter(centre, "chen@family.example") as client:
            chen = Tab(client, client.get(address))
            chen.send(address, {"pick": f"{centre.sample.chen.attendee_ids[0]}.{first['id']}", "do": "keep"})
            theirs = submission(chen)
            client.post(theirs, data={**chen.hidden(theirs), **WAY})

        rosa.tick(rosa.page.locator('input[name="pick"]').last)
        left.get_by_text("3 places left").wait_for()

        assert before == "4 places left"
        assert left.locator("span").get_attribute("class") == "badge warn"

    def test_a_price_that_could_not_be_asked_for_says_so(self, centre: Centre, signed_in: Somebody) -> None:
        rosa = signed_in(ROSSI).open(family_class(centre, "No network", hour=11))
        picks = rosa.page.locator('input[name="pick"]')
        no_connection = rosa.page.get_by_text("No connection, so the price may be out of date.")

        rosa.page.context.set_offline(True)
        rosa.tick(picks.nth(0))
        no_connection.wait_for()
        rosa.picture("offering-no-network").is_sound()
        rosa.page.context.set_offline(False)
        rosa.tick(picks.nth(2))
        no_connection.wait_for(state="hidden")
        rosa.page.context.clear_cookies()
        rosa.tick(picks.nth(4))
        rosa.page.get_by_text("The price may be out of date. Please reload the page.").wait_for()

        assert rosa.page.locator("[data-summary]").inner_text().count("2 ×") == 1
