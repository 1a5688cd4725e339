"""Makeup sessions: what a credit books, what becomes of it in a change, and when it is given back."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from engine.database import Row
from engine.errors import Invalid
from models import MakeupStatus as M
from models import TermBookingStatus as S
from tests import builders as build
from tests.builders import NOW
from tests.workflows import endings
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    FIRST,
    HOUR,
    MINUTE,
    PAY_NOW,
    TRIAL,
    WEEK,
    Cart,
    Centre,
    codes,
    orders,
    refused,
    sundays,
)
from tests.workflows.makeups import START, Karate, refused_to
from workflows import change_order
from workflows.closure_days import close_day, preview
from workflows.closure_facts import Scope


@pytest.fixture
def karate(riverside: Centre) -> Karate:
    return Karate(riverside)


class TestBooking:
    def test_costs_nothing_takes_a_place_and_is_on_the_roll(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()

        cart = karate.made_up(credit)

        assert (cart.total_minor, riverside.status(cart)) == (0, S.APPROVED)
        assert riverside.taken(karate.other)[1] == 1
        row = karate.shown(credit)
        assert (row["status"], row["order_id"], row["session_id"]) == (M.BOOKED, cart.id, karate.other.ids[1])
        (line,) = riverside.rows("SELECT l.kind, a.status FROM term_booking_line l JOIN term_attendance a "
                                 "ON a.booking_line_id = l.id WHERE l.booking_id = %(id)s",
                                 id=riverside.booking(cart)["id"])  # fmt: skip
        assert (line["kind"], line["status"]) == ("MAKEUP_SESSION", "EXPECTED")
        (invoice,) = riverside.rows("SELECT total_minor FROM invoice WHERE booking_id = %(id)s",
                                    id=riverside.booking(cart)["id"])  # fmt: skip
        assert invoice["total_minor"] == 0

    def test_its_extras_are_charged(self, riverside: Centre, karate: Karate) -> None:
        lunch = [{"extra_id": riverside.extra(), "quantity": 1}]
        cart = riverside.cart(karate.rossi, karate.mia, karate.lines(karate.credit(), extras=lunch))

        assert cart.total_minor == 800

    def test_beside_a_session_of_its_own(self, riverside: Centre, karate: Karate) -> None:
        lines = [*karate.lines(karate.credit(), 1), *karate.other.lines(2)]

        assert riverside.cart(karate.rossi, karate.mia, lines).total_minor == 1130

    def test_once(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        karate.made_up(credit)

        cart = riverside.draft(karate.rossi, karate.mia)
        (reason,) = refused(lambda: riverside.save(cart, karate.lines(credit, 2), actor=karate.rossi.actor))

        assert (reason.code, reason.field) == ("makeup_not_available", "lines[0].makeup_credit_id")

    def test_by_whoever_is_first_of_two_carts(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        second = riverside.cart(karate.rossi, karate.mia, karate.lines(credit, 2))
        karate.made_up(credit)

        assert codes(lambda: riverside.submit(second, actor=karate.rossi.actor)) == ["makeup_not_available"]

    def test_twice_in_one_order_is_refused(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        cart = riverside.draft(karate.rossi, karate.mia)

        with pytest.raises(Invalid):
            riverside.save(cart, [*karate.lines(credit, 1), *karate.lines(credit, 2)], actor=karate.rossi.actor)

    def refusal(self, karate: Karate, credit: UUID, **known: Any) -> str:
        centre, child = karate.centre, known.pop("child", karate.mia)
        by = known.pop("by", karate.rossi)
        drafting = {key: known.pop(key) for key in ("order_type",) if key in known}
        cart = centre.draft(by, child, **drafting)
        lines = known.pop("lines", None) or karate.lines(credit)
        (reason,) = refused(lambda: centre.save(cart, lines, actor=by.actor, **known))
        return str(reason.code)

    def test_not_of_another_child_or_family(self, riverside: Centre, karate: Karate) -> None:
        credit, chen = karate.credit(), riverside.family("Chen family")

        assert self.refusal(karate, credit, child=karate.rossi.child("Leo Rossi")) == "makeup_unknown"
        assert self.refusal(karate, credit, by=chen, child=chen.child("Lin Chen")) == "makeup_unknown"
        assert self.refusal(karate, riverside.term["id"]) == "makeup_unknown"

    def test_not_in_another_program(self, riverside: Centre, karate: Karate) -> None:
        swimming = riverside.course(FIRST + HOUR * 8, name="Swimming")
        credit = karate.credit()

        assert self.refusal(karate, credit, lines=swimming.lines(makeup_credit_id=credit)) == "makeup_elsewhere"

    def test_not_after_its_end(self, karate: Karate) -> None:
        credit = karate.credit()

        assert self.refusal(karate, credit, lines=karate.lines(credit, 9)) == "makeup_expired"

    def test_not_as_a_trial(self, karate: Karate) -> None:
        assert self.refusal(karate, karate.credit(), order_type=TRIAL) == "makeup_needs_booking"

    def test_not_in_a_full_session(self, riverside: Centre, karate: Karate) -> None:
        for name in ("Ana", "Ben"):
            riverside.confirmed(karate.rossi, karate.rossi.child(name), karate.other.lines(1))
        cart = riverside.cart(karate.rossi, karate.mia, karate.lines(karate.credit()))

        assert codes(lambda: riverside.submit(cart, actor=karate.rossi.actor)) == ["session_full"]

    def test_not_at_the_time_of_another_booking(self, riverside: Centre, karate: Karate) -> None:
        overlapping = riverside.course(
            *sundays(3), program={"id": karate.course.offering["program_id"], "name": "Karate"}
        )
        credit = karate.credit()
        cart = riverside.cart(karate.rossi, karate.mia, overlapping.lines(1, makeup_credit_id=credit))

        assert codes(lambda: riverside.submit(cart, actor=karate.rossi.actor)) == ["double_booked"]


class TestElsewhere:
    """Where the rule lets a credit reach."""

    @pytest.mark.parametrize(("reach", "swimming", "art"), [
        ("PROGRAM", ["makeup_elsewhere"], ["makeup_elsewhere"]), ("CATEGORY", [], ["makeup_elsewhere"]),
        ("ORGANISATION", [], []),
    ])  # fmt: skip
    def test_is_it_booked(
        self, riverside: Centre, reach: str, swimming: list[str], art: list[str]
    ) -> None:  # fmt: skip
        karate = Karate(riverside, reach=reach)
        program = riverside.one("SELECT * FROM program WHERE id = %(id)s", id=karate.course.offering["program_id"])
        beside = riverside.edit(build.program, riverside.site, name="Swimming",
                                category={"id": program["category_id"]})  # fmt: skip
        courses = [riverside.course(FIRST + HOUR * 8, name="Swimming", program=beside),
                   riverside.course(FIRST + HOUR * 8, name="Art")]  # fmt: skip
        credit = karate.credit()

        found = [refused_to(riverside, karate, course.lines(makeup_credit_id=credit)) for course in courses]

        assert found == [swimming, art]


class TestAChangeOfItsBooking:
    """The makeup session of a booking stays as it is when something else of the booking is changed."""

    def change(self, karate: Karate, cart: Cart, lines: list[Row] | None = None) -> list[Row]:
        """Begin a change of it, ask for these lines (else for what is booked), make it; the lines that it asks for."""
        centre = karate.centre
        begun = centre.do(change_order.begin_change, booking_id=centre.booking(cart)["id"], actor=karate.rossi.actor)
        known = {"order_id": begun.order.id, "actor": centre.admin}
        if lines:
            centre.do(change_order.save, lines=lines, **known)
        review = centre.do(change_order.review, **known).difference
        if lines:
            centre.do(change_order.submit, confirmation_type=ADMIN_CONFIRM, price_fingerprint=review.fingerprint,
                      **known)  # fmt: skip
            centre.do(change_order.confirm, difference_fingerprint=review.fingerprint, reason="as agreed", **known)
        return centre.rows("SELECT kind, makeup_credit_id FROM term_booking_order_line WHERE order_id = %(id)s "
                           "ORDER BY kind", id=begun.order.id)  # fmt: skip

    def booked(self, karate: Karate, cart: Cart) -> list[tuple[str, int]]:
        rows = karate.centre.rows(
            "SELECT kind, gross_minor FROM term_booking_line WHERE booking_id = %(id)s "
            "AND cancelled_at IS NULL ORDER BY position",
            id=karate.centre.booking(cart)["id"],
        )
        return [(row["kind"], row["gross_minor"]) for row in rows]  # fmt: skip

    def test_begins_with_it(self, karate: Karate) -> None:
        credit = karate.credit()

        assert self.change(karate, karate.made_up(credit)) == [{"kind": "MAKEUP_SESSION", "makeup_credit_id": credit}]

    @pytest.mark.parametrize("says_so", [True, False])
    def test_keeps_it_beside_what_is_added(self, karate: Karate, says_so: bool) -> None:
        credit = karate.credit()
        cart = karate.made_up(credit)
        kept = karate.lines(credit) if says_so else karate.other.lines(1)

        lines = self.change(karate, cart, [*kept, *karate.other.lines(2)])

        assert lines == [{"kind": "MAKEUP_SESSION", "makeup_credit_id": credit},
                         {"kind": "SESSION", "makeup_credit_id": None}]  # fmt: skip
        assert self.booked(karate, cart) == [("MAKEUP_SESSION", 0), ("SESSION", 1130)]
        assert karate.shown(credit)["status"] == M.BOOKED

    def test_of_the_sibling_takes_it_along(self, riverside: Centre) -> None:
        """Leo's booking makes Mia's cheaper; a makeup session of hers is repriced to nothing with it."""
        karate = Karate(riverside)
        sibling = {"kind": "SIBLING", "order": 1, "percent": "10", "conditions": {"every_child": True},
                   "on_edit": "REPRICE_ALL"}  # fmt: skip
        riverside.rule("discounts", [sibling], karate.other.offering["id"])
        cart = riverside.confirmed(karate.rossi, karate.mia,
                                   [*karate.lines(karate.credit()), *karate.other.lines(2, 3)])  # fmt: skip
        before = riverside.booking(cart)["revision"]

        riverside.confirmed(karate.rossi, karate.rossi.child("Leo Rossi"), karate.other.lines(2, 3))

        assert riverside.booking(cart)["revision"] == before + 1
        assert self.booked(karate, cart) == [("MAKEUP_SESSION", 0), ("SESSION", 1017), ("SESSION", 1017)]


class TestGivingBack:
    def test_when_its_order_is_not_paid_in_time(self, riverside: Centre, karate: Karate) -> None:
        """Beside a session that costs something, which the sweep of the timeouts cancels in a set."""
        credit = karate.credit()
        lines = [*karate.lines(credit, 1), *karate.other.lines(2)]
        cart = riverside.submitted(karate.rossi, karate.mia, lines, how=PAY_NOW)

        riverside.sweep(NOW + MINUTE * 16)

        row = karate.shown(credit)
        assert (riverside.status(cart), row["status"], row["order_id"]) == (S.CANCELED, M.AVAILABLE, None)

    def test_an_order_that_ends_gives_it_back(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        cart = riverside.submitted(karate.rossi, karate.mia, karate.lines(credit), how=ADMIN_CONFIRM)
        assert karate.shown(credit)["status"] == M.BOOKED

        riverside.pull(orders.cancel, cart, reason="changed their mind")

        row = karate.shown(credit)
        assert (row["status"], row["order_id"]) == (M.AVAILABLE, None)

    def test_a_booking_that_is_cancelled_in_its_window_too(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        cart = karate.made_up(credit)

        riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], actor=karate.rossi.actor)

        assert karate.shown(credit)["status"] == M.AVAILABLE
        karate.made_up(credit, 2)
        assert karate.shown(credit)["status"] == M.BOOKED

    def test_too_late_it_is_used(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        cart = karate.made_up(credit)

        riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], actor=riverside.admin, reason="ill",
                     now=START + WEEK + HOUR)  # fmt: skip

        assert karate.shown(credit)["status"] == M.USED

    def test_a_closed_day_gives_it_back_as_long_again(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        karate.made_up(credit)
        scope, now = Scope(session_id=karate.other.ids[1]), NOW + timedelta(days=10)
        seen = riverside.do(lambda tx, now: preview(tx, scope))

        riverside.do(close_day, scope=scope, fingerprint=seen["fingerprint"], reason="Storm", actor=riverside.admin,
                     now=now)  # fmt: skip

        row = karate.shown(credit)
        assert (row["status"], row["expires_at"]) == (M.AVAILABLE, now + timedelta(days=60))

    def test_what_ran_out_meanwhile_is_expired(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        cart = riverside.submitted(karate.rossi, karate.mia, karate.lines(credit, 3), how=ADMIN_CONFIRM)
        riverside.run("UPDATE makeup_credit SET expires_at = %(at)s WHERE id = %(id)s", at=NOW + HOUR, id=credit)

        riverside.pull(orders.cancel, cart, reason="changed", now=NOW + HOUR * 2)

        assert karate.shown(credit)["status"] == M.EXPIRED
