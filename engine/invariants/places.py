"""Places and time: what is held, by whom, and that nothing is held twice."""

from engine.invariants.form import (
    BLOCKS_TIME,
    CLAIMS,
    HOLDING_BOOKING,
    HOLDING_ORDER,
    KEPT_FOR_WAITING,
    SESSION_LINES,
    SESSION_NAME,
    TAKES_PLACE,
    Invariant,
    OrderType,
    named_session,
)

# An activity is held with the line that chose it: of the order, or of its booking.
CHOSEN_ACTIVITIES = f"""
        SELECT coalesce(b.id, o.id) AS holder_id, coalesce(b.reference, o.reference) AS reference, a.term_product_id
        FROM term_booking_order_activity a
        JOIN term_booking_order o ON o.id = a.order_id AND o.order_type IN {CLAIMS}
        JOIN term_booking_order_line l ON l.id = a.order_line_id AND l.kind IN {SESSION_LINES}
        LEFT JOIN term_booking b ON b.id = o.booking_id
        LEFT JOIN term_booking_line kept ON kept.booking_id = b.id AND kept.term_product_id = l.term_product_id
             AND kept.kind IN {SESSION_LINES} AND kept.cancelled_at IS NULL
        WHERE CASE WHEN b.id IS NULL THEN o.status IN {HOLDING_ORDER}
                   ELSE b.status IN {HOLDING_BOOKING} AND kept.id IS NOT NULL END
"""
# What must be held, and what is. Whoever holds is the booking, or the order while there is no booking; a change order
# claims only what its original does not hold already, a booking nothing that was given up.
_HELD_AND_CLAIMED = f"""
    WITH held AS (
        SELECT o.id AS holder_id, o.reference, l.term_product_id
        FROM term_booking_order o
        JOIN term_booking_order_line l ON l.order_id = o.id AND l.kind IN {SESSION_LINES}
        LEFT JOIN term_booking_line kept
               ON kept.booking_id = o.original_booking_id AND kept.term_product_id = l.term_product_id
        LEFT JOIN term_booking_order_line quoted
               ON quoted.order_id = o.original_order_id AND quoted.term_product_id = l.term_product_id
        WHERE o.status IN {HOLDING_ORDER} AND o.order_type IN {CLAIMS} AND kept.id IS NULL AND quoted.id IS NULL
        UNION ALL
        SELECT b.id, b.reference, l.term_product_id
        FROM term_booking b
        JOIN term_booking_line l ON l.booking_id = b.id AND l.kind IN {SESSION_LINES} AND l.cancelled_at IS NULL
        WHERE b.status IN {HOLDING_BOOKING} AND b.order_type IN {CLAIMS}
        UNION ALL
        SELECT e.order_id, e.reference, e.term_product_id
        FROM waiting_entry e
        WHERE e.status IN {KEPT_FOR_WAITING}
        UNION ALL
        {CHOSEN_ACTIVITIES}
    ), claimed AS (
        SELECT coalesce(o.booking_id, o.id) AS holder_id, o.reference, c.term_product_id, c.id AS claim_id
        FROM place_claim c LEFT JOIN term_booking_order o ON o.id = c.order_id
    )
"""

PLACES = (
    Invariant(
        name="places_within_capacity",
        promise="Places taken ≤ capacity at every commit.",
        sql=f"""
            SELECT {SESSION_NAME} AS session, session.taken, session.capacity, session.id AS session_id
            FROM term_product session
            LEFT JOIN term_program_set offering ON offering.id = session.term_program_set_id
            WHERE session.taken > session.capacity OR session.taken < 0
        """,
        says="{session}: {taken} of {capacity} places taken",
    ),
    Invariant(
        name="taken_counts_the_claims",
        promise="The places taken of a session are its claims that take a place: none oversold, no free one refused.",
        sql=f"""
            WITH claimed AS (
                SELECT term_product_id, count(*) AS claims FROM place_claim WHERE takes_place GROUP BY term_product_id
            )
            SELECT {SESSION_NAME} AS session, session.taken, coalesce(claims, 0) AS claims, session.id AS session_id
            FROM term_product session
            LEFT JOIN claimed ON claimed.term_product_id = session.id
            LEFT JOIN term_program_set offering ON offering.id = session.term_program_set_id
            WHERE session.taken <> coalesce(claims, 0)
        """,
        says="{session}: places counted as taken: {taken}, claimed: {claims}",
    ),
    Invariant(
        name="hold_has_its_claim",
        promise="Place and time are held in Submitted, Quote, Accept, Attendance_Approved, Approved and Suspended; a "
        "place that is offered to, or saved for, somebody who waits is held too.",
        sql=f"""
            {_HELD_AND_CLAIMED}
            SELECT held.reference, {SESSION_NAME} AS session, held.term_product_id AS session_id
            FROM held
            LEFT JOIN claimed ON claimed.holder_id = held.holder_id AND claimed.term_product_id = held.term_product_id
            {named_session("held.term_product_id")}
            WHERE claimed.claim_id IS NULL
        """,
        says="{reference} holds no place in {session}, which it must",
    ),
    Invariant(
        name="claim_has_its_hold",
        promise="Place and time are held in no other status; a cart holds nothing.",
        sql=f"""
            {_HELD_AND_CLAIMED}
            SELECT claimed.reference, {SESSION_NAME} AS session, claimed.term_product_id AS session_id, claim_id
            FROM claimed
            LEFT JOIN held ON held.holder_id = claimed.holder_id AND held.term_product_id = claimed.term_product_id
            {named_session("claimed.term_product_id")}
            WHERE held.holder_id IS NULL
        """,
        says="{reference} holds {session} and has no confirmed or submitted line for it",
    ),
    Invariant(
        name="claim_is_what_its_order_asks",
        promise="A claim is of its order's attendee and takes a place and blocks time as its order type does.",
        sql=f"""
            SELECT o.reference, {SESSION_NAME} AS session, c.id AS claim_id, c.order_type AS claim_type, o.order_type,
                   c.takes_place, c.blocks_time, a.name AS attendee
            FROM place_claim c
            LEFT JOIN term_booking_order o ON o.id = c.order_id
            LEFT JOIN attendee a ON a.id = o.attendee_id
            {named_session("c.term_product_id")}
            WHERE c.attendee_id IS DISTINCT FROM o.attendee_id
               OR c.attendee_key IS DISTINCT FROM a.claim_key
               OR c.order_type IS DISTINCT FROM o.order_type
               OR c.takes_place <> (c.order_type IN {TAKES_PLACE} OR c.order_type = {OrderType.WAITING_LIST:d})
               OR (c.blocks_time <> (c.order_type IN {BLOCKS_TIME}) AND session.starts_at IS NOT NULL
                   AND NOT (coalesce(o.original_booking_id, o.original_order_id) IS NOT NULL
                            AND o.status IN {HOLDING_ORDER}))
        """,
        says="{reference}: its claim on {session} is not the one of a type {order_type} order for {attendee}",
    ),
    Invariant(
        name="claim_covers_its_session",
        promise="A claim covers its session's time, and none when the session is undated.",
        sql=f"""
            SELECT o.reference, {SESSION_NAME} AS session, c.id AS claim_id, c.during::text AS during,
                   session.starts_at, session.ends_at
            FROM place_claim c
            LEFT JOIN term_booking_order o ON o.id = c.order_id
            {named_session("c.term_product_id")}
            WHERE c.during <> CASE WHEN session.starts_at IS NULL THEN 'empty'
                                   ELSE tstzrange(session.starts_at, session.ends_at) END
        """,
        says="{reference}: its claim on {session} covers {during}, not the session's time",
    ),
    Invariant(
        name="attendee_is_in_one_place_at_a_time",
        promise="No two time-blocking claims of one attendee overlap.",
        # A claim that begins before an earlier one ended is late; only the late ones are compared with the others.
        sql=f"""
            WITH blocking AS (
                SELECT id, order_id, attendee_id, term_product_id, during,
                       max(upper(during)) OVER (PARTITION BY attendee_id ORDER BY lower(during), id
                                                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS busy_until
                FROM place_claim WHERE blocks_time AND NOT isempty(during)
            )
            SELECT a.name AS attendee, o.reference, {SESSION_NAME} AS session, other.reference AS other_reference,
                   concat_ws(' ', other_offering.name,
                             to_char(other_session.local_date, 'Dy DD Mon YYYY')
                             || to_char(other_session.local_start, ' HH24:MI')) AS other_session
            FROM blocking late
            JOIN place_claim earlier
              ON earlier.attendee_id = late.attendee_id AND earlier.blocks_time AND earlier.id <> late.id
             AND earlier.during && late.during AND earlier.term_product_id <> late.term_product_id
             AND (lower(earlier.during), earlier.id) < (lower(late.during), late.id)
            LEFT JOIN attendee a ON a.id = late.attendee_id
            LEFT JOIN term_booking_order o ON o.id = late.order_id
            LEFT JOIN term_booking_order other ON other.id = earlier.order_id
            LEFT JOIN term_product other_session ON other_session.id = earlier.term_product_id
            LEFT JOIN term_program_set other_offering ON other_offering.id = other_session.term_program_set_id
            {named_session("late.term_product_id")}
            WHERE late.busy_until > lower(late.during)
        """,
        says="{attendee} is booked for {session} ({reference}) and at the same time for {other_session} "
        "({other_reference})",
    ),
    Invariant(
        name="session_is_held_once",
        promise="No attendee holds the same session twice.",
        sql=f"""
            WITH twice AS (
                SELECT attendee_id, term_product_id, array_agg(order_id) AS order_ids FROM place_claim
                GROUP BY attendee_id, term_product_id
                HAVING count(*) FILTER (WHERE takes_place) > 1 OR count(*) FILTER (WHERE blocks_time) > 1
            )
            SELECT a.name AS attendee, {SESSION_NAME} AS session, twice.term_product_id AS session_id,
                   (SELECT string_agg(o.reference, ', ' ORDER BY o.reference) FROM term_booking_order o
                    WHERE o.id = ANY (twice.order_ids)) AS "references"
            FROM twice
            LEFT JOIN attendee a ON a.id = twice.attendee_id
            {named_session("twice.term_product_id")}
        """,
        says="{attendee} holds {session} more than once ({references})",
    ),
)
