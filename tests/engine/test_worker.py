"""The worker does its duties, outlives its database, stops in seconds, and what it leaves undone is done again."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from structlog.testing import capture_logs

from engine.clock import Clock, FrozenClock
from engine.database import Database
from engine.jobs import GivenUp, Task, make_app
from engine.worker import run_worker
from tests.engine.later import NOW, arm, clear, line_to, make_organisation, make_subjects, post, until, values
from tests.engine.worker_process import HANDLERS, TOPICS

DONE = "SELECT message_id FROM done"
JOBS = "SELECT status::text FROM procrastinate.procrastinate_jobs"
CANCELLED = "SELECT id FROM subject WHERE cancelled = 1"


@pytest.fixture(scope="module")
def prepared_url(database_url: str) -> str:
    make_subjects(database_url)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE done (message_id uuid)")
        owner.execute("GRANT ALL ON done TO termbook_app")
    return database_url


@pytest.fixture
def url(prepared_url: str) -> str:
    clear(prepared_url)
    values(prepared_url, "DELETE FROM done RETURNING message_id")
    return prepared_url


@pytest.fixture
def maple(url: str) -> UUID:
    return make_organisation(url)


@contextmanager
def worker_process(url: str, how: str = "work") -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.engine.worker_process", url, how]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def worker_thread(url: str, task: Task, *, clock: Clock | None = None) -> Iterator[None]:
    """A worker in this process; stops at the end."""
    database, stop = Database(url), threading.Event()
    app = make_app(url, tasks={"send_mail": task})
    thread = threading.Thread(
        target=run_worker,
        args=[database, clock or FrozenClock(NOW)],
        kwargs={"app": app, "topics": TOPICS, "handlers": HANDLERS, "stop": stop},
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        database.close()


class Mailbox:
    """A task that keeps what it was asked to do; it fails as often as told before it works."""

    def __init__(self, *errors: Exception) -> None:
        self.asked: list[UUID] = []
        self._errors = list(errors)

    def __call__(self, *, organisation_id: UUID, message_id: UUID) -> None:
        self.asked.append(message_id)
        if self._errors:
            raise self._errors.pop(0)


class TestWorker:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_does_its_duties_and_stops_when_told_to(self, url: str, maple: UUID, number: signal.Signals) -> None:
        messages = post(url, maple, count=20)
        subjects = arm(url, maple, due_at=NOW - timedelta(minutes=1), count=20)

        with worker_process(url) as process:
            until(lambda: len(values(url, DONE)) == 20 and set(subjects) <= set(values(url, CANCELLED)))
            process.send_signal(number)
            code = process.wait(timeout=20)

        assert code == 0
        assert set(values(url, DONE)) == set(messages)
        assert values(url, JOBS) == []

    def test_stops_within_5_seconds_of_a_job_that_hangs_and_leaves_it_to_the_next(self, url: str, maple: UUID) -> None:
        post(url, maple)

        with worker_process(url, "hang") as process:
            until(lambda: values(url, DONE))
            told = time.monotonic()
            process.terminate()
            code = process.wait(timeout=20)
            took = time.monotonic() - told

        assert code == 0
        assert took < 5
        assert values(url, JOBS) == ["todo"]

    def test_runs_the_jobs_of_one_that_was_killed(self, url: str, maple: UUID) -> None:
        [message] = post(url, maple)
        with worker_process(url, "hang") as process:
            until(lambda: values(url, DONE))
            process.kill()
        half_a_minute_passes(url)
        mailbox = Mailbox()

        with worker_thread(url, mailbox):
            until(lambda: mailbox.asked)

        assert mailbox.asked == [message]

    def test_runs_a_failed_job_again_later(self, url: str, maple: UUID) -> None:
        [message] = post(url, maple)
        mailbox = Mailbox(RuntimeError("the mail server is away"))

        with worker_thread(url, mailbox):
            until(lambda: values(url, "SELECT id FROM procrastinate.procrastinate_jobs WHERE attempts = 1"))
            values(url, "UPDATE procrastinate.procrastinate_jobs SET scheduled_at = now() RETURNING id")
            until(lambda: len(mailbox.asked) == 2)
            until(lambda: values(url, JOBS) == [])

        assert mailbox.asked == [message, message]

    def test_keeps_a_job_that_can_never_succeed_as_failed(self, url: str, maple: UUID) -> None:
        post(url, maple)
        mailbox = Mailbox(GivenUp("nobody lives there"))

        with worker_thread(url, mailbox):
            until(lambda: values(url, JOBS) == ["failed"])

        assert len(mailbox.asked) == 1


def half_a_minute_passes(url: str) -> None:
    values(
        url,
        "UPDATE procrastinate.procrastinate_workers SET last_heartbeat = last_heartbeat - interval '31 s' RETURNING id",
    )


class TestTroubles:
    def test_outlives_its_database(self, url: str, maple: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("engine.jobs.PATIENCE_SECONDS", 0.5)
        mailbox = Mailbox()
        [before] = post(url, maple)

        with capture_logs() as logs, line_to(url) as (line_url, line), worker_thread(line_url, mailbox):
            until(lambda: mailbox.asked == [before] and values(url, JOBS) == [])
            line.cut()
            until(lambda: {"worker.duty_failed", "worker.jobs_failed"} <= {entry["event"] for entry in logs})
            [during] = post(url, maple)
            [subject] = arm(url, maple, due_at=NOW - timedelta(minutes=1))
            line.mend()
            until(lambda: during in mailbox.asked, seconds=60)
            until(lambda: subject in values(url, CANCELLED), seconds=60)

    def test_a_duty_that_fails_goes_on_later_and_holds_up_no_other(self, url: str, maple: UUID) -> None:
        post(url, maple)
        mailbox = Mailbox()

        with capture_logs() as logs, worker_thread(url, mailbox, clock=ClockThatFailsAtFirst()):
            until(lambda: mailbox.asked)

        assert {entry["duty"] for entry in logs if entry["event"] == "worker.duty_failed"} >= {"sweep"}

    def test_stops_while_the_database_is_away(self, url: str) -> None:
        with capture_logs() as logs, line_to(url) as (line_url, line):
            line.cut()
            with worker_thread(line_url, Mailbox()):
                until(lambda: any(entry["event"] == "worker.duty_failed" for entry in logs))
                told = time.monotonic()

        assert time.monotonic() - told < 5


class ClockThatFailsAtFirst:
    def __init__(self) -> None:
        self._readings = 0

    def now(self) -> datetime:
        self._readings += 1
        if self._readings <= 3:
            raise RuntimeError("the clock is being wound up")
        return NOW.astimezone(UTC)
