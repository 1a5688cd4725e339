"""Subscriptions: their terms, their planned invoices, their last day."""

from engine.invariants.form import (
    CONFIRMED_ORDER,
    HOLDING_BOOKING,
    SESSION_LINES,
    SESSION_NAME,
    Invariant,
    members,
    named_session,
)
from models import ScheduledLineStatus, ScheduleStatus, SubscriptionStatus

_RUNNING = members((SubscriptionStatus.ACTIVE, SubscriptionStatus.ENDING, SubscriptionStatus.ENDED))

SUBSCRIPTIONS = (
    Invariant(
        name="subscription_is_enrolled",
        promise="A subscription that was begun is enrolled in the term of its newest offering, and no other is.",
        sql=f"""
            SELECT DISTINCT s.reference, s.status, p.name AS offering, (o.id IS NOT NULL) AS is_enrolled,
                   s.id AS subscription_id
            FROM subscription s
            JOIN term_program_set p ON p.id = s.offering_id
            LEFT JOIN term_booking_order o ON o.subscription_id = s.id AND o.term_id = p.term_id
                 AND o.status IN {CONFIRMED_ORDER}
            WHERE (s.status IN {_RUNNING}) <> (o.id IS NOT NULL)
        """,
        says="{reference} (status {status}) and its enrolment in {offering} ({is_enrolled}) do not go together",
    ),
    Invariant(
        name="subscription_holds_nothing_after_its_last_day",
        promise="After its last day a subscription keeps no session.",
        sql=f"""
            SELECT s.reference, s.ends_on, {SESSION_NAME} AS session, line.id AS booking_line_id
            FROM subscription s
            JOIN term_booking_order o ON o.subscription_id = s.id
            JOIN term_booking b ON b.order_id = o.id AND b.status IN {HOLDING_BOOKING}
            JOIN term_booking_line line ON line.booking_id = b.id AND line.cancelled_at IS NULL
                                       AND line.kind IN {SESSION_LINES}
            {named_session("line.term_product_id")}
            WHERE session.local_date > s.ends_on
        """,
        says="{reference} ends on {ends_on} and keeps {session}",
    ),
    Invariant(
        name="schedule_tells_what_is_invoiced",
        promise="A session is marked as invoiced in its schedule when it stands on an invoice, and only then, whatever "
        "fees beside it do; a period that waits for its invoice has none.",
        sql=f"""
            WITH charged AS (
                SELECT l.booking_line_id, count(*) AS charges
                FROM invoice_line l JOIN invoice i ON i.id = l.invoice_id
                JOIN billing_line k ON k.id = l.billing_line_id AND k.component = 'SESSION'
                GROUP BY l.booking_line_id
            )
            SELECT b.reference, {SESSION_NAME} AS session, x.status, coalesce(c.charges, 0) AS charges,
                   x.id AS scheduled_line_id
            FROM scheduled_line x
            JOIN invoice_schedule w ON w.id = x.schedule_id
            JOIN term_booking_line line ON line.id = x.booking_line_id
            JOIN term_booking b ON b.id = line.booking_id
            LEFT JOIN charged c ON c.booking_line_id = x.booking_line_id
            {named_session("line.term_product_id")}
            WHERE (x.status = '{ScheduledLineStatus.INVOICED}') <> (c.charges IS NOT NULL)
               OR w.booking_id <> line.booking_id
               OR (x.status = '{ScheduledLineStatus.SCHEDULED}' AND w.status <> '{ScheduleStatus.SCHEDULED}')
        """,
        says="{reference}: {session} is {status} in its schedule and invoiced {charges} times",
    ),
)
