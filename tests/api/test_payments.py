"""Paying over HTTP: the provider's page, its webhooks, money by hand, and the timeout of who does not pay."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.app import create_app
from billing.gateways.signature import sign
from engine.clock import FrozenClock
from engine.database import Database
from engine.settings import Settings
from tests.api.conftest import World, make_world, serving
from tests.billing.sandbox import SECRET, Sandbox, sandbox_at_hand
from tests.builders import NOW
from tests.engine.later import until
from tests.ports import free_port


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox_at_hand(tmp_path_factory.mktemp("sandbox") / "own.sqlite3") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def client(database: Database, sandbox: Sandbox) -> Iterator[httpx.Client]:
    """The application with a real provider that calls it back."""
    port = free_port()
    chosen = Settings(cookie_secure=False, base_url=f"http://127.0.0.1:{port}")
    app = create_app(chosen, database=database, clock=sandbox.clock, gateways={"sandbox": sandbox.gateway})
    with serving(app, port=port) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def world(database_url: str, database: Database, client: httpx.Client, clock: FrozenClock) -> World:
    return make_world(database_url, database, client, clock, "Riverside Centre")


def pay_now(world: World) -> dict[str, Any]:
    """A family's order that waits for its payment."""
    cart = world.cart(world.rossi, world.new_child(), world.sessions[:2])
    answer = world.rossi.post(f"/orders/{cart['id']}/submission", world.submission(cart, "PAY_NOW_PAY_ALL"))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def status_of(world: World, order: dict[str, Any]) -> str:
    found: str = world.rossi.get(f"/orders/{order['id']}").json()["status"]
    return found


class TestOnline:
    def test_a_family_pays_and_is_confirmed(self, world: World, sandbox: Sandbox) -> None:
        order = pay_now(world)
        headers = {"Idempotency-Key": f"pay-{uuid4()}"}
        path = f"/orders/{order['id']}/payments"

        payment = world.rossi.post(path, {"provider": "sandbox"}, headers=headers)
        again = world.rossi.post(path, {"provider": "sandbox"}, headers=headers)
        sandbox.visit(payment.json()["checkout_url"])
        until(lambda: status_of(world, order) == "APPROVED", seconds=20)

        assert payment.status_code == 201
        assert (payment.json()["amount_minor"], payment.json()["status"]) == (2260, "PENDING")
        assert again.json() == payment.json()
        assert world.rossi.get(payment.headers["location"]).json()["status"] == "SUCCESS"
        whole = world.rossi.get(f"/orders/{order['id']}").json()
        assert world.rossi.get(f"/invoices/{whole['invoice_id']}").json()["owing_minor"] == 0
        assert world.rossi.post(path, {"provider": "sandbox"}).status_code == 409
        assert world.rossi.post(path, {"provider": "sandbox"}, headers=headers).json() == payment.json()

    def test_a_body_is_not_needed(self, world: World, sandbox: Sandbox) -> None:
        payment = world.rossi.post(f"/orders/{pay_now(world)['id']}/payments")

        assert payment.status_code == 201
        assert (payment.json()["provider"], payment.json()["amount_minor"]) == ("sandbox", 2260)

    def test_a_declined_card_leaves_the_order_open(self, world: World, sandbox: Sandbox) -> None:
        order = pay_now(world)
        payment = world.rossi.post(f"/orders/{order['id']}/payments", {}).json()

        sandbox.visit(payment["checkout_url"], "decline")
        until(lambda: world.rossi.get(f"/payments/{payment['id']}").json()["status"] == "FAILED", seconds=20)

        assert status_of(world, order) == "SUBMITTED"
        another = world.rossi.post(f"/orders/{order['id']}/payments", {}).json()
        assert another["id"] != payment["id"]

    def test_only_what_the_provider_signed_is_heard(self, world: World) -> None:
        body = b'{"type": "payment.succeeded", "data": {}}'
        path = f"/webhooks/payments/sandbox?organisation={world.organisation_id}"

        for headers in ({}, {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}):
            answer = world.client.post(path, content=body, headers=headers)

            assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
        assert world.client.post("/webhooks/payments/nobody?organisation=" + str(uuid4())).status_code == 404

    def test_an_unknown_organisation_is_no_failure_of_ours(self, world: World, sandbox: Sandbox) -> None:
        body = (
            b'{"type": "payment.succeeded", "timestamp": "2026-03-31T13:00:00+00:00", "data": {"id": "x", '
            b'"status": "succeeded", "amount_minor": 1, "currency": "CAD", "failure_reason": null, '
            b'"client_reference": null}}'
        )
        headers = sign(SECRET, message_id="evt_1", body=body, now=sandbox.clock.now())

        answer = world.client.post(f"/webhooks/payments/sandbox?organisation={uuid4()}", content=body, headers=headers)

        assert answer.status_code == 404

    def test_an_unknown_provider_is_named(self, world: World) -> None:
        answer = world.rossi.post(f"/orders/{pay_now(world)['id']}/payments", {"provider": "piggybank"})

        assert (answer.status_code, answer.json()["reasons"][0]["field"]) == (422, "provider")


class TestAPassByCard:
    def test_is_there_when_the_provider_says_so_and_pays_for_a_booking(self, world: World, sandbox: Sandbox) -> None:
        """From the provider's page over its webhook to a booking that the pass covers."""
        product = world.admin.post("/pass-products", {
            "name": "By card", "price": "50.00", "validity_days": 365, "units": 2, "tax_name": "HST",
            "tax_percent": "13"}).json()  # fmt: skip
        account = f"/accounts/{world.rossi_account['id']}"
        wallet = world.rossi.get(f"{account}/wallet").json()["balance_minor"]

        payment = world.rossi.post(f"{account}/pass-checkouts", {"product_id": product["id"], "provider": "sandbox"})
        assert (payment.status_code, payment.json()["amount_minor"]) == (201, 50_00), payment.text
        assert world.rossi.get(f"{account}/passes").json()["items"] == []
        sandbox.visit(payment.json()["checkout_url"])
        until(lambda: world.rossi.get(f"{account}/passes").json()["items"], seconds=20)

        (mine,) = world.rossi.get(f"{account}/passes").json()["items"]
        assert (mine["product_id"], mine["left"], mine["total_minor"]) == (product["id"], 2, 50_00)
        assert world.rossi.get(f"/payments/{payment.json()['id']}").json()["status"] == "SUCCESS"
        assert world.rossi.get(f"{account}/wallet").json()["balance_minor"] == wallet
        cart = world.cart(world.rossi, world.new_child(), world.sessions[:2])
        assert cart["total_minor"] == 0
        booked = world.rossi.post(f"/orders/{cart['id']}/submission", world.submission(cart, "PAY_NOW_PAY_ALL")).json()
        assert (booked["status"], booked["total_minor"]) == ("APPROVED", 0)
        assert world.rossi.get(f"/passes/{mine['id']}").json()["left"] == 0
        (use, _) = world.rossi.get(f"/passes/{mine['id']}/uses").json()["items"]
        assert use["order_id"] == cart["id"]

    def test_of_a_card_that_is_declined_is_none(self, world: World, sandbox: Sandbox) -> None:
        product = world.admin.post("/pass-products", {"name": "Declined", "price": "40.00", "validity_days": 30}).json()
        account = f"/accounts/{world.rossi_account['id']}"
        before = len(world.rossi.get(f"{account}/passes").json()["items"])
        payment = world.rossi.post(f"{account}/pass-checkouts", {"product_id": product["id"]}).json()

        sandbox.visit(payment["checkout_url"], "decline")
        until(lambda: world.rossi.get(f"/payments/{payment['id']}").json()["status"] == "FAILED", seconds=20)

        assert len(world.rossi.get(f"{account}/passes").json()["items"]) == before


class TestByHand:
    def test_finance_records_money_and_the_order_is_confirmed(self, world: World) -> None:
        order = pay_now(world)
        body = {"provider": "manual", "amount_minor": 2260, "reason": "cheque 42"}

        payment = world.finance.post(f"/orders/{order['id']}/payments", body)

        assert (payment.status_code, payment.json()["status"]) == (201, "SUCCESS")
        assert status_of(world, order) == "APPROVED"

    def test_a_family_cannot(self, world: World) -> None:
        body = {"provider": "manual", "amount_minor": 2260, "reason": "trust me"}

        assert world.rossi.post(f"/orders/{pay_now(world)['id']}/payments", body).status_code == 403

    def test_finance_takes_back_what_was_recorded_for_the_wrong_family(self, world: World) -> None:
        order = pay_now(world)
        cash = {"provider": "cash", "amount_minor": order["total_minor"], "reason": "cash"}
        paid = world.finance.post(f"/orders/{order['id']}/payments", cash)
        path, why = f"/payments/{paid.json()['id']}/reversal", {"reason": "it was the Chens' cash"}

        unsaid = world.finance.post(path, {"reason": " "})
        by_family = world.rossi.post(path, why)
        taken = world.finance.post(path, why)
        again = world.finance.post(path, why)

        assert (unsaid.status_code, by_family.status_code) == (422, 403)
        assert (taken.status_code, taken.json()["status"]) == (200, "FAILED"), taken.text
        assert taken.json()["failure_reason"] == "taken back: it was the Chens' cash"
        assert (again.status_code, again.json()["code"]) == (409, "payment_not_reversible")
        booking = world.rossi.get(f"/orders/{order['id']}").json()["booking"]["id"]
        assert world.rossi.get(f"/bookings/{booking}").json()["payment_state"] == "OPEN"

    def test_too_much_is_refused(self, world: World) -> None:
        body = {"provider": "manual", "amount_minor": 999_999, "reason": "cash"}

        answer = world.finance.post(f"/orders/{pay_now(world)['id']}/payments", body)

        assert (answer.status_code, answer.json()["reasons"][0]["field"]) == (422, "amount_minor")
        assert "more than 0, and at most $22.60" in answer.json()["reasons"][0]["message"]


def test_an_overdue_hold_gives_way_when_it_is_read(database_url: str, database: Database) -> None:
    clock = FrozenClock(NOW)
    app = create_app(Settings(cookie_secure=False), database=database, clock=clock, gateways={})
    with serving(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        world = make_world(database_url, database, client, clock, "Overdue Centre")
        last = world.new_sessions(capacity=1, count=2)
        left_unpaid = pay_now_for(world, last)
        cart = world.cart(world.chen, world.lin, last)
        body, path = world.submission(cart, "PAY_NOW_PAY_ALL"), f"/orders/{cart['id']}/submission"

        early = world.chen.post(path, body)
        shown_early = client_left(world, last)
        clock.move(timedelta(minutes=16))
        shown_late = client_left(world, last)
        late = world.chen.post(path, body)

        assert (early.status_code, shown_early) == (409, 0)
        assert {reason["code"] for reason in early.json()["reasons"]} == {"session_full"}
        assert (late.status_code, shown_late) == (200, 1)
        assert status_of(world, left_unpaid) == "CANCELED"


def pay_now_for(world: World, wanted: list[dict[str, Any]]) -> dict[str, Any]:
    cart = world.cart(world.rossi, world.mia, wanted)
    answer = world.rossi.post(f"/orders/{cart['id']}/submission", world.submission(cart, "PAY_NOW_PAY_ALL"))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def client_left(world: World, wanted: list[dict[str, Any]]) -> int:
    found: int = world.chen.get(f"/sessions/{wanted[0]['id']}").json()["left"]
    return found


def together(world: World, *names: str) -> dict[str, Any]:
    """A submitted group order of these children."""
    group = world.group_order(*(world.new_child(name) for name in names), world.new_sessions(count=2))
    body = {"confirmation_type": "PAY_NOW_PAY_ALL", "price_fingerprint": group["price_fingerprint"]}
    answer = world.rossi.post(f"/group-orders/{group['id']}/submission", body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class TestGroup:
    def test_a_family_pays_once_for_all_its_children(self, world: World, sandbox: Sandbox) -> None:
        group = together(world, "Zoe", "Ivo")
        headers = {"Idempotency-Key": f"pay-{uuid4()}"}
        path = f"/group-orders/{group['id']}/payments"

        paid, again = (world.rossi.post(path, {"provider": "sandbox"}, headers=headers) for _ in range(2))
        sandbox.visit(paid.json()["checkout_url"])
        until(lambda: [status_of(world, order) for order in group["orders"]] == ["APPROVED"] * 2, seconds=20)

        assert paid.status_code == 201, paid.text
        assert (paid.json()["amount_minor"], paid.json()["status"]) == (4520, "PENDING")
        assert [payment["amount_minor"] for payment in paid.json()["payments"]] == [2260, 2260]
        assert again.json() == paid.json()
        for order in group["orders"]:
            whole = world.rossi.get(f"/orders/{order['id']}").json()
            assert world.rossi.get(f"/invoices/{whole['invoice_id']}").json()["owing_minor"] == 0
        assert world.rossi.post(path, {"provider": "sandbox"}).json()["code"] == "nothing_due"

    def test_a_declined_card_leaves_all_open(self, world: World, sandbox: Sandbox) -> None:
        group = together(world, "Zoe", "Ivo")
        paid = world.rossi.post(f"/group-orders/{group['id']}/payments", {}).json()

        sandbox.visit(paid["checkout_url"], "decline")
        first, second = (f"/payments/{payment['id']}" for payment in paid["payments"])
        until(lambda: world.rossi.get(first).json()["status"] == "FAILED", seconds=20)

        assert world.rossi.get(second).json()["status"] == "FAILED"
        assert [status_of(world, order) for order in group["orders"]] == ["SUBMITTED"] * 2

    def test_by_hand_takes_exactly_the_whole_sum(self, world: World) -> None:
        group = together(world, "Zoe", "Ivo")
        path, cash = f"/group-orders/{group['id']}/payments", {"provider": "manual", "reason": "cash"}

        short = world.finance.post(path, cash | {"amount_minor": 4000})
        paid = world.finance.post(path, cash | {"amount_minor": 4520})

        assert (short.status_code, short.json()["reasons"][0]["field"]) == (422, "amount_minor")
        assert (paid.status_code, paid.json()["status"]) == (201, "SUCCESS")
        assert [status_of(world, order) for order in group["orders"]] == ["APPROVED"] * 2
        assert world.rossi.post(path, cash | {"amount_minor": 1}).status_code == 403

    def test_is_not_asked_for_before_the_submission(self, world: World) -> None:
        group = world.group_order(world.new_child("Zoe"), world.new_sessions(count=1))

        answer = world.rossi.post(f"/group-orders/{group['id']}/payments", {})

        assert (answer.status_code, answer.json()["code"]) == (409, "not_allowed_now")
