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
from models import AttendanceStatus, LatePickupStatus, MarkOutcome, RollEventKind, TermBookingStatus

_ENDED = members(
    (
        TermBookingStatus.ARCHIVED,
        TermBookingStatus.SUSPENDED,
        TermBookingStatus.CLOSED,
        TermBookingStatus.CANCELED,
    )
)

_HERE = members((AttendanceStatus.PRESENT, AttendanceStatus.LATE))

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
    Invariant(
        name="closed_roll_is_settled",
        promise="On a closed roll nobody is signed in, and nobody is expected who was on it when it closed.",
        sql=f"""
            SELECT b.reference, {SESSION_NAME} AS session, t.status, t.id AS attendance_id
            FROM term_attendance t
            JOIN term_booking b ON b.id = t.booking_id
            {named_session("t.term_product_id")}
            WHERE session.roll_closed_at IS NOT NULL AND (
                t.status IN {_HERE}
                OR (t.status = '{AttendanceStatus.EXPECTED}' AND NOT EXISTS (
                    SELECT FROM status_event e WHERE e.subject_id = b.id AND e.chart = 'term_booking'
                    AND e.at >= session.roll_closed_at)))
        """,
        says="{reference} is {status} on the closed roll of {session}",
    ),
    Invariant(
        name="closed_roll_has_its_event",
        promise="A roll is closed where its last event says so, since then.",
        sql=f"""
            SELECT {SESSION_NAME} AS session, session.roll_closed_at, last.kind, session.id AS session_id
            FROM term_product session
            LEFT JOIN term_program_set offering ON offering.id = session.term_program_set_id
            LEFT JOIN (
                SELECT DISTINCT ON (term_product_id) term_product_id, kind, at FROM roll_event
                ORDER BY term_product_id, at DESC, id DESC
            ) last ON last.term_product_id = session.id
            WHERE session.roll_closed_at IS DISTINCT FROM
                  CASE WHEN last.kind = '{RollEventKind.CLOSED}' THEN last.at END
        """,
        says="The roll of {session} is closed since {roll_closed_at}; its last event is {kind}",
    ),
    Invariant(
        name="who_left_has_a_sign_out",
        promise="A sign-out names a person: who left has one, and the roll says the same.",
        sql=f"""
            SELECT b.reference, {SESSION_NAME} AS session, t.collected_by, o.collected_by AS signed_out_to,
                   t.id AS attendance_id
            FROM term_attendance t
            JOIN term_booking b ON b.id = t.booking_id
            {named_session("t.term_product_id")}
            LEFT JOIN sign_out o ON o.id = t.mark_id AND o.attendance_id = t.id
            WHERE t.status = '{AttendanceStatus.LEFT}' AND o.collected_by IS DISTINCT FROM t.collected_by
        """,
        says="{reference} left {session} with {collected_by}; the sign-out names {signed_out_to}",
    ),
    Invariant(
        name="nobody_left_with_who_must_not_collect",
        promise="Nobody left with a person who must not collect them.",
        sql=f"""
            SELECT b.reference, {SESSION_NAME} AS session, o.collected_by, o.id AS sign_out_id
            FROM sign_out o
            JOIN term_attendance t ON t.id = o.attendance_id
            JOIN term_booking b ON b.id = t.booking_id
            {named_session("t.term_product_id")}
            WHERE jsonb_exists(o.must_not_keys, o.collected_key)
        """,
        says="{reference} left {session} with {collected_by}, who must not collect",
    ),
    Invariant(
        name="contradicting_mark_is_shown",
        promise="A mark that contradicted the roll is kept as a conflict, and no other mark is one.",
        sql=f"""
            SELECT t.id AS attendance_id, m.device, m.status, m.outcome, m.id AS mark_id
            FROM roll_mark m
            JOIN term_attendance t ON t.id = m.attendance_id
            LEFT JOIN roll_conflict c ON c.mark_id = m.id AND c.attendance_id = m.attendance_id
                 AND c.term_product_id = t.term_product_id
            WHERE (m.outcome = '{MarkOutcome.CONFLICT}') <> (c.id IS NOT NULL)
        """,
        says="The mark {status} of {device} was {outcome}, and its conflict is not as that says ({mark_id})",
    ),
    Invariant(
        name="accepted_late_pickup_is_invoiced",
        promise="The fee of an accepted late pick-up is invoiced once, to its booking and as it was accepted; of one "
        "that is waived nothing is left, and none that waits for a decision is charged.",
        sql=f"""
            WITH charged AS (
                SELECT l.late_pickup_id, count(*) AS lines, sum(l.gross_minor) AS gross_minor,
                       sum(CASE WHEN (v.printed->>'prices_include_tax')::boolean THEN l.gross_minor
                                ELSE l.net_minor END) AS asked_minor,
                       sum(c.credited_minor) AS credited_minor,
                       bool_or(k.component IS DISTINCT FROM concat('FEE_PICKUP:', x.reference)
                               OR a.booking_line_id IS DISTINCT FROM l.booking_line_id) AS is_of_another
                FROM invoice_line l
                JOIN invoice v ON v.id = l.invoice_id
                LEFT JOIN late_pickup x ON x.id = l.late_pickup_id
                LEFT JOIN term_attendance a ON a.id = x.attendance_id
                LEFT JOIN billing_line k ON k.id = l.billing_line_id
                CROSS JOIN LATERAL (SELECT coalesce(sum(n.gross_minor), 0) AS credited_minor FROM credit_note_line n
                                    WHERE n.invoice_line_id = l.id) c
                WHERE l.late_pickup_id IS NOT NULL GROUP BY l.late_pickup_id
            )
            SELECT x.reference, x.amount_minor, coalesce(c.lines, 0) AS lines,
                   coalesce(c.asked_minor, 0) AS asked_minor, coalesce(c.credited_minor, 0) AS credited_minor,
                   x.id AS late_pickup_id
            FROM late_pickup x LEFT JOIN charged c ON c.late_pickup_id = x.id
            WHERE coalesce(c.lines, 0) > CASE x.status WHEN {LatePickupStatus.PROPOSED:d} THEN 0 ELSE 1 END
               OR (x.status = {LatePickupStatus.ACCEPTED:d} AND NOT x.is_only_recorded AND c.lines IS NULL)
               OR (x.status = {LatePickupStatus.WAIVED:d} AND c.gross_minor <> c.credited_minor)
               OR (x.status = {LatePickupStatus.ACCEPTED:d} AND c.credited_minor > 0)
               OR c.asked_minor <> x.amount_minor OR c.is_of_another
        """,
        says="{reference} asks {amount_minor}: {asked_minor} is invoiced in {lines} lines, {credited_minor} credited",
    ),
)
