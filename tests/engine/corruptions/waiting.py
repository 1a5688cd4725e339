"""Ways to break what `engine.invariants.waiting` holds, each of them alone."""

from tests import builders as build
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change


@breaks("queue_is_counted")
def a_queue_counted_twice(world: World) -> None:
    change(world, "term_product", world.chess, "waiting_count = waiting_count + 1")


@breaks("waiting_order_waits")
def a_waiting_order_that_waits_for_nothing(world: World) -> None:
    world.ordered(build.cart, 10, moves=build.WAITED, order_type=1)


@breaks("offer_will_end")
def an_offer_for_ever(world: World) -> None:
    world.tx.run(
        "UPDATE timer SET status = 'DISARMED', settled_at = due_at WHERE subject_id = %(id)s",
        id=world.offered.order["id"],
    )  # fmt: skip


@breaks("group_is_offered_whole")
def half_of_a_group_is_offered(world: World) -> None:
    for waited in (world.offered, world.behind):
        change(world, "waiting_entry", waited.entry, "group_id = %(group)s", group=world.chess["id"])


@breaks("nobody_waits_for_a_free_place")
def a_free_place_that_is_offered_to_nobody(world: World) -> None:
    change(world, "term_product", world.chess, "capacity = 2")
