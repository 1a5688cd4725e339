"""Carts of a family as a person looks at them: what was chosen for whom, term by term."""

from collections.abc import Collection
from uuid import UUID

from engine.database import Row, Transaction
from models import BookingMode

# Every line of the group order of each term that is still being filled.
_LINES = """
SELECT g.id AS group_id, g.term_id, g.policy, o.promo_code, m.name AS term, o.attendee_id, t.name AS attendee,
       l.term_product_id AS session_id, l.term_program_set_id AS offering_id, p.name AS offering, p.modes,
       i.name AS site, s.local_date, s.local_start, s.local_end, l.asked_mode AS mode, l.seat_id,
       ARRAY(SELECT a.term_product_id FROM term_booking_order_activity a
             WHERE a.organisation_id = l.organisation_id AND a.order_line_id = l.id) AS activity_ids,
       CASE WHEN x.id IS NULL THEN NULL ELSE json_build_object('row', x.row_name, 'number', x.number) END AS seat,
       (SELECT json_agg(json_build_object('extra_id', e.extra_id, 'quantity', e.quantity, 'name', e.name))
        FROM term_booking_order_extra e
        WHERE e.organisation_id = l.organisation_id AND e.order_line_id = l.id) AS extras
FROM (SELECT DISTINCT ON (x.term_id) x.* FROM group_order x
      JOIN group_order_member y ON y.organisation_id = x.organisation_id AND y.group_order_id = x.id
      JOIN term_booking_order z ON z.organisation_id = y.organisation_id AND z.id = y.order_id
      WHERE x.organisation_id = %(org)s AND x.account_id = ANY(%(accounts)s) AND x.submitted_at IS NULL
        AND z.status IN (100, 200)
      ORDER BY x.term_id, x.id DESC) g
JOIN term m ON m.organisation_id = g.organisation_id AND m.id = g.term_id
JOIN group_order_member n ON n.organisation_id = g.organisation_id AND n.group_order_id = g.id
JOIN term_booking_order o ON o.organisation_id = n.organisation_id AND o.id = n.order_id AND o.status IN (100, 200)
JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id
JOIN term_booking_order_line l ON l.organisation_id = o.organisation_id AND l.order_id = o.id
JOIN term_program_set p ON p.organisation_id = l.organisation_id AND p.id = l.term_program_set_id
JOIN program q ON q.organisation_id = p.organisation_id AND q.id = p.program_id
JOIN site i ON i.organisation_id = q.organisation_id AND i.id = q.site_id
JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
LEFT JOIN seat x ON x.organisation_id = l.organisation_id AND x.id = l.seat_id
WHERE (%(term)s::uuid IS NULL OR g.term_id = %(term)s)
ORDER BY m.starts_on, g.term_id, n.position, p.name, s.starts_at, l.position
"""


_HELD = """
SELECT l.term_product_id AS session_id, l.term_program_set_id AS offering_id, coalesce(l.asked_mode, l.mode) AS mode,
       l.seat_id, l.makeup_credit_id, o.attendee_id, o.promo_code, p.name AS offering, p.modes,
       s.local_date, s.local_start, s.local_end,
       ARRAY(SELECT a.term_product_id FROM term_booking_order_activity a
             WHERE a.organisation_id = l.organisation_id AND a.order_line_id = l.id) AS activity_ids,
       (SELECT json_agg(json_build_object('extra_id', e.extra_id, 'quantity', e.quantity))
        FROM term_booking_order_extra e
        WHERE e.organisation_id = l.organisation_id AND e.order_line_id = l.id) AS extras
FROM term_booking_order_line l
JOIN term_booking_order o ON o.organisation_id = l.organisation_id AND o.id = l.order_id
JOIN term_program_set p ON p.organisation_id = l.organisation_id AND p.id = l.term_program_set_id
JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
WHERE l.organisation_id = %(org)s AND l.order_id = %(order_id)s ORDER BY l.position
"""


def held_lines(tx: Transaction, order_id: UUID) -> dict[UUID, Row]:
    """What the cart of one order holds, by session, as it is asked for again."""
    return {row["session_id"]: {**row, "mode": BookingMode(row["mode"]), "extras": _extras(row["extras"])}
            for row in tx.rows(_HELD, order_id=order_id)}  # fmt: skip


def _extras(given: Collection[Row] | None) -> list[Row]:
    return [{"extra_id": UUID(one["extra_id"]), "quantity": one["quantity"]} for one in given or ()]


def lines(tx: Transaction, account_ids: Collection[UUID], *, term_id: UUID | None = None) -> list[Row]:
    """What is in the carts, in the order of terms, children, programs and time."""
    return tx.rows(_LINES, accounts=list(account_ids), term=term_id)


def wanted(rows: Collection[Row]) -> dict[UUID, list[Row]]:
    """The lines of one term as a cart takes them, by attendee."""
    found: dict[UUID, list[Row]] = {}
    for row in rows:
        found.setdefault(row["attendee_id"], []).append({
            "session_id": row["session_id"], "mode": row["mode"], "seat_id": row["seat_id"],
            "activity_ids": list(row["activity_ids"]),
            "extras": [{"extra_id": e["extra_id"], "quantity": e["quantity"]} for e in row["extras"] or ()],
        })  # fmt: skip
    return found
