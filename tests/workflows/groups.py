"""What tests of group orders share: a family with several children, and the verbs of a group in a unit of work."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from engine.actor import Actor
from engine.database import Row
from models import GroupOrderPolicy
from tests.workflows.centre import NOW, PAY_NOW, Centre, Course, Family, How
from workflows import group_order
from workflows.group_facts import Group

ALL_OR_NOTHING, BEST_EFFORT = GroupOrderPolicy.ALL_OR_NOTHING, GroupOrderPolicy.BEST_EFFORT


def begin(
    centre: Centre, by: Family, wanted: Sequence[tuple[Row, list[Row]]], *, policy: GroupOrderPolicy = ALL_OR_NOTHING,
    **known: Any,
) -> Group:  # fmt: skip
    """A group order with a saved cart for each child."""
    asked = [{"attendee_id": child["id"], "lines": lines} for child, lines in wanted]
    group: Group = centre.do(
        group_order.new, account_id=by.id, term_id=centre.term["id"], policy=policy, asked=asked,
        **{"actor": by.actor, **known},
    )  # fmt: skip
    return group


def submit(centre: Centre, group: Group, *, actor: Actor, how: How = PAY_NOW, **known: Any) -> Group:
    """Its submission, at the price that its carts showed."""
    known.setdefault("price_fingerprint", group.price_fingerprint)
    found: Group = centre.do(
        group_order.submit, group_order_id=group.id, confirmation_type=how, actor=actor, **{"now": NOW, **known}
    )
    return found


def statuses(centre: Centre, group: Group) -> list[int]:
    """The status of each order as it is kept, by its place in the group."""
    rows = centre.rows(
        "SELECT o.status FROM group_order_member m JOIN term_booking_order o ON o.id = m.order_id "
        "WHERE m.group_order_id = %(id)s ORDER BY m.position", id=group.id,
    )  # fmt: skip
    return [row["status"] for row in rows]


def order_ids(group: Group) -> list[UUID]:
    return [outcome.order.id for outcome in group.outcomes]


def fill(centre: Centre, course: Course, *sessions: int, places: int = 1) -> None:
    """Other families take so many places of these sessions."""
    for n in range(places):
        other = centre.family(f"Early family {n}")
        centre.submitted(other, other.child(f"Early {n}"), course.lines(*sessions))
