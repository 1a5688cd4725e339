"""Ways to break what `engine.invariants.schedule` holds, each of them alone."""

from tests.builders import NOW
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change


@breaks("instalments_make_the_total")
def an_instalment_of_a_cent_less(world: World) -> None:
    change(world, "instalment", world.instalments[0], "amount_minor = 564")


@breaks("scheduled_order_has_its_schedule")
def a_deposit_that_nobody_agreed_to(world: World) -> None:
    change(world, "term_booking_order", world.waiting.order, "confirmation_type = 202, submitted_at = %(now)s", now=NOW)


@breaks("debit_is_of_its_instalment")
def a_debit_for_the_neighbours_instalment(world: World) -> None:
    change(world, "payment", world.returned, "instalment_id = %(other)s", other=world.instalments[0]["id"])
