"""What the verbs of the waiting list know: entries under the locks of their sessions, in the order of the queue.

Lock order: account → attendee → orders by id → sessions by id → groups by id. An entry moves only under the locks of
its session and of its group, so who offers a freed place needs no lock of the order or the account of whoever waits.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlmodel import SQLModel

from engine.database import Row, Transaction
from engine.fire import Subject
from models import WaitingEntry, WaitingStatus
from models.waiting import LIVE

# Saved places are kept for an all-or-nothing group until so long before the first of its sessions starts.
SAVED_UNTIL = timedelta(hours=48)

POLICY = (
    "Whoever has waited longest comes first. A place that becomes free is offered to the first who can take it, and "
    "held until the offer runs out, never past the session's booking cut-off. Who cannot take it then keeps the "
    "position; a declined or expired offer ends the entry. Places are held for an all-or-nothing group until it has "
    "them all; in the last 48 hours before its first session they go to the next who can take them at once."
)


@dataclass(kw_only=True)
class Entry(Subject):
    """An entry of a waiting list as the verbs see it."""

    table: ClassVar[type[SQLModel]] = WaitingEntry
    order_id: UUID
    attendee_id: UUID
    session_id: UUID
    group_id: UUID | None
    since: datetime
    starts_at: datetime | None = None
    offer_id: UUID | None = None
    offer_expires_at: datetime | None = None
    accepted_order_id: UUID | None = None
    passed_over_at: datetime | None = None
    passed_over_for: str = ""
    claim_id: UUID | None = None

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def claim(self) -> Row:
        """The place that is set aside or offered, as what is given back."""
        assert self.claim_id is not None, "what is saved or offered has its claim"
        return {"id": self.claim_id, "term_product_id": str(self.session_id), "takes_place": True}


def saved_until(entries: Iterable[Entry]) -> datetime | None:
    """Until when places are saved for a group of these entries; None for sessions without a time."""
    starts = [entry.starts_at for entry in entries if entry.starts_at is not None]
    return min(starts) - SAVED_UNTIL if starts else None


_ENTRIES = """
SELECT e.id, e.reference, e.status, e.version, e.order_id, e.attendee_id, e.term_product_id AS session_id, e.group_id,
       e.since, e.offer_id, e.offer_expires_at, e.accepted_order_id, e.passed_over_at, e.passed_over_for, s.starts_at,
       c.id AS claim_id
FROM waiting_entry e
JOIN term_product s ON s.organisation_id = e.organisation_id AND s.id = e.term_product_id
LEFT JOIN place_claim c ON c.organisation_id = e.organisation_id AND c.order_id = e.order_id
     AND c.term_product_id = e.term_product_id
WHERE e.organisation_id = %(org)s AND {which}
ORDER BY e.since, e.id
"""
_QUEUE = _ENTRIES.format(
    which="""e.status IN (10, 20, 30) AND (e.term_product_id = ANY(%(sessions)s) OR e.group_id IN (
        SELECT x.group_id FROM waiting_entry x WHERE x.organisation_id = %(org)s AND x.status IN (10, 20, 30)
          AND x.term_product_id = ANY(%(sessions)s)))"""
)
_OF_ORDERS = _ENTRIES.format(which="e.order_id = ANY(%(orders)s)")
_OF_GROUPS = _ENTRIES.format(which="e.status IN (10, 20, 30) AND e.group_id = ANY(%(groups)s)")
_OF_ATTENDEE = _ENTRIES.format(
    which="""e.status IN (10, 20, 30) AND e.attendee_id = %(attendee_id)s AND e.order_id <> %(order_id)s
      AND e.term_product_id = ANY(%(sessions)s)"""
)


def read_queue(tx: Transaction, session_ids: Collection[UUID]) -> list[Entry]:
    """Who stands in the queues of these sessions, or holds a place of them, with the whole of each group."""
    return _entries(tx.rows(_QUEUE, sessions=list(session_ids)))


def read_entries_of(tx: Transaction, order_ids: Collection[UUID]) -> list[Entry]:
    """Every entry of these orders, ended ones too."""
    return _entries(tx.rows(_OF_ORDERS, orders=list(order_ids)))


def read_groups(tx: Transaction, group_ids: Collection[UUID]) -> list[Entry]:
    """The live entries of these groups."""
    return _entries(tx.rows(_OF_GROUPS, groups=list(group_ids)))


def read_waiting(
    tx: Transaction, *, attendee_id: UUID, order_id: UUID, session_ids: Collection[UUID]
) -> list[Entry]:  # fmt: skip
    """Where the attendee waits for these sessions already, by another order."""
    return _entries(
        tx.rows(_OF_ATTENDEE, attendee_id=attendee_id, order_id=order_id, sessions=list(session_ids))
    )  # fmt: skip


def _entries(rows: Iterable[Row]) -> list[Entry]:
    return [Entry(**{**row, "status": WaitingStatus(row["status"])}) for row in rows]


_LOCK_SESSIONS = """
SELECT id, capacity - taken AS free FROM term_product WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)
ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_GROUPS = """
SELECT id FROM waiting_group WHERE organisation_id = %(org)s AND id IN (
    SELECT e.group_id FROM waiting_entry e WHERE e.organisation_id = %(org)s AND e.status IN (10, 20, 30)
      AND e.term_product_id = ANY(%(sessions)s))
ORDER BY id FOR NO KEY UPDATE
"""


def lock_queues(tx: Transaction, session_ids: Collection[UUID]) -> dict[UUID, int]:
    """Lock sessions, then every group that waits for one of them; how many places each has free."""
    ids = sorted(set(session_ids))
    free = {row["id"]: row["free"] for row in tx.rows(_LOCK_SESSIONS, ids=ids)}
    tx.rows(_LOCK_GROUPS, sessions=ids)
    return free


_WITH_GROUP = """
SELECT DISTINCT e.term_product_id AS id FROM waiting_entry e
WHERE e.organisation_id = %(org)s AND e.status IN (10, 20, 30) AND (e.order_id = ANY(%(orders)s) OR e.group_id IN (
    SELECT x.group_id FROM waiting_entry x WHERE x.organisation_id = %(org)s AND x.order_id = ANY(%(orders)s)))
"""


def lock_waiting(tx: Transaction, order_ids: Collection[UUID]) -> tuple[list[Entry], list[Entry]]:
    """The entries of orders whose locks the caller holds, ended ones too, and the live ones of others in their groups,
    under the locks of all their sessions.
    """
    lock_queues(tx, [row["id"] for row in tx.rows(_WITH_GROUP, orders=list(order_ids))])
    own = read_entries_of(tx, order_ids)
    groups = {entry.group_id for entry in own if entry.group_id is not None and entry.is_live}
    others = read_groups(tx, groups) if groups else []
    return own, [entry for entry in others if entry.order_id not in set(order_ids)]
