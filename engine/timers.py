"""Timers fire once each, in batches, on however many sweepers run at the same time.

Why no one can deadlock with a sweeper, and nothing fires twice. A verb locks its order and then disarms the timer; a
sweeper that locked timers first would wait for the order while the verb waits for the timer. So a sweeper locks the
*subject* of a due timer (the order), as every verb does, and nothing else, and passes over those that somebody holds
(`SKIP LOCKED`): it waits for nobody. What it read of the timers before it had the locks may be out of date, so a later
statement settles them by a guarded UPDATE, and only the timers that this UPDATE touched have fired. Nobody touches the
timer of an order whose lock they do not hold, hence that UPDATE waits for nobody either. The subject's workflow then
does its work in the same transaction: timer and order move together or not at all.
"""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import sqlalchemy as sa
import structlog
from psycopg import errors

from engine.database import Database, OutcomeUnknown, TooBusy, Transaction
from models.timer import TimerKind

_log = structlog.get_logger("termbook.timers")


@dataclass(frozen=True, slots=True)
class Due:
    """A timer that has just fired: its subject is locked, its row is settled."""

    id: UUID
    subject_id: UUID
    due_at: datetime


Fire = Callable[[Transaction, Sequence[Due], datetime], None]


@dataclass(frozen=True, slots=True)
class Handler:
    """What one kind of timer is for: the table of its subjects, and the verb that does the whole batch.

    `fire(transaction, due, now)` finds the subjects locked and the timers FIRED: disarming them again touches no row,
    and putting one off means arming a new one. What it raises undoes the batch. It may wait for locks that come after
    the subject's in the fixed order, and for none before.
    """

    subject_table: str
    fire: Fire


@dataclass(slots=True)
class Failures:
    """The timers that failed lately. A sweeper leaves each alone for a while, longer after each failure, up to ten
    minutes, so that they cost the others nothing. Nothing is kept but in memory: a new process tries them at once."""

    until: dict[UUID, datetime] = field(default_factory=dict)
    delay: dict[UUID, timedelta] = field(default_factory=dict)

    def left_alone(self, now: datetime) -> list[UUID]:
        return [timer_id for timer_id, until in self.until.items() if until > now]

    def note(self, timer_id: UUID, now: datetime) -> None:
        # A timer that was disarmed does not come again.
        self.forget([one for one, until in self.until.items() if until < now - timedelta(hours=1)])
        delay = min(2 * self.delay.get(timer_id, timedelta(seconds=1)), timedelta(minutes=10))
        self.delay[timer_id], self.until[timer_id] = delay, now + delay

    def forget(self, timer_ids: Collection[UUID]) -> None:
        for timer_id in timer_ids:
            self.until.pop(timer_id, None)
            self.delay.pop(timer_id, None)


def never() -> bool:
    return False


def claim(
    transaction: Transaction,
    kind: TimerKind,
    *,
    subject_table: str,
    subjects: Collection[UUID],
    now: datetime,
) -> list[Due]:
    """Fire the due timers of these subjects inside this transaction, except of those that somebody else holds.

    For a verb that finds overdue holds in its way: it runs the handler's `fire` on what this returns.
    """
    ids = _lock(transaction, kind, subject_table, now=now, limit=len(subjects), subjects=subjects)
    return _settle(transaction, ids, now=now)


def _lock(
    transaction: Transaction,
    kind: TimerKind,
    subject_table: str,
    *,
    now: datetime,
    limit: int,
    subjects: Collection[UUID] | None = None,
    only: Collection[UUID] | None = None,
    leave: Collection[UUID] = (),
) -> list[UUID]:
    """Lock the subjects of up to `limit` due timers, oldest first, and return the timers; these may be out of date."""
    wanted = ["AND t.subject_id = ANY (%(subjects)s)"] if subjects is not None else []
    wanted += ["AND t.id = ANY (%(only)s)"] if only is not None else []
    wanted += ["AND t.id <> ALL (%(leave)s)"] if leave else []
    rows = transaction.rows(
        _LOCK.format(subject_table=subject_table, wanted=" ".join(wanted)),
        kind=kind,
        now=now,
        limit=limit,
        subjects=list(subjects or ()),
        only=list(only or ()),
        leave=list(leave),
    )
    return [row["id"] for row in rows]


def _settle(transaction: Transaction, ids: Sequence[UUID], *, now: datetime) -> list[Due]:
    """Settle those of the timers that are still armed, by whoever holds their subjects' locks."""
    if not ids:
        return []
    rows = transaction.rows(_SETTLE, now=now, ids=list(ids))
    return sorted((Due(**row) for row in rows), key=lambda timer: (timer.due_at, timer.id))


_LOCK = """
    SELECT t.id FROM timer t
    JOIN "{subject_table}" s ON s.organisation_id = t.organisation_id AND s.id = t.subject_id
    WHERE t.organisation_id = %(org)s AND s.organisation_id = %(org)s
      AND t.kind = %(kind)s AND t.status = 'ARMED' AND t.due_at <= %(now)s {wanted}
    ORDER BY t.due_at LIMIT %(limit)s FOR NO KEY UPDATE OF s SKIP LOCKED
"""

# A timer that was put off since it was read is not due any more.
_SETTLE = """
    UPDATE timer SET status = 'FIRED', settled_at = %(now)s
    WHERE organisation_id = %(org)s AND id = ANY (%(ids)s) AND status = 'ARMED' AND due_at <= %(now)s
    RETURNING id, subject_id, due_at
"""


def sweep(
    database: Database,
    *,
    now: datetime,
    handlers: Mapping[TimerKind, Handler],
    batch: int = 100,
    failures: Failures | None = None,
    is_stopping: Callable[[], bool] = never,
) -> int:
    """Fire every timer that is due, one batch a transaction, and say how many fired.

    As many sweepers as you like may run: each takes what the others do not hold, and a timer fires once. A batch that
    fails is done again in halves until the failing timer is alone; it is logged, stays armed and is tried again by a
    later sweep, while the rest fires. When the database is gone this raises instead: that is nobody's timer's fault.
    """
    failures = failures if failures is not None else Failures()
    fired = 0
    for organisation_id in _with_due_timers(database, now):
        for kind, handler in handlers.items():
            one = _Sweep(database, organisation_id, kind, handler, now, failures)
            fired += one.run(batch, is_stopping)
    return fired


def _with_due_timers(database: Database, now: datetime) -> list[UUID]:
    with database.engine.connect() as connection:
        found = connection.execute(sa.text("SELECT organisations_with_due_timers(:now)"), {"now": now})
        organisations: list[UUID] = [row[0] for row in found]
    random.shuffle(organisations)  # sweepers that start together spread over them
    return organisations


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One transaction: the timers it tried, how many fired, and the error that undid it."""

    tried: list[UUID]
    fired: int = 0
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Sweep:
    """One organisation's timers of one kind."""

    database: Database
    organisation_id: UUID
    kind: TimerKind
    handler: Handler
    now: datetime
    failures: Failures

    def run(self, batch: int, is_stopping: Callable[[], bool]) -> int:
        fired = 0
        while not is_stopping():
            attempt = self._attempt(limit=batch, leave=self.failures.left_alone(self.now))
            if not attempt.tried:
                break
            fired += self._isolate(attempt) if attempt.error else attempt.fired
        return fired

    def _attempt(self, *, limit: int, only: Collection[UUID] | None = None, leave: Collection[UUID] = ()) -> _Attempt:
        tried: list[UUID] = []

        def work(transaction: Transaction) -> int:
            tried[:] = _lock(
                transaction,
                self.kind,
                self.handler.subject_table,
                now=self.now,
                limit=limit,
                only=only,
                leave=leave,
            )
            due = _settle(transaction, tried, now=self.now)
            if due:
                self.handler.fire(transaction, due, self.now)
            return len(due)

        try:
            fired = self.database.run(self.organisation_id, work)
        except Exception as error:
            if not tried or _is_outage(error):
                raise
            return _Attempt(tried, error=error)
        self.failures.forget(tried)
        return _Attempt(tried, fired)

    def _isolate(self, failed: _Attempt) -> int:
        """Fire what can be fired of a failed batch: by halves, until each failing timer is alone."""
        if len(failed.tried) == 1:
            timer_id = failed.tried[0]
            self.failures.note(timer_id, self.now)
            _log.error(
                "timers.failed",
                organisation_id=str(self.organisation_id),
                timer_id=str(timer_id),
                kind=str(self.kind),
                exc_info=failed.error,
            )
            return 0
        fired = 0
        middle = len(failed.tried) // 2
        for half in (failed.tried[:middle], failed.tried[middle:]):
            attempt = self._attempt(limit=len(half), only=half)
            fired += self._isolate(attempt) if attempt.error else attempt.fired
        return fired


def _is_outage(error: Exception) -> bool:
    """Whether the database, and not this batch, is what failed."""
    cause = error.__cause__ if isinstance(error, TooBusy) else error
    if isinstance(cause, errors.SerializationFailure | errors.DeadlockDetected | errors.QueryCanceled):
        return False
    return isinstance(cause, OutcomeUnknown | psycopg.OperationalError | sa.exc.OperationalError)
