"""The sandbox over real HTTP: a provider that keeps its own truth, and its client."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from billing.gateways.protocol import (
    Checkout,
    GatewayEvent,
    GatewayOutcomeUnknown,
    GatewayRefundStatus,
    GatewayRefused,
    GatewayUnreachable,
    WebhookForged,
    WebhookTooOld,
)
from billing.gateways.sandbox import SandboxGateway
from billing.gateways.sandbox_delivery import ATTEMPTS, LONGEST_PAUSE, pause_after
from billing.gateways.signature import sign, verify
from models import PaymentStatus
from tests.billing.sandbox import API_KEY, SECRET, Sandbox, receiving, running_sandbox
from tests.builders import NOW
from tests.engine.later import until
from tests.ports import free_port


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox") / "own.sqlite3", timeout_seconds=1.0) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def on_a_good_day(request: pytest.FixtureRequest) -> None:
    if "sandbox" in request.fixturenames:
        request.getfixturevalue("sandbox").behave()


class Inbox:
    """What a merchant was told, as the client verified it; `failing` many attempts are answered with 500 first."""

    def __init__(self, sandbox: Sandbox, *, failing: int = 0) -> None:
        self.sandbox, self.failing = sandbox, failing
        self.events: list[GatewayEvent] = []

    def receive(self, headers: dict[str, str], body: bytes) -> int:
        if self.failing:
            self.failing -= 1
            return 500
        event = self.sandbox.gateway.verify_webhook(headers, body, now=self.sandbox.clock.now())
        assert isinstance(event, GatewayEvent)
        self.events.append(event)
        return 200

    def types(self) -> list[str]:
        return [event.type for event in self.events]


def checkout(
    sandbox: Sandbox, *, key: str = "", webhook_url: str | None = None, amount_minor: int = 2260
) -> Checkout:  # fmt: skip
    return sandbox.gateway.create_checkout(
        key=key or str(uuid4()), amount_minor=amount_minor, currency="CAD", description="Riverside <Centre>: TO-1",
        return_url="http://127.0.0.1:9/orders/1", webhook_url=webhook_url,
    )  # fmt: skip


class TestCheckout:
    def test_is_made_once_for_a_key(self, sandbox: Sandbox) -> None:
        first = checkout(sandbox, key="the-same")

        assert checkout(sandbox, key="the-same") == first
        assert checkout(sandbox).external_id != first.external_id

    def test_refuses_a_key_that_was_used_for_something_else(self, sandbox: Sandbox) -> None:
        checkout(sandbox, key="taken")

        with pytest.raises(GatewayRefused, match="another content"):
            checkout(sandbox, key="taken", amount_minor=1)

    def test_refuses_a_stranger(self, sandbox: Sandbox) -> None:
        stranger = SandboxGateway(sandbox.url, api_key="a-strangers-key", secret=SECRET)

        with stranger, pytest.raises(GatewayRefused, match="not accepted"):
            stranger.query("co_1")

    def test_shows_its_payer_what_is_asked_and_escapes_it(self, sandbox: Sandbox) -> None:
        page = sandbox.http.get(checkout(sandbox).url)

        assert "CA$22.60" in page.text
        assert "Riverside &lt;Centre&gt;" in page.text

    @pytest.mark.parametrize(
        ("action", "status", "reason"),
        [
            ("pay", PaymentStatus.SUCCESS, None),
            ("decline", PaymentStatus.FAILED, "card_declined"),
            ("abandon", PaymentStatus.FAILED, "abandoned"),
        ],
    )
    def test_ends_as_the_payer_decides(
        self, sandbox: Sandbox, action: str, status: PaymentStatus, reason: str | None
    ) -> None:
        made = checkout(sandbox)
        before = sandbox.gateway.query(made.external_id)

        back = sandbox.visit(made.url, action)
        sandbox.visit(made.url, "pay")  # too late

        after = sandbox.gateway.query(made.external_id)
        assert before.status is PaymentStatus.PENDING
        assert (back.status_code, back.headers["location"]) == (303, "http://127.0.0.1:9/orders/1")
        assert (after.status, after.amount_minor, after.currency, after.failure_reason) == (status, 2260, "CAD", reason)

    def test_remembers_over_a_restart(self, tmp_path: Path) -> None:
        with running_sandbox(tmp_path / "own.sqlite3") as sandbox:
            made = checkout(sandbox)
            sandbox.visit(made.url)

        with running_sandbox(tmp_path / "own.sqlite3") as sandbox:
            assert sandbox.gateway.query(made.external_id).status is PaymentStatus.SUCCESS

    def test_is_not_found_by_a_guess(self, sandbox: Sandbox) -> None:
        with pytest.raises(GatewayRefused, match="no such checkout"):
            sandbox.gateway.query("co_guessed")


class TestTimeouts:
    def test_an_answer_that_never_comes_leaves_the_outcome_unknown(self, sandbox: Sandbox) -> None:
        sandbox.behave(hang_after_seconds=1.5)
        with pytest.raises(GatewayOutcomeUnknown):
            checkout(sandbox, key="made-all-the-same")

        sandbox.behave()
        made = checkout(sandbox, key="made-all-the-same")
        again = checkout(sandbox, key="made-all-the-same")

        assert made == again

    def test_a_request_that_was_lost_is_made_by_asking_again(self, sandbox: Sandbox) -> None:
        sandbox.behave(hang_before_seconds=1.5)
        with pytest.raises(GatewayOutcomeUnknown):
            checkout(sandbox, key="lost")

        sandbox.behave()

        assert checkout(sandbox, key="lost").external_id

    def test_nobody_there_is_told_apart_from_no_answer(self) -> None:
        gateway = SandboxGateway(f"http://127.0.0.1:{free_port()}", api_key=API_KEY, secret=SECRET)

        with gateway, pytest.raises(GatewayUnreachable):
            gateway.create_checkout(key="k", amount_minor=1, currency="CAD", description="", return_url="http://x")


class TestRefunds:
    def test_are_under_way_for_a_while(self, sandbox: Sandbox) -> None:
        paid = checkout(sandbox)
        sandbox.visit(paid.url)
        sandbox.behave(refund_seconds=0.5)

        made = sandbox.gateway.refund(key=str(uuid4()), external_id=paid.external_id, amount_minor=100, currency="CAD")

        assert made.status is GatewayRefundStatus.PENDING
        until(lambda: sandbox.gateway.query_refund(made.external_id).status is GatewayRefundStatus.SUCCEEDED)

    def test_and_disputes_together_never_exceed_what_was_captured(self, sandbox: Sandbox) -> None:
        paid = checkout(sandbox)
        sandbox.visit(paid.url)
        sandbox.dispute(paid.external_id, amount_minor=2000)

        with pytest.raises(GatewayRefused, match="Only 260 minor units"):
            sandbox.gateway.refund(key=str(uuid4()), external_id=paid.external_id, amount_minor=261, currency="CAD")


class TestTheBanksQuestion:
    """3-D Secure: the payer's bank wants to know who pays."""

    @pytest.mark.parametrize(
        ("answer", "status", "reason"),
        [("yes", PaymentStatus.SUCCESS, None), ("no", PaymentStatus.FAILED, "authentication_failed")],
    )
    def test_is_answered_before_money_moves(
        self, sandbox: Sandbox, answer: str, status: PaymentStatus, reason: str | None
    ) -> None:
        sandbox.behave(challenge=True)
        made = checkout(sandbox)

        asked = sandbox.visit(made.url)
        before = sandbox.gateway.query(made.external_id).status
        page = sandbox.http.get(asked.headers["location"])
        back = sandbox.answer_bank(made.url, answer)

        said = sandbox.gateway.query(made.external_id)
        assert (before, "Your bank asks" in page.text) == (PaymentStatus.PENDING, True)
        assert (said.status, said.failure_reason) == (status, reason)
        assert back.headers["location"] == "http://127.0.0.1:9/orders/1"


class TestWebhooks:
    def test_tell_what_happened_in_order_with_our_key(self, sandbox: Sandbox) -> None:
        inbox = Inbox(sandbox)
        with receiving(inbox.receive) as address:
            made = checkout(sandbox, key="ours", webhook_url=address)
            sandbox.visit(made.url)
            until(lambda: len(inbox.events) == 2)

        assert inbox.types() == ["payment.processing", "payment.succeeded"]
        assert {(e.external_id, e.key) for e in inbox.events} == {(made.external_id, "ours")}
        assert [e.status for e in inbox.events] == [PaymentStatus.PROCESSING, PaymentStatus.SUCCESS]

    def test_come_again_until_they_are_accepted(self, sandbox: Sandbox) -> None:
        inbox = Inbox(sandbox, failing=2)
        with receiving(inbox.receive) as address:
            made = checkout(sandbox, webhook_url=address)
            sandbox.visit(made.url, "decline")
            until(lambda: inbox.events)
            until(lambda: sandbox.deliveries(made.external_id)[0]["state"] == "delivered")

        [delivery] = sandbox.deliveries(made.external_id)
        assert (delivery["attempts"], delivery["answer"]) == (3, "200")

    def test_wait_longer_after_each_attempt_up_to_an_hour(self) -> None:
        pauses = [pause_after(attempt) for attempt in range(1, ATTEMPTS + 3)]

        assert pauses[:4] == [timedelta(seconds=s) for s in (1, 2, 4, 8)]
        assert pauses == sorted(pauses)
        assert pauses[-1] == LONGEST_PAUSE

    def test_come_several_times_with_the_same_id(self, sandbox: Sandbox) -> None:
        sandbox.behave(copies=3)
        inbox = Inbox(sandbox)
        with receiving(inbox.receive) as address:
            made = checkout(sandbox, webhook_url=address)
            sandbox.visit(made.url, "decline")
            until(lambda: len(inbox.events) == 3)
            sandbox.deliver_again(inbox.events[0].event_id)
            until(lambda: len(inbox.events) == 4)

        assert len({event.event_id for event in inbox.events}) == 1

    def test_overtake_one_another(self, sandbox: Sandbox) -> None:
        sandbox.behave(reorder=True)
        inbox = Inbox(sandbox)
        with receiving(inbox.receive) as address:
            sandbox.visit(checkout(sandbox, webhook_url=address).url)
            until(lambda: len(inbox.events) == 2)

        assert inbox.types() == ["payment.succeeded", "payment.processing"]

    def test_come_late_or_never(self, sandbox: Sandbox) -> None:
        sandbox.behave(drop=True)
        made = checkout(sandbox, webhook_url="http://127.0.0.1:9/")

        sandbox.visit(made.url)

        assert {d["state"] for d in sandbox.deliveries(made.external_id)} == {"dropped"}
        assert sandbox.gateway.query(made.external_id).status is PaymentStatus.SUCCESS

    def test_money_that_moves_for_a_while_is_captured_later(self, sandbox: Sandbox) -> None:
        sandbox.behave(processing_seconds=0.7)
        made = checkout(sandbox)

        sandbox.visit(made.url)

        assert sandbox.gateway.query(made.external_id).status is PaymentStatus.PROCESSING
        until(lambda: sandbox.gateway.query(made.external_id).status is PaymentStatus.SUCCESS)

    def test_report_what_was_really_captured(self, sandbox: Sandbox) -> None:
        sandbox.behave(capture_minor=900, capture_currency="USD")
        made = checkout(sandbox)

        sandbox.visit(made.url)

        said = sandbox.gateway.query(made.external_id)
        assert (said.amount_minor, said.currency) == (900, "USD")


class TestSignature:
    # Made with the specification's own library.
    KNOWN = "v1,/Xy7FLfFISa1TZH7WLT+0x/orG5MlcutAFOpVan3/00="
    AT = datetime.fromtimestamp(1614265330, tz=UTC)
    ID, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}'

    def headers(self) -> dict[str, str]:
        return sign(SECRET, message_id=self.ID, body=self.BODY, now=self.AT)

    def test_is_that_of_the_specification(self) -> None:
        assert self.headers()["webhook-signature"] == self.KNOWN
        assert verify(SECRET, self.headers(), self.BODY, now=self.AT) == self.ID

    @pytest.mark.parametrize(
        "forged",
        [
            {"webhook-id": "msg_other"},
            {"webhook-id": ""},
            {"webhook-timestamp": "1614265331"},
            {"webhook-timestamp": "tomorrow"},
            {"webhook-signature": "v1,AAAA"},
            {"webhook-signature": "v2" + KNOWN[2:]},
            {"webhook-signature": "ünsigned"},
            {"webhook-signature": ""},
        ],
    )
    def test_refuses_what_was_changed(self, forged: dict[str, str]) -> None:
        with pytest.raises(WebhookForged):
            verify(SECRET, self.headers() | forged, self.BODY, now=self.AT)

    def test_refuses_another_body_or_secret_and_no_headers(self) -> None:
        for secret, headers, body in (
            (SECRET, self.headers(), b"{}"),
            ("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAA", self.headers(), self.BODY),
            (SECRET, {}, self.BODY),
        ):
            with pytest.raises(WebhookForged):
                verify(secret, headers, body, now=self.AT)

    @pytest.mark.parametrize("off", [timedelta(minutes=5, seconds=1), timedelta(minutes=-5, seconds=-1)])
    def test_refuses_a_signed_message_of_another_time(self, off: timedelta) -> None:
        with pytest.raises(WebhookTooOld):
            verify(SECRET, self.headers(), self.BODY, now=self.AT + off)

    def test_accepts_one_of_several_signatures_while_a_secret_is_changed(self) -> None:
        headers = self.headers()
        headers["webhook-signature"] = "v1,b2xk " + headers["webhook-signature"]

        assert verify(SECRET, headers, self.BODY, now=self.AT) == self.ID

    def test_signed_nonsense_is_no_event(self) -> None:
        with SandboxGateway("http://127.0.0.1:9", api_key=API_KEY, secret=SECRET) as gateway:
            for body in (b"[]", b"not json", b'{"type": "x", "data": {}}'):
                headers = sign(SECRET, message_id="m", body=body, now=NOW)
                with pytest.raises(WebhookForged):
                    gateway.verify_webhook(headers, body, now=NOW)
