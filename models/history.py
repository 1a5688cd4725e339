"""The append-only history: who moved what, when, why, and what changed."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import TenantRow, check, index, json, moment, one_of, root, unique, word
from models.status import ActorKind


class StatusEvent(TenantRow, table=True):
    """One change of one record with a lifecycle. `sequence` runs 1, 2, 3 … and equals the subject's version after it.

    The statuses are codes of the chart that it belongs to. `changes` also names the sessions in which the move took
    places (`places_taken`) or gave them back (`places_released`): the history alone tells who holds what.
    """

    __tablename__ = "status_event"
    __table_args__ = (
        root(),
        one_of("actor_kind", ActorKind),
        check("(sequence = 1) = (from_status IS NULL)", "begins_from_nothing"),
        unique("subject_id", "sequence"),
        index("ix_status_event_at", "at"),
    )
    chart: str  # the lifecycle it belongs to, by the name of its table
    subject_id: UUID
    sequence: int
    trigger: str
    from_status: int | None = Field(default=None, sa_type=sa.SmallInteger, nullable=True)
    to_status: int = Field(sa_type=sa.SmallInteger)
    actor_kind: ActorKind = word(ActorKind)
    actor_id: UUID | None = None
    reason: str = ""
    changes: dict[str, object] = json(default_factory=dict, nullable=False)
    at: datetime = moment()
