"""The tenant and its sites."""

import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

from models.base import TenantRow, check, json, moment, refers, root, unique


class Tenant(SQLModel, table=True):
    """The directory of organisations: what must be readable before an organisation is known, and nothing else.

    It has no row level security; sign-in looks up a slug here, workers walk it.
    """

    __tablename__ = "tenant"
    id: UUID = Field(primary_key=True, default_factory=uuid7)
    slug: str = Field(unique=True)


class Organisation(SQLModel, table=True):
    """The tenant; owns everything. Its currency is frozen at its first posting."""

    __tablename__ = "organisation"
    __table_args__ = (
        check("currency ~ '^[A-Z]{3}$'", "currency_is_iso_4217"),
        check("char_length(name) BETWEEN 1 AND 200", "name_has_a_sane_length"),
    )
    id: UUID = Field(primary_key=True, foreign_key="tenant.id")
    name: str
    legal_name: str = ""
    currency: str
    prices_include_tax: bool = True
    time_zone: str
    locale: str = "en_CA"
    # Address lines, phone, e-mail, tax registration number and payment instructions for documents.
    letterhead: dict[str, object] = json(default_factory=dict, nullable=False)
    created_at: datetime.datetime = moment()


class Site(TenantRow, table=True):
    """A place that runs programs; its time zone is the one its dates are read in."""

    __tablename__ = "site"
    __table_args__ = (root(), unique("source_key"), unique("name"))
    name: str
    address: str = ""
    time_zone: str
    # Public holidays that generation skips, as the `holidays` library names them: country and subdivision.
    holiday_country: str = ""
    holiday_subdivision: str = ""
    source_key: str | None = None


class ClosureDay(TenantRow, table=True):
    """A date on which a site, or one term of it, does not run: no session is generated."""

    __tablename__ = "closure_day"
    __table_args__ = (refers("site_id", "site"), refers("term_id", "term"), unique("site_id", "term_id", "date"))
    site_id: UUID
    term_id: UUID | None = None
    date: datetime.date
    reason: str = ""
