"""A review shows where the credits of a change go, its companions' too; confirmed at that, they go just there."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from engine.database import Row
from models import TermBookingConfirmationType as How
from tests.workflows import credits, endings
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    DAY,
    FIRST,
    NOW,
    PAY_LATER,
    PAY_NOW,
    Cart,
    Centre,
    Family,
    orders,
    sundays,
)
from tests.workflows.purse import Purse
from workflows import change_order, enrolment, payments
from workflows.change_facts import Change
from workflows.change_guards import shown_difference


@dataclass
class Story:
    """Mia has karate, which is cheaper with swimming, and chess; Leo has soccer. All of it is one billing group."""

    centre: Centre
    rossi: Family
    karate: Cart
    chess: Cart
    soccer: Cart
    lines: dict[str, list[Row]]
    now: datetime = NOW

    def pay(self, cart: Cart, amount_minor: int) -> None:
        self.centre.do(payments.record_manual_payment, order_id=cart.id, amount_minor=amount_minor, reason="cash",
                       actor=self.centre.admin, now=self.now)  # fmt: skip

    def owed(self, cart: Cart) -> int:
        row = self.centre.one(
            "SELECT coalesce(sum(v.total_minor - coalesce((SELECT sum(amount_minor) FROM payment_allocation "
            "WHERE invoice_id = v.id), 0) - coalesce((SELECT sum(amount_minor) FROM credit_allocation "
            "WHERE invoice_id = v.id), 0)), 0)::int AS minor FROM invoice v "
            "JOIN term_booking_order o ON o.booking_id = v.booking_id WHERE o.id = %(id)s", id=cart.id)  # fmt: skip
        owed: int = row["minor"]
        return owed

    def review(self, of: Cart, lines: list[Row], how: How | None = None) -> tuple[UUID, Change]:
        """A change of the booking, as far as it goes before it is confirmed."""
        known: dict[str, Any] = {"actor": self.rossi.actor, "now": self.now}
        begun = self.centre.do(change_order.begin_change, booking_id=self.centre.booking(of)["id"], **known)
        order_id = begun.order.id
        self.centre.do(change_order.save, order_id=order_id, lines=lines, **known)
        change = self.centre.do(change_order.review, order_id=order_id, **known)
        changes = bool(change.facts.lines or change.leaving)
        if how is ADMIN_CONFIRM and changes:
            self.centre.do(change_order.submit, order_id=order_id, confirmation_type=how, actor=self.centre.admin,
                           price_fingerprint=change.difference.fingerprint, now=self.now)  # fmt: skip
            change = self.centre.do(change_order.review, order_id=order_id, **known)
        return order_id, change

    def make(self, order_id: UUID, change: Change, how: How) -> None:
        """It is confirmed by its submission, by its payment or by an admin."""
        known: dict[str, Any] = {"order_id": order_id, "now": self.now}
        if how is ADMIN_CONFIRM:
            self.centre.do(change_order.confirm, difference_fingerprint=change.difference.fingerprint, reason="agreed",
                           actor=self.centre.admin, **known)  # fmt: skip
            return
        self.centre.do(change_order.submit, confirmation_type=how, price_fingerprint=change.difference.fingerprint,
                       actor=self.rossi.actor, **known)  # fmt: skip
        if how is PAY_NOW and (required := change.difference.required_minor):
            self.pay(Cart(order_id, change.order.reference), required)


def story(centre: Centre) -> Story:
    rossi = centre.family(credit_limit_minor=1_000_000)
    swimming = centre.course(FIRST + DAY, FIRST + 2 * DAY, name="Swimming", session_price_minor=1000)
    combined = {"kind": "COMBINE_BOOKING", "order": 1, "percent": "20", "on_edit": "REPRICE_ALL",
                "conditions": {"programs": [str(swimming.offering["program_id"])]}}  # fmt: skip
    karate = centre.course(*sundays(4), session_price_minor=3000, rules={"discounts": [combined]})
    chess = centre.course(*(each + 3 * DAY for each in sundays(4)), name="Chess", session_price_minor=2000)
    soccer = centre.course(*sundays(2), name="Soccer", session_price_minor=1500)
    mia, leo = rossi.child(), rossi.child("Leo Rossi")
    booked = [centre.confirmed(rossi, who, lines) for who, lines in
              ((mia, karate.lines(0, 1, 2)), (mia, chess.lines(0, 1)), (leo, soccer.lines()))]  # fmt: skip
    return Story(centre, rossi, *booked, lines={"chess": chess.lines(), "swimming": swimming.lines()})


class TestTheReview:
    def test_says_whom_the_money_pays_and_what_of_it_is_in_the_wallet(self, riverside: Centre) -> None:
        its = story(riverside)
        its.pay(its.chess, 40_00)
        its.pay(its.soccer, 25_00)

        _, change = its.review(its.chess, its.lines["chess"][:1])

        shown = shown_difference(change)["credit_goes_to"]
        assert [(step["rule"], step["amount_minor"], step["balance_minor"]) for step in shown] == [
            ("SAME_GROUP", 5_00, 0), ("SAME_GROUP", 15_00, 0)]  # fmt: skip
        assert shown[0]["invoice"] is not None
        assert f"pays {shown[0]['invoice']}, due" in shown[0]["words"]

    def test_names_the_documents_and_the_due_of_a_companion(self, riverside: Centre) -> None:
        its = story(riverside)
        its.pay(its.karate, 80_00)

        _, change = its.review(its.chess, [*its.lines["chess"][:2], its.lines["swimming"][0]])

        (karate,) = shown_difference(change)["companions"]
        assert karate["documents"] == [{"kind": "CREDIT_NOTE", "total_minor": 18_00, "due_on": None}]
        assert (karate["due_minor"], karate["credit_minor"]) == (0, 8_00)
        assert [(step["rule"], step["amount_minor"]) for step in karate["credit_goes_to"]] == [
            ("SAME_INVOICE", 10_00), ("SAME_GROUP", 8_00)]  # fmt: skip

    def test_of_a_companion_that_gets_dearer_says_by_when_its_invoice_is_due(self, riverside: Centre) -> None:
        its = story(riverside)
        order_id, change = its.review(its.chess, [*its.lines["chess"][:2], its.lines["swimming"][0]], ADMIN_CONFIRM)
        its.make(order_id, change, ADMIN_CONFIRM)

        _, back = its.review(its.chess, its.lines["chess"][:2])

        (karate,) = shown_difference(back)["companions"]
        (invoice,) = karate["documents"]
        assert (invoice["kind"], invoice["total_minor"]) == ("INVOICE", 18_00)
        assert invoice["due_on"] == (NOW.date() + timedelta(days=14)).isoformat()

    def test_is_as_good_whatever_is_paid_elsewhere_meanwhile(self, riverside: Centre) -> None:
        """The fingerprint stands for the price: where the credit goes is decided when it is there."""
        its = story(riverside)
        its.pay(its.chess, 40_00)
        order_id, change = its.review(its.chess, its.lines["chess"][:1], ADMIN_CONFIRM)
        its.pay(its.soccer, its.owed(its.soccer))
        its.pay(its.karate, its.owed(its.karate))

        its.make(order_id, change, ADMIN_CONFIRM)

        assert Purse(riverside, its.rossi).holds == (20_00, 0)


@pytest.mark.parametrize("seed", range(8))
def test_credits_go_where_the_review_says(riverside: Centre, seed: int) -> None:
    its, dice = story(riverside), random.Random(seed)
    purse = Purse(riverside, its.rossi)
    purse.top_up(f"{dice.randint(10, 60)}.00")
    purse.bonus(f"{dice.randint(5, 30)}.00")
    for _ in range(4):
        its.now += timedelta(minutes=1)
        for cart in (its.karate, its.chess, its.soccer):
            if (owed := its.owed(cart)) and dice.random() < 0.6:
                its.pay(cart, dice.randint(1, owed))
            if (owed := its.owed(cart)) and sum(purse.holds) and dice.random() < 0.4:
                purse.pay(cart, dice.randint(1, min(owed, sum(purse.holds))), now=its.now)
        its.now += timedelta(minutes=1)
        lines = [*its.lines["chess"][: dice.randint(1, 4)], *its.lines["swimming"][: dice.randint(0, 2)]]
        _change(its, lines, dice.choice((ADMIN_CONFIRM, PAY_LATER, PAY_NOW)))
    _end(its)


def _change(its: Story, lines: list[Row], how: How) -> None:
    known = credits.notes(its.centre, its.rossi.id)
    booking_id = its.centre.booking(its.chess)["id"]
    dropped = (
        "SELECT term_product_id AS id FROM term_booking_line WHERE booking_id = %(id)s AND cancelled_at IS NOT NULL"
    )
    gone = {row["id"] for row in its.centre.rows(dropped, id=booking_id)}
    lines = [line for line in lines if line["session_id"] not in gone]
    if not lines:
        return
    order_id, change = its.review(its.chess, lines, how)
    if not (change.facts.lines or change.leaving):
        its.centre.pull(orders.remove, Cart(order_id, change.order.reference), now=its.now)
        return
    if how is PAY_LATER and change.difference.required_minor:
        # The way is known once it is handed in; the review before that takes it that it is paid at once.
        change.order.confirmation_type = how
    shown = credits.shown(change)
    its.make(order_id, change, how)
    assert credits.posted(its.centre, its.rossi.id, known) == shown


def _end(its: Story) -> None:
    known = credits.notes(its.centre, its.rossi.id)
    booking_id = its.centre.booking(its.chess)["id"]
    review = its.centre.do(enrolment.review_cancellation, booking_id=booking_id, actor=its.centre.admin, now=its.now)
    its.centre.do(endings.cancel, booking_id=booking_id, actor=its.centre.admin, reason="moved", now=its.now)
    assert credits.posted(its.centre, its.rossi.id, known) == credits.shown(review)
