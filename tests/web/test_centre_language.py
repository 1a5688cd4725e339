"""A centre that speaks French, read by who asks for another language or for English: what is said after a form, and how
its amounts are written.
"""

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from tests.web.conftest import Centre
from tests.web.test_family_forms import Tab, enter
from tests.web.test_family_wallet import top_up
from tests.web.test_wallet_refunds import asked
from workflows.registration import registration_link


@pytest.fixture(scope="module", autouse=True)
def _french(centre: Centre) -> None:
    centre.edit(lambda tx: tx.run("UPDATE organisation SET locale = 'fr_CA' WHERE id = %(org)s"))


@pytest.fixture
def tab(centre: Centre) -> Iterator[Tab]:
    """A browser that asks for neither language of ours."""
    with enter(centre) as client:
        client.headers["Accept-Language"] = "pl"
        yield Tab(client, client.get("/family"))


class TestNotices:
    def test_after_a_form_and_when_it_is_sent_again(self, tab: Tab) -> None:
        new = "/family/children/new"
        sent = {**tab.open(new).hidden(), "name": "Zoé Rossi", "date_of_birth": "2017-05-05"}

        said = [tab.text(tab.client.post(new, data=sent)) for _ in range(2)]

        assert all("Zoé Rossi : ajout fait. Voici ce qui convient." in text for text in said)

    def test_before_anything_is_read(self, centre: Centre, tab: Tab) -> None:
        (term,) = centre.rows("SELECT id FROM term WHERE organisation_id = %(org)s LIMIT 1")

        answer = tab.client.post(f"/family/cart/{term['id']}/submission", data={**tab.any_token(), "way": ""})

        assert "Choisissez comment vous voulez payer." in tab.text(answer)

    def test_of_who_signs_out(self, tab: Tab) -> None:
        answer = tab.client.post("/sign-out", data=tab.any_token())

        assert "La déconnexion est faite." in tab.text(answer)

    def test_of_who_signs_up_without_a_password_of_their_own(self, centre: Centre) -> None:
        now = centre.clock.now()
        link, _ = registration_link(centre.settings.secret, centre.organisation_id, "rossi@family.example", now=now)
        with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
            guest = Tab(client, client.get(f"/guest/registration/{link}"))
            answer = client.post(f"/guest/registration/{link}", data=guest.any_token())

            assert "Vous pouvez vous connecter." in guest.text(answer)


def test_a_problem_that_was_met_at_the_centre_is_told_in_its_language(tab: Tab) -> None:
    text = tab.text(tab.client.get(f"/family/bookings/{uuid4()}"))

    assert "Nous ne trouvons pas cette page" in text


class TestAmounts:
    """A reason that names amounts, which the domain writes as the centre does."""

    @pytest.mark.parametrize(("language", "said"), [
        ("en", "$99,999.00 is asked back out of the wallet, and $20.00 can go the way it was paid now."),
        ("fr", "99 999,00 $ du portefeuille sont demandés, et 20,00 $ peuvent être remboursés maintenant"),
    ])  # fmt: skip
    def test_are_written_as_the_reader_does(self, centre: Centre, tab: Tab, language: str, said: str) -> None:
        if language == "en":
            top_up(centre, "20.00")
        tab.client.headers["Accept-Language"] = language

        assert said in tab.text(asked(tab, centre.sample.rossi.account_id, "99999"))
