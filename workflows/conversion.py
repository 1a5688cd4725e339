"""What becomes a booking: an expression of interest or a trial is converted by an order of its own.

`begin` makes that order, with what is wanted in its cart at the price of now. Its submit is the conversion: in one
transaction the interest lets go of what it holds, or the trial hands its places over, the other places are taken, the
Billing is opened, and what was converted ends.
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

# A session that is over, or does not take place, is not asked for again; nor is an extra that is not sold any more. Of
# a trial that is booked it is the booking that says what it is by now.
_SOURCE = """
WITH wanted AS (
    SELECT l.id, l.term_product_id, l.mode, l.seat_id, l.position FROM term_booking_order_line l
    JOIN term_booking_order o ON o.organisation_id = l.organisation_id AND o.id = l.order_id
    WHERE l.organisation_id = %(org)s AND l.order_id = %(order_id)s AND o.booking_id IS NULL
    UNION ALL
    SELECT l.id, l.term_product_id, l.mode, l.seat_id, l.position FROM term_booking_line l
    JOIN term_booking_order o ON o.organisation_id = l.organisation_id AND o.booking_id = l.booking_id
    WHERE o.organisation_id = %(org)s AND o.id = %(order_id)s AND l.cancelled_at IS NULL
), extras AS (
    SELECT order_line_id AS line_id, extra_id, quantity FROM term_booking_order_extra
    WHERE organisation_id = %(org)s AND order_line_id IN (SELECT id FROM wanted)
    UNION ALL
    SELECT booking_line_id, extra_id, quantity FROM term_booking_extra
    WHERE organisation_id = %(org)s AND booking_line_id IN (SELECT id FROM wanted)
)
SELECT o.id, o.reference, o.status, o.order_type, o.account_id, o.attendee_id, o.term_id, o.price_fingerprint,
    (SELECT json_agg(json_build_object('session_id', w.term_product_id, 'mode', w.mode, 'seat_id', w.seat_id, 'extras',
            (SELECT json_agg(json_build_object('extra_id', e.extra_id, 'quantity', e.quantity) ORDER BY e.extra_id)
             FROM extras e JOIN extra x ON x.organisation_id = %(org)s AND x.id = e.extra_id AND x.is_active
             WHERE e.line_id = w.id)) ORDER BY w.position)
     FROM wanted w
     JOIN term_product s ON s.organisation_id = %(org)s AND s.id = w.term_product_id
     WHERE s.status = 'OPEN' AND (s.starts_at IS NULL OR s.starts_at > %(now)s)) AS lines,
    b.status AS booking_status,
    (SELECT n.reference FROM term_booking_order n
     WHERE n.organisation_id = o.organisation_id AND n.converts_order_id = o.id
       AND n.status IN (300, 450, 475, 485, 500)) AS converted_by
FROM term_booking_order o
LEFT JOIN term_booking b ON b.organisation_id = o.organisation_id AND b.id = o.booking_id
WHERE o.organisation_id = %(org)s AND o.id = %(order_id)s
"""


def begin(
    tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime, lines: Sequence[Row] | None = None
) -> Outcome:
    """The order that is to convert this one, saved with its sessions (or with `lines`) at the price of now.

    Nothing is let go of before it is submitted. Raises NotFound, Refused (not something to convert, or what a cart is
    refused for).
    """
    return begin_shown(tx, order_id=order_id, actor=actor, now=now, lines=lines)[0]


def begin_shown(
    tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime, lines: Sequence[Row] | None = None
) -> tuple[Outcome, str]:
    """The same, with the fingerprint of the price that was shown when the source was saved."""
    source = _read(tx, order_id, actor=actor, now=now)
    made = orders.new(
        tx, actor=actor, account_id=source["account_id"], attendee_id=source["attendee_id"], term_id=source["term_id"],
        order_type=TermBookingOrderType.BOOKING, now=now, converts_order_id=order_id,
    )  # fmt: skip
    tx.flush()
    wanted = list(lines) if lines is not None else [_line(line) for line in source["lines"] or ()]
    saved = orders.save(tx, order_id=made.order.id, lines=wanted, actor=actor, now=now)
    return saved, source["price_fingerprint"]


def _read(tx: Transaction, order_id: UUID, *, actor: Actor, now: datetime) -> Row:
    source = tx.row(_SOURCE, order_id=order_id, now=now)
    if source is None or not actor.may_see_account(source["account_id"]):
        raise NotFound("There is no such order.", what="order")
    if source["converted_by"] or not _stands(source):
        kind = TermBookingOrderType(source["order_type"]).name.lower().replace("_", " ")
        status = TermBookingStatus(source["booking_status"] or source["status"]).name.lower()
        how = f"converted into {source['converted_by']}" if source["converted_by"] else f"a {kind} that is {status}"
        message = f"{source['reference']} is {how}; an expression of interest or a trial that stands is converted."
        raise Refused(message, reasons=[Reason("not_convertible", message, rule="conversion")])
    return source


def _stands(source: Row) -> bool:
    if source["order_type"] == TermBookingOrderType.EOI:
        return bool(source["status"] == TermBookingStatus.SUBMITTED)
    if source["order_type"] == TermBookingOrderType.TRIAL_SESSION:
        return (source["status"], source["booking_status"]) in _TRIALS
    return False


# A trial whose places are held and that is not quoted; the status of its order, and of its booking if it has one.
_TRIALS = ((TermBookingStatus.SUBMITTED, None), (TermBookingStatus.APPROVED, TermBookingStatus.APPROVED))


def _line(row: Row) -> Row:
    extras = [{**extra, "extra_id": UUID(extra["extra_id"])} for extra in row["extras"] or ()]
    seat_id = UUID(row["seat_id"]) if row["seat_id"] else None
    return {"session_id": UUID(row["session_id"]), "mode": row["mode"], "seat_id": seat_id, "extras": extras}
