"""A restart of the database costs a retry, not a row of errors: one failure replaces a whole stale pool."""

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest

from engine.database import Database, OutcomeUnknown, Transaction
from tests.engine.later import Line, line_to, make_organisation, until, values

POOL = 12


@pytest.fixture
def line(database_url: str) -> Iterator[tuple[Database, Line]]:
    with line_to(database_url) as (url, line):
        database = Database(url, pool_size=POOL)
        yield database, line
        database.close()


@pytest.fixture(scope="module")
def maple(database_url: str) -> UUID:
    return make_organisation(database_url)


def fill_pool(database: Database) -> None:
    connections = [database.engine.connect() for _ in range(POOL)]
    for connection in connections:
        connection.close()


def cut_shortly(line: Line) -> None:
    """Long enough for every open connection to break, as a restart of the server does."""
    line.cut()
    until(lambda: not line._pairs)
    line.mend()


class TestAStalePool:
    def test_is_replaced_at_the_first_failure(self, line: tuple[Database, Line], maple: UUID) -> None:
        database, cable = line
        fill_pool(database)
        cut_shortly(cable)

        begun = [0]

        def work(tx: Transaction) -> None:
            begun[0] += 1
            tx.rows("SELECT 1 AS one")

        with pytest.raises(psycopg.OperationalError), database.transaction(maple) as tx:
            work(tx)
        for _ in range(POOL):
            with database.transaction(maple) as tx:
                work(tx)
        assert begun == [POOL]

    def test_hides_the_restart_from_a_unit_of_work(self, line: tuple[Database, Line], maple: UUID) -> None:
        database, cable = line
        fill_pool(database)
        cut_shortly(cable)

        assert database.run(maple, lambda tx: tx.rows("SELECT 1 AS one")) == [{"one": 1}]

    def test_keeps_what_was_opened_after_it(self, line: tuple[Database, Line], maple: UUID) -> None:
        database, cable = line
        fill_pool(database)
        cut_shortly(cable)

        def round_the_pool() -> set[int]:
            backend = "SELECT pg_backend_pid() AS pid"
            return {database.run(maple, lambda tx: tx.rows(backend))[0]["pid"] for _ in range(POOL)}

        first, again = round_the_pool(), round_the_pool()

        assert len(first) == POOL
        assert again == first


class TestALostAnswer:
    def test_to_a_commit_is_not_tried_again(self, line: tuple[Database, Line], maple: UUID) -> None:
        database, cable = line
        begun = [0]

        def work(tx: Transaction) -> None:
            begun[0] += 1
            tx.run("SELECT 1")
            cut_shortly(cable)

        with pytest.raises(OutcomeUnknown):
            database.run(maple, work)

        assert begun == [1]

    def test_when_the_server_ends_the_session_neither(self, database: Database, maple: UUID, database_url: str) -> None:
        """A session ended by an administrator says so before it hangs up."""
        begun = [0]

        def work(tx: Transaction) -> None:
            begun[0] += 1
            row = tx.row("SELECT pg_backend_pid() AS pid")
            assert row
            values(database_url, "SELECT pg_terminate_backend(%s, 5000)", row["pid"])

        with pytest.raises(OutcomeUnknown):
            database.run(maple, work)

        assert begun == [1]

    def test_before_the_commit_is_tried_again(self, line: tuple[Database, Line], maple: UUID) -> None:
        database, cable = line
        begun = [0]

        def work(tx: Transaction) -> int:
            begun[0] += 1
            if begun == [1]:
                cut_shortly(cable)
            return tx.rows("SELECT 7 AS seven")[0]["seven"]  # type: ignore[no-any-return]

        assert database.run(maple, work) == 7
        assert begun == [2]
