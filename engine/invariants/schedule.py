"""Payment schedules: that they sum up, and that who is confirmed by one has one."""

from engine.invariants.form import CONFIRMED_ORDER, HOLDING_ORDER, Invariant
from models import InstalmentKind, TermBookingConfirmationType

_SCHEDULED = f"({TermBookingConfirmationType.PAY_NOW_PAY_DEPOSIT:d}, {TermBookingConfirmationType.DIRECT_DEBIT:d})"

SCHEDULES = (
    Invariant(
        name="instalments_make_the_total",
        promise="The instalments of a payment schedule sum to the total of the Billing version it was agreed for.",
        sql="""
            SELECT o.reference, s.total_minor, b.total_minor AS billed_minor, coalesce(i.parts_minor, 0) AS parts_minor,
                   s.id AS schedule_id
            FROM payment_schedule s
            LEFT JOIN term_booking_order o ON o.id = s.order_id
            LEFT JOIN billing b ON b.id = s.billing_id AND b.order_id = s.order_id
            LEFT JOIN (SELECT schedule_id, sum(amount_minor) AS parts_minor FROM instalment GROUP BY schedule_id) i
                ON i.schedule_id = s.id
            WHERE s.total_minor IS DISTINCT FROM b.total_minor OR s.total_minor <> coalesce(i.parts_minor, 0)
        """,
        says="{reference}: the schedule over {total_minor} has parts of {parts_minor}; {billed_minor} was billed",
    ),
    Invariant(
        name="scheduled_order_has_its_schedule",
        promise="An order that is confirmed by a deposit or by direct debit agreed to a schedule with its submit.",
        sql=f"""
            SELECT o.reference, o.confirmation_type, o.id AS order_id FROM term_booking_order o
            WHERE o.confirmation_type IN {_SCHEDULED} AND o.total_minor > 0
              AND (o.status IN {HOLDING_ORDER} OR o.status IN {CONFIRMED_ORDER})
              AND NOT EXISTS (SELECT FROM payment_schedule s WHERE s.order_id = o.id AND s.agreed_at >= o.submitted_at)
        """,
        says="{reference} is confirmed by {confirmation_type} and agreed to no schedule",
    ),
    Invariant(
        name="debit_is_of_its_instalment",
        promise="A debit that collects an instalment is of that instalment's order, and of no more than it.",
        sql=f"""
            SELECT p.reference, p.amount_minor, i.amount_minor AS part_minor, p.id AS payment_id
            FROM payment p
            LEFT JOIN instalment i ON i.id = p.instalment_id
            LEFT JOIN payment_schedule s ON s.id = i.schedule_id
            WHERE p.instalment_id IS NOT NULL
              AND (p.mandate_id IS NULL OR s.order_id IS DISTINCT FROM p.order_id OR p.amount_minor > i.amount_minor
                   OR i.kind <> '{InstalmentKind.INSTALMENT}')
        """,
        says="{reference} over {amount_minor} does not collect the instalment of {part_minor} that it names",
    ),
)
