"""Invoice runs: everything that is planned through a day, previewed, issued once, in sets, by any number of workers.

A run is begun by somebody of finance who has seen its figures, or by the worker on the day on which invoices are due.
It has no state besides its row: what it still has to issue is what is still due, so a crash loses nothing and issues
nothing twice. An organisation has one run at a time.
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from time import sleep
from uuid import UUID

from engine.actor import SYSTEM, Actor
from engine.database import Database, Row, Transaction
from engine.errors import Invalid, NotFound, Reason
from engine.fire import Refused
from engine.ids import new_id
from models import InvoiceRun, InvoiceRunStatus
from workflows.period_due import due_accounts, read_due
from workflows.period_invoices import IssuedSet, issue_set

Accounts = Sequence[UUID]

# Accounts of one write: enough to share the round trips, few enough that nobody waits long for the counter.
SET = 200
_PREVIEW_AT_ONCE = 1000
# A worker that is to stop does so between two turns.
_SETS_A_TURN = 5
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class PeriodPreview:
    """What a run would issue for one period."""

    period_from: date
    period_until: date
    invoices: int
    total_minor: int


@dataclass(frozen=True, slots=True)
class RunPreview:
    """What a run through that day would issue now; the fingerprint stands for every figure of it."""

    through: date
    invoices: int
    lines: int
    total_minor: int
    settled_minor: int  # is paid already
    waived: int  # suspended sessions that are not billed
    dropped: int  # sessions that were given up or closed
    periods: tuple[PeriodPreview, ...]
    fingerprint: str


@dataclass(slots=True)
class _Sums:
    invoices: int = 0
    total_minor: int = 0


@dataclass(slots=True)
class _Counting:
    lines: int = 0
    settled_minor: int = 0
    waived: int = 0
    dropped: int = 0
    periods: dict[tuple[date, date], _Sums] = field(default_factory=dict)
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)


def preview_run(tx: Transaction, *, through: date) -> RunPreview:
    """Count what is due through that local day; nothing is locked or written."""
    counted = _Counting()
    for accounts in _parted(due_accounts(tx, through=through), _PREVIEW_AT_ONCE):
        _count(tx, counted, accounts, through)
    periods = tuple(PeriodPreview(*period, sums.invoices, sums.total_minor)
                    for period, sums in sorted(counted.periods.items()))  # fmt: skip
    return RunPreview(
        through, sum(p.invoices for p in periods), counted.lines, sum(p.total_minor for p in periods),
        counted.settled_minor, counted.waived, counted.dropped, periods, counted.digest.hexdigest()[:32],
    )  # fmt: skip


def _count(tx: Transaction, counted: _Counting, accounts: Accounts, through: date) -> None:
    free: dict[UUID, int] = {}
    for period in read_due(tx, through=through, account_ids=accounts):
        moves = [status for _, status in period.moves]
        counted.waived += sum(status == "WAIVED" for status in moves)
        counted.dropped += sum(status == "DROPPED" for status in moves)
        total = period.net_minor + period.tax_minor
        counted.digest.update(repr((str(period.schedule_id), len(period.billed), total)).encode())
        if not period.billed:
            continue
        left = free.setdefault(period.booking_id, sum(p["free_minor"] for p in period.head["payments"]))
        free[period.booking_id] = max(left - total, 0)
        counted.settled_minor += min(left, total)
        counted.lines += len(period.billed)
        sums = counted.periods.setdefault((period.period_from, period.period_until), _Sums())
        sums.invoices += 1
        sums.total_minor += total


_RUNS = """
SELECT r.id, r.through, r.status, r.previewed_invoices, r.previewed_minor, r.made_by, r.user_id, r.started_at,
       r.finished_at, i.invoices, i.total_minor
FROM invoice_run r
CROSS JOIN LATERAL (
    SELECT count(*)::int AS invoices, coalesce(sum(v.total_minor), 0)::bigint AS total_minor
    FROM invoice v WHERE v.organisation_id = r.organisation_id AND v.run_id = r.id) i
WHERE r.organisation_id = %(org)s
"""


def read_run(tx: Transaction, run_id: UUID) -> Row:
    """A run with what it has issued so far. Raises NotFound."""
    found = tx.row(f"{_RUNS} AND r.id = %(id)s", id=run_id)
    if found is None:
        raise NotFound("There is no such invoice run.", what="invoice run")
    return found


def open_run(tx: Transaction) -> Row | None:
    """The run that is under way."""
    return tx.row(f"{_RUNS} AND r.status = 'RUNNING'")


def begin_run(tx: Transaction, *, through: date, fingerprint: str, actor: Actor, now: datetime) -> Row:
    """Begin the run whose preview was seen.

    Raises Invalid (nothing is due), Refused (a run is under way; the preview is another by now).
    """
    if (other := open_run(tx)) is not None:
        message = f"A run through {other['through']:%d %b %Y} is under way; look again when it is done."
        facts = {"run_id": str(other["id"])}
        raise Refused(message, reasons=[Reason("run_under_way", message, rule="one_run_at_a_time", facts=facts)])
    seen = preview_run(tx, through=through)
    if not seen.invoices:
        message = f"Nothing is to be invoiced through {through:%d %b %Y}."
        raise Invalid(message, reasons=[Reason("nothing_due", message, field="through")])
    if seen.fingerprint != fingerprint:
        message = "The run has changed since it was previewed; look at it again."
        raise Refused(message, reasons=[
            Reason("preview_stale", message, field="fingerprint", rule="preview_as_shown",
                   facts={"fingerprint": seen.fingerprint, "invoices": seen.invoices,
                          "total_minor": seen.total_minor})])  # fmt: skip
    run_id = _write_run(tx, seen, actor=actor, now=now)
    if run_id is None:
        message = "Another run was begun meanwhile; look at it first."
        raise Refused(message, reasons=[Reason("run_under_way", message, rule="one_run_at_a_time")])
    return read_run(tx, run_id)


def _write_run(tx: Transaction, seen: RunPreview, *, actor: Actor, now: datetime) -> UUID | None:
    """The row of a run; None where another is under way."""
    found = tx.row(
        f"""
        INSERT INTO {InvoiceRun.__tablename__} (organisation_id, id, through, status, previewed_invoices,
            previewed_minor, made_by, user_id, started_at)
        VALUES (%(org)s, %(id)s, %(through)s, %(status)s, %(invoices)s, %(total)s, %(made_by)s, %(user_id)s, %(now)s)
        ON CONFLICT (organisation_id) WHERE status = 'RUNNING' DO NOTHING RETURNING id
        """,
        id=new_id(), through=seen.through, status=InvoiceRunStatus.RUNNING.value, invoices=seen.invoices,
        total=seen.total_minor, made_by=actor.kind.value, user_id=actor.user_id, now=now,
    )  # fmt: skip
    return found["id"] if found else None


_FINISH = """
UPDATE invoice_run SET status = 'DONE', finished_at = %(now)s
WHERE organisation_id = %(org)s AND id = %(id)s AND status = 'RUNNING'
"""


def next_sets(
    tx: Transaction, *, run_id: UUID, now: datetime, of: int = SET, most: int | None = None
) -> list[Accounts]:
    """The accounts of which a run still has to issue something, in sets of so many, at most `most` of these. A run
    with nothing left to issue is done.
    """
    run = _running(tx, run_id)
    if run is None:
        return []
    due = due_accounts(tx, through=run["through"], most=None if most is None else of * most)
    if not due:
        tx.run(_FINISH, id=run_id, now=now)
    return _parted(due, of)


def proceed(tx: Transaction, *, run_id: UUID, account_ids: Accounts, now: datetime) -> IssuedSet:
    """Issue a set of a run, in the caller's transaction: the oldest invoice due of each booking. What others hold at
    the moment is left, and a run that is done issues nothing.
    """
    run = _running(tx, run_id)
    if run is None:
        return IssuedSet([], 0)
    return issue_set(tx, account_ids=account_ids, now=now, through=run["through"], run_id=run_id)


def _running(tx: Transaction, run_id: UUID) -> Row | None:
    return tx.row("SELECT through FROM invoice_run WHERE organisation_id = %(org)s AND id = %(id)s "
                  "AND status = 'RUNNING'", id=run_id)  # fmt: skip


def _parted(account_ids: Accounts, of: int) -> list[Accounts]:
    return [account_ids[start : start + of] for start in range(0, len(account_ids), of)]


def finish(
    database: Database, organisation_id: UUID, *, run_id: UUID, now: datetime, workers: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> Row:  # fmt: skip
    """Issue all of a run, set by set, each in a transaction of its own, by `workers` at once: while one waits for the
    database, another prepares its set. `progress` is told how many are issued.
    """
    issued = database.run(organisation_id, lambda tx: read_run(tx, run_id))["invoices"]

    def issue(account_ids: Accounts) -> IssuedSet:
        return database.run(
            organisation_id, lambda tx: proceed(tx, run_id=run_id, account_ids=account_ids, now=now)
        )  # fmt: skip

    with ThreadPoolExecutor(workers) as pool:
        while sets := database.run(organisation_id, lambda tx: next_sets(tx, run_id=run_id, now=now)):
            settled = 0
            for made in pool.map(issue, sets):
                issued, settled = issued + len(made.invoices), settled + made.settled
                progress(issued)
            if not settled:
                sleep(_PAUSE_SECONDS)  # somebody else holds what is left
    run = database.run(organisation_id, lambda tx: read_run(tx, run_id))
    progress(run["invoices"])
    return run


def issue_due_invoices(database: Database, *, now: datetime, batch: int = SET) -> int:
    """The worker's turn: in each organisation go on with the run that is under way, or begin one where invoices are due
    today, and issue some sets of it. Returns how many were issued; run as often as you like, each is issued once.
    """
    issued = 0
    for organisation_id in database.organisations():
        run_id = database.run(organisation_id, lambda tx: _run_today(tx, now=now))
        if run_id is not None:
            issued += _turn(database, organisation_id, run_id, now=now, batch=batch)
    return issued


def _turn(database: Database, organisation_id: UUID, run_id: UUID, *, now: datetime, batch: int) -> int:
    sets = database.run(
        organisation_id, lambda tx: next_sets(tx, run_id=run_id, now=now, of=batch, most=_SETS_A_TURN)
    )  # fmt: skip
    issue = partial(proceed, run_id=run_id, now=now)
    return sum(len(database.run(organisation_id, partial(issue, account_ids=accounts)).invoices) for accounts in sets)


def _run_today(tx: Transaction, *, now: datetime) -> UUID | None:
    """The run that is under way, or a new one where invoices are due today."""
    run = open_run(tx)
    if run is not None:
        run_id: UUID = run["id"]
        return run_id
    local = tx.row("SELECT (%(now)s AT TIME ZONE time_zone)::date AS today FROM organisation WHERE id = %(org)s",
                   now=now)  # fmt: skip
    if local is None or not due_accounts(tx, through=local["today"], most=1):
        return None
    return _write_run(tx, preview_run(tx, through=local["today"]), actor=SYSTEM, now=now)
