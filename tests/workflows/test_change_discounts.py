"""Stories of discounts when a booking is changed after their rules were: what is kept, what is added, and no more."""

from datetime import timedelta
from typing import Any

from tests.workflows.centre import ADMIN_CONFIRM, NOW, Centre, orders
from tests.workflows.test_change_orders import Story, story
from workflows import change_order

FIVE_OFF = {"kind": "MULTI_SESSION", "order": 1, "amount_minor": 500, "conditions": {"sessions": 2}}
MAY = NOW + timedelta(days=31)


def reductions(its: Story) -> list[int]:
    """What each session of the booking gets off, by date."""
    rows = its.centre.rows(
        "SELECT x.discount_minor FROM billing_line x JOIN term_booking b ON b.billing_id = x.billing_id "
        "JOIN term_product s ON s.id = x.term_product_id WHERE b.id = %(id)s AND x.component = 'SESSION' "
        "ORDER BY s.starts_at", id=its.booking["id"])  # fmt: skip
    return [row["discount_minor"] for row in rows]


class TestADiscountThatWasEdited:
    """The office sets other terms after the booking was made: what was added since is sold under those."""

    def edited(self, centre: Centre, **terms: Any) -> Story:
        its = story(centre, {**FIVE_OFF, **terms}, booked=(0, 1))
        centre.rule("discounts", [{**FIVE_OFF, **terms, "name": "Two or more"}], its.karate.offering["id"])
        return its

    def test_gives_its_amount_once_per_booking_all_the_same(self, riverside: Centre) -> None:
        its = self.edited(riverside)
        assert reductions(its) == [250, 250]

        its.changed(its.karate.lines(0, 1, 2))

        assert reductions(its) == [250, 250, 0]
        assert its.documents() == [("INV", 55_00), ("INV", 30_00)]

    def test_of_what_was_held_too(self, riverside: Centre) -> None:
        its = self.edited(riverside, on_edit="FREEZE")

        its.changed(its.karate.lines(0, 1, 2), now=NOW + timedelta(days=14))

        assert reductions(its) == [250, 250, 0]

    def test_gives_no_more_than_its_cap(self, riverside: Centre) -> None:
        capped = {"kind": "MULTI_SESSION", "order": 1, "percent": "10", "cap_minor": 700, "conditions": {"sessions": 2}}
        its = story(riverside, capped, booked=(0, 1))
        riverside.rule("discounts", [{**capped, "name": "Two or more"}], its.karate.offering["id"])

        its.changed(its.karate.lines(0, 1, 2, 3))

        assert sorted(reductions(its)) == [50, 50, 300, 300]

    def test_with_a_higher_amount_gives_what_is_more_of_it(self, riverside: Centre) -> None:
        its = story(riverside, FIVE_OFF, booked=(0, 1))
        riverside.rule("discounts", [{**FIVE_OFF, "amount_minor": 800}], its.karate.offering["id"])

        its.changed(its.karate.lines(0, 1, 2))

        assert reductions(its) == [250, 250, 300]

    def test_two_discounts_of_one_kind_are_two(self, riverside: Centre) -> None:
        second = {**FIVE_OFF, "order": 2, "stacks": True}
        its = story(riverside, FIVE_OFF, second, booked=(0, 1))

        assert reductions(its) == [500, 500]


class TestAPromoCodeThatIsOver:
    """A code that was good until the end of April, and a change in May."""

    def booked(self, centre: Centre, *, on_edit: str) -> Story:
        code = {"kind": "PROMO_CODE", "order": 1, "percent": "10", "on_edit": on_edit,
                "conditions": {"code": "SPRING", "until": "2026-04-30"}}  # fmt: skip
        its = story(centre, code, weeks=10, booked=(9,))
        cart = centre.draft(its.rossi, its.rossi.child("Leo Rossi"))
        centre.save(cart, its.karate.lines(6, 7), actor=its.rossi.actor, promo_code="SPRING")
        centre.submit(cart, actor=centre.admin, how=ADMIN_CONFIRM)
        centre.pull(orders.confirm, cart, reason="as agreed")
        its.first = cart
        return its

    def test_is_kept_where_it_was_given_and_goes_to_nothing_that_is_added(self, riverside: Centre) -> None:
        for on_edit in ("FREEZE", "REPRICE_FUTURE", "REPRICE_ALL"):
            its = self.booked(riverside, on_edit=on_edit)
            assert reductions(its) == [300, 300]

            its.changed(its.karate.lines(6, 7, 8), now=MAY)

            assert reductions(its) == [300, 300, 0]

    def test_goes_to_what_is_added_while_it_is_good(self, riverside: Centre) -> None:
        its = self.booked(riverside, on_edit="REPRICE_FUTURE")

        its.changed(its.karate.lines(6, 7, 8), now=NOW + timedelta(days=5))

        assert reductions(its) == [300, 300, 300]

    def test_says_why_it_is_not_given(self, riverside: Centre) -> None:
        its = self.booked(riverside, on_edit="REPRICE_FUTURE")
        change = its.save(its.begin(now=MAY), its.karate.lines(6, 7, 8), now=MAY)

        (line,) = riverside.do(
            change_order.review, order_id=change.id, actor=its.rossi.actor, now=MAY).difference.lines  # fmt: skip

        assert line.not_applied == ("Promo code: code SPRING is good until 30 Apr 2026, booked on 01 May 2026",)
