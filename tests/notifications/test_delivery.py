"""A mail is sent once, however often its job runs; only a crash right after sending repeats it, recognisably."""

import smtplib
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from functools import partial
from uuid import UUID

import pytest

from engine.clock import FrozenClock
from engine.database import Database, Transaction
from engine.jobs import make_app
from engine.outbox import read_message
from engine.worker import run_worker
from notifications import delivery
from notifications.delivery import send_once
from notifications.email import compose
from tests.engine.later import clear, make_organisation, post, until, values
from tests.notifications.letters import NOW, MailServer, confirmed, mail_server


@pytest.fixture
def url(database_url: str) -> str:
    clear(database_url)
    return database_url


@pytest.fixture
def maple(url: str) -> UUID:
    return make_organisation(url)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


def confirmation(transaction: Transaction, *, message_id: UUID) -> EmailMessage:
    message = read_message(transaction, message_id)
    reference = f"TB-{message.payload['number']}"
    return compose(
        confirmed(booking_reference=reference), message_id=message_id, from_address="e@maple.example", now=NOW
    )


def deliver(database: Database, server: MailServer, maple: UUID, message_id: UUID) -> bool:
    make = partial(confirmation, message_id=message_id)
    return send_once(database, server.mailer(), organisation_id=maple, message_id=message_id, make=make, now=NOW)


class TestSendOnce:
    def test_a_job_that_runs_again_sends_nothing(
        self, database: Database, url: str, maple: UUID, server: MailServer
    ) -> None:
        [message_id] = post(url, maple)

        sent = [deliver(database, server, maple, message_id) for _ in range(3)]

        assert sent == [True, False, False]
        assert [email["Message-ID"] for email in server.received] == [f"<{message_id}@maple.example>"]
        assert values(url, "SELECT outcome FROM processed_event WHERE provider = 'smtp'") == ["sent"]

    def test_what_failed_is_sent_by_the_next_try(
        self, database: Database, url: str, maple: UUID, server: MailServer
    ) -> None:
        [message_id] = post(url, maple)
        server.answer_to_content = "451 later please"
        with pytest.raises(smtplib.SMTPDataError):
            deliver(database, server, maple, message_id)
        server.answer_to_content = "250 OK"

        assert deliver(database, server, maple, message_id)
        assert len(server.received) == 1

    def test_a_crash_after_sending_repeats_it_under_the_same_message_id(
        self, database: Database, url: str, maple: UUID, server: MailServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        [message_id] = post(url, maple)
        with monkeypatch.context() as crash:
            crash.setattr(delivery, "_note", interrupt)
            with pytest.raises(KeyboardInterrupt):
                deliver(database, server, maple, message_id)

        assert deliver(database, server, maple, message_id)
        assert {email["Message-ID"] for email in server.received} == {f"<{message_id}@maple.example>"}
        assert len(server.received) == 2

    def test_nothing_to_send_stays_so(self, database: Database, url: str, maple: UUID, server: MailServer) -> None:
        [message_id] = post(url, maple)

        sent = send_once(
            database,
            server.mailer(),
            organisation_id=maple,
            message_id=message_id,
            make=lambda transaction: None,
            now=NOW,
        )

        assert not sent
        assert not deliver(database, server, maple, message_id)
        assert server.received == []


class TestWorker:
    def test_takes_a_message_from_the_outbox_to_the_family(
        self, database: Database, url: str, maple: UUID, server: MailServer
    ) -> None:
        def send_confirmation(*, organisation_id: UUID, message_id: UUID) -> None:
            deliver(database, server, organisation_id, message_id)

        messages = post(url, maple, "booking.confirmed", count=5)
        stop = threading.Event()
        app = make_app(url, tasks={"send_confirmation": send_confirmation})
        topics = {"booking.confirmed": "send_confirmation"}
        facts = {"app": app, "topics": topics, "handlers": {}, "stop": stop}
        worker = threading.Thread(target=run_worker, args=[database, FrozenClock(NOW)], kwargs=facts)

        worker.start()
        try:
            until(lambda: len(server.received) == 5)
        finally:
            stop.set()
            worker.join()

        assert {email["Message-ID"] for email in server.received} == {f"<{one}@maple.example>" for one in messages}


def interrupt(*args: object, **facts: object) -> None:
    raise KeyboardInterrupt
