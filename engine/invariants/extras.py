"""Extras: what is held of them, with which place, and that there is enough."""

from engine.invariants.form import (
    HOLDING_ORDER,
    SESSION_LINES,
    SESSION_NAME,
    TAKES_PLACE,
    Invariant,
    named_session,
)

EXTRAS = (
    Invariant(
        name="extras_within_stock",
        promise="Of an extra no more are taken at a session than there are.",
        sql=f"""
            SELECT x.name AS extra, {SESSION_NAME} AS session, s.taken, x.stock, s.id AS stock_id
            FROM extra_stock s
            LEFT JOIN extra x ON x.id = s.extra_id
            {named_session("s.term_product_id")}
            WHERE s.taken > x.stock
        """,
        says="{extra} with {session}: {taken} of {stock} taken",
    ),
    Invariant(
        name="extras_are_counted",
        promise="What is taken of an extra at a session is what its claims say, and its stock is the extra's.",
        sql=f"""
            WITH claimed AS (
                SELECT extra_id, term_product_id, sum(quantity) AS quantity FROM extra_claim GROUP BY 1, 2
            )
            SELECT x.name AS extra, {SESSION_NAME} AS session, coalesce(s.taken, 0) AS taken, s.stock,
                   coalesce(c.quantity, 0) AS claimed, x.id AS extra_id
            FROM extra_stock s
            FULL JOIN claimed c ON c.extra_id = s.extra_id AND c.term_product_id = s.term_product_id
            LEFT JOIN extra x ON x.id = coalesce(s.extra_id, c.extra_id)
            {named_session("coalesce(s.term_product_id, c.term_product_id)")}
            WHERE coalesce(s.taken, 0) <> coalesce(c.quantity, 0)
               OR (s.id IS NOT NULL AND s.stock IS DISTINCT FROM x.stock)
        """,
        says="{extra} with {session}: counted as taken: {taken} (of {stock}), claimed: {claimed}",
    ),
    Invariant(
        name="extra_is_held_with_its_place",
        promise="Who holds a place holds the extras that go with it, and nobody else holds any.",
        # Whoever holds is the booking, or the order while there is no booking.
        sql=f"""
            WITH asked AS (
                SELECT c.id AS place_claim_id, e.extra_id, sum(e.quantity) AS quantity
                FROM place_claim c
                JOIN term_booking_order o ON o.id = c.order_id
                CROSS JOIN LATERAL (
                    SELECT x.extra_id, x.quantity FROM term_booking_line l
                    JOIN term_booking_extra x ON x.booking_line_id = l.id
                    WHERE l.booking_id = o.booking_id AND l.term_product_id = c.term_product_id
                      AND l.kind IN {SESSION_LINES} AND l.cancelled_at IS NULL
                    UNION ALL
                    SELECT x.extra_id, x.quantity FROM term_booking_order_line l
                    JOIN term_booking_order_extra x ON x.order_line_id = l.id
                    WHERE o.booking_id IS NULL AND l.order_id = o.id AND l.term_product_id = c.term_product_id
                      AND l.kind IN {SESSION_LINES}) e
                WHERE c.order_type IN {TAKES_PLACE}
                GROUP BY c.id, e.extra_id
            ), held AS (
                SELECT place_claim_id, extra_id, sum(quantity) AS quantity FROM extra_claim
                WHERE change_order_id IS NULL GROUP BY place_claim_id, extra_id
            )
            SELECT coalesce(b.reference, o.reference) AS reference, x.name AS extra, {SESSION_NAME} AS session,
                   coalesce(held.quantity, 0) AS held, coalesce(asked.quantity, 0) AS asked, c.id AS claim_id
            FROM asked
            FULL JOIN held USING (place_claim_id, extra_id)
            LEFT JOIN place_claim c ON c.id = place_claim_id
            LEFT JOIN term_booking_order o ON o.id = c.order_id
            LEFT JOIN term_booking b ON b.id = o.booking_id
            LEFT JOIN extra x ON x.id = extra_id
            {named_session("c.term_product_id")}
            WHERE coalesce(held.quantity, 0) <> coalesce(asked.quantity, 0)
        """,
        says="{reference} holds {held} of {extra} with {session}, it has {asked}",
    ),
    Invariant(
        name="extra_is_of_its_session",
        promise="An extra is held at the session of its place; what is held beside another's place is of an open "
        "change of that very booking.",
        sql=f"""
            SELECT coalesce(changing.reference, o.reference) AS reference, x.name AS extra, {SESSION_NAME} AS session,
                   e.id AS extra_claim_id
            FROM extra_claim e
            LEFT JOIN place_claim c ON c.id = e.place_claim_id
            LEFT JOIN term_booking_order o ON o.id = c.order_id
            LEFT JOIN term_booking_order changing ON changing.id = e.change_order_id
            LEFT JOIN extra x ON x.id = e.extra_id
            {named_session("e.term_product_id")}
            WHERE c.term_product_id IS DISTINCT FROM e.term_product_id
               OR (changing.id IS NOT NULL AND (changing.status NOT IN {HOLDING_ORDER}
                   OR (changing.original_order_id IS DISTINCT FROM o.id
                       AND changing.original_booking_id IS DISTINCT FROM o.booking_id)))
        """,
        says="{reference} holds {extra} with {session}, where it has no such place",
    ),
)
