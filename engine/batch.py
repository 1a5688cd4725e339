"""Writes in sets: effects add rows and guarded statements, one data-modifying statement writes them all.

The SQL is derived from the tables' metadata and cached by shape, so PostgreSQL prepares it once per connection. The
rows of each table travel as a json parameter of their own. Each guard's count is compared after the write; a guard that
did not find what it must raises, and the unit of work is rolled back.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

from engine.errors import TermbookError
from engine.ids import new_id

if TYPE_CHECKING:
    from engine.database import Transaction

Values = dict[str, Any]
_ORG = "%(org)s::uuid"
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Guarded:
    """A data-modifying statement whose count must come out right.

    `sql` reads its rows from `{rows}` (a recordset with the columns `takes`) and the tenant from `{org}`, and ends in
    `RETURNING <uuid> AS id`. Where it returns the `id` of its rows (`is_by_id`), calls about different rows are written
    as one: three hundred bookings move in one statement. With `marks` it returns `is_marked` too: which of them a
    follow-up is for.
    """

    name: str
    sql: str
    takes: str
    is_by_id: bool = False
    marks: bool = False


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What the same transaction does before it commits, in later statements than the write that asked for it: once for
    all the ids that were marked for it, in their order.
    """

    verb: Callable[["Transaction", Sequence[UUID], datetime], None]
    now: datetime


@dataclass(slots=True)
class _Guarding:
    guarded: Guarded
    rows: list[Values]
    # What each call asked for, as a stretch of the rows, and what is raised where that is not found.
    parts: list[tuple[slice, Callable[[set[str]], TermbookError]]]
    then: FollowUp | None

    # The rows by their ids, as far as they were asked for: a batch of a hundred orders asks again and again.
    _by_id: dict[str, Values] = field(default_factory=dict)
    _seen: int = 0

    def row_about(self, row_id: object) -> Values | None:
        """The first row about this id."""
        for row in self.rows[self._seen :]:
            self._by_id.setdefault(str(row["id"]), row)
        self._seen = len(self.rows)
        return self._by_id.get(str(row_id))

    def is_about_others(self, rows: Sequence[Values]) -> bool:
        return all(self.row_about(row["id"]) is None for row in rows)

    def failed(self, ids: Sequence[UUID]) -> TermbookError | None:
        """What to raise for the first call that did not find what it must."""
        if len(ids) == len(self.rows):
            return None
        found = {str(i) for i in ids}
        for part, otherwise in self.parts:
            if len(self.parts) == 1 or any(str(row["id"]) not in found for row in self.rows[part]):
                return otherwise(found)
        return self.parts[0][1](found)


@dataclass(slots=True)
class _Numbering:
    table: str
    series: str
    year: int
    count: int


@dataclass
class Batch:
    """What one unit of work will write."""

    organisation_id: UUID
    _rows: dict[str, list[Values]] = field(default_factory=dict)
    _guards: list[_Guarding] = field(default_factory=list)
    _numberings: list[_Numbering] = field(default_factory=list)
    _violations: dict[str, TermbookError] = field(default_factory=dict)
    _follow_ups: dict[FollowUp, set[UUID]] = field(default_factory=dict)

    def add(self, table: type[SQLModel], rows: Iterable[Values]) -> None:
        """Insert rows; all rows of a table carry the same columns, without `organisation_id`. No rows, no insert."""
        rows = list(rows)
        if rows:
            self._rows.setdefault(str(table.__tablename__), []).extend(rows)

    def add_numbered(self, table: type[SQLModel], row: Values, *, series: str, year: int) -> None:
        """Insert a document that takes the next number of its series and year from the locked counter; several of one
        batch are numbered in the order in which they were added.
        """
        name = str(table.__tablename__)
        numbering = next((n for n in self._numberings if n.table == name), None)
        if numbering is None:
            numbering = _Numbering(name, series, year, 0)
            self._numberings.append(numbering)
        assert (numbering.series, numbering.year) == (series, year), "one series and year per table in a batch"
        numbering.count += 1
        self.add(table, [{**row, "series": series, "year": year, "number": numbering.count}])

    def guard(
        self, guarded: Guarded, rows: Sequence[Values], *, otherwise: Callable[[set[str]], TermbookError],
        then: FollowUp | None = None,
    ) -> None:  # fmt: skip
        """Run a guarded statement over rows; it must return one id per row, else `otherwise(ids)` is raised. What it
        marks is followed up by `then`.
        """
        assert guarded.marks or then is None, f"{guarded.name} marks nothing"
        rows = list(rows)
        same = next((g for g in self._guards if (g.guarded, g.then) == (guarded, then)), None)
        if same is None or not guarded.is_by_id or not same.is_about_others(rows):
            self._guards.append(_Guarding(guarded, rows, [(slice(0, len(rows)), otherwise)], then))
            return
        same.parts.append((slice(len(same.rows), len(same.rows) + len(rows)), otherwise))
        same.rows.extend(rows)

    def waiting(self, guarded: Guarded, row_id: object) -> Values | None:
        """The row that this guarded statement will be given about this id, to be changed before it is written."""
        found = (g.row_about(row_id) for g in self._guards if g.guarded == guarded)
        return next((row for row in found if row is not None), None)

    def added(self, table: type[SQLModel]) -> Sequence[Values]:
        """The rows that will be inserted into this table, to be changed before they are written."""
        return self._rows.get(str(table.__tablename__), ())

    def follow_up(self, then: FollowUp, ids: Iterable[UUID]) -> None:
        """Do this before the commit, whatever a statement marks."""
        self._follow_ups.setdefault(then, set()).update(ids)

    def due_follow_ups(self) -> list[tuple[FollowUp, list[UUID]]]:
        """What is to be done before the commit; it is forgotten here."""
        due = [(then, sorted(ids)) for then, ids in self._follow_ups.items()]
        self._follow_ups = {}
        return due

    def on_violation(self, constraint: str, error: TermbookError) -> None:
        """What to raise when the database's own constraint, the second guard, refuses the write."""
        self._violations[constraint] = error

    @property
    def is_empty(self) -> bool:
        return not self._rows and not self._guards

    def write(self, transaction: "Transaction") -> dict[str, int]:
        """Write everything in one statement; returns the document numbers given out, by table name."""
        if self.is_empty:
            return {}
        shape = (
            tuple((g.guarded.sql, g.guarded.takes, _at_most(len(g.rows)), g.guarded.marks) for g in self._guards),
            tuple((table, tuple(rows[0])) for table, rows in self._rows.items()),
            tuple(n.table for n in self._numberings),
        )
        assert all(row.keys() == rows[0].keys() for rows in self._rows.values() for row in rows), "same columns"
        try:
            found = transaction.row(_statement(*shape), **self._parameters())
        except psycopg.errors.IntegrityError as violation:
            if (refusal := self._violations.get(violation.diag.constraint_name or "")) is not None:
                raise refusal from violation
            raise
        guards, numberings = self._guards, self._numberings
        self._rows, self._guards, self._numberings, self._violations = {}, [], [], {}
        assert found is not None
        for position, guarding in enumerate(guards):
            if (failed := guarding.failed(found[f"g{position}"] or [])) is not None:
                raise failed
            if guarding.then and (marked := found[f"m{position}"]):
                self.follow_up(guarding.then, marked)
        return {n.table: found[f"n_{n.table}"] for n in numberings}

    def _parameters(self) -> Values:
        """The rows of each guard and table as JSON, and what each document counter is asked for."""
        sets = {f"g{position}": guarding.rows for position, guarding in enumerate(self._guards)} | self._rows
        parameters: Values = {name: orjson.dumps(rows, default=str).decode() for name, rows in sets.items()}
        for n in self._numberings:
            parameters |= {
                f"n_{n.table}_id": new_id(),
                f"n_{n.table}_series": n.series,
                f"n_{n.table}_year": n.year,
                f"n_{n.table}_count": n.count,
            }
        return parameters


def _at_most(rows: int) -> int:
    """The power of ten that holds so many rows. The planner is told it: by itself it takes any JSON for 100 rows, and
    reads all orders of an organisation to find one.
    """
    bound = 1
    while bound < rows:
        bound *= 10
    return bound


@cache
def _statement(
    guards: tuple[tuple[str, str, int, bool], ...],
    inserts: tuple[tuple[str, tuple[str, ...]], ...],
    numbered: tuple[str, ...],
) -> str:
    """One WITH statement: guards first, then every insert, the document counters last.

    PostgreSQL runs what is asked for, and at the end what nobody asks for. So a counter asks for the inserts before it
    is locked: nobody waits for it longer than it takes to write the document and commit.
    """
    parts, answers = [], []
    for position, (sql, takes, at_most, marks) in enumerate(guards):
        rows = f"(SELECT * FROM json_to_recordset(%(g{position})s::json) AS r({takes}) LIMIT {at_most}) AS r"
        parts.append(f"g{position} AS ({sql.format(rows=rows, org=_ORG)})")
        answers.append(f"(SELECT array_agg(id) FROM g{position}) AS g{position}")
        if marks:
            answers.append(f"(SELECT array_agg(id) FROM g{position} WHERE is_marked) AS m{position}")
    early = [(table, columns) for table, columns in inserts if table not in numbered]
    returning = " RETURNING 1" if numbered else ""
    parts += [f"i_{table} AS ({_insert(table, columns)}{returning})" for table, columns in early]
    inserted = " AND ".join(f"(SELECT count(*) FROM i_{table}) > 0" for table, _ in early) or "true"
    for table in numbered:
        parts.append(f"""n_{table} AS (
            INSERT INTO document_counter AS c (organisation_id, id, series, year, last_number)
            SELECT {_ORG}, %(n_{table}_id)s::uuid, %(n_{table}_series)s::text, %(n_{table}_year)s::int,
                   %(n_{table}_count)s::bigint
            WHERE {inserted}
            ON CONFLICT (organisation_id, series, year) DO UPDATE SET last_number = c.last_number + excluded.last_number
            RETURNING last_number)""")
        answers.append(f"(SELECT last_number FROM n_{table}) AS n_{table}")
    parts += [f"i_{table} AS ({_insert(table, columns, is_numbered=True)})" for table, columns in inserts
              if table in numbered]  # fmt: skip
    return "WITH " + ",\n".join(parts) + "\nSELECT " + ", ".join(answers or ["1 AS done"])


def _insert(table: str, columns: tuple[str, ...], *, is_numbered: bool = False) -> str:
    metadata = SQLModel.metadata.tables[table]
    types = ", ".join(f'"{name}" {column_type(metadata.columns[name].type)}' for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(
        f"(SELECT last_number FROM n_{table}) - %(n_{table}_count)s::bigint + r.number"
        if is_numbered and name == "number"
        else f'r."{name}"'
        for name in columns
    )
    return (
        f'INSERT INTO "{table}" (organisation_id, {names}) SELECT {_ORG}, {values} '
        f"FROM json_to_recordset(%({table})s::json) AS r({types})"
    )


def column_type(column: sa.types.TypeEngine[Any]) -> str:
    """The SQL name of a column's type."""
    return str(column.compile(dialect=_DIALECT))
