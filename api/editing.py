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

from api.moves import Answer, Call, etag
from api.reads.paging import Listing
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
    with as_refusals(resource.noun):
        tx.session.delete(row)
        tx.session.flush()
    return Answer(status=204)


def require_match(call: Call, current: str, noun: str) -> None:
    """Raises Changed where `If-Match` names another version than the current one."""
    if call.if_match in (None, "*"):
        return
    if call.if_match is not None and call.if_match.removeprefix("W/").strip('"') != current:
        raise Changed(f"The {noun} was changed meanwhile; look at it again.", version=current)


_COLUMNS = re.compile(r"Key \(([^)]*)\)")


@contextmanager
def as_refusals(noun: str) -> Iterator[None]:
    """What the database refuses of an admin's input, as a refusal that names the field."""
    try:
        yield
    except sa.exc.IntegrityError as error:
        raise refusal(cast(psycopg.Error, error.orig), noun) from error
    except psycopg.errors.IntegrityError as error:
        raise refusal(error, noun) from error


def refusal(error: psycopg.Error, noun: str) -> Conflict | Invalid:
    """A violated constraint in words."""
    found = _COLUMNS.search(error.diag.message_detail or "")
    fields = [name for name in found[1].split(", ") if name != "organisation_id"] if found else []
    field = fields[0] if fields else None
    if isinstance(error, psycopg.errors.UniqueViolation):
        message = f"There is already a {noun} with this {' and '.join(fields).replace('_', ' ')}."
        return AlreadyExists(message, reasons=[Reason("already_exists", message, field=field)])
    if isinstance(error, psycopg.errors.ForeignKeyViolation):
        if "still referenced" in (error.diag.message_detail or ""):
            return InUse(f"Something still refers to this {noun}.")
        message = f"There is no such {(field or noun).removesuffix('_id').replace('_', ' ')}."
        return Invalid(message, reasons=[Reason("unknown", message, field=field)])
    rule = (error.diag.constraint_name or "").removeprefix(f"ck_{error.diag.table_name}_").replace("_", " ")
    message = f"A {noun} must hold: {rule}."
    return Invalid(message, reasons=[Reason("rule_of_the_record", message, rule=rule.replace(" ", "_"))])
