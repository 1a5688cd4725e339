"""Webhooks for integrators: what happened is sent to their addresses, signed, again and again until it is taken.

The format is that of standardwebhooks.com. A message goes out at least once: an endpoint tells copies by `webhook-id`,
which stays the same. Nothing is sent inside a transaction: a delivery is leased, sent, and its outcome written down.
"""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import orjson

from billing.gateways.signature import sign
from engine.actor import Actor
from engine.database import Database, Row, Transaction
from engine.errors import Invalid, NotFound, Reason
from engine.ids import new_id
from engine.outbox import Message
from engine.settings import derived_secret
from workflows.guest_messages import SIGNED
from workflows.messages import TOPICS

# What carries a link that opens something is for nobody but its addressee.
WEBHOOK_TOPICS = tuple(sorted(topic for topic in set(TOPICS) if topic not in SIGNED))

# After the first attempt, and after each that failed.
DELAYS = (
    timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5),
    timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24),
)  # fmt: skip
# Longer than an attempt may take: who crashed meanwhile has sent it or not, so it is sent again.
_LEASE = timedelta(minutes=2)
_TIMEOUT_SECONDS = 10.0
_AT_ONCE = 20
_LONGEST_FAILURE = 300


@dataclass(frozen=True, slots=True)
class Registered:
    """An endpoint with the secret that signs what is sent to it."""

    id: UUID
    secret: str


def endpoint_secret(secret: str, endpoint_id: UUID, version: int) -> str:
    """The secret of an endpoint, derived from the installation's: it is shown, never kept."""
    return "whsec_" + derived_secret(secret, f"webhook {endpoint_id} {version}")


def register(
    tx: Transaction, *, url: str, topics: Sequence[str], description: str, only_https: bool, secret: str, now: datetime
) -> Registered:
    """Send what happens from now on to that address: these topics, or all. Raises Invalid."""
    unknown = [topic for topic in topics if topic not in WEBHOOK_TOPICS]
    reasons = [Reason("unknown_topic", f"There is no topic {topic!r}.", field="topics") for topic in unknown]
    if only_https and urlsplit(url).scheme != "https":
        reasons.append(Reason("not_https", "The address begins with https://.", field="url"))
    if reasons:
        raise Invalid(reasons[0].message, reasons=reasons)
    endpoint_id = new_id()
    tx.run(
        "INSERT INTO webhook_endpoint (organisation_id, id, url, description, topics, secret_version, created_at, "
        "disabled_because) VALUES (%(org)s, %(id)s, %(url)s, %(description)s, %(topics)s, 1, %(now)s, '')",
        id=endpoint_id, url=url, description=description, topics=list(topics), now=now,
    )  # fmt: skip
    return Registered(endpoint_id, endpoint_secret(secret, endpoint_id, 1))


def renew_secret(tx: Transaction, *, endpoint_id: UUID, secret: str) -> Registered:
    """Sign with another secret from now on. Raises NotFound."""
    found = tx.row("UPDATE webhook_endpoint SET secret_version = secret_version + 1 WHERE organisation_id = %(org)s "
                   "AND id = %(id)s AND disabled_at IS NULL RETURNING secret_version", id=endpoint_id)  # fmt: skip
    if found is None:
        raise NotFound("There is no such webhook endpoint.", what="webhook endpoint")
    return Registered(endpoint_id, endpoint_secret(secret, endpoint_id, found["secret_version"]))


def disable(tx: Transaction, *, endpoint_id: UUID, because: str, now: datetime) -> None:
    """Send nothing there any more; its log stays. Raises NotFound."""
    if not tx.run("UPDATE webhook_endpoint SET disabled_at = %(now)s, disabled_because = %(because)s "
                  "WHERE organisation_id = %(org)s AND id = %(id)s AND disabled_at IS NULL",
                  id=endpoint_id, because=because, now=now):  # fmt: skip
        raise NotFound("There is no such webhook endpoint.", what="webhook endpoint")


_FAN_OUT = """
INSERT INTO webhook_delivery (organisation_id, id, endpoint_id, message_id, topic, payload, happened_at, status,
                              attempts, next_attempt_at, failure, created_at)
SELECT e.organisation_id, gen_random_uuid(), e.id, m.id, m.topic, m.payload, m.created_at, 'WAITING', 0, %(now)s, '',
       %(now)s
FROM webhook_endpoint e
JOIN outbox_message m ON m.organisation_id = e.organisation_id AND m.id = %(message_id)s
WHERE e.organisation_id = %(org)s AND e.disabled_at IS NULL AND e.created_at <= m.created_at
  AND (e.topics = '{}' OR m.topic = ANY(e.topics))
ON CONFLICT (organisation_id, endpoint_id, message_id) DO NOTHING
"""


def fan_out(tx: Transaction, message: Message, *, now: datetime) -> int:
    """Put the message on the list of each endpoint that wants it, once however often this is called."""
    return tx.run(_FAN_OUT, message_id=message.id, now=now) if message.topic in WEBHOOK_TOPICS else 0


_LEASE_DUE = """
UPDATE webhook_delivery d SET next_attempt_at = %(until)s, attempts = d.attempts + 1
FROM webhook_endpoint e
WHERE d.organisation_id = %(org)s AND e.organisation_id = d.organisation_id AND e.id = d.endpoint_id
  AND d.id IN (
    SELECT w.id FROM webhook_delivery w
    JOIN webhook_endpoint a ON a.organisation_id = w.organisation_id AND a.id = w.endpoint_id
    WHERE w.organisation_id = %(org)s AND w.status = 'WAITING' AND w.next_attempt_at <= %(now)s
      AND a.disabled_at IS NULL
    ORDER BY w.next_attempt_at, w.id LIMIT %(most)s FOR UPDATE OF w SKIP LOCKED)
RETURNING d.id, d.endpoint_id, d.message_id, d.topic, d.payload, d.happened_at, d.attempts, e.url, e.secret_version
"""


@dataclass(frozen=True, slots=True)
class _Outcome:
    delivery: Row
    answered: int | None
    failure: str

    @property
    def is_taken(self) -> bool:
        return self.answered is not None and 200 <= self.answered < 300


def deliver_due(database: Database, client: httpx.Client, *, secret: str, only_public: bool, now: datetime) -> int:
    """Send what is due of each organisation, a few at a time; returns how many attempts were made.

    With `only_public` nothing is sent to an address of a network that is not public.
    """
    attempts = 0
    for organisation_id in database.organisations():
        leased = database.run(organisation_id, partial(_lease, now=now))
        outcomes = [_send(client, row, secret=secret, only_public=only_public, now=now) for row in leased]
        if outcomes:
            database.run(organisation_id, partial(_write_down, outcomes=outcomes, now=now))
        attempts += len(outcomes)
    return attempts


def _lease(tx: Transaction, *, now: datetime) -> list[Row]:
    return tx.rows(_LEASE_DUE, now=now, until=now + _LEASE, most=_AT_ONCE)


def _send(client: httpx.Client, delivery: Row, *, secret: str, only_public: bool, now: datetime) -> _Outcome:
    body = orjson.dumps({
        "type": delivery["topic"], "timestamp": delivery["happened_at"].isoformat(), "data": delivery["payload"],
    })  # fmt: skip
    key = endpoint_secret(secret, delivery["endpoint_id"], delivery["secret_version"])
    headers = sign(key, message_id=f"msg_{delivery['message_id'].hex}", body=body, now=now)
    if only_public and not _is_public(delivery["url"]):
        return _Outcome(delivery, None, "its address is not of a public network")
    try:
        answer = client.post(delivery["url"], content=body, timeout=_TIMEOUT_SECONDS, follow_redirects=False,
                             headers={**headers, "Content-Type": "application/json"})  # fmt: skip
    except httpx.HTTPError as error:
        return _Outcome(delivery, None, f"{type(error).__name__}: {error}"[:_LONGEST_FAILURE])
    taken = answer.is_success
    return _Outcome(delivery, answer.status_code, "" if taken else answer.text[:_LONGEST_FAILURE].replace("\x00", ""))


def _is_public(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return True  # it cannot be reached anyhow, and the attempt says why
    return all(ipaddress.ip_address(address).is_global for address in found)


_OUTCOME = """
UPDATE webhook_delivery SET status = %(status)s, next_attempt_at = %(next)s, answered = %(answered)s,
       failure = %(failure)s, delivered_at = %(delivered_at)s
WHERE organisation_id = %(org)s AND id = %(id)s AND status = 'WAITING' AND attempts = %(attempts)s
"""


def _write_down(tx: Transaction, *, outcomes: Sequence[_Outcome], now: datetime) -> None:
    """What was taken is done, what was not is tried later; an address that says it is gone is left alone."""
    for outcome in outcomes:
        attempts = outcome.delivery["attempts"]
        facts: dict[str, Any] = {"status": "DELIVERED", "next": None, "delivered_at": now}
        if not outcome.is_taken:
            later = now + DELAYS[attempts - 1] if attempts <= len(DELAYS) else None
            facts = {"status": "WAITING" if later else "GIVEN_UP", "next": later, "delivered_at": None}
        tx.run(_OUTCOME, id=outcome.delivery["id"], attempts=attempts, answered=outcome.answered,
               failure=outcome.failure, **facts)  # fmt: skip
        if outcome.answered == httpx.codes.GONE:
            tx.run("UPDATE webhook_endpoint SET disabled_at = %(now)s, disabled_because = 'it answered 410 Gone' "
                   "WHERE organisation_id = %(org)s AND id = %(id)s AND disabled_at IS NULL",
                   id=outcome.delivery["endpoint_id"], now=now)  # fmt: skip


def send_again(tx: Transaction, *, delivery_id: UUID, actor: Actor, now: datetime) -> None:
    """Send a message once more from the beginning, whatever became of it. Raises NotFound."""
    assert actor.is_admin, "the route is for admins"
    if not tx.run("UPDATE webhook_delivery SET status = 'WAITING', attempts = 0, next_attempt_at = %(now)s, "
                  "delivered_at = NULL WHERE organisation_id = %(org)s AND id = %(id)s", id=delivery_id,
                  now=now):  # fmt: skip
        raise NotFound("There is no such webhook delivery.", what="webhook delivery")
