"""Stories of discounts: what the cart shows, what is charged and printed, and promo codes at their limit."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.errors import Invalid
from models import TermBookingStatus as S
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    DAY,
    FIRST,
    NOW,
    PAY_NOW,
    Cart,
    Centre,
    Course,
    codes,
    orders,
    sundays,
)
from tests.workflows.race import GOT_IT, Pull, clients
from workflows import order_discounts
from workflows.documents import invoice_document

SIBLING = {"kind": "SIBLING", "order": 1, "percent": "10"}
FIVE = {"kind": "MULTI_SESSION", "order": 2, "percent": "10", "conditions": {"sessions": 5}}
EARLY = {"kind": "EARLY_BIRD", "order": 3, "percent": "5", "stacks": True, "conditions": {"until": "2026-03-31"}}
AMOUNT = {"kind": "MULTI_SESSION", "order": 1, "amount_minor": 1001, "conditions": {"sessions": 2}}


def promo(code: str = "SPRING", **conditions: Any) -> dict[str, Any]:
    return {"kind": "PROMO_CODE", "order": 4, "amount_minor": 500, "conditions": {"code": code, **conditions}}


def course(centre: Centre, *discounts: dict[str, Any], weeks: int = 5, **columns: Any) -> Course:
    """A weekly course of 30.00 a session with these discounts."""
    return centre.course(*sundays(weeks), session_price_minor=3000, rules={"discounts": list(discounts)}, **columns)


def discounts_of(centre: Centre, cart: Cart) -> list[tuple[str, int]]:
    """The rows of the order, summed by rule."""
    rows = centre.rows("SELECT rule, sum(amount_minor)::int AS amount_minor FROM term_booking_order_discount "
                       "WHERE order_id = %(id)s GROUP BY rule ORDER BY rule", id=cart.id)  # fmt: skip
    return [(row["rule"], row["amount_minor"]) for row in rows]


def used(centre: Centre, code: str) -> int:
    rows = centre.rows("SELECT used FROM promo_code WHERE code = %(code)s", code=code)
    return rows[0]["used"] if rows else 0


class TestSiblings:
    def test_the_second_child_is_cheaper_once_the_first_is_confirmed(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, SIBLING)
        mia, leo = rossi.child(), rossi.child("Leo Rossi")
        riverside.confirmed(rossi, mia, karate.lines(0))

        leos = riverside.cart(rossi, leo, karate.lines(0))

        assert leos.total_minor == 27_00
        assert discounts_of(riverside, leos) == [("SIBLING", 300)]

    def test_a_cart_or_an_unconfirmed_order_of_a_sibling_counts_for_nothing(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, SIBLING)
        riverside.submitted(rossi, rossi.child(), karate.lines(0))

        assert riverside.cart(rossi, rossi.child("Leo Rossi"), karate.lines(0)).total_minor == 30_00

    def test_another_familys_child_is_no_sibling(self, riverside: Centre) -> None:
        rossi, chen, karate = riverside.family(), riverside.family("Chen family"), course(riverside, SIBLING)
        riverside.confirmed(chen, chen.child("Ana Chen"), karate.lines(0))

        assert riverside.cart(rossi, rossi.child(), karate.lines(0)).total_minor == 30_00

    def test_a_price_that_a_sibling_changed_meanwhile_is_not_charged(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, SIBLING)
        leos = riverside.cart(rossi, rossi.child("Leo Rossi"), karate.lines(0))
        riverside.confirmed(rossi, rossi.child(), karate.lines(0))

        assert codes(lambda: riverside.submit(leos, actor=rossi.actor)) == ["price_changed"]


class TestFromCartToInvoice:
    def test_a_discount_is_shown_charged_and_printed(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, FIVE, EARLY)
        confirmed = riverside.confirmed(rossi, rossi.child(), karate.lines())

        booking = riverside.booking(confirmed)
        assert booking["total_minor"] == 128_25
        assert discounts_of(riverside, confirmed) == [("EARLY_BIRD", 675), ("MULTI_SESSION", 1500)]
        with riverside.database.transaction(riverside.organisation_id) as tx:
            (invoice,) = tx.rows("SELECT id FROM invoice WHERE booking_id = %(id)s", id=booking["id"])
            document = invoice_document(tx, invoice["id"])
        assert document.gross_minor == 128_25
        assert [(d.label, d.amount_minor) for d in document.lines[0].discounts] == [
            ("Multi-session discount (5 sessions booked, given from 5)", -300),
            ("Early bird discount (booked on 31 Mar 2026, given until 31 Mar 2026)", -135),
        ]

    def test_the_trace_says_which_rule_did_not_apply_and_why(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, SIBLING, FIVE)
        cart = riverside.submitted(rossi, rossi.child(), karate.lines(0))

        (line,) = riverside.rows("SELECT x.trace FROM billing_line x JOIN billing b ON b.id = x.billing_id "
                                 "WHERE b.order_id = %(id)s", id=cart.id)  # fmt: skip
        assert [(s["rule"], s["amount_minor"], s["why"]) for s in line["trace"] if s["step"] == "discount"] == [
            ("SIBLING", 0, "child 1 of the family, given from child 2"),
            ("MULTI_SESSION", 0, "1 session booked, given from 5"),
        ]

    def test_an_early_bird_that_is_over_at_submit_changes_the_price(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, EARLY)
        cart = riverside.cart(rossi, rossi.child(), karate.lines(0))
        assert cart.total_minor == 28_50

        assert codes(lambda: riverside.submit(cart, actor=rossi.actor, now=NOW + DAY)) == ["price_changed"]

    def test_the_order_in_which_sessions_are_chosen_changes_nothing(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, AMOUNT)
        cart = riverside.cart(rossi, rossi.child(), karate.lines(0, 1, 2))

        again = riverside.save(Cart(cart.id, cart.reference), karate.lines(2, 0, 1), actor=rossi.actor)

        assert (again.total_minor, again.fingerprint) == (cart.total_minor, cart.fingerprint)

    def test_staff_get_theirs(self, riverside: Centre) -> None:
        karate = course(riverside, {"kind": "STAFF", "order": 1, "percent": "50"})
        stella = riverside.family("Stella Roll", is_staff=True)

        assert riverside.cart(stella, stella.child("Sam Roll"), karate.lines(0)).total_minor == 15_00

    def test_programs_combine_with_a_confirmed_booking(self, riverside: Centre) -> None:
        swimming = riverside.course(FIRST + DAY, name="Swimming")
        combined = {"kind": "COMBINE_BOOKING", "order": 1, "percent": "10",
                    "conditions": {"programs": [str(swimming.offering["program_id"])]}}  # fmt: skip
        rossi, karate = riverside.family(), course(riverside, combined)
        mia = rossi.child()
        assert riverside.cart(rossi, mia, karate.lines(0)).total_minor == 30_00
        riverside.confirmed(rossi, mia, swimming.lines())

        assert riverside.cart(rossi, mia, karate.lines(0)).total_minor == 27_00


class TestPromoCodes:
    def cart(self, centre: Centre, karate: Course, *, code: str = "spring", **known: Any) -> tuple[Any, Cart]:
        rossi = known.pop("by", None) or centre.family()
        draft = centre.draft(rossi, rossi.child(), **known)
        return rossi, centre.save(draft, karate.lines(0), actor=rossi.actor, promo_code=code, **known)

    def test_a_code_is_used_from_submit_on_and_given_back_with_the_places(self, riverside: Centre) -> None:
        karate = course(riverside, promo("GIVEN-BACK"))
        rossi, cart = self.cart(riverside, karate, code="given-back")
        assert (cart.total_minor, used(riverside, "GIVEN-BACK")) == (25_00, 0)

        riverside.submit(cart, actor=rossi.actor)
        assert used(riverside, "GIVEN-BACK") == 1
        riverside.pull(orders.reopen, cart)
        assert used(riverside, "GIVEN-BACK") == 0

        riverside.submit(cart, actor=rossi.actor)
        riverside.sweep(NOW + timedelta(minutes=16))
        assert (riverside.status(cart), used(riverside, "GIVEN-BACK")) == (S.CANCELED, 0)

    def test_a_confirmed_order_keeps_it(self, riverside: Centre) -> None:
        karate = course(riverside, promo("KEPT"))
        _, cart = self.cart(riverside, karate, code="KEPT")
        riverside.submit(cart, actor=riverside.admin, how=ADMIN_CONFIRM)
        riverside.pull(orders.confirm, cart, reason="as agreed")

        assert used(riverside, "KEPT") == 1
        assert riverside.booking(cart)["total_minor"] == 25_00

    def test_once_per_account(self, riverside: Centre) -> None:
        karate = course(riverside, promo("ONCE"))
        rossi, first = self.cart(riverside, karate, code="ONCE")
        riverside.submit(first, actor=rossi.actor)

        _, second = self.cart(riverside, karate, code="ONCE", by=rossi)

        assert (second.total_minor, second.notices) == (30_00, ["promo_code_used_before"])
        assert codes(lambda: riverside.submit(second, actor=rossi.actor)) == ["promo_code_used_before"]

    def test_as_often_as_one_likes_where_the_rule_says_so(self, riverside: Centre) -> None:
        karate = course(riverside, promo("OFTEN", once_per_account=False))
        rossi, first = self.cart(riverside, karate, code="OFTEN")
        riverside.submit(first, actor=rossi.actor)

        _, second = self.cart(riverside, karate, code="OFTEN", by=rossi)
        riverside.submit(second, actor=rossi.actor)

        assert used(riverside, "OFTEN") == 2

    @pytest.mark.parametrize(
        ("code", "conditions", "why"),
        [
            ("NOT-THIS-ONE", {}, "promo_code_unknown"),
            ("DATED", {"from": "2026-04-02"}, "promo_code_not_valid_today"),
            ("DATED", {"until": "2026-03-30"}, "promo_code_not_valid_today"),
        ],
    )
    def test_a_code_that_is_not_good_is_refused_by_name(
        self, riverside: Centre, code: str, conditions: dict[str, Any], why: str
    ) -> None:
        karate = course(riverside, promo("DATED", **conditions))
        rossi, cart = self.cart(riverside, karate, code=code)
        assert (cart.total_minor, cart.notices) == (30_00, [why])
        before = riverside.snapshot()

        found = riverside.refusal(lambda: riverside.submit(cart, actor=rossi.actor))

        assert {why: "promo_code"} == {code: reason.field for code, reason in found.items()}
        assert riverside.snapshot() == before

    def test_what_cannot_be_a_code_is_refused_at_once(self, riverside: Centre) -> None:
        with pytest.raises(Invalid) as refusal:
            self.cart(riverside, course(riverside), code="!?")

        assert [reason.field for reason in refusal.value.reasons] == ["promo_code"]

    def raced(self, centre: Centre, code: str) -> list[str]:
        """Six families submit at the same moment with a code that may be used twice."""
        karate = course(centre, promo(code, limit=2), capacity=100)
        carts = [self.cart(centre, karate, code=code) for _ in range(6)]
        jobs = [
            Pull(orders.submit, {"order_id": cart.id, "confirmation_type": PAY_NOW, "actor": rossi.actor, "now": NOW,
                                 "price_fingerprint": cart.fingerprint}) for rossi, cart in carts
        ]  # fmt: skip
        with clients(centre.url, processes=2, each=3) as racing:
            (outcomes,) = racing.race(centre.organisation_id, [jobs])
        return outcomes

    def test_of_many_at_once_as_many_get_it_as_the_limit_says(self, riverside: Centre) -> None:
        outcomes = self.raced(riverside, "LAST-TWO")

        assert sorted(outcomes) == [GOT_IT] * 2 + ["price_changed, promo_code_used_up"] * 4
        assert used(riverside, "LAST-TWO") == 2

    def test_without_the_guard_the_race_is_lost(self, riverside: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
        open_to_all = replace(
            order_discounts._USE, sql=order_discounts._USE.sql.replace("excluded.most", "NULL::bigint")
        )
        monkeypatch.setattr(order_discounts, "_USE", open_to_all)

        assert self.raced(riverside, "OPEN-TO-ALL").count(GOT_IT) > 2

    def test_a_later_lower_limit_refuses_and_takes_nothing_away(self, riverside: Centre) -> None:
        karate = course(riverside, promo("LOWERED", limit=3), weeks=1)
        for _ in range(2):
            rossi, cart = self.cart(riverside, karate, code="LOWERED")
            riverside.submit(cart, actor=rossi.actor)
        riverside.rule("discounts", [promo("LOWERED", limit=1)], karate.offering["id"])

        _, late = self.cart(riverside, karate, code="LOWERED")

        assert late.notices == ["promo_code_used_up"]
        assert used(riverside, "LOWERED") == 2
