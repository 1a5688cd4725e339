"""Ways to break what `engine.invariants.places` holds, each of them alone."""

from models import TermBookingOrderActivity
from tests import builders as build
from tests.builders import Ordered, Row
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change, closed_day, drop


@breaks("places_within_capacity")
def a_capacity_below_what_is_taken(world: World) -> None:
    drop(world, "term_product", "ck_term_product_taken_within_capacity")
    change(world, "term_product", world.karate[0], "capacity = 1")


@breaks("taken_counts_the_claims")
def a_place_counted_twice(world: World) -> None:
    change(world, "term_product", world.karate[0], "taken = taken + 1")


@breaks("taken_counts_the_claims")
def a_place_given_back_twice(world: World) -> None:
    change(world, "term_product", world.karate[0], "taken = taken - 1")


@breaks("hold_has_its_claim")
def a_submitted_order_without_its_claim(world: World) -> None:
    world.tx.run("DELETE FROM place_claim WHERE id = %(id)s", id=world.waiting.claims[0]["id"])
    change(world, "term_product", world.karate[2], "taken = taken - 1")


@breaks("hold_has_its_claim")
def a_booking_without_its_claim(world: World) -> None:
    world.tx.run("DELETE FROM place_claim WHERE id = %(id)s", id=world.suspended.claims[0]["id"])
    change(world, "term_product", world.karate[8], "taken = taken - 1")


@breaks("claim_has_its_hold")
def a_cart_that_holds(world: World) -> None:
    build.hold(world.tx, world.cart, world.ana)


@breaks("claim_has_its_hold")
def a_canceled_booking_that_still_holds(world: World) -> None:
    build.hold(world.tx, world.canceled, world.ana)


@breaks("claim_has_its_hold")
def a_claim_on_a_session_that_was_never_asked_for(world: World) -> None:
    build.hold(world.tx, Ordered(world.anas.order, [world.karate[11]]), world.ana)


@breaks("claim_is_what_its_order_asks")
def a_claim_outside_the_overlap_guard(world: World) -> None:
    change(world, "place_claim", world.mias.claims[0], "attendee_key = -1")


@breaks("claim_is_what_its_order_asks")
def a_claim_that_does_not_block_time(world: World) -> None:
    change(world, "place_claim", world.mias.claims[0], "blocks_time = false")


@breaks("claim_covers_its_session")
def a_claim_at_another_time(world: World) -> None:
    change(world, "place_claim", world.mias.claims[0], "during = '[2027-01-01 10:00Z, 2027-01-01 11:00Z)'")


@breaks("claim_covers_its_session")
def a_claim_with_a_time_on_an_undated_session(world: World) -> None:
    change(world, "place_claim", world.anas.claims[1], "during = '[2027-01-01 10:00Z, 2027-01-01 11:00Z)'")


@breaks("attendee_is_in_one_place_at_a_time")
def mia_swims_during_karate(world: World) -> None:
    drop(world, "place_claim", "ex_place_claim_no_overlap")
    build.confirmed(world.tx, world.okafor, world.mia, world.term, [world.swimming[0]])


@breaks("session_is_held_once")
def mia_twice_in_one_session(world: World) -> None:
    drop(world, "place_claim", "ex_place_claim_no_overlap")
    drop(world, "place_claim", "uq_place_claim_same_session")
    world.ordered(build.confirmed, 0, child=world.mia)


@breaks("hold_has_its_claim")
def an_offered_place_that_nobody_holds(world: World) -> None:
    world.tx.run("DELETE FROM place_claim WHERE id = %(id)s", id=world.offered.claims[0]["id"])
    change(world, "term_product", world.chess, "taken = 0, capacity = 0")


@breaks("claim_has_its_hold")
def a_place_kept_for_who_only_waits(world: World) -> None:
    change(world, "term_product", world.chess, "capacity = 2")
    build.hold(world.tx, world.behind, world.leo)


@breaks("claim_is_what_its_order_asks")
def an_offered_place_that_blocks_time(world: World) -> None:
    change(world, "place_claim", world.offered.claims[0], "blocks_time = true")


@breaks("claim_has_its_hold")
def a_closed_day_that_is_still_held(world: World) -> None:
    build.hold(world.tx, closed_day(world), world.ana)


def with_activity(world: World) -> Row:
    """Ana's order that waits chose an activity of its day, which holds its place."""
    day = world.karate[2]
    activity = build.add(
        world.tx, build.TermProduct, term_program_set_id=day["term_program_set_id"], product_type="ACTIVITY",
        component="Pirates", title="Pirates", local_date=day["local_date"], capacity=5,
    )  # fmt: skip
    build.add(
        world.tx, TermBookingOrderActivity, order_id=world.waiting.order["id"],
        order_line_id=world.waiting.lines[0]["id"], term_product_id=activity["id"], title="Pirates",
    )  # fmt: skip
    undated = activity | {"starts_at": None, "ends_at": None}
    build.hold(world.tx, Ordered(world.waiting.order, [undated]), world.ana)
    return activity


@breaks("hold_has_its_claim")
def an_activity_without_its_place(world: World) -> None:
    activity = with_activity(world)
    world.tx.run("DELETE FROM place_claim WHERE term_product_id = %(id)s", id=activity["id"])
    change(world, "term_product", activity, "taken = 0")


@breaks("taken_counts_the_claims")
def a_place_of_an_activity_counted_twice(world: World) -> None:
    change(world, "term_product", with_activity(world), "taken = 2")


@breaks("claim_has_its_hold")
def a_place_in_an_activity_that_nobody_chose(world: World) -> None:
    activity = with_activity(world)
    world.tx.run("DELETE FROM term_booking_order_activity WHERE term_product_id = %(id)s", id=activity["id"])
