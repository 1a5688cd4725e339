"""Timeouts: rows that fire once, on whichever worker is up."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from models.base import TenantRow, check, index, moment, one_of, root, word


class TimerKind(StrEnum):
    """What happens when it is due."""

    AUTO_CANCEL = "AUTO_CANCEL"  # an order was not confirmed in time
    QUOTE_EXPIRY = "QUOTE_EXPIRY"  # a quote ran out
    BOOKING_CLOSE = "BOOKING_CLOSE"  # the last day of a booking has passed
    WAITING_OFFER = "WAITING_OFFER"  # a place offered to a waiting family was not accepted in time
    WAITING_SAVED = "WAITING_SAVED"  # places saved for an all-or-nothing group go to others


class TimerStatus(StrEnum):
    """Whether it can still fire."""

    ARMED = "ARMED"  # waits for its moment
    FIRED = "FIRED"  # did what it was for, once
    DISARMED = "DISARMED"  # no longer needed


_ARMED = "status = 'ARMED'"


class Timer(TenantRow, table=True):
    """One armed timeout of one order or booking. An overdue hold is void when read, whatever the worker does."""

    __tablename__ = "timer"
    __table_args__ = (
        root(),
        one_of("kind", TimerKind),
        one_of("status", TimerStatus),
        check("(status = 'ARMED') = (settled_at IS NULL)", "settled_once"),
        index("ix_timer_due", "due_at", where=_ARMED),
        # By subject first: whoever moves an order looks up here what is armed for it.
        index("uq_timer_armed", "subject_id", "kind", "detail_id", where=_ARMED, is_unique=True, with_nulls=True),
        index("uq_timer_armed_detail", "detail_id", "kind", where=_ARMED, is_unique=True),
    )
    kind: TimerKind = word(TimerKind)
    subject_id: UUID
    # What of the subject it is about, where there may be several: the offer to an entry of a waiting order.
    detail_id: UUID | None = None
    due_at: datetime = moment()
    status: TimerStatus = word(TimerStatus, default=TimerStatus.ARMED)
    settled_at: datetime | None = moment(default=None, nullable=True)
