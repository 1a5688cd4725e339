"""Many hands on one queue: every freed place is offered once, an offer has one end, and a group is never forgotten."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from models import WaitingStatus
from tests.workflows.centre import DAY, FIRST, HOUR, MINUTE, NOW, PAY_NOW, Cart, Centre, Course, orders
from tests.workflows.race import GOT_IT, Clients, Job, Pull, Sweep, clients
from tests.workflows.waiting import offer_of, states, together, waiting, wanting
from workflows import waiting_facts, waiting_offers, waiting_orders

W = WaitingStatus
ROUNDS = 80


@pytest.fixture
def two(riverside: Centre, database_url: str) -> Iterator[Clients]:
    with clients(database_url, processes=2, each=1, jitter_seconds=0.004) as racing:
        yield racing


def cancellation(centre: Centre, held: Cart) -> Pull:
    return Pull(orders.cancel, {"order_id": held.id, "actor": centre.admin, "now": NOW + MINUTE, "reason": "moved"})


def held_by_two(centre: Centre) -> tuple[Course, list[Cart]]:
    """A course of two places, and the orders that have them."""
    karate = centre.course(capacity=2)
    return karate, [_held(centre, karate) for _ in range(2)]


def _held(centre: Centre, course: Course) -> Cart:
    """By a family of its own: no lock of an account keeps two of them apart."""
    rossi = centre.family()
    return centre.submitted(rossi, rossi.child(), course.lines())


class TestTwoCancelsAndOneQueue:
    def test_each_place_is_offered_once(self, riverside: Centre, two: Clients) -> None:
        chen = riverside.family("Chen")
        courses, rounds, queue = [], [], []
        for _ in range(ROUNDS):
            karate, held = held_by_two(riverside)
            courses.append(karate)
            queue.append([waiting(riverside, chen, chen.child(f"Chen {n}"), karate.lines()) for n in range(3)])
            rounds.append([cancellation(riverside, one) for one in held])

        outcomes = two.race(riverside.organisation_id, rounds)

        assert outcomes == [[GOT_IT, GOT_IT]] * ROUNDS
        for karate, waits in zip(courses, queue, strict=True):
            assert [states(riverside, cart) for cart in waits] == [[W.OFFERED], [W.OFFERED], [W.WAITING]]
            assert riverside.taken(karate) == [2]


class TestJoiningWhileThePlaceIsFreed:
    def test_nobody_waits_beside_a_free_place(self, riverside: Centre, two: Clients) -> None:
        chen = riverside.family("Chen")
        rounds: list[list[Job]] = []
        carts = []
        for _ in range(ROUNDS):
            karate = riverside.course(capacity=1)
            held = _held(riverside, karate)
            cart = wanting(riverside, chen, chen.child(), karate.lines())
            join = Pull(waiting_orders.wait, {"order_id": cart.id, "actor": chen.actor, "now": NOW + MINUTE})
            rounds.append([cancellation(riverside, held), join])
            carts.append(cart)

        outcomes = two.race(riverside.organisation_id, rounds)

        assert outcomes == [[GOT_IT, GOT_IT]] * ROUNDS
        assert [states(riverside, cart) for cart in carts] == [[W.OFFERED]] * ROUNDS


class TestAcceptanceAgainstExpiry:
    def test_exactly_one_wins(self, riverside: Centre, two: Clients) -> None:
        chen = riverside.family("Chen")
        rounds: list[list[Job]] = []
        waits = []
        for number in range(ROUNDS):
            karate = riverside.course(capacity=1)
            now = NOW + timedelta(seconds=2 * number)
            cart = waiting(riverside, chen, chen.child(), karate.lines(), now=now)
            offer_id, end = offer_of(riverside, cart), now + 24 * HOUR
            shown = riverside.do(waiting_offers.show_offer, offer_id=offer_id, actor=chen.actor, now=now)
            acceptance = Pull(waiting_offers.accept, {
                "offer_id": offer_id, "confirmation_type": PAY_NOW, "price_fingerprint": shown.fingerprint,
                "actor": chen.actor, "now": end - timedelta(seconds=1),
            })  # fmt: skip
            rounds.append([acceptance, Sweep(end)])
            waits.append((cart, karate))

        outcomes = two.race(riverside.organisation_id, rounds)

        won: Counter[str] = Counter()
        for (accepted, _), (cart, karate) in zip(outcomes, waits, strict=True):
            (state,) = states(riverside, cart)
            (timer,) = [status for kind, status, _ in riverside.timers(cart) if kind == "WAITING_OFFER"]
            if accepted == GOT_IT:
                assert (state, timer, riverside.taken(karate)) == (W.ACCEPTED, "DISARMED", [1])
            else:
                assert (accepted, state, timer) == ("not_allowed_now", W.EXPIRED, "FIRED")
                assert riverside.taken(karate) == [0]
            won[state.name] += 1
        assert set(won) == {"ACCEPTED", "EXPIRED"}, "each wins sometimes"


def group_rounds(centre: Centre, count: int) -> tuple[list[list[Pull]], list[Cart]]:
    """In each round the last two places of a group become free at the same moment, in two sessions."""
    chen = centre.family("Chen")
    rounds, groups = [], []
    for _ in range(count):
        karate, soccer = centre.course(capacity=1), centre.course(FIRST + DAY, name="Soccer", capacity=1)
        held = [_held(centre, course) for course in (karate, soccer)]
        (cart,) = together(centre, chen, wanting(centre, chen, chen.child(), [*karate.lines(), *soccer.lines()]))
        rounds.append([cancellation(centre, one) for one in held])
        groups.append(cart)
    return rounds, groups


class TestAGroupWhoseLastPlacesAreFreedAtOnce:
    def test_is_offered_them(self, riverside: Centre, two: Clients) -> None:
        rounds, groups = group_rounds(riverside, ROUNDS)

        outcomes = two.race(riverside.organisation_id, rounds)

        assert outcomes == [[GOT_IT, GOT_IT]] * ROUNDS
        assert [states(riverside, cart) for cart in groups] == [[W.OFFERED, W.OFFERED]] * ROUNDS

    @pytest.mark.usefixtures("time_to_meet")
    def test_control_without_the_lock_of_the_group_it_is_forgotten(
        self, riverside: Centre, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert "FOR NO KEY UPDATE" in waiting_facts._LOCK_GROUPS
        monkeypatch.setattr(waiting_facts, "_LOCK_GROUPS", waiting_facts._LOCK_GROUPS.replace("FOR NO KEY UPDATE", ""))
        rounds, groups = group_rounds(riverside, 8)

        with clients(database_url, processes=2, each=1) as racing:
            racing.race(riverside.organisation_id, rounds)

        assert [W.SAVED, W.SAVED] in [states(riverside, cart) for cart in groups]
