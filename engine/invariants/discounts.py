"""Discounts and promo codes."""

from engine.invariants.form import CONFIRMED_ORDER, HOLDING_ORDER, Invariant

DISCOUNTS = (
    Invariant(
        name="discounts_are_explained",
        promise="What a priced line was reduced by is what the discounts of its trace make, and no more than it cost.",
        sql="""
            SELECT x.description, x.discount_minor, t.traced_minor, x.id AS billing_line_id
            FROM billing_line x
            CROSS JOIN LATERAL (
                SELECT coalesce(-sum((step->>'amount_minor')::bigint), 0) AS traced_minor
                FROM jsonb_array_elements(x.trace) step
                WHERE step->>'step' IN ('entitlement', 'discount', 'adjustment')) t
            WHERE x.discount_minor <> t.traced_minor OR x.discount_minor NOT BETWEEN 0 AND x.base_minor
        """,
        says="“{description}” is reduced by {discount_minor}; its trace explains {traced_minor}",
    ),
    Invariant(
        name="booking_discounts_are_what_was_billed",
        promise="The discounts of a confirmed line make what its billing line was reduced by.",
        sql="""
            SELECT b.reference, x.description, x.discount_minor, coalesce(d.amount_minor, 0) AS noted_minor,
                   l.id AS booking_line_id
            FROM term_booking_line l
            JOIN billing_line x ON x.id = l.billing_line_id
            LEFT JOIN term_booking b ON b.id = l.booking_id
            LEFT JOIN (SELECT booking_line_id, sum(amount_minor) AS amount_minor FROM term_booking_discount
                       GROUP BY booking_line_id) d ON d.booking_line_id = l.id
            WHERE x.discount_minor <> coalesce(d.amount_minor, 0)
        """,
        says="{reference}: “{description}” was reduced by {discount_minor}, its discounts make {noted_minor}",
    ),
    Invariant(
        name="promo_code_counts_its_redemptions",
        promise="A promo code was used as often as orders use it.",
        sql="""
            SELECT coalesce(c.code, r.code) AS code, coalesce(c.used, 0) AS used, coalesce(r.orders, 0) AS orders
            FROM promo_code c
            FULL JOIN (SELECT code, count(*) AS orders FROM promo_redemption GROUP BY code) r ON r.code = c.code
            WHERE coalesce(c.used, 0) <> coalesce(r.orders, 0)
        """,
        says="Promo code {code} was used {used} times, by {orders} orders",
    ),
    Invariant(
        name="promo_code_is_used_by_who_holds",
        promise="An order uses its promo code while it holds places and once it is confirmed, and only then.",
        sql=f"""
            SELECT coalesce(o.reference, r.order_id::text) AS reference, o.promo_code, r.code, r.id AS redemption_id
            FROM term_booking_order o
            FULL JOIN promo_redemption r ON r.order_id = o.id
            WHERE CASE WHEN o.status IN {HOLDING_ORDER} OR o.status IN {CONFIRMED_ORDER} THEN o.promo_code END
                  IS DISTINCT FROM r.code
               OR r.account_id <> o.account_id
        """,
        says="{reference} asks for the promo code {promo_code} and uses {code}",
    ),
)
