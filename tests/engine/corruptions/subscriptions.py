"""Ways to break what `engine.invariants.subscriptions` holds, each of them alone."""

from tests import builders as build
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change, drop


@breaks("schedule_tells_what_is_invoiced")
def a_session_that_waits_for_a_period_that_is_over(world: World) -> None:
    world.tx.run("UPDATE invoice_schedule SET status = 'DROPPED' WHERE booking_id = %(id)s",
                 id=world.subscribed.booking["id"])  # fmt: skip


@breaks("subscription_is_enrolled")
def a_subscription_that_was_begun_without_a_term(world: World) -> None:
    elsewhere = build.term(world.tx, {"id": None}, name="Autumn 2026")
    of = {"id": world.subscription["program_id"], "name": "Club"}
    later = build.offering(world.tx, elsewhere, of)
    change(world, "subscription", world.subscription, "offering_id = %(offering)s", offering=later["id"])


@breaks("subscription_is_enrolled")
def an_enrolment_of_a_subscription_that_is_only_asked_for(world: World) -> None:
    build.subscription(world.tx, world.chen, world.ana, {"id": world.subscription["offering_id"],
                       "program_id": world.subscription["program_id"]})  # fmt: skip


@breaks("subscription_holds_nothing_after_its_last_day")
def a_subscription_that_goes_on_after_its_last_day(world: World) -> None:
    drop(world, "subscription", "ck_subscription_notice_has_a_last_day")
    change(world, "subscription", world.subscription, "ends_on = '2026-04-13'")
