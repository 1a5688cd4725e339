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

    # The rows by their ids, of a statement that is `is_by_id`.
    by_id: dict[str, Values] = field(default_factory=dict)

    def takes_in(self, rows: Sequence[Values], otherwise: Callable[[set[str]], TermbookError]) -> bool:
        """Whether these rows are about others than those that it has, and are now its own."""
        if len(rows) == 1:
            # One row of each of many calls: what a sweeper asks for.
            key = str(rows[0]["id"])
            if key in self.by_id:
                return False
            self.by_id[key] = rows[0]
        else:
            more = {str(row["id"]): row for row in rows}
            if not self.by_id.keys().isdisjoint(more):
                return False
            self.by_id |= more
        self.parts.append((slice(len(self.rows), len(self.rows) + len(rows)), otherwise))
        self.rows.extend(rows)
        return True

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
    """What one document counter is asked for: each row with its place among those that it numbers."""

    year: int
    places: dict[UUID, int] = field(default_factory=dict)
    tables: set[str] = field(default_factory=set)


@dataclass
class Batch:
    """What one unit of work will write."""

    organisation_id: UUID
    _rows: dict[str, list[Values]] = field(default_factory=dict)
    _guards: list[_Guarding] = field(default_factory=list)
    # The last of each kind, which takes in what comes about other rows.
    _latest: dict[tuple[int, FollowUp | None], _Guarding] = field(default_factory=dict)
    _numberings: dict[str, _Numbering] = field(default_factory=dict)  # by series
    _violations: dict[str, TermbookError] = field(default_factory=dict)
    _follow_ups: dict[FollowUp, set[UUID]] = field(default_factory=dict)

    def add(self, table: type[SQLModel], rows: Iterable[Values]) -> None:
        """Insert rows; all rows of a table carry the same columns, without `organisation_id`. No rows, no insert."""
        rows = list(rows)
        if rows:
            self._rows.setdefault(str(table.__tablename__), []).extend(rows)

    def add_numbered(
        self, table: type[SQLModel], row: Values, *, series: str, year: int, half_of: UUID | None = None
    ) -> None:
        """Insert a document that takes the next number of its series and year from the locked counter; several of one
        batch are numbered in the order in which they were added. The other half of a document that is already in the
        batch has the number of that.
        """
        numbering = self._numberings.setdefault(series, _Numbering(year))
        assert numbering.year == year, "one year per series in a batch"
        numbering.tables.add(str(table.__tablename__))
        place = len(numbering.places) + 1 if half_of is None else numbering.places[half_of]
        if half_of is None:
            numbering.places[row["id"]] = place
        self.add(table, [{**row, "series": series, "year": year, "number": place}])

    def guard(
        self, guarded: Guarded, rows: Sequence[Values], *, otherwise: Callable[[set[str]], TermbookError],
        then: FollowUp | None = None,
    ) -> None:  # fmt: skip
        """Run a guarded statement over rows; it must return one id per row, else `otherwise(ids)` is raised. What it
        marks is followed up by `then`.
        """
        assert guarded.marks or then is None, f"{guarded.name} marks nothing"
        same = self._latest.get((id(guarded), then))
        if same is not None and same.takes_in(rows, otherwise):
            return
        made = _Guarding(guarded, list(rows), [(slice(0, len(rows)), otherwise)], then)
        self._guards.append(made)
        if guarded.is_by_id:
            made.by_id = {str(row["id"]): row for row in rows}
            self._latest[id(guarded), then] = made

    def waiting(self, guarded: Guarded, row_id: object) -> Values | None:
        """The row that this guarded statement will be given about this id, to be changed before it is written."""
        key = str(row_id)
        for guarding in self._guards:
            if guarding.guarded is guarded and (row := guarding.by_id.get(key)) is not None:
                return row
        return None

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

    def expects(self, constraint: str) -> bool:
        """Whether it is said already what a refusal by this constraint means."""
        return constraint in self._violations

    @property
    def is_empty(self) -> bool:
        return not self._rows and not self._guards

    def write(self, transaction: "Transaction") -> dict[str, int]:
        """Write everything in one statement; returns the last document number given out of each series."""
        if self.is_empty:
            return {}
        shape = (
            tuple((g.guarded.sql, g.guarded.takes, _at_most(len(g.rows)), g.guarded.marks) for g in self._guards),
            tuple((table, tuple(rows[0])) for table, rows in self._rows.items()),
            tuple((series, tuple(sorted(n.tables))) for series, n in sorted(self._numberings.items())),
        )
        assert all(row.keys() == rows[0].keys() for rows in self._rows.values() for row in rows), "same columns"
        try:
            found = transaction.row(_statement(*shape), **self._parameters())
        except psycopg.errors.IntegrityError as violation:
            if (refusal := self._violations.get(violation.diag.constraint_name or "")) is not None:
                raise refusal from violation
            raise
        guards, numberings = self._guards, self._numberings
        self._rows, self._guards, self._latest, self._numberings, self._violations = {}, [], {}, {}, {}
        assert found is not None
        for position, guarding in enumerate(guards):
            if (failed := guarding.failed(found[f"g{position}"] or [])) is not None:
                raise failed
            if guarding.then and (marked := found[f"m{position}"]):
                self.follow_up(guarding.then, marked)
        return {series: found[_counter(series)] for series in numberings}

    def _parameters(self) -> Values:
        """The rows of each guard and table as JSON, and what each document counter is asked for."""
        sets = {f"g{position}": guarding.rows for position, guarding in enumerate(self._guards)} | self._rows
        parameters: Values = {name: orjson.dumps(rows, default=str).decode() for name, rows in sets.items()}
        for series, n in self._numberings.items():
            counter = _counter(series)
            parameters |= {
                f"{counter}_id": new_id(),
                f"{counter}_series": series,
                f"{counter}_year": n.year,
                f"{counter}_count": len(n.places),
            }
        return parameters


def _counter(series: str) -> str:
    """The part of the statement that asks the counter of a series."""
    return f"n_{series.lower()}"


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
    numberings: tuple[tuple[str, tuple[str, ...]], ...],
) -> str:
    """One WITH statement: guards first, then every insert, the document counters last.

    PostgreSQL runs what is asked for, and at the end what nobody asks for. So a counter asks for the inserts before it
    is locked: nobody waits for it longer than it takes to write the document and commit. Several are locked in the
    order of their names.
    """
    numbered = {table: [series for series, tables in numberings if table in tables]
                for _, tables in numberings for table in tables}  # fmt: skip
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
    for counter in (_counter(series) for series, _ in numberings):
        parts.append(f"""{counter} AS (
            INSERT INTO document_counter AS c (organisation_id, id, series, year, last_number)
            SELECT {_ORG}, %({counter}_id)s::uuid, %({counter}_series)s::text, %({counter}_year)s::int,
                   %({counter}_count)s::bigint
            WHERE {inserted}
            ON CONFLICT (organisation_id, series, year) DO UPDATE SET last_number = c.last_number + excluded.last_number
            RETURNING last_number)""")
        answers.append(f"(SELECT last_number FROM {counter}) AS {counter}")
    parts += [f"i_{table} AS ({_insert(table, columns, numbered[table])})" for table, columns in inserts
              if table in numbered]  # fmt: skip
    return "WITH " + ",\n".join(parts) + "\nSELECT " + ", ".join(answers or ["1 AS done"])


def _insert(table: str, columns: tuple[str, ...], series: Sequence[str] = ()) -> str:
    metadata = SQLModel.metadata.tables[table]
    types = ", ".join(f'"{name}" {column_type(metadata.columns[name].type)}' for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(
        f"{_first_numbers(series)} + r.number" if series and name == "number" else f'r."{name}"' for name in columns
    )
    return (
        f'INSERT INTO "{table}" (organisation_id, {names}) SELECT {_ORG}, {values} '
        f"FROM json_to_recordset(%({table})s::json) AS r({types})"
    )


def _first_numbers(series: Sequence[str]) -> str:
    """The number before those that the counter of a row's series gave out."""
    given = {s: f"(SELECT last_number FROM {_counter(s)}) - %({_counter(s)}_count)s::bigint" for s in series}
    if len(given) == 1:
        return f"({given[series[0]]})"
    return "CASE r.series " + " ".join(f"WHEN '{s}' THEN {first}" for s, first in given.items()) + " END"


def column_type(column: sa.types.TypeEngine[Any]) -> str:
    """The SQL name of a column's type."""
    return str(column.compile(dialect=_DIALECT))
