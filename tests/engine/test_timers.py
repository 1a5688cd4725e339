"""Timers fire once each, however many sweep, and a timer that fails is alone in it."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from engine import timers
from engine.database import Database, OutcomeUnknown, TooBusy, Transaction
from engine.timers import Due, Failures, Handler, claim, sweep
from models.timer import TimerKind
from tests.engine.later import NOW, arm, clear, make_organisation, make_subjects, together, until, values

A_MINUTE_AGO = NOW - timedelta(minutes=1)
CANCELLED = "SELECT id FROM subject WHERE cancelled = 1"
CANCELLED_TWICE = "SELECT id FROM subject WHERE cancelled > 1"
SOMEBODY_WAITS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
ARMED = "SELECT subject_id FROM timer WHERE status = 'ARMED'"


@pytest.fixture(scope="module")
def prepared_url(database_url: str) -> str:
    make_subjects(database_url)
    return database_url


@pytest.fixture
def url(prepared_url: str) -> str:
    clear(prepared_url)
    values(prepared_url, "DELETE FROM subject RETURNING id")
    return prepared_url


@pytest.fixture
def maple(url: str) -> UUID:
    return make_organisation(url)


def cancel(transaction: Transaction, due: Sequence[Due], now: datetime) -> None:
    """What a workflow would do with orders that ran out: the whole batch in one statement."""
    transaction.run(
        "UPDATE subject SET status = 'CANCELED', cancelled = cancelled + 1"
        " WHERE organisation_id = %(org)s AND id = ANY (%(ids)s)",
        ids=[timer.subject_id for timer in due],
    )


HANDLERS = {TimerKind.AUTO_CANCEL: Handler("subject", cancel)}


class TestSweep:
    def test_fires_what_is_due_and_leaves_what_is_not(self, database: Database, url: str, maple: UUID) -> None:
        due = arm(url, maple, due_at=NOW - timedelta(microseconds=1))
        not_due = arm(url, maple, due_at=NOW)

        fired = sweep(database, now=NOW, handlers=HANDLERS)

        assert fired == 1
        assert values(url, CANCELLED) == due
        assert values(url, "SELECT settled_at FROM timer WHERE status = 'FIRED'") == [NOW]
        assert values(url, ARMED) == not_due

    def test_fires_all_in_batches_oldest_first_in_every_organisation(
        self, database: Database, url: str, maple: UUID
    ) -> None:
        batches: list[list[UUID]] = []

        def note(transaction: Transaction, due: Sequence[Due], now: datetime) -> None:
            batches.append([timer.subject_id for timer in due])

        young, old = arm(url, maple, due_at=A_MINUTE_AGO, count=3), arm(url, maple, due_at=NOW - timedelta(hours=1))
        arm(url, make_organisation(url), due_at=A_MINUTE_AGO)

        fired = sweep(database, now=NOW, handlers={TimerKind.AUTO_CANCEL: Handler("subject", note)}, batch=3)

        assert fired == 5
        assert sorted(len(batch) for batch in batches) == [1, 1, 3]
        assert [*old, *young[:2]] in batches

    def test_fires_no_other_kind(self, database: Database, url: str, maple: UUID) -> None:
        arm(url, maple, due_at=A_MINUTE_AGO)

        assert sweep(database, now=NOW, handlers={TimerKind.QUOTE_EXPIRY: Handler("subject", cancel)}) == 0

    def test_stops_between_batches_when_told_to(self, database: Database, url: str, maple: UUID) -> None:
        arm(url, maple, due_at=A_MINUTE_AGO)

        assert sweep(database, now=NOW, handlers=HANDLERS, is_stopping=lambda: True) == 0


class TestTenSweepers:
    def test_fire_each_timer_once(self, database: Database, url: str, maple: UUID) -> None:
        arm(url, maple, due_at=A_MINUTE_AGO, count=5000)

        fired = sweep_together(database, 10)

        assert sum(fired) == 5000
        assert len(values(url, CANCELLED)) == 5000
        assert values(url, ARMED) == []

    def test_control_without_lock_and_guard_some_fire_twice(
        self, database: Database, url: str, maple: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        arm(url, maple, due_at=A_MINUTE_AGO, count=5000)
        monkeypatch.setattr(timers, "_LOCK", timers._LOCK.replace("FOR NO KEY UPDATE OF s SKIP LOCKED", ""))
        monkeypatch.setattr(timers, "_SETTLE", timers._SETTLE.replace("AND status = 'ARMED'", ""))

        fired = sweep_together(database, 10)

        assert sum(fired) > 5000
        assert values(url, CANCELLED_TWICE)


def sweep_together(database: Database, sweepers: int) -> list[int]:
    return together(sweepers, lambda number: sweep(database, now=NOW, handlers=HANDLERS, batch=50))


class TestVerbsBesideSweepers:
    def test_an_order_that_a_verb_holds_is_passed_over_without_waiting(
        self, database: Database, url: str, maple: UUID
    ) -> None:
        [held] = arm(url, maple, due_at=A_MINUTE_AGO)
        free = arm(url, maple, due_at=A_MINUTE_AGO)

        with database.transaction(maple) as verb:
            lock(verb, held)
            fired = sweep(database, now=NOW, handlers=HANDLERS)
            disarm(verb, held)

        assert fired == 1
        assert values(url, CANCELLED) == free
        assert sweep(database, now=NOW, handlers=HANDLERS) == 0

    def test_what_was_disarmed_after_it_was_read_does_not_fire(
        self, database: Database, url: str, maple: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        [paid] = arm(url, maple, due_at=A_MINUTE_AGO)
        settle = timers._settle

        def settle_late(transaction: Transaction, ids: Sequence[UUID], *, now: datetime) -> list[Due]:
            # As when the verb commits while the sweeper's first statement is under way.
            values(url, "UPDATE timer SET status = 'DISARMED', settled_at = %s RETURNING id", NOW)
            return settle(transaction, ids, now=now)

        monkeypatch.setattr(timers, "_settle", settle_late)

        assert sweep(database, now=NOW, handlers=HANDLERS) == 0
        assert values(url, CANCELLED) == []
        assert values(url, "SELECT subject_id FROM timer WHERE status = 'DISARMED'") == [paid]

    def test_each_order_is_confirmed_or_cancelled_and_nobody_deadlocks(
        self, database: Database, url: str, maple: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("engine.database.ATTEMPTS", 1)  # a deadlock fails, it is not tried again
        subjects = arm(url, maple, due_at=A_MINUTE_AGO, count=1000)

        def work(number: int) -> None:
            if number < 4:
                sweep(database, now=NOW, handlers=HANDLERS, batch=10)
            else:
                for subject_id in subjects[:: -1 if number % 2 else 1]:
                    database.run(maple, partial(confirm, subject_id=subject_id))

        together(8, work)

        confirmed = values(url, "SELECT id FROM subject WHERE status = 'APPROVED'")
        cancelled = values(url, CANCELLED)
        disarmed = values(url, "SELECT subject_id FROM timer WHERE status = 'DISARMED'")
        fired = values(url, "SELECT subject_id FROM timer WHERE status = 'FIRED'")
        assert (set(confirmed), set(cancelled)) == (set(disarmed), set(fired))
        assert len(confirmed) + len(cancelled) == 1000
        assert confirmed
        assert cancelled

    def test_control_a_sweeper_that_locks_the_timers_first_deadlocks(
        self, database: Database, url: str, maple: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("engine.database.ATTEMPTS", 1)
        monkeypatch.setattr(timers, "_LOCK", timers._LOCK.replace("UPDATE OF s", "UPDATE OF t"))
        [subject] = arm(url, maple, due_at=A_MINUTE_AGO)
        sweeper = threading.Thread(target=sweep, args=[database], kwargs={"now": NOW, "handlers": HANDLERS})

        def verb(transaction: Transaction) -> None:
            lock(transaction, subject)
            sweeper.start()
            until(lambda: values(url, SOMEBODY_WAITS))
            disarm(transaction, subject)

        with capture_logs() as logs:
            try:
                database.run(maple, verb)
                refused = False
            except TooBusy:
                refused = True
            sweeper.join()

        assert refused or [entry["event"] for entry in logs] == ["timers.failed"]


def lock(verb: Transaction, subject_id: UUID) -> str:
    row = verb.row(
        "SELECT status FROM subject WHERE organisation_id = %(org)s AND id = %(id)s FOR UPDATE", id=subject_id
    )
    assert row
    return str(row["status"])


def disarm(verb: Transaction, subject_id: UUID) -> int:
    return verb.run(
        "UPDATE timer SET status = 'DISARMED', settled_at = %(now)s"
        " WHERE organisation_id = %(org)s AND subject_id = %(id)s AND status = 'ARMED'",
        id=subject_id,
        now=NOW,
    )


def confirm(verb: Transaction, subject_id: UUID) -> None:
    if lock(verb, subject_id) == "SUBMITTED":
        verb.run("UPDATE subject SET status = 'APPROVED' WHERE id = %(id)s", id=subject_id)
        assert disarm(verb, subject_id) == 1


class TestFailingTimer:
    def test_is_alone_in_it_and_logged_with_its_id(self, database: Database, url: str, maple: UUID) -> None:
        subjects = arm(url, maple, due_at=A_MINUTE_AGO, count=100)
        broken = {subjects[3], subjects[77]}

        with capture_logs() as logs:
            fired = sweep(database, now=NOW, handlers=failing_on(broken))

        assert fired == 98
        assert set(values(url, ARMED)) == broken
        assert len(values(url, CANCELLED)) == 98
        assert {entry["event"] for entry in logs} == {"timers.failed"}
        assert {entry["timer_id"] for entry in logs} == set(map(str, values(url, ARMED.replace("subject_id", "id"))))

    def test_is_left_alone_for_a_while_and_tried_again(self, database: Database, url: str, maple: UUID) -> None:
        subjects = arm(url, maple, due_at=A_MINUTE_AGO)
        failures = Failures()
        sweep(database, now=NOW, handlers=failing_on(set(subjects)), failures=failures)

        at_once = sweep(database, now=NOW, handlers=HANDLERS, failures=failures)
        later = sweep(database, now=NOW + timedelta(seconds=3), handlers=HANDLERS, failures=failures)

        assert (at_once, later) == (0, 1)
        assert failures.until == {}

    def test_waits_longer_each_time_up_to_ten_minutes(self) -> None:
        failures, [timer_id] = Failures(), [UUID(int=7)]

        delays = []
        for _ in range(12):
            failures.note(timer_id, NOW)
            delays.append((failures.until[timer_id] - NOW).total_seconds())

        assert delays[:3] == [2, 4, 8]
        assert delays[-1] == 600

    def test_an_outage_is_nobodys_fault(self, database: Database, url: str, maple: UUID) -> None:
        arm(url, maple, due_at=A_MINUTE_AGO, count=2)
        failures = Failures()

        def go_away(transaction: Transaction, due: Sequence[Due], now: datetime) -> None:
            raise OutcomeUnknown("the database went away")

        with pytest.raises(OutcomeUnknown):
            sweep(database, now=NOW, handlers={TimerKind.AUTO_CANCEL: Handler("subject", go_away)}, failures=failures)

        assert failures.until == {}


def failing_on(broken: set[UUID]) -> dict[TimerKind, Handler]:
    def cancel_some(transaction: Transaction, due: Sequence[Due], now: datetime) -> None:
        cancel(transaction, due, now)
        if broken & {timer.subject_id for timer in due}:
            raise RuntimeError("one of these cannot be cancelled")

    return {TimerKind.AUTO_CANCEL: Handler("subject", cancel_some)}


class TestClaim:
    def test_fires_the_overdue_timers_of_these_subjects_inside_a_verb(
        self, database: Database, url: str, maple: UUID
    ) -> None:
        overdue, other = arm(url, maple, due_at=A_MINUTE_AGO), arm(url, maple, due_at=A_MINUTE_AGO)
        running = arm(url, maple, due_at=NOW + timedelta(minutes=1))

        with database.transaction(maple) as verb:
            due = claim(verb, TimerKind.AUTO_CANCEL, subject_table="subject", subjects=[*overdue, *running], now=NOW)

        assert [timer.subject_id for timer in due] == overdue
        assert set(values(url, ARMED)) == {*running, *other}

    def test_passes_over_what_another_holds(self, database: Database, url: str, maple: UUID) -> None:
        [held] = arm(url, maple, due_at=A_MINUTE_AGO)

        with database.transaction(maple) as other, database.transaction(maple) as verb:
            lock(other, held)
            due = claim(verb, TimerKind.AUTO_CANCEL, subject_table="subject", subjects=[held], now=NOW)

        assert due == []
