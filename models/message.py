"""Messages out and in: the outbox, the events already applied, the requests already answered."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from models.base import TenantRow, index, json, moment, root, unique


class OutboxMessage(TenantRow, table=True):
    """Something to do after the commit; inserted by the transaction that caused it, handed over once."""

    __tablename__ = "outbox_message"
    __table_args__ = (
        root(),
        index("ix_outbox_message_waiting", "created_at", where="handed_over_at IS NULL"),
    )
    topic: str
    payload: dict[str, object] = json(nullable=False)
    created_at: datetime = moment()
    handed_over_at: datetime | None = moment(default=None, nullable=True)


class ProcessedEvent(TenantRow, table=True):
    """A provider's event that was applied: it is applied once however often it arrives. Kept at least 400 days."""

    __tablename__ = "processed_event"
    __table_args__ = (root(), unique("provider", "event_id"), index("ix_processed_event_at", "processed_at"))
    provider: str
    event_id: str
    event_type: str
    outcome: str = ""
    processed_at: datetime = moment()


class IdempotencyKey(SQLModel, table=True):
    """A request already answered: the same key and body gets the same answer again."""

    __tablename__ = "idempotency_key"
    __table_args__ = (root(), index("ix_idempotency_key_created", "created_at"))
    organisation_id: UUID = Field(primary_key=True)
    principal_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, max_length=200)
    request_hash: str
    status_code: int
    response: dict[str, object] = json(nullable=False)
    headers: dict[str, str] = json(default_factory=dict, nullable=False)
    created_at: datetime = moment()
