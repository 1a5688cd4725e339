"""Waiting-list orders join the queues of their sessions: one by one, or several that want all or nothing together."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from engine.actor import Actor
from engine.database import Transaction
from engine.errors import Invalid, Reason
from engine.fire import fire
from models import BookingMode
from workflows.order_facts import Facts, Order, local_day, lock_order, lock_orders
from workflows.order_reads import read_facts
from workflows.term_booking_order import CHART, Outcome
from workflows.waiting_facts import lock_queues, read_waiting
from workflows.waiting_queue import begin_group

MOST_TOGETHER = 20


def wait(
    tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime, override_reason: str = "", is_muted: bool = False
) -> Outcome:
    """Join the queue of each session that the order asks for. What is free is offered at once, in this transaction.

    Sessions that are sold as a whole week or term are waited for all or nothing. Raises Refused with every failing
    reason; nothing is written then.
    """
    order = lock_order(tx, order_id, actor=actor)
    facts = read_facts(tx, order, now=now, today=local_day(now, order))
    is_whole = any(line.mode is not BookingMode.CASUAL for line in facts.lines)
    group_id = begin_group(tx.batch, account_id=order.account_id, now=now) if is_whole else None
    lock_queues(tx, [line.session_id for line in facts.lines])
    _join(tx, order, facts, group_id=group_id, actor=actor, now=now, override_reason=override_reason,
          is_muted=is_muted)  # fmt: skip
    return Outcome(order, facts=facts)


def wait_together(
    tx: Transaction, *, order_ids: Sequence[UUID], actor: Actor, now: datetime, override_reason: str = "",
    is_muted: bool = False,
) -> tuple[UUID, list[Outcome]]:  # fmt: skip
    """Join the queues with several orders of one account that want all or nothing; one order may stand alone, for all
    of its sessions. Returns the group. Raises Invalid, NotFound, Refused.
    """
    orders = lock_orders(tx, list(dict.fromkeys(order_ids)), actor=actor)
    _require_one_account(orders, order_ids)
    group_id = begin_group(tx.batch, account_id=orders[0].account_id, now=now)
    facts = [read_facts(tx, order, now=now, today=local_day(now, order)) for order in orders]
    lock_queues(tx, [line.session_id for one in facts for line in one.lines])
    for order, one in zip(orders, facts, strict=True):
        _join(tx, order, one, group_id=group_id, actor=actor, now=now, override_reason=override_reason,
              is_muted=is_muted)  # fmt: skip
        tx.flush()
    return group_id, [Outcome(order, facts=one) for order, one in zip(orders, facts, strict=True)]


def _require_one_account(orders: list[Order], order_ids: Sequence[UUID]) -> None:
    if not 1 <= len(order_ids) <= MOST_TOGETHER or len(orders) < len(order_ids):
        message = f"A group is made of 1 to {MOST_TOGETHER} different orders."
        raise Invalid(message, reasons=[Reason("out_of_range", message, field="order_ids")])
    if len({order.account_id for order in orders}) > 1:
        message = "The orders of a group belong to one account."
        raise Invalid(message, reasons=[Reason("other_account", message, field="order_ids")])


def _join(
    tx: Transaction, order: Order, facts: Facts, *, group_id: UUID | None, actor: Actor, now: datetime,
    override_reason: str, is_muted: bool,
) -> None:  # fmt: skip
    """The caller holds the locks of the order and of its sessions."""
    override = override_reason.strip() if actor.is_admin else ""
    waits = read_waiting(
        tx, attendee_id=order.attendee_id, order_id=order.id, session_ids=[line.session_id for line in facts.lines]
    )
    fire(
        tx.batch, CHART, order, "wait", actor=actor, now=now, reason=override, is_muted=is_muted, facts=facts,
        override=override, waits=waits, group_id=group_id,
        changes={"sessions": len(facts.lines), "group_id": str(group_id) if group_id else None},
    )  # fmt: skip
