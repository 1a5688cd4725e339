"""What becomes a booking: an expression of interest is converted by an order of its own.

`begin` makes that order, with what is wanted in its cart at the price of now. Its submit is the conversion: in one
transaction the interest lets go of what it holds, the places are taken, the Billing is opened, and the interest ends.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import NotFound, Reason
from engine.fire import Refused
from models import TermBookingOrderType, TermBookingStatus
from workflows import term_booking_order as orders
from workflows.term_booking_order import Outcome

# A session that is over, or does not take place, is not asked for again; nor is an extra that is not sold any more.
_SOURCE = """
SELECT o.id, o.reference, o.status, o.order_type, o.account_id, o.attendee_id, o.term_id, o.price_fingerprint,
    (SELECT json_agg(json_build_object('session_id', l.term_product_id, 'mode', l.mode, 'seat_id', l.seat_id, 'extras',
            (SELECT json_agg(json_build_object('extra_id', e.extra_id, 'quantity', e.quantity) ORDER BY e.id)
             FROM term_booking_order_extra e
             JOIN extra x ON x.organisation_id = e.organisation_id AND x.id = e.extra_id AND x.is_active
             WHERE e.organisation_id = l.organisation_id AND e.order_line_id = l.id)) ORDER BY l.position)
     FROM term_booking_order_line l
     JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
     WHERE l.organisation_id = o.organisation_id AND l.order_id = o.id
       AND s.status = 'OPEN' AND (s.ends_at IS NULL OR s.ends_at > %(now)s)) AS lines
FROM term_booking_order o WHERE o.organisation_id = %(org)s AND o.id = %(order_id)s
"""


def begin(
    tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime, lines: Sequence[Row] | None = None
) -> Outcome:
    """The order that is to convert this one, saved with its sessions (or with `lines`) at the price of now.

    Nothing is let go of before it is submitted. Raises NotFound, Refused (not something to convert, or what a cart is
    refused for).
    """
    source = _read(tx, order_id, actor=actor, now=now)
    made = orders.new(
        tx, actor=actor, account_id=source["account_id"], attendee_id=source["attendee_id"], term_id=source["term_id"],
        order_type=TermBookingOrderType.BOOKING, now=now, converts_order_id=order_id,
    )  # fmt: skip
    tx.flush()
    wanted = list(lines) if lines is not None else [_line(line) for line in source["lines"] or ()]
    return orders.save(tx, order_id=made.order.id, lines=wanted, actor=actor, now=now)


def _read(tx: Transaction, order_id: UUID, *, actor: Actor, now: datetime) -> Row:
    source = tx.row(_SOURCE, order_id=order_id, now=now)
    if source is None or not actor.may_see_account(source["account_id"]):
        raise NotFound("There is no such order.", what="order")
    is_interest = source["order_type"] == TermBookingOrderType.EOI
    if not is_interest or source["status"] != TermBookingStatus.SUBMITTED:
        status = TermBookingStatus(source["status"]).name.lower()
        message = f"{source['reference']} is no expression of interest that stands (it is {status})."
        raise Refused(message, reasons=[Reason("not_convertible", message, rule="conversion")])
    return source


def _line(row: Row) -> Row:
    extras = [{**extra, "extra_id": UUID(extra["extra_id"])} for extra in row["extras"] or ()]
    seat_id = UUID(row["seat_id"]) if row["seat_id"] else None
    return {"session_id": UUID(row["session_id"]), "mode": row["mode"], "seat_id": seat_id, "extras": extras}
