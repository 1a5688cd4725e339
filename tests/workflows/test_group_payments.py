"""One payment for all orders of a group: what its provider tells is true of each, once, in any order."""

from typing import Any

import pytest

from billing.gateways.protocol import GatewayEvent
from engine.database import Row
from models import PaymentStatus
from models import TermBookingStatus as S
from tests.workflows.centre import MINUTE, NOW, Cart, Centre, Family, orders, sundays
from tests.workflows.groups import begin, order_ids, statuses, submit
from workflows.group_facts import Group
from workflows.group_payments import start_group_payment
from workflows.payment_events import Outcome, deliver_event
from workflows.payments import PaymentMoving, StartedPayment, attach_checkout, start_payment


@pytest.fixture
def rossi(riverside: Centre) -> Family:
    return riverside.family()


@pytest.fixture
def group(riverside: Centre, rossi: Family) -> Group:
    """Mia and Leo, submitted to be paid now: 22.60 each."""
    karate = riverside.course(*sundays(2))
    made = begin(riverside, rossi, [(rossi.child(name), karate.lines()) for name in ("Mia", "Leo")])
    return submit(riverside, made, actor=rossi.actor)


def start(centre: Centre, group: Group, by: Family) -> StartedPayment:
    started: StartedPayment = centre.do(
        start_group_payment, group_order_id=group.id, provider="sandbox", actor=by.actor
    )
    centre.do(
        attach_checkout, payment_id=started.payment_id, external_id=f"sb_{started.key}", checkout_url="https://pay"
    )
    return started


def tell(
    centre: Centre, started: StartedPayment, status: PaymentStatus, *, amount_minor: int = 4520, now: Any = NOW
) -> Outcome:  # fmt: skip
    event = GatewayEvent(
        event_id=f"{started.key}:{status}", type="payment", external_id=f"sb_{started.key}", key=started.key,
        status=status, amount_minor=amount_minor, currency="CAD", at=now,
    )  # fmt: skip
    return deliver_event(centre.database, centre.organisation_id, provider="sandbox", event=event, now=now)


def payments(centre: Centre, group: Group) -> list[Row]:
    return centre.rows("SELECT order_id, status, amount_minor, external_id, checkout_id FROM payment "
                       "WHERE order_id = ANY(%(ids)s) ORDER BY order_id", ids=order_ids(group))  # fmt: skip


class TestStart:
    def test_asks_for_the_sum_and_has_a_payment_for_each_order(
        self, riverside: Centre, rossi: Family, group: Group
    ) -> None:
        started = start(riverside, group, rossi)

        found = payments(riverside, group)
        assert (started.amount_minor, started.reference) == (4520, group.reference)
        assert [row["amount_minor"] for row in found] == [2260, 2260]
        assert {(row["checkout_id"], row["external_id"]) for row in found} == {
            (started.payment_id, f"sb_{started.key}")
        }

    def test_again_is_the_same_checkout(self, riverside: Centre, rossi: Family, group: Group) -> None:
        first, second = (start(riverside, group, rossi) for _ in range(2))

        assert second.payment_id == first.payment_id
        assert second.checkout_url == "https://pay"

    def test_leaves_out_what_is_paid_or_over(self, riverside: Centre, rossi: Family, group: Group) -> None:
        mias, leos = (Cart(order_id, "") for order_id in order_ids(group))
        riverside.pull(orders.cancel, mias, actor=rossi.actor)

        started = start(riverside, group, rossi)

        assert started.amount_minor == 2260
        assert [row["order_id"] for row in payments(riverside, group)] == [leos.id]

    def test_one_order_alone_gets_a_payment_of_its_own(self, riverside: Centre, rossi: Family, group: Group) -> None:
        together = start(riverside, group, rossi)

        alone = riverside.do(start_payment, order_id=order_ids(group)[0], provider="sandbox", actor=rossi.actor)

        assert (alone.amount_minor, alone.payment_id == together.payment_id) == (2260, False)

    def test_waits_for_money_that_is_moving(self, riverside: Centre, rossi: Family, group: Group) -> None:
        tell(riverside, start(riverside, group, rossi), PaymentStatus.PROCESSING)
        riverside.run("UPDATE payment SET amount_minor = 1 WHERE order_id = %(id)s", id=order_ids(group)[0])

        with pytest.raises(PaymentMoving):
            start(riverside, group, rossi)


class TestEvents:
    def test_captured_confirms_every_order(self, riverside: Centre, rossi: Family, group: Group) -> None:
        started = start(riverside, group, rossi)

        outcomes = [tell(riverside, started, PaymentStatus.SUCCESS) for _ in range(2)]

        assert outcomes == [Outcome.CONFIRMED, Outcome.ALREADY_APPLIED]
        assert statuses(riverside, group) == [S.APPROVED] * 2
        booked = [riverside.booking(Cart(order_id, ""))["payment_state"] for order_id in order_ids(group)]
        assert booked == ["PAID", "PAID"]

    def test_is_found_by_our_key_when_the_answer_never_reached_us(
        self, riverside: Centre, rossi: Family, group: Group
    ) -> None:
        started = riverside.do(start_group_payment, group_order_id=group.id, provider="sandbox", actor=rossi.actor)

        assert tell(riverside, started, PaymentStatus.SUCCESS) is Outcome.CONFIRMED
        assert statuses(riverside, group) == [S.APPROVED] * 2

    def test_too_little_confirms_what_it_covers_and_finance_is_told(
        self, riverside: Centre, rossi: Family, group: Group
    ) -> None:
        started = start(riverside, group, rossi)

        outcome = tell(riverside, started, PaymentStatus.SUCCESS, amount_minor=4000)

        assert outcome is Outcome.REVIEW
        assert sorted(statuses(riverside, group)) == [S.SUBMITTED, S.APPROVED]
        assert [row["amount_minor"] for row in payments(riverside, group)] == [2260, 1740]

    def test_moving_money_puts_the_timeout_of_all_off(self, riverside: Centre, rossi: Family, group: Group) -> None:
        started = start(riverside, group, rossi)
        tell(riverside, started, PaymentStatus.PROCESSING)

        riverside.sweep(NOW + 16 * MINUTE)
        tell(riverside, started, PaymentStatus.SUCCESS, now=NOW + 17 * MINUTE)

        assert statuses(riverside, group) == [S.APPROVED] * 2

    def test_late_money_revives_every_order(self, riverside: Centre, rossi: Family, group: Group) -> None:
        started = start(riverside, group, rossi)
        riverside.sweep(NOW + 16 * MINUTE)
        assert statuses(riverside, group) == [S.CANCELED] * 2

        outcome = tell(riverside, started, PaymentStatus.SUCCESS, now=NOW + 20 * MINUTE)

        assert outcome is Outcome.REVIVED
        assert statuses(riverside, group) == [S.APPROVED] * 2
