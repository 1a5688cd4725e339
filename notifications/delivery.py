"""Sends the mail of an outbox message once, however often its job runs.

The guard is a row in `processed_event` (provider `smtp`, the message's id), written after the server took the mail. A
job that is run again after that sends nothing. A crash in the moment between makes a second mail: at least once is all
that mail can promise. It has the same Message-ID, by which most mail programs show it once.
"""

from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from uuid import UUID

import structlog

from engine.database import Database, Transaction
from engine.ids import new_id
from notifications.smtp import Mailer

_log = structlog.get_logger("termbook.mail")

PROVIDER = "smtp"


def send_once(
    database: Database,
    mailer: Mailer,
    *,
    organisation_id: UUID,
    message_id: UUID,
    make: Callable[[Transaction], EmailMessage | None],
    now: datetime,
) -> bool:
    """Send what `make` composes unless it was sent before; says whether it was sent now.

    `make` reads its facts in a transaction that ends before the mail server is called; None means that there is nothing
    to send (the family has no address, the step is muted), and that stays so.
    """
    with database.transaction(organisation_id) as transaction:
        if _was_sent(transaction, message_id):
            return False
        email = make(transaction)
    if email is not None:
        mailer.send(email)
    database.run(
        organisation_id, lambda work: _note(work, message_id, outcome="sent" if email else "nothing to send", now=now)
    )
    _log.info("mail.sent" if email else "mail.nothing_to_send", message_id=str(message_id))
    return email is not None


def _was_sent(transaction: Transaction, message_id: UUID) -> bool:
    return bool(
        transaction.rows(
            "SELECT FROM processed_event"
            " WHERE organisation_id = %(org)s AND provider = %(provider)s AND event_id = %(event_id)s",
            provider=PROVIDER,
            event_id=str(message_id),
        )
    )


def _note(transaction: Transaction, message_id: UUID, *, outcome: str, now: datetime) -> None:
    transaction.run(
        "INSERT INTO processed_event (organisation_id, id, provider, event_id, event_type, outcome, processed_at)"
        " VALUES (%(org)s, %(id)s, %(provider)s, %(event_id)s, 'mail', %(outcome)s, %(now)s)"
        " ON CONFLICT (organisation_id, provider, event_id) DO NOTHING",
        id=new_id(),
        provider=PROVIDER,
        event_id=str(message_id),
        outcome=outcome,
        now=now,
    )
