"""Mail goes out over real SMTP; refusals are told from troubles; with no server it is a file."""

import smtplib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from notifications.email import compose
from notifications.messages import Recipient
from notifications.smtp import Mailer, MailRefused
from tests.notifications.letters import NOW, MailServer, confirmed, mail_server, part, read

EMAIL = compose(confirmed(), message_id=UUID(int=77), from_address="enrolments@maple.example", now=NOW)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


class TestServer:
    def test_takes_the_mail_as_it_was_composed(self, server: MailServer) -> None:
        server.mailer().send(EMAIL)

        [email] = server.received
        assert server.recipients == ["anna@berg.example"]
        assert email["Message-ID"] == EMAIL["Message-ID"]
        assert "TB-4F7K9QW2" in part(email, "plain")
        assert [file.get_filename() for file in email.iter_attachments()] == ["TB-4F7K9QW2.ics"]

    def test_takes_an_international_address(self, server: MailServer) -> None:
        recipient = Recipient(name="Zoë", email="zoë@berg.example")
        email = compose(
            confirmed(recipient=recipient), message_id=UUID(int=78), from_address="enrolments@maple.example", now=NOW
        )

        server.mailer().send(email)

        assert server.recipients == ["zoë@berg.example"]

    def test_that_knows_no_such_recipient_is_final(self, server: MailServer) -> None:
        server.answer_to_recipient = "550 no such user"

        with pytest.raises(MailRefused, match="no such user"):
            server.mailer().send(EMAIL)

    def test_that_refuses_the_content_is_final(self, server: MailServer) -> None:
        server.answer_to_content = "552 too much"

        with pytest.raises(MailRefused, match="too much"):
            server.mailer().send(EMAIL)

    @pytest.mark.parametrize("answer", ["451 later please", "421 closing"])
    def test_that_asks_for_later_is_worth_another_try(self, server: MailServer, answer: str) -> None:
        server.answer_to_recipient = answer

        with pytest.raises(smtplib.SMTPException):
            server.mailer().send(EMAIL)

    def test_that_is_away_is_worth_another_try(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]

        with pytest.raises(OSError, match="refused"):
            Mailer("127.0.0.1", port, "enrolments@maple.example", tmp_path).send(EMAIL)

    def test_that_never_answers_is_given_up(self, tmp_path: Path) -> None:
        began = time.monotonic()

        with socket.create_server(("127.0.0.1", 0)) as silent:
            mailer = Mailer("127.0.0.1", silent.getsockname()[1], "e@maple.example", tmp_path, timeout_seconds=0.2)
            with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
                mailer.send(EMAIL)

        assert time.monotonic() - began < 5


class TestInbox:
    def test_keeps_each_mail_as_one_file(self, tmp_path: Path) -> None:
        mailer = Mailer("", 25, "enrolments@maple.example", tmp_path / "inbox")

        mailer.send(EMAIL)
        mailer.send(EMAIL)

        [file] = (tmp_path / "inbox").iterdir()
        assert file.name == f"{UUID(int=77)}.eml"
        assert read(file.read_bytes())["To"] == "Anna Berg <anna@berg.example>"
