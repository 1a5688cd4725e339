"""Pages of a list by keyset: an opaque cursor names the last row that was seen, so inserts never shift a page."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import orjson
import psycopg
from fastapi import Query

from api.moves import Answer
from engine.database import Row, Transaction
from engine.errors import Invalid, NotFound, Reason

Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before; the filters stay.")]
Limit = Annotated[int, Query(ge=1, le=200, description="How many rows a page has at most.")]


@dataclass
class Listing:
    """A list: `sql` selects FROM … WHERE with `{where}` in it; `key` are unique sort columns, as (expression, type).

    The expressions must be of the outermost query; each row carries them as columns `k0`, `k1`, … which are not shown.
    """

    sql: str
    key: Sequence[tuple[str, str]]
    is_descending: bool = False
    conditions: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)

    def where(self, condition: str, **parameters: Any) -> None:
        """Show only rows for which this holds; a condition whose parameters are all None or empty is left out."""
        if not parameters or any(value is not None and value != [] for value in parameters.values()):
            self.conditions.append(condition)
            self.parameters |= parameters

    def page(
        self, tx: Transaction, *, cursor: str | None, limit: int, show: Callable[[Row], Row], **parameters: Any
    ) -> Answer:
        """One page, and the cursor of the next where there is one."""
        conditions, given = list(self.conditions), {**self.parameters, **parameters, "limit": limit + 1}
        if cursor is not None:
            seen = _decode(cursor, self.mark(), len(self.key))
            names = ", ".join(expression for expression, _ in self.key)
            values = ", ".join(f"%(k{n})s::{kind}" for n, (_, kind) in enumerate(self.key))
            conditions.append(f"({names}) {'<' if self.is_descending else '>'} ({values})")
            given |= {f"k{n}": value for n, value in enumerate(seen)}
        keys = ", ".join(f"({expression})::text AS k{n}" for n, (expression, _) in enumerate(self.key))
        order = ", ".join(f"{expression}{' DESC' if self.is_descending else ''}" for expression, _ in self.key)
        sql = self.sql.replace("{keys}", keys).replace("{where}", "".join(f" AND {c}" for c in conditions))
        try:
            rows = tx.rows(f"{sql} ORDER BY {order} LIMIT %(limit)s", **given)
        except psycopg.DataError as error:
            if cursor is None:
                raise
            raise _no_cursor() from error
        more = len(rows) > limit
        shown = [[row.pop(f"k{n}") for n in range(len(self.key))] for row in rows]
        return Answer({
            "items": [show(row) for row in rows[:limit]],
            "next_cursor": _encode([self.mark(), *shown[limit - 1]]) if more else None,
        })  # fmt: skip

    def one(self, tx: Transaction, noun: str, *, show: Callable[[Row], Row] = dict) -> Row:
        """The row that the conditions leave. Raises NotFound."""
        page = self.page(tx, cursor=None, limit=1, show=show).body
        if page is None or not page["items"]:
            raise NotFound(f"There is no such {noun}.", what=noun)
        row: Row = page["items"][0]
        return row

    def mark(self) -> str:
        """Of this list with these filters: in another, a cursor would skip rows that were never seen."""
        given = [f"{name}={_in_any_order(value)}" for name, value in sorted(self.parameters.items())]
        text = "\x00".join([self.sql, *sorted(self.conditions), *given])
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _in_any_order(value: Any) -> str:
    return ",".join(sorted(map(str, value))) if isinstance(value, list) else str(value)


def _encode(parts: Sequence[str]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def _decode(cursor: str, mark: str, size: int) -> list[str]:
    try:
        found, *seen = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        is_ours = found == mark and len(seen) == size
        if is_ours and all(isinstance(value, str) and "\x00" not in value for value in seen):
            return list(seen)
    except (ValueError, binascii.Error, TypeError):
        pass
    raise _no_cursor()


def _no_cursor() -> Invalid:
    message = "This is not a cursor of this list with these filters."
    return Invalid(message, reasons=[Reason("malformed", message, field="cursor")])


def only(row: Mapping[str, Any], *names: str) -> Row:
    """Some columns of a row."""
    return {name: row[name] for name in names}
