"""What providers tell: applied once, in any order and multiplicity, and never confirming what was not paid."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import permutations
from uuid import UUID, uuid4

import psycopg
import pytest

from engine.database import Database, Transaction
from engine.outbox import read_message
from engine.timers import sweep
from models import PaymentStatus, TermBookingConfirmationType
from models import TermBookingStatus as S
from notifications.messages import PaymentReceived
from tests.builders import NOW
from tests.conftest import drop_database, fresh_database
from tests.engine.later import together
from tests.workflows.payment_world import PROVIDER, PayWorld, Placed, event_of, make_world
from workflows import payments, term_booking_order, timeouts
from workflows.messages import compose_message
from workflows.payment_events import Outcome
from workflows.payments import StartedPayment

PENDING, PROCESSING = PaymentStatus.PENDING, PaymentStatus.PROCESSING
SUCCESS, FAILED = PaymentStatus.SUCCESS, PaymentStatus.FAILED
LATER = NOW + timedelta(minutes=16)  # after the timeout of paying now


@pytest.fixture(scope="module")
def centre(database: Database, database_url: str) -> PayWorld:
    return make_world(database, database_url)


@pytest.fixture
def world(centre: PayWorld) -> Iterator[PayWorld]:
    """The centre; whatever a test did, every invariant holds afterwards."""
    yield centre
    assert centre.breaches() == []


def expire(world: PayWorld, *, now: object = LATER) -> None:
    sweep(world.database, now=now, handlers=timeouts.handlers())  # type: ignore[arg-type]


def cancel(world: PayWorld, placed: Placed) -> None:
    world.run(term_booking_order.cancel, order_id=placed.id, actor=placed.family, now=NOW)


class TestSuccess:
    def test_confirms_the_order_and_settles_its_invoice(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)

        outcome = world.tell(started, SUCCESS)

        assert (outcome, world.status(placed)) == (Outcome.CONFIRMED, S.APPROVED)
        assert (world.payment(started.payment_id)["status"], world.booking(placed)["payment_state"]) == (
            "SUCCESS", "PAID",
        )  # fmt: skip
        assert (world.balance(placed), world.balance(placed, "RECEIVABLE")) == (0, 0)
        assert (world.balance(placed, "GATEWAY_CLEARING"), world.armed(placed)) == (-2260, 0)

    def test_says_in_the_history_who_paid(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)

        world.tell(started, SUCCESS)

        [confirmed] = world.rows(
            "SELECT * FROM status_event WHERE subject_id = %(id)s AND trigger = 'confirm'", id=placed.id
        )
        assert (confirmed["actor_kind"], confirmed["reason"]) == ("SYSTEM", f"paid by {started.reference}")

    def test_finds_its_payment_by_our_key_before_the_page_was_attached(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.run(
            payments.start_payment, order_id=placed.id, provider=PROVIDER, actor=placed.family, now=NOW
        )  # fmt: skip

        outcome = world.tell(started, SUCCESS)
        world.run(payments.attach_checkout, payment_id=started.payment_id, external_id=f"ext_{started.payment_id}",
                  checkout_url="https://pay.example/1", now=NOW)  # fmt: skip

        paid = world.payment(started.payment_id)
        assert outcome is Outcome.CONFIRMED
        assert (paid["status"], paid["external_id"]) == ("SUCCESS", f"ext_{started.payment_id}")

    def test_settles_an_invoice_that_was_to_be_paid_later(self, world: PayWorld) -> None:
        placed = world.place(confirmation_type=TermBookingConfirmationType.ADMIN_CONFIRM)
        world.run(term_booking_order.confirm, order_id=placed.id, actor=world.admin, now=NOW, reason="known")
        before = world.booking(placed)["payment_state"]

        outcome = world.tell(world.start(placed), SUCCESS)

        assert (before, outcome, world.booking(placed)["payment_state"]) == ("OPEN", Outcome.SETTLED, "PAID")
        assert (world.balance(placed), world.balance(placed, "RECEIVABLE")) == (0, 0)
        assert "payment.settled" in world.topics(placed)

    def test_is_told_once_where_it_settles_and_leaves_a_credit(self, world: PayWorld) -> None:
        """Programs hear of both; the family's mail says what came in, and is one."""
        placed = world.place(confirmation_type=TermBookingConfirmationType.ADMIN_CONFIRM)
        world.run(term_booking_order.confirm, order_id=placed.id, actor=world.admin, now=NOW, reason="known")
        started = world.start(placed)
        world.run(payments.record_manual_payment, order_id=placed.id, amount_minor=1000, reason="at the desk",
                  actor=world.admin, provider=payments.CASH, now=NOW)  # fmt: skip

        world.run(give_address, account_id=placed.account_id)

        world.tell(started, SUCCESS)

        assert world.balance(placed) == 1000
        assert Counter(world.topics(placed)) == {"payment.settled": 2, "payment.credited": 1}
        assert received(world, started) == 1


def give_address(tx: Transaction, *, account_id: UUID) -> None:
    tx.run("UPDATE account SET email = 'family@example.org' WHERE organisation_id = %(org)s AND id = %(id)s",
           id=account_id)  # fmt: skip


def received(world: PayWorld, started: StartedPayment) -> int:
    """How many mails say that the payment came in."""
    with world.database.transaction(world.organisation_id) as tx:
        rows = tx.rows("SELECT id FROM outbox_message WHERE organisation_id = %(org)s AND payload ->> 'payment_id' = "
                       "%(id)s", id=str(started.payment_id))  # fmt: skip
        mails = [compose_message(tx, read_message(tx, row["id"]), base_url="https://example.org", secret="s")
                 for row in rows]  # fmt: skip
    return sum(isinstance(mail, PaymentReceived) for mail in mails)


class TestFailure:
    def test_says_why_and_leaves_the_order_waiting(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)

        outcome = world.tell(started, FAILED)

        paid = world.payment(started.payment_id)
        assert (outcome, paid["status"], paid["failure_reason"]) == (Outcome.FAILED, "FAILED", "card_declined")
        assert (world.status(placed), world.armed(placed), world.topics(placed)) == (S.SUBMITTED, 1, ["payment.failed"])

    def test_gives_way_to_money_that_was_captured_after_all(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)
        world.tell(started, FAILED)

        world.tell(started, SUCCESS)

        paid = world.payment(started.payment_id)
        assert (paid["status"], paid["failure_reason"], world.status(placed)) == ("SUCCESS", None, S.APPROVED)


class TestAnyOrder:
    def test_of_processing_success_and_a_late_failure_each_twice_ends_alike(self, world: PayWorld) -> None:
        orders = sorted(set(permutations([PROCESSING, SUCCESS, FAILED] * 2)))
        ends = Counter()

        for told in orders:
            placed = world.place()
            started = world.start(placed)
            for status in told:
                world.tell(started, status, event_id=f"{started.key}-{status}")
            end = world.final(placed, started)
            ends[repr(end)] += 1

        assert len(orders) == 90
        assert list(ends.values()) == [90], ends
        assert end[0] == S.APPROVED
        assert (end[2], end[4]) == ("SUCCESS", None)

    def test_of_a_failed_payment_ends_alike(self, world: PayWorld) -> None:
        ends = set()

        for told in permutations([PENDING, PROCESSING, FAILED, FAILED]):
            placed = world.place()
            started = world.start(placed)
            for status in told:
                world.tell(started, status, event_id=f"{started.key}-{status}")
            ends.add(repr(world.final(placed, started)))

        assert len(ends) == 1

    def test_of_a_wrong_amount_ends_alike(self, world: PayWorld) -> None:
        ends = set()

        for told in permutations([PROCESSING, SUCCESS, SUCCESS, FAILED]):
            placed = world.place()
            started = world.start(placed)
            for position, status in enumerate(told):  # each event with an id of its own
                world.tell(started, status, event_id=f"{started.key}-{position}", amount_minor=900)
            ends.add(repr(world.final(placed, started)))

        assert len(ends) == 1

    def test_with_ids_of_their_own_changes_nothing_either(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)

        outcomes = [world.tell(started, status) for status in (SUCCESS, SUCCESS, FAILED, PROCESSING, SUCCESS)]

        assert outcomes == [Outcome.CONFIRMED, *[Outcome.UNCHANGED] * 4]
        assert world.balance(placed, "GATEWAY_CLEARING") == -2260


class TestOnce:
    def test_the_same_event_is_applied_once(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)

        outcomes = [world.tell(started, SUCCESS, event_id=f"one-{started.key}") for _ in range(3)]

        assert outcomes == [Outcome.CONFIRMED, Outcome.ALREADY_APPLIED, Outcome.ALREADY_APPLIED]

    def test_eight_deliveries_at_once_apply_it_once(self, world: PayWorld) -> None:
        for _ in range(10):
            placed, outcomes, applied = deliver_eight_times(world)

            assert outcomes == {Outcome.CONFIRMED: 1, Outcome.ALREADY_APPLIED: 7}
            assert applied == 1
            assert world.balance(placed, "GATEWAY_CLEARING") == -2260

    @pytest.mark.usefixtures("time_to_meet")
    def test_without_the_unique_guard_it_would_be_applied_several_times(
        self, server_url: str, migrated_template: str
    ) -> None:
        """The control: the race is real, and `termbook check` tells it."""
        name = f"{migrated_template}_unguarded"
        url = fresh_database(server_url, name, template=migrated_template)
        with psycopg.connect(url) as owner:
            owner.execute(
                "ALTER TABLE processed_event DROP CONSTRAINT uq_processed_event_organisation_id_provider_event_id"
            )
        database = Database(url)
        try:
            world = make_world(database, url)
            rounds = [deliver_eight_times(world) for _ in range(5)]
            broken = {breach.invariant for breach in world.breaches()}
            captured = [world.balance(placed, "GATEWAY_CLEARING") for placed, _, _ in rounds]
        finally:
            database.close()
            drop_database(server_url, name)

        assert max(applied for _, _, applied in rounds) > 1
        assert broken == {"payment_event_is_applied_once"}
        # The second guard, a payment that only climbs under its order's lock, still keeps the money right.
        assert captured == [-2260] * 5

    def test_eight_different_events_at_once_capture_once(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)

        outcomes = Counter(together(8, lambda _: world.tell(started, SUCCESS)))

        assert outcomes == {Outcome.CONFIRMED: 1, Outcome.UNCHANGED: 7}
        assert world.balance(placed, "GATEWAY_CLEARING") == -2260


def deliver_eight_times(world: PayWorld) -> tuple[Placed, Counter[Outcome], int]:
    """One event from eight threads; how often it is written down as applied comes last."""
    placed = world.place()
    event = event_of(world.start(placed), SUCCESS, event_id=str(uuid4()))
    outcomes = Counter(together(8, lambda _: world.deliver(event)))
    applied = world.rows("SELECT id FROM processed_event WHERE event_id = %(id)s", id=event.event_id)
    return placed, outcomes, len(applied)


class TestWrongMoney:
    @pytest.mark.parametrize("amount_minor", [900, 2261, 1])
    def test_of_another_amount_never_confirms_and_stays_credit(self, world: PayWorld, amount_minor: int) -> None:
        placed = world.place()
        started = world.start(placed)

        outcome = world.tell(started, SUCCESS, amount_minor=amount_minor)

        [listed] = world.reviews(placed)
        assert (outcome, world.status(placed), world.balance(placed)) == (Outcome.REVIEW, S.SUBMITTED, amount_minor)
        assert (listed["kind"], listed["asked_minor"], listed["reported_minor"]) == (
            "WRONG_AMOUNT", 2260, amount_minor,
        )  # fmt: skip
        assert world.topics(placed) == ["payment.credited", "payment.review"]

    def test_short_money_is_not_lost_to_a_timeout(self, world: PayWorld) -> None:
        placed = world.place()
        world.tell(world.start(placed), SUCCESS, amount_minor=900)

        expire(world)

        assert world.status(placed) == S.SUBMITTED

    def test_the_missing_rest_confirms_when_it_is_paid(self, world: PayWorld) -> None:
        placed = world.place()
        world.tell(world.start(placed), SUCCESS, amount_minor=900)

        rest = world.start(placed)
        outcome = world.tell(rest, SUCCESS)

        assert (rest.amount_minor, outcome, world.status(placed)) == (1360, Outcome.CONFIRMED, S.APPROVED)
        assert world.balance(placed) == 0

    def test_of_another_currency_pays_nothing_and_waits_for_finance(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)

        outcomes = [world.tell(started, SUCCESS, currency="USD") for _ in range(2)]

        paid, [listed] = world.payment(started.payment_id), world.reviews(placed)
        assert outcomes == [Outcome.REVIEW, Outcome.REVIEW]
        assert (paid["status"], paid["failure_reason"], world.balance(placed)) == ("FAILED", "wrong currency", 0)
        assert (listed["kind"], listed["reported_minor"], listed["reported_currency"]) == (
            "WRONG_CURRENCY", 2260, "USD",
        )  # fmt: skip
        assert world.status(placed) == S.SUBMITTED

    def test_of_nothing_is_no_payment(self, world: PayWorld) -> None:
        placed = world.place()

        outcome = world.tell(world.start(placed), SUCCESS, amount_minor=0)

        assert (outcome, world.status(placed), world.balance(placed)) == (Outcome.REVIEW, S.SUBMITTED, 0)

    def test_a_second_story_of_the_same_money_is_looked_at(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)
        world.tell(started, SUCCESS)

        outcome = world.tell(started, SUCCESS, amount_minor=900)

        assert (outcome, [listed["kind"] for listed in world.reviews(placed)]) == (Outcome.REVIEW, ["CONTRADICTION"])
        assert world.payment(started.payment_id)["amount_minor"] == 2260

    def test_of_nobody_is_listed_once(self, world: PayWorld) -> None:
        stranger = event_of(_unknown(), SUCCESS, event_id=str(uuid4()))

        outcomes = Counter(together(8, lambda _: world.deliver(stranger)))

        listed = world.rows("SELECT * FROM payment_review WHERE external_id = %(id)s", id=stranger.external_id)
        assert outcomes == {Outcome.UNKNOWN: 1, Outcome.ALREADY_APPLIED: 7}
        assert [row["kind"] for row in listed] == ["UNKNOWN_PAYMENT"]

    def test_of_another_organisation_is_not_ours(self, world: PayWorld) -> None:
        other = make_world(world.database, world.url, name=f"Hillside {uuid4()}")
        placed = other.place()
        started = other.start(placed)

        assert world.tell(started, SUCCESS) is Outcome.UNKNOWN
        assert other.status(placed) == S.SUBMITTED


def _unknown() -> StartedPayment:
    return StartedPayment(uuid4(), "PM-0", 500, "CAD", "not-ours", "", PENDING)


class TestLateMoney:
    def test_for_a_cancelled_order_becomes_credit(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)
        cancel(world, placed)

        outcome = world.tell(started, SUCCESS)

        assert (outcome, world.status(placed), world.balance(placed)) == (Outcome.CREDITED, S.CANCELED, 2260)
        assert world.topics(placed) == ["payment.credited"]

    def test_for_an_order_that_went_back_to_the_cart_becomes_credit(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)
        world.run(term_booking_order.reopen, order_id=placed.id, actor=placed.family, now=NOW)

        outcome = world.tell(started, SUCCESS)

        assert (outcome, world.status(placed), world.balance(placed)) == (Outcome.CREDITED, S.CREATED, 2260)

    def test_for_another_price_does_not_confirm(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)
        world.run(term_booking_order.reopen, order_id=placed.id, actor=placed.family, now=NOW)
        world.submit(placed.id, world.session_ids[:1], by=placed.family, now=NOW)

        outcome = world.tell(started, SUCCESS)

        assert (outcome, world.status(placed), world.balance(placed)) == (Outcome.HELD, S.SUBMITTED, 2260)
        assert [listed["kind"] for listed in world.reviews(placed)] == ["PRICE_CHANGED"]

    def test_paid_twice_the_second_becomes_credit(self, world: PayWorld) -> None:
        placed = world.place()
        first = world.start(placed)
        world.tell(first, FAILED)
        second = world.start(placed)
        world.tell(second, SUCCESS)

        outcome = world.tell(first, SUCCESS)

        assert (outcome, world.status(placed), world.balance(placed)) == (Outcome.CREDITED, S.APPROVED, 2260)


class TestTimeouts:
    def test_cancel_what_is_only_pending(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)

        expire(world)
        late = world.tell(started, SUCCESS, now=LATER)

        assert (world.status(placed), late, world.balance(placed)) == (S.APPROVED, Outcome.REVIVED, 0)

    def test_wait_while_money_moves_and_then_spare_what_is_paid(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)
        world.tell(started, PROCESSING)

        expire(world)
        moving = world.status(placed)
        world.tell(started, SUCCESS, now=LATER)
        expire(world, now=LATER + timedelta(days=2))

        assert (moving, world.status(placed)) == (S.SUBMITTED, S.APPROVED)

    def test_never_cancel_what_is_paid_at_the_same_moment(self, world: PayWorld) -> None:
        ends = Counter()

        for _ in range(30):
            placed = world.place()
            started = world.start(placed)
            acts = (lambda one=started: world.tell(one, SUCCESS, now=LATER), lambda: expire(world))
            together(2, lambda number, acts=acts: acts[number]())
            expire(world)
            ends[world.status(placed), world.balance(placed)] += 1

        assert ends.keys() <= {(S.APPROVED, 0), (S.CANCELED, 2260)}
        assert sum(ends.values()) == 30
