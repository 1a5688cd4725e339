"""When a term has ended: what is still suspended is closed, what has run and is settled is archived, and what was only
wished for is removed, by the system.
"""

from datetime import date, datetime
from functools import partial
from uuid import UUID

from engine.actor import SYSTEM
from engine.database import Database, Transaction
from engine.fire import fire
from models import TermBookingStatus
from workflows import term_booking as bookings
from workflows.booking_facts import lock_booking
from workflows.order_facts import lock_order
from workflows.order_holdings import read_holdings
from workflows.term_booking_order import CHART as ORDER_CHART

# Of each term that is over where it runs: suspended bookings, and those of which nothing is owed, nor still to be
# invoiced.
_ENDED = """
SELECT b.id FROM term_booking b
JOIN term t ON t.organisation_id = b.organisation_id AND t.id = b.term_id
JOIN organisation g ON g.id = b.organisation_id
LEFT JOIN site s ON s.organisation_id = t.organisation_id AND s.id = t.site_id
WHERE b.organisation_id = %(org)s AND t.ends_on < (%(now)s AT TIME ZONE coalesce(s.time_zone, g.time_zone))::date
  AND (b.status = 700 OR (b.status IN (500, 800) AND (b.payment_state = 'PAID' OR NOT EXISTS (
      SELECT FROM invoice v WHERE v.organisation_id = b.organisation_id AND v.booking_id = b.id))
      AND NOT EXISTS (SELECT FROM invoice_schedule w WHERE w.organisation_id = b.organisation_id
                      AND w.booking_id = b.id AND w.status = 'SCHEDULED')))
  AND NOT EXISTS (
      SELECT FROM term_booking_line l
      JOIN term_product p ON p.organisation_id = l.organisation_id AND p.id = l.term_product_id
      WHERE l.organisation_id = b.organisation_id AND l.booking_id = b.id AND l.cancelled_at IS NULL
        AND p.ends_at > %(now)s)
ORDER BY b.id LIMIT %(limit)s
"""


# Expressions of interest that nobody converted.
_WISHED = """
SELECT o.id FROM term_booking_order o
JOIN term t ON t.organisation_id = o.organisation_id AND t.id = o.term_id
JOIN organisation g ON g.id = o.organisation_id
LEFT JOIN site s ON s.organisation_id = t.organisation_id AND s.id = t.site_id
WHERE o.organisation_id = %(org)s AND o.order_type = 5 AND o.status = 300
  AND t.ends_on < (%(now)s AT TIME ZONE coalesce(s.time_zone, g.time_zone))::date
ORDER BY o.id LIMIT %(limit)s
"""


def end_terms(database: Database, *, now: datetime, batch: int = 100) -> int:
    """Take up to `batch` bookings of each organisation one step further, and as many expressions of interest, each in a
    transaction of its own; returns how many moved. A suspended booking is closed by one call, archived by a later one.
    """
    moved = 0
    for organisation_id in database.organisations():
        with database.transaction(organisation_id) as tx:
            found = tx.rows(_ENDED, now=now, limit=batch)
            wished = tx.rows(_WISHED, now=now, limit=batch)
        moved += sum(database.run(organisation_id, partial(_move, booking_id=row["id"], now=now)) for row in found)
        moved += sum(database.run(organisation_id, partial(_lapse, order_id=row["id"], now=now)) for row in wished)
    return moved


def _lapse(tx: Transaction, *, order_id: UUID, now: datetime) -> int:
    order = lock_order(tx, order_id, actor=SYSTEM)
    if order.status is not TermBookingStatus.SUBMITTED:
        return 0  # somebody was faster
    fire(tx.batch, ORDER_CHART, order, "lapse", actor=SYSTEM, now=now, reason="the term has ended",
         holdings=read_holdings(tx, order))  # fmt: skip
    return 1


def _move(tx: Transaction, *, booking_id: UUID, now: datetime) -> int:
    enrolled = lock_booking(tx, booking_id, actor=SYSTEM)
    status = enrolled.booking.status
    if status is TermBookingStatus.SUSPENDED:
        bookings.close_ended(tx, enrolled, last_day=date.fromisoformat(enrolled.term["ends_on"]), actor=SYSTEM, now=now)
        return 1
    owing = any(invoice.open_minor for invoice in enrolled.invoices)
    if owing or status not in (TermBookingStatus.APPROVED, TermBookingStatus.CLOSED):
        return 0  # somebody was faster, or money moved since it was found
    bookings.archive_locked(tx, enrolled, actor=SYSTEM, now=now, reason="the term has ended")
    return 1
