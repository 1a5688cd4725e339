"""Makeup credits: what an absence that was told in time gives back."""

from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID

import sqlalchemy as sa

from models.base import TenantRow, check, code, flag, index, moment, one_of, refers, unique, word


class MakeupStatus(IntEnum):
    """Where a makeup credit stands."""

    AVAILABLE = 100  # can be booked until it expires
    BOOKED = 200  # an order or booking has a session with it
    USED = 300  # that session was held, or given up too late
    EXPIRED = 800  # nobody booked it in time
    REVOKED = 900  # taken back


class MakeupReach(StrEnum):
    """Where a makeup session may be booked."""

    PROGRAM = "PROGRAM"  # in the program that was missed
    CATEGORY = "CATEGORY"  # in any program of its category
    ORGANISATION = "ORGANISATION"  # in any program


class MakeupCredit(TenantRow, table=True):
    """The right to a session without its base price, from one absence."""

    __tablename__ = "makeup_credit"
    __table_args__ = (
        refers("account_id", "account"),
        refers("attendee_id", "attendee"),
        refers("attendance_id", "term_attendance"),
        refers("program_id", "program"),
        refers("term_id", "term"),
        refers("order_id", "term_booking_order"),
        refers("session_id", "term_product"),
        one_of("status", MakeupStatus),
        one_of("reach", MakeupReach),
        check("NOT is_withdrawn OR status = 900", "withdrawn_is_revoked"),
        check("validity_days > 0", "validity_is_positive"),
        check("(order_id IS NULL) = (session_id IS NULL)", "booked_whole"),
        check("status NOT IN (200, 300) OR order_id IS NOT NULL", "booked_by_an_order"),
        check("status IN (200, 300) OR order_id IS NULL", "free_of_orders"),
        unique("reference"),
        unique("attendance_id"),
        index("ix_makeup_credit_account", "account_id", "created_at"),
        index("ix_makeup_credit_attendee", "attendee_id", "term_id"),
        index("ix_makeup_credit_order", "order_id"),
        index("ix_makeup_credit_expiry", "expires_at", where="status = 100"),
        index("ix_makeup_credit_reminder", "expires_at", where="status = 100 AND reminded_at IS NULL"),
    )
    reference: str
    account_id: UUID  # of the booking that was missed
    attendee_id: UUID
    attendance_id: UUID  # the absence
    program_id: UUID
    term_id: UUID
    status: MakeupStatus = code(MakeupStatus)
    version: int = 1
    # As the rule said when it was given.
    validity_days: int
    reach: MakeupReach = word(
        MakeupReach, default=MakeupReach.PROGRAM, sa_column_kwargs={"server_default": sa.text("'PROGRAM'")}
    )
    # An AVAILABLE credit is void from then on, whatever the worker does.
    expires_at: datetime = moment()
    reminded_at: datetime | None = moment(default=None, nullable=True)  # that it is about to run out
    is_withdrawn: bool = flag()  # taken back with the absence: given again when that is told again
    # Who has it booked or used, and for which session.
    order_id: UUID | None = None
    session_id: UUID | None = None
    created_at: datetime = moment()
    updated_at: datetime = moment()
