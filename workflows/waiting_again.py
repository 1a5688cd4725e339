"""Who was passed over is looked at again: what was in the way may be over, although no place became free since.

A conflict ended, booking opened, a limit was changed: nothing of that frees a place. A duty of the worker asks again.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from engine.database import Database, Transaction
from workflows.waiting_list import offer_free

_FREE = """
SELECT DISTINCT e.term_product_id AS id FROM waiting_entry e
JOIN term_product s ON s.organisation_id = e.organisation_id AND s.id = e.term_product_id
WHERE e.organisation_id = %(org)s AND e.status = 10 AND s.status = 'OPEN' AND s.waiting_count > 0
  AND s.taken < s.capacity AND coalesce(s.starts_at > %(now)s, true) AND s.id > %(after)s
ORDER BY 1 LIMIT %(limit)s
"""
_FIRST = UUID(int=0)


def look_again(database: Database, *, now: datetime, batch: int = 50) -> int:
    """Offer the places that are free although somebody waits for them, in every organisation; returns how many were
    given out. `batch` sessions are looked at in a transaction.
    """
    given = 0
    for organisation_id in database.organisations():
        after = _FIRST
        while session_ids := _free(database, organisation_id, after=after, now=now, limit=batch):
            given += database.run(organisation_id, partial(_offer, session_ids=session_ids, now=now))
            after = session_ids[-1]
    return given


def _free(database: Database, organisation_id: UUID, *, after: UUID, now: datetime, limit: int) -> list[UUID]:
    with database.transaction(organisation_id) as tx:
        return [row["id"] for row in tx.rows(_FREE, now=now, after=after, limit=limit)]


def _offer(tx: Transaction, *, session_ids: Sequence[UUID], now: datetime) -> int:
    return offer_free(tx, session_ids, now=now)
