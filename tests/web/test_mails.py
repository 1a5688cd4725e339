"""E-mails in the organisation's own words, the inbox for development, and reminders that a family stops."""

import re
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from models import OutboxMessage
from notifications.choices import stop_link
from notifications.email import compose
from notifications.messages import Organisation
from notifications.samples import sample_of
from notifications.smtp import Mailer
from tests import builders as build
from tests.builders import NOW
from tests.web.conftest import Centre, Somebody

OFFICE = "admin@centre7.example"
ROOT = Path(__file__).parents[2]


class TestTexts:
    @pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
    def test_one_is_written_looked_at_and_put_in_force(self, signed_in: Somebody, scripts: bool) -> None:
        office = signed_in(OFFICE, scripts=scripts, size="desktop" if scripts else "phone").open("/admin/mails")
        office.picture(f"admin-mails-{scripts}").fits()
        kind = "Booking confirmed" if scripts else "Quote"
        office.click(f"{kind}, English")
        frame = office.page.frame_locator("iframe[name=preview]")
        frame.get_by_text("Dear Carla Rossi,").first.wait_for()
        office.fill("Text", "Dear {{ recipent }},").click("Use this version")
        assert office.reads("There is no placeholder recipent in this mail.")

        office.fill("Text", "Welcome {{ attendee_name }}!\n\n{{ sessions }}\n\nSee it: {{ link }}")
        office.click("Preview")
        frame.get_by_text("Welcome Mia Rossi!").first.wait_for()
        frame.get_by_role("link", name="See it").wait_for()
        office.picture(f"admin-mail-{scripts}").fits()
        office.click("Use this version").reads("Version 1 is now in use.")
        office.click("Restore the standard text").reads("Version 2 is now in use.")

        frame.get_by_text("Dear Carla Rossi,").first.wait_for()
        assert office.reads("Versions")

    def test_what_somebody_else_saved_meanwhile_is_not_lost(self, signed_in: Somebody, centre: Centre) -> None:
        first = signed_in(OFFICE).open("/admin/mails/payment_received/en")
        second = signed_in(OFFICE).open("/admin/mails/payment_received/en")
        first.fill("Text", "Thanks!").click("Use this version").reads("Version 1 is now in use.")
        second.fill("Text", "Thank you!").click("Use this version")

        assert second.reads("Somebody saved another version meanwhile")
        assert [row["body"] for row in centre.rows("SELECT body FROM mail_text WHERE kind = 'payment_received'")] == [
            "Thanks!"
        ]


@pytest.fixture
def kept(centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """A confirmation that was sent while no mail server is set."""
    monkeypatch.setattr(centre.settings, "data_directory", tmp_path)
    message_id: UUID = centre.edit(build.add, OutboxMessage, topic="order.confirmed", payload={}, created_at=NOW)["id"]
    message = sample_of("booking_confirmed", Organisation(name="Centre 7", email="office@centre7.example"),
                        currency="CAD", now=NOW)  # fmt: skip
    mailer = Mailer("", 25, "enrolments@centre7.example", tmp_path / "inbox")
    for one in (message_id, uuid4()):  # the second is of an organisation elsewhere
        mailer.send(compose(message, message_id=one, from_address="enrolments@centre7.example", now=NOW))
    return message_id


class TestInbox:
    def test_shows_plain_html_and_files_of_our_own_mails(self, signed_in: Somebody, kept: UUID) -> None:
        office = signed_in(OFFICE).open("/admin/inbox").picture("admin-inbox").fits()
        assert office.page.get_by_role("link", name="Mia Rossi is booked: TB-4F7K9QW2").count() == 1
        office.click("Mia Rossi is booked: TB-4F7K9QW2")
        office.page.frame_locator("iframe").get_by_role("link", name="View or change the booking").wait_for()
        office.picture("admin-inbox-mail").fits()

        with office.page.expect_download() as file:
            office.page.get_by_role("link", name="TB-4F7K9QW2.ics").click()
        assert "BEGIN:VEVENT" in file.value.path().read_text()

    def test_is_not_there_where_mails_go_to_a_server(
        self, signed_in: Somebody, centre: Centre, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # fmt: skip
        monkeypatch.setattr(centre.settings, "smtp_host", "mail.centre7.example")

        assert signed_in(OFFICE).open("/admin/inbox").page.locator("h1").inner_text() == "We can't find that page"


def link(centre: Centre, kind: str = "payment_due") -> str:
    return stop_link(centre.settings.secret, centre.organisation_id, centre.sample.rossi.account_id, kind, now=NOW)


def stopped(centre: Centre) -> list[Any]:
    return [row["kind"] for row in centre.rows("SELECT kind FROM mail_stop WHERE organisation_id = %(org)s")]


class TestStopping:
    def test_by_the_page_and_back_again(self, somebody: Somebody, centre: Centre) -> None:
        family = somebody(scripts=False, size="phone").open(f"/mail/stop/{link(centre)}")
        assert stopped(centre) == []  # opening it stops nothing
        family.picture("mail-stop").fits()
        family.click("Stop these e-mails").reads("You've unsubscribed from these e-mails")
        assert stopped(centre) == ["payment_due"]
        family.click("Subscribe again").reads("Stop these e-mails?")

        assert stopped(centre) == []

    def test_by_one_click_of_a_mail_program(self, centre: Centre) -> None:
        address = f"{centre.url}/mail/stop/{link(centre, 'makeup_expiring')}"

        answers = [httpx.post(address, data={"List-Unsubscribe": "One-Click"}).status_code for _ in range(2)]

        assert answers == [200, 200]
        assert stopped(centre) == ["makeup_expiring"]

    def test_an_address_that_was_changed_stops_nothing(self, centre: Centre) -> None:
        answer = httpx.post(f"{centre.url}/mail/stop/{link(centre)}x", data={"List-Unsubscribe": "One-Click"})

        assert answer.status_code in (403, 404)
        assert "payment_due" not in stopped(centre)


def test_a_family_s_mails_speak_the_language_of_its_pages(signed_in: Somebody, centre: Centre) -> None:
    family = signed_in("chen@family.example")
    family.open("/family").click("Français")
    family.page.get_by_role("link", name="Réservations").first.wait_for()

    (row,) = centre.rows("SELECT language FROM account WHERE id = %(id)s", id=centre.sample.chen.account_id)
    assert row["language"] == "fr"


def test_mails_and_pages_have_the_same_colours() -> None:
    colour = re.compile(r"#[0-9a-f]{6}\b")
    mail = (ROOT / "notifications/templates/layout.html").read_text()

    assert set(colour.findall(mail)) <= set(colour.findall((ROOT / "web/static/termbook.css").read_text()))
    assert "#0b5d5e" in mail
