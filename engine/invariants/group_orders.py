"""Group orders: whose they are, and that they are submitted as their family chose."""

from engine.invariants.form import Invariant, Status

# A submission is in the history of each order, and stays there whatever became of it.
_SUBMITTED = """EXISTS (SELECT FROM status_event e WHERE e.subject_id = o.id AND e.chart = 'term_booking_order'
                AND e.trigger = 'submit')"""
_MEMBERS = """
    FROM group_order g
    JOIN group_order_member m ON m.group_order_id = g.id
    LEFT JOIN term_booking_order o ON o.id = m.order_id
"""

GROUP_ORDERS = (
    Invariant(
        name="group_order_is_of_one_account_and_term",
        promise="The orders of a group order are of its account and its term.",
        sql=f"""
            SELECT g.reference, o.reference AS "order", o.id AS order_id, g.id AS group_order_id {_MEMBERS}
            WHERE (o.account_id, o.term_id) IS DISTINCT FROM (g.account_id, g.term_id)
        """,
        says="{order} is of another account or term than its group order {reference}",
    ),
    Invariant(
        name="group_order_is_submitted_whole",
        promise="A group order for all or nothing is submitted whole or not at all, but for what was removed before.",
        sql=f"""
            SELECT g.reference, o.reference AS "order", o.status, g.id AS group_order_id {_MEMBERS}
            WHERE g.policy = 'ALL_OR_NOTHING' AND g.submitted_at IS NOT NULL AND NOT {_SUBMITTED}
              AND o.status <> {Status.REMOVED:d}
        """,
        says="{order} was left out when {reference} was submitted for all or nothing; it has status {status}",
    ),
    Invariant(
        name="open_group_order_is_not_submitted_in_part",
        promise="No order of a group order is submitted before it.",
        sql=f"""
            SELECT g.reference, o.reference AS "order", o.status, g.id AS group_order_id {_MEMBERS}
            WHERE g.submitted_at IS NULL AND {_SUBMITTED}
        """,
        says="{order} was submitted without its group order {reference}; it has status {status}",
    ),
)
