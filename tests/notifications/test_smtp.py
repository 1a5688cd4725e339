"""Mail goes out over real SMTP; refusals are told from troubles; with no server it is a file."""

import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

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


class TestServerWithSignIn:
    """As most mail providers have it: STARTTLS first, then a login."""

    @pytest.fixture
    def demanding(self, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with mail_server(
            tls_context=tls, require_starttls=True, auth_required=True,
            authenticator=lambda *asked: AuthResult(
                success=asked[-1] == LoginPassword(b"centre", b"pa55"), handled=False
            ),
        ) as server:  # fmt: skip
            yield server

    def test_takes_the_mail_of_who_signs_in(self, demanding: MailServer) -> None:
        demanding.mailer(user="centre", password="pa55", starttls=True).send(EMAIL)

        assert demanding.recipients == ["anna@berg.example"]

    def test_with_another_password_is_worth_another_try(self, demanding: MailServer) -> None:
        """The installation's settings are at fault, and no mail is lost until somebody mends them."""
        with pytest.raises(smtplib.SMTPAuthenticationError):
            demanding.mailer(user="centre", password="other", starttls=True).send(EMAIL)

    def test_whose_certificate_nobody_signed_gets_nothing(
        self, demanding: MailServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")

        with pytest.raises(ssl.SSLCertVerificationError):
            demanding.mailer(user="centre", password="pa55", starttls=True).send(EMAIL)

        assert demanding.received == []

    @pytest.mark.parametrize("wish", [{"starttls": True}, {"user": "centre", "password": "pa55"}])
    def test_that_offers_neither_is_worth_another_try(self, server: MailServer, wish: dict[str, Any]) -> None:
        with pytest.raises(smtplib.SMTPNotSupportedError):
            server.mailer(**wish).send(EMAIL)

        assert server.received == []


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and the certificate of 127.0.0.1 that it signed for itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False).sign(key, SHA256())
    )  # fmt: skip
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    in_clear = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(in_clear + signed.public_bytes(Encoding.PEM))
    return file


class TestInbox:
    def test_keeps_each_mail_as_one_file(self, tmp_path: Path) -> None:
        mailer = Mailer("", 25, "enrolments@maple.example", tmp_path / "inbox")

        mailer.send(EMAIL)
        mailer.send(EMAIL)

        [file] = (tmp_path / "inbox").iterdir()
        assert file.name == f"{UUID(int=77)}.eml"
        assert read(file.read_bytes())["To"] == "Anna Berg <anna@berg.example>"
