"""Stories of companions: an order that alters the price of another booking of the family takes it along, or nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from engine.database import Transaction
from engine.errors import NotFound
from models import TermBookingStatus as S
from tests import builders as build
from tests.workflows import endings, groups
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    DAY,
    FIRST,
    NOW,
    PAY_LATER,
    PAY_NOW,
    SYSTEM,
    Cart,
    Centre,
    Course,
    Family,
    Kind,
    codes,
    orders,
    refused,
    sundays,
)
from tests.workflows.test_schedules import DEPOSIT, RULES
from tests.workflows.test_schedules import pay as pay_scheduled
from tests.workflows.test_schedules import submit as submit_scheduled
from workflows import change_order, payments, waiting_offers, waiting_orders
from workflows.companion_facts import why
from workflows.group_facts import Group
from workflows.order_facts import lock_order

LATER = NOW + timedelta(minutes=17)
# All children of a family get it once there are two.
SIBLING = {
    "kind": "SIBLING",
    "order": 1,
    "percent": "10",
    "conditions": {"every_child": True},
    "on_edit": "REPRICE_ALL",
}


@dataclass
class Story:
    """Mia's booking of two sessions at 30.00, and Leo's order, which makes it cheaper."""

    centre: Centre
    rossi: Family
    mia: dict[str, Any]
    leo: dict[str, Any]
    karate: Course
    mias: Cart

    @property
    def booking(self) -> dict[str, Any]:
        return self.centre.booking(self.mias)

    def leos(self, *, how: Any = PAY_NOW, **known: Any) -> Cart:
        """Leo's order, submitted."""
        return self.centre.submitted(self.rossi, self.leo, self.karate.lines(0), how=how, **known)

    def companions(self, cause: Cart) -> list[tuple[int, int, int]]:
        """Each companion of the order: status, was, becomes."""
        rows = self.centre.rows("SELECT status, was_minor, total_minor FROM term_booking_order "
                                "WHERE cause_order_id = %(id)s ORDER BY created_at, id", id=cause.id)  # fmt: skip
        return [tuple(row.values()) for row in rows]  # type: ignore[misc]

    def costs(self) -> tuple[int, int]:
        """What Mia's booking costs, and its revision."""
        return self.booking["total_minor"], self.booking["revision"]

    def documents(self) -> list[tuple[str, int]]:
        rows = self.centre.rows(
            "SELECT series, total_minor FROM invoice WHERE booking_id = %(id)s UNION ALL "
            "SELECT series, total_minor FROM credit_note WHERE booking_id = %(id)s", id=self.booking["id"])  # fmt: skip
        return sorted((row["series"], row["total_minor"]) for row in rows)

    def pay(self, cart: Cart, amount_minor: int, **known: Any) -> None:
        self.centre.do(payments.record_manual_payment, order_id=cart.id, amount_minor=amount_minor, reason="cash",
                       actor=self.centre.admin, **known)  # fmt: skip

    def pay_late(self, cart: Cart) -> None:
        """What it costs came in after its timeout."""
        placed = build.Ordered(self.centre.order(cart), [])
        self.centre.edit(build.payment, placed, amount_minor=placed.order["total_minor"], at=LATER)

    def reviews(self) -> list[str]:
        rows = self.centre.rows("SELECT r.kind FROM payment_review r JOIN payment p ON p.id = r.payment_id "
                                "WHERE p.account_id = %(id)s", id=self.rossi.id)  # fmt: skip
        return [row["kind"] for row in rows]


def story(centre: Centre, *discounts: dict[str, Any], **columns: Any) -> Story:
    rossi = centre.family(credit_limit_minor=100_000)
    karate = centre.course(
        *sundays(4), session_price_minor=3000, rules={"discounts": list(discounts or (SIBLING,))}, **columns
    )
    mia, leo = rossi.child(), rossi.child("Leo Rossi")
    return Story(centre, rossi, mia, leo, karate, centre.confirmed(rossi, mia, karate.lines(0, 1)))


def revived(tx: Transaction, *, order_id: UUID, now: datetime) -> bool:
    """Late money: submitted and confirmed again, at the price that was shown; says whether others are altered by it."""
    order = lock_order(tx, order_id, actor=SYSTEM)
    is_as_shown = orders.revive_locked(tx, order, paid_fingerprint=order.price_fingerprint, now=now, reason="late")
    orders.confirm_locked(tx, order, actor=SYSTEM, now=now, reason="late")
    return is_as_shown


class TestANewOrder:
    def test_shows_what_it_alters_in_the_cart_and_makes_nothing_of_it(self, riverside: Centre) -> None:
        its = story(riverside)
        draft = riverside.draft(its.rossi, its.leo)

        saved = riverside.do(orders.save, order_id=draft.id, lines=its.karate.lines(0), actor=its.rossi.actor)

        (found,) = saved.companions
        assert (found.difference.old_total_minor, found.difference.new_total_minor) == (60_00, 54_00)
        assert why(found) == ["Sibling discount: 2 children booked, given from 2"]
        assert its.companions(draft) == []
        assert its.costs() == (60_00, 1)

    def test_holds_a_companion_from_submit_on(self, riverside: Centre) -> None:
        its = story(riverside)

        leos = its.leos()

        assert its.companions(leos) == [(S.SUBMITTED_CHANGE, 60_00, 54_00)]
        assert its.costs() == (60_00, 1)
        assert riverside.taken(its.karate) == [2, 1, 0, 0]
        assert riverside.order(leos)["total_minor"] == 27_00

    def test_confirms_it_with_itself(self, riverside: Centre) -> None:
        its = story(riverside)
        leos = its.leos()

        its.pay(leos, 27_00)

        assert riverside.status(leos) == S.APPROVED
        assert its.companions(leos) == [(S.APPROVED, 60_00, 54_00)]
        assert its.costs() == (54_00, 2)
        assert its.documents() == [("CN", 6_00), ("INV", 60_00)]
        assert its.reviews() == []

    def test_of_pay_later_and_of_an_admin_do_the_same(self, riverside: Centre) -> None:
        its = story(riverside)
        its.leos(how=PAY_LATER)
        assert its.costs() == (54_00, 2)

        its = story(riverside)
        leos = its.leos(how=ADMIN_CONFIRM)
        assert its.costs() == (60_00, 1)
        riverside.pull(orders.confirm, leos, reason="as agreed")
        assert its.costs() == (54_00, 2)

    def test_what_was_paid_beyond_pays_what_is_open_in_the_group(self, riverside: Centre) -> None:
        its = story(riverside)
        its.pay(its.mias, 60_00)

        its.leos(how=PAY_LATER)

        assert its.booking["payment_state"] == "PAID"
        # Leo's invoice is open in the same group: it pays that first.
        step = riverside.one(
            "SELECT s.rule, s.amount_minor FROM credit_step s JOIN credit_note n ON n.id = s.credit_note_id "
            "WHERE n.account_id = %(id)s", id=its.rossi.id)  # fmt: skip
        assert tuple(step.values()) == ("SAME_GROUP", 6_00)

    def test_leaves_the_extras_of_the_other_booking_as_they_are(self, riverside: Centre) -> None:
        its = story(riverside)
        lunch = riverside.extra(program_id=its.karate.offering["program_id"])
        with_lunch = its.karate.lines(0, extras=[{"extra_id": lunch, "quantity": 2}])
        chen = riverside.family("Chen family", credit_limit_minor=100_000)
        anas = riverside.confirmed(chen, chen.child("Ana Chen"), with_lunch)

        leos = riverside.submitted(chen, chen.child("Ben Chen"), its.karate.lines(0), how=PAY_LATER)

        assert its.companions(leos) == [(S.APPROVED, 46_00, 43_00)]
        rows = riverside.rows("SELECT quantity, price_minor FROM term_booking_extra WHERE booking_id = %(id)s",
                              id=riverside.booking(anas)["id"])  # fmt: skip
        assert [(row["quantity"], row["price_minor"]) for row in rows] == [(2, 8_00)]

    def test_is_submitted_only_with_what_was_shown_of_others_too(self, riverside: Centre) -> None:
        its = story(riverside)
        cart = riverside.cart(its.rossi, its.leo, its.karate.lines(0))
        own = cart.fingerprint.partition("-")[0]

        (reason,) = refused(lambda: riverside.submit(cart, actor=its.rossi.actor, price_fingerprint=own))

        assert reason.code == "price_changed"
        assert [each["delta_minor"] for each in reason.facts["companions"]] == [-6_00]
        assert reason.facts["price_fingerprint"] == cart.fingerprint

    def test_alters_nothing_that_is_frozen_or_that_does_not_count_others(self, riverside: Centre) -> None:
        two = {"kind": "MULTI_SESSION", "order": 1, "percent": "10", "conditions": {"sessions": 2}}
        for discount in ({**SIBLING, "on_edit": "FREEZE"}, two):
            its = story(riverside, discount)
            assert its.companions(its.leos(how=PAY_LATER)) == []
            assert its.booking["revision"] == 1

    def test_alters_only_what_is_to_come_by_default(self, riverside: Centre) -> None:
        its = story(riverside, {**SIBLING, "on_edit": "REPRICE_FUTURE"})

        leos = riverside.submitted(its.rossi, its.leo, its.karate.lines(2), how=PAY_LATER,
                                   now=NOW + timedelta(days=14))  # fmt: skip

        assert its.companions(leos) == [(S.APPROVED, 60_00, 57_00)]

    def test_alters_nothing_of_another_family(self, riverside: Centre) -> None:
        its = story(riverside)
        chen = riverside.family("Chen family")

        chens = riverside.submitted(chen, chen.child("Ana Chen"), its.karate.lines(0))

        assert its.companions(chens) == []

    def test_of_a_combined_program_takes_the_childs_other_booking_along(self, riverside: Centre) -> None:
        swimming = riverside.course(FIRST + DAY, name="Swimming")
        its = story(riverside, {"kind": "COMBINE_BOOKING", "order": 1, "percent": "20", "on_edit": "REPRICE_ALL",
                                "conditions": {"programs": [str(swimming.offering["program_id"])]}})  # fmt: skip

        mias = riverside.submitted(its.rossi, its.mia, swimming.lines(), how=PAY_LATER)
        leos = riverside.submitted(its.rossi, its.leo, swimming.lines(), how=PAY_LATER)

        assert its.companions(mias) == [(S.APPROVED, 60_00, 48_00)]
        assert its.companions(leos) == []


class TestItsCauseEndsOtherwise:
    @pytest.mark.parametrize("ending", ["cancel", "remove", "reopen", "timeout", "quote expired", "declined"])
    def test_and_nothing_of_it_is_left(self, riverside: Centre, ending: str) -> None:
        its = story(riverside)
        leos = its.leos()
        if ending == "timeout":
            riverside.sweep(NOW + timedelta(minutes=16))
        elif ending == "quote expired":
            riverside.pull(orders.quote, leos)
            riverside.sweep(NOW + timedelta(days=60))
        elif ending == "declined":
            riverside.pull(orders.quote, leos)
            riverside.pull(orders.cancel, leos, reason="too dear")
        else:
            riverside.pull(getattr(orders, ending), leos)

        assert its.companions(leos) == [(S.REMOVED, 60_00, 54_00)]
        assert its.costs() == (60_00, 1)

    def test_let_in_before_the_invoice_and_cancelled(self, riverside: Centre) -> None:
        its = story(riverside)
        leos = its.leos()
        riverside.pull(orders.approve_attendance, leos)
        assert its.companions(leos) == [(S.SUBMITTED_CHANGE, 60_00, 54_00)]

        riverside.pull(orders.cancel, leos, reason="never came")

        assert its.companions(leos) == [(S.REMOVED, 60_00, 54_00)]

    def test_let_in_before_the_invoice_and_confirmed(self, riverside: Centre) -> None:
        its = story(riverside)
        leos = its.leos(how=ADMIN_CONFIRM)
        riverside.pull(orders.approve_attendance, leos)

        riverside.pull(orders.confirm, leos, reason="as agreed")

        assert its.costs() == (54_00, 2)

    def test_reopened_and_submitted_again_has_a_new_one(self, riverside: Centre) -> None:
        its = story(riverside)
        leos = its.leos()
        riverside.pull(orders.reopen, leos)
        riverside.submit(leos, actor=its.rossi.actor)

        its.pay(leos, 27_00)

        assert its.companions(leos) == [(S.REMOVED, 60_00, 54_00), (S.APPROVED, 60_00, 54_00)]

    def test_timed_out_and_revived_by_late_money(self, riverside: Centre) -> None:
        its = story(riverside)
        leos = its.leos()
        riverside.sweep(NOW + timedelta(minutes=16))

        its.pay_late(leos)
        assert riverside.do(revived, order_id=leos.id, now=LATER)

        assert riverside.status(leos) == S.APPROVED
        assert its.companions(leos) == [(S.REMOVED, 60_00, 54_00), (S.APPROVED, 60_00, 54_00)]

    def test_revived_when_the_booking_costs_something_else_by_now_leaves_it_alone(self, riverside: Centre) -> None:
        its = story(riverside)
        leos = its.leos()
        riverside.sweep(NOW + timedelta(minutes=16))
        riverside.submitted(its.rossi, its.rossi.child("Ned Rossi"), its.karate.lines(0), how=PAY_LATER)
        assert its.costs() == (54_00, 2)

        its.pay_late(leos)
        assert not riverside.do(revived, order_id=leos.id, now=LATER)

        assert riverside.status(leos) == S.APPROVED
        assert its.companions(leos) == [(S.REMOVED, 60_00, 54_00)]


class TestItIsNobodysOwn:
    def test_nobody_ends_it_but_its_cause(self, riverside: Centre) -> None:
        its = story(riverside)
        leos = its.leos()
        companion = riverside.one("SELECT id FROM term_booking_order WHERE cause_order_id = %(id)s", id=leos.id)

        for actor in (its.rossi.actor, riverside.admin):
            ending = {"order_id": companion["id"], "actor": actor}
            assert codes(lambda ending=ending: riverside.do(orders.remove, **ending)) == ["is_companion"]
        with pytest.raises(NotFound):
            riverside.do(change_order.review, order_id=companion["id"], actor=riverside.admin)

    def test_holds_no_place_and_runs_out_of_nothing(self, riverside: Centre) -> None:
        its = story(riverside)
        leos = its.leos()
        (row,) = riverside.rows("SELECT id, reference FROM term_booking_order WHERE cause_order_id = %(id)s",
                                id=leos.id)  # fmt: skip

        companion = Cart(row["id"], row["reference"])
        assert (riverside.claims(companion), riverside.timers(companion)) == ([], [])


class TestSeveralAtOnce:
    def together(self, its: Story, **known: Any) -> tuple[Group, list[Cart]]:
        ned = its.rossi.child("Ned Rossi")
        wanted = [(child, its.karate.lines(0)) for child in (its.leo, ned)]
        group = groups.begin(its.centre, its.rossi, wanted)
        return group, [Cart(outcome.order.id, outcome.order.reference) for outcome in group.outcomes]

    def test_the_first_that_makes_the_difference_takes_it_along(self, riverside: Centre) -> None:
        its = story(riverside)
        group, (leos, neds) = self.together(its)
        assert [len(outcome.companions or ()) for outcome in group.outcomes] == [1, 0]

        groups.submit(riverside, group, actor=its.rossi.actor)
        assert its.companions(leos) == [(S.SUBMITTED_CHANGE, 60_00, 54_00)]
        assert its.companions(neds) == []
        its.pay(neds, 27_00)
        its.pay(leos, 27_00)

        assert its.costs() == (54_00, 2)
        assert its.reviews() == []

    def test_all_of_them_are_confirmed_with_it(self, riverside: Centre) -> None:
        its = story(riverside)
        group, (leos, neds) = self.together(its)

        groups.submit(riverside, group, actor=its.rossi.actor, how=PAY_LATER)

        assert [riverside.status(cart) for cart in (leos, neds)] == [S.APPROVED, S.APPROVED]
        assert its.companions(leos) == [(S.APPROVED, 60_00, 54_00)]

    def test_of_two_submissions_that_come_to_the_same_the_first_makes_it(self, riverside: Centre) -> None:
        its = story(riverside)
        leos, neds = its.leos(), riverside.submitted(its.rossi, its.rossi.child("Ned Rossi"), its.karate.lines(0))
        assert its.companions(leos) == its.companions(neds) == [(S.SUBMITTED_CHANGE, 60_00, 54_00)]

        for cart in (neds, leos):
            its.pay(cart, 27_00)

        assert its.costs() == (54_00, 2)
        assert its.companions(leos) == [(S.REMOVED, 60_00, 54_00)]
        assert its.reviews() == []

    def test_who_waited_takes_others_along_too(self, riverside: Centre) -> None:
        its = story(riverside, capacity=2)
        chen = riverside.family("Chen family")
        early = riverside.submitted(chen, chen.child("Ana Chen"), its.karate.lines(0))
        waits = riverside.cart(its.rossi, its.leo, its.karate.lines(0), order_type=Kind.WAITING_LIST)
        riverside.do(waiting_orders.wait, order_id=waits.id, actor=its.rossi.actor)
        riverside.pull(orders.cancel, early, reason="changed their mind")
        offer = riverside.one("SELECT offer_id AS id FROM waiting_entry WHERE order_id = %(id)s", id=waits.id)
        shown = riverside.do(waiting_offers.show_offer, offer_id=offer["id"], actor=its.rossi.actor)

        riverside.do(waiting_offers.accept, offer_id=offer["id"], confirmation_type=PAY_LATER, actor=its.rossi.actor,
                     price_fingerprint=shown.fingerprint)  # fmt: skip

        assert its.costs() == (54_00, 2)


class TestAChange:
    """Mia books karate and swimming; Leo's and her karate are cheaper for it."""

    def combined(self, centre: Centre) -> tuple[Story, Course, Cart]:
        swimming = centre.course(FIRST + DAY, FIRST + 2 * DAY, name="Swimming", session_price_minor=1000)
        its = story(centre, {"kind": "COMBINE_BOOKING", "order": 1, "percent": "20", "on_edit": "REPRICE_ALL",
                             "conditions": {"programs": [str(swimming.offering["program_id"])]}})  # fmt: skip
        chess = centre.course(FIRST + 3 * DAY, name="Chess", session_price_minor=2000)
        other = centre.confirmed(its.rossi, its.mia, chess.lines())
        return its, swimming, other

    def begun(self, its: Story, of: Cart, lines: list[dict[str, Any]]) -> Cart:
        booking_id = its.centre.booking(of)["id"]
        made = its.centre.do(change_order.begin_change, booking_id=booking_id, actor=its.rossi.actor)
        change = Cart(made.order.id, made.order.reference)
        saved = its.centre.do(change_order.save, order_id=change.id, lines=lines, actor=its.rossi.actor)
        change.fingerprint = saved.priced.fingerprint
        return change

    def test_takes_another_booking_along_and_back(self, riverside: Centre) -> None:
        its, swimming, other = self.combined(riverside)
        chess = self.lines_of(riverside, other)
        change = self.begun(its, other, [*chess, *swimming.lines(0)])
        self.submit(riverside, change)
        assert its.companions(change) == [(S.SUBMITTED_CHANGE, 60_00, 48_00)]

        self.confirm(riverside, change)
        assert its.companions(change) == [(S.APPROVED, 60_00, 48_00)]
        assert its.costs() == (48_00, 2)

        back = self.begun(its, other, chess)
        self.submit(riverside, back)
        self.confirm(riverside, back)
        assert its.companions(back) == [(S.APPROVED, 48_00, 60_00)]
        assert its.costs() == (60_00, 3)
        assert its.documents() == [("CN", 12_00), ("INV", 12_00), ("INV", 60_00)]

    def test_of_something_else_takes_nothing_along(self, riverside: Centre) -> None:
        its, swimming, other = self.combined(riverside)
        chess = self.lines_of(riverside, other)
        first = self.begun(its, other, [*chess, *swimming.lines(0)])
        self.submit(riverside, first)
        self.confirm(riverside, first)

        more = self.begun(its, other, [*chess, *swimming.lines(0, 1)])
        self.submit(riverside, more)

        assert its.companions(more) == []

    def test_that_is_discarded_leaves_nothing(self, riverside: Centre) -> None:
        its, swimming, other = self.combined(riverside)
        change = self.begun(its, other, [*self.lines_of(riverside, other), *swimming.lines(0)])
        self.submit(riverside, change)

        riverside.pull(orders.remove, change)

        assert its.companions(change) == [(S.REMOVED, 60_00, 48_00)]
        assert its.costs() == (60_00, 1)

    def test_is_refused_with_the_fresh_difference_where_the_other_was_changed_meanwhile(
        self, riverside: Centre
    ) -> None:
        its, swimming, other = self.combined(riverside)
        change = self.begun(its, other, [*self.lines_of(riverside, other), *swimming.lines(0)])
        self.submit(riverside, change)
        # Swimming comes from another order first.
        riverside.submitted(its.rossi, its.mia, swimming.lines(1), how=PAY_LATER)
        assert its.costs() == (48_00, 2)

        (reason,) = refused(lambda: self.confirm(riverside, change))

        assert reason.code == "difference_is_stale"
        assert reason.facts["companions"] == []
        change.fingerprint = reason.facts["fingerprint"]
        self.confirm(riverside, change)
        assert its.companions(change) == [(S.REMOVED, 60_00, 48_00)]
        assert its.costs() == (48_00, 2)

    def lines_of(self, centre: Centre, cart: Cart) -> list[dict[str, Any]]:
        rows = centre.rows("SELECT term_product_id AS id FROM term_booking_line WHERE booking_id = %(id)s",
                           id=centre.booking(cart)["id"])  # fmt: skip
        return [{"session_id": row["id"], "mode": "CASUAL"} for row in rows]

    def submit(self, centre: Centre, change: Cart) -> None:
        centre.do(change_order.submit, order_id=change.id, confirmation_type=ADMIN_CONFIRM, actor=centre.admin,
                  price_fingerprint=change.fingerprint)  # fmt: skip

    def confirm(self, centre: Centre, change: Cart) -> None:
        centre.do(change_order.confirm, order_id=change.id, difference_fingerprint=change.fingerprint,
                  actor=centre.admin, reason="as agreed")  # fmt: skip


class TestTheBookingIsChangedMeanwhile:
    def test_a_paid_order_is_confirmed_and_the_booking_keeps_its_price(self, riverside: Centre) -> None:
        its = story(riverside)
        leos = its.leos()
        riverside.do(endings.cancel, booking_id=its.booking["id"], actor=riverside.admin, reason="moved away")

        its.pay(leos, 27_00)

        assert riverside.status(leos) == S.APPROVED
        assert its.companions(leos) == [(S.REMOVED, 60_00, 54_00)]
        assert its.reviews() == ["COMPANION_NOT_MADE"]

    def test_that_it_was_paid_meanwhile_changes_nothing(self, riverside: Centre) -> None:
        its = story(riverside)
        leos = its.leos()
        its.pay(its.mias, 60_00)

        its.pay(leos, 27_00)

        assert its.costs() == (54_00, 2)
        assert its.reviews() == []

    def test_of_two_that_alter_it_the_second_finds_it_altered(self, riverside: Centre) -> None:
        its = story(riverside)
        ned = its.rossi.child("Ned Rossi")
        leos = its.leos(how=ADMIN_CONFIRM)
        neds = riverside.submitted(its.rossi, ned, its.karate.lines(0), how=ADMIN_CONFIRM)
        assert its.companions(neds) == [(S.SUBMITTED_CHANGE, 60_00, 54_00)]

        for cart in (leos, neds):
            riverside.pull(orders.confirm, cart, reason="as agreed")

        assert its.costs() == (54_00, 2)
        assert its.companions(leos) == [(S.APPROVED, 60_00, 54_00)]
        assert its.companions(neds) == [(S.REMOVED, 60_00, 54_00)]


class TestByInstalments:
    """Deposits: an order that alters another booking agrees to a schedule, and so may the booking that is altered."""

    def test_an_order_with_a_schedule_takes_a_booking_with_a_schedule_along(self, riverside: Centre) -> None:
        rossi = riverside.family()
        karate = riverside.course(*sundays(4), session_price_minor=3000, rules={**RULES, "discounts": [SIBLING]})
        mias = submit_scheduled(riverside, rossi, karate, DEPOSIT)
        pay_scheduled(riverside, rossi, mias)
        assert riverside.booking(mias)["total_minor"] == 120_00

        leos = submit_scheduled(riverside, rossi, karate, DEPOSIT)
        assert pay_scheduled(riverside, rossi, leos) == 27_00

        assert riverside.status(leos) == S.APPROVED
        assert (riverside.booking(mias)["total_minor"], riverside.booking(mias)["revision"]) == (108_00, 2)
