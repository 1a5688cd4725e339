"""Webhooks: what happened reaches an integrator's server, signed, once it takes it, and the log says how it went."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import httpx
import pytest

from billing.gateways.protocol import WebhookForged
from billing.gateways.signature import verify
from engine.database import Database
from engine.errors import Invalid
from engine.fire import announce
from engine.ids import new_id
from engine.outbox import read_message
from tests.builders import NOW
from tests.workflows.centre import Centre, make_centre
from workflows import webhooks
from workflows.webhooks import DELAYS, deliver_due, fan_out

SECRET = "the installation's own"


@dataclass
class Integrator:
    """A server that keeps what it gets and answers as it is told."""

    answer: int = 204
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def take(self, headers: dict[str, str], body: bytes) -> int:
        self.got.append((headers, body))
        return self.answer


@pytest.fixture
def integrator() -> Iterator[Integrator]:
    there = Integrator()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(there.take(dict(self.headers), body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    there.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield there
    server.shutdown()
    server.server_close()


@pytest.fixture
def centre(database: Database, database_url: str) -> Centre:
    return make_centre(database, database_url, name=f"Riverside {new_id()}")


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


def registered(centre: Centre, integrator: Integrator, *topics: str) -> webhooks.Registered:
    made: webhooks.Registered = centre.do(
        webhooks.register, url=integrator.url, topics=topics, description="", only_https=False, secret=SECRET
    )
    return made


def happens(centre: Centre, topic: str = "booking.confirmed", *, now: Any = NOW) -> UUID:
    """Something happens, and the job of its message puts it on the lists."""
    centre.do(lambda tx, now: announce(tx.batch, topic, now=now, reference="TB-4F7K"), now=now)
    message: UUID = centre.rows("SELECT id FROM outbox_message ORDER BY id DESC LIMIT 1")[0]["id"]
    for _ in range(2):  # a job runs at least once
        centre.do(lambda tx, now: fan_out(tx, read_message(tx, message), now=now), now=now)
    return message


def deliver(centre: Centre, client: httpx.Client, *, now: Any = NOW, only_public: bool = False) -> int:
    return deliver_due(centre.database, client, secret=SECRET, only_public=only_public, now=now)


def log(centre: Centre) -> list[tuple[str, int, int | None]]:
    rows = centre.rows("SELECT status, attempts, answered FROM webhook_delivery ORDER BY created_at, id")
    return [tuple(row.values()) for row in rows]  # type: ignore[misc]


class TestDelivery:
    def test_is_signed_and_sent_once_it_is_taken(
        self, centre: Centre, integrator: Integrator, client: httpx.Client
    ) -> None:
        endpoint = registered(centre, integrator, "booking.confirmed")
        message = happens(centre)
        happens(centre, "booking.canceled")

        deliver(centre, client)
        deliver(centre, client, now=NOW + timedelta(days=2))

        ((headers, body),) = integrator.got
        assert verify(endpoint.secret, headers, body, now=NOW) == f"msg_{message.hex}"
        assert json.loads(body) == {"type": "booking.confirmed", "timestamp": NOW.isoformat(),
                                    "data": {"reference": "TB-4F7K"}}  # fmt: skip
        assert log(centre) == [("DELIVERED", 1, 204)]
        with pytest.raises(WebhookForged):
            verify(endpoint.secret, headers, body + b" ", now=NOW)

    def test_is_tried_later_and_later_and_then_given_up(
        self, centre: Centre, integrator: Integrator, client: httpx.Client
    ) -> None:
        registered(centre, integrator)
        integrator.answer, now = 500, NOW
        message = happens(centre)

        for delay in DELAYS:
            deliver(centre, client, now=now)
            deliver(centre, client, now=now + delay - timedelta(seconds=1))
            now += delay
        assert log(centre) == [("WAITING", len(DELAYS), 500)]
        deliver(centre, client, now=now)

        assert log(centre) == [("GIVEN_UP", len(DELAYS) + 1, 500)]
        assert {headers["webhook-id"] for headers, _ in integrator.got} == {f"msg_{message.hex}"}
        assert len(integrator.got) == len(DELAYS) + 1

    def test_an_admin_sends_it_again(self, centre: Centre, integrator: Integrator, client: httpx.Client) -> None:
        registered(centre, integrator)
        happens(centre)
        deliver(centre, client)
        delivery = centre.one("SELECT id FROM webhook_delivery")["id"]

        centre.do(webhooks.send_again, delivery_id=delivery, actor=centre.admin)
        deliver(centre, client)

        assert len(integrator.got) == 2
        assert log(centre) == [("DELIVERED", 1, 204)]

    def test_nobody_answers(self, centre: Centre, client: httpx.Client) -> None:
        registered(centre, Integrator(url="http://127.0.0.1:9/"))
        happens(centre)

        deliver(centre, client)

        found = centre.one("SELECT status, answered, failure FROM webhook_delivery")
        assert (found["status"], found["answered"]) == ("WAITING", None)
        assert "ConnectError" in found["failure"]

    def test_one_that_is_gone_is_left_alone(self, centre: Centre, integrator: Integrator, client: httpx.Client) -> None:
        registered(centre, integrator)
        integrator.answer = 410
        happens(centre)
        deliver(centre, client)
        happens(centre)

        deliver(centre, client, now=NOW + timedelta(days=1))

        assert len(integrator.got) == 1
        assert centre.one("SELECT disabled_because FROM webhook_endpoint")["disabled_because"] == "it answered 410 Gone"

    def test_two_workers_send_it_once(self, centre: Centre, integrator: Integrator, client: httpx.Client) -> None:
        registered(centre, integrator)
        for _ in range(5):
            happens(centre)

        workers = [threading.Thread(target=deliver, args=(centre, client)) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

        sent = sorted(headers["webhook-id"] for headers, _ in integrator.got)
        listed = centre.rows("SELECT message_id FROM webhook_delivery")
        assert sent == sorted(f"msg_{row['message_id'].hex}" for row in listed)
        assert log(centre) == [("DELIVERED", 1, 204)] * 5

    def test_a_worker_that_dies_leaves_it_to_another(
        self, centre: Centre, integrator: Integrator, client: httpx.Client
    ) -> None:
        registered(centre, integrator)
        happens(centre)

        class Died(Exception):
            pass

        def dies(request: httpx.Request) -> httpx.Response:
            raise Died

        with httpx.Client(transport=httpx.MockTransport(dies)) as dying, pytest.raises(Died):
            deliver(centre, dying)
        deliver(centre, client, now=NOW + timedelta(seconds=30))
        assert integrator.got == []

        deliver(centre, client, now=NOW + timedelta(minutes=2))

        assert log(centre) == [("DELIVERED", 2, 204)]


class TestEndpoint:
    def test_what_happened_before_is_not_sent(
        self, centre: Centre, integrator: Integrator, client: httpx.Client
    ) -> None:
        centre.do(webhooks.register, url=integrator.url, topics=[], description="", only_https=False, secret=SECRET,
                  now=NOW + timedelta(hours=1))  # fmt: skip
        happens(centre)

        deliver(centre, client)

        assert integrator.got == []

    def test_a_new_secret_signs_from_now_on(self, centre: Centre, integrator: Integrator, client: httpx.Client) -> None:
        first = registered(centre, integrator)
        second = centre.database.run(
            centre.organisation_id, lambda tx: webhooks.renew_secret(tx, endpoint_id=first.id, secret=SECRET)
        )
        happens(centre)

        deliver(centre, client)

        ((headers, body),) = integrator.got
        verify(second.secret, headers, body, now=NOW)
        with pytest.raises(WebhookForged):
            verify(first.secret, headers, body, now=NOW)

    def test_nothing_is_sent_into_our_own_network(
        self, centre: Centre, integrator: Integrator, client: httpx.Client
    ) -> None:
        registered(centre, integrator)
        happens(centre)

        deliver(centre, client, only_public=True)

        assert integrator.got == []
        assert centre.one("SELECT failure FROM webhook_delivery")["failure"] == "its address is not of a public network"

    @pytest.mark.parametrize(
        ("known", "code"),
        [({"topics": ["nothing.happened"]}, "unknown_topic"), ({"topics": ["guest.links"]}, "unknown_topic"),
         ({"only_https": True}, "not_https")],
    )  # fmt: skip
    def test_what_cannot_be_registered(self, centre: Centre, known: dict[str, Any], code: str) -> None:
        asked = {"url": "http://hooks.example/", "topics": [], "description": "", "only_https": False, **known}

        with pytest.raises(Invalid) as refusal:
            centre.do(webhooks.register, secret=SECRET, **asked)

        assert refusal.value.reasons[0].code == code
        assert not centre.rows("SELECT id FROM webhook_endpoint")
