"""Nobody waits for what is over: entries of sessions that have begun, or do not take place, end with their groups."""

from collections.abc import Collection
from datetime import datetime
from functools import partial
from uuid import UUID

from engine.actor import SYSTEM
from engine.database import Database, Transaction
from engine.fire import fire
from models import WaitingStatus
from workflows import places
from workflows.order_facts import lock_orders
from workflows.order_holdings import read_holdings
from workflows.term_booking_order import CHART
from workflows.waiting_facts import lock_waiting
from workflows.waiting_list import CHART as ENTRY_CHART
from workflows.waiting_offers import disarm_offers
from workflows.waiting_queue import count_leaving

# Of each order with such an entry, itself and those that want all or nothing with it.
_PAST = """
SELECT DISTINCT ON (coalesce(e.group_id, e.order_id)) coalesce(e.group_id, e.order_id) AS together,
       (SELECT array_agg(DISTINCT x.order_id) FROM waiting_entry x
        WHERE x.organisation_id = e.organisation_id AND x.status IN (10, 20, 30)
          AND (x.order_id = e.order_id OR x.group_id = e.group_id)) AS order_ids
FROM waiting_entry e
JOIN term_product s ON s.organisation_id = e.organisation_id AND s.id = e.term_product_id
WHERE e.organisation_id = %(org)s AND e.status IN (10, 20, 30) AND (s.status <> 'OPEN' OR s.starts_at <= %(now)s)
ORDER BY coalesce(e.group_id, e.order_id), e.id LIMIT %(limit)s
"""


def end_past_waits(database: Database, *, now: datetime, batch: int = 100) -> int:
    """End what cannot be waited for any more, up to `batch` orders or groups of each organisation, each in a
    transaction of its own; returns how many.
    """
    ended = 0
    for organisation_id in database.organisations():
        with database.transaction(organisation_id) as tx:
            found = tx.rows(_PAST, now=now, limit=batch)
        for row in found:
            database.run(organisation_id, partial(_end, order_ids=row["order_ids"], now=now))
        ended += len(found)
    return ended


_FOR = """
SELECT DISTINCT x.order_id FROM waiting_entry e
JOIN waiting_entry x ON x.organisation_id = e.organisation_id AND x.status IN (10, 20, 30)
     AND (x.order_id = e.order_id OR x.group_id = e.group_id)
WHERE e.organisation_id = %(org)s AND e.status IN (10, 20, 30) AND e.term_product_id = ANY(%(sessions)s)
"""


def end_waits_for(tx: Transaction, session_ids: Collection[UUID], *, now: datetime, reason: str) -> None:
    """Nobody waits any more for sessions that will not take place; what was offered in them is given back.

    Locks the orders that wait, then their sessions: a caller that locks sessions does so afterwards.
    """
    order_ids = [row["order_id"] for row in tx.rows(_FOR, sessions=list(session_ids))]
    if order_ids:
        _end(tx, order_ids=order_ids, now=now, closing=frozenset(session_ids), reason=reason)


def _end(
    tx: Transaction, *, order_ids: list[UUID], now: datetime, closing: Collection[UUID] = (),
    reason: str = "the session is over",
) -> None:  # fmt: skip
    orders = lock_orders(tx, order_ids, actor=SYSTEM)
    entries, _ = lock_waiting(tx, order_ids)
    live = [entry for entry in entries if entry.is_live]
    open_ids = _still_to_come(tx, [entry.session_id for entry in live], now) - set(closing)
    groups = {entry.group_id for entry in live if entry.session_id not in open_ids and entry.group_id}
    over = [entry for entry in live if entry.session_id not in open_ids or entry.group_id in groups]
    kept = [entry for entry in over if entry.status is not WaitingStatus.WAITING]
    claims = [entry.claim for entry in kept]
    disarm_offers(tx, {entry.offer_id for entry in over if entry.offer_id is not None}, now=now)
    count_leaving(tx.batch, over, now=now)
    for entry in over:
        entry.record(places_released=[entry.session_id] if entry in kept else [])
        fire(tx.batch, ENTRY_CHART, entry, "leave", actor=SYSTEM, now=now, reason=reason)
    tx.flush()
    places.release(tx.batch, claims, now=now)
    tx.flush()
    for order in orders:
        if not any(entry.is_live for entry in entries if entry.order_id == order.id):
            fire(tx.batch, CHART, order, "end_wait", actor=SYSTEM, now=now, reason=reason,
                 holdings=read_holdings(tx, order))  # fmt: skip
            tx.flush()


def _still_to_come(tx: Transaction, session_ids: list[UUID], now: datetime) -> set[UUID]:
    rows = tx.rows("SELECT id FROM term_product WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) "
                   "AND status = 'OPEN' AND coalesce(starts_at > %(now)s, true)", ids=session_ids, now=now)  # fmt: skip
    return {row["id"] for row in rows}
