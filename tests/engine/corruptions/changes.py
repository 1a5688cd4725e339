"""Ways to break what `engine.invariants.changes` holds, each of them alone."""

from typing import Any

from models import TermBookingOrderAdjustment
from models import TermBookingStatus as S
from tests import builders as build
from tests.builders import Ordered
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change

COMPANION: build.Moves = (("new", S.SUBMITTED_CHANGE),)


@breaks("one_open_change_per_group")
def two_changes_at_once(world: World) -> None:
    world.tx.run("DROP INDEX uq_term_booking_order_open_change")
    for _ in range(2):
        a_change_of_anas(world)


@breaks("change_is_of_its_original")
def a_change_of_another_familys_booking(world: World) -> None:
    a_change_of_anas(world, original_booking_id=world.mias.booking["id"])


@breaks("change_is_of_its_original")
def a_new_order_that_asks_for_a_difference(world: World) -> None:
    change(world, "term_booking_order", world.cart.order, "change_due_minor = 100")


@breaks("companion_goes_with_its_cause")
def a_companion_whose_cause_is_over(world: World) -> None:
    a_companion(world, world.ordered(build.cart, 9, moves=build.DRAFTED))


@breaks("companion_goes_with_its_cause")
def a_companion_confirmed_without_its_cause(world: World) -> None:
    moves = (*COMPANION, ("confirm", S.APPROVED))
    a_companion(world, world.ordered(build.submitted, 11), moves=moves, booking_id=world.anas.booking["id"])


@breaks("companion_goes_with_its_cause")
def a_companion_of_another_familys_order(world: World) -> None:
    a_companion(world, world.ordered(build.submitted, 9, child=world.mia))


@breaks("companion_holds_nothing")
def a_companion_that_is_to_be_paid(world: World) -> None:
    its = a_companion(world, world.ordered(build.submitted, 11))
    build.payment(world.tx, its, status="PENDING", billing_id=world.anas.billing["id"])


def a_companion(world: World, cause: Ordered, **columns: Any) -> Ordered:
    """Of Ana's booking, at the price that it has."""
    booking = world.anas.booking
    return build.cart(
        world.tx, world.chen, world.ana, world.term, [], **{
            "moves": COMPANION, "original_booking_id": booking["id"], "group_id": booking["group_id"],
            "cause_order_id": cause.order["id"], "was_minor": booking["total_minor"],
            "total_minor": booking["total_minor"], **columns,
        },
    )  # fmt: skip


@breaks("adjustment_is_of_a_change")
def an_adjustment_of_what_changes_nothing(world: World) -> None:
    build.add(world.tx, TermBookingOrderAdjustment, order_id=world.cart.order["id"],
              term_product_id=world.cart.sessions[0]["id"], amount_minor=-500, reason="The hall was cold")  # fmt: skip


@breaks("changed_booking_is_invoiced_as_billed")
def a_changed_booking_that_is_credited_for_what_it_keeps(world: World) -> None:
    build.credit(world.tx, world.anas, 0)
    change(world, "term_booking", world.anas.booking, "revision = 2")


def a_change_of_anas(world: World, **columns: Any) -> None:
    booking = world.anas.booking
    build.cart(
        world.tx, world.chen, world.ana, world.term, [], moves=build.DRAFTED,
        **{"original_booking_id": booking["id"], "group_id": booking["group_id"], **columns},
    )  # fmt: skip
