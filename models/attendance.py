"""One row per confirmed dated line: who is expected, who came."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from models.base import TenantRow, check, index, moment, one_of, refers, unique, word


class AttendanceStatus(StrEnum):
    """What is known of an attendee in a session."""

    EXPECTED = "EXPECTED"  # nothing marked yet
    PRESENT = "PRESENT"  # signed in
    LATE = "LATE"  # signed in late
    ABSENT_NOTIFIED = "ABSENT_NOTIFIED"  # the family said so before
    ABSENT = "ABSENT"  # did not come
    LEFT = "LEFT"  # signed out
    CANCELLED = "CANCELLED"  # the line was cancelled, closed or suspended


class SignMethod(StrEnum):
    """How a sign-in or sign-out was taken."""

    ROLL = "ROLL"  # marked on the roll by staff
    KIOSK = "KIOSK"  # by the guardian at the door
    SCAN = "SCAN"  # by scanning a ticket


class TicketCheckIn(TenantRow, table=True):
    """A ticket that was scanned at the door: once, by constraint."""

    __tablename__ = "ticket_check_in"
    __table_args__ = (refers("booking_line_id", "term_booking_line", ondelete="CASCADE"), unique("booking_line_id"))
    booking_line_id: UUID
    scanned_at: datetime = moment()  # by the device's own clock
    scanned_by: UUID | None = None
    recorded_at: datetime = moment()


class TermAttendance(TenantRow, table=True):
    """An attendee's row on the roll of one session."""

    __tablename__ = "term_attendance"
    __table_args__ = (
        refers("booking_line_id", "term_booking_line"),
        refers("booking_id", "term_booking"),
        refers("term_product_id", "term_product"),
        refers("attendee_id", "attendee"),
        one_of("status", AttendanceStatus),
        one_of("method", SignMethod),
        check("signed_out_at >= signed_in_at", "leaves_after_it_came"),
        unique("booking_line_id"),
        index("ix_term_attendance_session", "term_product_id"),
        index("ix_term_attendance_here", "term_product_id", where="status IN ('PRESENT', 'LATE')"),
        index("ix_term_attendance_attendee", "attendee_id", "local_date"),
    )
    booking_line_id: UUID
    booking_id: UUID
    term_product_id: UUID
    attendee_id: UUID
    local_date: date
    status: AttendanceStatus = word(AttendanceStatus, default=AttendanceStatus.EXPECTED)
    version: int = 1
    # The device's own time of the mark that holds, so that a late-sent older mark does not win.
    marked_at: datetime | None = moment(default=None, nullable=True)
    marked_by: UUID | None = None
    signed_in_at: datetime | None = moment(default=None, nullable=True)
    signed_out_at: datetime | None = moment(default=None, nullable=True)
    collected_by: str | None = None
    method: SignMethod | None = word(SignMethod, default=None, nullable=True)
    reason: str | None = None
    # Of the mark that holds: the device it came from, and its id, which is that of its sign-out too.
    device: str | None = None
    mark_id: UUID | None = None
