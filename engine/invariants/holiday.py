"""Makeup sessions have their credits; closed days: nobody is held in a session that does not take place."""

from engine.invariants.form import HOLDING_ORDER, SESSION_NAME, Invariant, members, named_session
from models import AttendanceStatus, LineKind, MakeupStatus, ProductType, SessionStatus, TermBookingOrderType

_CAME = members((AttendanceStatus.PRESENT, AttendanceStatus.LATE, AttendanceStatus.LEFT))

# Makeup sessions that an order holds, or that its booking has not given up; a change only keeps those of its booking.
_MAKEUP_LINES = f"""
    SELECT w.makeup_credit_id, o.id AS order_id, w.term_product_id, o.reference
    FROM term_booking_order_line w
    JOIN term_booking_order o ON o.id = w.order_id
    LEFT JOIN term_booking_line l ON l.booking_id = o.booking_id AND l.term_product_id = w.term_product_id
    WHERE w.kind = '{LineKind.MAKEUP_SESSION}' AND o.original_booking_id IS NULL AND o.original_order_id IS NULL
      AND CASE WHEN o.booking_id IS NULL THEN o.status IN {HOLDING_ORDER}
               ELSE l.kind = '{LineKind.MAKEUP_SESSION}' AND l.cancelled_at IS NULL END
"""

HOLIDAY = (
    Invariant(
        name="booked_credit_has_its_makeup_session",
        promise="A makeup credit that is booked has exactly one makeup session, which names it.",
        sql=f"""
            SELECT m.reference, count(l.makeup_credit_id) AS lines, m.id AS makeup_credit_id
            FROM makeup_credit m
            LEFT JOIN ({_MAKEUP_LINES}) l ON l.makeup_credit_id = m.id AND l.order_id = m.order_id
                 AND l.term_product_id = m.session_id
            WHERE m.status = {MakeupStatus.BOOKED:d}
            GROUP BY m.reference, m.id HAVING count(l.makeup_credit_id) <> 1
        """,
        says="{reference} is booked, by {lines} makeup sessions",
    ),
    Invariant(
        name="makeup_session_has_its_credit",
        promise="A makeup session that is held is booked with a credit, or has used one.",
        sql=f"""
            SELECT l.reference, {SESSION_NAME} AS session, m.reference AS credit, m.status
            FROM ({_MAKEUP_LINES}) l
            LEFT JOIN makeup_credit m ON m.id = l.makeup_credit_id
            {named_session("l.term_product_id")}
            WHERE m.order_id IS DISTINCT FROM l.order_id
               OR m.status NOT IN {members((MakeupStatus.BOOKED, MakeupStatus.USED))}
        """,
        says="{reference} makes up in {session} with {credit}, which has status {status}",
    ),
    Invariant(
        name="closed_session_holds_nobody",
        promise="A session that was closed holds the places of those who were there, and of nobody else; what is kept "
        "for who waits goes back when its offer ends.",
        sql=f"""
            SELECT o.reference, {SESSION_NAME} AS session, c.id AS claim_id
            FROM place_claim c
            JOIN term_booking_order o ON o.id = c.order_id
            LEFT JOIN term_attendance t ON t.booking_id = o.booking_id AND t.term_product_id = c.term_product_id
                 AND t.status IN {_CAME}
            {named_session("c.term_product_id")}
            WHERE session.status = '{SessionStatus.CLOSED}' AND session.product_type = '{ProductType.SESSION}'
              AND t.id IS NULL AND c.order_type <> {TermBookingOrderType.WAITING_LIST:d}
        """,
        says="{reference} still holds {session}, which is closed",
    ),
)
