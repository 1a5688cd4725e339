"""Money that comes after a timeout revives the order where every rule of a submit allows it; else it is credit."""

from datetime import timedelta
from uuid import UUID

import pytest

from engine.database import Database
from engine.fire import NotAllowedNow, Refused
from engine.ids import new_id
from engine.outbox import read_message
from engine.timers import sweep
from models import PaymentStatus
from models import TermBookingStatus as S
from notifications.email import compose
from notifications.messages import OrderNotRevived
from tests.builders import NOW
from tests.workflows import endings
from tests.workflows.payment_world import PayWorld, Placed, make_world
from workflows import term_booking_order
from workflows.messages import compose_message
from workflows.order_facts import lock_order
from workflows.payment_events import Outcome
from workflows.payments import StartedPayment
from workflows.timeouts import handlers

LATER = NOW + timedelta(minutes=16)


@pytest.fixture(scope="module")
def world(checked_database: Database, database_url: str) -> PayWorld:
    return make_world(checked_database, database_url)


def timed_out(world: PayWorld) -> tuple[Placed, StartedPayment]:
    placed = world.place()
    started = world.start(placed)
    sweep(world.database, now=LATER, handlers=handlers())
    assert world.status(placed) == S.CANCELED
    return placed, started


def fill(world: PayWorld) -> list[int]:
    with world.database.transaction(world.organisation_id) as tx:
        was = [row["capacity"] for row in tx.rows("SELECT capacity FROM term_product ORDER BY id")]
        tx.run("UPDATE term_product SET capacity = taken")
    return was


def make_room(world: PayWorld) -> None:
    with world.database.transaction(world.organisation_id) as tx:
        tx.run("UPDATE term_product SET capacity = 5000")


class TestRevived:
    def test_is_submitted_and_confirmed_in_one_transaction(self, world: PayWorld) -> None:
        placed, started = timed_out(world)

        outcome = world.tell(started, PaymentStatus.SUCCESS, now=LATER)

        assert (outcome, world.status(placed)) == (Outcome.REVIVED, S.APPROVED)
        assert (world.booking(placed)["status"], world.booking(placed)["payment_state"]) == (S.APPROVED, "PAID")
        assert world.balance(placed) == 0
        events = world.rows("SELECT trigger, actor_kind, reason FROM status_event WHERE subject_id = %(id)s "
                            "ORDER BY sequence DESC LIMIT 3", id=placed.id)  # fmt: skip
        assert [event["trigger"] for event in reversed(events)] == ["cancel", "revive", "confirm"]
        assert {event["actor_kind"] for event in events} == {"SYSTEM"}
        assert events[0]["reason"] == f"paid late by {started.reference}"
        assert world.order(placed.id)["cancel_reason"] is None
        assert world.armed(placed) == 0

    def test_once_however_often_it_is_told(self, world: PayWorld) -> None:
        placed, started = timed_out(world)
        world.tell(started, PaymentStatus.SUCCESS, event_id="evt_late", now=LATER)

        again = world.tell(started, PaymentStatus.SUCCESS, event_id="evt_late", now=LATER)
        other = world.tell(started, PaymentStatus.SUCCESS, now=LATER)

        assert (again, other) == (Outcome.ALREADY_APPLIED, Outcome.UNCHANGED)
        assert world.status(placed) == S.APPROVED


class TestVoidOnRead:
    def test_an_overdue_hold_of_others_is_not_in_the_way(self, world: PayWorld) -> None:
        """The other family's time is up as well, and no sweeper has come by yet."""
        placed, started = timed_out(world)
        other = world.place(now=LATER)
        fill(world)

        outcome = world.tell(started, PaymentStatus.SUCCESS, now=LATER + timedelta(minutes=16))

        make_room(world)
        assert (outcome, world.status(placed), world.status(other)) == (Outcome.REVIVED, S.APPROVED, S.CANCELED)


class TestNotRevived:
    def test_where_the_places_are_gone_the_money_is_credit_and_everyone_is_told(self, world: PayWorld) -> None:
        placed, started = timed_out(world)
        fill(world)

        outcome = world.tell(started, PaymentStatus.SUCCESS, now=LATER)

        make_room(world)
        assert (outcome, world.status(placed), world.balance(placed)) == (Outcome.NOT_REVIVED, S.CANCELED, 2260)
        assert [review["kind"] for review in world.reviews(placed)] == ["NOT_REVIVED"]
        assert world.topics(placed) == ["order.not_revived", "payment.review"]

    def test_the_family_reads_why(self, world: PayWorld) -> None:
        placed, started = timed_out(world)
        with world.database.transaction(world.organisation_id) as tx:
            tx.run("UPDATE account SET email = 'okafor@example.org' WHERE id = %(id)s", id=placed.account_id)
        fill(world)
        world.tell(started, PaymentStatus.SUCCESS, now=LATER)
        make_room(world)

        entry = world.rows("SELECT id FROM outbox_message WHERE topic = 'order.not_revived' "
                           "AND payload->>'order_id' = %(id)s", id=str(placed.id))[0]  # fmt: skip
        with world.database.transaction(world.organisation_id) as tx:
            message = compose_message(
                tx, read_message(tx, entry["id"]), base_url="https://example.org", secret="for tests"
            )

        assert isinstance(message, OrderNotRevived)
        assert all("is full" in reason for reason in message.reasons)
        mail = compose(message, message_id=new_id(), from_address="office@example.org", now=LATER)
        assert "holding the $22.60 as a credit" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]

    def test_where_the_child_is_elsewhere_by_now(self, world: PayWorld) -> None:
        placed, started = timed_out(world)
        attendee_id: UUID = world.order(placed.id)["attendee_id"]
        made = world.run(
            term_booking_order.new, actor=placed.family, account_id=placed.account_id, attendee_id=attendee_id,
            term_id=world.term_id, order_type=term_booking_order.TermBookingOrderType.BOOKING, now=LATER,
        )  # fmt: skip
        world.submit(made.order.id, world.session_ids[:1], by=placed.family, now=LATER)

        outcome = world.tell(started, PaymentStatus.SUCCESS, now=LATER)

        assert (outcome, world.status(placed), world.balance(placed)) == (Outcome.NOT_REVIVED, S.CANCELED, 2260)

    def test_where_the_family_cancelled_it_itself(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)
        world.run(term_booking_order.cancel, order_id=placed.id, actor=placed.family, now=NOW, reason="changed plans")

        outcome = world.tell(started, PaymentStatus.SUCCESS, now=LATER)

        assert (outcome, world.status(placed)) == (Outcome.CREDITED, S.CANCELED)

    def test_by_its_verb_neither(self, world: PayWorld) -> None:
        placed = world.place()
        waiting = world.place()
        world.run(term_booking_order.cancel, order_id=placed.id, actor=placed.family, now=NOW, reason="changed plans")

        def revive(order_id: UUID) -> None:
            with world.database.transaction(world.organisation_id) as tx:
                order = lock_order(tx, order_id, actor=term_booking_order.BY_SYSTEM)
                term_booking_order.revive_locked(
                    tx, order, paid_fingerprint=order.price_fingerprint, now=LATER, reason="late"
                )

        with pytest.raises(Refused) as refusal:
            revive(placed.id)
        assert [reason.code for reason in refusal.value.reasons] == ["not_timed_out"]
        with pytest.raises(NotAllowedNow):
            revive(waiting.id)


class TestAttendanceBeforeThePayment:
    def test_the_payment_confirms_the_booking_that_is_there(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)
        world.run(term_booking_order.approve_attendance, order_id=placed.id, actor=world.admin, now=NOW)
        before = world.booking(placed)

        outcome = world.tell(started, PaymentStatus.SUCCESS, now=LATER)

        after = world.booking(placed)
        assert (outcome, world.status(placed), after["id"]) == (Outcome.CONFIRMED, S.APPROVED, before["id"])
        assert (after["status"], after["payment_state"], world.balance(placed)) == (S.APPROVED, "PAID", 0)

    def test_money_for_a_canceled_booking_is_credit(self, world: PayWorld) -> None:
        placed = world.place(confirmation_type=term_booking_order.TermBookingConfirmationType.ADMIN_CONFIRM)
        world.run(term_booking_order.confirm, order_id=placed.id, actor=world.admin, now=NOW, reason="as agreed")
        started = world.start(placed)
        world.run(endings.cancel, booking_id=world.booking(placed)["id"], actor=world.admin, now=NOW, reason="moved")

        outcome = world.tell(started, PaymentStatus.SUCCESS, now=LATER)

        assert (outcome, world.balance(placed)) == (Outcome.CREDITED, 2260)
        assert world.booking(placed)["payment_state"] == "PAID"
