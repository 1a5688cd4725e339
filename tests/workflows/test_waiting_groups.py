"""All or nothing: places are saved for a group until it has them all, and nobody smaller and later is served before."""

from datetime import datetime, timedelta

import pytest

from engine.errors import Invalid
from models import TermBookingStatus as S
from models import WaitingStatus as W
from tests.workflows import endings
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    DAY,
    FIRST,
    HOUR,
    MINUTE,
    NOW,
    PAY_LATER,
    Cart,
    Centre,
    Course,
    Family,
    codes,
    orders,
    refused,
    sundays,
)
from tests.workflows.waiting import accept, decline, entries, offer_of, states, together, waiting, wanting
from workflows import capacity
from workflows.waiting_again import look_again

FIRST_START = NOW + timedelta(days=12, minutes=30)  # Sunday 12 April 09:30 in Toronto
NEAR = FIRST_START - 48 * HOUR


def full(centre: Centre, places: int) -> tuple[Course, list[Cart]]:
    """A course whose places are all held, by an order each."""
    karate, rossi = centre.course(capacity=places), centre.family()
    held = [centre.confirmed(rossi, rossi.child(f"Rossi {n}"), karate.lines()) for n in range(places)]
    return karate, held


def free(centre: Centre, held: Cart, now: datetime = NOW) -> None:
    """The family's booking is cancelled."""
    centre.do(endings.cancel, booking_id=centre.booking(held)["id"], actor=centre.admin, reason="moved", now=now)


def siblings(centre: Centre, chen: Family, karate: Course, count: int) -> list[Cart]:
    """So many children of one family that want all or nothing."""
    carts = [wanting(centre, chen, chen.child(f"Chen {n}"), karate.lines()) for n in range(count)]
    return together(centre, chen, *carts)


def all_states(centre: Centre, carts: list[Cart]) -> list[W]:
    return [state for cart in carts for state in states(centre, cart)]


class TestThreeOfOneFamily:
    """Three siblings want all or nothing; places are freed one by one; a single waits behind them."""

    def test_get_the_first_three_places_together(self, riverside: Centre) -> None:
        karate, held = full(riverside, 4)
        chen, okafor = riverside.family("Chen"), riverside.family("Okafor")
        three = siblings(riverside, chen, karate, 3)
        single = waiting(riverside, okafor, okafor.child("Mia Okafor"), karate.lines(), now=NOW + MINUTE)

        seen = []
        for one in held:
            free(riverside, one)
            seen.append((sorted(all_states(riverside, three)), states(riverside, single)))

        assert seen == [
            ([W.WAITING, W.WAITING, W.SAVED], [W.WAITING]),
            ([W.WAITING, W.SAVED, W.SAVED], [W.WAITING]),
            ([W.OFFERED, W.OFFERED, W.OFFERED], [W.WAITING]),
            ([W.OFFERED, W.OFFERED, W.OFFERED], [W.OFFERED]),
        ]  # fmt: skip
        assert len({offer_of(riverside, cart) for cart in three}) == 1
        assert riverside.taken(karate) == [4]

    def test_a_saved_place_is_nobody_elses(self, riverside: Centre) -> None:
        karate, held = full(riverside, 2)
        three, rossi = siblings(riverside, riverside.family("Chen"), karate, 3), riverside.family()
        free(riverside, held[0])
        cart = riverside.cart(rossi, rossi.child("Leo Rossi"), karate.lines())

        assert codes(lambda: riverside.submit(cart, actor=rossi.actor)) == ["session_full"]
        assert (riverside.taken(karate), W.SAVED in all_states(riverside, three)) == ([2], True)

    def test_whose_place_is_saved_leaves_the_list_before_a_booking_alone(self, riverside: Centre) -> None:
        karate, held = full(riverside, 2)
        chen = riverside.family("Chen")
        three = siblings(riverside, chen, karate, 3)
        free(riverside, held[0])
        first = riverside.one("SELECT attendee_id AS id FROM term_booking_order WHERE id = %(id)s", id=three[0].id)
        cart = riverside.cart(chen, first, karate.lines())

        reasons = refused(lambda: riverside.submit(cart, actor=chen.actor))

        assert "place_saved" in [reason.code for reason in reasons]
        assert riverside.taken(karate) == [2]

    def test_accept_together_an_order_each(self, riverside: Centre) -> None:
        karate, held = full(riverside, 3)
        chen = riverside.family("Chen")
        three = siblings(riverside, chen, karate, 3)
        for one in held:
            free(riverside, one)

        made = accept(riverside, chen, three[0], now=NOW + HOUR)

        assert [riverside.status(order) for order in made] == [S.SUBMITTED] * 3
        assert [riverside.status(cart) for cart in three] == [S.REMOVED] * 3
        assert {riverside.order(order)["attendee_id"] for order in made} == {
            riverside.order(cart)["attendee_id"] for cart in three
        }
        assert riverside.taken(karate) == [3]

    def test_accept_by_pay_later_at_the_prices_that_were_shown(self, riverside: Centre) -> None:
        discount = {"kind": "SIBLING", "order": 1, "percent": "10"}
        karate = riverside.course(capacity=2, rules={"discounts": [discount]})
        chen = riverside.family("Chen", credit_limit_minor=100_000)
        two = siblings(riverside, chen, karate, 2)

        made = accept(riverside, chen, two[0], confirmation_type=PAY_LATER)

        assert [riverside.status(order) for order in made] == [S.APPROVED] * 2

    def test_decline_together_and_the_places_go_on(self, riverside: Centre) -> None:
        karate, held = full(riverside, 2)
        chen, okafor = riverside.family("Chen"), riverside.family("Okafor")
        two = siblings(riverside, chen, karate, 2)
        single = waiting(riverside, okafor, okafor.child("Mia Okafor"), karate.lines(), now=NOW + MINUTE)
        for one in held:
            free(riverside, one)

        decline(riverside, chen, two[1])

        assert all_states(riverside, two) == [W.DECLINED] * 2
        assert (states(riverside, single), riverside.taken(karate)) == ([W.OFFERED], [1])

    def test_the_offer_runs_out_for_all(self, riverside: Centre) -> None:
        karate, held = full(riverside, 2)
        two = siblings(riverside, riverside.family("Chen"), karate, 2)
        for one in held:
            free(riverside, one)

        riverside.sweep(NOW + DAY)

        offers = [status for cart in two for kind, status, _ in riverside.timers(cart) if kind == "WAITING_OFFER"]
        assert offers == ["FIRED"], "one timer for the offer"
        assert all_states(riverside, two) == [W.EXPIRED] * 2
        assert [riverside.status(cart) for cart in two] == [S.REMOVED] * 2
        assert riverside.taken(karate) == [0]


class TestNearTheStart:
    def test_saved_places_go_to_the_next_that_fits(self, riverside: Centre) -> None:
        karate, held = full(riverside, 3)
        chen, okafor = riverside.family("Chen"), riverside.family("Okafor")
        three = siblings(riverside, chen, karate, 3)
        single = waiting(riverside, okafor, okafor.child("Mia Okafor"), karate.lines(), now=NOW + MINUTE)
        free(riverside, held[0])
        free(riverside, held[1])
        assert states(riverside, single) == [W.WAITING]

        riverside.sweep(NEAR)

        assert all_states(riverside, three) == [W.WAITING] * 3
        assert (states(riverside, single), riverside.taken(karate)) == ([W.OFFERED], [2])
        assert {entry["since"] for cart in three for entry in entries(riverside, cart)} == {NOW}

    def test_nothing_is_saved_any_more_but_all_at_once_is_offered(self, riverside: Centre) -> None:
        karate, held = full(riverside, 1)
        two = siblings(riverside, riverside.family("Chen"), karate, 2)
        riverside.sweep(NEAR)

        free(riverside, held[0], NEAR + MINUTE)
        few = all_states(riverside, two)
        riverside.do(capacity.set_capacity, session_id=karate.ids[0], capacity=2, reason="a coach",
                     actor=riverside.admin, now=NEAR + HOUR)  # fmt: skip

        assert few == [W.WAITING] * 2
        assert all_states(riverside, two) == [W.OFFERED] * 2


class TestSeveralSessions:
    def test_of_one_order_are_offered_when_all_are_there(self, riverside: Centre) -> None:
        karate, rossi, chen = riverside.course(*sundays(2), capacity=1), riverside.family(), riverside.family("Chen")
        first, second = (riverside.submitted(rossi, rossi.child(f"Rossi {n}"), karate.lines(n), how=ADMIN_CONFIRM)
                         for n in range(2))  # fmt: skip
        (both,) = together(riverside, chen, wanting(riverside, chen, chen.child("Lin Chen"), karate.lines()))

        riverside.pull(orders.cancel, second)
        half = states(riverside, both)
        riverside.pull(orders.cancel, first)

        assert half == [W.WAITING, W.SAVED]
        assert states(riverside, both) == [W.OFFERED, W.OFFERED]
        (made,) = accept(riverside, chen, both)
        assert riverside.order(made)["total_minor"] == 2260
        assert riverside.taken(karate) == [1, 1]

    def test_sold_as_a_week_are_waited_for_as_one(self, riverside: Centre) -> None:
        days = [FIRST + DAY, FIRST + 2 * DAY]
        camp = riverside.course(*days, name="Camp", capacity=0, session={"capacity": 0}, modes=["FULL_WEEK"])
        chen = riverside.family("Chen")

        waits = waiting(riverside, chen, chen.child("Lin Chen"), camp.lines(mode="FULL_WEEK"))

        assert len({entry["group_id"] for entry in entries(riverside, waits)} - {None}) == 1

    def test_that_overlap_cannot_be_wanted_together(self, riverside: Centre) -> None:
        karate, soccer = riverside.course(), riverside.course(name="Soccer")
        chen = riverside.family("Chen")
        cart = wanting(riverside, chen, chen.child("Lin Chen"), [*karate.lines(), *soccer.lines()])

        assert codes(lambda: together(riverside, chen, cart)) == ["double_booked"]


class TestAGroupThatChanges:
    def test_stands_behind_who_joined_meanwhile(self, riverside: Centre) -> None:
        karate, held = full(riverside, 2)
        chen, okafor = riverside.family("Chen"), riverside.family("Okafor")
        three = siblings(riverside, chen, karate, 3)
        single = waiting(riverside, okafor, okafor.child("Mia Okafor"), karate.lines(), now=NOW + MINUTE)

        riverside.pull(orders.remove, three[0], actor=chen.actor, now=NOW + HOUR)
        free(riverside, held[0], NOW + 2 * HOUR)

        assert {entry["since"] for cart in three[1:] for entry in entries(riverside, cart)} == {NOW + HOUR}
        assert (states(riverside, single), all_states(riverside, three[1:])) == ([W.OFFERED], [W.WAITING] * 2)

    def test_may_be_whole_with_what_it_has(self, riverside: Centre) -> None:
        karate, held = full(riverside, 2)
        chen = riverside.family("Chen")
        three = siblings(riverside, chen, karate, 3)
        for one in held:
            free(riverside, one)
        waits = next(cart for cart in three if states(riverside, cart) == [W.WAITING])

        riverside.pull(orders.remove, waits, actor=chen.actor)

        assert sorted(all_states(riverside, three)) == [W.OFFERED, W.OFFERED, W.LEFT]

    def test_is_not_left_by_one_while_it_is_offered(self, riverside: Centre) -> None:
        karate, held = full(riverside, 2)
        chen = riverside.family("Chen")
        two = siblings(riverside, chen, karate, 2)
        for one in held:
            free(riverside, one)

        assert codes(lambda: riverside.pull(orders.remove, two[0], actor=chen.actor)) == ["offered_as_a_group"]

    def test_passed_over_as_a_whole_when_one_cannot(self, riverside: Centre) -> None:
        karate, held = full(riverside, 2)
        soccer = riverside.course(name="Soccer")
        chen, okafor = riverside.family("Chen"), riverside.family("Okafor")
        two = siblings(riverside, chen, karate, 2)
        busy = {"id": riverside.order(two[0])["attendee_id"]}
        riverside.submitted(chen, busy, soccer.lines())
        single = waiting(riverside, okafor, okafor.child("Mia Okafor"), karate.lines(), now=NOW + MINUTE)

        free(riverside, held[0], NOW + 2 * MINUTE)

        assert (all_states(riverside, two), states(riverside, single)) == ([W.WAITING] * 2, [W.OFFERED])

    def test_is_looked_at_again_and_still_gets_all_or_nothing(self, riverside: Centre) -> None:
        """A conflict of one ends: the free place is set aside for the group, and offered with the second."""
        karate, held = full(riverside, 2)
        soccer, chen = riverside.course(name="Soccer"), riverside.family("Chen")
        two = siblings(riverside, chen, karate, 2)
        busy = {"id": riverside.order(two[0])["attendee_id"]}
        elsewhere = riverside.submitted(chen, busy, soccer.lines())
        free(riverside, held[0], NOW + 2 * MINUTE)
        riverside.pull(orders.cancel, elsewhere, now=NOW + 3 * MINUTE)

        look_again(riverside.database, now=NOW + 4 * MINUTE)

        assert sorted(all_states(riverside, two)) == [W.WAITING, W.SAVED]
        free(riverside, held[1], NOW + 5 * MINUTE)
        assert all_states(riverside, two) == [W.OFFERED] * 2


class TestWhatIsRefused:
    def test_orders_of_two_accounts(self, riverside: Centre) -> None:
        karate, chen, rossi = riverside.course(), riverside.family("Chen"), riverside.family()
        carts = [wanting(riverside, by, by.child(), karate.lines()) for by in (chen, rossi)]

        with pytest.raises(Invalid) as refusal:
            together(riverside, chen, *carts, actor=riverside.admin)

        assert [reason.code for reason in refusal.value.reasons] == ["other_account"]
        assert [riverside.status(cart) for cart in carts] == [S.CREATED] * 2

    def test_the_same_order_twice(self, riverside: Centre) -> None:
        karate, chen = riverside.course(), riverside.family("Chen")
        cart = wanting(riverside, chen, chen.child(), karate.lines())

        with pytest.raises(Invalid, match="different orders"):
            together(riverside, chen, cart, cart)
