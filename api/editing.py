"""Making, reading and changing plain records: sites, terms, programs, families. Thin, over a SQLModel session.

A record without a version has a fingerprint of what is shown as its ETag.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import cast
from uuid import UUID

import psycopg
import sqlalchemy as sa
from sqlmodel import SQLModel

from api.moves import Answer, Call, etag
from api.reads.paging import Listing
from api.record_rules import RULES
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason
from models.base import TenantRow
from workflows.order_facts import Changed


class AlreadyExists(Conflict):
    """Something with the same name or key exists already."""

    code = "already_exists"


class InUse(Conflict):
    """Something else refers to it."""

    code = "in_use"


@dataclass(frozen=True, slots=True)
class Resource:
    """A table as the API shows it: `columns` are shown, `noun` is what people call one, `path` where it is found.

    `check` may refuse values before they are written; families see only rows for which `families_see` holds.
    """

    model: type[TenantRow]
    noun: str
    path: str
    columns: Sequence[str]
    check: Callable[[Row], None] | None = None
    families_see: str = ""
    codes: Sequence[tuple[str, type[IntEnum]]] = ()

    @property
    def table(self) -> str:
        return str(self.model.__tablename__)

    def shape(self, row: Row) -> Row:
        """A row as it is shown: ids first, codes as names."""
        found = {"id": row["id"], **{name: row[name] for name in self.columns}}
        for name, enum in self.codes:
            found[name] = enum(found[name]).name
        return found

    def kept(self, values: Row) -> Row:
        """Values as they are given, with names as the codes they are kept as."""
        return values | {name: enum[values[name]] for name, enum in self.codes if name in values}

    def listing(self) -> Listing:
        """All of them, oldest first."""
        columns = ", ".join(f't."{name}"' for name in ("id", *self.columns))
        sql = f'SELECT {{keys}}, {columns} FROM "{self.table}" t WHERE t.organisation_id = %(org)s{{where}}'
        return Listing(sql, [("t.id", "uuid")])


def answer(resource: Resource, shown: Row, *, status: int = 200) -> Answer:
    location = f"{resource.path}/{shown['id']}" if status == 201 else None
    return Answer(shown, status, version=etag(shown), location=location)


def create(tx: Transaction, resource: Resource, values: Row) -> Answer:
    """Make one. Raises AlreadyExists, Invalid (it refers to something unknown, or breaks a rule of the database)."""
    if resource.check is not None:
        resource.check(values)
    row = resource.model(organisation_id=tx.organisation_id, **resource.kept(values))
    with as_refusals(resource.noun):
        tx.session.add(row)
        tx.session.flush()
    return answer(resource, resource.shape(row.model_dump()), status=201)


def find(tx: Transaction, resource: Resource, record_id: UUID, *, locked: bool = False) -> TenantRow:
    """The record. Raises NotFound."""
    key = (tx.organisation_id, record_id)
    row = tx.session.get(resource.model, key, with_for_update={"key_share": True} if locked else None)
    if row is None:
        raise NotFound(f"There is no such {resource.noun}.", what=resource.noun)
    return row


def edit(tx: Transaction, resource: Resource, record_id: UUID, changes: Row, *, call: Call) -> Answer:
    """Change some columns of one. Raises NotFound, Changed (not the version of `If-Match`), and as `create`."""
    row = find(tx, resource, record_id, locked=True)
    require_match(call, etag(resource.shape(row.model_dump())), resource.noun)
    if resource.check is not None:
        resource.check({**row.model_dump(), **changes})
    with as_refusals(resource.noun):
        row.sqlmodel_update(resource.kept(changes))
        tx.session.add(row)
        tx.session.flush()
    return answer(resource, resource.shape(row.model_dump()))


def delete(tx: Transaction, resource: Resource, record_id: UUID) -> Answer:
    """Remove one that nothing refers to. Raises NotFound, InUse."""
    row = find(tx, resource, record_id, locked=True)
    with as_refusals(resource.noun, is_deleting=True):
        tx.session.delete(row)
        tx.session.flush()
    return Answer(status=204)


def require_match(call: Call, current: str, noun: str) -> None:
    """Raises Changed where `If-Match` names another version than the current one."""
    if call.if_match in (None, "*"):
        return
    if call.if_match is not None and call.if_match.strip('"') != current:
        raise Changed(f"The {noun} was changed meanwhile; look at it again.", version=current)


@contextmanager
def as_refusals(noun: str, *, is_deleting: bool = False) -> Iterator[None]:
    """What the database refuses of an admin's input, as a refusal that names the field."""
    try:
        yield
    except sa.exc.IntegrityError as error:
        raise _refusal(cast(psycopg.Error, error.orig), noun, is_deleting) from error
    except psycopg.errors.IntegrityError as error:
        raise _refusal(error, noun, is_deleting) from error


def _refusal(error: psycopg.Error, noun: str, is_deleting: bool) -> Conflict | Invalid:
    """A violated constraint in words. The database tells no values where rows are secured, only the constraint."""
    table, constraint = error.diag.table_name or "", error.diag.constraint_name or ""
    if isinstance(error, psycopg.errors.UniqueViolation):
        fields = _columns(table, constraint.removeprefix(f"uq_{table}_organisation_id_"))
        message = f"There is already a {noun} with this {' and '.join(fields).replace('_id', '').replace('_', ' ')}."
        return AlreadyExists(message, reasons=[Reason("already_exists", message, field=field) for field in fields])
    if isinstance(error, psycopg.errors.ForeignKeyViolation):
        if is_deleting:
            return InUse(f"Something still refers to this {noun}.")
        field = constraint.removeprefix(f"fk_{table}_organisation_id_")
        message = f"There is no such {field.removesuffix('_id').replace('_', ' ')}."
        return Invalid(message, reasons=[Reason("unknown", message, field=field)])
    rule = constraint.removeprefix(f"ck_{table}_") or "required"
    general = f"A {noun} must hold: {rule.replace('_', ' ')}."
    field, message = RULES.get(constraint, (error.diag.column_name or "", general))
    return Invalid(message, reasons=[Reason("rule_of_the_record", message, field=field or None, rule=rule)])


def _columns(table: str, names: str) -> list[str]:
    """`site_id_date` as the table's columns."""
    found = []
    for column in sorted(SQLModel.metadata.tables[table].columns.keys(), key=len, reverse=True):
        if re.search(rf"(^|_){column}(_|$)", names):
            found.append(column)
            names = re.sub(rf"(^|_){column}(_|$)", "_", names, count=1)
    return sorted(found)
