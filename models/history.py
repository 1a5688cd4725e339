"""The append-only history: who moved what, when, why, and what changed."""

from datetime import datetime
from uuid import UUID

from models.base import TenantRow, check, code, index, json, moment, one_of, root, unique, word
from models.status import ActorKind, TermBookingStatus


class StatusEvent(TenantRow, table=True):
    """One change of one order or booking. `sequence` runs 1, 2, 3 … and equals the subject's version after it."""

    __tablename__ = "status_event"
    __table_args__ = (
        root(),
        one_of("from_status", TermBookingStatus),
        one_of("to_status", TermBookingStatus),
        one_of("actor_kind", ActorKind),
        check("(sequence = 1) = (from_status IS NULL)", "begins_from_nothing"),
        unique("subject_id", "sequence"),
        index("ix_status_event_at", "at"),
    )
    chart: str  # the lifecycle it belongs to: term_booking_order, term_booking
    subject_id: UUID
    sequence: int
    trigger: str
    from_status: TermBookingStatus | None = code(TermBookingStatus, default=None, nullable=True)
    to_status: TermBookingStatus = code(TermBookingStatus)
    actor_kind: ActorKind = word(ActorKind)
    actor_id: UUID | None = None
    reason: str = ""
    changes: dict[str, object] = json(default_factory=dict, nullable=False)
    at: datetime = moment()
