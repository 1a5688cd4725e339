"""Closed days: nobody is held in a session that does not take place."""

from engine.invariants.form import SESSION_NAME, Invariant, members, named_session
from models import AttendanceStatus, SessionStatus

_CAME = members((AttendanceStatus.PRESENT, AttendanceStatus.LATE, AttendanceStatus.LEFT))

HOLIDAY = (
    Invariant(
        name="closed_session_holds_nobody",
        promise="A session that was closed holds the places of those who were there, and of nobody else.",
        sql=f"""
            SELECT o.reference, {SESSION_NAME} AS session, c.id AS claim_id
            FROM place_claim c
            JOIN term_booking_order o ON o.id = c.order_id
            LEFT JOIN term_attendance t ON t.booking_id = o.booking_id AND t.term_product_id = c.term_product_id
                 AND t.status IN {_CAME}
            {named_session("c.term_product_id")}
            WHERE session.status = '{SessionStatus.CLOSED}' AND t.id IS NULL
        """,
        says="{reference} still holds {session}, which is closed",
    ),
)
