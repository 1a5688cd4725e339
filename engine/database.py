"""One pool, one organisation per transaction, and a unit of work that is retried where the database asks for it.

Hot paths use the raw psycopg connection; admin and ordinary reads use a SQLModel session over the same connection.
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache
from typing import Any, TypeVar, cast
from uuid import UUID

import orjson
import psycopg
import sqlalchemy as sa
from psycopg import errors
from psycopg.rows import dict_row
from psycopg.types.json import set_json_dumps, set_json_loads
from sqlmodel import Session

from engine.batch import Batch
from engine.errors import Conflict, TermbookError
from engine.ids import REFERENCE_CONSTRAINTS
from engine.schema import sqlalchemy_url

T = TypeVar("T")
Row = dict[str, Any]

ATTEMPTS = 8
_PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")
# A unit of work that was overtaken looks again, and says then what it sees.
LOOKS = 3

_OPENED_AT = "opened_at"


def _dumps(value: Any) -> bytes:
    return orjson.dumps(value, default=str)


set_json_dumps(_dumps)
set_json_loads(orjson.loads)


class TooBusy(Conflict):
    """Others keep changing the same records; trying again in a moment will work."""

    code = "too_busy"


class Overtaken(Conflict):
    """What was read changed before the write; `Database.run` does the whole unit of work again."""

    code = "overtaken"


class OutcomeUnknown(Conflict):
    """The database went away during the commit: ask again with the same Idempotency-Key to learn what happened."""

    code = "outcome_unknown"


class Transaction:
    """One open transaction of one organisation. Nobody but `Database` commits it."""

    def __init__(self, organisation_id: UUID, connection: sa.Connection) -> None:
        self.organisation_id = organisation_id
        self._connection = connection
        # SQLAlchemy owns the pool; the driver's own connection is what hot paths use.
        self.raw = cast("psycopg.Connection[Row]", connection.connection.driver_connection)
        # One cursor serves every statement: each is read to its end before the next.
        self._cursor = psycopg.RawCursor(self.raw, row_factory=dict_row)
        # What hot paths will write, in one statement, when the transaction is flushed.
        self.batch = Batch(organisation_id)

    def begin(self) -> None:
        """Open the transaction with its tenant, in one trip."""
        self._cursor.execute(f"BEGIN; SET LOCAL app.organisation_id = '{self.organisation_id}'".encode(), prepare=False)

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        """Run one statement and return its rows as dictionaries; `%(org)s` is always this organisation."""
        return self._execute(sql, parameters).fetchall()

    def row(self, sql: str, **parameters: Any) -> Row | None:
        """Like `rows`, for a statement that yields one row or none."""
        found = self.rows(sql, **parameters)
        assert len(found) <= 1, "the statement yields at most one row"
        return found[0] if found else None

    def run(self, sql: str, **parameters: Any) -> int:
        """Run one statement and return how many rows it touched."""
        return self._execute(sql, parameters).rowcount

    def _execute(self, sql: str, parameters: Row) -> "psycopg.RawCursor[Row]":
        parameters["org"] = self.organisation_id
        statement, names = _numbered(sql)
        return self._cursor.execute(statement, [parameters[name] for name in names])

    @cached_property
    def session(self) -> Session:
        """A SQLModel session inside this transaction, for ordinary reads and admin writes; flushed at the commit."""
        return Session(bind=self._connection, expire_on_commit=False, autoflush=True)

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part that may be refused by itself: what it wrote is undone then, and the unit of work goes on."""
        self.flush()
        self.raw.execute("SAVEPOINT part")
        try:
            yield
            self.flush()
        except TermbookError:
            self.raw.execute("ROLLBACK TO SAVEPOINT part")
            self.batch = Batch(self.organisation_id)
            raise
        self.raw.execute("RELEASE SAVEPOINT part")

    def flush(self) -> dict[str, int]:
        """Write what is still to be written; returns the last document number given out of each series."""
        if "session" in self.__dict__:
            self.session.flush()
        return self.batch.write(self)

    def finish(self) -> None:
        """Write what is still to be written, and do what follows from it, until nothing is left."""
        self.flush()
        while due := self.batch.due_follow_ups():
            for then, ids in due:
                then.verb(self, ids, then.now)
            self.flush()


@lru_cache(maxsize=500)
def _numbered(sql: str) -> tuple[bytes, list[str]]:
    """The statement with `$1` for the first name in it, and the names: the driver itself would translate a statement
    of more than 4,096 characters anew each time, and each of a hot path's is that long.
    """
    names: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"${names.setdefault(found[1], len(names) + 1)}" if found[1] else "%"

    return _PLACEHOLDER.sub(number, sql).encode(), list(names)


class Database:
    """The connection pool of a process, working as the application's role."""

    def __init__(
        self, url: str, *, app_role: str = "termbook_app", pool_size: int = 10, prepare_threshold: int | None = 5
    ) -> None:
        self.url = url
        # When a connection was last found lost, by the machine's monotonic clock: those opened before are lost too.
        self._lost_at = 0.0
        self.engine = sa.create_engine(
            sqlalchemy_url(url),
            isolation_level="AUTOCOMMIT",  # transactions are opened by hand, with the tenant, in one trip
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=30,
            connect_args={"prepare_threshold": prepare_threshold, "connect_timeout": 10},
        )
        role = sa.quoted_name(app_role, quote=True)

        @sa.event.listens_for(self.engine, "connect")
        def become_the_application(connection: psycopg.Connection[Any], record: sa.pool.ConnectionPoolEntry) -> None:
            record.info[_OPENED_AT] = time.monotonic()
            connection.autocommit = True
            connection.execute(f'SET ROLE "{role}"')
            connection.execute("SET TIME ZONE 'UTC'")

        @sa.event.listens_for(self.engine, "checkout")
        def replace_the_lost(connection: object, record: sa.pool.ConnectionPoolEntry, proxy: object) -> None:
            """After a restart of the server the whole pool is stale: one failure is enough to replace all of it."""
            if record.info[_OPENED_AT] < self._lost_at:
                raise sa.exc.DisconnectionError("opened before the database went away")

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def transaction(self, organisation_id: UUID) -> Iterator[Transaction]:
        """Open a transaction of one organisation; commit at the end, roll back on any exception."""
        with self.engine.connect() as connection:
            work = Transaction(organisation_id, connection)
            try:
                work.begin()
                yield work
                work.finish()
            except BaseException:
                self._give_up(connection, work.raw)
                raise
            self._commit(connection, work.raw)

    def _give_up(self, connection: sa.Connection, raw: psycopg.Connection[Any]) -> None:
        """Roll back. What made us give up is what is raised, also when the connection is lost by now."""
        with suppress(psycopg.OperationalError):
            raw.execute("ROLLBACK")
            return
        self._note_lost(connection)

    def _commit(self, connection: sa.Connection, raw: psycopg.Connection[Any]) -> None:
        """An error that the server reports undid the commit; whatever else ends it may have come after it."""
        try:
            raw.commit()
        except psycopg.OperationalError as error:
            if error.diag.severity_nonlocalized == "ERROR":
                raise
            self._note_lost(connection)
            raise OutcomeUnknown("The database went away during the commit; ask again with the same key.") from error

    def _note_lost(self, connection: sa.Connection) -> None:
        """The first of a stale pool condemns all that were opened before."""
        if connection.info[_OPENED_AT] >= self._lost_at:
            self._lost_at = time.monotonic()
        connection.invalidate()

    def run(self, organisation_id: UUID, work: Callable[[Transaction], T]) -> T:
        """Do one unit of work in a transaction of its own; the whole unit is done again, at most ATTEMPTS times, where
        the database could not serialise it or was away, and at most LOOKS times where somebody was faster. Raises after
        that `TooBusy`, the driver's error or what it was overtaken with; `OutcomeUnknown` if the commit was cut off.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.transaction(organisation_id) as transaction:
                    return work(transaction)
            except Overtaken:
                if attempt >= LOOKS:
                    raise
            except psycopg.Error as error:
                _raise_unless_worth_retrying(error, attempt)
            except sa.exc.DBAPIError as error:
                _raise_unless_worth_retrying(cast(psycopg.Error, error.orig), attempt)
            _pause(attempt)
        raise AssertionError("the last attempt returns or raises")

    def organisations(self) -> list[UUID]:
        """Every organisation, for workers that walk them."""
        with self.engine.connect() as connection:
            return [row[0] for row in connection.execute(sa.text("SELECT id FROM tenant ORDER BY id"))]

    def organisation_by_slug(self, slug: str) -> UUID | None:
        """Whose slug it is. An address can carry a NUL character, which no text of PostgreSQL holds."""
        if "\0" in slug:
            return None
        with self.engine.connect() as connection:
            return connection.execute(sa.text("SELECT id FROM tenant WHERE slug = :slug"), {"slug": slug}).scalar()


def _raise_unless_worth_retrying(error: psycopg.Error, attempt: int) -> None:
    """Serialisation failures, deadlocks, a lost connection and a clash of two short references are tried again."""
    clash = isinstance(error, errors.UniqueViolation) and error.diag.constraint_name in REFERENCE_CONSTRAINTS
    contended = clash or isinstance(error, errors.SerializationFailure | errors.DeadlockDetected)
    lost = isinstance(error, psycopg.OperationalError) and not isinstance(error, errors.QueryCanceled)
    if not (contended or lost):
        raise error
    if attempt == ATTEMPTS and contended:
        raise TooBusy("Others keep changing the same records; please try again in a moment.") from error
    if attempt == ATTEMPTS:
        raise error


def _pause(attempt: int) -> None:
    """Wait a little, longer each time, and never in step with others."""
    time.sleep(random.uniform(0.005, 0.02) * 2 ** min(attempt, 6))  # noqa: S311 - jitter, not a secret
