"""What the steps of a waiting-list order do with its entries: join the queues of its sessions, and leave them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.actor import SYSTEM, Actor
from engine.batch import Batch, FollowUp, Guarded
from engine.database import Transaction
from engine.fire import MovedMeanwhile, begin, fire
from engine.ids import new_id, new_reference
from engine.timers import Due
from models import Timer, TimerKind, WaitingGroup, WaitingStatus
from workflows import places
from workflows.order_facts import Facts, Order
from workflows.waiting_facts import Entry, lock_waiting, saved_until
from workflows.waiting_list import CHART, offer_freed

_COUNT = Guarded(
    name="count_waiting",
    sql="UPDATE term_product s SET waiting_count = s.waiting_count + locked.more FROM ("
    "SELECT p.id, r.more FROM {rows} JOIN term_product p ON p.id = r.id WHERE p.organisation_id = {org} "
    "ORDER BY p.id FOR NO KEY UPDATE OF p) locked "
    "WHERE s.organisation_id = {org} AND s.id = locked.id "
    "RETURNING s.id, locked.more > 0 AND s.taken < s.capacity AS is_marked",
    takes="id uuid, more int",
    marks=True,
)


def count(batch: Batch, more: Counter[UUID], *, now: datetime) -> None:
    """So many more, or fewer, stand in the queue of each session; where a place is free, it is offered."""
    rows = [{"id": session_id, "more": by} for session_id, by in more.items() if by]
    if rows:
        batch.guard(_COUNT, rows, otherwise=lambda _: MovedMeanwhile("The waiting list moved meanwhile; look again."),
                    then=FollowUp(offer_freed, now))  # fmt: skip


def join_queue(
    order: Order, *, batch: Batch, facts: Facts, group_id: UUID | None, actor: Actor, now: datetime, **_: Any
) -> None:  # fmt: skip
    """An entry for each session, behind everybody who waits already."""
    entries = []
    for line in facts.lines:
        entry = Entry(
            id=new_id(), reference=new_reference("WE"), status=WaitingStatus.WAITING, version=1, order_id=order.id,
            attendee_id=order.attendee_id, session_id=line.session_id, group_id=group_id, since=now,
            starts_at=line.slot.starts_at,
        )  # fmt: skip
        row = {
            "reference": entry.reference, "order_id": order.id, "attendee_id": order.attendee_id,
            "term_product_id": line.session_id, "group_id": group_id, "since": now, "passed_over_for": "",
            "created_at": now, "updated_at": now,
        }  # fmt: skip
        begin(batch, CHART, entry, row=row, actor=actor, now=now)
        entries.append(entry)
    batch.on_violation("uq_waiting_entry_live", MovedMeanwhile("The attendee began to wait meanwhile; look again."))
    count(batch, Counter(entry.session_id for entry in entries), now=now)
    order.change(submitted_at=now)
    until = saved_until(entries)
    if group_id is not None and until is not None and until > now:
        batch.add(
            Timer,
            [{"id": new_id(), "kind": TimerKind.WAITING_SAVED.value, "subject_id": order.id, "due_at": until,
              "status": "ARMED"}],
        )  # fmt: skip


def count_leaving(batch: Batch, leaving: Iterable[Entry], *, now: datetime) -> None:
    """Those of them that stand in a queue leave it."""
    fewer: Counter[UUID] = Counter()
    fewer.subtract(entry.session_id for entry in leaving if entry.status is WaitingStatus.WAITING)
    count(batch, fewer, now=now)


def begin_group(batch: Batch, *, account_id: UUID, now: datetime) -> UUID:
    """A group that wants all or nothing."""
    group_id = new_id()
    batch.add(WaitingGroup, [{"id": group_id, "account_id": account_id, "changed_at": now, "created_at": now}])
    return group_id


_CHANGE_GROUP = Guarded(
    name="change_group",
    sql="UPDATE waiting_group t SET changed_at = r.at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id RETURNING t.id",
    takes="id uuid, at timestamptz",
)
_FALL_BACK = Guarded(
    name="fall_back",
    sql="UPDATE waiting_entry t SET since = r.at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id RETURNING t.id",
    takes="id uuid, at timestamptz",
)


def leave_queue(
    order: Order, *, batch: Batch, actor: Actor, now: datetime, reason: str, waiting: list[Entry] | None = None,
    staying: list[Entry] | None = None, **_: Any,
) -> None:  # fmt: skip
    """Nothing of the order waits any more. What is left of its group has changed: its position is that of now, and it
    may be whole with what it has.
    """
    if not waiting:
        return
    leaving = [entry for entry in waiting if entry.is_live]
    count_leaving(batch, leaving, now=now)
    for entry in leaving:
        fire(batch, CHART, entry, "leave", actor=actor, now=now, reason=reason)
    if not staying:
        return
    meanwhile = MovedMeanwhile(f"The group of {order.reference} was changed meanwhile; look at it again.")
    groups = {entry.group_id for entry in staying}
    batch.guard(_CHANGE_GROUP, [{"id": i, "at": now} for i in groups], otherwise=lambda _: meanwhile)
    batch.guard(_FALL_BACK, [{"id": e.id, "at": now} for e in staying], otherwise=lambda _: meanwhile)
    batch.follow_up(FollowUp(offer_freed, now), [entry.session_id for entry in staying])


def let_go_saved(tx: Transaction, due: Sequence[Due], now: datetime) -> None:
    """The first session of an all-or-nothing group is near: what is saved for it goes to the next who can take it.

    One order of each group is locked by the sweeper; the group keeps its position.
    """
    own, others = lock_waiting(tx, [timer.subject_id for timer in due])
    saved = [entry for entry in (*own, *others) if entry.status is WaitingStatus.SAVED]
    claims = [entry.claim for entry in saved]
    for entry in saved:
        entry.record(places_released=[entry.session_id])
        fire(tx.batch, CHART, entry, "let_go", actor=SYSTEM, now=now)
    count(tx.batch, Counter(entry.session_id for entry in saved), now=now)
    tx.flush()
    places.release(tx.batch, claims, now=now)
