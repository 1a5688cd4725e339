"""Stories of ending a booking by its review: what is shown is what is made, for it and for the family's others."""

from datetime import timedelta
from typing import Any

import pytest

from engine.actor import Actor
from models import TermBookingStatus as S
from tests.workflows import endings
from tests.workflows.centre import ADMIN_CONFIRM, FIRST, NOW, WEEK, Centre, codes, orders, refused
from tests.workflows.test_change_orders import FIVE, MIDWEEK, Story, story
from tests.workflows.test_companions import story as siblings
from workflows import change_order, enrolment
from workflows import term_booking as bookings
from workflows.change_guards import shown_difference

ALL_AGAIN = {**FIVE, "on_edit": "REPRICE_ALL"}


def look(its: Story, *, now: Any = NOW, actor: Actor | None = None, **known: Any) -> Any:
    verb = enrolment.review_closure if "last_day" in known else enrolment.review_cancellation
    return its.centre.do(verb, booking_id=its.booking["id"], actor=actor or its.centre.admin, now=now, **known)


def end(its: Story, verb: Any = endings.cancel, *, now: Any = NOW, **known: Any) -> None:
    given = {"actor": its.centre.admin, "reason": "moved away", **known}
    its.centre.do(verb, booking_id=its.booking["id"], now=now, **given)


class TestACancellation:
    @pytest.mark.parametrize(("discount", "left", "charged"), [(FIVE, 27_00, 0), (ALL_AGAIN, 30_00, 3_00)],
                             ids=["what was held keeps its discount", "all are judged again"])  # fmt: skip
    def test_judges_what_was_held_as_the_rule_says(
        self, riverside: Centre, discount: dict[str, Any], left: int, charged: int
    ) -> None:
        mias = story(riverside, discount)
        shown = shown_difference(look(mias, now=MIDWEEK))

        end(mias, now=MIDWEEK)

        assert (shown["new_total_minor"], shown["credit_note_minor"], shown["invoice_minor"]) == (left, 108_00, charged)
        assert (mias.booking["status"], mias.booking["total_minor"], mias.open_minor()) == (S.CANCELED, left, left)
        assert mias.documents() == [("INV", 135_00), *([("INV", charged)] if charged else []), ("CN", 108_00)]

    def test_says_where_its_credit_goes(self, riverside: Centre) -> None:
        mias = story(riverside, ALL_AGAIN)
        mias.pay(mias.first, 100_00)

        shown = shown_difference(look(mias, now=MIDWEEK))
        end(mias, now=MIDWEEK)

        assert [(each["rule"], each["amount_minor"]) for each in shown["credit_goes_to"]] == [
            ("SAME_CHANGE", 3_00), ("SAME_INVOICE", 35_00), ("TO_WALLET", 70_00)]  # fmt: skip
        assert shown["credit_goes_to"][0]["words"] == "$3.00 settles the invoice of the same change."
        assert "goes to the wallet, and may be asked back" in shown["credit_goes_to"][2]["words"]
        assert (shown["delta_minor"], shown["due_minor"], shown["credit_minor"]) == (-105_00, 0, 70_00)
        assert mias.open_minor() == 0

    def test_without_the_review_of_this_moment_is_refused_and_nothing_is_written(self, riverside: Centre) -> None:
        mias = story(riverside, FIVE)
        seen = look(mias).difference.fingerprint
        mias.pay(mias.first, 10_00)
        before = riverside.snapshot()

        (reason,) = refused(lambda: end(mias, enrolment.cancel, fingerprint=seen))

        assert (reason.code, reason.facts["fingerprint"]) == ("difference_is_stale", look(mias).difference.fingerprint)
        assert riverside.snapshot() == before
        assert "difference_is_stale" in codes(lambda: end(mias, enrolment.cancel, fingerprint=""))

    def test_is_not_accepted_by_the_review_of_a_closure(self, riverside: Centre) -> None:
        mias = story(riverside)
        closing = look(mias, last_day=(FIRST - WEEK).date()).difference

        assert closing.new_total_minor == 0
        assert codes(lambda: end(mias, enrolment.cancel, fingerprint=closing.fingerprint)) == ["difference_is_stale"]

    def test_of_a_suspended_booking_goes_the_same_way(self, riverside: Centre) -> None:
        mias = story(riverside, ALL_AGAIN)
        end(mias, bookings.suspend, now=MIDWEEK)

        end(mias, now=MIDWEEK)

        assert (mias.booking["status"], mias.booking["total_minor"]) == (S.CANCELED, 30_00)

    def test_of_what_is_approved_for_attendance_only_credits_nothing(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(session_price_minor=3000)
        mia = rossi.child()
        cart = riverside.submitted(rossi, mia, karate.lines(), how=ADMIN_CONFIRM)
        riverside.pay(cart, 30_00)
        riverside.pull(orders.approve_attendance, cart)
        mias = Story(riverside, rossi, mia, karate, cart)
        shown = shown_difference(look(mias))

        assert codes(lambda: end(mias, enrolment.cancel, fingerprint="guessed")) == ["difference_is_stale"]
        end(mias)

        assert (shown["delta_minor"], shown["documents"], shown["credit_minor"]) == (-30_00, [], 30_00)
        assert (mias.booking["status"], riverside.status(cart)) == (S.CANCELED, S.CANCELED)


class TestAClosure:
    def test_judges_again_what_stays_until_the_last_day(self, riverside: Centre) -> None:
        mias = story(riverside, FIVE)
        last_day = (FIRST + 2 * WEEK).date()
        shown = shown_difference(look(mias, last_day=last_day))

        end(mias, endings.close, last_day=last_day)

        assert (shown["new_total_minor"], shown["invoice_minor"], shown["credit_note_minor"]) == (90_00, 9_00, 54_00)
        assert (mias.booking["status"], mias.booking["total_minor"]) == (S.APPROVED, 90_00)
        assert mias.documents() == [("INV", 135_00), ("INV", 9_00), ("CN", 54_00)]
        riverside.sweep(NOW + 5 * WEEK)
        assert mias.booking["status"] == S.CLOSED

    @pytest.mark.parametrize(("days", "code"), [(-400, "before_term"), (36_500, "after_term")])
    def test_with_a_mistyped_year_changes_nothing(self, riverside: Centre, days: int, code: str) -> None:
        mias = story(riverside)
        last_day = FIRST.date() + timedelta(days=days)

        assert code in codes(lambda: end(mias, endings.close, last_day=last_day))

        assert (mias.booking["status"], mias.booking["closes_on"]) == (S.APPROVED, None)


class TestTheFamilysOtherBookings:
    def test_lose_the_discount_that_counted_it(self, riverside: Centre) -> None:
        its = siblings(riverside)
        leos = its.leos(how=ADMIN_CONFIRM, actor=riverside.admin)
        riverside.pull(orders.confirm, leos, reason="as agreed")
        assert its.costs() == (54_00, 2)
        leo = Story(riverside, its.rossi, its.leo, its.karate, leos)

        review = look(leo)
        end(leo)

        (shown,) = shown_difference(review)["companions"]
        assert (shown["was_minor"], shown["becomes_minor"]) == (54_00, 60_00)
        assert shown["why"] == ["Sibling discount: 1 child booked, given from 2"]
        assert its.costs() == (60_00, 3)
        assert its.documents() == [("CN", 6_00), ("INV", 6_00), ("INV", 60_00)]

    def test_keep_it_while_the_child_has_another_booking(self, riverside: Centre) -> None:
        its = siblings(riverside)
        leos = its.leos(how=ADMIN_CONFIRM, actor=riverside.admin)
        riverside.pull(orders.confirm, leos, reason="as agreed")
        riverside.confirmed(its.rossi, its.leo, its.karate.lines(2))
        leo = Story(riverside, its.rossi, its.leo, its.karate, leos)

        assert shown_difference(look(leo))["companions"] == []
        end(leo)

        assert its.costs() == (54_00, 2)

    def test_were_changed_meanwhile_so_the_review_is_stale(self, riverside: Centre) -> None:
        its = siblings(riverside)
        leos = its.leos(how=ADMIN_CONFIRM, actor=riverside.admin)
        riverside.pull(orders.confirm, leos, reason="as agreed")
        leo = Story(riverside, its.rossi, its.leo, its.karate, leos)
        seen = look(leo).difference.fingerprint
        mias = Story(riverside, its.rossi, its.mia, its.karate, its.mias)
        mias.changed(its.karate.lines(0))

        assert codes(lambda: end(leo, enrolment.cancel, fingerprint=seen)) == ["difference_is_stale"]


class TestAChangeOfWhatIsApprovedForAttendanceOnly:
    def attends(self, centre: Centre) -> Story:
        rossi = centre.family(credit_limit_minor=100_000)
        karate = centre.course(*[FIRST + WEEK * n for n in range(6)], session_price_minor=3000,
                               rules={"discounts": [FIVE]})  # fmt: skip
        mia = rossi.child()
        cart = centre.submitted(rossi, mia, karate.lines(0, 1, 2, 3), how=ADMIN_CONFIRM)
        centre.pull(orders.approve_attendance, cart)
        return Story(centre, rossi, mia, karate, cart)

    def test_asks_for_nothing_and_is_invoiced_with_its_order(self, riverside: Centre) -> None:
        mias = self.attends(riverside)
        change = mias.save(mias.begin(), mias.karate.lines(0, 1, 2, 4, 5))
        shown = shown_difference(riverside.do(change_order.review, order_id=change.id, actor=mias.rossi.actor))

        mias.submit(change)

        assert (shown["delta_minor"], shown["required_minor"], shown["documents"]) == (15_00, 0, [])
        assert (riverside.status(change), mias.booking["status"]) == (S.APPROVED, S.ATTENDANCE_APPROVED)
        assert (mias.booking["total_minor"], mias.booking["revision"], mias.documents()) == (135_00, 2, [])
        assert riverside.taken(mias.karate) == [1, 1, 1, 0, 1, 1]
        assert mias.roll() == ["EXPECTED"] * 3 + ["CANCELLED"] + ["EXPECTED"] * 2

        riverside.pull(orders.confirm, mias.first, reason="papers came in")

        assert mias.documents() == [("INV", 135_00)]
        assert (mias.booking["status"], mias.open_minor()) == (S.APPROVED, 135_00)

    def test_ends_with_it(self, riverside: Centre) -> None:
        mias = self.attends(riverside)
        mias.save(mias.begin(), mias.karate.lines(0, 4))

        end(mias)

        assert (mias.booking["status"], mias.booking["total_minor"]) == (S.CANCELED, 0)
        assert riverside.taken(mias.karate) == [0] * 6
