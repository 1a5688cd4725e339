"""Group orders as they are shown: right after a verb, and read back with each of their orders."""

from typing import Any
from uuid import UUID

from api.moves import Answer, Principal
from api.reads import orders as shown
from api.reads.paging import Listing
from engine.database import Row, Transaction
from engine.errors import NotFound
from models import GroupOrderPolicy, TermBookingStatus
from workflows.group_facts import IN_WORDS, Group, LeftOut, fingerprint_of
from workflows.term_booking_order import Outcome

# What of a group order costs nothing any more.
_OVER = frozenset({TermBookingStatus.REMOVED.name, TermBookingStatus.CANCELED.name})


def saved(group: Group, principal: Principal, *, status: int = 200) -> Answer:
    """The carts with their prices, and what a submission would be refused for."""
    orders = [shown.saved(outcome, principal).body for outcome in group.outcomes]
    return _answer(group, principal, orders, status=status)


def submitted(group: Group, principal: Principal) -> Answer:
    """The orders as the submission left them; those of which nothing could be had are still in the cart."""
    outcomes = {outcome.order.id: outcome for outcome in group.outcomes}
    kept_back = [Outcome(left.order) for left in group.left_out if left.order.id not in outcomes]
    every = sorted((*outcomes.values(), *kept_back), key=lambda outcome: group.places[outcome.order.id])
    orders = [shown.moved(outcome, principal).body for outcome in every]
    return _answer(group, principal, orders, left_out=[_left_out(left) for left in group.left_out])


def _left_out(left: LeftOut) -> Row:
    return {
        "order_id": left.order.id, "attendee_id": left.order.attendee_id, "session_ids": left.session_ids,
        "reasons": [reason.as_dict() for reason in left.reasons],
    }  # fmt: skip


def _answer(
    group: Group, principal: Principal, orders: list[Any], *, status: int = 200, left_out: list[Row] | None = None
) -> Answer:  # fmt: skip
    body = {
        "id": group.id, "reference": group.reference, "account_id": group.account_id, "term_id": group.term_id,
        "policy": group.policy, "policy_in_words": IN_WORDS[group.policy], "created_at": group.created_at,
        "submitted_at": group.submitted_at, **_total(principal, orders), "orders": orders, "left_out": left_out or [],
    }  # fmt: skip
    return Answer(body, status, location=f"/group-orders/{group.id}" if status == 201 else None)


def _total(principal: Principal, orders: list[Row]) -> Row:
    """What the orders cost that are not over, in minor units, and what pins it."""
    costing = [order for order in orders if order["status"] not in _OVER]
    total_minor = sum(order["total_minor"] for order in costing)
    return {
        "currency": principal.organisation["currency"], "total_minor": total_minor,
        "total": principal.money(total_minor),
        "price_fingerprint": fingerprint_of(order["price_fingerprint"] for order in costing),
    }  # fmt: skip


_GROUP = """
SELECT g.id, g.reference, g.account_id, g.term_id, g.policy, g.created_at, g.submitted_at,
       ARRAY(SELECT m.order_id FROM group_order_member m
             WHERE m.organisation_id = g.organisation_id AND m.group_order_id = g.id ORDER BY m.position) AS order_ids
FROM group_order g WHERE g.organisation_id = %(org)s AND g.id = %(id)s
"""


def whole(tx: Transaction, principal: Principal, group_order_id: UUID) -> Answer:
    """A group order with each of its orders. Raises NotFound, also for another family's."""
    row = tx.row(_GROUP, id=group_order_id)
    if row is None or not principal.actor.may_see_account(row["account_id"]):
        raise NotFound("There is no such group order.", what="group_order")
    orders: list[Any] = [shown.whole(tx, principal, order_id).body for order_id in row.pop("order_ids")]
    return Answer({
        **row, "policy_in_words": IN_WORDS[GroupOrderPolicy(row["policy"])], **_total(principal, orders),
        "orders": orders, "left_out": [],
    })  # fmt: skip


_LIST = """
SELECT {keys}, g.id, g.reference, g.account_id, a.name AS account, g.term_id, g.policy, g.created_at, g.submitted_at,
       n.attendees, n.order_count
FROM group_order g
JOIN account a ON a.organisation_id = g.organisation_id AND a.id = g.account_id
CROSS JOIN LATERAL (
    SELECT array_agg(t.name ORDER BY m.position) AS attendees, count(*) AS order_count
    FROM group_order_member m
    JOIN term_booking_order o ON o.organisation_id = m.organisation_id AND o.id = m.order_id
    JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id
    WHERE m.organisation_id = g.organisation_id AND m.group_order_id = g.id) n
WHERE g.organisation_id = %(org)s{where}
"""


def listing(principal: Principal) -> Listing:
    """Group orders that the caller may see, newest first."""
    found = Listing(_LIST, [("g.id", "uuid")], is_descending=True)
    shown.own_accounts(found, principal, "g.account_id")
    return found
