"""What may be asked for: order types, ways to confirm, and lines that make sense."""

import pytest

from engine.errors import Invalid
from engine.fire import NotAllowedNow
from engine.ids import new_id
from models import TermBookingOrderType as Type
from models import TermBookingStatus as S
from tests import builders as build
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    Centre,
    How,
    codes,
    orders,
    refused,
    refused_cart,
    sundays,
)


class TestWhatIsOffered:
    def test_order_types_of_the_category(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(rules={"order_types": ["BOOKING"]})
        riverside.course(name="Soccer")  # something else may be tried
        cart = riverside.draft(rossi, rossi.child(), order_type=Type.TRIAL_SESSION)

        assert codes(lambda: riverside.save(cart, karate.lines(), actor=rossi.actor)) == ["order_type_not_offered"]

    def test_what_nothing_in_the_term_offers_is_refused_before_there_is_a_cart(self, riverside: Centre) -> None:
        rossi, summer = riverside.family(), riverside.edit(build.term, riverside.site, name="Summer 2026")
        mia = rossi.child()
        program = riverside.program()
        riverside.rule("order_types", ["TRIAL_SESSION"], program["category_id"], scope="CATEGORY")
        karate = riverside.course(program=program, term=summer)
        riverside.course(term=summer, status="DRAFT")  # would offer bookings, and is not published
        before = riverside.snapshot()

        (reason,) = refused(lambda: riverside.draft(rossi, mia, term=summer))

        assert (reason.code, reason.field) == ("order_type_not_offered", "order_type")
        assert reason.message == "Nothing in Summer 2026 is offered as booking."
        (reason,) = refused(lambda: riverside.draft(rossi, mia, term=summer, order_type=Type.EOI))
        assert reason.message == "Nothing in Summer 2026 is offered as expression of interest."
        assert riverside.snapshot() == before
        riverside.draft(rossi, mia, term=summer, order_type=Type.TRIAL_SESSION)
        riverside.rule("order_types", ["BOOKING"], karate.offering["id"])  # the nearest one set wins
        riverside.draft(rossi, mia, term=summer)
        assert codes(lambda: riverside.draft(rossi, mia, term=summer, order_type=Type.TRIAL_SESSION)) == [
            "order_type_not_offered"
        ]  # fmt: skip

    def test_confirmation_types_of_the_category(self, riverside: Centre) -> None:
        (reason,) = refused_cart(riverside, rules={"confirmation_types": ["ADMIN_CONFIRM", "CONFIRM_WITHOUT_PAYMENT"]})

        assert reason.code == "confirmation_type_not_offered"
        assert reason.message == "Karate is not confirmed by paying now (offered: paying later, the office alone)."

    @pytest.mark.parametrize("how", [How.PAY_NOW_PAY_DEPOSIT, How.DIRECT_DEBIT])
    def test_an_admin_does_not_confirm_by_a_schedule_that_nobody_agreed_to(self, riverside: Centre, how: How) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())

        attempt = lambda: riverside.pull(orders.confirm, cart, reason="agreed", confirmation_type=how)  # noqa: E731

        assert "schedule_not_agreed" in codes(attempt)
        assert riverside.status(cart) == S.SUBMITTED

    def test_a_family_does_not_confirm_as_an_admin(self, riverside: Centre) -> None:
        (reason,) = refused_cart(riverside, how=ADMIN_CONFIRM)

        assert (reason.code, reason.message) == (
            "confirmation_type_not_offered", "Only an admin confirms as an admin."
        )  # fmt: skip

    def test_an_admin_says_why(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines(), how=ADMIN_CONFIRM)

        without = codes(lambda: riverside.pull(orders.confirm, cart, reason=" "))
        by_the_family = codes(lambda: riverside.pull(orders.confirm, cart, actor=rossi.actor, reason="mine"))

        assert without == ["admin_with_reason"]
        assert by_the_family == ["admin_with_reason"]


class TestLines:
    def test_each_session_once(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.draft(rossi, rossi.child())

        with pytest.raises(Invalid) as refusal:
            riverside.save(cart, karate.lines() * 2, actor=rossi.actor)

        assert [(r.code, r.field) for r in refusal.value.reasons] == [("twice", "lines[1].session_id")]

    def test_at_most_five_hundred(self, riverside: Centre) -> None:
        rossi = riverside.family()
        cart = riverside.draft(rossi, rossi.child())

        with pytest.raises(Invalid, match="not valid"):
            riverside.save(cart, [{"session_id": new_id()} for _ in range(501)], actor=rossi.actor)

    @pytest.mark.parametrize("quantity", [0, -1, 1001, 10**9])
    def test_a_sane_quantity(self, riverside: Centre, quantity: int) -> None:
        rossi, karate, lunch = riverside.family(), riverside.course(), riverside.extra()
        cart = riverside.draft(rossi, rossi.child())

        with pytest.raises(Invalid) as refusal:
            riverside.save(cart, karate.lines(extras=[{"extra_id": lunch, "quantity": quantity}]), actor=rossi.actor)

        assert [r.field for r in refusal.value.reasons] == ["lines[0].extras[0].quantity"]

    def test_an_extra_once_per_line(self, riverside: Centre) -> None:
        rossi, karate, lunch = riverside.family(), riverside.course(), riverside.extra()
        cart = riverside.draft(rossi, rossi.child())

        with pytest.raises(Invalid):
            riverside.save(cart, karate.lines(extras=[{"extra_id": lunch, "quantity": 1}] * 2), actor=rossi.actor)

    def test_what_does_not_exist_is_named_each(self, riverside: Centre) -> None:
        rossi, karate, lunch = riverside.family(), riverside.course(), riverside.extra()
        cart = riverside.draft(rossi, rossi.child())
        lines = [
            *karate.lines(extras=[{"extra_id": new_id(), "quantity": 1}]),
            {"session_id": new_id(), "extras": [{"extra_id": lunch, "quantity": 1}]},
        ]

        with pytest.raises(Invalid) as refusal:
            riverside.save(cart, lines, actor=rossi.actor)

        assert [r.field for r in refusal.value.reasons] == ["lines[1].session_id", "lines[0].extras"]
        assert riverside.status(cart) == S.DRAFT

    def test_a_submitted_order_is_not_edited(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2))
        cart = riverside.submitted(rossi, rossi.child(), karate.lines(0))

        with pytest.raises(NotAllowedNow):
            riverside.save(cart, karate.lines(1), actor=rossi.actor)

        lines = riverside.rows("SELECT term_product_id AS id FROM term_booking_order_line WHERE order_id = %(id)s",
                               id=cart.id)  # fmt: skip
        assert [line["id"] for line in lines] == karate.ids[:1]
