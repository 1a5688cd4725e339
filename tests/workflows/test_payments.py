"""Asking for money and recording it by hand: exactly what is required, once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from engine.actor import Actor
from engine.database import Database
from engine.errors import Conflict, Invalid, NotFound, NotPermitted
from engine.fire import Refused
from models import ActorKind, PaymentStatus, TermBookingConfirmationType
from models import TermBookingStatus as S
from tests.builders import NOW
from tests.engine.later import together
from tests.workflows.payment_world import PROVIDER, PayWorld, Placed, make_world
from workflows import payments, term_booking_order
from workflows.payment_use import Use
from workflows.payments import NothingDue, NotPayable, PaymentMoving

SUCCESS, PROCESSING, FAILED = PaymentStatus.SUCCESS, PaymentStatus.PROCESSING, PaymentStatus.FAILED
ADMIN_CONFIRM = TermBookingConfirmationType.ADMIN_CONFIRM


@pytest.fixture(scope="module")
def centre(database: Database, database_url: str) -> PayWorld:
    return make_world(database, database_url)


@pytest.fixture
def world(centre: PayWorld) -> Iterator[PayWorld]:
    """The centre; whatever a test did, every invariant holds afterwards."""
    yield centre
    assert centre.breaches() == []


def confirmed_unpaid(world: PayWorld) -> Placed:
    """An enrolment that an admin confirmed before anything was paid."""
    placed = world.place(confirmation_type=ADMIN_CONFIRM)
    world.run(term_booking_order.confirm, order_id=placed.id, actor=world.admin, now=NOW, reason="known family")
    return placed


def record(world: PayWorld, placed: Placed, amount_minor: int, **told: object) -> Use:
    facts = {"reason": "cash at the desk", "actor": world.admin, "now": NOW, **told}
    _, use = world.run(payments.record_manual_payment, order_id=placed.id, amount_minor=amount_minor, **facts)
    return use


class TestStartPayment:
    def test_asks_for_exactly_what_the_billing_requires(self, world: PayWorld) -> None:
        placed = world.place()

        started = world.start(placed)

        paid = world.payment(started.payment_id)
        assert (started.amount_minor, started.currency, started.key) == (2260, "CAD", str(started.payment_id))
        assert (paid["status"], paid["fingerprint"]) == ("PENDING", world.order(placed.id)["price_fingerprint"])
        assert paid["started_by"] == placed.family.user_id
        assert "Mia" not in started.description

    def test_gives_the_open_payment_again_instead_of_a_second(self, world: PayWorld) -> None:
        placed = world.place()
        first = world.start(placed)

        again = world.run(
            payments.start_payment, order_id=placed.id, provider=PROVIDER, actor=placed.family, now=NOW
        )  # fmt: skip

        assert (again.payment_id, again.key) == (first.payment_id, first.key)
        assert again.checkout_url == "https://pay.example/1"

    def test_makes_one_payment_of_eight_clicks_at_once(self, world: PayWorld) -> None:
        placed = world.place()

        started = together(8, lambda _: world.run(
            payments.start_payment, order_id=placed.id, provider=PROVIDER, actor=placed.family, now=NOW
        ))  # fmt: skip

        assert len({one.payment_id for one in started}) == 1

    def test_asks_anew_after_a_decline(self, world: PayWorld) -> None:
        placed = world.place()
        first = world.start(placed)
        world.tell(first, FAILED)

        assert world.start(placed).payment_id != first.payment_id

    def test_asks_for_the_rest_after_a_part(self, world: PayWorld) -> None:
        placed = world.place()
        record(world, placed, 1000)

        started = world.start(placed)

        assert started.amount_minor == 1260
        world.tell(started, SUCCESS)
        assert world.status(placed) == S.APPROVED
        assert world.booking(placed)["payment_state"] == "PAID"

    def test_asks_for_what_is_invoiced_once_the_order_is_confirmed(self, world: PayWorld) -> None:
        placed = confirmed_unpaid(world)

        started = world.start(placed)

        assert started.amount_minor == 2260

    def test_asks_for_nothing_that_is_paid(self, world: PayWorld) -> None:
        placed = world.place()
        world.tell(world.start(placed), SUCCESS)

        with pytest.raises(NothingDue):
            world.start(placed)

    def test_is_refused_where_nothing_can_be_paid(self, world: PayWorld) -> None:
        by_admin = world.place(confirmation_type=ADMIN_CONFIRM)
        canceled = world.place()
        world.run(term_booking_order.cancel, order_id=canceled.id, actor=canceled.family, now=NOW)

        for placed in (by_admin, canceled):
            with pytest.raises(NotPayable):
                world.start(placed)

    def test_is_refused_while_money_of_another_amount_moves(self, world: PayWorld) -> None:
        placed = confirmed_unpaid(world)
        first = world.start(placed)
        record(world, placed, 1000)
        world.tell(first, PROCESSING)

        with pytest.raises(PaymentMoving):
            world.start(placed)
        world.tell(first, FAILED)

    def test_gives_the_moving_payment_again(self, world: PayWorld) -> None:
        placed = world.place()
        first = world.start(placed)
        world.tell(first, PROCESSING)

        again = world.run(
            payments.start_payment, order_id=placed.id, provider=PROVIDER, actor=placed.family, now=NOW
        )  # fmt: skip

        assert (again.payment_id, again.status) == (first.payment_id, PROCESSING)

    def test_another_family_sees_no_such_order(self, world: PayWorld) -> None:
        placed, stranger = world.place(), world.place()

        with pytest.raises(NotFound):
            world.start(replace(placed, family=stranger.family))

    def test_a_checkout_is_attached_once(self, world: PayWorld) -> None:
        started = world.start(world.place())
        same = {"payment_id": started.payment_id, "checkout_url": "https://pay.example/1", "now": NOW}

        world.run(payments.attach_checkout, external_id=f"ext_{started.payment_id}", **same)
        with pytest.raises(Conflict, match="another checkout"):
            world.run(payments.attach_checkout, external_id="ext_other", **same)


class TestManualPayment:
    def test_confirms_the_order_that_it_pays(self, world: PayWorld) -> None:
        placed = world.place()

        use = record(world, placed, 2260)

        [paid] = world.rows("SELECT * FROM payment WHERE order_id = %(id)s", id=placed.id)
        assert (use, world.status(placed)) == (Use.CONFIRMED, S.APPROVED)
        assert (paid["provider"], paid["status"], paid["note"]) == ("manual", "SUCCESS", "cash at the desk")
        assert (paid["started_by"], world.balance(placed)) == (world.admin.user_id, 0)

    def test_settles_an_open_invoice_part_by_part(self, world: PayWorld) -> None:
        placed = confirmed_unpaid(world)

        uses, states = [], []
        for amount in (1000, 1260):
            uses.append(record(world, placed, amount))
            states.append(world.booking(placed)["payment_state"])

        assert (uses, states) == ([Use.SETTLED, Use.SETTLED], ["OPEN", "PAID"])
        assert world.balance(placed, "RECEIVABLE") == 0

    def test_a_part_of_it_stops_the_timeout_and_goes_to_finance(self, world: PayWorld) -> None:
        placed = world.place()
        before = world.armed(placed)

        use = record(world, placed, 1000)

        assert (before, world.armed(placed)) == (1, 0)
        assert (use, world.status(placed), world.balance(placed)) == (Use.HELD, S.SUBMITTED, 1000)
        assert [review["kind"] for review in world.reviews(placed)] == ["PART_PAYMENT"]

    def test_does_not_confirm_what_an_admin_confirms(self, world: PayWorld) -> None:
        placed = world.place(confirmation_type=ADMIN_CONFIRM)

        use = record(world, placed, 2260)

        assert (use, world.status(placed), world.balance(placed)) == (Use.HELD, S.SUBMITTED, 2260)
        assert world.reviews(placed) == []

    @pytest.mark.parametrize("amount_minor", [-1, 0, 2261])
    def test_is_refused_beyond_what_is_open(self, world: PayWorld, amount_minor: int) -> None:
        placed = world.place()

        with pytest.raises(Invalid) as refused:
            record(world, placed, amount_minor, reason=" ")

        assert [reason.field for reason in refused.value.reasons] == ["reason", "amount_minor"]
        assert world.rows("SELECT id FROM payment WHERE order_id = %(id)s", id=placed.id) == []

    def test_is_for_admins_and_finance(self, world: PayWorld) -> None:
        placed = world.place()

        for kind in (ActorKind.FAMILY, ActorKind.STAFF, ActorKind.GUEST, ActorKind.SYSTEM):
            with pytest.raises(NotPermitted):
                record(world, placed, 2260, actor=replace(placed.family, kind=kind))
        assert record(world, placed, 2260, actor=Actor(ActorKind.FINANCE, user_id=uuid4())) is Use.CONFIRMED

    def test_is_refused_for_an_order_that_ended_or_while_money_moves(self, world: PayWorld) -> None:
        canceled, moving = world.place(), world.place()
        world.run(term_booking_order.cancel, order_id=canceled.id, actor=canceled.family, now=NOW)
        world.tell(world.start(moving), PROCESSING)

        with pytest.raises(NotPayable):
            record(world, canceled, 2260)
        with pytest.raises(PaymentMoving):
            record(world, moving, 2260)

    def test_eight_desks_never_record_more_than_is_open(self, world: PayWorld) -> None:
        placed = confirmed_unpaid(world)

        def desk(_: int) -> bool:
            try:
                record(world, placed, 1000)
            except Invalid:
                return False
            return True

        assert sum(together(8, desk)) == 2
        assert world.balance(placed, "RECEIVABLE") == -260


class TestMoneyAndTheOrder:
    def test_an_order_is_not_given_up_while_money_moves(self, world: PayWorld) -> None:
        placed = world.place()
        world.tell(world.start(placed), PROCESSING)

        for verb in (term_booking_order.cancel, term_booking_order.reopen, term_booking_order.remove):
            with pytest.raises(Refused):
                world.run(verb, order_id=placed.id, actor=placed.family, now=NOW + timedelta(minutes=1))
