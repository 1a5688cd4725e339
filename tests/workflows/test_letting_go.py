"""Reopen, remove, cancel and the timeout: what an order held is given back, and what it cost is void."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from engine.fire import NotAllowedNow
from models import TermBookingStatus as S
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    DAY,
    FIRST,
    HOUR,
    MINUTE,
    NOW,
    SYSTEM,
    Centre,
    orders,
    refused,
    sundays,
)
from workflows.timeouts import release_overdue

LATER = NOW + 5 * MINUTE
OVERDUE = NOW + 15 * MINUTE


LETTING_GO = {"reopen": S.CREATED, "remove": S.REMOVED, "cancel": S.CANCELED}


class TestLettingGo:
    @pytest.mark.parametrize("trigger", LETTING_GO)
    def test_gives_back_places_and_time_and_voids_the_billing(self, riverside: Centre, trigger: str) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2))
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())

        riverside.pull(getattr(orders, trigger), cart, actor=rossi.actor, now=LATER)

        assert riverside.status(cart) == LETTING_GO[trigger]
        assert riverside.taken(karate) == [0, 0]
        assert riverside.claims(cart) == []
        assert riverside.billings(cart) == [(1, False, 2260), (2, True, 0)]
        assert riverside.timers(cart) == [("AUTO_CANCEL", "DISARMED", OVERDUE)]
        assert riverside.history(cart)[-1] == (trigger, S.SUBMITTED, LETTING_GO[trigger])

    @pytest.mark.parametrize("trigger", ["remove", "cancel"])
    def test_says_why(self, riverside: Centre, trigger: str) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())

        riverside.pull(getattr(orders, trigger), cart, actor=rossi.actor, reason="moved away")

        assert riverside.order(cart)["cancel_reason"] == "moved away"
        event = riverside.rows("SELECT reason, changes FROM status_event WHERE subject_id = %(id)s ORDER BY sequence",
                               id=cart.id)[-1]  # fmt: skip
        assert event == {
            "reason": "moved away",
            "changes": {"released": 1, "places_released": [str(karate.sessions[0]["id"])]},
        }

    def test_reopened_is_submitted_again_with_a_new_version(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(3))
        cart = riverside.submitted(rossi, rossi.child(), karate.lines(0, 1))
        riverside.pull(orders.reopen, cart, actor=rossi.actor)
        riverside.save(cart, karate.lines(), actor=rossi.actor)

        riverside.submit(cart, actor=rossi.actor, now=LATER)

        assert riverside.billings(cart) == [(1, False, 2260), (2, True, 0), (3, False, 3390)]
        assert riverside.taken(karate) == [1, 1, 1]
        assert riverside.timers(cart)[-1] == ("AUTO_CANCEL", "ARMED", LATER + 15 * MINUTE)

    @pytest.mark.parametrize("status", ["draft", "created"])
    @pytest.mark.parametrize("who", ["family", "system"])
    def test_a_cart_is_removed_by_its_owner_and_by_the_system(self, riverside: Centre, status: str, who: str) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.draft(rossi, rossi.child())
        if status == "created":
            riverside.save(cart, karate.lines(), actor=rossi.actor)

        riverside.pull(orders.remove, cart, actor=rossi.actor if who == "family" else SYSTEM, reason="idle")

        assert riverside.status(cart) == S.REMOVED
        assert riverside.billings(cart) == []

    @pytest.mark.parametrize("state", [S.QUOTE, S.ACCEPT])
    def test_cancels_what_is_quoted_or_accepted(self, riverside: Centre, state: S) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.quoted(rossi, rossi.child(), karate.lines())
        if state is S.ACCEPT:
            riverside.pull(orders.accept, cart, actor=rossi.actor)

        riverside.pull(orders.cancel, cart, actor=rossi.actor, reason="declined")

        assert riverside.status(cart) == S.CANCELED
        assert riverside.taken(karate) == [0]
        assert all(timer[1] == "DISARMED" for timer in riverside.timers(cart))

    def test_an_ended_order_moves_no_more(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())
        riverside.pull(orders.cancel, cart, actor=rossi.actor)

        with pytest.raises(NotAllowedNow, match="is canceled: cancel is not allowed now"):
            riverside.pull(orders.cancel, cart, actor=rossi.actor)
        assert riverside.taken(karate) == [0]

    def test_only_this_order_of_the_family_is_void(self, riverside: Centre) -> None:
        rossi, karate, soccer = riverside.family(), riverside.course(), riverside.course(FIRST + HOUR, name="Soccer")
        mia = rossi.child()
        kept, left = riverside.submitted(rossi, mia, karate.lines()), riverside.submitted(rossi, mia, soccer.lines())

        riverside.pull(orders.cancel, left, actor=rossi.actor)

        assert riverside.billings(kept) == [(1, False, 1130)]
        assert riverside.billings(left) == [(2, False, 1130), (3, True, 0)]
        assert len(riverside.claims(kept)) == 1


class TestMoney:
    @pytest.mark.parametrize("verb", [orders.reopen, orders.remove, orders.cancel])
    def test_moving_holds_the_order(self, riverside: Centre, verb: Callable[..., Any]) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())
        paying = riverside.pay(cart, 1130, status="PROCESSING")

        codes = [r.code for r in refused(lambda: riverside.pull(verb, cart, actor=rossi.actor))]

        assert codes == ["money_moving"]
        assert riverside.status(cart) == S.SUBMITTED
        riverside.run("UPDATE payment SET status = 'FAILED' WHERE id = %(id)s", id=paying["id"])

    @pytest.mark.parametrize("verb", [orders.reopen, orders.remove])
    def test_captured_is_not_forgotten(self, riverside: Centre, verb: Callable[..., Any]) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())
        riverside.pay(cart, 500)

        codes = [r.code for r in refused(lambda: riverside.pull(verb, cart, actor=rossi.actor))]

        assert codes == ["money_captured"]

    def test_captured_stays_the_familys_credit_when_they_cancel(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())
        riverside.pay(cart, 500)

        riverside.pull(orders.cancel, cart, actor=rossi.actor)

        credit = riverside.one("SELECT sum(amount_minor)::bigint AS n FROM ledger_posting "
                               "WHERE account_id = %(id)s AND ledger_account = 'WALLET'",
                               id=rossi.id)  # fmt: skip
        assert credit["n"] == -500


@pytest.fixture
def alone(riverside: Centre) -> Centre:
    """No other test's order is due."""
    riverside.sweep(NOW + 30 * DAY)
    return riverside


class TestTimeout:
    def test_fires_on_time_once_and_gives_back_what_was_held(self, alone: Centre) -> None:
        rossi, karate = alone.family(), alone.course(*sundays(2))
        cart = alone.submitted(rossi, rossi.child(), karate.lines())

        early = alone.sweep(OVERDUE - timedelta(microseconds=1))
        fired, again = alone.sweep(OVERDUE), alone.sweep(OVERDUE)

        assert (early, fired, again) == (0, 1, 0)
        assert alone.status(cart) == S.CANCELED
        assert alone.order(cart)["cancel_reason"] == "timeout"
        assert alone.taken(karate) == [0, 0]
        assert alone.billings(cart) == [(1, False, 2260), (2, True, 0)]
        assert alone.timers(cart) == [("AUTO_CANCEL", "FIRED", OVERDUE)]
        assert alone.history(cart)[-1] == ("cancel", S.SUBMITTED, S.CANCELED)

    def test_is_the_shortest_that_any_offering_asks_for(self, riverside: Centre) -> None:
        rossi = riverside.family()
        slow = riverside.course(rules={"auto_cancel_minutes": {"PAY_NOW_PAY_ALL": 60}})
        fast = riverside.course(FIRST + HOUR, name="Soccer", rules={"auto_cancel_minutes": {"PAY_NOW_PAY_ALL": 20}})

        cart = riverside.submitted(rossi, rossi.child(), [*slow.lines(), *fast.lines()])

        assert riverside.timers(cart) == [("AUTO_CANCEL", "ARMED", NOW + 20 * MINUTE)]

    def test_may_be_switched_off(self, riverside: Centre) -> None:
        rossi, karate = (
            riverside.family(),
            riverside.course(rules={"auto_cancel_minutes": {"PAY_NOW_PAY_ALL": "never"}}),
        )

        assert riverside.timers(riverside.submitted(rossi, rossi.child(), karate.lines())) == []

    def test_never_exists_where_an_admin_confirms(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()

        cart = riverside.submitted(rossi, rossi.child(), karate.lines(), how=ADMIN_CONFIRM)

        assert riverside.timers(cart) == []

    def test_never_cancels_what_is_paid(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())
        riverside.pay(cart, 1130)

        riverside.sweep(OVERDUE)

        assert riverside.status(cart) == S.SUBMITTED
        assert riverside.taken(karate) == [1]
        riverside.pull(orders.confirm, cart, actor=SYSTEM, now=OVERDUE)
        assert riverside.booking(cart)["payment_state"] == "PAID"

    def test_is_put_off_while_a_payment_is_being_processed_for_a_day_at_most(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())
        paying = riverside.pay(cart, 1130, status="PROCESSING")

        riverside.sweep(OVERDUE)

        assert riverside.status(cart) == S.SUBMITTED
        assert riverside.timers(cart)[-1] == ("AUTO_CANCEL", "ARMED", OVERDUE + 10 * MINUTE)
        riverside.run("UPDATE payment SET status = 'FAILED' WHERE id = %(id)s", id=paying["id"])
        riverside.sweep(OVERDUE + 10 * MINUTE)
        assert riverside.status(cart) == S.CANCELED

    def test_is_put_off_for_a_day_at_most(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())
        paying = riverside.pay(cart, 1130, status="PROCESSING")

        riverside.sweep(NOW + DAY - MINUTE)
        before = riverside.status(cart)
        riverside.sweep(NOW + DAY + 9 * MINUTE)

        assert (before, riverside.status(cart)) == (S.SUBMITTED, S.CANCELED)
        riverside.run("UPDATE payment SET status = 'FAILED' WHERE id = %(id)s", id=paying["id"])

    def test_a_pending_payment_does_not_defer_it(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines())
        riverside.pay(cart, 1130, status="PENDING")

        riverside.sweep(OVERDUE)

        assert riverside.status(cart) == S.CANCELED

    def test_of_many_orders_of_one_family_at_once(self, alone: Centre) -> None:
        rossi, karate = alone.family(), alone.course()
        carts = [alone.submitted(rossi, rossi.child(f"Child {n}"), karate.lines()) for n in range(5)]

        assert alone.sweep(OVERDUE) == 5

        assert {alone.status(cart) for cart in carts} == {S.CANCELED}
        assert alone.taken(karate) == [0]


class TestOverdueHold:
    """A hold whose time is up is void when it is read, whatever the worker does."""

    def test_in_the_way_of_the_last_place_is_released(self, riverside: Centre) -> None:
        rossi, chen = riverside.family(), riverside.family("Chen family")
        karate = riverside.course(capacity=1)
        late = riverside.submitted(rossi, rossi.child(), karate.lines())
        lin = chen.child("Lin Chen")
        cart = riverside.cart(chen, lin, karate.lines(), now=OVERDUE)

        released = release_overdue(riverside.database, riverside.organisation_id, session_ids=karate.ids,
                                   attendee_ids=[lin["id"]], now=OVERDUE)  # fmt: skip

        assert released == 1
        assert (riverside.status(late), riverside.order(late)["cancel_reason"]) == (S.CANCELED, "timeout")
        assert riverside.timers(late) == [("AUTO_CANCEL", "FIRED", OVERDUE)]
        riverside.submit(cart, actor=chen.actor, now=OVERDUE)
        assert riverside.taken(karate) == [1]

    def test_of_the_same_attendee_elsewhere_is_released(self, riverside: Centre) -> None:
        rossi, karate, soccer = riverside.family(), riverside.course(), riverside.course(name="Soccer")
        mia = rossi.child()
        late = riverside.submitted(rossi, mia, karate.lines())

        released = release_overdue(riverside.database, riverside.organisation_id, session_ids=soccer.ids,
                                   attendee_ids=[mia["id"]], now=OVERDUE)  # fmt: skip

        assert (released, riverside.status(late)) == (1, S.CANCELED)

    def test_that_still_has_time_is_kept(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(capacity=1)
        mia = rossi.child()
        cart = riverside.submitted(rossi, mia, karate.lines())

        released = release_overdue(riverside.database, riverside.organisation_id, session_ids=karate.ids,
                                   attendee_ids=[mia["id"]], now=OVERDUE - timedelta(seconds=1))  # fmt: skip

        assert (released, riverside.status(cart)) == (0, S.SUBMITTED)

    def test_that_is_paid_is_kept(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(capacity=1)
        mia = rossi.child()
        cart = riverside.submitted(rossi, mia, karate.lines())
        riverside.pay(cart, 1130)

        released = release_overdue(riverside.database, riverside.organisation_id, session_ids=karate.ids,
                                   attendee_ids=[mia["id"]], now=OVERDUE)  # fmt: skip

        assert (released, riverside.status(cart)) == (0, S.SUBMITTED)
        riverside.pull(orders.confirm, cart, actor=SYSTEM, now=OVERDUE)

    def test_finds_nothing_for_the_sweeper_afterwards(self, alone: Centre) -> None:
        rossi, karate = alone.family(), alone.course()
        mia = rossi.child()
        alone.submitted(rossi, mia, karate.lines())
        release_overdue(alone.database, alone.organisation_id, session_ids=karate.ids,
                        attendee_ids=[mia["id"]], now=OVERDUE)  # fmt: skip

        assert alone.sweep(OVERDUE) == 0
