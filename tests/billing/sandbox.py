"""The sandbox, as a process of its own or in a thread of ours, and a merchant's little webhook receiver: all on the
loopback.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from billing.gateways.sandbox import SandboxGateway
from billing.gateways.sandbox_service import build_service
from billing.gateways.sandbox_store import Store
from engine.clock import Clock, SetClock
from tests.builders import NOW
from tests.engine.later import until
from tests.ports import free_port
from tests.serving import serving

API_KEY = "merchant-key-of-the-tests"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLw=="

Receive = Callable[[dict[str, str], bytes], int]


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: its client for the merchant, and what a payer and a tester do with it."""

    url: str
    clock: Clock
    gateway: SandboxGateway
    http: httpx.Client

    def behave(self, **wanted: object) -> None:
        self.http.put("/test/behaviour", json=wanted).raise_for_status()

    def visit(self, checkout_url: str, action: str = "pay") -> httpx.Response:
        return self.http.post(checkout_url, data={"action": action})

    def answer_bank(self, checkout_url: str, answer: str) -> httpx.Response:
        return self.http.post(checkout_url + "/challenge", data={"answer": answer})

    def dispute(self, checkout_id: str, **wanted: object) -> str:
        made = self.http.post(f"/test/checkouts/{checkout_id}/disputes", json=wanted).raise_for_status().json()
        return str(made["id"])

    def decide(self, dispute_id: str, outcome: str) -> None:
        self.http.post(f"/test/disputes/{dispute_id}/{outcome}").raise_for_status()

    def deliveries(self, checkout_id: str) -> list[dict[str, object]]:
        found = self.http.get("/test/deliveries").raise_for_status().json()
        return [one for one in found if one["checkout_id"] == checkout_id]

    def deliver_again(self, event_id: object) -> None:
        self.http.post(f"/test/events/{event_id}/deliveries").raise_for_status()


@contextmanager
def running_sandbox(store: Path, *, timeout_seconds: float = 2.0) -> Iterator[Sandbox]:
    """Start the service as an operator would, on a set clock that the caller shares."""
    since = datetime.now(UTC)
    url = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "billing.gateways.sandbox_service:create_service", "--factory",
         "--port", url.rsplit(":", 1)[1], "--log-level", "warning"],
        env=os.environ | {
            "TERMBOOK_SANDBOX_STORE": str(store), "TERMBOOK_SANDBOX_API_KEY": API_KEY,
            "TERMBOOK_SANDBOX_SECRET": SECRET, "TERMBOOK_SANDBOX_PUBLIC_URL": url,
            "TERMBOOK_CLOCK_START": NOW.isoformat(), "TERMBOOK_CLOCK_SINCE": since.isoformat(),
        },
    )  # fmt: skip
    try:
        with _at(url, SetClock(NOW, since=since), timeout_seconds=timeout_seconds) as sandbox:
            until(lambda: process.poll() is not None or answers(sandbox.http), seconds=120)
            yield sandbox
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def sandbox_at_hand(store: Path) -> Iterator[Sandbox]:
    """The same service at once, in a thread: for whoever only pays there. Its store is its own all the same."""
    port, since = free_port(), datetime.now(UTC)
    url = f"http://127.0.0.1:{port}"
    service = build_service(
        store=Store(store), clock=SetClock(NOW, since=since), api_key=API_KEY, secret=SECRET, public_url=url
    )
    with serving(service, port=port), _at(url, SetClock(NOW, since=since), timeout_seconds=5.0) as sandbox:
        yield sandbox


@contextmanager
def _at(url: str, clock: Clock, *, timeout_seconds: float) -> Iterator[Sandbox]:
    with (
        SandboxGateway(url, api_key=API_KEY, secret=SECRET, timeout_seconds=timeout_seconds) as gateway,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {API_KEY}"}, trust_env=False) as client,
    ):
        yield Sandbox(url, clock, gateway, client)


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/test/deliveries").is_success
    except httpx.TransportError:
        return False


@contextmanager
def receiving(receive: Receive) -> Iterator[str]:
    """A merchant's webhook endpoint: what `receive` returns is the status of the answer. Yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(receive(dict(self.headers.items()), body))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/webhooks/sandbox"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
