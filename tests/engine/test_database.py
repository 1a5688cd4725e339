"""Units of work: one organisation each, done again where the database asks for it, and never twice by mistake."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa

from engine import database as database_module
from engine.database import ATTEMPTS, LOOKS, Database, OutcomeUnknown, Overtaken, TooBusy, Transaction
from engine.ids import new_id
from models import Extra
from tests.engine.later import line_to, make_organisation, until, values


def terminate(url: str, tx: Transaction) -> None:
    """End the connection of a transaction from outside, as an operator or a failing server would."""
    pid = tx.rows("SELECT pg_backend_pid() AS pid")[0]["pid"]
    values(url, "SELECT pg_terminate_backend(%s)", pid)
    until(lambda: not values(url, "SELECT pid FROM pg_stat_activity WHERE pid = %s", pid))


@pytest.fixture(scope="module")
def maple(checked_database: Database, database_url: str) -> UUID:
    return make_organisation(database_url, "maple")


@pytest.fixture
def lunch(database: Database, maple: UUID) -> UUID:
    """A row to fight for."""
    return add_extra(database, maple)


def add_extra(database: Database, organisation_id: UUID, name: str = "Lunch") -> UUID:
    row = {"id": new_id(), "name": name, "price_minor": 0, "is_active": True}
    with database.transaction(organisation_id) as tx:
        tx.batch.add(Extra, [row])
    return row["id"]  # type: ignore[return-value]


def price(url: str, extra_id: UUID) -> object:
    return values(url, "SELECT price_minor FROM extra WHERE id = %s", extra_id)[0]


def raise_price(tx: Transaction, extra_id: UUID, by: int = 1) -> None:
    tx.run("UPDATE extra SET price_minor = price_minor + %(by)s WHERE id = %(id)s", by=by, id=extra_id)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the pauses between attempts."""
    monkeypatch.setattr(database_module, "_pause", lambda attempt: None)


class TestTransaction:
    def test_commits_at_the_end(self, database: Database, database_url: str, maple: UUID, lunch: UUID) -> None:
        with database.transaction(maple) as tx:
            raise_price(tx, lunch)
            assert price(database_url, lunch) == 0

        assert price(database_url, lunch) == 1

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_rolls_back_on_any_exception(
        self, database: Database, database_url: str, maple: UUID, lunch: UUID, error: type[BaseException]
    ) -> None:
        def work() -> None:
            with database.transaction(maple) as tx:
                raise_price(tx, lunch)
                raise error

        with pytest.raises(error):
            work()

        assert price(database_url, lunch) == 0

    def test_rolls_back_what_the_flush_refuses(
        self, database: Database, database_url: str, maple: UUID, lunch: UUID
    ) -> None:
        def work() -> None:
            with database.transaction(maple) as tx:
                raise_price(tx, lunch)
                tx.batch.add(Extra, [{"id": new_id(), "name": "Bus", "price_minor": -1, "is_active": True}])

        with pytest.raises(psycopg.errors.CheckViolation):
            work()
        assert price(database_url, lunch) == 0

    def test_sees_one_organisation_and_leaves_nothing_in_the_pool(
        self, database_url: str, maple: UUID, lunch: UUID
    ) -> None:
        other = make_organisation(database_url)
        one = Database(database_url, pool_size=1)
        count = "SELECT count(*) AS n FROM extra"

        def seen(organisation_id: UUID) -> Any:
            with one.transaction(organisation_id) as tx:
                return tx.rows(count)[0]["n"]

        assert seen(maple) > 0
        assert seen(other) == 0
        with one.engine.connect() as connection:
            assert connection.execute(sa.text(count)).scalar() == 0
            assert connection.execute(sa.text("SELECT current_user")).scalar() == "termbook_app"
        one.close()

    def test_reads_in_utc(self, database: Database, maple: UUID) -> None:
        with database.transaction(maple) as tx:
            assert tx.rows("SHOW TIME ZONE")[0]["TimeZone"] == "UTC"

    def test_writes_what_its_session_and_its_batch_hold(
        self, database: Database, database_url: str, maple: UUID
    ) -> None:
        bus, stay = Extra(organisation_id=maple, name="Bus", price_minor=5), new_id()
        with database.transaction(maple) as tx:
            tx.session.add(bus)
            tx.batch.add(Extra, [{"id": stay, "name": "Late pick-up", "price_minor": 7, "is_active": True}])

        assert (price(database_url, bus.id), price(database_url, stay)) == (5, 7)

    def test_names_and_percents_in_a_statement(self, database: Database, maple: UUID) -> None:
        with database.transaction(maple) as tx:
            row = tx.row("SELECT %(b)s::int AS b, %(a)s::text AS a, %(b)s::int + 1 AS c, 7 %% 4 AS d, %(org)s AS org",
                         a="100 %", b=1)  # fmt: skip

        assert row == {"b": 1, "a": "100 %", "c": 2, "d": 3, "org": maple}


@pytest.mark.usefixtures("hurried")
class TestDoneAgain:
    @pytest.mark.parametrize("error", [psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected])
    def test_where_the_database_could_not_serialise_it(
        self, database: Database, database_url: str, maple: UUID, lunch: UUID, error: type[psycopg.Error]
    ) -> None:
        attempts = []

        def work(tx: Transaction) -> str:
            attempts.append(1)
            raise_price(tx, lunch)
            if len(attempts) < 3:
                tx.run("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '" + str(error.sqlstate) + "'; END $$")
            return "done"

        assert database.run(maple, work) == "done"
        assert (len(attempts), price(database_url, lunch)) == (3, 1)

    def test_so_many_times_and_then_it_is_too_busy(
        self, database: Database, database_url: str, maple: UUID, lunch: UUID
    ) -> None:
        attempts = []

        def work(tx: Transaction) -> None:
            attempts.append(1)
            raise_price(tx, lunch)
            raise psycopg.errors.DeadlockDetected

        with pytest.raises(TooBusy) as refusal:
            database.run(maple, work)

        assert (len(attempts), price(database_url, lunch)) == (ATTEMPTS, 0)
        assert isinstance(refusal.value.__cause__, psycopg.errors.DeadlockDetected)

    def test_not_for_what_will_fail_again(self, database: Database, maple: UUID, lunch: UUID) -> None:
        attempts = []

        def work(tx: Transaction) -> None:
            attempts.append(1)
            raise_price(tx, lunch, by=-1)

        with pytest.raises(psycopg.errors.CheckViolation):
            database.run(maple, work)
        assert len(attempts) == 1

    def test_not_for_a_statement_that_was_cancelled(self, database: Database, maple: UUID) -> None:
        attempts = []

        def work(tx: Transaction) -> None:
            attempts.append(1)
            tx.run("SET LOCAL statement_timeout = 20")
            tx.run("SELECT pg_sleep(5)")

        with pytest.raises(psycopg.errors.QueryCanceled):
            database.run(maple, work)
        assert len(attempts) == 1

    def test_where_two_short_references_clash(self, database: Database, maple: UUID) -> None:
        given = iter(["AC-1", "AC-1", "AC-2"])

        def work(tx: Transaction) -> None:
            tx.run("INSERT INTO account (organisation_id, id, reference, kind, name, email, phone, address, is_staff, "
                   "created_at) VALUES (%(org)s, %(id)s, %(ref)s, 'FAMILY', 'A', '', '', '[]', false, now())",
                   id=new_id(), ref=next(given))  # fmt: skip

        database.run(maple, work)
        database.run(maple, work)

        assert list(given) == []

    def test_where_the_session_meets_it(self, database: Database, maple: UUID) -> None:
        attempts = []

        def work(tx: Transaction) -> None:
            attempts.append(1)
            if len(attempts) == 1:
                tx.session.connection().exec_driver_sql(
                    "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$"
                )

        database.run(maple, work)
        assert len(attempts) == 2

    def test_a_few_times_where_somebody_was_faster(self, database: Database, maple: UUID) -> None:
        attempts = []

        def work(tx: Transaction) -> str:
            attempts.append(1)
            if len(attempts) == 1:
                raise Overtaken("Look again.")
            return "seen"

        def never(tx: Transaction) -> None:
            attempts.append(1)
            raise Overtaken("Look again.")

        assert database.run(maple, work) == "seen"
        attempts.clear()
        with pytest.raises(Overtaken):
            database.run(maple, never)
        assert len(attempts) == LOOKS


class TestDeadlock:
    def test_of_two_units_of_work_ends_with_both_done(self, database: Database, database_url: str, maple: UUID) -> None:
        one, other = add_extra(database, maple), add_extra(database, maple, "Bus")
        both_hold = threading.Barrier(2)
        attempts: list[int] = []

        def work(tx: Transaction, first: UUID, second: UUID, met: list[int]) -> None:
            attempts.append(1)
            raise_price(tx, first)
            if not met:
                met.append(1)
                both_hold.wait(20)
            raise_price(tx, second)

        threads = [
            threading.Thread(target=database.run, args=(maple, lambda tx, a=a, b=b, met=[]: work(tx, a, b, met)))
            for a, b in ((one, other), (other, one))
        ]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert (price(database_url, one), price(database_url, other)) == (2, 2)
        assert len(attempts) == 3


class TestLostConnection:
    def test_before_the_commit_is_done_again(
        self, database: Database, database_url: str, maple: UUID, lunch: UUID
    ) -> None:
        attempts = []

        def work(tx: Transaction) -> None:
            attempts.append(1)
            raise_price(tx, lunch)
            if len(attempts) == 1:
                terminate(database_url, tx)
                raise_price(tx, lunch)

        database.run(maple, work)

        assert (len(attempts), price(database_url, lunch)) == (2, 1)

    def test_while_it_lay_in_the_pool_is_not_noticed(self, database_url: str, maple: UUID, lunch: UUID) -> None:
        one = Database(database_url, pool_size=3)
        pids = [row["pid"] for row in one.run(maple, lambda tx: tx.rows("SELECT pg_backend_pid() AS pid"))]
        values(database_url, "SELECT pg_terminate_backend(%s)", pids[0])

        one.run(maple, lambda tx: raise_price(tx, lunch))

        assert price(database_url, lunch) == 1
        one.close()

    def test_during_the_commit_leaves_the_outcome_unknown(
        self, database: Database, database_url: str, maple: UUID, lunch: UUID, dies_at_commit: None
    ) -> None:
        attempts = []

        def work(tx: Transaction) -> None:
            attempts.append(1)
            raise_price(tx, lunch)
            tx.run("INSERT INTO dies_at_commit VALUES (1)")

        with pytest.raises(OutcomeUnknown):
            database.run(maple, work)

        assert (len(attempts), price(database_url, lunch)) == (1, 0)
        database.run(maple, lambda tx: raise_price(tx, lunch))
        assert price(database_url, lunch) == 1

    def test_when_the_line_is_cut_during_the_commit_though_it_was_done(
        self, database_url: str, maple: UUID, lunch: UUID, slow_commit: None
    ) -> None:
        with line_to(database_url) as (url, line):
            far = Database(url, pool_size=1)
            attempts = []

            def work(tx: Transaction) -> None:
                attempts.append(1)
                raise_price(tx, lunch)
                tx.run("INSERT INTO slow_commit VALUES (1)")

            cut = threading.Timer(0.5, line.cut)
            cut.start()
            with pytest.raises(OutcomeUnknown):
                far.run(maple, work)
            far.close()

        assert len(attempts) == 1
        until(lambda: price(database_url, lunch) == 1)

    def test_what_fails_at_the_commit_is_done_again_when_it_was_undone(
        self, database: Database, database_url: str, maple: UUID, lunch: UUID, hurried: None, unlucky_commit: None
    ) -> None:
        attempts = []

        def work(tx: Transaction) -> None:
            attempts.append(1)
            raise_price(tx, lunch)
            if len(attempts) == 1:
                tx.run("INSERT INTO unlucky_commit VALUES (1)")

        database.run(maple, work)

        assert (len(attempts), price(database_url, lunch)) == (2, 1)


def deferred(url: str, table: str, does: str) -> Iterator[None]:
    """A table on which an insert does something at the commit."""
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(f"CREATE TABLE {table} (n int)")
        owner.execute(f"GRANT INSERT ON {table} TO termbook_app")
        owner.execute(f"CREATE FUNCTION {table}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS "
                      f"$$ BEGIN {does}; RETURN NULL; END $$")  # fmt: skip
        owner.execute(f"CREATE CONSTRAINT TRIGGER {table} AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED "
                      f"FOR EACH ROW EXECUTE FUNCTION {table}()")  # fmt: skip
        yield
        owner.execute(f"DROP TABLE {table}")
        owner.execute(f"DROP FUNCTION {table}()")


@pytest.fixture
def dies_at_commit(database_url: str) -> Iterator[None]:
    yield from deferred(database_url, "dies_at_commit", "PERFORM pg_terminate_backend(pg_backend_pid())")


@pytest.fixture
def slow_commit(database_url: str) -> Iterator[None]:
    yield from deferred(database_url, "slow_commit", "PERFORM pg_sleep(1)")


@pytest.fixture
def unlucky_commit(database_url: str) -> Iterator[None]:
    yield from deferred(database_url, "unlucky_commit", "RAISE EXCEPTION 'no' USING ERRCODE = '40001'")


class TestDirectory:
    def test_finds_organisations(self, database: Database, database_url: str, maple: UUID) -> None:
        assert maple in database.organisations()
        assert database.organisations() == sorted(database.organisations())
        assert database.organisation_by_slug("maple") == maple
        assert database.organisation_by_slug("no such") is None
