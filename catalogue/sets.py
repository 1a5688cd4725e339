"""Writes rows of a catalogue table in sets: one statement for thousands of rows, its SQL made from the model."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar, cast
from uuid import UUID

import sqlalchemy as sa
from psycopg.types.json import Jsonb
from sqlalchemy.dialects import postgresql

from engine.database import Row, Transaction
from engine.ids import new_id
from models.base import TenantRow

T = TypeVar("T")

# Rows a statement: large enough to be cheap, small enough for a parameter of a few megabytes.
ROWS_PER_STATEMENT = 5_000


@dataclass(slots=True)
class Counts:
    """How many rows of one kind were made, changed, and found as they should be."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0


def insert_rows(tx: Transaction, model: type[TenantRow], rows: Sequence[Row]) -> int:
    """Insert rows, which all have the same columns, `id` among them; says how many."""
    written = 0
    for some in in_chunks(rows, ROWS_PER_STATEMENT):
        columns = ", ".join(f'"{name}"' for name in some[0])
        sql = (
            f'INSERT INTO "{_table(model).name}" (organisation_id, {columns}) '
            f"SELECT %(org)s, {columns} FROM {_recordset(model, some[0])}"
        )
        written += tx.run(sql, rows=Jsonb(some))
    return written


def update_rows(tx: Transaction, model: type[TenantRow], rows: Sequence[Row]) -> int:
    """Update rows by their `id`; all have the same columns."""
    written = 0
    for some in in_chunks(rows, ROWS_PER_STATEMENT):
        changes = ", ".join(f'"{name}" = r."{name}"' for name in some[0] if name != "id")
        sql = (
            f'UPDATE "{_table(model).name}" kept SET {changes} FROM {_recordset(model, some[0])} '
            "WHERE kept.organisation_id = %(org)s AND kept.id = r.id"
        )
        written += tx.run(sql, rows=Jsonb(some))
    return written


def keep_in_step(
    tx: Transaction,
    model: type[TenantRow],
    wanted: Mapping[str, Row],
    *,
    counts: Counts,
    once: frozenset[str] = frozenset(),
    adopt_by_name: bool = False,
) -> dict[str, UUID]:
    """Make the rows of a small table be as wanted, by their source keys; answers the id of each.

    Columns in `once` are written when a row is made and left alone afterwards. With `adopt_by_name` a row of that name
    that came from elsewhere is used as it is.
    """
    known = _known(tx, model, wanted, by_name=adopt_by_name)
    names = {row["name"]: row for row in known.values()} if adopt_by_name else {}
    ids: dict[str, UUID] = {}
    fresh, changed = [], []
    for source_key, row in wanted.items():
        found = known.get(source_key) or names.get(row["name"])
        if found is None:
            ids[source_key] = new_id()
            made = {"id": ids[source_key], "source_key": source_key, **row}
            names.update({row["name"]: made} if adopt_by_name else {})
            fresh.append(made)
            continue
        ids[source_key] = found["id"]
        wants = {name: value for name, value in row.items() if name not in once}
        if found["source_key"] == source_key and any(found[name] != value for name, value in wants.items()):
            changed.append({"id": found["id"], **wants})
        else:
            counts.unchanged += 1
    counts.created += insert_rows(tx, model, fresh)
    counts.updated += update_rows(tx, model, changed)
    return ids


def in_chunks(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """The rows, `size` at a time."""
    remaining = iter(rows)
    while some := list(islice(remaining, size)):
        yield some


def _known(tx: Transaction, model: type[TenantRow], wanted: Mapping[str, Row], *, by_name: bool) -> dict[str, Row]:
    """What is there already, by its source key; what has none, by a key of its own that no source makes."""
    found: dict[str, Row] = {}
    for some in in_chunks(wanted, ROWS_PER_STATEMENT):
        either = " OR name = ANY(%(names)s)" if by_name else ""
        rows = tx.rows(
            f'SELECT * FROM "{_table(model).name}" '
            f"WHERE organisation_id = %(org)s AND (source_key = ANY(%(keys)s){either})",
            keys=some,
            names=[wanted[key]["name"] for key in some],
        )
        found.update({row["source_key"] or f"\0{row['id']}": row for row in rows})
    return found


def _recordset(model: type[TenantRow], columns: Iterable[str]) -> str:
    table = _table(model)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    typed = ", ".join(f'"{name}" {table.columns[name].type.compile(dialect=dialect)}' for name in columns)
    return f"jsonb_to_recordset(%(rows)s) AS r ({typed})"


def _table(model: type[TenantRow]) -> sa.Table:
    return cast(sa.Table, cast(Any, model).__table__)
