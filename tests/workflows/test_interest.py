"""An expression of interest: it blocks time, takes no place, costs nothing, and becomes a booking."""

from typing import Any

from models import TermBookingOrderType as Type
from models import TermBookingStatus as S
from tests.workflows.centre import FIRST, HOUR, Cart, Centre, Course, Family, codes, orders, sundays
from workflows import conversion

OFFERED = ["BOOKING", "TRIAL_SESSION", "EOI"]


def course(centre: Centre, *starts: Any, **columns: Any) -> Course:
    """A course that takes expressions of interest."""
    return centre.course(*starts, **{**columns, "rules": {"order_types": OFFERED, **columns.get("rules", {})}})


def interest(centre: Centre, by: Family, child: Any, lines: Any, **known: Any) -> Cart:
    """A registered expression of interest."""
    cart = centre.cart(by, child, lines, order_type=Type.EOI, **known)
    centre.pull(orders.express, cart, actor=by.actor)
    return cart


def convert(centre: Centre, cart: Cart, by: Family, **known: Any) -> Cart:
    """The order that converts it, submitted."""
    begun = centre.do(conversion.begin, order_id=cart.id, actor=by.actor)
    made = Cart(begun.order.id, begun.order.reference, begun.priced.fingerprint, begun.priced.total_minor)
    centre.submit(made, actor=by.actor, **known)
    return made


class TestInterest:
    def test_blocks_time_and_takes_no_place(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, *sundays(2), capacity=1)
        riverside.submitted(rossi, rossi.child("Leo Rossi"), karate.lines())  # it is full

        cart = interest(riverside, rossi, rossi.child(), karate.lines())

        assert [(c["takes_place"], c["blocks_time"]) for c in riverside.claims(cart)] == [(False, True)] * 2
        assert riverside.taken(karate) == [1, 1]
        assert (riverside.billings(cart), riverside.timers(cart)) == ([], [])
        assert riverside.history(cart)[-1] == ("express", S.CREATED, S.SUBMITTED)

    def test_keeps_the_attendee_from_being_elsewhere(self, riverside: Centre) -> None:
        rossi, karate, soccer = riverside.family(), course(riverside), course(riverside, FIRST + HOUR / 2)
        mia = rossi.child()
        interest(riverside, rossi, mia, karate.lines())

        cart = riverside.cart(rossi, mia, soccer.lines())

        assert codes(lambda: riverside.submit(cart, actor=rossi.actor)) == ["double_booked"]

    def test_is_converted_into_a_booking_that_takes_the_place(self, riverside: Centre) -> None:
        rossi, karate = (
            riverside.family(),
            course(riverside, *sundays(2), rules={"auto_cancel_minutes": {"PAY_NOW_PAY_ALL": 15}}),
        )
        mia = rossi.child()
        cart = interest(riverside, rossi, mia, karate.lines())

        made = convert(riverside, cart, rossi)

        assert riverside.status(made) == S.SUBMITTED
        assert riverside.taken(karate) == [1, 1]
        assert len(riverside.claims(made)) == 2
        assert len(riverside.timers(made)) == 1
        assert riverside.billings(made) == [(1, False, 2260)]
        assert riverside.claims(cart) == []
        ended = riverside.order(cart)
        assert (ended["status"], ended["converted_into_id"]) == (S.REMOVED, made.id)
        assert ended["cancel_reason"] == f"converted into {made.reference}"
        assert riverside.history(cart)[-1] == ("convert", S.SUBMITTED, S.REMOVED)
