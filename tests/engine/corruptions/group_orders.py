"""Ways to break what `engine.invariants.group_orders` holds, each of them alone."""

from tests import builders as build
from tests.builders import NOW
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change


@breaks("group_order_is_of_one_account_and_term")
def an_order_of_a_group_for_another_family(world: World) -> None:
    change(world, "group_order", world.group, "account_id = %(chen)s", chen=world.chen["id"])


@breaks("group_order_is_submitted_whole")
def one_of_all_or_nothing_left_out(world: World) -> None:
    left = world.ordered(build.cart, 11, child=world.mia)
    build.group_order(world.tx, world.okafor, world.term, [left], submitted_at=NOW)


@breaks("open_group_order_is_not_submitted_in_part")
def one_of_an_open_group_submitted_alone(world: World) -> None:
    alone = world.ordered(build.submitted, 11)
    build.group_order(world.tx, world.chen, world.term, [alone])
