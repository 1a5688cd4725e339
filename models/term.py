"""Terms: the operating periods that bound their sessions."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from models.base import TenantRow, check, one_of, refers, root, unique, word


class TermStatus(StrEnum):
    """Where a term stands."""

    DRAFT = "DRAFT"  # being prepared, seen by admins only
    OPEN = "OPEN"  # takes bookings, has not begun
    RUNNING = "RUNNING"  # has begun, still takes bookings
    ENDED = "ENDED"  # its last day has passed
    ARCHIVED = "ARCHIVED"  # read-only


class Term(TenantRow, table=True):
    """An operating period; its dates are read in the site's zone (the organisation's where it has no site)."""

    __tablename__ = "term"
    __table_args__ = (
        root(),
        refers("site_id", "site"),
        one_of("status", TermStatus),
        check("starts_on <= ends_on", "starts_before_it_ends"),
        unique("source_key"),
    )
    name: str
    site_id: UUID | None = None  # None: the whole organisation
    starts_on: date
    ends_on: date
    status: TermStatus = word(TermStatus, default=TermStatus.DRAFT)
    source_key: str | None = None
