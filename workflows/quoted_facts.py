"""A quoted order as the original of a change: what it holds and what was quoted, seen as the booking it would become.

Nothing of that booking exists: the change moves the order, which gets another quote.
"""

from datetime import datetime
from uuid import UUID

from engine.database import Transaction
from models import PaymentState, TermBookingConfirmationType
from workflows.booking_facts import BookedLine, Booking, Enrolled, booked_line
from workflows.order_facts import Order
from workflows.order_holdings import HELD
from workflows.pass_facts import USES, uses_of

_QUOTED = """
WITH term AS (
    SELECT t.id, t.name, t.starts_on, t.ends_on, coalesce(s.time_zone, g.time_zone) AS time_zone
    FROM term t
    JOIN organisation g ON g.id = t.organisation_id
    LEFT JOIN site s ON s.organisation_id = t.organisation_id AND s.id = t.site_id
    WHERE t.organisation_id = %(org)s AND t.id = %(term_id)s
), lines AS (
    SELECT l.id, l.term_product_id, l.position, l.kind, l.mode, l.seat_id, l.makeup_credit_id,
           false AS is_cancelled, p.id AS offering_id,
           p.name, p.program_id, g.category_id, s.local_date, s.local_start, s.local_end,
           coalesce(s.local_date, term.starts_on) AS day,
           coalesce(s.starts_at, term.starts_on::timestamp AT TIME ZONE term.time_zone) AS starts_at,
           coalesce(s.ends_at, (term.ends_on + 1)::timestamp AT TIME ZONE term.time_zone) AS ends_at
    FROM term_booking_order_line l CROSS JOIN term
    JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
    JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
    JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
    WHERE l.organisation_id = %(org)s AND l.order_id = %(order_id)s
)
SELECT
    (SELECT row_to_json(term) FROM term) AS term,
    (SELECT json_agg(l ORDER BY l.position) FROM lines l) AS lines,
    {held},
    (SELECT json_agg(json_build_object('id', x.id, 'attendee_id', x.attendee_id, 'term_product_id', x.term_product_id,
                     'component', x.component, 'position', x.position, 'description', x.description,
                     'printed', x.printed, 'quantity', x.quantity, 'base_minor', x.base_minor,
                     'discount_minor', x.discount_minor, 'net_minor', x.net_minor,
                     'tax_minor', x.tax_minor, 'gross_minor', x.gross_minor, 'tax_name', x.tax_name,
                     'tax_rate', x.tax_rate::text, 'trace', x.trace) ORDER BY x.position)
     FROM billing_line x WHERE x.organisation_id = %(org)s AND x.billing_id = %(billing_id)s) AS billing_lines,
    (SELECT json_agg(json_build_object('order_line_id', e.order_line_id, 'extra_id', e.extra_id, 'name', e.name,
                     'price_minor', e.price_minor, 'quantity', e.quantity))
     FROM term_booking_order_extra e WHERE e.organisation_id = %(org)s AND e.order_id = %(order_id)s) AS extras,
    (SELECT json_agg(json_build_array(r.scope_id, r.name, r.value)) FROM rule_setting r
     WHERE r.organisation_id = %(org)s AND r.scope_id IN (
         SELECT %(org)s UNION ALL SELECT offering_id FROM lines UNION ALL SELECT program_id FROM lines
         UNION ALL SELECT category_id FROM lines)) AS settings,
    (SELECT coalesce(sum(p.amount_minor), 0) FROM payment p
     WHERE p.organisation_id = %(org)s AND p.order_id = %(order_id)s AND p.status = 'SUCCESS') AS captured_minor,
    {uses}
""".replace("{held}", HELD).replace("{uses}", USES.replace("{order_id}", "%(order_id)s"))


def read_quoted(tx: Transaction, order: Order) -> Enrolled:
    """What a quoted order holds and costs; the caller holds its lock."""
    row = tx.row(
        _QUOTED, order_id=order.id, term_id=order.term_id, group_id=order.group_id, billing_id=order.billing_id
    )
    assert row is not None
    assert order.group_id is not None
    assert order.billing_id is not None
    would_be = Booking(
        id=order.id, reference=order.reference, status=order.status, version=order.version,
        account_id=order.account_id, attendee_id=order.attendee_id, order_id=order.id, group_id=order.group_id,
        billing_id=order.billing_id, total_minor=order.total_minor, payment_state=PaymentState.NOT_DUE,
        confirmation_type=order.confirmation_type or TermBookingConfirmationType.ADMIN_CONFIRM,
    )  # fmt: skip
    return Enrolled(
        booking=would_be, order=order, lines=[_line(line, tx.organisation_id) for line in row["lines"] or ()],
        claims=row["claims"] or [], timers=row["timers"] or [], group=row["billing_group"],
        billing_lines=row["billing_lines"] or [], invoice_lines=[], invoices=[], payments=[],
        settings={(UUID(scope), name): value for scope, name, value in row["settings"] or ()}, term=row["term"],
        order_type=int(order.order_type), captured_minor=row["captured_minor"],
        uses=uses_of(row["uses"]),
    )  # fmt: skip


def _line(row: dict[str, object], organisation_id: UUID) -> BookedLine:
    return booked_line(row, None, organisation_id)


def quote_is_open(enrolled: Enrolled, now: datetime) -> bool:
    """Whether the quote has not run out, swept or not."""
    return all(datetime.fromisoformat(timer["due_at"]) > now for timer in enrolled.timers)
