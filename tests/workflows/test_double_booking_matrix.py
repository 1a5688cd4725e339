"""The double-booking matrix on PostgreSQL: every type held × every type wanted, in every position of two sessions.

Each ordered pair of types is tried, so both orders of arrival are; the positions lie before and after the held session.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from itertools import product
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from psycopg import errors

from engine.actor import SYSTEM
from engine.database import Row, Transaction
from engine.errors import Invalid
from engine.fire import Refused
from engine.ids import new_id
from models import PlaceClaim, WaitingStatus
from models import TermBookingOrderType as Type
from models import TermBookingStatus as S
from tests import builders as build
from tests.builders import NOW
from tests.workflows.centre import FIRST, MINUTE, Cart, Centre, Course, Family, orders
from tests.workflows.test_double_booking import OVERLAPS, PAIRS, POSITIONS
from tests.workflows.waiting import states, waiting
from workflows import subscription as subscriptions
from workflows.double_booking import BLOCKS_TIME, TAKES_PLACE
from workflows.order_effects import local_day
from workflows.order_facts import lock_order
from workflows.order_guards import has_no_conflict
from workflows.order_reads import read_facts
from workflows.subscription import WEEKDAYS

TORONTO = ZoneInfo("America/Toronto")
SAME, UNDATED = "the same session", "the same undated session"
# Where each of two sessions begins and how long it lasts, in minutes from FIRST; None is undated. One means the same.
PLACES: dict[str, tuple[tuple[int, int] | None, ...]] = {
    SAME: ((0, 60),), UNDATED: (None,), "undated, another session": (None, None),
    "undated, wanted dated": (None, (0, 60)), "dated, wanted undated": ((0, 60), None),
    **{position: ((0, 60), (start, end - start)) for position, (start, end) in POSITIONS.items()},
}  # fmt: skip
CASES = [(held, wanted, position) for (held, wanted), position in product(PAIRS, PLACES)]


def expected(held: Type, wanted: Type, position: str) -> str:
    """What the specification says: "refused", "free", or "converts"."""
    cell = PAIRS[held, wanted]
    if position in (SAME, UNDATED):
        return {"X": "refused", "D": "refused", "X*": "converts", "–": "free"}[cell]
    return "refused" if cell in ("X", "X*") and OVERLAPS.get(position) else "free"


def name(value: Any) -> str:
    return value.name if isinstance(value, Type) else str(value)


@pytest.mark.parametrize("count", [len(CASES)], ids=lambda count: f"{count}_cases")
def test_all_of_them_are_tried(count: int) -> None:
    assert count == len(Type) ** 2 * len(PLACES) == 25 * 16
    outcomes = [expected(*case) for case in CASES]
    # Overlaps of the eight pairs of types that block time: seven positions; the same session, dated or not.
    blocking = sum(cell in ("X", "X*") for cell in PAIRS.values())
    same = sum(cell in ("X", "D") for cell in PAIRS.values())
    assert outcomes.count("refused") == blocking * sum(OVERLAPS.values()) + same * 2
    assert outcomes.count("converts") == 2 * 2


class _Undone(Exception):
    pass


class TestGuardAndConstraints:
    """The guard on what the database says, and the database's own constraints behind it. A waiting list holds no claim
    of its own: what is held by one is tried through the verbs, below.
    """

    @pytest.mark.parametrize(
        ("held", "wanted", "position"), [case for case in CASES if case[0] is not Type.WAITING_LIST], ids=name
    )
    def test_agree_with_the_specification(self, riverside: Centre, held: Type, wanted: Type, position: str) -> None:
        says = expected(held, wanted, position)

        reasons, is_refused_below = self.tried(riverside, held, wanted, position)

        assert [reason.code for reason in reasons] == (["double_booked"] if says == "refused" else [])
        if wanted is not Type.WAITING_LIST:
            # What converts lets go of its claim first.
            assert is_refused_below is (says in ("refused", "converts"))

    def tried(self, centre: Centre, held: Type, wanted: Type, position: str) -> tuple[list[Any], bool]:
        """The same, and nothing of it is kept."""
        found: list[tuple[list[Any], bool]] = []
        with suppress(_Undone), centre.database.transaction(centre.organisation_id) as tx:
            found.append(self.try_out(tx, centre, held, wanted, position))
            raise _Undone
        return found[0]

    def try_out(
        self, tx: Transaction, centre: Centre, held: Type, wanted: Type, position: str
    ) -> tuple[list[Any], bool]:
        """The reasons of the guard, and whether the database refuses the claim all the same."""
        by = build.account(tx)
        child = build.attendee(tx, by)
        found = [_session(tx, centre, place) for place in PLACES[position]]
        first = build.cart(tx, by, child, centre.term, found[:1], moves=build.SUBMITTED, order_type=held,
                           **_within(tx, by, child, found[0], held))  # fmt: skip
        _claim(tx, first.order, child, found[0])
        second = build.cart(tx, by, child, centre.term, found[-1:], order_type=wanted,
                            **_within(tx, by, child, found[-1], wanted))  # fmt: skip
        order = lock_order(tx, second.order["id"], actor=SYSTEM)
        facts = read_facts(tx, order, now=NOW, today=local_day(NOW, order))
        reasons = list(has_no_conflict(order, facts=facts, actor=centre.admin))
        try:
            with tx.raw.transaction():
                _claim(tx, second.order, child, found[-1])
        except (errors.ExclusionViolation, errors.UniqueViolation):
            return reasons, True
        return reasons, False


def _session(tx: Transaction, centre: Centre, place: tuple[int, int] | None) -> Row:
    """A session there, of an offering of its own."""
    category = build.add(tx, build.ProgramCategory, name=str(new_id()), program_type=11)
    of = build.offering(tx, centre.term, build.program(tx, centre.site, category=category))
    return build.sessions(tx, of, *_starts(place), minutes=place[1] if place else 60)[0]


def _starts(place: tuple[int, int] | None) -> list[datetime | None]:
    return [FIRST + place[0] * MINUTE if place else None]


def _within(tx: Transaction, by: Row, child: Row, session: Row, order_type: Type) -> dict[str, UUID]:
    """The subscription that an order of its type is a term of."""
    if order_type is not Type.SUBSCRIPTION:
        return {}
    of = tx.row("SELECT * FROM term_program_set WHERE organisation_id = %(org)s AND id = %(id)s",
                id=session["term_program_set_id"])  # fmt: skip
    assert of is not None
    return {"subscription_id": build.subscription(tx, by, child, of)["id"]}


def _claim(tx: Transaction, order: Row, child: Row, session: Row) -> None:
    """The claim as its type makes it."""
    order_type = Type(order["order_type"])
    during = (
        f"[{session['starts_at'].isoformat()},{session['ends_at'].isoformat()})" if session["starts_at"] else "empty"
    )
    build.add(tx, PlaceClaim, order_id=order["id"], attendee_id=child["id"], attendee_key=child["claim_key"],
              term_product_id=session["id"], order_type=order_type, takes_place=order_type in TAKES_PLACE,
              blocks_time=order_type in BLOCKS_TIME, during=during)  # fmt: skip


def by_submit(order_type: Type) -> Callable[..., Cart]:
    def arrive(centre: Centre, by: Family, child: Row, course: Course) -> Cart:
        return centre.submitted(by, child, course.lines(), order_type=order_type)

    return arrive


def by_expressing(centre: Centre, by: Family, child: Row, course: Course) -> Cart:
    cart = centre.cart(by, child, course.lines(), order_type=Type.EOI)
    centre.pull(orders.express, cart, actor=by.actor)
    return cart


def by_waiting(centre: Centre, by: Family, child: Row, course: Course) -> Cart:
    """One waits where nothing is free; what is free would be offered at once, which the stories of the list tell."""
    give(centre, course, "taken")
    return waiting(centre, by, child, course.lines())


def by_beginning(centre: Centre, by: Family, child: Row, course: Course) -> Cart:
    """An admin asks for it and begins it, on the weekday of its session."""
    (starts_at,) = [session["starts_at"] for session in course.sessions]
    day = starts_at.astimezone(TORONTO).date()
    begun = centre.do(
        subscriptions.request, account_id=by.id, attendee_id=child["id"], offering_id=course.offering["id"],
        weekdays=[WEEKDAYS[day.weekday()]], starts_on=day, actor=centre.admin,
    )  # fmt: skip
    begin = subscriptions.begin_subscription
    centre.do(begin, subscription_id=begun.subscription.id, actor=centre.admin, reason="as agreed")
    assert begun.order_id is not None
    return Cart(begun.order_id, begun.subscription.reference)


# How an enrolment of each type arrives through the public verbs, and the status in which it holds.
ARRIVE: dict[Type, Callable[..., Cart]] = {
    Type.BOOKING: by_submit(Type.BOOKING), Type.TRIAL_SESSION: by_submit(Type.TRIAL_SESSION), Type.EOI: by_expressing,
    Type.WAITING_LIST: by_waiting, Type.SUBSCRIPTION: by_beginning,
}  # fmt: skip
HOLDS = dict.fromkeys(Type, S.SUBMITTED) | {Type.SUBSCRIPTION: S.APPROVED}


def is_made_by_verbs(held: Type, wanted: Type, position: str) -> bool:
    """A subscription is of weekdays; an undated session has none, so that no verb puts one into it."""
    first, last = PLACES[position][0], PLACES[position][-1]
    return not any(each is Type.SUBSCRIPTION and place is None for each, place in ((held, first), (wanted, last)))


THROUGH_VERBS = [case for case in CASES if is_made_by_verbs(*case)]


class TestThroughTheVerbs:
    @pytest.mark.parametrize("count", [len(THROUGH_VERBS)], ids=lambda count: f"{count}_cases")
    def test_all_that_arrive_by_verbs(self, count: int) -> None:
        assert ARRIVE.keys() == set(Type)
        # Where both are undated: the nine pairs with a subscription, twice. Where one is: the five pairs with it there.
        assert count == len(CASES) - 9 * 2 - 5 * 2

    @pytest.mark.parametrize(("held", "wanted", "position"), THROUGH_VERBS, ids=name)
    def test_agree_with_the_specification(self, riverside: Centre, held: Type, wanted: Type, position: str) -> None:
        rossi, courses = riverside.family(), [course(riverside, place) for place in PLACES[position]]
        mia = rossi.child()
        first = ARRIVE[held](riverside, rossi, mia, courses[0])
        if wanted is not Type.WAITING_LIST:
            # An admin makes room; whoever waits has not been offered it yet.
            give(riverside, courses[-1], "5")
        says = expected(held, wanted, position)

        if says == "refused":
            with pytest.raises(Refused) as refusal:
                ARRIVE[wanted](riverside, rossi, mia, courses[-1])
            assert [reason.code for reason in refusal.value.reasons] == ["double_booked"]
            return
        second = ARRIVE[wanted](riverside, rossi, mia, courses[-1])
        give(riverside, courses[-1], "taken")  # nobody is left waiting for a free place

        assert [riverside.status(cart) for cart in (first, second)] == [
            S.REMOVED if says == "converts" else HOLDS[held], HOLDS[wanted]
        ]  # fmt: skip
        # A waiting list holds no claim, it stands in the queue.
        assert [len(riverside.claims(cart)) for cart in (first, second)] == [
            int(says == "free" and held is not Type.WAITING_LIST), int(wanted is not Type.WAITING_LIST)
        ]  # fmt: skip
        queued = [cart for cart, each in ((first, held), (second, wanted)) if each is Type.WAITING_LIST]
        assert [states(riverside, cart) for cart in queued] == [[WaitingStatus.WAITING]] * len(queued)

    def test_no_verb_subscribes_to_an_undated_session(self, riverside: Centre) -> None:
        """Which is why the other cases are not made; the guard and the constraints are tried with them above."""
        rossi, workshop = riverside.family(), course(riverside, None)

        with pytest.raises(Invalid) as refusal:
            riverside.do(
                subscriptions.request, account_id=rossi.id, attendee_id=rossi.child()["id"],
                offering_id=workshop.offering["id"], weekdays=WEEKDAYS, starts_on=FIRST.date(), actor=riverside.admin,
            )  # fmt: skip

        assert [reason.code for reason in refusal.value.reasons] == ["no_sessions"]


def course(centre: Centre, place: tuple[int, int] | None) -> Course:
    """A course with one session there, offered as every type."""
    rules = {"order_types": [each.name for each in Type], "trial_limit": 5}
    return centre.course(*_starts(place), minutes=place[1] if place else 60, rules=rules)


def give(centre: Centre, course: Course, capacity: str) -> None:
    """The places of its session, as an admin would set them; no one is offered any of them here."""
    centre.run(f"UPDATE term_product SET capacity = {capacity} WHERE id = ANY(%(ids)s)", ids=course.ids)
