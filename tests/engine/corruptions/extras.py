"""Ways to break what `engine.invariants.extras` holds, each of them alone."""

from models import ExtraClaim
from tests import builders as build
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change, drop


def _count_lunches(world: World, assignment: str) -> None:
    """A corruption runs without triggers: nobody counts but this."""
    world.tx.run(f"UPDATE extra_stock SET {assignment} WHERE extra_id = %(id)s", id=world.lunch["id"])


@breaks("extras_within_stock")
def more_lunches_than_there_are(world: World) -> None:
    drop(world, "extra_stock", "ck_extra_stock_taken_within_stock")
    change(world, "extra", world.lunch, "stock = 0")
    _count_lunches(world, "stock = 0")


@breaks("extras_are_counted")
def a_lunch_counted_twice(world: World) -> None:
    _count_lunches(world, "taken = taken + 1")


@breaks("extras_are_counted")
def a_stock_that_is_not_the_extras(world: World) -> None:
    _count_lunches(world, "stock = 2")


@breaks("extra_is_held_with_its_place")
def a_lunch_that_nobody_holds(world: World) -> None:
    world.tx.run("DELETE FROM extra_claim WHERE extra_id = %(id)s", id=world.lunch["id"])
    _count_lunches(world, "taken = 0")


@breaks("extra_is_held_with_its_place")
def a_lunch_that_was_never_asked_for(world: World) -> None:
    claim = world.with_lunch.claims[0]
    build.add(world.tx, ExtraClaim, place_claim_id=claim["id"], extra_id=world.lunch["id"],
              term_product_id=claim["term_product_id"], quantity=1)  # fmt: skip
    _count_lunches(world, "taken = 2")


@breaks("extra_is_of_its_session")
def a_lunch_held_by_a_cart(world: World) -> None:
    claim = world.with_lunch.claims[0]
    build.add(world.tx, ExtraClaim, place_claim_id=claim["id"], extra_id=world.lunch["id"], quantity=1,
              term_product_id=claim["term_product_id"], change_order_id=world.cart.order["id"])  # fmt: skip
    _count_lunches(world, "taken = 2")
