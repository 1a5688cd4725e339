"""Changes of bookings: one open at a time, of its own original, and invoiced by exactly what changed."""

from engine.invariants.billing import WAITS_FOR_ITS_INVOICE
from engine.invariants.form import Invariant, OrderType, Status, members

_OPEN = members((Status.DRAFT, Status.CREATED, Status.SUBMITTED, Status.QUOTE, Status.ACCEPT))
# Where an order is between its submission and its confirmation.
_AWAITS = members((Status.SUBMITTED, Status.QUOTE, Status.ACCEPT, Status.ATTENDANCE_APPROVED))

CHANGES = (
    Invariant(
        name="one_open_change_per_group",
        promise="A booking group has one open change order at most.",
        sql=f"""
            SELECT string_agg(o.reference, ', ' ORDER BY o.reference) AS "references", o.group_id
            FROM term_booking_order o
            WHERE coalesce(o.original_booking_id, o.original_order_id) IS NOT NULL AND o.cause_order_id IS NULL
              AND o.status IN {_OPEN}
            GROUP BY o.group_id HAVING count(*) > 1
        """,
        says="{references} change bookings of one family at the same time",
    ),
    Invariant(
        name="change_is_of_its_original",
        promise="A change order is of its original's account, attendee, term and group; what a submitted one asks to "
        "be paid is written down, and no other order has such an amount.",
        sql=f"""
            SELECT o.reference, coalesce(b.reference, q.reference) AS original, o.id AS order_id
            FROM term_booking_order o
            LEFT JOIN term_booking b ON b.id = o.original_booking_id
            LEFT JOIN term_booking_order q ON q.id = o.original_order_id
            WHERE (o.original_order_id IS NOT NULL
                   AND (q.id IS NULL OR q.original_order_id IS NOT NULL
                        OR (o.account_id, o.attendee_id, o.term_id, o.group_id)
                           IS DISTINCT FROM (q.account_id, q.attendee_id, q.term_id, q.group_id)))
               OR (o.original_booking_id IS NOT NULL
                   AND (b.id IS NULL OR (o.account_id, o.attendee_id, o.term_id, o.group_id)
                        IS DISTINCT FROM (b.account_id, b.attendee_id, b.term_id, b.group_id)))
               OR (coalesce(o.original_booking_id, o.original_order_id) IS NULL AND o.change_due_minor IS NOT NULL)
               OR (coalesce(o.original_booking_id, o.original_order_id) IS NOT NULL AND o.status = {Status.SUBMITTED:d}
                   AND o.change_due_minor IS NULL)
        """,
        says="{reference} does not go with the booking {original} that it changes",
    ),
    Invariant(
        name="companion_goes_with_its_cause",
        promise="A companion is of its booking's family and group and has a cause there that is no companion itself: "
        "open while that is submitted, confirmed only with it.",
        sql=f"""
            SELECT o.reference, coalesce(c.reference, o.cause_order_id::text) AS cause, o.status, c.status AS of_cause,
                   o.id AS order_id
            FROM term_booking_order o
            LEFT JOIN term_booking b ON b.id = o.original_booking_id
            LEFT JOIN term_booking_order c ON c.id = o.cause_order_id
            WHERE (o.cause_order_id IS NOT NULL OR o.status = {Status.SUBMITTED_CHANGE:d})
              AND ((o.account_id, o.group_id) IS DISTINCT FROM (b.account_id, b.group_id)
                   OR (o.account_id, o.term_id) IS DISTINCT FROM (c.account_id, c.term_id)
                   OR c.cause_order_id IS NOT NULL
                   OR c.original_booking_id = o.original_booking_id
                   OR CASE o.status
                      WHEN {Status.SUBMITTED_CHANGE:d} THEN c.status NOT IN {_AWAITS}
                      WHEN {Status.APPROVED:d} THEN c.status <> {Status.APPROVED:d} END)
        """,
        says="{reference} ({status}) does not go with its cause {cause} ({of_cause})",
    ),
    Invariant(
        name="companion_holds_nothing",
        promise="A companion holds no place and is not paid for; its cause is.",
        sql="""
            SELECT o.reference, x.what, o.id AS order_id
            FROM term_booking_order o
            CROSS JOIN LATERAL (
                SELECT 'a place' AS what FROM place_claim p WHERE p.order_id = o.id
                UNION SELECT 'a payment' FROM payment y WHERE y.order_id = o.id) x
            WHERE o.cause_order_id IS NOT NULL
        """,
        says="{reference} is a companion and has {what}",
    ),
    Invariant(
        name="changed_booking_is_invoiced_as_billed",
        promise="What a changed booking is invoiced, less its credit notes, and what its planned invoices will ask is "
        "what it costs.",
        sql=f"""
            WITH planned AS (
                SELECT line.booking_id, sum(x.gross_minor) AS planned_minor
                FROM scheduled_line l
                JOIN term_booking_line line ON line.id = l.booking_line_id AND line.cancelled_at IS NULL
                JOIN term_booking b ON b.id = line.booking_id
                JOIN billing_line x ON x.billing_id = b.billing_id AND x.term_product_id = line.term_product_id
                     -- A fee is invoiced with the change that asked for it.
                     AND split_part(x.component, ':', 1) IN ('SESSION', 'EXTRA')
                WHERE l.status IN {WAITS_FOR_ITS_INVOICE}
                GROUP BY line.booking_id
            )
            SELECT b.reference, b.total_minor, i.invoiced_minor, coalesce(c.credited_minor, 0) AS credited_minor,
                   coalesce(p.planned_minor, 0) AS planned_minor, b.id AS booking_id
            FROM term_booking b
            JOIN (SELECT booking_id, sum(total_minor) AS invoiced_minor FROM invoice GROUP BY booking_id) i
              ON i.booking_id = b.id
            LEFT JOIN (SELECT booking_id, sum(total_minor) AS credited_minor FROM credit_note GROUP BY booking_id) c
              ON c.booking_id = b.id
            LEFT JOIN planned p ON p.booking_id = b.id
            WHERE b.status = {Status.APPROVED:d} AND b.revision > 1
              AND b.order_type IN {members((OrderType.BOOKING, OrderType.TRIAL_SESSION))}
              AND i.invoiced_minor - coalesce(c.credited_minor, 0) + coalesce(p.planned_minor, 0) <> b.total_minor
        """,
        says="{reference} costs {total_minor}; {invoiced_minor} is invoiced, {credited_minor} credited and "
        "{planned_minor} to be invoiced",
    ),
    Invariant(
        name="adjustment_is_of_a_change",
        promise="What an admin adjusts of a price belongs to a change order.",
        sql="""
            SELECT coalesce(o.reference, a.order_id::text) AS reference, a.amount_minor, a.id AS adjustment_id
            FROM term_booking_order_adjustment a
            LEFT JOIN term_booking_order o ON o.id = a.order_id
            WHERE coalesce(o.original_booking_id, o.original_order_id) IS NULL OR o.cause_order_id IS NOT NULL
        """,
        says="{reference} changes nothing and its price is adjusted by {amount_minor}",
    ),
)
