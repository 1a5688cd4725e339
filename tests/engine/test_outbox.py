"""Messages reach the queue once, with their jobs, whatever dies in between; what is old is forgotten."""

import signal
import subprocess
import sys
import textwrap
from datetime import timedelta
from uuid import UUID

import procrastinate
import pytest
from structlog.testing import capture_logs

from engine import outbox
from engine.database import Database
from engine.jobs import make_app
from engine.outbox import MessageForgotten, forget, read_message, relay, report_unknown
from tests.engine.later import NOW, clear, make_organisation, post, together, values

TOPICS = {"mail": "send_mail", "hook": "call_hook"}
JOBS = "SELECT args ->> 'message_id' FROM procrastinate.procrastinate_jobs ORDER BY id"
WAITING = "SELECT id FROM outbox_message WHERE handed_over_at IS NULL"


@pytest.fixture
def url(database_url: str) -> str:
    clear(database_url)
    return database_url


@pytest.fixture
def maple(url: str) -> UUID:
    return make_organisation(url)


def do_nothing(*, organisation_id: UUID, message_id: UUID) -> None: ...


@pytest.fixture
def app(url: str) -> procrastinate.App:
    return make_app(url, tasks={"send_mail": do_nothing, "call_hook": do_nothing})


class TestRelay:
    def test_makes_a_job_of_the_topics_task_that_names_the_message_alone(
        self, database: Database, app: procrastinate.App, url: str, maple: UUID
    ) -> None:
        [message] = post(url, maple, "hook")

        handed_over = relay(database, app, topics=TOPICS, now=NOW)

        assert handed_over == 1
        assert values(url, "SELECT task_name FROM procrastinate.procrastinate_jobs") == ["call_hook"]
        args = {"organisation_id": str(maple), "message_id": str(message)}
        assert values(url, "SELECT args FROM procrastinate.procrastinate_jobs") == [args]
        assert values(url, "SELECT handed_over_at FROM outbox_message") == [NOW]

    def test_takes_the_oldest_first_one_batch_of_each_organisation_a_turn(
        self, database: Database, app: procrastinate.App, url: str, maple: UUID
    ) -> None:
        birch = make_organisation(url)
        older = post(url, maple, count=3, at=NOW - timedelta(minutes=1))
        post(url, maple, count=3)
        post(url, birch, count=1)

        turns = [relay(database, app, topics=TOPICS, now=NOW, batch=3) for _ in range(3)]

        assert turns == [4, 3, 0]
        jobs = values(url, JOBS.replace("ORDER", f"WHERE args ->> 'organisation_id' = '{maple}' ORDER"))
        assert jobs[:3] == [str(message) for message in older]

    def test_hands_over_nothing_twice(self, database: Database, app: procrastinate.App, url: str, maple: UUID) -> None:
        post(url, maple, count=5)
        relay(database, app, topics=TOPICS, now=NOW)

        assert relay(database, app, topics=TOPICS, now=NOW) == 0

    def test_stops_between_organisations_when_told_to(
        self, database: Database, app: procrastinate.App, url: str, maple: UUID
    ) -> None:
        post(url, maple)

        assert relay(database, app, topics=TOPICS, now=NOW, is_stopping=lambda: True) == 0

    def test_refuses_a_topic_whose_task_the_queue_does_not_have(
        self, database: Database, app: procrastinate.App, maple: UUID
    ) -> None:
        with pytest.raises(AssertionError, match="print_ticket"):
            relay(database, app, topics={"ticket": "print_ticket"}, now=NOW)


class TestUnknownTopics:
    def test_stay_visible_and_hold_up_no_other(
        self, database: Database, app: procrastinate.App, url: str, maple: UUID
    ) -> None:
        strange = post(url, maple, "strange", count=3, at=NOW - timedelta(hours=1))
        post(url, maple, count=2)

        handed_over = relay(database, app, topics=TOPICS, now=NOW, batch=2)

        assert handed_over == 2
        assert sorted(map(str, values(url, WAITING))) == sorted(map(str, strange))

    def test_are_logged_as_errors(self, database: Database, url: str, maple: UUID) -> None:
        first, *_ = post(url, maple, "strange", count=3)

        with capture_logs() as logs:
            waiting = report_unknown(database, topics=TOPICS)

        assert waiting == 3
        [entry] = logs
        assert (entry["log_level"], entry["topic"], entry["messages"]) == ("error", "strange", 3)
        assert (entry["organisation_id"], entry["message_id"]) == (str(maple), str(first))

    def test_are_handed_over_by_a_release_that_knows_them(
        self, database: Database, app: procrastinate.App, url: str, maple: UUID
    ) -> None:
        post(url, maple, "strange")
        relay(database, app, topics=TOPICS, now=NOW)

        assert relay(database, app, topics=TOPICS | {"strange": "call_hook"}, now=NOW) == 1


class TestTenRelays:
    def test_make_one_job_of_each_message(
        self, database: Database, app: procrastinate.App, url: str, maple: UUID
    ) -> None:
        messages = post(url, maple, count=2000)

        relay_all(database, app)

        jobs = values(url, JOBS)
        assert len(jobs) == 2000
        assert set(jobs) == {str(message) for message in messages}

    def test_control_without_the_lock_some_get_two_jobs(
        self, database: Database, app: procrastinate.App, url: str, maple: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        post(url, maple, count=2000)
        monkeypatch.setattr(outbox, "_TAKE", outbox._TAKE.replace("FOR UPDATE SKIP LOCKED", ""))

        relay_all(database, app)

        assert len(values(url, JOBS)) > 2000


def relay_all(database: Database, app: procrastinate.App) -> None:
    def work(number: int) -> None:
        while relay(database, app, topics=TOPICS, now=NOW, batch=50):
            pass

    together(10, work)


class TestKilledRelay:
    @pytest.mark.parametrize("moment", ["before the jobs are made", "after the jobs are made"])
    def test_leaves_the_message_to_the_next(
        self, moment: str, database: Database, app: procrastinate.App, url: str, maple: UUID
    ) -> None:
        messages = post(url, maple, count=3)
        script = f"""
            import os, signal
            from datetime import datetime
            from engine import outbox
            from engine.database import Database
            from engine.jobs import defer, make_app

            def die(transaction, jobs):
                if {moment!r}.startswith("after"):
                    defer(transaction, jobs)
                os.kill(os.getpid(), signal.SIGKILL)

            outbox.defer = die
            app = make_app({url!r}, tasks={{"send_mail": print}})
            topics = {{"mail": "send_mail"}}
            outbox.relay(Database({url!r}), app, topics=topics, now=datetime.fromisoformat({NOW.isoformat()!r}))
        """
        killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, timeout=60)
        assert killed.returncode == -signal.SIGKILL
        assert values(url, JOBS) == []

        relay(database, app, topics=TOPICS, now=NOW)

        assert set(values(url, JOBS)) == {str(message) for message in messages}


class TestReadMessage:
    def test_answers_its_own_organisation_alone(self, database: Database, url: str, maple: UUID) -> None:
        [message_id] = post(url, maple, number=41)
        birch = make_organisation(url)

        with database.transaction(maple) as transaction:
            message = read_message(transaction, message_id)
        with database.transaction(birch) as transaction, pytest.raises(MessageForgotten):
            read_message(transaction, message_id)

        assert (message.topic, message.payload) == ("mail", {"number": 42})


class TestForget:
    def test_deletes_what_is_past_its_time_and_nothing_else(
        self, database: Database, app: procrastinate.App, url: str, maple: UUID
    ) -> None:
        later = NOW + timedelta(days=31)
        post(url, maple, count=5)
        relay(database, app, topics=TOPICS, now=NOW)
        kept = post(url, maple)
        values(url, PROCESSED, maple, later - timedelta(days=401), later - timedelta(days=399))
        values(url, ANSWERED, maple, later - timedelta(days=31), later - timedelta(days=29))
        values(url, ATTEMPTED, maple, later - timedelta(hours=25), later - timedelta(hours=23))
        values(url, SPENT, maple, later - timedelta(hours=25), later - timedelta(hours=23))

        deleted = forget(database, now=later, batch=2)

        assert deleted == {"outbox_message": 5, "processed_event": 1, "idempotency_key": 1, "sign_in_attempt": 1,
                           "spent_challenge": 1}  # fmt: skip
        assert values(url, "SELECT id FROM outbox_message") == kept
        assert values(url, "SELECT event_id FROM processed_event") == ["young"]
        assert values(url, "SELECT key FROM idempotency_key") == ["young"]
        assert values(url, "SELECT subject FROM sign_in_attempt") == ["young"]
        assert values(url, "SELECT challenge_hash FROM spent_challenge") == ["young"]


PROCESSED = """
    WITH made AS (SELECT %s::uuid AS organisation_id, %s::timestamptz AS old, %s::timestamptz AS young)
    INSERT INTO processed_event (organisation_id, id, provider, event_id, event_type, outcome, processed_at)
    SELECT organisation_id, gen_random_uuid(), 'sandbox', 'old', '', '', old FROM made UNION ALL
    SELECT organisation_id, gen_random_uuid(), 'sandbox', 'young', '', '', young FROM made RETURNING event_id
"""
ATTEMPTED = """
    WITH made AS (SELECT %s::uuid AS organisation_id, %s::timestamptz AS old, %s::timestamptz AS young)
    INSERT INTO sign_in_attempt (organisation_id, id, subject, at)
    SELECT organisation_id, gen_random_uuid(), 'old', old FROM made UNION ALL
    SELECT organisation_id, gen_random_uuid(), 'young', young FROM made RETURNING subject
"""
SPENT = """
    WITH made AS (SELECT %s::uuid AS organisation_id, %s::timestamptz AS old, %s::timestamptz AS young)
    INSERT INTO spent_challenge (organisation_id, id, challenge_hash, expires_at)
    SELECT organisation_id, gen_random_uuid(), 'old', old FROM made UNION ALL
    SELECT organisation_id, gen_random_uuid(), 'young', young FROM made RETURNING challenge_hash
"""
ANSWERED = """
    WITH made AS (SELECT %s::uuid AS organisation_id, %s::timestamptz AS old, %s::timestamptz AS young)
    INSERT INTO idempotency_key (organisation_id, principal_id, key, request_hash, status_code, response, headers,
                                 created_at)
    SELECT organisation_id, gen_random_uuid(), 'old', '', 200, '{}'::jsonb, '{}'::jsonb, old FROM made UNION ALL
    SELECT organisation_id, gen_random_uuid(), 'young', '', 200, '{}'::jsonb, '{}'::jsonb, young FROM made RETURNING key
"""
