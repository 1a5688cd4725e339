"""Back from the provider's page: what became of the payment is said, whatever the provider told by then."""

from collections.abc import Iterator

import pytest

from tests.web.conftest import Centre, Somebody
from tests.web.test_family_booking import ROSSI, family_class, pay_at_sandbox
from tests.web.test_family_forms import WAY, Tab, enter, fill, submission


@pytest.fixture
def tab(centre: Centre) -> Iterator[Tab]:
    with enter(centre) as client:
        yield Tab(client, client.get("/family"))
    centre.sandbox.behave()


def hold(centre: Centre, tab: Tab, name: str, hour: int) -> str:
    """A place that is kept until it is paid; its page."""
    fill(tab, centre, family_class(centre, name, hour=hour))
    action = submission(tab)
    answer = tab.client.post(action, data={**tab.hidden(action), **WAY})
    return answer.headers["location"]


class TestBackFromTheProvider:
    def test_the_page_looks_again_until_it_hears_of_the_payment(
        self, centre: Centre, tab: Tab, signed_in: Somebody
    ) -> None:
        centre.sandbox.behave(delay_seconds=6)
        where = hold(centre, tab, "Word comes late", 8)
        rosa = signed_in(ROSSI, size="phone", scripts=False).open(where).click("Pay now")

        pay_at_sandbox(rosa)

        assert rosa.reads("Your payment is being processed")
        assert not rosa.page.get_by_role("button", name="Pay now").count()
        rosa.picture("paying-phone").fits()
        assert rosa.reads("You're booked")

    def test_without_any_word_it_stops_looking_and_says_what_to_do(self, centre: Centre, tab: Tab) -> None:
        centre.sandbox.behave(drop=True)
        where = hold(centre, tab, "No word at all", 9)
        tab.open(where).send(where, {}, action=f"{where}/payment")
        pay = tab.client.post(f"{where}/payment", data=tab.hidden(f"{where}/payment"))

        looking, tired = tab.client.get(f"{where}?back=8").text, tab.client.get(f"{where}?back=9").text
        other, nonsense = tab.client.get(where).text, tab.client.get(f"{where}?back=x")

        assert pay.has_redirect_location
        assert 'content="4;url=?back=9"' in looking
        assert "Your payment is being processed" in looking
        assert "refresh" not in tired
        assert "We haven't received a payment yet" in tired
        assert "Pay now" in tired
        assert "received a payment yet" not in other
        assert nonsense.status_code == 200

    def test_a_card_that_is_declined_is_said_and_paid_with_another(
        self, centre: Centre, tab: Tab, signed_in: Somebody
    ) -> None:
        where = hold(centre, tab, "Declined first", 10)
        rosa = signed_in(ROSSI, size="phone").open(where).click("Pay now")
        rosa.page.wait_for_url(lambda url: "/checkout/" in url and rosa.base not in url)

        rosa.click("Decline")

        assert rosa.reads("The payment didn't go through")
        assert rosa.reads("your places are still held")
        rosa.picture("declined-phone").is_sound()
        rosa.click("Pay now")
        pay_at_sandbox(rosa)
        assert rosa.reads("You're booked")

    def test_a_top_up_says_the_same(self, centre: Centre, tab: Tab, signed_in: Somebody) -> None:
        centre.sandbox.behave(delay_seconds=6)
        rosa = (
            signed_in(ROSSI, scripts=False).open("/family/wallet").fill("Amount", "77.25").click("Continue to payment")
        )

        pay_at_sandbox(rosa)

        assert rosa.reads("Your payment is being processed")
        rosa.fits()
        assert rosa.reads("$77.25")
        assert "being processed" not in rosa.text
