"""What is owed of an invoice, part by part, each from its own due day: the one reading that reports, lists and rules
share."""


def open_parts(*, paid: str, left: str) -> str:
    """A sub-select of `due_on` and `minor`: the parts of the invoice `v`, and how much of each is open.

    `paid` and `left` are what is paid of it and what it asks after credits, in SQL. A deposit and its rest, and the
    instalments of a direct debit, are due by themselves: what is paid pays the first, what is credited is the last.
    Without a schedule the invoice is one part.
    """
    return f"""(
        SELECT coalesce(i.due_on, v.due_on) AS due_on, CASE WHEN i.due_on IS NULL THEN {left} - {paid} ELSE
               greatest(0, least(i.upto_minor, {left}) - greatest(least(i.upto_minor - i.amount_minor, {left}), {paid}))
               END::bigint AS minor
        FROM (SELECT) one
        LEFT JOIN (
            SELECT n.due_on, n.amount_minor, sum(n.amount_minor) OVER (ORDER BY n.due_on, n.position) AS upto_minor
            FROM payment_schedule s
            JOIN term_booking_order b ON b.organisation_id = s.organisation_id AND b.id = s.order_id
                 AND b.confirmation_type IN (202, 301)
            JOIN instalment n ON n.organisation_id = s.organisation_id AND n.schedule_id = s.id
            WHERE s.organisation_id = v.organisation_id AND s.billing_id = v.billing_id
              AND s.total_minor = v.total_minor
        ) i ON true
    )"""
