"""Somebody new makes a login: a mail proves the address, a password is chosen, and the child comes next."""

from collections.abc import Iterator

import httpx
import pytest

from samples.sample import PASSWORD
from tests.web.conftest import SLUG, Centre
from tests.web.test_family_forms import Tab
from workflows.registration import registration_link

NEW, KNOWN = "rina@new.example", "rossi@family.example"


@pytest.fixture
def tab(centre: Centre) -> Iterator[Tab]:
    with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
        yield Tab(client, client.get(f"/at/{SLUG}/sign-up"))


def link(centre: Centre, email: str) -> str:
    found, _ = registration_link(centre.settings.secret, centre.organisation_id, email, now=centre.clock.now())
    return f"/guest/registration/{found}"


def ask(tab: Tab, email: str) -> str:
    path = f"/at/{SLUG}/sign-up"
    return tab.text(tab.open(path).send(path, {"email": email}, action=path))


def test_asking_says_the_same_to_everybody_and_mails_a_link(centre: Centre, tab: Tab) -> None:
    said = [ask(tab, email).replace(email, "") for email in (NEW, KNOWN)]
    wrong = ask(tab, "nobody")

    assert said[0] == said[1]
    assert "Check your e-mail" in said[0]
    assert "Write an e-mail address, such as name@example.org." in wrong
    asked = centre.rows("SELECT payload->>'email' AS email FROM outbox_message WHERE organisation_id = %(org)s "
                        "AND topic = 'registration.asked'")  # fmt: skip
    assert {row["email"] for row in asked} == {NEW, KNOWN}


def test_the_link_leads_to_a_login_and_on_to_the_first_child(centre: Centre, tab: Tab) -> None:
    path = link(centre, "rina.rossi@new.example")
    seen = tab.text(tab.open(path).page)

    nothing = tab.text(tab.send(path, {"name": "", "password": ""}))
    short = tab.text(tab.open(path).send(path, {"name": "Rina", "password": "short"}))
    made = tab.open(path).send(path, {"name": "Rina", "password": PASSWORD})
    child = tab.text(made)
    again = tab.text(tab.client.get(path))

    assert "Your e-mail address rina.rossi@new.example is confirmed." in seen
    assert "A new login has a name." in nothing
    assert "Use at least 10 characters." in short
    assert made.headers["location"] == "/family/children/new"
    assert "Date of birth" in child
    assert "Welcome back" in again


def test_who_has_a_login_keeps_it(centre: Centre, tab: Tab) -> None:
    path = link(centre, KNOWN)

    seen = tab.text(tab.open(path).page)
    said = tab.text(tab.send(path, {}))

    assert "You already have an account with this address." in seen
    assert "You can now sign in." in said


def test_a_link_that_was_changed_opens_nothing(centre: Centre, tab: Tab) -> None:
    answer = tab.client.get(f"{link(centre, NEW)}x")

    assert answer.status_code in (403, 404)
    assert "look whether it was copied whole" in answer.text or "ask for a new one" in answer.text
