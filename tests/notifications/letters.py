"""Builders: a family, its booking, and a mail server that keeps what it gets."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope

from notifications.messages import BookingConfirmed, Organisation, Recipient, Session
from notifications.smtp import Mailer

NOW = datetime(2026, 3, 31, 13, 0, tzinfo=UTC)
MIA = UUID(int=1)
MAPLE = Organisation(
    name="Maple Centre", email="hello@maple.example", phone="416 555 0100", time_zone="America/Toronto"
)
ANNA = Recipient(name="Anna Berg", email="anna@berg.example")


def session(number: int = 0, **changes: Any) -> Session:
    """Karate on a Saturday at ten in Toronto, `number` weeks after 11 April 2026."""
    starts_at = datetime(2026, 4, 11, 14, 0, tzinfo=UTC) + timedelta(weeks=number)
    facts: dict[str, Any] = {
        "id": UUID(int=100 + number),
        "title": "Karate",
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(hours=1),
        "time_zone": "America/Toronto",
        "place": "Maple Hall",
        "address": "1 Maple Street",
    }
    return Session(**facts | changes)


def confirmed(**changes: Any) -> BookingConfirmed:
    facts: dict[str, Any] = {
        "organisation": MAPLE,
        "recipient": ANNA,
        "booking_reference": "TB-4F7K9QW2",
        "attendee_id": MIA,
        "attendee_name": "Mia",
        "sessions": (session(0), session(1)),
        "currency": "CAD",
        "total_minor": 12550,
        "owed_minor": 2550,
        "due_on": date(2026, 4, 30),
        "invoice_number": "INV-2026-00042",
        "link": "https://maple.example/bookings/1?from=mail&x=1",
    }
    return BookingConfirmed(**facts | changes)


def read(content: bytes) -> EmailMessage:
    """A mail as its recipient's program parses it."""
    email = message_from_bytes(content, policy=default)
    assert isinstance(email, EmailMessage)
    return email


def part(email: EmailMessage, kind: str) -> str:
    body = email.get_body((kind,))
    assert body is not None
    return str(body.get_content())


@dataclass
class MailServer:
    """A real SMTP server. What it answers to a recipient or to the content can be set."""

    port: int
    answer_to_recipient: str = "250 OK"
    answer_to_content: str = "250 OK"
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 the library's name
        self, server: SMTP, session: object, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answer_to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer_to_recipient

    async def handle_DATA(self, server: SMTP, session: object, envelope: Envelope) -> str:  # noqa: N802
        if self.answer_to_content.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.received.append(read(envelope.content))
            self.recipients += envelope.rcpt_tos
        return self.answer_to_content

    def mailer(self, inbox: Path = Path("unused"), **changes: Any) -> Mailer:
        return Mailer("127.0.0.1", self.port, "enrolments@maple.example", inbox, **changes)


@contextmanager
def mail_server(**demands: Any) -> Iterator[MailServer]:
    """A server on a free port; `demands` are what the library's own takes, as `auth_required`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        server = MailServer(free.getsockname()[1])
    controller = Controller(server, hostname="127.0.0.1", port=server.port, enable_SMTPUTF8=True, **demands)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
