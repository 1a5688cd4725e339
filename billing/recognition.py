"""Revenue as sessions are held: what of each invoice line is earned by now, and the entries that say so.

What is earned of a line is what it asks, less what was credited, once its session was held; before that nothing. Each
step posts the difference to what the books say, so a run that was cut off, or a second worker, has nothing to add. The
day is that of the session; of a line invoiced after it, that of the invoice; of what a credit takes back, that of the
credit. An undated session is held when its term is over; what stays billed of a session that was given up is earned
when it was.
"""

from collections.abc import Collection
from datetime import date, datetime
from functools import partial
from uuid import UUID

from billing.ledger import first_open_day, post, revenue_earned
from engine.batch import Batch
from engine.database import Database, Row, Transaction
from engine.fire import MovedMeanwhile
from engine.ids import new_id
from models import Deferral, RevenueRecognition

_SEQUENCE = "uq_revenue_recognition_organisation_id_invoice_line_id_sequence"
_BOOKINGS_AT_ONCE = 200

# The bookings with such lines: something is open of a session that is over or was given up, or something is earned of
# one that is still to come, since it was put off. What is kept of each line tells, and each is found by an index.
_DUE = f"""
WITH to_come AS MATERIALIZED (
    SELECT s.id FROM term_product s JOIN organisation o ON o.id = s.organisation_id
    WHERE s.organisation_id = %(org)s AND (s.ends_at > %(now)s OR s.ends_at IS NULL AND EXISTS (
        SELECT FROM term_program_set p JOIN term t ON t.organisation_id = p.organisation_id AND t.id = p.term_id
        WHERE p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
          AND t.ends_on >= (%(now)s::timestamptz AT TIME ZONE o.time_zone)::date))
), given_up AS MATERIALIZED (
    SELECT b.id FROM term_booking_line b WHERE b.organisation_id = %(org)s AND b.cancelled_at IS NOT NULL
), due AS MATERIALIZED (
    SELECT d.id FROM deferral d
    WHERE d.organisation_id = %(org)s AND d.{Deferral.OPEN}
      AND (d.term_product_id NOT IN (SELECT id FROM to_come) OR d.booking_line_id IN (SELECT id FROM given_up))
    UNION ALL
    SELECT d.id FROM to_come
    CROSS JOIN LATERAL (SELECT x.id, x.booking_line_id, x.earned_minor FROM deferral x
                        WHERE x.organisation_id = %(org)s AND x.term_product_id = to_come.id OFFSET 0) d
    WHERE d.earned_minor <> 0 AND d.booking_line_id NOT IN (SELECT id FROM given_up)
)
SELECT DISTINCT v.booking_id FROM due
CROSS JOIN LATERAL (SELECT x.booking_id FROM invoice_line l
                    JOIN invoice x ON x.organisation_id = l.organisation_id AND x.id = l.invoice_id
                    WHERE l.organisation_id = %(org)s AND l.id = due.id LIMIT 1) v
ORDER BY v.booking_id
"""
_OF_BOOKINGS = """x.invoice_line_id IN (
            SELECT y.id FROM invoice_line y
            JOIN invoice z ON z.organisation_id = y.organisation_id AND z.id = y.invoice_id
            WHERE y.organisation_id = %(org)s AND z.booking_id = ANY(%(ids)s))"""
# The invoice lines of bookings whose books say something else than what is earned by now, each with the day of that.
_DIFFERENT = f"""
SELECT f.id, f.account_id, f.booking_id, f.is_fee, f.amount_minor, f.steps, f.last_entry_id, f.last_minor,
       CASE WHEN f.amount_minor > 0 THEN f.held_on ELSE greatest(coalesce(f.credited_on, f.today), f.last_on) END
       AS earned_on
FROM (
    SELECT l.id, v.account_id, v.booking_id, starts_with(c.component, 'FEE_') AS is_fee,
           CASE WHEN b.cancelled_at IS NOT NULL OR s.ends_at <= %(now)s OR s.ends_at IS NULL AND t.ends_on < d.today
                THEN l.net_minor - coalesce(k.credited_minor, 0) ELSE 0 END - coalesce(e.earned_minor, 0)
           AS amount_minor,
           greatest(v.issued_on, CASE WHEN b.cancelled_at IS NOT NULL
                                      THEN (b.cancelled_at AT TIME ZONE o.time_zone)::date
                                      ELSE coalesce(s.local_date, t.ends_on) END) AS held_on,
           k.credited_on, coalesce(e.steps, 0) AS steps, e.last_entry_id, e.last_minor, e.last_on, d.today
    FROM invoice_line l
    JOIN invoice v ON v.organisation_id = l.organisation_id AND v.id = l.invoice_id
    JOIN organisation o ON o.id = l.organisation_id
    CROSS JOIN LATERAL (SELECT (%(now)s::timestamptz AT TIME ZONE o.time_zone)::date AS today) d
    JOIN billing_line c ON c.organisation_id = l.organisation_id AND c.id = l.billing_line_id
    JOIN term_booking_line b ON b.organisation_id = l.organisation_id AND b.id = l.booking_line_id
    JOIN term_product s ON s.organisation_id = b.organisation_id AND s.id = b.term_product_id
    JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
    JOIN term t ON t.organisation_id = p.organisation_id AND t.id = p.term_id
    LEFT JOIN (
        SELECT x.invoice_line_id, sum(x.net_minor)::bigint AS credited_minor, max(m.issued_on) AS credited_on
        FROM credit_note_line x
        JOIN credit_note m ON m.organisation_id = x.organisation_id AND m.id = x.credit_note_id
        WHERE x.organisation_id = %(org)s AND {_OF_BOOKINGS} GROUP BY x.invoice_line_id
    ) k ON k.invoice_line_id = l.id
    LEFT JOIN (
        SELECT x.invoice_line_id, sum(x.amount_minor)::bigint AS earned_minor, count(*)::int AS steps,
               max(x.earned_on) AS last_on, (array_agg(x.entry_id ORDER BY x.sequence DESC))[1] AS last_entry_id,
               (array_agg(x.amount_minor ORDER BY x.sequence DESC))[1] AS last_minor
        FROM revenue_recognition x WHERE x.organisation_id = %(org)s AND {_OF_BOOKINGS} GROUP BY x.invoice_line_id
    ) e ON e.invoice_line_id = l.id
    WHERE l.organisation_id = %(org)s AND v.booking_id = ANY(%(ids)s)
) f WHERE f.amount_minor <> 0
"""
# Under the lock that a credit of the booking is written under; who is at work on one is passed over.
_LOCK = """
SELECT id FROM term_booking WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) ORDER BY id
FOR NO KEY UPDATE SKIP LOCKED
"""
_LOCKED_MONTHS = "SELECT month FROM period_lock WHERE organisation_id = %(org)s AND unlocked_at IS NULL"


def recognise_due(database: Database, *, now: datetime) -> int:
    """Post what is earned by now, in every organisation. Any number of workers may run it, as often as they like: each
    step is posted once. Returns how many entries were posted.
    """
    return sum(recognise_of(database, organisation_id, now=now) for organisation_id in database.organisations())


def recognise_of(database: Database, organisation_id: UUID, *, now: datetime, batch: int = _BOOKINGS_AT_ONCE) -> int:
    """Post what is earned by now in one organisation, `batch` bookings in a transaction."""
    with database.transaction(organisation_id) as tx:
        bookings = _due(tx, now)
    return sum(
        database.run(organisation_id, partial(recognise, booking_ids=bookings[start : start + batch], now=now))
        for start in range(0, len(bookings), batch)
    )


def recognise(tx: Transaction, *, booking_ids: Collection[UUID], now: datetime) -> int:
    """Post what is earned of these bookings; those that somebody else is at work on are left for the next run."""
    locked = [row["id"] for row in tx.rows(_LOCK, ids=list(booking_ids))]
    if not locked:
        return 0
    months = frozenset(row["month"] for row in tx.rows(_LOCKED_MONTHS))
    steps = tx.rows(f"{_DIFFERENT} ORDER BY f.id", ids=locked, now=now)
    for step in steps:
        _post(tx.batch, step, first_open_day(step["earned_on"], months), now)
    return len(steps)


def count_outstanding(tx: Transaction, *, before: date, now: datetime) -> int:
    """How many invoice lines have something to be posted whose day is before this one."""
    sql = f"SELECT count(*) AS lines FROM ({_DIFFERENT}) g WHERE g.earned_on < %(before)s"
    found = tx.row(sql, ids=_due(tx, now), now=now, before=before)
    assert found is not None
    return int(found["lines"])


def _due(tx: Transaction, now: datetime) -> list[UUID]:
    """The bookings of which something is to be posted."""
    return [row["booking_id"] for row in tx.rows(_DUE, now=now)]


def _post(batch: Batch, step: Row, posted_on: date, now: datetime) -> None:
    """One step: its entry, and what it makes of the line. What takes the whole last step back reverses its entry."""
    step_id, entry_id, amount = new_id(), new_id(), step["amount_minor"]
    undoes = amount < 0 and amount == -(step["last_minor"] or 0)
    post(
        batch, source_kind="RECOGNITION", source_id=step_id, purpose="EARNED" if amount > 0 else "TAKEN_BACK",
        account_id=step["account_id"], postings=revenue_earned(net_minor=amount, is_fee=step["is_fee"]),
        posted_on=posted_on, event_on=step["earned_on"], reverses_id=step["last_entry_id"] if undoes else None,
        entry_id=entry_id, now=now,
    )  # fmt: skip
    batch.add(
        RevenueRecognition,
        [{"id": step_id, "invoice_line_id": step["id"], "sequence": step["steps"] + 1, "entry_id": entry_id,
          "amount_minor": amount, "earned_on": step["earned_on"], "created_at": now}],
    )  # fmt: skip
    batch.on_violation(_SEQUENCE, MovedMeanwhile("The same revenue was recognised meanwhile."))
