"""A family asks its money back: one request for each booking, decided once at a time, sent once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from billing.gateways.protocol import (
    GatewayOutcomeUnknown,
    GatewayRefund,
    GatewayRefundStatus,
    GatewayRefused,
    GatewayUnreachable,
)
from engine.actor import Actor
from engine.errors import Conflict, Invalid, NotFound
from engine.fire import NotAllowedNow
from models import ActorKind, RefundDestination
from models import RefundRequestStatus as R
from tests import builders as build
from tests.workflows import endings
from tests.workflows.centre import DAY, MINUTE, NOW, WEEK, Cart, Centre, codes
from tests.workflows.purse import Purse
from workflows import payment_events, payments, refund_request, refunds
from workflows.pay_as_you_go import debit_held_sessions
from workflows.payment_use import Use

ORIGINAL, WALLET = RefundDestination.ORIGINAL, RefundDestination.WALLET
CARD = "sandbox"


@dataclass
class Provider:
    """What a provider answers, of which only its refunds are asked; no process stands behind it. It has forgotten each
    key by the time that it is asked again.
    """

    answers: list[Any] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    queried: list[str] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)  # each refund of its own, and the key that it was asked with
    name: str = CARD

    def refund(self, **asked: Any) -> GatewayRefund:
        self.asked.append(asked)
        external_id = f"re_{asked['key']}" + "_again" * list(self.made.values()).count(asked["key"])
        if self.answers and isinstance(self.answers[0], GatewayRefused | GatewayUnreachable):
            raise self.answers.pop(0)
        self.made[external_id] = asked["key"]
        return self._answer(external_id)

    def query_refund(self, external_id: str) -> GatewayRefund:
        self.queried.append(external_id)
        return self._answer(external_id)

    def find_refund(self, *, key: str, external_id: str) -> GatewayRefund | None:
        found = next((made for made, known in self.made.items() if known == key), None)
        return None if found is None else self._answer(found)

    def _answer(self, external_id: str) -> GatewayRefund:
        answer = self.answers.pop(0) if self.answers else GatewayRefundStatus.SUCCEEDED
        if isinstance(answer, Exception):
            raise answer
        return GatewayRefund(external_id, answer, "closed account" if answer == "FAILED" else None)


@dataclass
class Story:
    """A booking of one session that was paid by card and cancelled in time: 11.30 is in the wallet."""

    centre: Centre
    purse: Purse
    cart: Cart
    provider: Provider = field(default_factory=Provider)

    @property
    def booking(self) -> Any:
        return self.centre.booking(self.cart)

    def ask(self, amount: str = "11.30", to: RefundDestination = ORIGINAL, *, actor: Actor | None = None) -> Any:
        return self.centre.do(refund_request.ask, booking_id=self.booking["id"], amount=amount, destination=to,
                              reason="we moved", actor=actor or self.purse.family.actor)  # fmt: skip

    def approve(self, request: Any) -> Any:
        return self.centre.do(refund_request.approve, request_id=request.id, actor=self.centre.admin, note="fine")

    def reject(self, request: Any, note: str = "not yet") -> Any:
        return self.centre.do(refund_request.reject, request_id=request.id, actor=self.centre.admin, note=note)

    def send(self, *, later: Any = MINUTE) -> int:
        gateways: Mapping[str, Any] = {CARD: self.provider}
        return refunds.pay_refunds(self.centre.database, gateways, now=NOW + later)

    def row(self) -> Any:
        return self.centre.one("SELECT * FROM refund_request WHERE booking_id = %(id)s", id=self.booking["id"])

    def sent(self) -> list[Any]:
        return self.centre.rows("SELECT r.* FROM refund r JOIN refund_request q ON q.id = r.request_id "
                                "WHERE q.booking_id = %(id)s ORDER BY r.id", id=self.booking["id"])  # fmt: skip


def story(centre: Centre) -> Story:
    family = centre.family()
    cart = centre.submitted(family, family.child(), centre.course().lines())
    order = centre.order(cart)
    paid = centre.edit(
        build.payment, build.Ordered(order, []), status="PENDING", fingerprint=order["price_fingerprint"]
    )
    centre.do(capture_by_card, payment=paid)
    its = Story(centre, Purse(centre, family), cart)
    centre.do(endings.cancel, booking_id=its.booking["id"], actor=family.actor, reason="we moved")
    assert its.purse.holds == (11_30, 0)
    return its


def capture_by_card(tx: Any, *, payment: Any, now: Any) -> None:
    from billing.gateways.protocol import GatewayEvent
    from models import PaymentStatus

    event = GatewayEvent(
        event_id=str(payment["id"]), type="payment.success", external_id=payment["external_id"],
        status=PaymentStatus.SUCCESS, amount_minor=payment["amount_minor"], currency="CAD", at=now,
    )  # fmt: skip
    assert payment_events.apply_event(tx, provider=CARD, event=event, now=now).value == Use.CONFIRMED.value


class TestAsking:
    def test_waits_for_a_decision_and_moves_nothing(self, riverside: Centre) -> None:
        its = story(riverside)

        request = its.ask()

        assert (request.status, its.purse.holds, its.sent()) == (R.PENDING, (11_30, 0), [])
        assert its.row()["reference"].startswith("RR-")

    def test_for_more_than_is_refundable_names_both_amounts(self, riverside: Centre) -> None:
        its = story(riverside)

        with pytest.raises(
            Invalid, match=r"\$11\.31 is asked back for TB-\w+, and \$11\.30 can go the way it was paid"
        ):
            its.ask("11.31")

        assert riverside.rows("SELECT id FROM refund_request WHERE booking_id = %(id)s", id=its.booking["id"]) == []

    @pytest.mark.parametrize(("amount", "code"), [("0", "amount_not_positive"), ("-1.00", "amount_not_positive"),
                                                  ("1.005", "not_an_amount"), ("all", "not_an_amount")])  # fmt: skip
    def test_for_what_is_no_amount_is_refused(self, riverside: Centre, amount: str, code: str) -> None:
        its = story(riverside)

        with pytest.raises(Invalid) as refusal:
            its.ask(amount)

        assert [(r.field, r.code) for r in refusal.value.reasons] == [("amount", code)]

    def test_of_another_family_finds_nothing(self, riverside: Centre) -> None:
        its = story(riverside)

        with pytest.raises(NotFound):
            its.ask(actor=riverside.family("Chen family").actor)

    def test_twice_while_it_waits_is_refused(self, riverside: Centre) -> None:
        its = story(riverside)
        its.ask()

        with pytest.raises(NotAllowedNow):
            its.ask()

    def test_for_the_wallet_is_of_no_use_when_it_is_there_already(self, riverside: Centre) -> None:
        its = story(riverside)

        with pytest.raises(Invalid, match=r"\$0\.00 can go to the wallet"):
            its.ask(to=WALLET)


class TestApproval:
    def test_takes_it_out_of_the_wallet_and_the_provider_sends_it_once(self, riverside: Centre) -> None:
        its = story(riverside)
        request = its.ask()

        its.approve(request)

        assert (its.row()["status"], its.purse.holds) == (R.APPROVED, (0, 0))
        assert its.purse.books()["REFUND_PAYABLE"] == -11_30
        assert its.send() == 1
        assert its.send(later=DAY) == 0
        (asked,) = its.provider.asked
        (sent,) = its.sent()
        assert (asked["key"], asked["amount_minor"], asked["currency"]) == (str(sent["id"]), 11_30, "CAD")
        assert sent["status"] == "SUCCEEDED"
        assert its.purse.books() == {}

    def test_looks_at_what_is_refundable_then(self, riverside: Centre) -> None:
        its = story(riverside)
        request = its.ask()
        soccer = riverside.course(name="Soccer")
        other = riverside.submitted(its.purse.family, its.purse.family.child("Leo Rossi"), soccer.lines())
        its.purse.pay(other)

        assert codes(lambda: its.approve(request)) == ["above_refundable"]
        assert (its.row()["status"], its.sent()) == (R.PENDING, [])

    def test_a_part_at_a_time_and_never_more_than_was_captured(self, riverside: Centre) -> None:
        its = story(riverside)
        its.approve(its.ask("5.00"))
        its.purse.top_up("50.00")

        with pytest.raises(Conflict, match=r"\$6\.31 is asked back .* and \$6\.30 can go the way it was paid"):
            its.ask("6.31")
        its.approve(its.ask("6.30"))

        assert its.row()["attempt"] == 2
        assert its.purse.holds == (50_00, 0)
        assert its.send() == 2

    def test_is_not_for_families(self, riverside: Centre) -> None:
        its = story(riverside)
        request = its.ask()
        known = {"request_id": request.id, "actor": its.purse.family.actor}

        with pytest.raises(Conflict.__mro__[1], match="not for family"):
            riverside.do(refund_request.approve, **known)

    def test_may_be_by_finance(self, riverside: Centre) -> None:
        its = story(riverside)
        request = its.ask()
        finance = Actor(ActorKind.FINANCE, user_id=build.new_id())

        riverside.do(refund_request.approve, request_id=request.id, actor=finance)
        its.send()

        assert (its.row()["status"], its.row()["resolved_by"]) == (R.APPROVED, finance.user_id)


class TestRejection:
    def test_says_why_and_can_be_asked_again(self, riverside: Centre) -> None:
        its = story(riverside)
        request = its.ask()
        assert codes(lambda: its.reject(request, " ")) == ["reason_required"]

        its.reject(request)
        assert (its.row()["status"], its.row()["note"], its.purse.holds) == (R.REJECTED, "not yet", (11_30, 0))
        its.ask("4.00")

        row = its.row()
        assert (row["status"], row["attempt"], row["amount_minor"], row["resolved_at"]) == (R.PENDING, 2, 4_00, None)
        told = riverside.rows("SELECT trigger, changes->>'amount_minor' AS minor, reason FROM status_event "
                              "WHERE subject_id = %(id)s ORDER BY sequence", id=request.id)  # fmt: skip
        assert [tuple(each.values()) for each in told[1:]] == [
            ("reject", "1130", "not yet"),
            ("ask_again", "400", "we moved"),
        ]


class TestSending:
    def approved(self, centre: Centre, *answers: Any) -> Story:
        its = story(centre)
        its.provider.answers = list(answers)
        its.approve(its.ask())
        return its

    def test_that_the_provider_refuses_is_in_the_wallet_again(self, riverside: Centre) -> None:
        its = self.approved(riverside, GatewayRefused("card expired"))

        its.send()

        assert [(r["status"], r["failure_reason"]) for r in its.sent()] == [("FAILED", "card expired")]
        assert its.purse.holds == (11_30, 0)
        assert its.purse.entries()[-1] == ("RESTORED", 11_30, 0)
        assert its.ask("11.30").status is R.PENDING

    def test_that_comes_back_pays_a_session_that_waits_for_the_wallet(self, riverside: Centre) -> None:
        its = self.approved(riverside, GatewayRefundStatus.FAILED)
        course = riverside.course(rules={"invoicing": "SESSION_FROM_WALLET"})
        held = riverside.confirmed(its.purse.family, its.purse.family.child("Leo Rossi"), course.lines())
        debit_held_sessions(riverside.database, now=NOW + 2 * WEEK)
        assert riverside.booking(held)["payment_state"] == "PENDING_PAYMENT"

        its.send()

        assert (riverside.booking(held)["payment_state"], its.purse.holds) == ("PAID", (0, 0))

    def test_that_is_under_way_is_queried_by_its_id_and_sent_once(self, riverside: Centre) -> None:
        its = self.approved(riverside, GatewayRefundStatus.PENDING, GatewayRefundStatus.PENDING)

        assert its.send() == 0
        under_way = f"re_{its.sent()[0]['id']}"
        assert its.sent()[0]["external_id"] == under_way
        assert its.send(later=2 * DAY) == 0
        assert its.send(later=3 * DAY) == 1

        assert (list(its.provider.made), its.provider.queried) == ([under_way], [under_way] * 2)
        assert (its.sent()[0]["status"], its.purse.books()) == ("SUCCEEDED", {})

    def test_whose_outcome_is_unknown_is_looked_for_and_sent_once(self, riverside: Centre) -> None:
        its = self.approved(riverside, GatewayOutcomeUnknown("timed out"), GatewayRefundStatus.PENDING)

        assert its.send() == 0
        assert its.send(later=2 * DAY) == 0
        assert its.send(later=3 * DAY) == 1

        assert (len(its.provider.made), len(its.provider.asked)) == (1, 1)
        assert its.sent()[0]["status"] == "SUCCEEDED"

    def test_that_never_reached_the_provider_is_asked_for_again_with_its_key(self, riverside: Centre) -> None:
        its = self.approved(riverside, GatewayUnreachable("no route"))

        assert its.send() == 0
        assert its.send(later=2 * DAY) == 1

        assert {asked["key"] for asked in its.provider.asked} == {str(its.sent()[0]["id"])}
        assert len(its.provider.made) == 1

    def test_that_the_provider_will_not_tell_of_stays_on_its_way(self, riverside: Centre) -> None:
        its = self.approved(riverside, GatewayRefundStatus.PENDING, GatewayRefused("no such refund"))
        its.send()

        assert its.send(later=DAY) == 0

        assert (its.sent()[0]["status"], its.purse.holds) == ("PENDING", (0, 0))

    def test_that_goes_through_a_provider_is_not_paid_by_hand(self, riverside: Centre) -> None:
        its = self.approved(riverside)
        refund_id = its.sent()[0]["id"]

        with pytest.raises(refunds.SentByProvider, match="goes back through sandbox"):
            riverside.do(refunds.pay_by_hand, refund_id=refund_id, actor=riverside.admin)

        assert its.sent()[0]["status"] == "PENDING"
        its.send()
        assert its.purse.books() == {}

    def test_cash_is_paid_by_hand_and_once(self, riverside: Centre) -> None:
        family = riverside.family()
        cart = riverside.confirmed(family, family.child(), riverside.course().lines())
        riverside.do(payments.record_manual_payment, order_id=cart.id, amount_minor=11_30, reason="cash",
                     actor=riverside.admin)  # fmt: skip
        its = Story(riverside, Purse(riverside, family), cart)
        riverside.do(endings.cancel, booking_id=its.booking["id"], actor=riverside.admin, reason="ill")
        its.approve(its.ask())
        assert its.send() == 0
        refund_id = its.sent()[0]["id"]

        riverside.do(refunds.pay_by_hand, refund_id=refund_id, actor=riverside.admin)

        assert its.purse.books() == {}
        with pytest.raises(Conflict, match="paid, or has failed, before"):
            riverside.do(refunds.pay_by_hand, refund_id=refund_id, actor=riverside.admin)
