"""A payer's bank takes a payment back: what it settled is open again, what it topped up leaves the wallet, and every
order of the news ends alike.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from billing.gateways.protocol import DisputeStatus, GatewayDisputeEvent
from billing.reports.form import Period
from billing.reports.receivables import aged_receivables
from engine.database import Database
from models import PaymentReviewKind, PaymentStatus
from models import TermBookingStatus as S
from tests.builders import NOW
from tests.workflows.payment_world import PROVIDER, PayWorld, Placed, event_of, make_world
from workflows import passes, payment_events, wallet, wallet_debits
from workflows.payment_events import Outcome
from workflows.payments import StartedPayment, attach_checkout
from workflows.set_off import set_off_left
from workflows.wallet import NotUndoable

OPEN, LOST, WON = DisputeStatus.OPEN, DisputeStatus.LOST, DisputeStatus.WON
SUCCESS, PROCESSING = PaymentStatus.SUCCESS, PaymentStatus.PROCESSING


@pytest.fixture(scope="module")
def centre(database: Database, database_url: str) -> PayWorld:
    return make_world(database, database_url)


@pytest.fixture
def world(centre: PayWorld) -> Iterator[PayWorld]:
    """The centre; whatever a test did, every invariant holds afterwards."""
    yield centre
    assert centre.breaches() == []


def hear(world: PayWorld, started: StartedPayment, told: PaymentStatus | DisputeStatus, **changed: Any) -> Outcome:
    """The provider tells of the payment, or of a dispute about it; the same news carry the same id."""
    event_id = f"{started.key}-{told}"
    if isinstance(told, PaymentStatus):
        return world.deliver(event_of(started, told, event_id=event_id))
    default = {
        "external_id": f"ext_{started.payment_id}", "dispute_id": f"dp_{started.payment_id}", "reason": "fraudulent",
        "amount_minor": started.amount_minor, "currency": started.currency, "at": NOW,
    }  # fmt: skip
    event = GatewayDisputeEvent(event_id=event_id, type="dispute", status=told, **{**default, **changed})
    return payment_events.deliver_event(world.database, world.organisation_id, provider=PROVIDER, event=event, now=NOW)


def paid(world: PayWorld) -> tuple[Placed, StartedPayment]:
    placed = world.place()
    started = world.start(placed)
    hear(world, started, SUCCESS)
    return placed, started


def dispute(world: PayWorld, started: StartedPayment) -> dict[str, Any]:
    sql = "SELECT status, taken_minor, receivable_minor FROM payment_dispute WHERE payment_id = %(id)s"
    [row] = world.rows(sql, id=started.payment_id)
    return row


def end(world: PayWorld, placed: Placed, started: StartedPayment) -> tuple[Any, ...]:
    """Everything that must not depend on how the news arrive."""
    accounts = ("RECEIVABLE", "CUSTOMER_CREDIT", "GATEWAY_CLEARING", "DEFERRED_REVENUE")
    found = world.payment(started.payment_id)
    used = world.rows("SELECT coalesce(sum(amount_minor), 0)::bigint AS minor FROM payment_allocation "
                      "WHERE payment_id = %(id)s", id=started.payment_id)  # fmt: skip
    return (
        world.status(placed), found["status"], found["amount_minor"], found["disputed_minor"], used[0]["minor"],
        world.booking(placed)["payment_state"], tuple(dispute(world, started).values()),
        [world.balance(placed, account) for account in accounts], sorted(r["kind"] for r in world.reviews(placed)),
    )  # fmt: skip


class TestChargeback:
    def test_opens_what_the_payment_settled_and_moves_no_status(self, world: PayWorld) -> None:
        placed, started = paid(world)

        outcome = hear(world, started, OPEN)

        assert (outcome, world.status(placed), world.booking(placed)["payment_state"]) == (
            Outcome.DISPUTED, S.APPROVED, "OPEN",
        )  # fmt: skip
        assert (world.balance(placed, "RECEIVABLE"), world.balance(placed, "GATEWAY_CLEARING")) == (-2260, 0)
        assert [review["kind"] for review in world.reviews(placed)] == [PaymentReviewKind.CHARGEBACK]

    def test_that_is_won_settles_it_again(self, world: PayWorld) -> None:
        placed, started = paid(world)
        hear(world, started, OPEN)

        hear(world, started, WON)

        assert (world.booking(placed)["payment_state"], world.balance(placed, "RECEIVABLE")) == ("PAID", 0)
        assert dispute(world, started) == {"status": "WON", "taken_minor": 0, "receivable_minor": 0}

    def test_of_a_part_takes_that_part(self, world: PayWorld) -> None:
        placed, started = paid(world)

        hear(world, started, OPEN, amount_minor=1000)

        assert (world.balance(placed, "RECEIVABLE"), world.payment(started.payment_id)["disputed_minor"]) == (
            -1000, 1000,
        )  # fmt: skip

    def test_of_money_that_nothing_was_paid_with_takes_the_familys_credit(self, world: PayWorld) -> None:
        placed = world.place()
        started = world.start(placed)
        world.tell(started, SUCCESS, amount_minor=900)  # not what was asked: credit

        hear(world, started, LOST, amount_minor=900)

        assert (world.balance(placed), world.balance(placed, "RECEIVABLE")) == (0, 0)
        assert world.status(placed) == S.SUBMITTED

    def test_after_it_the_family_pays_again(self, world: PayWorld) -> None:
        placed, started = paid(world)
        hear(world, started, LOST)

        again = world.start(placed)
        world.tell(again, SUCCESS)

        assert (again.amount_minor, world.booking(placed)["payment_state"]) == (2260, "PAID")

    def test_in_another_currency_is_for_finance(self, world: PayWorld) -> None:
        placed, started = paid(world)

        hear(world, started, OPEN, currency="USD")

        assert [review["kind"] for review in world.reviews(placed)] == [PaymentReviewKind.WRONG_CURRENCY]
        assert world.booking(placed)["payment_state"] == "PAID"

    def test_of_a_payment_that_is_not_ours_is_for_finance(self, world: PayWorld) -> None:
        _, started = paid(world)

        outcome = hear(world, started, OPEN, external_id="ext_of_a_stranger")

        assert outcome is Outcome.UNKNOWN
        [review] = world.rows("SELECT kind FROM payment_review WHERE external_id = 'ext_of_a_stranger'")
        assert review["kind"] == PaymentReviewKind.UNKNOWN_PAYMENT


def top_up(world: PayWorld, placed: Placed, amount: str = "50.00") -> StartedPayment:
    """The family asks to top up its wallet, and the provider's page is attached."""
    started: StartedPayment = world.run(wallet.start_top_up, account_id=placed.account_id, amount=amount,
                                        provider=PROVIDER, actor=placed.family, now=NOW)  # fmt: skip
    return attach(world, started)


def attach(world: PayWorld, started: StartedPayment) -> StartedPayment:
    world.run(attach_checkout, payment_id=started.payment_id, external_id=f"ext_{started.payment_id}",
              checkout_url="https://pay.example/2", now=NOW)  # fmt: skip
    return started


def topped_up(world: PayWorld, *, spent: bool = False) -> tuple[Placed, StartedPayment]:
    """50.00 came into the wallet; of that an order was paid with 22.60, if it is spent."""
    placed = world.place()
    started = top_up(world, placed)
    hear(world, started, SUCCESS)
    if spent:
        world.run(wallet.pay_order, order_id=placed.id, actor=placed.family, now=NOW)
    return placed, started


def offered(world: PayWorld) -> UUID:
    """A pass for 50.00."""
    offer = passes.Offer(name="Five times", price_minor=5000, validity_days=90, units=5)
    product_id: UUID = world.run(passes.declare, offer=offer, actor=world.admin, now=NOW)
    return product_id


def asked_for(world: PayWorld, placed: Placed, product_id: UUID) -> StartedPayment:
    """The family asks to buy the pass at the provider."""
    started = world.run(passes.start_purchase, account_id=placed.account_id, product_id=product_id, provider=PROVIDER,
                        actor=placed.family, now=NOW)  # fmt: skip
    return attach(world, started)


def money(world: PayWorld, placed: Placed) -> dict[str, int]:
    """Where the family's money is in the books; what it owes is negative."""
    accounts = ("WALLET", "RECEIVABLE", "CUSTOMER_CREDIT", "GATEWAY_CLEARING", "PASS_LIABILITY")
    return {name: minor for name in accounts if (minor := world.balance(placed, name))}


def reviewed(world: PayWorld, started: StartedPayment) -> list[str]:
    rows = world.rows("SELECT kind FROM payment_review WHERE payment_id = %(id)s", id=started.payment_id)
    return [row["kind"] for row in rows]


def correct(world: PayWorld, started: StartedPayment, kind: str) -> None:
    """The office undoes what the payment moved in the wallet."""
    [entry] = world.rows("SELECT id FROM wallet_entry WHERE payment_id = %(id)s AND kind = %(kind)s",
                         id=started.payment_id, kind=kind)  # fmt: skip
    world.run(wallet.correct, entry_id=entry["id"], reason="wrong", actor=world.admin, now=NOW)


class TestOfATopUp:
    def test_takes_it_from_the_wallet(self, world: PayWorld) -> None:
        placed, started = topped_up(world)

        outcome = hear(world, started, OPEN)

        assert (outcome, money(world, placed)) == (Outcome.DISPUTED, {})
        assert reviewed(world, started) == [PaymentReviewKind.CHARGEBACK]
        assert dispute(world, started) == {"status": "OPEN", "taken_minor": 5000, "receivable_minor": 0}

    def test_of_which_a_part_was_spent_makes_that_a_receivable(self, world: PayWorld) -> None:
        placed, started = topped_up(world, spent=True)

        hear(world, started, OPEN)

        assert money(world, placed) == {"RECEIVABLE": -2260}
        assert (world.status(placed), world.booking(placed)["payment_state"]) == (S.APPROVED, "PAID")
        assert dispute(world, started) == {"status": "OPEN", "taken_minor": 5000, "receivable_minor": 2260}

    def test_that_is_lost_stays_taken(self, world: PayWorld) -> None:
        placed, started = topped_up(world, spent=True)
        hear(world, started, OPEN)

        hear(world, started, LOST)

        assert money(world, placed) == {"RECEIVABLE": -2260}
        assert reviewed(world, started) == [PaymentReviewKind.CHARGEBACK]

    @pytest.mark.parametrize("spent", [False, True])
    def test_that_is_won_fills_the_wallet_again(self, world: PayWorld, spent: bool) -> None:
        placed, started = topped_up(world, spent=spent)
        before = money(world, placed)
        hear(world, started, OPEN)

        hear(world, started, WON)

        assert money(world, placed) == before
        assert dispute(world, started) == {"status": "WON", "taken_minor": 0, "receivable_minor": 0}

    def test_that_is_won_can_be_spent_and_disputed_anew(self, world: PayWorld) -> None:
        placed, started = topped_up(world)
        hear(world, started, OPEN)
        hear(world, started, WON)
        world.run(wallet.pay_order, order_id=placed.id, actor=placed.family, now=NOW)

        event = GatewayDisputeEvent(
            event_id=f"{started.key}-again", type="dispute", status=LOST, external_id=f"ext_{started.payment_id}",
            dispute_id=f"dp_{started.payment_id}_2", reason="fraudulent", amount_minor=5000, currency="CAD", at=NOW,
        )  # fmt: skip
        payment_events.deliver_event(world.database, world.organisation_id, provider=PROVIDER, event=event, now=NOW)

        assert money(world, placed) == {"RECEIVABLE": -2260}

    def test_of_a_part_takes_that_part(self, world: PayWorld) -> None:
        placed, started = topped_up(world)

        hear(world, started, OPEN, amount_minor=1000)

        assert money(world, placed) == {"WALLET": 4000, "GATEWAY_CLEARING": -4000}

    def test_leaves_bonus_alone(self, world: PayWorld) -> None:
        placed, started = topped_up(world)
        world.run(wallet.give_bonus, account_id=placed.account_id, amount="5.00", reason="welcome", actor=world.admin,
                  now=NOW)  # fmt: skip

        hear(world, started, OPEN)

        assert (money(world, placed), world.balance(placed, "BONUS")) == ({}, 500)

    def test_that_was_taken_out_of_the_wallet_before_takes_the_credit_and_gives_it_back_there(
        self, world: PayWorld
    ) -> None:
        placed, started = topped_up(world)
        correct(world, started, "TOPPED_UP")
        assert money(world, placed) == {"CUSTOMER_CREDIT": 5000, "GATEWAY_CLEARING": -5000}

        hear(world, started, OPEN)
        assert money(world, placed) == {}
        hear(world, started, WON)

        assert money(world, placed) == {"CUSTOMER_CREDIT": 5000, "GATEWAY_CLEARING": -5000}

    def test_is_not_taken_a_second_time_by_a_correction(self, world: PayWorld) -> None:
        placed, started = topped_up(world)
        hear(world, started, OPEN)
        world.run(wallet.record_top_up, account_id=placed.account_id, amount="50.00", reason="cash", actor=world.admin,
                  now=NOW)  # fmt: skip

        with pytest.raises(NotUndoable):
            correct(world, started, "TOPPED_UP")

        assert money(world, placed) == {"WALLET": 5000}

    def test_in_another_currency_is_for_finance(self, world: PayWorld) -> None:
        placed, started = topped_up(world)

        hear(world, started, OPEN, currency="USD")

        assert reviewed(world, started) == [PaymentReviewKind.WRONG_CURRENCY]
        assert world.balance(placed, "WALLET") == 5000

    def test_of_another_amount_than_asked_takes_what_came_in(self, world: PayWorld) -> None:
        placed = world.place()
        started = top_up(world, placed)
        hear(world, started, OPEN)

        world.tell(started, SUCCESS, amount_minor=3000)

        assert money(world, placed) == {}
        assert sorted(reviewed(world, started)) == [PaymentReviewKind.CHARGEBACK, PaymentReviewKind.WRONG_AMOUNT]

    def test_that_bought_a_pass_makes_its_price_a_receivable(self, world: PayWorld) -> None:
        placed = world.place()
        started = asked_for(world, placed, offered(world))
        hear(world, started, SUCCESS)

        hear(world, started, OPEN)

        assert money(world, placed) == {"RECEIVABLE": -5000, "PASS_LIABILITY": 5000}
        [bought] = world.rows("SELECT revoked_at FROM entitlement WHERE account_id = %(id)s", id=placed.account_id)
        assert bought["revoked_at"] is None
        hear(world, started, WON)
        assert money(world, placed) == {"GATEWAY_CLEARING": -5000, "PASS_LIABILITY": 5000}


def cash(world: PayWorld, placed: Placed, amount: str) -> None:
    world.run(wallet.record_top_up, account_id=placed.account_id, amount=amount, reason="cash", actor=world.admin,
              now=NOW)  # fmt: skip


class TestWhatIsOwed:
    """22.60 of a top-up of 50.00 was spent before the bank took all of it back."""

    @pytest.fixture
    def owing(self, world: PayWorld) -> tuple[Placed, StartedPayment]:
        placed, started = topped_up(world, spent=True)
        hear(world, started, OPEN)
        return placed, started

    def test_is_paid_by_the_next_money_in_the_wallet(
        self, world: PayWorld, owing: tuple[Placed, StartedPayment]
    ) -> None:
        placed, started = owing
        cash(world, placed, "12.60")
        assert (money(world, placed)["RECEIVABLE"], world.balance(placed, "WALLET")) == (-1000, 0)

        cash(world, placed, "30.00")

        assert (world.balance(placed, "RECEIVABLE"), world.balance(placed, "WALLET")) == (0, 2000)
        assert world.payment(started.payment_id)["set_off_minor"] == 2260
        paid = world.rows("SELECT balance_minor FROM wallet_entry WHERE payment_id = %(id)s AND kind = 'SET_OFF' "
                          "ORDER BY id", id=started.payment_id)  # fmt: skip
        assert [row["balance_minor"] for row in paid] == [-1260, -1000]

    @pytest.mark.parametrize(("came_in", "left"), [("12.60", 4000), ("30.00", 5740)])
    def test_comes_back_where_the_dispute_is_won(
        self, world: PayWorld, owing: tuple[Placed, StartedPayment], came_in: str, left: int
    ) -> None:
        placed, started = owing
        cash(world, placed, came_in)

        hear(world, started, WON)

        assert (world.balance(placed, "RECEIVABLE"), world.balance(placed, "WALLET")) == (0, left)
        assert world.payment(started.payment_id)["set_off_minor"] == 0

    def test_is_not_paid_by_bonus(self, world: PayWorld, owing: tuple[Placed, StartedPayment]) -> None:
        placed, _ = owing

        world.run(wallet.give_bonus, account_id=placed.account_id, amount="50.00", reason="welcome",
                  actor=world.admin, now=NOW)  # fmt: skip

        assert (world.balance(placed, "RECEIVABLE"), world.balance(placed, "BONUS")) == (-2260, 5000)

    def test_is_paid_by_another_top_up_that_is_disputed_in_turn(
        self, world: PayWorld, owing: tuple[Placed, StartedPayment]
    ) -> None:
        placed, started = owing
        again = top_up(world, placed, "22.60")
        hear(world, again, SUCCESS)
        assert money(world, placed) == {"GATEWAY_CLEARING": -2260}

        hear(world, again, OPEN)

        assert money(world, placed) == {"RECEIVABLE": -2260}
        assert (dispute(world, again)["receivable_minor"], world.payment(started.payment_id)["set_off_minor"]) == (
            2260, 2260,
        )  # fmt: skip
        hear(world, started, WON)
        # What was paid of the first comes back, and pays the second.
        assert (world.balance(placed, "RECEIVABLE"), world.balance(placed, "WALLET")) == (0, 2740)

    def test_that_somebody_passed_over_is_paid_by_the_worker(
        self, world: PayWorld, owing: tuple[Placed, StartedPayment], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        placed, _ = owing
        with monkeypatch.context() as held:
            held.setattr(wallet_debits, "set_off", lambda *_, **__: 0)
            cash(world, placed, "22.60")
        assert world.balance(placed, "WALLET") == 2260

        assert [set_off_left(world.database, now=NOW), set_off_left(world.database, now=NOW)] == [1, 0]

        assert money(world, placed).get("RECEIVABLE", 0) == 0

    def test_is_one_line_of_the_aged_receivables_with_what_was_paid(
        self, world: PayWorld, owing: tuple[Placed, StartedPayment]
    ) -> None:
        placed, _ = owing
        [account] = world.rows("SELECT reference FROM account WHERE id = %(id)s", id=placed.account_id)
        later = NOW + timedelta(days=40)
        world.run(wallet.record_top_up, account_id=placed.account_id, amount="12.60", reason="cash",
                  actor=world.admin, now=later)  # fmt: skip

        with world.database.transaction(world.organisation_id) as tx:
            report = aged_receivables(tx, Period(NOW.date(), later.date() + timedelta(days=1)))

        (row,) = [row for row in report.rows if row["reference"] == account["reference"]]
        assert (row["days_31_minor"], row["total_minor"]) == (1000, 1000)
        assert report.tie is not None
        assert report.tie.holds


class TestAnyOrder:
    @pytest.mark.parametrize("last", [WON, LOST])
    def test_of_capture_dispute_and_its_end_each_twice_ends_alike(self, world: PayWorld, last: DisputeStatus) -> None:
        orders = sorted(set(permutations([SUCCESS, OPEN, last] * 2)))
        ends: dict[str, int] = {}

        for told in orders:
            placed = world.place()
            started = world.start(placed)
            for news in told:
                hear(world, started, news)
            found = repr(end(world, placed, started))
            ends[found] = ends.get(found, 0) + 1

        assert len(orders) == 90
        assert list(ends.values()) == [90], ends

    def test_of_all_news_of_a_payment_that_was_disputed_and_won_ends_alike(self, world: PayWorld) -> None:
        ends = set()

        for told in permutations([PROCESSING, SUCCESS, OPEN, WON]):
            placed = world.place()
            started = world.start(placed)
            for news in told:
                hear(world, started, news)
            ends.add(repr(end(world, placed, started)))

        assert len(ends) == 1

    @pytest.mark.parametrize("is_pass", [False, True])
    @pytest.mark.parametrize("last", [WON, LOST])
    def test_of_the_news_of_a_top_up_or_of_a_pass_each_twice_ends_alike(
        self, world: PayWorld, last: DisputeStatus, is_pass: bool
    ) -> None:
        product_id = offered(world)
        ends: dict[str, int] = {}

        for told in sorted(set(permutations([SUCCESS, OPEN, last] * 2))):
            placed = world.place()
            started = asked_for(world, placed, product_id) if is_pass else top_up(world, placed)
            for news in told:
                hear(world, started, news)
            payment = world.payment(started.payment_id)
            found = repr((money(world, placed), dispute(world, started), reviewed(world, started), payment["status"],
                          payment["disputed_minor"]))  # fmt: skip
            ends[found] = ends.get(found, 0) + 1

        assert list(ends.values()) == [90], ends
