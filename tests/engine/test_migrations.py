"""Migrations up and down, the same as the models; and what the schema itself refuses, whoever asks."""

import os
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from psycopg import errors
from psycopg.types.json import Jsonb
from sqlmodel import SQLModel

from engine.database import Database
from engine.ids import new_id
from engine.schema import migrate, sqlalchemy_url
from migrations.guards import FOR_GOOD
from models import Account, LedgerEntry, PeriodLock
from tests import builders as build
from tests.builders import NOW
from tests.conftest import TEST_DATABASE, drop_database, fresh_database
from tests.engine.check_world import World, populate
from tests.engine.later import values

TENANT_TABLES = sorted(table.name for table in SQLModel.metadata.sorted_tables if "organisation_id" in table.columns)
EVERYTHING = """
SELECT relkind::text || ' ' || n.nspname || '.' || relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'procrastinate') AND relname NOT LIKE 'alembic%%'
UNION ALL SELECT 'function ' || proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'public' UNION ALL SELECT 'policy ' || polname || polrelid::regclass FROM pg_policy
UNION ALL SELECT 'trigger ' || tgname || tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1
"""


class TestUpAndDown:
    @pytest.fixture
    def empty(self, server_url: str) -> Iterator[str]:
        name = f"{TEST_DATABASE}_{os.getpid()}_up_and_down"
        yield fresh_database(server_url, name)
        drop_database(server_url, name)

    def test_and_up_again_is_the_same(self, empty: str) -> None:
        before = values(empty, EVERYTHING)
        migrate(empty)
        first = values(empty, EVERYTHING)

        migrate(empty, to="base")
        down = values(empty, EVERYTHING)
        migrate(empty)
        migrate(empty)

        assert down == before
        assert values(empty, EVERYTHING) == first
        assert len(first) > 100

    def test_one_step_at_a_time(self, empty: str) -> None:
        for revision in ("0001", "0002", "0001", "base", "0002"):
            migrate(empty, to=revision)

            found = values(empty, "SELECT version_num FROM alembic_version")
            assert found == ([] if revision == "base" else [revision])

    def test_months_that_were_locked_before_are_kept_as_the_journal_has_them(self, empty: str) -> None:
        migrate(empty, to="0061")
        with psycopg.connect(empty) as owner:
            org = build.organisation(owner, name="Riverside Centre")
            for month, unlocked_at in ((date(2026, 2, 1), NOW), (date(2026, 3, 1), None)):
                build.add(owner, PeriodLock, organisation_id=org, month=month, note="", locked_at=NOW,
                          unlocked_at=unlocked_at, unlock_reason=unlocked_at and "a bill came late")  # fmt: skip
            owner.execute("ALTER TABLE ledger_entry DISABLE TRIGGER in_open_months")
            for entry, day in (
                (new_id(), date(2026, 2, 28)),
                (new_id(), date(2026, 3, 31)),
                (new_id(), date(2026, 4, 1)),
            ):
                build.add(owner, LedgerEntry, organisation_id=org, id=entry, posted_on=day, source_kind="MANUAL",
                          source_id=entry, purpose="POSTED", created_at=NOW)  # fmt: skip
                owner.execute(
                    "INSERT INTO ledger_posting (organisation_id, id, entry_id, ledger_account, amount_minor) "
                    "SELECT %s, gen_random_uuid(), %s, x.account, x.minor "
                    "FROM (VALUES ('BANK', 500), ('CASH', -500)) x (account, minor)", [org, entry],
                )  # fmt: skip

        kept = "SELECT to_char(month, 'MM ') || ledger_account || ' ' || debit_minor || ' ' || credit_minor FROM "
        kept += "locked_balance b JOIN period_lock l ON l.id = b.lock_id ORDER BY 1"
        for revision in ("0064", "0077", "0076"):  # kept day by day from 0077 on, and back
            migrate(empty, to=revision)
            if revision != "0077":
                assert values(empty, kept) == ["03 BANK 500 0", "03 CASH 0 500"]

        migrate(empty)

        assert values(empty, "SELECT DISTINCT e.posted_on = p.posted_on FROM ledger_entry e JOIN ledger_posting p "
                             "ON p.entry_id = e.id") == [True]  # fmt: skip


def test_models_and_migrations_are_equal(database_url: str) -> None:
    engine = sa.create_engine(sqlalchemy_url(database_url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        differences = compare_metadata(context, SQLModel.metadata)
    engine.dispose()

    assert differences == []


CHECKS = """
SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(c.oid) FROM pg_constraint c
JOIN pg_class t ON t.oid = c.conrelid WHERE t.relnamespace = 'public'::regnamespace AND contype IN ('c', 'x') ORDER BY 1
"""


def test_checks_and_exclusions_are_those_of_the_models(server_url: str, database_url: str) -> None:
    """Alembic compares no CHECK and no EXCLUDE; so the tables are made a second time, straight from the models."""
    name = f"{TEST_DATABASE}_{os.getpid()}_from_models"
    url = fresh_database(server_url, name)
    try:
        engine = sa.create_engine(sqlalchemy_url(url), poolclass=sa.NullPool)
        SQLModel.metadata.create_all(engine)
        engine.dispose()
        declared = values(url, CHECKS)
    finally:
        drop_database(server_url, name)

    assert values(database_url, CHECKS) == declared
    assert len(declared) > 80


@pytest.fixture(scope="module")
def worlds(checked_database: Database, database_url: str) -> list[World]:
    """Two organisations with something in every table that matters."""
    found = []
    for name in ("Riverside Centre", "Hillside Centre"):
        with psycopg.connect(database_url) as owner:
            organisation_id = build.organisation(owner, name=name)
        with checked_database.transaction(organisation_id) as tx:
            found.append(populate(tx))
    return found


@pytest.fixture
def app(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that works as the application does; nothing is kept."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SET ROLE termbook_app")
        yield connection
        connection.rollback()


def be(app: psycopg.Connection[Any], world: World) -> UUID:
    """Work for that organisation."""
    organisation_id = world.tx.organisation_id
    app.execute("SELECT set_config('app.organisation_id', %s, false)", [str(organisation_id)])
    return organisation_id


def count(app: psycopg.Connection[Any], table: str, where: str = "true", *given: Any) -> int:
    row = app.execute(f'SELECT count(*) FROM "{table}" WHERE {where}', given).fetchone()
    assert row is not None
    found: int = row[0]
    return found


class TestRole:
    def test_owns_nothing_and_bypasses_nothing(self, database_url: str) -> None:
        plain = values(
            database_url,
            "SELECT rolname FROM pg_roles WHERE rolname = 'termbook_app' AND NOT (rolsuper OR rolbypassrls "
            "OR rolcreaterole OR rolcreatedb OR rolcanlogin OR rolreplication)",
        )

        assert plain == ["termbook_app"]
        owned = "SELECT relname FROM pg_class WHERE relowner = 'termbook_app'::regrole"
        assert values(database_url, owned) == []
        assert values(database_url, "SELECT proname FROM pg_proc WHERE proowner = 'termbook_app'::regrole") == []

    def test_makes_no_table(self, app: psycopg.Connection[Any]) -> None:
        with pytest.raises(errors.InsufficientPrivilege):
            app.execute("CREATE TABLE mine (id int)")

    def test_does_not_switch_the_policies_off(self, app: psycopg.Connection[Any]) -> None:
        with pytest.raises(errors.InsufficientPrivilege):
            app.execute("ALTER TABLE account DISABLE ROW LEVEL SECURITY")


class TestTenants:
    def test_every_table_of_an_organisation_is_secured_by_force(self, database_url: str) -> None:
        secured = values(
            database_url,
            "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity "
            "AND relnamespace = 'public'::regnamespace ORDER BY relname COLLATE \"C\"",
        )

        assert secured == sorted([*TENANT_TABLES, "organisation"])
        assert len(TENANT_TABLES) > 40

    def test_nothing_is_seen_without_one(self, app: psycopg.Connection[Any], worlds: list[World]) -> None:
        app.execute("RESET app.organisation_id")

        assert {table: count(app, table) for table in TENANT_TABLES if count(app, table)} == {}
        assert count(app, "organisation") == 0

    @pytest.mark.parametrize("value", ["", "not a uuid"])
    def test_nor_with_a_nonsense(self, app: psycopg.Connection[Any], worlds: list[World], value: str) -> None:
        app.execute("SELECT set_config('app.organisation_id', %s, false)", [value])
        if value:
            with pytest.raises(errors.InvalidTextRepresentation):
                count(app, "account")
        else:
            assert count(app, "account") == 0

    def test_one_sees_its_own_rows_only(self, app: psycopg.Connection[Any], worlds: list[World]) -> None:
        for world in worlds:
            own = be(app, world)

            foreign = {table: count(app, table, "organisation_id <> %s", own) for table in TENANT_TABLES}
            assert set(foreign.values()) == {0}
            assert count(app, "term_booking_order") > 10
            assert count(app, "organisation") == 1

    @pytest.mark.parametrize("table", TENANT_TABLES)
    def test_one_changes_and_deletes_no_other(
        self, app: psycopg.Connection[Any], worlds: list[World], database_url: str, table: str
    ) -> None:
        riverside, hillside = worlds
        be(app, riverside)
        other = hillside.tx.organisation_id
        if table in FOR_GOOD:
            for statement in (f'UPDATE "{table}" SET id = id', f'DELETE FROM "{table}"', f'TRUNCATE "{table}"'):
                with pytest.raises(errors.InsufficientPrivilege), app.transaction():
                    app.execute(statement)
            return

        updated = app.execute(
            f'UPDATE "{table}" SET organisation_id = %s WHERE organisation_id = %s', [other, other]
        ).rowcount
        deleted = app.execute(f'DELETE FROM "{table}" WHERE organisation_id = %s', [other]).rowcount

        assert (updated, deleted) == (0, 0)

    def test_one_writes_for_no_other(self, app: psycopg.Connection[Any], worlds: list[World]) -> None:
        riverside, hillside = worlds
        be(app, riverside)

        with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
            build.add(app, Account, organisation_id=hillside.tx.organisation_id, reference="AC-X", name="Spy")

    def test_one_moves_no_row_to_another(self, app: psycopg.Connection[Any], worlds: list[World]) -> None:
        riverside, hillside = worlds
        be(app, riverside)

        with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
            app.execute("UPDATE timer SET organisation_id = %s", [hillside.tx.organisation_id])

    @pytest.mark.parametrize(
        ("table", "column"),
        sorted((table.name, key.parent.name)
               for table in SQLModel.metadata.sorted_tables if table.name in TENANT_TABLES
               for constraint in table.foreign_key_constraints
               for key in constraint.elements
               if key.parent.name != "organisation_id" and key.column.table.name in TENANT_TABLES),
    )  # fmt: skip
    def test_every_reference_names_the_organisation_too(self, table: str, column: str) -> None:
        """A composite foreign key: an id of another organisation cannot be referred to, even without policies."""
        metadata = SQLModel.metadata.tables[table]

        pairs = [
            (element.parent.name, element.column.name)
            for constraint in metadata.foreign_key_constraints if column in constraint.column_keys
            for element in constraint.elements
        ]  # fmt: skip

        assert ("organisation_id", "organisation_id") in pairs

    def test_a_reference_to_another_organisations_row_is_refused(
        self, app: psycopg.Connection[Any], worlds: list[World]
    ) -> None:
        riverside, hillside = worlds
        be(app, riverside)

        with pytest.raises(errors.ForeignKeyViolation):
            app.execute("UPDATE account_attendee SET account_id = %s", [hillside.okafor["id"]])

    def test_not_even_by_the_owner(self, database_url: str, worlds: list[World]) -> None:
        riverside, hillside = worlds
        with psycopg.connect(database_url) as owner:
            with pytest.raises(errors.ForeignKeyViolation):
                owner.execute("UPDATE term_booking_order SET account_id = %s WHERE organisation_id = %s",
                              [hillside.okafor["id"], riverside.tx.organisation_id])  # fmt: skip
            owner.rollback()


class TestForGood:
    @pytest.mark.parametrize("table", FOR_GOOD)
    @pytest.mark.parametrize("verb", ['UPDATE "{}" SET id = id', 'DELETE FROM "{}"', 'TRUNCATE "{}" CASCADE'])
    def test_nobody_changes_it_not_even_the_owner(
        self, database_url: str, worlds: list[World], table: str, verb: str
    ) -> None:
        with psycopg.connect(database_url) as owner:
            with pytest.raises(errors.RestrictViolation, match="is append-only"):
                owner.execute(verb.format(table))
            owner.rollback()

    def test_an_entry_that_does_not_balance_is_refused(self, app: psycopg.Connection[Any], worlds: list[World]) -> None:
        own = be(app, worlds[0])
        entry = write_entry(app, own)

        with pytest.raises(errors.CheckViolation, match="do not balance"):
            post(app, own, entry, 5)


class TestWrittenAtOnce:
    """Nothing is added to what was written before, balanced or not."""

    def test_a_balanced_pair_is_not_posted_to_an_older_entry(
        self, app: psycopg.Connection[Any], worlds: list[World]
    ) -> None:
        own = be(app, worlds[0])
        entry = app.execute("SELECT entry_id FROM ledger_posting LIMIT 1").fetchone()
        assert entry is not None

        with pytest.raises(errors.CheckViolation, match="added to a row of ledger_entry that was written before"):
            post(app, own, entry[0], 500, -500)

    def test_not_even_by_the_owner_and_only_this_guard_is_in_the_way(
        self, database_url: str, worlds: list[World]
    ) -> None:
        own = worlds[0].tx.organisation_id
        with psycopg.connect(database_url) as owner:
            entry = owner.execute("SELECT entry_id FROM ledger_posting WHERE organisation_id = %s", [own]).fetchone()
            assert entry is not None
            with pytest.raises(errors.CheckViolation, match="written before"), owner.transaction():
                post(owner, own, entry[0], 500, -500)

            owner.execute("ALTER TABLE ledger_posting DISABLE TRIGGER at_once")
            post(owner, own, entry[0], 500, -500)
            owner.rollback()

    def test_its_postings_are_written_by_one_statement(self, app: psycopg.Connection[Any], worlds: list[World]) -> None:
        own = be(app, worlds[0])
        entry = write_entry(app, own)
        post(app, own, entry, 500, -500)

        with pytest.raises(errors.CheckViolation, match="written before"):
            post(app, own, entry, 300, -300)

    def test_they_are_of_its_day(self, app: psycopg.Connection[Any], worlds: list[World]) -> None:
        own = be(app, worlds[0])
        entry = write_entry(app, own)

        with pytest.raises(errors.CheckViolation, match="a posting is not of the day of its ledger_entry"):
            post(app, own, entry, 500, -500, on=NOW.date() + timedelta(days=1))

    def test_an_entry_without_postings_stays_without(self, database_url: str, worlds: list[World]) -> None:
        own = worlds[0].tx.organisation_id
        with psycopg.connect(database_url) as owner:
            with owner.transaction():
                entry = write_entry(owner, own)

            with pytest.raises(errors.CheckViolation, match="written before"), owner.transaction():
                post(owner, own, entry, 500, -500)
            owner.rollback()

    def test_a_part_of_a_transaction_writes_as_any_other(
        self, app: psycopg.Connection[Any], worlds: list[World]
    ) -> None:
        own = be(app, worlds[0])
        with app.transaction():
            entry = write_entry(app, own)
            post(app, own, entry, 500, -500)

        assert count(app, "ledger_posting", "entry_id = %s", entry) == 2

    @pytest.mark.parametrize(("whole", "part", "another"), [
        ("billing", "billing_line", "'component', x.component || ':again'"),
        ("invoice", "invoice_line", "'billing_line_id', (SELECT b.id FROM billing_line b WHERE b.organisation_id = "
         "x.organisation_id AND NOT EXISTS (SELECT FROM invoice_line i WHERE i.billing_line_id = b.id) LIMIT 1)"),
        ("credit_note", "credit_note_line", "'invoice_line_id', (SELECT i.id FROM invoice_line i WHERE "
         "i.organisation_id = x.organisation_id AND i.id <> x.invoice_line_id LIMIT 1)"),
    ])  # fmt: skip
    def test_a_line_that_costs_nothing_is_added_to_no_older_document(
        self, app: psycopg.Connection[Any], worlds: list[World], whole: str, part: str, another: str
    ) -> None:
        be(app, worlds[0])
        nothing = {"net_minor": 0, "tax_minor": 0, "gross_minor": 0}

        with pytest.raises(errors.CheckViolation, match=f"added to a row of {whole} that was written before"):
            app.execute(
                f"INSERT INTO {part} SELECT (jsonb_populate_record(x, jsonb_build_object("
                f"'id', gen_random_uuid(), {another}) || %s)).* FROM {part} x ORDER BY x.id LIMIT 1", [Jsonb(nothing)],
            )  # fmt: skip


def write_entry(connection: psycopg.Connection[Any], organisation_id: UUID) -> UUID:
    """An entry of the books whose postings are still to come."""
    entry = new_id()
    build.add(connection, LedgerEntry, organisation_id=organisation_id, id=entry, posted_on=NOW.date(),
              source_kind="MANUAL", source_id=entry, purpose="POSTED", created_at=NOW)  # fmt: skip
    return entry


_TODAY = NOW.date()


def post(
    connection: psycopg.Connection[Any], organisation_id: UUID, entry: UUID, *amounts: int, on: date = _TODAY
) -> None:
    """Postings between the bank and a provider, by one statement."""
    connection.execute(
        "INSERT INTO ledger_posting (organisation_id, id, entry_id, posted_on, ledger_account, amount_minor) "
        "SELECT %s, gen_random_uuid(), %s, %s, CASE WHEN minor > 0 THEN 'BANK' ELSE 'GATEWAY_CLEARING' END, minor "
        "FROM unnest(%s::bigint[]) minor", [organisation_id, entry, on, list(amounts)],
    )  # fmt: skip
