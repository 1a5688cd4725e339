"""Looks over the whole database for anything that must never be: `termbook check`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

import orjson

from engine.database import Database, Row, Transaction
from engine.invariants import INVARIANTS, Invariant, Scope
from engine.money import format_money

# Chart name → its edges: trigger, status left (None: it was made), status reached.
Edges = Mapping[str, Iterable[tuple[str, int | None, int]]]

# So many breaches of one invariant in one organisation are told; more would help nobody.
AT_MOST = 1_000
# One read-only snapshot, read in sets: on tables that were filled a moment ago and not analysed yet, the planner would
# choose nested loops, which take a minute where hashing takes a tenth of a second.
AS_A_WHOLE = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "SET LOCAL enable_nestloop = off",
    "SET LOCAL jit = off",
)
# The database itself is looked at without an organisation.
_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Breach:
    """A record that breaks a promise. `what` is for people; `facts` are the columns of the query, JSON-ready."""

    invariant: str
    organisation_id: UUID | None  # None: the database itself
    what: str
    facts: dict[str, Any] = field(default_factory=dict)


def check(database: Database, *, edges: Edges, organisation_id: UUID | None = None) -> list[Breach]:
    """Run every invariant, over one organisation or all of them; empty when all is well.

    Each organisation is read in one read-only snapshot, so that work in flight is seen whole or not at all.
    """
    with database.transaction(_NOBODY) as transaction:
        breaches = check_schema(transaction)
    for one in [organisation_id] if organisation_id else database.organisations():
        with database.transaction(one) as transaction:
            for setting in AS_A_WHOLE:
                transaction.run(setting)
            breaches += check_organisation(transaction, edges=edges)
    return breaches


def check_organisation(transaction: Transaction, *, edges: Edges) -> list[Breach]:
    """What is broken in the transaction's organisation, as this transaction sees it."""
    told = transaction.row("SELECT currency, locale FROM organisation WHERE id = %(org)s") or {}
    parameters = {"edges": _as_json(edges)}
    return [
        Breach(invariant.name, transaction.organisation_id, _say(invariant, row, told), _facts(row))
        for invariant in INVARIANTS
        if invariant.scope is Scope.ORGANISATION
        for row in transaction.rows(_at_most(invariant), **parameters)
    ]


def check_schema(transaction: Transaction) -> list[Breach]:
    """What is broken in the database itself: policies, roles, tables that only grow."""
    return [
        Breach(invariant.name, None, _say(invariant, row, {}), _facts(row))
        for invariant in INVARIANTS
        if invariant.scope is Scope.SCHEMA
        for row in transaction.rows(_at_most(invariant))
    ]


def report(breaches: Sequence[Breach]) -> str:
    """The breaches in words, each promise above what breaks it."""
    if not breaches:
        return f"All {len(INVARIANTS)} invariants hold."
    promises = {invariant.name: invariant.promise for invariant in INVARIANTS}
    order = {name: position for position, name in enumerate(promises)}
    by_invariant = sorted(breaches, key=lambda breach: order[breach.invariant])
    lines = []
    for name, group in groupby(by_invariant, key=lambda breach: breach.invariant):
        found = list(group)
        lines.append(f"{name}: {promises[name]}")
        lines += [f"  - {breach.what}{_whose(breach)}" for breach in found]
    broken = len({breach.invariant for breach in breaches})
    records = f"{len(breaches)} record{'s' if len(breaches) > 1 else ''}"
    return "\n".join([*lines, f"{broken} of {len(INVARIANTS)} invariants broken, by {records}."])


def _as_json(edges: Edges) -> str:
    rows = [
        {"chart": chart, "trigger": trigger, "from": None if source is None else int(source), "to": int(target)}
        for chart, steps in edges.items()
        for trigger, source, target in steps
    ]
    return orjson.dumps(rows).decode()


def _at_most(invariant: Invariant) -> str:
    return f"SELECT * FROM ({invariant.sql}) breach LIMIT {AT_MOST}"


def _say(invariant: Invariant, row: Row, told: Row) -> str:
    """The invariant's sentence with the row's values; money in the organisation's currency."""
    words = {name: _word(name, value, told) for name, value in row.items()}
    return invariant.says.format(**words) + "."


def _word(name: str, value: Any, told: Row) -> str:
    if value is None:
        return "none"
    if name.endswith("_minor") and told:
        return format_money(int(value), told["currency"], told["locale"])
    return str(value)


def _facts(row: Row) -> dict[str, Any]:
    """JSON-ready; a sum of whole numbers comes as a numeric and is a whole number."""
    whole = {name: int(value) if isinstance(value, Decimal) else value for name, value in row.items()}
    facts: dict[str, Any] = orjson.loads(orjson.dumps(whole, default=str))
    return facts


def _whose(breach: Breach) -> str:
    return f" [{breach.organisation_id}]" if breach.organisation_id else ""
