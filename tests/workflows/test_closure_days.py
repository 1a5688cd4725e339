"""A day is closed: what becomes of its bookings, of orders on their way, and of who waits."""

from datetime import datetime

import pytest

from models import TermBookingStatus as S
from models import WaitingStatus as W
from tests.builders import NOW, TORONTO
from tests.workflows import endings
from tests.workflows.camp import Camp
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    HOUR,
    PAY_NOW,
    TRIAL,
    Centre,
    orders,
    refused,
)
from tests.workflows.waiting import states, waiting
from workflows import term_booking as bookings


@pytest.fixture
def camp(riverside: Centre) -> Camp:
    return Camp(riverside)


class TestBookings:
    def test_the_day_becomes_a_closure_day_and_is_credited(self, riverside: Centre, camp: Camp) -> None:
        _, cart = camp.booked()

        done = camp.close()

        assert camp.lines(cart) == [
            ("SESSION", "EXPECTED", None), ("CLOSURE_DAY", "CANCELLED", "CLOSURE"), ("SESSION", "EXPECTED", None)
        ]  # fmt: skip
        (note,) = camp.notes(cart)
        assert (note["net_minor"], note["tax_minor"], note["reason"]) == (1000, 130, "Burst pipe")
        assert camp.statuses() == ["OPEN", "CLOSED", "OPEN"]
        assert riverside.taken(camp.course) == [1, 0, 1]
        booking = riverside.booking(cart)
        assert (booking["status"], booking["total_minor"]) == (S.APPROVED, 2260)
        assert (done["credited_minor"], done["freed_minor"]) == (1130, 0)

    def test_extras_are_credited_with_their_day(self, riverside: Centre, camp: Camp) -> None:
        lunch = [{"extra_id": riverside.extra(), "quantity": 2}]
        family = riverside.family()
        lines = [*camp.course.lines(0), *camp.course.lines(1, extras=lunch)]
        cart = riverside.confirmed(family, family.child(), lines)

        camp.close()

        (note,) = camp.notes(cart)
        assert note["total_minor"] == 1130 + 1600

    def test_what_was_paid_is_the_familys_credit(self, riverside: Centre, camp: Camp) -> None:
        _, cart = camp.booked(paid=True)

        done = camp.close()

        assert (done["credited_minor"], done["freed_minor"]) == (1130, 1130)
        assert riverside.booking(cart)["payment_state"] == "PAID"

    def test_who_was_there_stays_billed(self, riverside: Centre, camp: Camp) -> None:
        _, left = camp.booked("Mia Rossi")
        _, home = camp.booked("Leo Rossi")
        camp.mark(left, "LEFT", at=NOW)

        done = camp.close()

        assert camp.lines(left)[1] == ("SESSION", "LEFT", None)
        assert camp.lines(home)[1] == ("CLOSURE_DAY", "CANCELLED", "CLOSURE")
        assert camp.notes(left) == []
        assert riverside.taken(camp.course)[1] == 1
        stays = {one["attendee"]: one["stays_billed"] for one in done["bookings"]}
        assert stays["Leo Rossi"] == []
        assert stays["Mia Rossi"][0].startswith("Camp, ")

    @pytest.mark.parametrize("mark", ["ABSENT", "ABSENT_NOTIFIED"])
    def test_who_would_not_have_come_is_credited_too(self, riverside: Centre, camp: Camp, mark: str) -> None:
        _, cart = camp.booked()
        camp.mark(cart, mark)

        camp.close()

        assert camp.lines(cart)[1] == ("CLOSURE_DAY", "CANCELLED", "CLOSURE")

    def test_is_refused_while_anybody_is_signed_in(self, riverside: Centre, camp: Camp) -> None:
        _, cart = camp.booked()
        camp.mark(cart, "PRESENT", at=NOW)
        before = riverside.snapshot()

        (reason,) = refused(camp.close)

        assert (reason.code, reason.rule) == ("signed_in", "nobody_is_there")
        assert "Mia Rossi is signed in to Camp, " in reason.message
        assert riverside.snapshot() == before

    def test_after_the_day_nobody_is_there_any_more(self, riverside: Centre, camp: Camp) -> None:
        """Someone who was not signed out that evening was there, and stays billed."""
        _, cart = camp.booked()
        _, home = camp.booked("Leo Rossi")
        camp.mark(cart, "PRESENT", at=NOW)
        evening = datetime.combine(camp.day, datetime.min.time(), TORONTO) + HOUR * 20

        camp.close(now=evening)

        assert camp.lines(cart)[1] == ("SESSION", "PRESENT", None)
        assert camp.lines(home)[1][0] == "CLOSURE_DAY"

    def test_a_suspended_one_is_credited_as_well(self, riverside: Centre, camp: Camp) -> None:
        _, cart = camp.booked()
        riverside.do(bookings.suspend, booking_id=riverside.booking(cart)["id"], actor=riverside.admin, reason="ill")

        camp.close()

        assert riverside.booking(cart)["status"] == S.SUSPENDED
        assert len(camp.notes(cart)) == 1

    def test_one_for_attendance_invoices_what_is_left(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.submitted(family, family.child(), camp.course.lines(), how=ADMIN_CONFIRM)
        riverside.pull(orders.approve_attendance, cart)

        camp.close()
        riverside.pull(orders.confirm, cart, reason="papers came in")

        (invoice,) = riverside.rows("SELECT total_minor FROM invoice WHERE booking_id = %(id)s",
                                    id=riverside.booking(cart)["id"])  # fmt: skip
        assert invoice["total_minor"] == 2260

    def test_one_for_attendance_with_nothing_left_ends(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.submitted(family, family.child(), camp.course.lines(1), how=ADMIN_CONFIRM)
        riverside.pull(orders.approve_attendance, cart)

        camp.close()

        assert (riverside.status(cart), riverside.booking(cart)["status"]) == (S.CANCELED, S.CANCELED)

    def test_a_trial_too(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.confirmed(family, family.child(), camp.course.lines(1), order_type=TRIAL)

        camp.close()

        assert camp.lines(cart) == [("CLOSURE_DAY", "CANCELLED", "CLOSURE")]
        assert riverside.booking(cart)["total_minor"] == 0

    def test_siblings_of_one_family_take_one_version_after_the_other(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        carts = [riverside.confirmed(family, family.child(name), camp.course.lines()) for name in ("Mia", "Leo", "Zoe")]

        camp.close()

        assert sorted(version for cart in carts for version, _, _ in riverside.billings(cart)) == [1, 2, 3, 4, 5, 6]
        numbers = [camp.notes(cart)[0]["number"] for cart in carts]
        assert sorted(numbers) == list(range(min(numbers), min(numbers) + 3))

    def test_can_still_be_cancelled_for_the_rest(self, riverside: Centre, camp: Camp) -> None:
        family, cart = camp.booked()
        camp.close()

        riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], actor=family.actor)

        assert sorted(note["total_minor"] for note in camp.notes(cart)) == [1130, 2260]


class TestOrders:
    def test_one_on_its_way_goes_on_with_the_other_days(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.submitted(family, family.child(), camp.course.lines(), how=PAY_NOW)

        done = camp.close()

        order = riverside.order(cart)
        assert (order["status"], order["total_minor"]) == (S.SUBMITTED, 2260)
        assert riverside.taken(camp.course) == [1, 0, 1]
        (told,) = done["orders"]
        assert (told["total_before_minor"], told["total_minor"], told["is_canceled"]) == (3390, 2260, False)

    def test_and_is_confirmed_without_the_day(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.submitted(family, family.child(), camp.course.lines(), how=ADMIN_CONFIRM)
        camp.close()

        riverside.pull(orders.confirm, cart, reason="as agreed")

        assert [kind for kind, _, _ in camp.lines(cart)] == ["SESSION", "SESSION"]

    def test_one_with_nothing_left_is_cancelled(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.submitted(family, family.child(), camp.course.lines(1), how=PAY_NOW)

        done = camp.close()

        assert (riverside.status(cart), riverside.order(cart)["cancel_reason"]) == (S.CANCELED, "Burst pipe")
        assert done["orders"][0]["is_canceled"]
        assert riverside.taken(camp.course) == [0, 0, 0]

    def test_one_with_nothing_left_ends_beside_a_siblings_that_goes_on(self, riverside: Centre, camp: Camp) -> None:
        """All of a family's Billing in a term has one row of versions."""
        rossi = riverside.family()
        mia = riverside.submitted(rossi, rossi.child("Mia Rossi"), camp.course.lines(1))
        leo = riverside.confirmed(rossi, rossi.child("Leo Rossi"), camp.course.lines())
        ana = riverside.submitted(rossi, rossi.child("Ana Rossi"), camp.course.lines(0, 1))

        camp.close()

        assert [riverside.status(cart) for cart in (mia, leo, ana)] == [S.CANCELED, S.APPROVED, S.SUBMITTED]
        assert (riverside.booking(leo)["total_minor"], riverside.order(ana)["total_minor"]) == (2260, 1130)
        assert riverside.taken(camp.course) == [2, 0, 1]

    def test_a_quote_is_issued_anew(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.quoted(family, family.child(), camp.course.lines(), how=ADMIN_CONFIRM)

        camp.close()
        riverside.pull(orders.accept, cart, actor=family.actor)

        quotes = riverside.rows("SELECT total_minor FROM quote WHERE order_id = %(id)s ORDER BY number", id=cart.id)
        assert [quote["total_minor"] for quote in quotes] == [3390, 2260]
        assert riverside.status(cart) == S.ACCEPT

    def test_a_cart_shows_it_and_cannot_be_submitted(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.cart(family, family.child(), camp.course.lines())

        done = camp.close()

        assert done["carts"] == 1
        assert [r.code for r in refused(lambda: riverside.submit(cart, actor=family.actor))] == ["session_closed"]

    def test_one_that_is_reopened_asks_for_the_other_days(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.submitted(family, family.child(), camp.course.lines(), how=PAY_NOW)
        camp.close()

        riverside.pull(orders.reopen, cart, actor=family.actor)
        shown = riverside.order(cart)["price_fingerprint"]
        (reason,) = refused(lambda: riverside.submit(cart, actor=family.actor, price_fingerprint=shown))

        assert (reason.code, reason.facts["total_minor"]) == ("price_changed", 2260)


class TestWhoWaits:
    def test_is_offered_nothing_of_a_closed_day(self, riverside: Centre) -> None:
        camp = Camp(riverside, capacity=1)
        camp.booked("Mia Rossi", 1)
        chen, okafor = riverside.family("Chen"), riverside.family("Okafor")
        second_day = waiting(riverside, chen, chen.child("Lin Chen"), camp.course.lines(1))
        free = waiting(riverside, okafor, okafor.child("Ben Okafor"), camp.course.lines(0, 1))

        camp.close()

        assert states(riverside, second_day) == [W.LEFT]
        assert states(riverside, free) == [W.OFFERED, W.LEFT]
        assert riverside.status(second_day) == S.REMOVED
        assert riverside.taken(camp.course) == [1, 0, 0]

    def test_keeps_the_offer_of_another_day(self, riverside: Centre) -> None:
        camp = Camp(riverside, capacity=1)
        chen = riverside.family("Chen")
        waits = waiting(riverside, chen, chen.child("Lin Chen"), camp.course.lines(1, 2))
        assert states(riverside, waits) == [W.OFFERED, W.OFFERED]

        camp.close()

        assert states(riverside, waits) == [W.LEFT, W.OFFERED]
        assert sorted(status for _, status, _ in riverside.timers(waits)) == ["ARMED", "DISARMED"]

    def test_an_open_offer_ends_with_the_day(self, riverside: Centre) -> None:
        camp = Camp(riverside, capacity=1)
        chen = riverside.family("Chen")
        waits = waiting(riverside, chen, chen.child("Lin Chen"), camp.course.lines(1))
        assert states(riverside, waits) == [W.OFFERED]

        camp.close()

        assert (states(riverside, waits), riverside.taken(camp.course)) == ([W.LEFT], [0, 0, 0])
