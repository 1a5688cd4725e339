"""Who is expected: confirmed dated lines and attendance rows match one to one."""

from engine.invariants.form import (
    CONFIRMED_ORDER,
    HOLDING_BOOKING,
    SESSION_LINES,
    SESSION_NAME,
    Invariant,
    members,
    named_session,
)
from models import AttendanceStatus, TermBookingStatus

_ENDED = members(
    (
        TermBookingStatus.ARCHIVED,
        TermBookingStatus.SUSPENDED,
        TermBookingStatus.CLOSED,
        TermBookingStatus.CANCELED,
    )
)

ATTENDANCE = (
    Invariant(
        name="confirmed_line_is_on_the_roll_once",
        promise="Confirmed dated lines and attendance rows match one to one.",
        sql=f"""
            WITH rolled AS (SELECT booking_line_id, count(*) AS times FROM term_attendance GROUP BY booking_line_id)
            SELECT b.reference, {SESSION_NAME} AS session, coalesce(times, 0) AS times, line.id AS booking_line_id
            FROM term_booking b
            JOIN term_booking_line line ON line.booking_id = b.id AND line.kind IN {SESSION_LINES}
            {named_session("line.term_product_id")}
            LEFT JOIN rolled ON rolled.booking_line_id = line.id
            WHERE b.status IN {HOLDING_BOOKING} AND session.starts_at IS NOT NULL AND coalesce(times, 0) <> 1
        """,
        says="{reference}: {session} is on the roll {times} times",
    ),
    Invariant(
        name="only_confirmed_lines_are_expected",
        promise="Nobody is on the roll without a confirmed dated line; what was given up is CANCELLED.",
        # A booking that ended keeps the rows of what was held, or attended, before it left Attendance_Approved or
        # Approved; what was given up before that day is no exception.
        sql=f"""
            WITH ended AS (
                SELECT subject_id, max(at) AS at FROM status_event
                WHERE chart = 'term_booking' AND from_status IN {CONFIRMED_ORDER} AND to_status IN {_ENDED}
                GROUP BY subject_id
            )
            SELECT coalesce(b.reference, t.booking_id::text) AS reference, b.status AS booking_status,
                   {SESSION_NAME} AS session, t.status, t.id AS attendance_id
            FROM term_attendance t
            LEFT JOIN term_booking_line line ON line.id = t.booking_line_id AND line.kind IN {SESSION_LINES}
            LEFT JOIN term_booking b ON b.id = line.booking_id
            LEFT JOIN ended ON ended.subject_id = b.id
            {named_session("t.term_product_id")}
            WHERE t.status <> '{AttendanceStatus.CANCELLED}'
              AND (b.id IS NULL OR session.starts_at IS NULL OR line.cancelled_at IS NOT NULL
                   OR (b.status NOT IN {CONFIRMED_ORDER} AND least(session.starts_at, t.signed_in_at)
                       > coalesce(ended.at, '-infinity'::timestamptz)))
        """,
        says="{reference} has status {booking_status} and is still {status} on the roll of {session}",
    ),
    Invariant(
        name="roll_says_what_was_booked",
        promise="An attendance row names the session, day, booking and attendee of its line.",
        sql=f"""
            SELECT b.reference, {SESSION_NAME} AS session, t.local_date, t.id AS attendance_id
            FROM term_attendance t
            JOIN term_booking_line line ON line.id = t.booking_line_id
            JOIN term_booking b ON b.id = line.booking_id
            {named_session("line.term_product_id")}
            WHERE t.booking_id <> b.id OR t.attendee_id <> b.attendee_id
               OR t.term_product_id <> line.term_product_id OR t.local_date IS DISTINCT FROM session.local_date
        """,
        says="{reference}: the roll row of {session} (day {local_date}) is of another session, day or attendee",
    ),
)
