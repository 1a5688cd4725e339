"""After the dust has settled: was every word kept? What the clients were told against what the database holds."""

import time
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

from bench.crash_clients import Ask, Journal, Order
from engine.check import check, report
from engine.database import Database
from models import TermBookingStatus
from workflows.charts import edges

_REPLAYS = 400
_SETTLE_SECONDS = 90.0
_TIMED_OUT = ["SYSTEM", "cancel", "timeout"]

Row = dict[str, Any]
Owner = psycopg.Connection[Row]


def own(url: str) -> Owner:
    """A look at the whole database, as its owner."""
    return psycopg.connect(url, autocommit=True, row_factory=dict_row)


def count(owner: Owner, sql: str, **parameters: Any) -> int:
    row = owner.execute(sql, parameters).fetchone()
    assert row is not None, "a count is a row"
    return int(row["n"])


def unhanded(owner: Owner) -> int:
    """Messages in the outbox that no relay has handed over yet."""
    return count(owner, "SELECT count(*) AS n FROM outbox_message WHERE handed_over_at IS NULL")


def armed(owner: Owner) -> int:
    """Orders that wait for a payment, with their timers."""
    return count(owner, "SELECT count(*) AS n FROM timer WHERE kind = 'AUTO_CANCEL' AND status = 'ARMED'")


def settle(owner: Owner) -> Iterator[str]:
    """Wait until every timer has fired and every message is handed over; yields what did not come to an end."""
    until = time.monotonic() + _SETTLE_SECONDS
    while (armed(owner) or unhanded(owner)) and time.monotonic() < until:
        time.sleep(0.2)
    if left := armed(owner):
        yield f"{left} timers that are overdue have not fired"
    if left := unhanded(owner):
        yield f"{left} messages are not handed over"


def failings(url: str, owner: Owner, journals: Sequence[Journal], http: httpx.Client, chance: Random) -> Iterator[str]:
    """Everything that is not as it was acknowledged; nothing when all is well."""
    orders = [order for journal in journals for order in journal.orders]
    yield from orders_failing(owner, orders)
    yield from _made_failing(owner, orders)
    asks = [ask for journal in journals for ask in journal.asks]
    yield from _replays_failing(http, chance.sample(asks, min(_REPLAYS, len(asks))))
    if failed := count(owner, "SELECT count(*) AS n FROM procrastinate.procrastinate_jobs WHERE status = 'failed'"):
        yield f"{failed} jobs failed for good"
    database = Database(url)
    try:
        if breaches := check(database, edges=edges()):
            yield report(breaches)
    finally:
        database.close()


_HISTORIES = """
SELECT o.id::text AS id, o.status, o.confirmation_type, array_agg(e.trigger ORDER BY e.sequence) AS triggers,
       (array_agg(e.actor_kind ORDER BY e.sequence DESC))[1] AS last_actor,
       (array_agg(e.reason ORDER BY e.sequence DESC))[1] AS last_reason
FROM term_booking_order o
LEFT JOIN status_event e ON e.organisation_id = o.organisation_id AND e.subject_id = o.id
GROUP BY o.organisation_id, o.id, o.status, o.confirmation_type
"""


def orders_failing(owner: Owner, orders: Sequence[Order]) -> Iterator[str]:
    """The history of each order is what was acknowledged, each trigger once, and after it at most its timeout."""
    found = {row["id"]: row for row in owner.execute(_HISTORIES)}
    for order in orders:
        row = found.pop(order.id, None)
        if row is None:
            yield f"the acknowledged order {order.id} is lost"
            continue
        status = TermBookingStatus(row["status"]).name
        later = row["triggers"][len(order.triggers) :]
        if row["triggers"][: len(order.triggers)] != order.triggers or len(later) > 1:
            yield f"order {order.id}: acknowledged {order.triggers}, its history says {row['triggers']}"
        elif later and [row["last_actor"], *later, row["last_reason"]] != _TIMED_OUT:
            yield f"order {order.id}: nobody asked for {later} (by {row['last_actor']}: {row['last_reason']})"
        elif not later and status != order.status:
            yield f"order {order.id}: acknowledged {order.status}, it is {status}"
        elif not later and (order.status, order.confirmation_type) == ("SUBMITTED", "PAY_NOW_PAY_ALL"):
            yield f"order {order.id}: unpaid, and its timeout did not cancel it"
    for left in found:
        yield f"order {left} was made, and nobody was told: its key was applied twice or its answer is lost"


def _made_failing(owner: Owner, orders: Sequence[Order]) -> Iterator[str]:
    """Bookings, invoices and payments: those that were acknowledged and no others."""
    told = {
        "term_booking": [one for order in orders for one in order.booking_ids],
        "invoice": [one for order in orders for one in order.invoice_ids],
        "payment": [one for order in orders for one in order.payment_ids],
    }
    for table, acknowledged in told.items():
        found = {row["id"] for row in owner.execute(f"SELECT id::text AS id FROM {table}")}
        if lost := set(acknowledged) - found:
            yield f"{len(lost)} acknowledged rows of {table} are lost: {sorted(lost)[:3]}"
    confirmed = sum("confirm" in order.triggers for order in orders)
    for table, expected in {"term_booking": confirmed, "invoice": confirmed, "payment": len(told["payment"])}.items():
        if (there := count(owner, f"SELECT count(*) AS n FROM {table}")) != expected:
            yield f"{expected} rows of {table} were acknowledged, there are {there}"


def _replays_failing(http: httpx.Client, asks: Sequence[Ask]) -> Iterator[str]:
    """Asking again with the same key gives the same answer, and does nothing."""
    for ask in asks:
        headers = {"Authorization": f"Bearer {ask.token}", "Idempotency-Key": ask.key}
        again = http.request(ask.method, ask.path, json=ask.body, headers=headers)
        answer = again.json()
        for body in (answer, ask.answer):
            body.pop("request_id", None)
        if (again.status_code, answer) != (ask.status, ask.answer) or "idempotent-replayed" not in again.headers:
            was = f"{ask.status} {ask.answer}"
            yield f"{ask.method} {ask.path} asked again: {again.status_code} {again.text}, was {was}"
