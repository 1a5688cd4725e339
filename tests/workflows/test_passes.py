"""Passes: sold from the wallet, used by what they cover, given back by rule, earned as sessions are held."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from billing.pass_revenue import earn_due
from billing.wallet import WalletTooLow
from engine.errors import Invalid, NotPermitted
from models import PassCovers, PassReturns
from tests.workflows import endings
from tests.workflows.camp import Camp
from tests.workflows.centre import ADMIN_CONFIRM, DAY, HOUR, NOW, PAY_NOW, Cart, Centre, orders, sundays
from tests.workflows.passes import of, on_sale, sold, uses
from tests.workflows.purse import Purse
from workflows import change_order, passes
from workflows.passes import Offer, PassHasNothingLeft, PassRevoked, PassWithdrawn


def line(centre: Centre, cart: Cart, component: str = "SESSION") -> list[dict[str, Any]]:
    """The priced components of what the order costs now."""
    return centre.rows(
        "SELECT x.* FROM billing_line x JOIN term_booking_order o ON o.billing_id = x.billing_id "
        "WHERE o.id = %(id)s AND starts_with(x.component, %(component)s) ORDER BY x.position",
        id=cart.id, component=component)  # fmt: skip


class TestSelling:
    def test_is_paid_from_the_wallet_and_owed_in_the_books(self, riverside: Centre) -> None:
        rossi = riverside.family()
        its = Purse(riverside, rossi)
        its.top_up("80.00")
        its.bonus("30.00")

        made = riverside.do(passes.buy, account_id=rossi.id, product_id=on_sale(riverside), actor=rossi.actor)

        bought = of(riverside, made)
        assert (bought["granted"], bought["used"], bought["series"]) == (10, 0, "PASS")
        assert (bought["net_minor"], bought["tax_minor"], bought["total_minor"]) == (88_50, 11_50, 100_00)
        assert bought["valid_until"] - bought["valid_from"] == timedelta(days=179)
        assert its.holds == (10_00, 0)
        assert its.entries()[-1] == ("PASS_BOUGHT", -70_00, -30_00)
        assert {k: v for k, v in its.books().items() if k in ("WALLET", "PASS_LIABILITY", "TAX")} == {
            "WALLET": -10_00, "PASS_LIABILITY": -88_50, "TAX": -11_50}  # fmt: skip

    def test_at_the_desk_the_money_buys_it_at_once(self, riverside: Centre) -> None:
        rossi = riverside.family()

        sold(riverside, rossi)

        assert [kind for kind, _, _ in Purse(riverside, rossi).entries()] == ["TOPPED_UP", "PASS_BOUGHT"]
        assert Purse(riverside, rossi).holds == (0, 0)

    def test_a_wallet_that_holds_less_buys_nothing(self, riverside: Centre) -> None:
        rossi = riverside.family()
        Purse(riverside, rossi).top_up("99.99")

        with pytest.raises(WalletTooLow):
            riverside.do(passes.buy, account_id=rossi.id, product_id=on_sale(riverside), actor=rossi.actor)

        assert Purse(riverside, rossi).holds == (99_99, 0)

    def test_what_is_withdrawn_is_sold_no_more(self, riverside: Centre) -> None:
        rossi, product = riverside.family(), on_sale(riverside)
        riverside.do(passes.withdraw, product_id=product, actor=riverside.admin)

        with pytest.raises(PassWithdrawn):
            sold(riverside, rossi, product)

    def test_a_first_day_that_is_past_is_refused(self, riverside: Centre) -> None:
        rossi = riverside.family()
        Purse(riverside, rossi).top_up("100.00")

        with pytest.raises(Invalid):
            riverside.do(passes.buy, account_id=rossi.id, product_id=on_sale(riverside), actor=rossi.actor,
                         valid_from=NOW.date() - DAY)  # fmt: skip

    def test_only_admins_declare(self, riverside: Centre) -> None:
        rossi = riverside.family()

        with pytest.raises(NotPermitted):
            riverside.do(passes.declare, offer=Offer("Mine", 1, 1), actor=rossi.actor)
        with pytest.raises(Invalid):
            riverside.do(passes.declare, offer=Offer(" ", 0, 1, program_ids=(rossi.id,)), actor=riverside.admin)


class TestRevoking:
    """What was not used goes back to where it came from; what is used stays as it is."""

    def revoke(self, centre: Centre, pass_id: UUID, *, reason: str = "They move away", now: datetime = NOW) -> int:
        found: int = centre.do(passes.revoke, pass_id=pass_id, reason=reason, actor=centre.admin, now=now)
        return found

    def test_an_unused_one_comes_back_as_it_was_paid(self, riverside: Centre) -> None:
        rossi = riverside.family()
        its = Purse(riverside, rossi)
        its.top_up("80.00")
        its.bonus("30.00")
        mine = riverside.do(passes.buy, account_id=rossi.id, product_id=on_sale(riverside), actor=rossi.actor)

        assert self.revoke(riverside, mine) == 100_00

        assert its.holds == (80_00, 30_00)
        assert its.entries()[-1] == ("PASS_REVOKED", 70_00, 30_00)
        books = its.books()
        assert (books.get("PASS_LIABILITY", 0), books.get("TAX", 0)) == (0, 0)
        assert (of(riverside, mine)["granted"], of(riverside, mine)["revoked_net_minor"]) == (0, 88_50)

    def test_of_a_used_one_the_units_that_are_left(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(4))
        mine = sold(riverside, rossi)
        cart = riverside.submitted(rossi, rossi.child(), karate.lines(0, 1, 2))

        assert self.revoke(riverside, mine) == 70_00

        assert riverside.status(cart) == 500
        assert (of(riverside, mine)["granted"], of(riverside, mine)["used"]) == (3, 3)
        assert Purse(riverside, rossi).holds == (70_00, 0)
        assert riverside.submitted(rossi, rossi.child("Leo"), karate.lines(3)).total_minor == 11_30
        earn_due(riverside.database, now=NOW + 90 * DAY)
        assert of(riverside, mine)["earned_minor"] == 88_50 - of(riverside, mine)["revoked_net_minor"]

    def test_of_one_without_a_limit_the_days_after_its_last_session(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2))
        mine = sold(riverside, rossi, units=None, validity_days=100)
        riverside.submitted(rossi, rossi.child(), karate.lines(0))  # on 12 April, the thirteenth day

        assert self.revoke(riverside, mine) == 87_00

        earn_due(riverside.database, now=NOW + 120 * DAY)
        assert of(riverside, mine)["earned_minor"] == 88_50 - of(riverside, mine)["revoked_net_minor"]

    def test_what_a_used_session_gives_back_can_be_used_again(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2))
        mine = sold(riverside, rossi)
        cart = riverside.submitted(rossi, rossi.child(), karate.lines(0))
        self.revoke(riverside, mine)
        riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], reason="ill", actor=riverside.admin)

        assert (of(riverside, mine)["granted"], of(riverside, mine)["used"]) == (1, 0)
        assert riverside.submitted(rossi, rossi.child("Leo"), karate.lines(1)).total_minor == 0

    def test_is_refused_twice_without_a_reason_to_families_and_where_nothing_is_left(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2))
        spent, over, mine = (sold(riverside, rossi, units=units) for units in (2, 5, 9))
        riverside.submitted(rossi, rossi.child(), karate.lines())
        used = next(each for each in (spent, over, mine) if of(riverside, each)["used"])
        left = next(each for each in (spent, over, mine) if not of(riverside, each)["used"])

        with pytest.raises(PassHasNothingLeft):
            self.revoke(riverside, used, now=NOW + 365 * DAY)
        with pytest.raises(Invalid):
            self.revoke(riverside, left, reason=" ")
        with pytest.raises(NotPermitted):
            riverside.do(passes.revoke, pass_id=left, reason="please", actor=rossi.actor)
        self.revoke(riverside, left)
        with pytest.raises(PassRevoked):
            self.revoke(riverside, left)


class TestUsing:
    def test_a_covered_order_costs_nothing_and_is_confirmed_at_once(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2))
        mine = sold(riverside, rossi)

        cart = riverside.submitted(rossi, rossi.child(), karate.lines())

        assert cart.total_minor == 0
        assert riverside.status(cart) == 500
        assert of(riverside, mine)["used"] == 2
        priced = line(riverside, cart)
        assert [(x["base_minor"], x["discount_minor"], x["gross_minor"]) for x in priced] == [(11_30, 11_30, 0)] * 2
        assert [step["step"] for step in priced[0]["trace"]][:2] == ["base", "entitlement"]
        assert priced[0]["trace"][1]["reference"] == of(riverside, mine)["reference"]
        assert riverside.booking(cart)["entitlement_id"] == mine

    def test_what_is_left_of_it_covers_the_first_days(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(3))
        mine = sold(riverside, rossi, units=2)

        cart = riverside.submitted(rossi, rossi.child(), karate.lines())

        assert [x["gross_minor"] for x in line(riverside, cart)] == [0, 0, 11_30]
        assert (cart.total_minor, of(riverside, mine)["used"]) == (11_30, 2)

    def test_discounts_are_taken_of_what_it_leaves(self, riverside: Centre) -> None:
        off = [{"kind": "MULTI_SESSION", "order": 1, "percent": "10", "conditions": {"sessions": 3}}]
        rossi, karate = riverside.family(), riverside.course(*sundays(3), rules={"discounts": off})
        sold(riverside, rossi, units=2)

        cart = riverside.submitted(rossi, rossi.child(), karate.lines())

        assert [(x["discount_minor"], x["gross_minor"]) for x in line(riverside, cart)] == [
            (11_30, 0), (11_30, 0), (1_13, 10_17)]  # fmt: skip

    def test_it_is_good_where_and_when_it_says(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(6))
        other = riverside.program("Chess")
        elsewhere = sold(riverside, rossi, program_ids=(other["id"],))
        brief = sold(riverside, rossi, validity_days=20)

        cart = riverside.submitted(rossi, rossi.child(), karate.lines())

        assert of(riverside, elsewhere)["used"] == 0
        last = of(riverside, brief)["valid_until"]
        good = len([session for session in karate.sessions if session["local_date"] <= last])
        assert 0 < good < 6
        assert (of(riverside, brief)["used"], cart.total_minor) == (good, (6 - good) * 11_30)

    def test_extras_come_along_or_are_covered_by_the_piece(self, riverside: Centre) -> None:
        rossi, lunch = riverside.family(), riverside.extra()
        karate = riverside.course(*sundays(2))
        asked = karate.lines(0, extras=[{"extra_id": lunch, "quantity": 2}])

        with_all = sold(riverside, rossi, covers=PassCovers.SESSIONS_AND_EXTRAS)
        cart = riverside.submitted(rossi, rossi.child(), asked)
        assert (cart.total_minor, of(riverside, with_all)["used"]) == (0, 1)
        extra = riverside.one("SELECT * FROM term_booking_extra WHERE booking_id = %(id)s",
                              id=riverside.booking(cart)["id"])  # fmt: skip
        assert (extra["price_minor"], extra["price_paid_minor"], extra["covered_by_entitlement_id"]) == (
            8_00,
            0,
            with_all,
        )

        chen = riverside.family("Chen family")
        lunches = sold(riverside, chen, covers=PassCovers.EXTRAS)
        cart = riverside.submitted(chen, chen.child("Ana Chen"), asked, how=ADMIN_CONFIRM)
        assert (cart.total_minor, of(riverside, lunches)["used"]) == (11_30, 2)

    def test_without_a_limit_it_is_good_for_any_number(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(5))
        mine = sold(riverside, rossi, units=None)

        assert riverside.submitted(rossi, rossi.child(), karate.lines()).total_minor == 0
        assert (of(riverside, mine)["granted"], of(riverside, mine)["used"]) == (None, 5)


class TestGivingBack:
    def test_an_order_that_times_out_has_used_nothing(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(3))
        mine = sold(riverside, rossi, units=2)
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())

        riverside.sweep(NOW + HOUR)

        assert riverside.status(cart) == 900
        assert of(riverside, mine)["used"] == 0
        assert {use["return_reason"] for use in uses(riverside, mine)} == {f"{cart.reference} ended"}

    def test_reopened_it_is_used_again_at_the_next_submit(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(3))
        mine = sold(riverside, rossi, units=2)
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())

        riverside.do(orders.reopen, order_id=cart.id, actor=rossi.actor)
        assert of(riverside, mine)["used"] == 0
        riverside.save(cart, karate.lines(0, 1), actor=rossi.actor)
        riverside.submit(cart, actor=rossi.actor)

        assert (of(riverside, mine)["used"], riverside.status(cart)) == (2, 500)

    @pytest.mark.parametrize(
        ("rule", "in_time", "late"),
        [(PassReturns.ALWAYS, 0, 0), (PassReturns.IN_WINDOW, 0, 1), (PassReturns.NEVER, 1, 1)],
    )
    def test_a_session_that_is_given_up_gives_back_by_rule(
        self, riverside: Centre, rule: PassReturns, in_time: int, late: int
    ) -> None:  # fmt: skip
        karate = riverside.course(*sundays(1), rules={"cancellation_window_hours": 48})
        starts_at = karate.sessions[0]["starts_at"]
        for when, used in ((NOW, in_time), (starts_at - HOUR, late)):
            family = riverside.family()
            mine = sold(riverside, family, returns=rule)
            cart = riverside.submitted(family, family.child(), karate.lines())

            riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], actor=riverside.admin,
                         reason="ill", now=when)  # fmt: skip

            assert of(riverside, mine)["used"] == used
            assert [use["returned_at"] is None for use in uses(riverside, mine)] == [bool(used)]

    def test_a_change_gives_back_and_uses(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(4))
        mine = sold(riverside, rossi, units=3)
        cart = riverside.submitted(rossi, rossi.child(), karate.lines(0, 1))

        begun = riverside.do(change_order.begin_change, booking_id=riverside.booking(cart)["id"], actor=rossi.actor)
        change = Cart(begun.order.id, begun.order.reference)
        shown = riverside.do(change_order.save, order_id=change.id, lines=karate.lines(1, 2), actor=rossi.actor)
        riverside.do(change_order.submit, order_id=change.id, confirmation_type=PAY_NOW,
                     price_fingerprint=shown.priced.fingerprint, actor=rossi.actor)  # fmt: skip

        assert shown.priced.total_minor == 0
        assert of(riverside, mine)["used"] == 2
        held = {use["term_product_id"] for use in uses(riverside, mine) if use["returned_at"] is None}
        assert held == {karate.ids[1], karate.ids[2]}
        assert {use["order_id"] for use in uses(riverside, mine) if use["returned_at"] is None} == {cart.id}

    def swapped(self, centre: Centre, *, units: int, **offer: Any) -> tuple[UUID, Cart, Cart, Any]:
        """Two of `units` are used; the change gives one session up, and asks for two others."""
        rossi, karate = centre.family(), centre.course(*sundays(4))
        mine = sold(centre, rossi, units=units, **offer)
        cart = centre.submitted(rossi, rossi.child(), karate.lines(0, 1))
        begun = centre.do(change_order.begin_change, booking_id=centre.booking(cart)["id"], actor=rossi.actor)
        change = Cart(begun.order.id, begun.order.reference)
        shown = centre.do(change_order.save, order_id=change.id, lines=karate.lines(1, 2, 3), actor=rossi.actor)
        review = centre.do(change_order.review, order_id=change.id, actor=rossi.actor)
        assert review.difference.fingerprint == shown.priced.fingerprint
        centre.do(change_order.submit, order_id=change.id, confirmation_type=ADMIN_CONFIRM,
                  price_fingerprint=shown.priced.fingerprint, actor=centre.admin)  # fmt: skip
        return mine, cart, change, review

    def confirm(self, centre: Centre, change: Cart) -> None:
        review = centre.do(change_order.review, order_id=change.id, actor=centre.admin)
        centre.do(change_order.confirm, order_id=change.id, difference_fingerprint=review.difference.fingerprint,
                  reason="as agreed", actor=centre.admin)  # fmt: skip

    @pytest.mark.parametrize(("units", "costs", "used"), [(2, 11_30, 2), (3, 0, 3), (4, 0, 4)])
    def test_what_a_change_gives_back_covers_what_it_adds(
        self, riverside: Centre, units: int, costs: int, used: int
    ) -> None:  # fmt: skip
        mine, cart, change, review = self.swapped(riverside, units=units)
        assert (review.priced.total_minor, of(riverside, mine)["used"]) == (costs, used)

        self.confirm(riverside, change)

        assert riverside.booking(cart)["total_minor"] == costs
        now_used = [use for use in uses(riverside, mine) if use["returned_at"] is None]
        assert of(riverside, mine)["used"] == len(now_used) == min(units, 3)
        assert {use["order_id"] for use in now_used} == {cart.id}

    def test_what_comes_back_no_more_covers_nothing(self, riverside: Centre) -> None:
        mine, cart, change, review = self.swapped(riverside, units=2, returns=PassReturns.NEVER)
        assert review.priced.total_minor == 22_60

        self.confirm(riverside, change)

        assert (riverside.booking(cart)["total_minor"], of(riverside, mine)["used"]) == (22_60, 2)

    def test_of_a_change_that_is_let_go_it_stays_where_it_was(self, riverside: Centre) -> None:
        mine, cart, change, _ = self.swapped(riverside, units=2)

        riverside.pull(orders.remove, change)

        assert {use["order_id"] for use in uses(riverside, mine) if use["returned_at"] is None} == {cart.id}
        assert (of(riverside, mine)["used"], riverside.booking(cart)["total_minor"]) == (2, 0)

    def test_a_change_that_is_let_go_has_used_nothing(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(4))
        mine = sold(riverside, rossi, units=2)
        cart = riverside.submitted(rossi, rossi.child(), karate.lines(0))
        begun = riverside.do(change_order.begin_change, booking_id=riverside.booking(cart)["id"], actor=rossi.actor)
        shown = riverside.do(change_order.save, order_id=begun.order.id, lines=karate.lines(0, 1, 2),
                             actor=rossi.actor)  # fmt: skip
        riverside.do(change_order.submit, order_id=begun.order.id, confirmation_type=PAY_NOW,
                     price_fingerprint=shown.priced.fingerprint, actor=rossi.actor)  # fmt: skip
        assert (shown.priced.total_minor, of(riverside, mine)["used"]) == (11_30, 2)

        riverside.sweep(NOW + HOUR)

        assert of(riverside, mine)["used"] == 1


class TestEarning:
    def test_a_share_is_earned_with_each_session_and_the_rest_at_the_end(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(3))
        mine = sold(riverside, rossi, units=7)
        riverside.submitted(rossi, rossi.child(), karate.lines())
        first = karate.sessions[0]["ends_at"]

        earn_due(riverside.database, now=first)
        assert (of(riverside, mine)["earned_minor"], [use["earned_minor"] for use in uses(riverside, mine)]) == (
            88_50 // 7, [88_50 // 7, None, None])  # fmt: skip
        earn_due(riverside.database, now=first)
        earn_due(riverside.database, now=first + timedelta(days=100))
        assert of(riverside, mine)["earned_minor"] == 88_50 * 3 // 7
        assert Purse(riverside, rossi).books()["PASS_LIABILITY"] == 88_50 * 3 // 7 - 88_50

        earn_due(riverside.database, now=NOW + timedelta(days=200))
        earn_due(riverside.database, now=NOW + timedelta(days=300))

        assert of(riverside, mine)["earned_minor"] == 88_50
        books = Purse(riverside, rossi).books()
        assert ("PASS_LIABILITY" in books, books["REVENUE"]) == (False, -88_50)

    def test_without_a_limit_it_is_earned_by_its_days(self, riverside: Centre) -> None:
        rossi = riverside.family()
        mine = sold(riverside, rossi, units=None, validity_days=100)
        day = of(riverside, mine)["valid_from"]

        earn_due(riverside.database, now=NOW + timedelta(days=60))
        first = of(riverside, mine)["earned_minor"]
        earn_due(riverside.database, now=NOW + timedelta(days=101))

        assert 0 < first < 88_50
        assert of(riverside, mine)["earned_minor"] == 88_50
        posted = riverside.rows("SELECT posted_on, purpose FROM ledger_entry WHERE source_id = %(id)s ORDER BY id",
                                id=mine)  # fmt: skip
        assert [entry["posted_on"] for entry in posted][-1] == day + timedelta(days=99)

    def test_what_is_closed_after_it_was_earned_is_taken_back(self, riverside: Centre) -> None:
        rossi, camp = riverside.family(), Camp(riverside)
        mine = sold(riverside, rossi)
        riverside.submitted(rossi, rossi.child(), camp.course.lines())
        held = camp.course.sessions[1]["ends_at"]
        earn_due(riverside.database, now=held)
        assert of(riverside, mine)["earned_minor"] == 2 * 8_85

        camp.close(now=held + HOUR)
        earn_due(riverside.database, now=held + HOUR)

        assert (of(riverside, mine)["used"], of(riverside, mine)["earned_minor"]) == (2, 8_85)
        earn_due(riverside.database, now=held + DAY)
        assert of(riverside, mine)["earned_minor"] == 2 * 8_85
