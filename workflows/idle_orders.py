"""Drafts and carts that nobody has touched for a month are removed by the system, a bounded batch at a time."""

from datetime import datetime, timedelta

from engine.actor import SYSTEM
from engine.database import Database, Transaction
from engine.fire import fire
from workflows.order_facts import lock_order
from workflows.order_holdings import read_holdings
from workflows.term_booking_order import CHART

IDLE = timedelta(days=30)

# What somebody works on at this moment is passed over, and is not idle any more.
_IDLE = """
SELECT id FROM term_booking_order
WHERE organisation_id = %(org)s AND status IN (100, 200) AND created_at <= %(before)s AND updated_at <= %(before)s
ORDER BY created_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
"""


def remove_idle(database: Database, *, now: datetime, batch: int = 100) -> int:
    """Remove up to `batch` idle drafts and carts of each organisation; returns how many were removed."""
    return sum(
        database.run(organisation_id, lambda tx: _remove(tx, now=now, limit=batch))
        for organisation_id in database.organisations()
    )


def _remove(tx: Transaction, *, now: datetime, limit: int) -> int:
    found = tx.rows(_IDLE, before=now - IDLE, limit=limit)
    for row in found:
        order = lock_order(tx, row["id"], actor=SYSTEM, order_only=True)
        fire(tx.batch, CHART, order, "remove", actor=SYSTEM, now=now, reason=f"idle for {IDLE.days} days",
             holdings=read_holdings(tx, order))  # fmt: skip
        tx.flush()
    return len(found)
