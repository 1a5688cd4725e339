"""Who may collect an attendee."""

from datetime import datetime
from uuid import UUID

from models.base import TenantRow, check, index, moment, refers


class AuthorisedPerson(TenantRow, table=True):
    """A person who may collect the attendee. The PIN is an argon2 hash; whoever is removed stays on record."""

    __tablename__ = "authorised_person"
    __table_args__ = (
        refers("attendee_id", "attendee"),
        check("char_length(name) BETWEEN 1 AND 200 AND name_key <> ''", "has_a_name"),
        index("uq_authorised_person_name", "attendee_id", "name_key", where="removed_at IS NULL", is_unique=True),
        index("ix_authorised_person_attendee", "attendee_id"),
    )
    attendee_id: UUID
    name: str
    name_key: str  # the name as names are compared
    relationship: str = ""
    phone: str = ""
    pin_hash: str | None = None
    created_at: datetime = moment()
    removed_at: datetime | None = moment(default=None, nullable=True)
