"""A family's cart of a term: the one group order that it fills before it submits, for whichever children it names."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from engine.actor import Actor
from engine.database import Row, Transaction
from models import GroupOrderPolicy
from workflows import group_order
from workflows import term_booking_order as orders
from workflows.group_facts import Group

# The newest that is still being filled: not submitted, with an order that was not removed.
_OPEN = """
SELECT g.id, g.policy, array_agg(m.order_id ORDER BY m.position) AS order_ids, max(o.promo_code) AS promo_code,
       array_agg(o.attendee_id ORDER BY m.position) AS attendee_ids
FROM group_order g
JOIN group_order_member m ON m.organisation_id = g.organisation_id AND m.group_order_id = g.id
JOIN term_booking_order o ON o.organisation_id = m.organisation_id AND o.id = m.order_id AND o.status IN (100, 200)
WHERE g.organisation_id = %(org)s AND g.account_id = %(account)s AND g.term_id = %(term)s AND g.submitted_at IS NULL
GROUP BY g.id, g.policy ORDER BY g.id DESC LIMIT 1
"""


def put(
    tx: Transaction, *, actor: Actor, account_id: UUID, term_id: UUID, wanted: Mapping[UUID, Sequence[Row]],
    now: datetime, policy: GroupOrderPolicy | None = None, promo_code: str | None = None,
) -> Group | None:  # fmt: skip
    """Make this all that the cart holds: lines by attendee; None where that is nothing any more. Without a promo code
    the cart keeps the one that it has; an empty one takes it off.

    A group order is for the attendees that it was begun for: with others, or with another policy, it is begun anew and
    the old one let go of. Raises what beginning and saving a group order raises.
    """
    asked = [{"attendee_id": attendee, "lines": list(lines)} for attendee, lines in wanted.items() if lines]
    found = tx.row(_OPEN, account=account_id, term=term_id)
    kept = GroupOrderPolicy(found["policy"]) if found else GroupOrderPolicy.ALL_OR_NOTHING
    chosen = policy or kept
    code = (found["promo_code"] if found else None) if promo_code is None else promo_code.strip() or None
    if found is not None:
        if chosen is kept and {one["attendee_id"] for one in asked} == set(found["attendee_ids"]):
            return group_order.save(tx, group_order_id=found["id"], asked=asked, promo_code=code, actor=actor, now=now)
        for order_id in found["order_ids"]:
            orders.remove(tx, order_id=order_id, actor=actor, now=now, reason="the cart was filled anew")
        tx.flush()
    if not asked:
        return None
    return group_order.new(
        tx, actor=actor, account_id=account_id, term_id=term_id, policy=chosen, asked=asked, promo_code=code, now=now
    )  # fmt: skip
