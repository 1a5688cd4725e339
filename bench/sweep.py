"""Ten sweepers at once over overdue orders, against the same rows written by one bare SQL statement per batch.

Both sides take a batch of due orders of one organisation with SKIP LOCKED, cancel them and commit; the floor decides
nothing. They run in turn, each on orders of its own, and are asserted to leave the same rows.
"""

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from bench.world import NOW, Organisation, make_carts
from engine.database import Database
from engine.timers import sweep as sweep_timers
from engine.worker import keep_what_is_loaded
from workflows.timeouts import handlers

SWEEPERS = 10
SIDES = ("floor", "engine")
ROUNDS = 3
# As many orders as a sweep takes at once.
_BATCH = 100
_BAR = 0.3
_DUE = NOW


@dataclass(frozen=True, slots=True)
class Swept:
    """How many timeouts one side fired in a round, and how long that took."""

    fired: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.fired / self.seconds


@dataclass(frozen=True, slots=True)
class Overdue:
    """Where there is something to sweep, and who sweeps."""

    owner: psycopg.Connection[Any]
    url: str
    role: str
    organisations: list[Organisation]


def measure(overdue: Overdue, *, orders: int, sessions: int) -> dict[str, list[Swept]]:
    """So many overdue orders for each side, in rounds; who begins changes from round to round."""
    swept: dict[str, list[Swept]] = {side: [] for side in SIDES}
    chance = random.Random(2026)
    with _sweepers(overdue) as run:
        for turn in range(ROUNDS):
            for side in SIDES if turn % 2 == 0 else reversed(SIDES):
                make_carts(overdue.owner, overdue.organisations, sessions=sessions, number=orders // ROUNDS,
                           chance=chance)  # fmt: skip
                _submit(overdue.owner)
                swept[side].append(run(side, _DUE))
                assert swept[side][-1].fired == orders // ROUNDS, "each fires once"
                _compare(overdue.owner)
    return swept


def show(console: Console, swept: dict[str, list[Swept]], *, sessions: int) -> None:
    """Print the rates, and the ratio beside its bar."""
    ratio = median(mine.rate / floor.rate for mine, floor in zip(swept["engine"], swept["floor"], strict=True))
    orders = sum(round_.fired for round_ in swept["engine"])
    table = Table(title=f"{orders} overdue orders of {sessions} sessions, {SWEEPERS} sweepers at once",
                  title_justify="left")  # fmt: skip
    for heading in ("", "timeouts/s", "ratio", "bar"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("floor", f"{median(round_.rate for round_ in swept['floor']):.0f}", "1", "")
    colour = "green" if ratio >= _BAR else "red"
    table.add_row("engine", f"{median(round_.rate for round_ in swept['engine']):.0f}", f"[{colour}]{ratio:.2f}[/]",
                  f"≥ {_BAR}")  # fmt: skip
    console.print(table)


# --- what is swept ---

_SUBMIT = (
    """INSERT INTO billing_group (organisation_id, id, account_id, term_id, last_version, created_at)
    SELECT organisation_id, gen_random_uuid(), account_id, term_id, 1, %(now)s FROM term_booking_order
    WHERE status = 200""",
    """INSERT INTO billing
        (organisation_id, id, group_id, version, order_id, is_void, net_minor, tax_minor, total_minor, fingerprint,
         created_at)
    SELECT o.organisation_id, gen_random_uuid(), g.id, 1, o.id, false, o.total_minor, 0, o.total_minor, 'f', %(now)s
    FROM term_booking_order o JOIN billing_group g USING (organisation_id, account_id, term_id) WHERE o.status = 200""",
    """INSERT INTO place_claim (organisation_id, id, order_id, attendee_id, attendee_key, term_product_id, order_type,
                             takes_place, blocks_time, during, held_since, is_seated)
    SELECT o.organisation_id, gen_random_uuid(), o.id, o.attendee_id, a.claim_key, s.id, 0, true, true,
           tstzrange(s.starts_at, s.ends_at), %(now)s, false
    FROM term_booking_order o
    JOIN attendee a ON a.organisation_id = o.organisation_id AND a.id = o.attendee_id
    JOIN term_booking_order_line l ON l.organisation_id = o.organisation_id AND l.order_id = o.id
    JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
    WHERE o.status = 200""",
    """UPDATE term_product s SET taken = c.places FROM (
        SELECT organisation_id, term_product_id, count(*) AS places FROM place_claim GROUP BY 1, 2) c
    WHERE s.organisation_id = c.organisation_id AND s.id = c.term_product_id""",
    """INSERT INTO timer (organisation_id, id, kind, subject_id, due_at, status)
    SELECT organisation_id, gen_random_uuid(), 'AUTO_CANCEL', id, %(due)s, 'ARMED' FROM term_booking_order
    WHERE status = 200""",
    """INSERT INTO status_event (organisation_id, id, chart, subject_id, sequence, trigger, from_status, to_status,
                              actor_kind, reason, changes, at)
    SELECT organisation_id, gen_random_uuid(), 'term_booking_order', id, 3, 'submit', 200, 300, 'FAMILY', '', '{}',
           %(now)s
    FROM term_booking_order WHERE status = 200""",
    """UPDATE term_booking_order o SET status = 300, version = 3, confirmation_type = 201, submitted_at = %(now)s,
        group_id = b.group_id, billing_id = b.id
    FROM billing b WHERE b.organisation_id = o.organisation_id AND b.order_id = o.id AND o.status = 200""",
)


def _submit(owner: psycopg.Connection[Any]) -> None:
    """Every saved cart becomes an order that holds its places and is overdue."""
    for statement in _SUBMIT:
        owner.execute(statement, {"now": NOW, "due": _DUE})
    owner.execute("VACUUM ANALYZE timer, term_booking_order, place_claim, billing_group, term_product, status_event")


def _compare(owner: psycopg.Connection[Any]) -> None:
    """Both sides leave the same rows: nothing is held or armed, and each cancelled order has one of each."""
    found = owner.execute("""
        SELECT (SELECT count(*) FROM timer WHERE status = 'ARMED'),
               (SELECT count(*) FROM term_booking_order o JOIN place_claim c ON c.organisation_id = o.organisation_id
                    AND c.order_id = o.id WHERE o.status = 900),
               (SELECT count(*) FROM status_event WHERE trigger = 'cancel') - n,
               (SELECT count(*) FROM billing WHERE is_void) - n,
               (SELECT count(*) FROM outbox_message WHERE topic = 'order.canceled') - n,
               (SELECT sum(taken) FROM term_product) - (SELECT count(*) FROM place_claim)
        FROM (SELECT count(*) AS n FROM term_booking_order WHERE status = 900) canceled
    """).fetchone()
    assert found == (0, 0, 0, 0, 0, 0), f"a side leaves other rows: {found}"


# --- who sweeps ---

_FLOOR = """
WITH due AS MATERIALIZED (
    SELECT t.id AS timer_id, t.due_at, o.id AS order_id, o.group_id, o.reference, o.version
    FROM timer t JOIN term_booking_order o ON o.organisation_id = t.organisation_id AND o.id = t.subject_id
    WHERE t.organisation_id = %(org)s AND o.organisation_id = %(org)s AND t.kind = 'AUTO_CANCEL'
      AND t.status = 'ARMED' AND t.due_at <= %(now)s
    ORDER BY t.due_at LIMIT %(batch)s FOR NO KEY UPDATE OF o SKIP LOCKED
), settled AS (
    UPDATE timer t SET status = 'FIRED', settled_at = %(now)s FROM due
    WHERE t.organisation_id = %(org)s AND t.id = due.timer_id AND t.status = 'ARMED' RETURNING due.*
), gone AS (
    DELETE FROM place_claim c USING settled WHERE c.organisation_id = %(org)s AND c.order_id = settled.order_id
    RETURNING c.order_id, c.term_product_id
), freed AS (
    UPDATE term_product s SET taken = s.taken - locked.places FROM (
        SELECT p.id, g.places FROM (SELECT term_product_id, count(*) AS places FROM gone GROUP BY 1) g
        JOIN term_product p ON p.organisation_id = %(org)s AND p.id = g.term_product_id
        ORDER BY p.id FOR NO KEY UPDATE OF p) locked
    WHERE s.organisation_id = %(org)s AND s.id = locked.id
), bumped AS (
    UPDATE billing_group b SET last_version = b.last_version + 1 FROM settled
    WHERE b.organisation_id = %(org)s AND b.id = settled.group_id RETURNING b.id, b.last_version
), voided AS (
    INSERT INTO billing (organisation_id, id, group_id, version, order_id, is_void, net_minor, tax_minor, total_minor,
                         fingerprint, created_at)
    SELECT %(org)s, gen_random_uuid(), b.id, b.last_version, settled.order_id, true, 0, 0, 0, 'void', %(now)s
    FROM settled JOIN bumped b ON b.id = settled.group_id RETURNING id, order_id
), moved AS (
    UPDATE term_booking_order o SET status = 900, version = o.version + 1, updated_at = %(now)s,
        billing_id = voided.id, cancel_reason = 'timeout'
    FROM voided WHERE o.organisation_id = %(org)s AND o.id = voided.order_id
), noted AS (
    INSERT INTO status_event (organisation_id, id, chart, subject_id, sequence, trigger, from_status, to_status,
                              actor_kind, reason, changes, at)
    SELECT %(org)s, gen_random_uuid(), 'term_booking_order', settled.order_id, settled.version + 1, 'cancel', 300, 900,
           'SYSTEM', 'timeout', jsonb_build_object('due_at', settled.due_at, 'released', cardinality(g.ids),
                                                   'places_released', g.ids), %(now)s
    FROM settled JOIN (SELECT order_id, array_agg(term_product_id) AS ids FROM gone GROUP BY 1) g USING (order_id)
), told AS (
    INSERT INTO outbox_message (organisation_id, id, topic, payload, created_at)
    SELECT %(org)s, gen_random_uuid(), 'order.canceled',
           jsonb_build_object('subject_id', order_id, 'reference', reference), %(now)s FROM settled
)
SELECT count(*) AS fired FROM settled
"""


def _sweep_floor(database: Database, now: datetime) -> int:
    fired = 0
    with database.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT organisations_with_due_timers(%s)", (now,))
        organisations = [row[0] for row in found]
    random.shuffle(organisations)
    for organisation_id in organisations:
        while True:
            with database.transaction(organisation_id) as tx:
                done = tx.row(_FLOOR, now=now, batch=_BATCH)
            assert done is not None
            if not done["fired"]:
                break
            fired += done["fired"]
    return fired


def _sweep_engine(database: Database, now: datetime) -> int:
    return sweep_timers(database, now=now, handlers=handlers(), batch=_BATCH)


_SWEEP: dict[str, Callable[[Database, datetime], int]] = {"floor": _sweep_floor, "engine": _sweep_engine}


@contextmanager
def _sweepers(overdue: Overdue) -> Iterator[Callable[[str, datetime], Swept]]:
    """Processes that sweep at the same moment; gives what lets them do it once."""
    context = multiprocessing.get_context("spawn")
    pipes: list[Connection] = []
    processes = []
    for _ in range(SWEEPERS):
        here, there = context.Pipe()
        processes.append(context.Process(target=_serve, args=(there, overdue.url, overdue.role), daemon=True))
        processes[-1].start()
        pipes.append(here)

    def run(side: str, now: datetime) -> Swept:
        start_at = time.monotonic() + 0.2
        for pipe in pipes:
            pipe.send((side, now, start_at))
        told: list[tuple[int, float]] = [pipe.recv() for pipe in pipes]
        return Swept(sum(fired for fired, _ in told), max(ended for _, ended in told) - start_at)

    try:
        yield run
    finally:
        for pipe in pipes:
            pipe.send(None)
        for process in processes:
            process.join(10)


def _serve(pipe: Connection, url: str, role: str) -> None:
    """The whole life of a sweeper process."""
    keep_what_is_loaded()
    database = Database(url, app_role=role, pool_size=1)
    while (given := pipe.recv()) is not None:
        side, now, start_at = given
        time.sleep(max(start_at - time.monotonic(), 0))
        fired = _SWEEP[side](database, now)
        pipe.send((fired, time.monotonic()))
    database.close()
