"""The job queue: procrastinate over our own database, in its own schema, as the application's role.

A job names its organisation and the outbox message that caused it, and carries nothing else: what is in the message
stays behind row level security, and a task reads it there. A job runs at least once, so a task can be repeated.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

import procrastinate
import psycopg
from procrastinate import exceptions, jobs, manager
from psycopg import sql

from engine.database import Transaction
from engine.errors import TermbookError

T = TypeVar("T")

SCHEMA = "procrastinate"

# The delays double from 5 s to an hour: the 24 attempts of a job that keeps failing span 14 hours.
ATTEMPTS = 24
FIRST_DELAY_SECONDS = 5
LONGEST_DELAY_SECONDS = 3600

# How long a worker waits for a connection before it takes the database for gone, and starts afresh.
PATIENCE_SECONDS = 5.0


class GivenUp(TermbookError):
    """The job can never succeed, so trying again is of no use; it stays in the queue as failed, to be looked at."""

    code = "given_up"


class Task(Protocol):
    """What a job does. It runs in a thread of its own, at least once, and another job may run at the same time."""

    def __call__(self, *, organisation_id: UUID, message_id: UUID) -> None: ...


class Job(NamedTuple):
    """A task to run for a message."""

    task: str
    message_id: UUID


class BackOff(procrastinate.BaseRetryStrategy):
    """Try again later and later; not when the task says that it is of no use."""

    def get_retry_decision(self, *, exception: BaseException, job: jobs.Job) -> procrastinate.RetryDecision | None:
        if isinstance(exception, GivenUp) or job.attempts + 1 >= ATTEMPTS:
            return None
        return procrastinate.RetryDecision(retry_in={"seconds": delay_seconds(job.attempts)})


def delay_seconds(attempts: int) -> int:
    """How long a job that has failed once more waits, after so many failures before."""
    return int(min(FIRST_DELAY_SECONDS * 2**attempts, LONGEST_DELAY_SECONDS))


def make_app(
    url: str,
    *,
    tasks: Mapping[str, Task],
    app_role: str = "termbook_app",
    connections: int = 4,
    prepare_threshold: int | None = 5,
) -> procrastinate.App:
    """The queue of the database at `url`, with the tasks that its workers know; connects when it is opened.

    The composition root names the tasks; no import registers one.
    """

    async def become_the_application(connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.set_autocommit(True)
        await connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(app_role)))
        await connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(SCHEMA)))

    connector = procrastinate.PsycopgConnector(
        conninfo=url,
        kwargs={"prepare_threshold": prepare_threshold, "connect_timeout": 10},
        configure=become_the_application,
        min_size=1,
        max_size=connections,
        timeout=PATIENCE_SECONDS,
        reconnect_timeout=PATIENCE_SECONDS,
    )
    app = procrastinate.App(connector=connector)
    for name, task in tasks.items():
        app.task(name=name, retry=BackOff())(_as_job(task))
    return app


def defer(transaction: Transaction, wanted: Sequence[Job]) -> None:
    """Put jobs into the queue inside this transaction: they exist when it commits, and not otherwise."""
    transaction.run(f"SET LOCAL search_path TO {SCHEMA}, public")
    organisation = str(transaction.organisation_id)
    new = [
        jobs.Job(
            id=None,
            queue=jobs.DEFAULT_QUEUE,
            lock=None,
            queueing_lock=None,
            task_name=job.task,
            task_kwargs={"organisation_id": organisation, "message_id": str(job.message_id)},
        )
        for job in wanted
    ]
    try:
        # A connector that is never opened: it writes over the connection of the transaction alone.
        manager.JobManager(procrastinate.SyncPsycopgConnector()).batch_defer_jobs(new, connection=transaction.raw)
    except exceptions.ConnectorException as error:
        raise (error.__cause__ or error) from None  # the driver's own error, which the unit of work may retry


def _as_job(task: Task) -> Callable[..., Awaitable[None]]:
    async def run(*, organisation_id: str, message_id: str) -> None:
        await in_thread(lambda: task(organisation_id=UUID(organisation_id), message_id=UUID(message_id)))

    return run


async def in_thread(work: Callable[[], T], *, name: str = "job") -> T:
    """Run blocking work in a thread that cannot keep the process from ending.

    When the caller is cancelled the thread is left to itself: it ends with its work, or with the process.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(result: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if outcome.done() else result())

    def run() -> None:
        try:
            value = work()
        except BaseException as error:
            failure = error
            settle(lambda: outcome.set_exception(failure))
        else:
            settle(lambda: outcome.set_result(value))

    threading.Thread(target=run, daemon=True, name=name).start()
    return await outcome
