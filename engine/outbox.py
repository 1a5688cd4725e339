"""The outbox: what a transaction caused is handed to the job queue after its commit, and forgotten when it is old.

A message is inserted by the transaction that causes it. The relay marks it and puts its job into the queue in one
transaction, so it is handed over once however many relays run and wherever one is killed. What is promised to a task
is less, at least once, because the queue runs a job again when its worker died.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import procrastinate
import sqlalchemy as sa
import structlog

from engine.database import Database, Transaction
from engine.errors import NotFound
from engine.jobs import Job, defer

_log = structlog.get_logger("termbook.outbox")

KEEP_MESSAGES = timedelta(days=30)
KEEP_PROCESSED_EVENTS = timedelta(days=400)
KEEP_IDEMPOTENCY_KEYS = timedelta(days=30)
KEEP_SIGN_IN_ATTEMPTS = timedelta(days=1)


class MessageForgotten(NotFound):
    """The message is no longer kept."""

    code = "message_forgotten"


@dataclass(frozen=True, slots=True)
class Message:
    """An outbox message as its task reads it."""

    id: UUID
    topic: str
    payload: dict[str, Any]
    created_at: datetime


def never() -> bool:
    return False


def read_message(transaction: Transaction, message_id: UUID) -> Message:
    """The message a job was made for. Raises `MessageForgotten` when it was handed over more than 30 days ago."""
    row = transaction.row(
        "SELECT id, topic, payload, created_at FROM outbox_message"
        " WHERE organisation_id = %(org)s AND id = %(message_id)s",
        message_id=message_id,
    )
    if row is None:
        raise MessageForgotten(f"The message {message_id} is no longer kept.")
    return Message(**row)


def relay(
    database: Database,
    app: procrastinate.App,
    *,
    topics: Mapping[str, str],
    now: datetime,
    batch: int = 200,
    is_stopping: Callable[[], bool] = never,
) -> int:
    """Hand over at most `batch` messages of each organisation, oldest first, and say how many it were.

    `topics` names the task of each topic. A message of another topic stays where it is, for a release that knows it,
    and holds up no other; `report_unknown` tells of it. One turn is one batch of each organisation, in random order,
    so that none waits for another's backlog: call again as long as something is handed over.
    """
    unknown = set(topics.values()) - set(app.tasks)
    assert not unknown, f"the queue has no task {sorted(unknown)}"
    handed_over = 0
    for organisation_id in _with_messages(database, topics):
        if is_stopping():
            break
        handed_over += database.run(
            organisation_id, lambda transaction: _hand_over(transaction, topics=topics, now=now, batch=batch)
        )
    return handed_over


def _with_messages(database: Database, topics: Mapping[str, str]) -> list[UUID]:
    with database.engine.connect() as connection:
        found = connection.execute(sa.text("SELECT organisations_with_messages(:topics)"), {"topics": list(topics)})
        organisations: list[UUID] = [row[0] for row in found]
    random.shuffle(organisations)
    return organisations


_TAKE = """
    UPDATE outbox_message SET handed_over_at = %(now)s
    WHERE organisation_id = %(org)s AND id = ANY (ARRAY(
        SELECT id FROM outbox_message
        WHERE organisation_id = %(org)s AND handed_over_at IS NULL AND topic = ANY (%(topics)s)
        ORDER BY created_at, id LIMIT %(batch)s FOR UPDATE SKIP LOCKED
    ))
    RETURNING id, topic, created_at
"""


def _hand_over(transaction: Transaction, *, topics: Mapping[str, str], now: datetime, batch: int) -> int:
    taken = transaction.rows(_TAKE, now=now, topics=list(topics), batch=batch)
    if taken:
        taken.sort(key=lambda row: (row["created_at"], row["id"]))
        defer(transaction, [Job(topics[row["topic"]], row["id"]) for row in taken])
    return len(taken)


_UNKNOWN = """
    SELECT topic, count(*) AS messages, min(created_at) AS oldest, (array_agg(id ORDER BY created_at))[1] AS message_id
    FROM outbox_message
    WHERE organisation_id = %(org)s AND handed_over_at IS NULL AND topic <> ALL (%(topics)s)
    GROUP BY topic ORDER BY topic
"""


def report_unknown(database: Database, *, topics: Mapping[str, str]) -> int:
    """Log as an error each topic that waits and that no task here is for; returns how many messages it concerns."""
    waiting = 0
    for organisation_id in database.organisations():
        for row in database.run(organisation_id, lambda transaction: transaction.rows(_UNKNOWN, topics=list(topics))):
            facts = {key: value if isinstance(value, int) else str(value) for key, value in row.items()}
            _log.error("outbox.unknown_topic", organisation_id=str(organisation_id), **facts)
            waiting += row["messages"]
    return waiting


_FORGET = {
    "outbox_message": ("handed_over_at", KEEP_MESSAGES),
    "processed_event": ("processed_at", KEEP_PROCESSED_EVENTS),
    "idempotency_key": ("created_at", KEEP_IDEMPOTENCY_KEYS),
    "sign_in_attempt": ("at", KEEP_SIGN_IN_ATTEMPTS),
    "spent_challenge": ("expires_at", KEEP_SIGN_IN_ATTEMPTS),
}


def forget(
    database: Database, *, now: datetime, batch: int = 1000, is_stopping: Callable[[], bool] = never
) -> dict[str, int]:
    """Delete what is past its time, `batch` rows a transaction: messages handed over 30 days ago, processed events
    after 400 days, idempotency keys after 30. A message that was never handed over is kept, however old.
    """
    deleted = dict.fromkeys(_FORGET, 0)
    for organisation_id in database.organisations():
        for table, (column, keep) in _FORGET.items():
            count = batch
            while count == batch and not is_stopping():
                count = database.run(organisation_id, _delete_older(table, column, before=now - keep, batch=batch))
                deleted[table] += count
    return deleted


def _delete_older(table: str, column: str, *, before: datetime, batch: int) -> Callable[[Transaction], int]:
    # By ctid, as an idempotency key has no id; the rows are locked, so that none moves in between.
    statement = f"""
        DELETE FROM {table} WHERE organisation_id = %(org)s AND ctid = ANY (ARRAY(
            SELECT ctid FROM {table} WHERE organisation_id = %(org)s AND {column} < %(before)s
            LIMIT %(batch)s FOR UPDATE SKIP LOCKED
        ))
    """
    return lambda transaction: transaction.run(statement, before=before, batch=batch)
