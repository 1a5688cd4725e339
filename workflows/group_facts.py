"""A group order as its verbs know it: itself, and its orders under lock."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn
from uuid import UUID

from engine.actor import Actor
from engine.batch import Guarded
from engine.database import Row, Transaction
from engine.errors import NotFound, Reason
from engine.fire import MovedMeanwhile, NotAllowedNow, Refused
from models import GroupOrderPolicy, TermBookingStatus
from workflows.order_facts import Order, lock_orders
from workflows.term_booking_order import Outcome

# What the family is told of each policy.
IN_WORDS = {
    GroupOrderPolicy.ALL_OR_NOTHING: "All or nothing: if one session of one attendee cannot be had, nothing is "
    "submitted, and every conflict is named with what is free instead.",
    GroupOrderPolicy.BEST_EFFORT: "Best effort: what can be had is submitted, for no more than the price shown for "
    "all; the rest comes back with the reasons and what is free instead.",
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What of an order was not submitted, and why."""

    position: int
    order: Order
    session_ids: list[UUID]
    reasons: list[Reason]


@dataclass
class Group:
    """A group order and what a verb made of each of its orders, in the order in which the family named them."""

    id: UUID
    reference: str
    account_id: UUID
    term_id: UUID
    policy: GroupOrderPolicy
    created_at: datetime
    submitted_at: datetime | None = None
    # Where each order stands in the group, by its id.
    places: dict[UUID, int] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def total_minor(self) -> int:
        return sum(outcome.order.total_minor for outcome in self.outcomes)

    @property
    def price_fingerprint(self) -> str:
        return fingerprint_of(outcome.order.price_fingerprint for outcome in self.outcomes)


def fingerprint_of(fingerprints: Iterable[str]) -> str:
    """What pins the price of all orders together."""
    return hashlib.sha256(" ".join(sorted(fingerprints)).encode()).hexdigest()[:32]


_GROUP = """
SELECT g.id, g.reference, g.account_id, g.term_id, g.policy, g.created_at, g.submitted_at,
       ARRAY(SELECT m.order_id FROM group_order_member m
             WHERE m.organisation_id = g.organisation_id AND m.group_order_id = g.id ORDER BY m.position) AS order_ids
FROM group_order g WHERE g.organisation_id = %(org)s AND g.id = %(id)s
"""


def lock_group(
    tx: Transaction, group_order_id: UUID, trigger: str, *, actor: Actor, of_submitted: bool = False
) -> tuple[Group, dict[int, Order]]:
    """Lock the orders of a group order, two statements at any number of them. Returns them by their place in the group;
    those that were removed are left out.

    Raises NotFound, NotAllowedNow (it was submitted already, or is not yet where it must be).
    """
    row = tx.row(_GROUP, id=group_order_id)
    if row is None or not actor.may_see_account(row["account_id"]):
        raise NotFound("There is no such group order.", what="group_order")
    order_ids = row.pop("order_ids")
    group = Group(**{**row, "policy": GroupOrderPolicy(row["policy"])})
    group.places = {order_id: place for place, order_id in enumerate(order_ids)}
    if (group.submitted_at is not None) is not of_submitted:
        refuse(group, trigger)
    orders = enumerate(lock_orders(tx, order_ids, actor=actor))
    return group, {n: order for n, order in orders if order.status is not TermBookingStatus.REMOVED}


def refuse(group: Group, trigger: str) -> NoReturn:
    """Raises NotAllowedNow, saying where the group order stands and what can be done with it."""
    if group.submitted_at is None:
        said, allowed = "is not submitted yet", ["save", "submit"]
    else:
        said, allowed = "is submitted; its orders go their own ways", ["confirm", "pay"]
    raise NotAllowedNow(
        f"{group.reference} {said}: {trigger} is not allowed now (allowed: {', '.join(allowed)}).",
        status="SUBMITTED" if group.submitted_at else "OPEN", trigger=trigger, allowed=allowed,
    )  # fmt: skip


_SUBMITTED = Guarded(
    name="submit_group_order",
    sql="UPDATE group_order t SET submitted_at = r.submitted_at FROM {rows} WHERE t.organisation_id = {org} "
    "AND t.id = r.id AND t.submitted_at IS NULL RETURNING t.id",
    takes="id uuid, submitted_at timestamptz",
)


def note_submitted(tx: Transaction, group: Group, *, now: datetime) -> None:
    """Its orders may be moved one by one from here on."""
    group.submitted_at = now
    tx.batch.guard(
        _SUBMITTED, [{"id": group.id, "submitted_at": now}],
        otherwise=lambda _: MovedMeanwhile(f"{group.reference} was submitted meanwhile; look at it again."),
    )  # fmt: skip


def about(position: int, order: Order, reasons: Iterable[Reason]) -> list[Reason]:
    """Reasons of one order as those of its group: the field names the order, the message its attendee."""
    facts: Row = {"order_id": str(order.id), "attendee_id": str(order.attendee_id)}
    return [
        Reason(
            reason.code, _with_name(order, reason.message), field=in_order(position, reason.field), rule=reason.rule,
            session=reason.session, facts={**(reason.facts or {}), **facts},
        ) for reason in reasons
    ]  # fmt: skip


def in_order(position: int, name: str | None) -> str:
    """The field of an order as the group's input names it: `orders[1].lines[0].session_id`."""
    return f"orders[{position}].{name}" if name else f"orders[{position}]"


def _with_name(order: Order, message: str) -> str:
    name = str(order.attendee["name"])
    return message if message.startswith(name) else f"{name}: {message}"


def refused(group: Group, trigger: str, reasons: Sequence[Reason]) -> Refused:
    """The refusal of a step of the whole group; the first reason says most."""
    more = len(reasons) - 1
    others = f" (and {more} more reason{'s' if more > 1 else ''})" if more else ""
    return Refused(f"{trigger} of {group.reference} is refused: {reasons[0].message}{others}", reasons=reasons)
