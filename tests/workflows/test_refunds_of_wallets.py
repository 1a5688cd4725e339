"""Money that lies in the wallet goes back the way it came, whether it ever was for a booking or not."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import pytest

from billing.gateways.protocol import GatewayEvent, GatewayRefused
from engine.actor import Actor
from engine.errors import Invalid, NotFound
from engine.fire import NotAllowedNow
from engine.outbox import read_message
from models import PaymentStatus, RefundDestination
from models import RefundRequestStatus as R
from notifications.email import compose
from tests import builders as build
from tests.workflows.centre import DAY, MINUTE, NOW, Cart, Centre, Family, codes
from tests.workflows.purse import Purse
from tests.workflows.test_refund_requests import CARD, Provider, capture_by_card, story
from workflows import payment_events, refund_request, refundable, refunds, wallet
from workflows.messages import compose_message
from workflows.refundable import Refundable, Source


@dataclass
class Payout:
    """A family that asks its wallet out."""

    centre: Centre
    family: Family
    provider: Provider = field(default_factory=Provider)

    @property
    def purse(self) -> Purse:
        return Purse(self.centre, self.family)

    def top_up(self, amount: str, *, now: Any = NOW) -> UUID:
        """By card, at the provider."""
        started = self.centre.do(wallet.start_top_up, account_id=self.family.id, amount=amount, provider=CARD,
                                 actor=self.family.actor, now=now)  # fmt: skip
        self.centre.run("UPDATE payment SET external_id = %(its)s WHERE id = %(id)s", id=started.payment_id,
                        its=f"co_{started.payment_id}")  # fmt: skip
        self.centre.do(captured, payment_id=started.payment_id, now=now)
        return UUID(str(started.payment_id))

    def ask(self, amount: str, *, actor: Actor | None = None) -> Any:
        return self.centre.do(refund_request.ask_from_wallet, account_id=self.family.id, amount=amount,
                              reason="we moved", actor=actor or self.family.actor)  # fmt: skip

    def approve(self, request: Any) -> Any:
        return self.centre.do(refund_request.approve, request_id=request.id, actor=self.centre.admin)

    def can_go(self) -> int:
        def read(tx: Any, *, now: Any) -> Refundable:
            account = refund_request.lock_account(tx, self.family.id, actor=self.family.actor)
            return refundable.of_wallet(tx, account, now=now)

        found: Refundable = self.centre.do(read)
        return found.to(RefundDestination.ORIGINAL)

    def send(self) -> int:
        return refunds.pay_refunds(self.centre.database, {CARD: self.provider}, now=NOW + MINUTE)

    def row(self) -> Any:
        return self.centre.one("SELECT * FROM refund_request WHERE account_id = %(id)s AND booking_id IS NULL",
                               id=self.family.id)  # fmt: skip

    def sent(self) -> list[tuple[str, int, str]]:
        """By payment, the newest first: through whom, how much, how it stands."""
        found = self.centre.rows("SELECT r.provider, r.amount_minor, r.status FROM refund r JOIN payment p "
                                 "ON p.id = r.payment_id WHERE r.account_id = %(id)s "
                                 "ORDER BY p.created_at DESC, r.id", id=self.family.id)  # fmt: skip
        return [tuple(row.values()) for row in found]  # type: ignore[misc]


def captured(tx: Any, *, payment_id: Any, now: Any) -> None:
    paid = tx.row("SELECT external_id, amount_minor, currency FROM payment WHERE id = %(id)s", id=payment_id)
    event = GatewayEvent(event_id=f"ev_{payment_id}", type="payment.success", status=PaymentStatus.SUCCESS, at=now,
                         **paid)  # fmt: skip
    payment_events.apply_event(tx, provider=CARD, event=event, now=now)


@pytest.fixture
def its(riverside: Centre) -> Iterator[Payout]:
    its = Payout(riverside, riverside.family())
    yield its
    # The worker is asked for all organisations: none leaves it money to send.
    its.provider.answers.clear()
    its.send()


def paid_too_late(its: Payout) -> Cart:
    """11.30 that came by card after the order had run out of time and its places were gone."""
    course = its.centre.course(capacity=1)
    cart = its.centre.submitted(its.family, its.family.child(), course.lines())
    order = its.centre.order(cart)
    late = its.centre.edit(build.payment, build.Ordered(order, []), status="PENDING",
                           fingerprint=order["price_fingerprint"])  # fmt: skip
    assert its.centre.sweep(NOW + DAY) == 1
    other = its.centre.family("Chen family")
    its.centre.submitted(other, other.child("Wei Chen"), course.lines(), now=NOW + DAY)
    its.centre.do(captured, payment_id=late["id"], now=NOW + DAY)
    return cart


class TestAsking:
    def test_for_a_top_up_by_card_sends_it_back_once(self, its: Payout) -> None:
        its.top_up("50.00")

        request = its.ask("20.00")
        assert (its.purse.holds, its.sent(), request.status) == ((50_00, 0), [], R.PENDING)
        its.approve(request)

        assert its.purse.holds == (30_00, 0)
        assert its.purse.books()["REFUND_PAYABLE"] == -20_00
        assert (its.send(), its.send()) == (1, 0)
        assert [asked["amount_minor"] for asked in its.provider.asked] == [20_00]
        assert its.sent() == [(CARD, 20_00, "SUCCEEDED")]
        assert its.purse.books() == {"GATEWAY_CLEARING": 30_00, "WALLET": -30_00}

    def test_for_what_was_paid_too_late_and_became_no_booking(self, its: Payout) -> None:
        cart = paid_too_late(its)
        assert its.centre.order(cart)["booking_id"] is None
        assert its.purse.holds == (11_30, 0)

        its.approve(its.ask("11.30"))
        its.send()

        assert its.sent() == [(CARD, 11_30, "SUCCEEDED")]
        assert its.purse.books() == {}

    def test_for_what_a_booking_gave_back_is_the_same_money_as_at_the_booking(self, its: Payout) -> None:
        at_booking = story(its.centre)
        its.family = at_booking.purse.family
        of_booking = at_booking.ask()

        its.approve(its.ask("11.30"))

        assert codes(lambda: at_booking.approve(of_booking)) == ["above_refundable"]
        assert its.sent() == [(CARD, 11_30, "PENDING")]

    def test_for_more_than_came_in_names_both_amounts(self, its: Payout) -> None:
        its.top_up("20.00")
        its.purse.bonus("30.00")

        with pytest.raises(
            Invalid, match=r"\$20\.01 is asked back out of the wallet, and \$20\.00 can go the way it was paid now"
        ):
            its.ask("20.01")

        assert its.centre.rows("SELECT id FROM refund_request WHERE account_id = %(id)s", id=its.family.id) == []

    @pytest.mark.parametrize(("amount", "code"), [("0", "amount_not_positive"), ("-1.00", "amount_not_positive"),
                                                  ("1.005", "not_an_amount")])  # fmt: skip
    def test_for_what_is_no_amount_is_refused(self, its: Payout, amount: str, code: str) -> None:
        its.top_up("20.00")

        with pytest.raises(Invalid) as refusal:
            its.ask(amount)

        assert [(r.field, r.code) for r in refusal.value.reasons] == [("amount", code)]

    def test_for_another_familys_wallet_finds_nothing(self, its: Payout) -> None:
        its.top_up("20.00")

        with pytest.raises(NotFound):
            its.ask("20.00", actor=its.centre.family("Chen family").actor)

    def test_twice_while_it_waits_is_refused_and_after_a_rejection_it_is_open_again(self, its: Payout) -> None:
        its.top_up("20.00")
        request = its.ask("20.00")
        with pytest.raises(NotAllowedNow):
            its.ask("5.00")

        its.centre.do(refund_request.reject, request_id=request.id, actor=its.centre.admin, note="spend it first")
        again = its.ask("5.00")

        assert again.id == request.id
        assert (its.row()["attempt"], its.row()["amount_minor"], its.row()["status"]) == (2, 5_00, R.PENDING)
        told = its.centre.rows("SELECT trigger, reason FROM status_event WHERE subject_id = %(id)s ORDER BY sequence",
                               id=request.id)  # fmt: skip
        assert [tuple(each.values()) for each in told[1:]] == [
            ("reject", "spend it first"),
            ("ask_again", "we moved"),
        ]

    def test_in_the_name_of_the_family_is_for_the_office_too(self, its: Payout) -> None:
        its.top_up("20.00")

        assert its.ask("20.00", actor=its.centre.admin).status is R.PENDING

    def test_a_second_row_of_one_wallet_is_refused_by_the_database(self, its: Payout) -> None:
        its.top_up("20.00")
        request = its.ask("20.00")

        with pytest.raises(psycopg.errors.UniqueViolation):
            its.centre.run(
                "INSERT INTO refund_request (organisation_id, id, reference, account_id, status, version, attempt, "
                "amount_minor, destination, reason, note, created_at, updated_at) SELECT organisation_id, "
                "gen_random_uuid(), 'RR-TWICE', account_id, status, version, attempt, amount_minor, destination, "
                "reason, note, created_at, updated_at FROM refund_request WHERE id = %(id)s", id=request.id,
            )  # fmt: skip


class TestApproval:
    def test_looks_at_what_the_wallet_holds_then(self, its: Payout) -> None:
        its.top_up("20.00")
        request = its.ask("20.00")
        cart = its.centre.submitted(its.family, its.family.child(), its.centre.course().lines())
        its.purse.pay(cart)

        assert codes(lambda: its.approve(request)) == ["above_refundable"]
        assert (its.row()["status"], its.sent(), its.can_go()) == (R.PENDING, [], 8_70)

    def test_takes_the_latest_payment_first_and_of_none_more_than_was_captured(self, its: Payout) -> None:
        its.top_up("20.00")
        its.purse.top_up("7.00", now=NOW + MINUTE)
        its.approve(its.ask("5.00"))
        assert its.sent() == [("manual", 5_00, "PENDING")]

        its.approve(its.ask("22.00"))

        assert its.sent() == [("manual", 5_00, "PENDING"), ("manual", 2_00, "PENDING"), (CARD, 20_00, "PENDING")]
        assert (its.purse.holds, its.can_go()) == ((0, 0), 0)

    def test_leaves_what_was_paid_for_a_booking_to_come(self, its: Payout) -> None:
        cart = its.centre.submitted(its.family, its.family.child(), its.centre.course().lines())
        order = its.centre.order(cart)
        paid = its.centre.edit(build.payment, build.Ordered(order, []), status="PENDING",
                               fingerprint=order["price_fingerprint"])  # fmt: skip
        its.centre.do(capture_by_card, payment=paid)
        its.purse.top_up("30.00")

        assert its.can_go() == 30_00

    def test_is_of_what_was_put_right_too(self, its: Payout) -> None:
        """A correction takes a top-up out of the wallet: it is captured, and for nothing."""
        its.top_up("20.00")
        entry = its.purse.entry("TOPPED_UP")
        its.centre.do(wallet.correct, entry_id=entry["id"], reason="not this family", actor=its.centre.admin)
        assert (its.purse.holds, its.can_go()) == ((0, 0), 20_00)

        its.approve(its.ask("20.00"))
        its.send()

        assert (its.sent(), its.purse.books()) == ([(CARD, 20_00, "SUCCEEDED")], {})

    def test_of_what_was_sent_back_leaves_no_movement_to_undo(self, its: Payout) -> None:
        its.top_up("20.00")
        its.purse.bonus("1.00")
        its.approve(its.ask("20.00"))
        its.purse.top_up("50.00")
        entry = its.centre.one("SELECT e.id FROM wallet_entry e JOIN payment p ON p.id = e.payment_id WHERE "
                               "e.account_id = %(id)s AND e.kind = 'TOPPED_UP' AND p.provider = 'sandbox'",
                               id=its.family.id)  # fmt: skip

        with pytest.raises(wallet.NotUndoable, match="sent back"):
            its.centre.do(wallet.correct, entry_id=entry["id"], reason="wrong", actor=its.centre.admin)


class TestSending:
    def test_that_fails_is_in_the_wallet_again(self, its: Payout) -> None:
        its.top_up("20.00")
        its.provider.answers = [GatewayRefused("card expired")]
        its.approve(its.ask("20.00"))

        its.send()

        assert (its.sent(), its.purse.holds) == ([(CARD, 20_00, "FAILED")], (20_00, 0))
        its.approve(its.ask("20.00"))
        assert its.row()["attempt"] == 2


class TestWhatCanGo:
    def test_is_shared_among_payments_as_the_wallet_allows(self) -> None:
        newer = Source({"id": 1, "provider": CARD}, free_minor=0, landed_minor=50)
        older = Source({"id": 2, "provider": CARD}, free_minor=20, landed_minor=0)
        found = Refundable([newer, older], 30, str)

        shares = found.shares(50, RefundDestination.ORIGINAL)

        assert found.to(RefundDestination.ORIGINAL) == 50
        assert [(s.source.payment["id"], s.landed_minor, s.free_minor) for s in shares] == [(1, 30, 0), (2, 0, 20)]

    @pytest.mark.parametrize(("held", "code"), [(0, "wallet_is_empty"), (5, "nothing_came_in")])
    def test_says_why_nothing_can(self, held: int, code: str) -> None:
        reason = Refundable([], held, str, is_of_wallet=True).why_nothing(RefundDestination.ORIGINAL)

        assert reason is not None
        assert reason.code == code


class TestMail:
    @pytest.mark.parametrize(("language", "words"), [
        ("en", "a refund of $20.00 from your wallet. The office will review it"),
        ("fr", "Vous demandez le remboursement de 20,00 $ de votre portefeuille. Le centre décidera"),
    ])  # fmt: skip
    def test_says_where_it_came_from_and_leads_to_the_wallet(self, its: Payout, language: str, words: str) -> None:
        its.centre.run("UPDATE account SET language = %(its)s, email = 'rossi@family.example' WHERE id = %(id)s",
                       id=its.family.id, its=language)  # fmt: skip
        its.top_up("20.00")
        request = its.ask("20.00")

        told = its.centre.one("SELECT id FROM outbox_message WHERE topic = 'refund.requested' "
                              "AND payload->>'subject_id' = %(id)s", id=str(request.id))  # fmt: skip
        with its.centre.database.transaction(its.centre.organisation_id) as tx:
            message = compose_message(tx, read_message(tx, told["id"]), base_url="https://example.org", secret="s")

        assert message is not None
        mail = compose(message, message_id=told["id"], from_address="office@example.org", now=NOW)
        text: str = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert words in text.replace("\xa0", " ").replace("\n", " ")
        assert f"https://example.org/accounts/{its.family.id}/wallet" in text.replace("\n", "")
