"""The floor: the very rows that the engine writes for an order, written by one PL/pgSQL function per transaction.

The rows are read back once from an order that the engine booked. For every further order their identifiers are
exchanged, before the measurement begins; the function decides nothing and reads only what it needs to write.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg
from sqlmodel import SQLModel

from bench.world import Cart
from engine.batch import column_type
from engine.database import Database, Transaction
from engine.ids import new_id, new_reference

VERBS = ("submit", "confirm")
# Changed by the engine; every other row of a transaction is new.
_ORDER, _SESSIONS, _COUNTER = "term_booking_order", "term_product", "document_counter"
_NUMBERED = "invoice"
# Added up by the database itself from what is written, on the floor too.
_ADDED_UP = ("deferral", "receivable", "capture")
_ATTENDEE_KEY = "@attendee_key@"
_IDENTIFIER = re.compile(
    r"([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|T[OB]-[0-9A-Z]{8}|@attendee_key@)"
)

Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Written:
    """The rows that one transaction left, by table, and which columns of the order it changed."""

    rows: Rows
    changed: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        return {table: len(rows) for table, rows in self.rows.items()}


@dataclass(frozen=True, slots=True)
class Template:
    """One transaction as text, cut at every identifier: the odd pieces are identifiers of the order it came from."""

    pieces: list[str]


@dataclass(frozen=True, slots=True)
class Templates:
    """The transactions of one order of so many sessions, with the cart whose identifiers stand in them."""

    cart: Cart
    verbs: dict[str, Template]

    def fill(self, cart: Cart) -> list[str]:
        """The transactions of another cart of the same size, as JSON."""
        names = _Names(_known(self.cart, cart))
        return [
            "".join(names[piece] if at % 2 else piece for at, piece in enumerate(self.verbs[verb].pieces))
            for verb in VERBS
        ]


class _Names(dict[str, str]):
    """Identifiers of the template's order to those of another; what is new in the order gets a new one."""

    def __missing__(self, name: str) -> str:
        made = self[name] = new_reference("TB") if name.startswith("TB-") else str(new_id())
        return made


def _known(old: Cart, new: Cart) -> dict[str, str]:
    pairs = [
        (old.organisation_id, new.organisation_id), (old.admin_id, new.admin_id), (old.order_id, new.order_id),
        (old.account_id, new.account_id), (old.attendee_id, new.attendee_id), (old.term_id, new.term_id),
        (old.offering.id, new.offering.id), (old.reference, new.reference), (_ATTENDEE_KEY, new.attendee_key),
        *zip(old.offering.session_ids, new.offering.session_ids, strict=True),
    ]  # fmt: skip
    return {str(mine): str(theirs) for mine, theirs in pairs}


def rows_written(tx: Transaction) -> Rows:
    """Every row that the transaction has left so far, by table: those that carry its number."""
    tables = [str(t.name) for t in SQLModel.metadata.sorted_tables
              if "organisation_id" in t.columns and t.name not in _ADDED_UP]  # fmt: skip
    found = {
        table: [row["row"] for row in tx.rows(
            f'SELECT to_jsonb(t) AS row FROM "{table}" t WHERE t.xmin = pg_current_xact_id()::xid'
        )] for table in tables
    }  # fmt: skip
    return {table: rows for table, rows in found.items() if rows}


def order_row(tx: Transaction, cart: Cart) -> dict[str, Any]:
    found = tx.row("SELECT to_jsonb(o) AS row FROM term_booking_order o WHERE id = %(id)s", id=cart.order_id)
    assert found is not None
    row: dict[str, Any] = found["row"]
    return row


def make_templates(cart: Cart, written: dict[str, Written]) -> Templates:
    return Templates(cart, {verb: _template(w) for verb, w in written.items()})


def _template(written: Written) -> Template:
    """The rows without what the function knows itself: the organisation, and columns that stay empty."""
    document = {}
    for table, rows in written.rows.items():
        columns = _columns(written, table)
        document[table] = [{name: row[name] for name in columns} for row in rows]
    for claim in document.get("place_claim", ()):
        claim["attendee_key"] = _ATTENDEE_KEY
    return Template(_IDENTIFIER.split(orjson.dumps(document).decode()))


def _columns(written: Written, table: str) -> list[str]:
    rows = written.rows[table]
    if table == _ORDER:
        return ["id", *written.changed]
    if table == _SESSIONS:
        return ["id"]
    if table == _COUNTER:
        return ["id", "series", "year"]
    return [name for name in rows[0] if name != "organisation_id" and any(row[name] is not None for row in rows)]


def create_functions(owner: psycopg.Connection[Any], written: dict[str, Written]) -> None:
    """Make `floor_submit(jsonb)` and `floor_confirm(jsonb)`, which run as whoever calls them."""
    for verb, what in written.items():
        owner.execute(_function(verb, what))


def _function(verb: str, written: Written) -> str:
    """Parents first, sessions locked in id order, and the document counter as late as it can be."""
    new = [str(t.name) for t in SQLModel.metadata.sorted_tables if t.name in written.rows]
    late = [name for name in new if name.startswith((_NUMBERED, _COUNTER))]
    body = [_statement(written, name) for name in [*(name for name in new if name not in late), *late]]
    statements = "\n".join(f"    {statement};" for statement in body)
    return f"""
CREATE FUNCTION floor_{verb}(rows jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    org uuid := current_setting('app.organisation_id')::uuid;
    next_number bigint;
BEGIN
{statements}
END $$"""


_TAKE_PLACES = f"""UPDATE {_SESSIONS} s SET taken = s.taken + 1 FROM (
        SELECT p.id FROM {_SESSIONS} p WHERE p.organisation_id = org
        AND p.id = ANY (ARRAY(SELECT r.id FROM jsonb_to_recordset(rows->'{_SESSIONS}') AS r(id uuid)))
        ORDER BY p.id FOR NO KEY UPDATE OF p) locked
    WHERE s.organisation_id = org AND s.id = locked.id"""

_COUNT = f"""INSERT INTO {_COUNTER} AS c (organisation_id, id, series, year, last_number)
    SELECT org, r.id, r.series, r.year, 1
    FROM jsonb_to_recordset(rows->'{_COUNTER}') AS r(id uuid, series text, year int)
    ON CONFLICT (organisation_id, series, year) DO UPDATE SET last_number = c.last_number + 1
    RETURNING last_number INTO next_number"""


def _statement(written: Written, table: str) -> str:
    if table == _ORDER:
        return _update_order(written)
    return {_SESSIONS: _TAKE_PLACES, _COUNTER: _COUNT}.get(table) or _insert(written, table)


def _update_order(written: Written) -> str:
    assignments = ", ".join(f'"{name}" = r."{name}"' for name in written.changed)
    return f"""UPDATE {_ORDER} t SET {assignments}
    FROM (SELECT * FROM jsonb_to_recordset(rows->'{_ORDER}') AS r({_types(_ORDER, ["id", *written.changed])}) LIMIT 1) r
    WHERE t.organisation_id = org AND t.id = r.id"""


def _insert(written: Written, table: str) -> str:
    columns = _columns(written, table)
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join("next_number" if table == _NUMBERED and name == "number" else f'r."{name}"' for name in columns)
    return (f'INSERT INTO "{table}" (organisation_id, {names}) SELECT org, {values}\n'
            f"    FROM jsonb_to_recordset(rows->'{table}') AS r({_types(table, columns)})")  # fmt: skip


def _types(table: str, columns: Sequence[str]) -> str:
    known = SQLModel.metadata.tables[table].columns
    return ", ".join(f'"{name}" {column_type(known[name].type)}' for name in columns)


def book_by_floor(database: Database, templates: Templates, cart: Cart) -> dict[str, Written]:
    """Book one cart by the functions and tell what they left, to be compared with the engine."""
    left = {}
    for verb, document in zip(VERBS, templates.fill(cart), strict=True):
        with database.transaction(cart.organisation_id) as tx:
            tx.run(f"SELECT floor_{verb}(%(rows)s::jsonb)", rows=document)
            left[verb] = Written(rows_written(tx), ())
    return left
