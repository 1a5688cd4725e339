"""Ways to break what `engine.invariants.session_debits` holds, each of them alone."""

from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change


@breaks("pending_payment_waits_for_the_wallet")
def an_open_booking_that_waits_for_the_wallet(world: World) -> None:
    change(world, "term_booking", world.anas.booking, "payment_state = 'PENDING_PAYMENT'")


@breaks("session_invoice_asks_for_its_session")
def an_invoice_of_a_session_that_was_not_planned(world: World) -> None:
    assert world.mias.invoice is not None
    change(world, "invoice", world.mias.invoice, "term_product_id = %(one)s",
           one=world.mias.booking_lines[0]["term_product_id"])  # fmt: skip
