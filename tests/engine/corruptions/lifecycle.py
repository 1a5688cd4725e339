"""Ways to break what `engine.invariants.lifecycle` holds, each of them alone."""

from engine.ids import new_id
from tests import builders as build
from tests.builders import Enrolled
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change, drop


@breaks("approved_order_has_its_booking")
def an_approved_order_without_a_booking(world: World) -> None:
    drop(world, "term_booking_order", "ck_term_booking_order_approved_has_a_booking")
    order = world.ordered(build.cart, 10, moves=build.CONFIRMED)
    build.bill(world.tx, order)


@breaks("approved_order_has_its_booking")
def a_cart_with_a_booking(world: World) -> None:
    change(world, "term_booking_order", world.cart.order, "booking_id = %(booking)s", booking=world.anas.booking["id"])


@breaks("booking_has_its_order")
def a_booking_of_a_cart(world: World) -> None:
    ended = Enrolled(**vars(build.bill(world.tx, world.ordered(build.cart, 10))))
    build.book(world.tx, ended, new_id(), build.BOOKING_CANCELED)


@breaks("interest_costs_nothing")
def an_interest_with_a_timeout(world: World) -> None:
    build.arm(world.tx, world.interest)


@breaks("interest_costs_nothing")
def an_interest_that_is_billed(world: World) -> None:
    build.bill(world.tx, world.interest)


@breaks("conversion_is_whole")
def a_conversion_that_left_no_trace(world: World) -> None:
    change(world, "term_booking_order", world.converted.order, "converted_into_id = NULL")


@breaks("conversion_is_whole")
def an_interest_converted_into_the_order_of_another_family(world: World) -> None:
    world.tx.run("UPDATE term_booking_order SET converts_order_id = NULL")
    change(world, "term_booking_order", world.converted.order, "converted_into_id = %(into)s",
           into=world.mias.order["id"])  # fmt: skip
    world.tx.run("UPDATE status_event SET changes = jsonb_build_object('into_order_id', %(into)s::text) "
                 "WHERE subject_id = %(id)s AND trigger = 'convert'",
                 into=world.mias.order["id"], id=world.converted.order["id"])  # fmt: skip


@breaks("conversion_is_whole")
def a_trial_that_is_said_to_be_converted(world: World) -> None:
    drop(world, "term_booking", "ck_term_booking_only_a_trial_is_converted")
    change(world, "term_booking", world.suspended.booking, "converted_into_id = %(into)s",
           into=world.anas.order["id"])  # fmt: skip


@breaks("conversion_is_whole")
def an_order_that_converts_an_interest_that_still_stands(world: World) -> None:
    change(world, "term_booking_order", world.waiting.order, "converts_order_id = %(interest)s",
           interest=world.interest.order["id"])  # fmt: skip


@breaks("timer_waits_for_its_order")
def an_end_of_an_offer_that_nobody_made(world: World) -> None:
    build.arm(world.tx, world.behind, "WAITING_OFFER", detail_id=new_id())


@breaks("timer_waits_for_its_order")
def places_saved_for_an_order_that_has_ended(world: World) -> None:
    build.arm(world.tx, world.timed_out, "WAITING_SAVED")


@breaks("record_has_its_history")
def an_order_without_history(world: World) -> None:
    world.tx.run("DELETE FROM status_event WHERE subject_id = %(id)s", id=world.cart.order["id"])


@breaks("history_has_its_record")
def a_history_of_nothing(world: World) -> None:
    build.history(world.tx, "term_booking_order", new_id(), build.DRAFTED)


@breaks("history_is_an_unbroken_chain")
def an_event_that_is_missing(world: World) -> None:
    world.tx.run(
        "DELETE FROM status_event WHERE subject_id = %(id)s AND sequence = 2", id=world.quoted.order["id"]
    )  # fmt: skip


@breaks("history_ends_at_the_status")
def a_status_that_moved_by_itself(world: World) -> None:
    change(world, "term_booking_order", world.cart.order, "status = 100")


@breaks("history_ends_at_the_status")
def a_version_that_nobody_wrote_down(world: World) -> None:
    change(world, "term_booking", world.mias.booking, "version = version + 1")


@breaks("status_moves_along_its_chart")
def a_trigger_that_does_not_exist(world: World) -> None:
    world.tx.run(
        "UPDATE status_event SET trigger = 'wave_through' WHERE subject_id = %(id)s AND sequence = 4",
        id=world.mias.order["id"],
    )  # fmt: skip


@breaks("timer_waits_for_its_order")
def a_timeout_of_a_confirmed_order(world: World) -> None:
    build.arm(world.tx, world.mias)


@breaks("timer_waits_for_its_order")
def a_close_of_a_canceled_booking(world: World) -> None:
    build.arm(world.tx, world.canceled, "BOOKING_CLOSE", subject_id=world.canceled.booking["id"])


@breaks("planned_close_will_happen")
def a_last_day_that_nobody_remembers(world: World) -> None:
    world.tx.run(
        "UPDATE timer SET status = 'DISARMED', settled_at = due_at WHERE subject_id = %(id)s",
        id=world.closing.booking["id"],
    )  # fmt: skip


@breaks("timer_waits_for_its_order")
def a_quote_with_an_auto_cancel(world: World) -> None:
    build.arm(world.tx, world.quoted)


@breaks("quote_will_expire")
def a_quote_for_ever(world: World) -> None:
    world.tx.run(
        "UPDATE timer SET status = 'DISARMED', settled_at = due_at WHERE subject_id = %(id)s",
        id=world.quoted.order["id"],
    )  # fmt: skip


@breaks("timeout_spares_what_is_paid")
def a_paid_order_that_timed_out(world: World) -> None:
    build.payment(world.tx, world.timed_out, amount_minor=1130)
