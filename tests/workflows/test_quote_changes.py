"""Stories of changing what is quoted: another numbered quote, to be accepted anew, and the places that go with it."""

from datetime import timedelta
from typing import Any

import pytest

from models import TermBookingStatus as S
from tests.workflows.centre import ADMIN_CONFIRM, NOW, PAY_NOW, WEEK, Cart, Centre, codes, orders, refused, sundays
from tests.workflows.test_change_orders import FIVE, Story
from workflows import change_order
from workflows.change_guards import shown_difference


def quoted(centre: Centre, *, booked: tuple[int, ...] = (0, 1, 2, 3), **rules: Any) -> Story:
    """Mia's quote of four Sundays; ten percent off from five on."""
    rossi = centre.family(credit_limit_minor=100_000)
    karate = centre.course(*sundays(6), session_price_minor=3000, rules={"discounts": [FIVE], **rules})
    mia = rossi.child()
    lunch = centre.extra()
    lines = karate.lines(*booked[:-1]) + karate.lines(booked[-1], extras=[{"extra_id": lunch, "quantity": 1}])
    return Story(centre, rossi, mia, karate, centre.quoted(rossi, mia, lines))


def begin(its: Story, **known: Any) -> Cart:
    given = {"actor": its.rossi.actor, "now": NOW, **known}
    made = its.centre.do(change_order.begin_quote_change, order_id=its.first.id, **given)
    return Cart(made.order.id, made.order.reference)


def quotes(its: Story) -> list[tuple[int, int]]:
    """Each quote of the order, with its number along the year and its total."""
    rows = its.centre.rows("SELECT number, total_minor FROM quote WHERE order_id = %(id)s ORDER BY number",
                           id=its.first.id)  # fmt: skip
    return [(row["number"] - rows[0]["number"], row["total_minor"]) for row in rows]


class TestAQuotedOrder:
    def test_is_quoted_anew_with_a_number_of_its_own_and_accepted_again(self, riverside: Centre) -> None:
        mias = quoted(riverside)
        change = mias.save(begin(mias), mias.karate.lines(0, 1, 2, 4, 5))
        shown = shown_difference(riverside.do(change_order.review, order_id=change.id, actor=mias.rossi.actor))

        mias.submit(change, how=ADMIN_CONFIRM, actor=riverside.admin)
        assert riverside.taken(mias.karate) == [1] * 6
        mias.confirm(change)

        assert (shown["old_total_minor"], shown["new_total_minor"], shown["required_minor"]) == (128_00, 135_00, 0)
        assert shown["documents"] == []
        assert quotes(mias) == [(0, 128_00), (1, 135_00)]
        order = riverside.order(mias.first)
        assert (order["status"], order["total_minor"], order["booking_id"]) == (S.QUOTE, 135_00, None)
        assert (riverside.status(change), riverside.order(change)["booking_id"]) == (S.APPROVED, None)
        assert riverside.taken(mias.karate) == [1, 1, 1, 0, 1, 1]
        assert [kind for kind, status, _ in riverside.timers(mias.first) if status == "ARMED"] == ["QUOTE_EXPIRY"]

        riverside.pull(orders.accept, mias.first)
        riverside.pay(mias.first, 135_00)
        riverside.pull(orders.confirm, mias.first)

        assert (mias.booking["total_minor"], mias.documents()) == (135_00, [("INV", 135_00)])
        assert mias.roll() == ["EXPECTED"] * 5

    def test_is_changed_by_its_family_at_once_where_nothing_is_asked(self, riverside: Centre) -> None:
        mias = quoted(riverside)
        change = mias.save(begin(mias), mias.karate.lines(0, 3))

        mias.submit(change, how=PAY_NOW)

        assert riverside.status(change) == S.APPROVED
        assert quotes(mias) == [(0, 128_00), (1, 60_00)]
        assert {row["term_product_id"] for row in riverside.claims(mias.first)} == {mias.karate.ids[n] for n in (0, 3)}

    def test_times_out_as_before_when_the_change_is_discarded(self, riverside: Centre) -> None:
        mias = quoted(riverside)
        change = mias.save(begin(mias), mias.karate.lines(0, 4))
        mias.submit(change, how=ADMIN_CONFIRM, actor=riverside.admin)
        riverside.pull(orders.remove, change)
        assert riverside.taken(mias.karate) == [1, 1, 1, 1, 0, 0]

        riverside.sweep(NOW + 3 * WEEK)

        assert riverside.status(mias.first) == S.CANCELED
        assert riverside.taken(mias.karate) == [0] * 6


class TestWhatIsRefused:
    def test_an_accepted_quote_is_not_changed(self, riverside: Centre) -> None:
        mias = quoted(riverside)
        change = mias.save(begin(mias), mias.karate.lines(0))
        riverside.pull(orders.accept, mias.first)

        assert "not_changeable" in codes(lambda: mias.submit(change))
        riverside.pull(orders.remove, change)
        (reason,) = refused(lambda: begin(mias))
        assert reason.message.endswith("is accepted; confirm the order, then change its booking.")

    def test_one_change_of_the_family_at_a_time(self, riverside: Centre) -> None:
        mias = quoted(riverside)
        begin(mias)

        assert codes(lambda: begin(mias, actor=riverside.admin)) == ["change_open"]

    def test_a_quote_that_ran_out_is_not_changed(self, riverside: Centre) -> None:
        mias = quoted(riverside, quote_validity_days=1)
        change = mias.save(begin(mias), mias.karate.lines(0))

        assert "quote_expired" in codes(lambda: mias.submit(change, now=NOW + timedelta(days=2)))

    @pytest.mark.parametrize("status", [S.CREATED, S.SUBMITTED])
    def test_what_is_not_quoted_is_not_changed(self, riverside: Centre, status: S) -> None:
        rossi, karate = riverside.family(), riverside.course()
        make = riverside.cart if status is S.CREATED else riverside.submitted
        cart = make(rossi, rossi.child(), karate.lines())

        assert codes(lambda: riverside.do(change_order.begin_quote_change, order_id=cart.id, actor=rossi.actor)) == [
            "not_changeable"]  # fmt: skip
