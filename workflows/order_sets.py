"""Many orders and bookings at once: locked in the one order, read in a few statements whatever their number."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.database import Row, Transaction
from workflows.booking_facts import BEHIND, BOOKINGS, LOCK_ROLL, Booking, Enrolled, booking_of, enrolled_of
from workflows.makeup_credit import AS_JSON, Credit
from workflows.order_facts import ORDERS, Order, order_of
from workflows.pass_facts import USES, Use, uses_of

_ACCOUNTS = """
SELECT a.id FROM account a WHERE a.organisation_id = %(org)s AND a.id IN (
    SELECT o.account_id FROM term_booking_order o WHERE o.organisation_id = %(org)s AND o.id = ANY(%(order_ids)s))
ORDER BY a.id FOR NO KEY UPDATE
"""
_ATTENDEES = _ACCOUNTS.replace("account", "attendee")
_ORDERS = """
SELECT o.id FROM term_booking_order o WHERE o.organisation_id = %(org)s AND o.id = ANY(%(order_ids)s)
ORDER BY o.id FOR NO KEY UPDATE
"""
_BOOKINGS = f"{BOOKINGS} FOR NO KEY UPDATE"


def lock_with_bookings(tx: Transaction, order_ids: Collection[UUID]) -> None:
    """Lock the accounts, the attendees, the orders, their bookings and the bookings' rows on the roll, each by id."""
    for statement in (_ACCOUNTS, _ATTENDEES, _ORDERS):
        tx.rows(statement, order_ids=list(order_ids))
    bookings = tx.rows("SELECT DISTINCT booking_id FROM term_booking_order WHERE organisation_id = %(org)s "
                       "AND id = ANY(%(order_ids)s) AND booking_id IS NOT NULL", order_ids=list(order_ids))  # fmt: skip
    booking_ids = [row["booking_id"] for row in bookings]
    tx.rows(_BOOKINGS, booking_ids=booking_ids)
    tx.rows(LOCK_ROLL, booking_ids=booking_ids)


def read_orders(tx: Transaction, order_ids: Collection[UUID]) -> dict[UUID, Order]:
    """Orders with their parties, as they are now."""
    return {row["id"]: order_of(row) for row in tx.rows(ORDERS, order_ids=list(order_ids))}


_BEHIND = BEHIND
for _name in ("order_id", "group_id", "billing_id"):
    _BEHIND = _BEHIND.replace(f"%({_name})s", f"one.{_name}")
_BEHIND = _BEHIND.replace("%(booking_id)s", "one.id")
_BEHIND_EACH = f"""
SELECT one.id AS booking_id, behind.*
FROM term_booking one CROSS JOIN LATERAL ({_BEHIND}) behind
WHERE one.organisation_id = %(org)s AND one.id = ANY(%(booking_ids)s)
"""


def read_bookings(tx: Transaction, booking_ids: Collection[UUID], orders: dict[UUID, Order]) -> list[Enrolled]:
    """Bookings with all that stands behind them, by id; `orders` holds the order that made each."""
    bookings: Iterable[Booking] = map(booking_of, tx.rows(BOOKINGS, booking_ids=list(booking_ids)))
    behind = {row["booking_id"]: row for row in tx.rows(_BEHIND_EACH, booking_ids=list(booking_ids))}
    return [enrolled_of(b, behind[b.id], orders[b.order_id], tx.organisation_id) for b in bookings]


@dataclass(slots=True)
class Carried:
    """What an order that is not confirmed carries: its Billing's lines and group, the end of its quote, its lines."""

    group: Row | None
    billing_lines: list[Row]
    sessions: dict[str, UUID]  # its lines, by session
    quote_expires_at: datetime | None
    makeups: list[Credit]  # the makeup credits that it has booked
    uses: list[Use]  # what it uses of passes


_CARRIED = """
SELECT o.id,
    (SELECT json_build_object('id', g.id, 'last_version', g.last_version) FROM billing_group g
     WHERE g.organisation_id = o.organisation_id AND g.id = o.group_id) AS billing_group,
    (SELECT json_agg(json_build_object('attendee_id', x.attendee_id, 'term_product_id', x.term_product_id,
                     'component', x.component, 'description', x.description, 'printed', x.printed,
                     'quantity', x.quantity, 'base_minor', x.base_minor,
                     'discount_minor', x.discount_minor, 'net_minor', x.net_minor,
                     'tax_minor', x.tax_minor, 'gross_minor', x.gross_minor, 'tax_name', x.tax_name,
                     'tax_rate', x.tax_rate::text, 'trace', x.trace) ORDER BY x.position)
     FROM billing_line x WHERE x.organisation_id = o.organisation_id AND x.billing_id = o.billing_id) AS billing_lines,
    (SELECT q.expires_at FROM quote q WHERE q.organisation_id = o.organisation_id AND q.order_id = o.id
     ORDER BY q.issued_at DESC, q.number DESC LIMIT 1) AS quote_expires_at,
    (SELECT json_object_agg(l.term_product_id, l.id) FROM term_booking_order_line l
     WHERE l.organisation_id = o.organisation_id AND l.order_id = o.id AND l.kind <> 'CLOSURE_DAY') AS sessions,
    (SELECT json_agg({makeup}) FROM makeup_credit m
     WHERE m.organisation_id = o.organisation_id AND m.order_id = o.id AND m.status = 200) AS makeups,
    {uses}
FROM term_booking_order o
WHERE o.organisation_id = %(org)s AND o.id = ANY(%(order_ids)s)
""".replace("{makeup}", AS_JSON).replace("{uses}", USES.replace("{order_id}", "o.id"))


def read_carried(tx: Transaction, order_ids: Collection[UUID]) -> dict[UUID, Carried]:
    """What orders that are not confirmed carry."""
    return {
        row["id"]: Carried(
            row["billing_group"], row["billing_lines"] or [],
            {session: UUID(line) for session, line in (row["sessions"] or {}).items()}, row["quote_expires_at"],
            [Credit.of(credit) for credit in row["makeups"] or ()], uses_of(row["uses"]),
        )
        for row in tx.rows(_CARRIED, order_ids=list(order_ids))
    }  # fmt: skip
