"""An admin converts several expressions of interest at once: all or none, or each that can be."""

from typing import Any

import pytest

from engine.errors import Invalid
from engine.ids import new_id
from models import TermBookingStatus as S
from tests.workflows.centre import ADMIN_CONFIRM, FIRST, HOUR, NOW, PAY_NOW, Cart, Centre, Course, Family, refused
from tests.workflows.test_interest import course, interest
from workflows.eoi_conversions import Asked, Ended, Terms, convert_several


def convert(centre: Centre, *asked: Cart | Asked, is_best_effort: bool = False, **terms: Any) -> list[Ended]:
    each = [one if isinstance(one, Asked) else Asked(one.id) for one in asked]
    known = {"confirmation_type": PAY_NOW, "actor": centre.admin, "now": NOW, **terms}
    ended: list[Ended] = centre.database.run(
        centre.organisation_id,
        lambda tx: convert_several(tx, each, terms=Terms(**known), is_best_effort=is_best_effort),
    )
    return ended


def interests(centre: Centre, karate: Course, count: int) -> list[Cart]:
    """So many families with a child each that is interested."""
    found = []
    for number in range(count):
        by: Family = centre.family(f"Family {number}")
        found.append(interest(centre, by, by.child(f"Child {number}"), karate.lines()))
    return found


class TestAllOrNothing:
    def test_of_several_families(self, riverside: Centre) -> None:
        karate = course(riverside, capacity=3)
        carts = interests(riverside, karate, 3)

        ended = convert(riverside, *carts)

        made = [one.outcome.order for one in ended if one.outcome]
        assert [order.status for order in made] == [S.SUBMITTED] * 3
        assert [riverside.order(cart)["converted_into_id"] for cart in carts] == [order.id for order in made]
        assert riverside.taken(karate) == [3]

    def test_nothing_is_written_where_one_cannot_be(self, riverside: Centre) -> None:
        karate = course(riverside, capacity=2)
        carts = interests(riverside, karate, 3)
        before = riverside.snapshot()

        (reason,) = refused(lambda: convert(riverside, *carts))

        assert (reason.code, reason.field) == ("session_full", "conversions[2].lines[0].session_id")
        assert reason.facts["order_id"] == str(carts[2].id)
        assert riverside.snapshot() == before
        assert {riverside.status(cart) for cart in carts} == {S.SUBMITTED}

    def test_goes_to_confirm_where_the_admin_says_so(self, riverside: Centre) -> None:
        karate = course(riverside)
        carts = interests(riverside, karate, 2)

        ended = convert(riverside, *carts, confirmation_type=ADMIN_CONFIRM, confirmation_reason="agreed by phone")

        assert [one.outcome.order.status for one in ended if one.outcome] == [S.APPROVED] * 2
        roll = riverside.rows("SELECT id FROM term_attendance WHERE term_product_id = %(id)s", id=karate.ids[0])
        assert len(roll) == 2

    def test_at_the_price_that_was_shown(self, riverside: Centre) -> None:
        karate = course(riverside)
        (cart,) = interests(riverside, karate, 1)
        riverside.run("UPDATE term_product SET price_minor = 2000 WHERE id = %(id)s", id=karate.ids[0])

        (reason,) = refused(lambda: convert(riverside, cart))
        seen = reason.facts["price_fingerprint"]
        (ended,) = convert(riverside, Asked(cart.id, price_fingerprint=seen))

        assert (reason.code, reason.field) == ("price_changed", "conversions[0].price_fingerprint")
        assert reason.facts["total_minor"] == 2000
        assert ended.outcome is not None
        assert ended.outcome.order.total_minor == 2000

    def test_into_other_sessions(self, riverside: Centre) -> None:
        karate, soccer = course(riverside), course(riverside, FIRST + HOUR / 2, name="Soccer")
        (cart,) = interests(riverside, karate, 1)
        (reason,) = refused(lambda: convert(riverside, Asked(cart.id, soccer.lines())))
        seen = reason.facts["price_fingerprint"]

        convert(riverside, Asked(cart.id, soccer.lines(), seen))

        assert (riverside.taken(karate), riverside.taken(soccer)) == ([0], [1])
        assert riverside.status(cart) == S.REMOVED

    def test_an_override_is_for_all(self, riverside: Centre) -> None:
        karate = course(riverside, bookable_from=NOW + HOUR)
        carts = interests(riverside, karate, 2)

        reasons = refused(lambda: convert(riverside, *carts))
        convert(riverside, *carts, override_reason="early birds")

        assert [reason.code for reason in reasons] == ["not_open_yet"] * 2
        assert riverside.taken(karate) == [2]


class TestBestEffort:
    def test_first_asked_first_served_and_each_says_why(self, riverside: Centre) -> None:
        karate, soccer = course(riverside, capacity=1), course(riverside, name="Soccer")
        first, second = interests(riverside, karate, 2)
        (third,) = interests(riverside, soccer, 1)

        ended = convert(riverside, second, first, third, is_best_effort=True)

        assert [one.outcome is not None for one in ended] == [True, False, True]
        assert [reason.code for reason in ended[1].reasons] == ["session_full"]
        assert riverside.status(first) == S.SUBMITTED
        assert len(riverside.claims(first)) == 1
        assert (riverside.taken(karate), riverside.taken(soccer)) == ([1], [1])
        # A cart that came to nothing is not left behind.
        assert (
            len(riverside.rows("SELECT id FROM term_booking_order WHERE converts_order_id = %(id)s", id=first.id)) == 0
        )

    def test_one_that_ended_meanwhile_says_so(self, riverside: Centre) -> None:
        karate = course(riverside)
        first, second = interests(riverside, karate, 2)
        convert(riverside, first)

        ended = convert(riverside, first, second, is_best_effort=True)

        assert [[reason.code for reason in one.reasons] for one in ended] == [["not_convertible"], []]


class TestBadInput:
    def test_names_each_field(self, riverside: Centre) -> None:
        karate = course(riverside)
        (cart,) = interests(riverside, karate, 1)
        rossi = riverside.family()
        booking = riverside.cart(rossi, rossi.child(), karate.lines())

        with pytest.raises(Invalid) as refusal:
            convert(riverside, cart, cart, Asked(new_id()), booking)

        assert [(reason.code, reason.field) for reason in refusal.value.reasons] == [
            ("twice", "conversions[1].order_id"), ("unknown", "conversions[2].order_id"),
            ("unknown", "conversions[3].order_id"),
        ]  # fmt: skip

    @pytest.mark.parametrize("count", [0, 101])
    def test_a_sane_number(self, riverside: Centre, count: int) -> None:
        with pytest.raises(Invalid) as refusal:
            convert(riverside, *(Asked(new_id()) for _ in range(count)))

        assert refusal.value.reasons[0].code == "too_many"
