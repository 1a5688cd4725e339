"""Ways to break what `engine.invariants.discounts` holds, each of them alone."""

from models import PromoCode, PromoRedemption, TermBookingDiscount
from tests import builders as build
from tests.builders import NOW
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change


@breaks("discounts_are_explained")
def a_discount_that_nothing_explains(world: World) -> None:
    change(world, "billing_line", world.waiting.billing_lines[0], "discount_minor = 100")


@breaks("booking_discounts_are_what_was_billed")
def a_booked_discount_that_was_never_billed(world: World) -> None:
    build.add(world.tx, TermBookingDiscount, booking_id=world.mias.booking["id"], rule="STAFF", rule_version="1",
              booking_line_id=world.mias.booking_lines[0]["id"], amount_minor=100)  # fmt: skip


@breaks("promo_code_counts_its_redemptions")
def a_promo_code_counted_twice(world: World) -> None:
    build.add(world.tx, PromoCode, code="SPRING", used=1)


@breaks("promo_code_is_used_by_who_holds")
def a_cart_that_uses_up_a_promo_code(world: World) -> None:
    build.add(world.tx, PromoCode, code="SPRING", used=1)
    build.add(world.tx, PromoRedemption, code="SPRING", account_id=world.chen["id"], order_id=world.cart.order["id"],
              is_once=True, used_at=NOW)  # fmt: skip


@breaks("promo_code_is_used_by_who_holds")
def a_booking_whose_promo_code_is_not_used(world: World) -> None:
    change(world, "term_booking_order", world.mias.order, "promo_code = 'SPRING'")
