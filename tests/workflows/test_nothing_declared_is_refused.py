"""No status, order type, confirmation type or mode is declared but refused: each is lived once, by the verbs alone.

The cases are generated from the enums: a new member without its story here fails.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from models import BookingMode, LineKind
from models import TermBookingConfirmationType as How
from models import TermBookingOrderType as Kind
from models import TermBookingStatus as S
from tests import builders as build
from tests.workflows import endings
from tests.workflows.after_school import make_club
from tests.workflows.camp import Camp
from tests.workflows.centre import ADMIN_CONFIRM, DAY, FIRST, NOW, PAY_NOW, Cart, Centre, orders, sundays
from tests.workflows.makeups import Karate
from tests.workflows.test_companions import story as siblings
from tests.workflows.test_schedules import course, pay, submit
from tests.workflows.waiting import accept, waiting
from workflows import conversion
from workflows import term_booking as bookings

AFTER_THE_FIRST, LONG_AFTER = NOW + timedelta(days=15), NOW + timedelta(days=400)


def begin(centre: Centre, **known: Any) -> Cart:
    rossi = centre.family()
    return centre.submitted(rossi, rossi.child(), centre.course(*sundays(2)).lines(), **known)


# --- statuses ---


def removed(centre: Centre) -> Cart:
    cart = begin(centre)
    centre.pull(orders.remove, cart)
    return cart


def draft(centre: Centre) -> Cart:
    rossi = centre.family()
    centre.course()
    return centre.draft(rossi, rossi.child())


def created(centre: Centre) -> Cart:
    rossi = centre.family()
    return centre.cart(rossi, rossi.child(), centre.course().lines())


def submitted_change(centre: Centre) -> Cart:
    mias = siblings(centre)
    cause = mias.leos()
    row = centre.one("SELECT id, reference FROM term_booking_order WHERE cause_order_id = %(id)s", id=cause.id)
    return Cart(row["id"], row["reference"])


def attendance_approved(centre: Centre) -> Cart:
    cart = begin(centre)
    centre.pull(orders.approve_attendance, cart)
    assert centre.booking(cart)["status"] == S.ATTENDANCE_APPROVED
    return cart


def quoted(centre: Centre) -> Cart:
    cart = begin(centre)
    centre.pull(orders.quote, cart)
    return cart


def accepted(centre: Centre) -> Cart:
    cart = quoted(centre)
    centre.pull(orders.accept, cart)
    return cart


def approved(centre: Centre) -> Cart:
    cart = begin(centre, how=ADMIN_CONFIRM)
    centre.pull(orders.confirm, cart, reason="as agreed")
    assert centre.booking(cart)["status"] == S.APPROVED
    return cart


def canceled(centre: Centre) -> Cart:
    cart = begin(centre)
    centre.pull(orders.cancel, cart, reason="changed their mind")
    return cart


def _moved(verb: Callable[..., Any], status: S, **known: Any) -> Callable[[Centre], Cart]:
    """A status that only a booking has; its order stays Approved."""

    def live(centre: Centre) -> Cart:
        cart = approved(centre)
        given = {"reason": "because", **known}
        centre.do(verb, booking_id=centre.booking(cart)["id"], actor=centre.admin, **given)
        assert centre.booking(cart)["status"] == status
        return cart

    return live


def archived(centre: Centre) -> Cart:
    """A free course owes nothing: it is put away when it has run."""
    rossi = centre.family()
    free = centre.course(*sundays(2), session={"price_minor": 0}, session_price_minor=0)
    cart = centre.confirmed(rossi, rossi.child(), free.lines())
    centre.do(bookings.archive, booking_id=centre.booking(cart)["id"], actor=centre.admin, reason="over",
              now=LONG_AFTER)  # fmt: skip
    assert centre.booking(cart)["status"] == S.ARCHIVED
    return cart


STATUSES: dict[S, tuple[Callable[[Centre], Cart], S]] = {
    S.REMOVED: (removed, S.REMOVED), S.DRAFT: (draft, S.DRAFT), S.CREATED: (created, S.CREATED),
    S.SUBMITTED: (begin, S.SUBMITTED), S.SUBMITTED_CHANGE: (submitted_change, S.SUBMITTED_CHANGE),
    S.ATTENDANCE_APPROVED: (attendance_approved, S.ATTENDANCE_APPROVED), S.QUOTE: (quoted, S.QUOTE),
    S.ACCEPT: (accepted, S.ACCEPT), S.APPROVED: (approved, S.APPROVED), S.CANCELED: (canceled, S.CANCELED),
    S.ARCHIVED: (archived, S.APPROVED),
    S.SUSPENDED: (_moved(bookings.suspend, S.SUSPENDED), S.APPROVED),
    S.CLOSED: (_moved(endings.close, S.CLOSED, last_day=FIRST.date(), now=AFTER_THE_FIRST), S.APPROVED),
}  # fmt: skip


@pytest.mark.parametrize("status", S, ids=lambda status: status.name)
def test_every_status_is_reached(riverside: Centre, status: S) -> None:
    live, of_order = STATUSES[status]

    assert riverside.status(live(riverside)) == of_order


# --- order types ---


def booking(centre: Centre) -> Cart:
    return approved(centre)


def trial(centre: Centre) -> Cart:
    rossi, karate = centre.family(), centre.course(rules={"trial_limit": 1})
    return centre.confirmed(rossi, rossi.child(), karate.lines(), order_type=Kind.TRIAL_SESSION)


def queue(centre: Centre) -> Cart:
    """Somebody gives up the one place: whoever waits accepts it, and pays."""
    chen, rossi, karate = centre.family("Chen family"), centre.family(), centre.course(capacity=1)
    first = centre.submitted(chen, chen.child("Ana Chen"), karate.lines())
    waits = waiting(centre, rossi, rossi.child(), karate.lines())
    centre.pull(orders.cancel, first, reason="changed their mind")
    (made,) = accept(centre, rossi, waits)
    centre.pay(made, 1130)
    centre.pull(orders.confirm, made)
    return made


def subscription(centre: Centre) -> Cart:
    rossi, club = centre.family(), make_club(centre)
    begun = club.subscribe(rossi, rossi.child())
    row = centre.one("SELECT id, reference FROM term_booking_order WHERE subscription_id = %(id)s", id=begun)
    return Cart(row["id"], row["reference"])


def interest(centre: Centre) -> Cart:
    """An interest that becomes a booking."""
    rossi, karate = centre.family(), centre.course(rules={"order_types": ["BOOKING", "EOI"]})
    interested = centre.cart(rossi, rossi.child(), karate.lines(), order_type=Kind.EOI)
    centre.pull(orders.express, interested, actor=rossi.actor)
    begun = centre.do(conversion.begin, order_id=interested.id, actor=rossi.actor)
    cart = Cart(begun.order.id, begun.order.reference, begun.priced.fingerprint)
    centre.submit(cart, actor=centre.admin, how=ADMIN_CONFIRM)
    centre.pull(orders.confirm, cart, reason="as agreed")
    return cart


KINDS: dict[Kind, Callable[[Centre], Cart]] = {
    Kind.BOOKING: booking, Kind.WAITING_LIST: queue, Kind.TRIAL_SESSION: trial, Kind.SUBSCRIPTION: subscription,
    Kind.EOI: interest,
}  # fmt: skip


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_every_order_type_comes_to_a_booking(riverside: Centre, kind: Kind) -> None:
    cart = KINDS[kind](riverside)

    assert riverside.status(cart) == S.APPROVED
    assert riverside.booking(cart)["status"] == S.APPROVED


# --- confirmation types ---


@pytest.mark.parametrize("how", How, ids=lambda how: how.name)
def test_every_confirmation_type_confirms(riverside: Centre, how: How) -> None:
    rossi = riverside.family(credit_limit_minor=100_000)
    if how in (How.PAY_NOW_PAY_DEPOSIT, How.DIRECT_DEBIT):
        if how is How.DIRECT_DEBIT:
            riverside.edit(build.mandate, rossi.account)
        cart = submit(riverside, rossi, course(riverside), how)
        if how is How.PAY_NOW_PAY_DEPOSIT:
            pay(riverside, rossi, cart)
    else:
        cart = riverside.submitted(rossi, rossi.child(), riverside.course().lines(), how=how)
        if how is PAY_NOW:
            pay(riverside, rossi, cart)
        elif how is ADMIN_CONFIRM:
            riverside.pull(orders.confirm, cart, reason="as agreed")

    assert riverside.status(cart) == S.APPROVED
    assert riverside.booking(cart)["confirmation_type"] == how


# --- modes and kinds of lines ---


@pytest.mark.parametrize("mode", BookingMode, ids=lambda mode: mode.name)
def test_every_mode_of_a_holiday_programme_is_booked(riverside: Centre, mode: BookingMode) -> None:
    """Two weeks of two days: one day, one week, or all of it."""
    program = {"id": Camp(riverside).course.offering["program_id"], "name": "Camp"}
    days = [FIRST + DAY * n for n in (1, 2, 8, 9)]
    camp = riverside.course(*days, name="Two weeks of camp", program=program, full_week_price_minor=2000,
                            full_term_price_minor=3900, modes=[one.value for one in BookingMode])  # fmt: skip
    chosen = {BookingMode.CASUAL: (0,), BookingMode.FULL_WEEK: (0, 1), BookingMode.FULL_TERM: (0, 1, 2, 3)}[mode]
    rossi, lines = riverside.family(), camp.lines(*chosen, mode=mode)

    cart = riverside.confirmed(rossi, rossi.child(), lines)

    rows = riverside.rows("SELECT DISTINCT mode FROM term_booking_line WHERE booking_id = %(id)s",
                          id=riverside.booking(cart)["id"])  # fmt: skip
    assert [row["mode"] for row in rows] == [mode]


@pytest.mark.parametrize("kind", LineKind, ids=lambda kind: kind.name)
def test_every_kind_of_line_is_kept(riverside: Centre, kind: LineKind) -> None:
    if kind is LineKind.MAKEUP_SESSION:
        karate = Karate(riverside)
        cart = karate.made_up(karate.credit())
    else:
        camp = Camp(riverside)
        _, cart = camp.booked()
        if kind is LineKind.CLOSURE_DAY:
            camp.close()

    rows = riverside.rows("SELECT kind FROM term_booking_line WHERE booking_id = %(id)s",
                          id=riverside.booking(cart)["id"])  # fmt: skip
    assert kind in {row["kind"] for row in rows}
