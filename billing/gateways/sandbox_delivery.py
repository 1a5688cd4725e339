"""Delivering the sandbox's webhooks: signed at each attempt, repeated with growing pauses until they are accepted."""

import threading
from datetime import timedelta

import httpx
import structlog

from billing.gateways.sandbox_events import Row
from billing.gateways.sandbox_store import Store
from billing.gateways.signature import sign
from engine.clock import Clock

_log = structlog.get_logger("termbook.sandbox")

ATTEMPTS = 12
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(hours=1)
POLL_SECONDS = 0.05


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 1 s, 2 s, 4 s … an hour at most."""
    return min(FIRST_PAUSE * (1 << (attempts - 1)), LONGEST_PAUSE)


class Deliverer:
    """A thread that captures what is due and delivers what is due, one webhook at a time."""

    def __init__(self, store: Store, clock: Clock, *, secret: str, timeout_seconds: float = 5.0) -> None:
        self._store, self._clock, self._secret = store, clock, secret
        self._timeout_seconds = timeout_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-webhooks")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx.Client(timeout=self._timeout_seconds, trust_env=False) as client, self._store.watching() as is_due:
            while not self._stopping.wait(POLL_SECONDS):
                if is_due(self._clock.now()):
                    self._catch_up(client)

    def _catch_up(self, client: httpx.Client) -> None:
        self._store.settle_due(now=self._clock.now())
        for delivery in self._store.due_deliveries(now=self._clock.now()):
            if self._stopping.is_set():
                break
            self._attempt(client, delivery)

    def _attempt(self, client: httpx.Client, delivery: Row) -> None:
        now, body = self._clock.now(), delivery["body"].encode()
        headers = sign(self._secret, message_id=delivery["event_id"], body=body, now=now)
        try:
            response = client.post(
                delivery["url"], content=body, headers={**headers, "Content-Type": "application/json"}
            )
            is_accepted, answer = response.is_success, str(response.status_code)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            is_accepted, answer = False, repr(error)[:200]
        attempts = delivery["attempts"] + 1
        state = "delivered" if is_accepted else "given_up" if attempts >= ATTEMPTS else "waiting"
        due_at = now + pause_after(attempts) if state == "waiting" else None
        self._store.note_attempt(delivery["id"], state=state, due_at=due_at, answer=answer)
        if not is_accepted:
            _log.info("sandbox.not_delivered", webhook=delivery["event_id"], answer=answer, attempts=attempts)
