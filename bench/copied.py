"""What one organisation has, copied in sets: the same term at other sites, and again every thirteen weeks before.

A copy's ids are those of the original with its number in front; so every reference between copied rows is kept, whether
a foreign key says it or not, and rows are written in the order of their index.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

# Copied once for each site; what is in no list is copied for each term of each site.
_OF_SITES = frozenset({"site", "program", "venue", "seat"})
_SHARED = frozenset({
    "alembic_version", "tenant", "organisation", "user", "user_site", "account_user", "credential", "program_category",
    "rule_setting", "document_counter", "outbox_message", "sign_in_attempt", "idempotency_key", "organisation_attempt",
})  # fmt: skip
_WEEKS_APART = 13
_UNIQUE_TEXTS = frozenset({"reference", "email", "source_key", "ticket_reference", "external_id"})
_UNIQUE_NUMBERS = {("invoice", "number"): 10_000, ("credit_note", "number"): 10_000, ("attendee", "claim_key"): 100_000,
                   ("place_claim", "attendee_key"): 100_000}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    type: str


def copy_centre(
    owner: psycopg.Connection[Any], organisation_id: UUID, *, sites: int, terms: int,
    progress: Callable[[str], None],
) -> None:  # fmt: skip
    """Write the copies, as a superuser: row level security and the triggers of foreign keys are passed over."""
    owner.execute("SET session_replication_role = replica")
    owner.execute("SET synchronous_commit = off")
    owner.execute("SET maintenance_work_mem = '512MB'")
    tables = _tables(owner, organisation_id)
    _note_ids(owner, organisation_id, [table for table in tables if table not in _SHARED])
    for table in tables:
        if table in _SHARED:
            continue
        progress(table)
        copies = sites - 1 if table in _OF_SITES else sites * terms - 1
        with _indexes_made_once(owner, table):
            owner.execute(_insertion(owner, table), {"org": organisation_id, "copies": copies, "sites": sites})
    owner.execute("SET session_replication_role = origin")
    owner.execute("VACUUM (ANALYZE)")


@contextmanager
def _indexes_made_once(owner: psycopg.Connection[Any], table: str) -> Iterator[None]:
    """No index is kept while the rows are written: made at the end, all of them cost a fraction of what they would."""
    owner.execute(
        "UPDATE pg_index SET indisready = false, indisvalid = false WHERE indrelid = %s::regclass", [f'"{table}"']
    )
    yield
    owner.execute(sql.SQL("REINDEX TABLE {}").format(sql.Identifier(table)))


def _tables(owner: psycopg.Connection[Any], organisation_id: UUID) -> list[str]:
    """Those of the organisation that hold something."""
    named = owner.execute(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND column_name = 'organisation_id' ORDER BY 1"
    ).fetchall()
    one = sql.SQL("SELECT 1 FROM {} WHERE organisation_id = %s LIMIT 1")
    return [name for (name,) in named if owner.execute(one.format(sql.Identifier(name)), [organisation_id]).fetchone()]


def _note_ids(owner: psycopg.Connection[Any], organisation_id: UUID, tables: list[str]) -> None:
    """Every id that is copied, and whether for sites only."""
    owner.execute("CREATE TEMP TABLE copied (id uuid PRIMARY KEY, of_site boolean NOT NULL)")
    for table in tables:
        owner.execute(
            # What is kept of a row of another table has its id.
            sql.SQL(
                "INSERT INTO copied SELECT id, {} FROM {} WHERE organisation_id = %s ON CONFLICT DO NOTHING"
            ).format(
                sql.Literal(table in _OF_SITES), sql.Identifier(table)
            ), [organisation_id],
        )  # fmt: skip
    owner.execute("ANALYZE copied")


def _insertion(owner: psycopg.Connection[Any], table: str) -> sql.Composed:
    """The statement that writes every copy of a table's rows: what is to become of each id is looked up once."""
    columns = [_Column(*row) for row in owner.execute(
        "SELECT column_name, udt_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position", [table]
    )]  # fmt: skip
    ids = [column.name for column in columns if column.type == "uuid" and column.name != "organisation_id"]
    noted = [
        sql.SQL("(SELECT of_site FROM copied WHERE copied.id = x.{}) AS {}").format(
            sql.Identifier(name), sql.Identifier(f"{name}?")
        ) for name in ids
    ]  # fmt: skip
    return sql.SQL(
        "WITH original AS MATERIALIZED (SELECT x.*, {noted} FROM {table} x WHERE organisation_id = %(org)s "
        "ORDER BY id) INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT {values} "
        "FROM (SELECT k, {site} AS s, {term} AS t FROM generate_series(1, %(copies)s::int) k OFFSET 0) copy "
        "CROSS JOIN original x"
    ).format(
        noted=sql.SQL(", ").join(noted), table=sql.Identifier(table),
        names=sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
        values=sql.SQL(", ").join(_value(table, column) for column in columns),
        site=sql.SQL("k") if table in _OF_SITES else sql.SQL("k %% %(sites)s::int"),
        term=sql.SQL("0") if table in _OF_SITES else sql.SQL("k / %(sites)s::int"),
    )  # fmt: skip


def _value(table: str, column: _Column) -> sql.Composable:
    """What a copy has there."""
    name = sql.SQL("x.") + sql.Identifier(column.name)
    earlier = sql.SQL(f"t * interval '{_WEEKS_APART} weeks'")
    if column.type == "uuid" and column.name != "organisation_id":
        of_site = sql.SQL("x.") + sql.Identifier(f"{column.name}?")
        return sql.SQL("CASE {of_site} WHEN true THEN {site} WHEN false THEN {term} ELSE {name} END").format(
            of_site=of_site, site=_numbered(name, "s"), term=_numbered(name, "k"), name=name
        )
    if column.name == "date_of_birth":
        return name
    if column.type == "timestamptz":
        return name + sql.SQL(" - ") + earlier
    if column.type == "date":
        return sql.SQL("({} - {})::date").format(name, earlier)
    if column.type == "tstzrange":
        return sql.SQL("tstzrange(lower({0}) - {1}, upper({0}) - {1})").format(name, earlier)
    if column.name in _UNIQUE_TEXTS or (table, column.name) == ("site", "name"):
        return sql.SQL("{0} || CASE WHEN {0} = '' THEN '' ELSE upper(to_hex(k + 4096)) END").format(name)
    if step := _UNIQUE_NUMBERS.get((table, column.name)):
        return sql.SQL("{} + k * {}").format(name, sql.Literal(step))
    return name


def _numbered(name: sql.Composable, number: str) -> sql.Composed:
    """The id of a copy; the original's for copy 0."""
    return sql.SQL(
        "CASE {number} WHEN 0 THEN {name} ELSE (lpad(to_hex({number}), 8, '0') || substr({name}::text, 9))::uuid END"
    ).format(name=name, number=sql.SQL(number))
