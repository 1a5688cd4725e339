"""What every table shares: the tenant in the key, composite foreign keys, enum, money and time columns.

Money is a whole number of the currency's minor unit (columns `…_minor`, bigint); moments are `timestamptz`.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum, IntEnum, StrEnum
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

SQLModel.metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Code(sa.types.TypeDecorator[Any]):
    """An IntEnum kept as its numeric code."""

    impl = sa.SmallInteger
    cache_ok = True

    def __init__(self, enum: type[IntEnum]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: Any, dialect: Any) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: Any, dialect: Any) -> IntEnum | None:
        return None if value is None else self.enum(value)


class Word(sa.types.TypeDecorator[Any]):
    """A StrEnum kept as its word."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Any) -> StrEnum | None:
        return None if value is None else self.enum(value)


class TenantRow(SQLModel):
    """A row of one organisation: `(organisation_id, id)` is its key, so nothing can refer across organisations."""

    # A root table refers to the organisation itself; its children inherit that through their parent.
    is_root: ClassVar[bool] = False

    organisation_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True, default_factory=uuid7)


def code(enum: type[IntEnum], **field: Any) -> Any:
    """A column that holds an IntEnum's code; pair it with `one_of`."""
    return Field(sa_type=Code(enum), **field)


def word(enum: type[StrEnum], **field: Any) -> Any:
    """A column that holds a StrEnum's word; pair it with `one_of`."""
    return Field(sa_type=Word(enum), **field)


def moment(**field: Any) -> Any:
    """An aware moment (`timestamptz`)."""
    return Field(sa_type=sa.DateTime(timezone=True), **field)


def money(**field: Any) -> Any:
    """A whole number of minor units of the organisation's currency."""
    return Field(sa_type=sa.BigInteger, **field)


def flag() -> Any:
    """A yes or no that is no, in the database too, where a writer does not know of it."""
    return Field(default=False, sa_column_kwargs={"server_default": sa.text("false")})


def json(**field: Any) -> Any:
    """A jsonb column."""
    return Field(sa_type=JSONB, **field)


def root() -> ForeignKeyConstraint:
    """The foreign key of a root table to its organisation."""
    return ForeignKeyConstraint(["organisation_id"], ["organisation.id"])


def refers(column: str, table: str, *, ondelete: str | None = None) -> ForeignKeyConstraint:
    """A composite foreign key that cannot leave the organisation."""
    return ForeignKeyConstraint(
        ["organisation_id", column], [f"{table}.organisation_id", f"{table}.id"], ondelete=ondelete
    )


def one_of(column: str, enum: type[Enum]) -> CheckConstraint:
    """Only the enum's values: the database knows the vocabulary too."""
    values: Iterable[str] = (str(int(m.value)) if issubclass(enum, IntEnum) else f"'{m.value}'" for m in enum)
    return CheckConstraint(f"{column} IN ({', '.join(values)})", name=f"{column}_is_known")


def unique(*columns: str) -> UniqueConstraint:
    """Unique within the organisation."""
    return UniqueConstraint("organisation_id", *columns)


def unique_with_nulls(*columns: str) -> UniqueConstraint:
    """Unique within the organisation, a missing value counting as a value."""
    return UniqueConstraint("organisation_id", *columns, postgresql_nulls_not_distinct=True)


def index(
    name: str, *columns: str, where: str | None = None, is_unique: bool = False, with_nulls: bool = False
) -> sa.Index:
    """An index that starts with the organisation; unique `with_nulls`, a missing value counts as a value."""
    return sa.Index(
        name, "organisation_id", *columns, unique=is_unique, postgresql_where=sa.text(where) if where else None,
        postgresql_nulls_not_distinct=with_nulls or None,
    )  # fmt: skip


def check(rule: str, name: str) -> CheckConstraint:
    """A rule of the domain held by the database."""
    return CheckConstraint(rule, name=name)


__all__ = [
    "Code", "TenantRow", "Word", "check", "code", "datetime", "flag", "index", "json", "moment", "money", "one_of",
    "refers", "root", "unique", "unique_with_nulls", "word",
]  # fmt: skip
