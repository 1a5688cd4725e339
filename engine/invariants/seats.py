"""Seats: who sits where, and the tickets that let them in."""

from engine.invariants.form import HOLDING_BOOKING, SESSION_LINES, SESSION_NAME, Invariant, named_session

_SEAT_NAME = "concat('row ', seat.row_name, ' seat ', seat.number)"

SEATS = (
    Invariant(
        name="seat_has_one_holder",
        promise="A seat has at most one holder per session.",
        sql=f"""
            WITH twice AS (
                SELECT term_product_id, seat_id, array_agg(order_id) AS order_ids FROM place_claim
                WHERE seat_id IS NOT NULL GROUP BY term_product_id, seat_id HAVING count(*) > 1
            )
            SELECT {SESSION_NAME} AS session, {_SEAT_NAME} AS seat, twice.term_product_id AS session_id, seat_id,
                   (SELECT string_agg(o.reference, ', ' ORDER BY o.reference) FROM term_booking_order o
                    WHERE o.id = ANY (twice.order_ids)) AS "references"
            FROM twice
            LEFT JOIN seat ON seat.id = twice.seat_id
            {named_session("twice.term_product_id")}
        """,
        says="{session}: {seat} is held more than once ({references})",
    ),
    Invariant(
        name="place_in_a_seated_session_is_a_seat",
        promise="A place in a seated session is a seat of its venue; in another session it is none.",
        sql=f"""
            SELECT o.reference, {SESSION_NAME} AS session, c.id AS claim_id, session.venue_id, c.seat_id
            FROM place_claim c
            LEFT JOIN term_booking_order o ON o.id = c.order_id
            LEFT JOIN seat ON seat.id = c.seat_id
            {named_session("c.term_product_id")}
            WHERE CASE WHEN c.takes_place THEN session.venue_id END IS DISTINCT FROM seat.venue_id
               OR (c.seat_id IS NULL) <> (seat.id IS NULL)
               OR c.is_seated IS DISTINCT FROM (session.venue_id IS NOT NULL)
        """,
        says="{reference}: its place in {session} is no seat of where that is seated",
    ),
    Invariant(
        name="seat_is_the_one_asked_for",
        promise="Who holds a seat is who asked for it, and the booking says so.",
        sql=f"""
            SELECT o.reference, {SESSION_NAME} AS session, {_SEAT_NAME} AS seat, c.id AS claim_id,
                   coalesce(booked.seat_id, asked.seat_id) AS asked_seat_id
            FROM place_claim c
            JOIN term_booking_order o ON o.id = c.order_id
            LEFT JOIN term_booking_order_line asked
                   ON asked.order_id = o.id AND asked.term_product_id = c.term_product_id
            LEFT JOIN term_booking_line booked
                   ON booked.booking_id = o.booking_id AND booked.term_product_id = c.term_product_id
            LEFT JOIN seat ON seat.id = c.seat_id
            {named_session("c.term_product_id")}
            WHERE c.takes_place
              AND (asked.id IS NOT NULL AND booked.id IS NULL AND asked.seat_id IS DISTINCT FROM c.seat_id
                   OR booked.id IS NOT NULL AND booked.cancelled_at IS NULL
                      AND booked.seat_id IS DISTINCT FROM c.seat_id)
        """,
        says="{reference} holds {seat} in {session}, which is not the seat that it asked for",
    ),
    Invariant(
        name="session_fits_its_venue",
        promise="A seated session has no more places than its venue has seats.",
        sql=f"""
            SELECT {SESSION_NAME} AS session, session.capacity, venue.name AS venue, session.id AS session_id,
                   (SELECT count(*) FROM seat WHERE seat.venue_id = venue.id) AS seats
            FROM term_product session
            JOIN venue ON venue.id = session.venue_id
            LEFT JOIN term_program_set offering ON offering.id = session.term_program_set_id
            WHERE session.capacity > (SELECT count(*) FROM seat WHERE seat.venue_id = venue.id)
        """,
        says="{session} has {capacity} places, {venue} has {seats} seats",
    ),
    Invariant(
        name="seat_has_its_ticket",
        promise="Each confirmed seat has a ticket of its own, and nothing else has one.",
        sql=f"""
            SELECT b.reference, {SESSION_NAME} AS session, l.id AS booking_line_id, l.ticket_reference
            FROM term_booking_line l
            JOIN term_booking b ON b.id = l.booking_id
            {named_session("l.term_product_id")}
            WHERE (l.seat_id IS NULL) <> (l.ticket_reference IS NULL)
               OR (session.is_seated AND l.seat_id IS NULL AND l.cancelled_at IS NULL AND l.kind IN {SESSION_LINES}
                   AND b.status IN {HOLDING_BOOKING})
               OR EXISTS (SELECT FROM term_booking_line other
                          WHERE other.ticket_reference = l.ticket_reference AND other.id <> l.id)
        """,
        says="{reference}: {session} has no seat with a ticket of its own",
    ),
    Invariant(
        name="ticket_is_used_once",
        promise="A ticket lets in once.",
        sql=f"""
            SELECT b.reference, {SESSION_NAME} AS session, l.ticket_reference, count(*) AS scans
            FROM ticket_check_in k
            LEFT JOIN term_booking_line l ON l.id = k.booking_line_id
            LEFT JOIN term_booking b ON b.id = l.booking_id
            {named_session("l.term_product_id")}
            GROUP BY k.booking_line_id, b.reference, l.ticket_reference, session.id, offering.id, offering.name,
                     session.component, session.title, session.local_date, session.local_start
            HAVING count(*) > 1 OR l.ticket_reference IS NULL
        """,
        says="{reference}: the ticket {ticket_reference} for {session} let in {scans} times",
    ),
)
