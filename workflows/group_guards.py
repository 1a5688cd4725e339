"""The rule that keeps the orders of a group together until they are submitted."""

from collections.abc import Iterator
from uuid import UUID

from engine.errors import Reason
from workflows.order_facts import Facts, Order


def is_with_its_group(
    order: Order, *, facts: Facts, group_order_id: UUID | None = None, **_: object
) -> Iterator[Reason]:  # fmt: skip
    """An order of a group order is submitted with it; after that it goes its own way."""
    if facts.open_group is not None and facts.open_group["id"] != str(group_order_id):
        yield Reason(
            "group_order_open", f"{order.reference} is part of {facts.open_group['reference']}; submit that.",
            rule="group_order", facts={"group_order_id": facts.open_group["id"]},
        )  # fmt: skip
