"""Invoice runs: previewed, begun once, finished by whoever is up; numbers without a gap, whoever issues and dies."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier
from typing import Any
from uuid import UUID

import psycopg
import pytest

from engine import batch as batches
from engine.actor import Actor
from engine.database import Database
from engine.errors import Invalid
from engine.ids import new_id
from models import ActorKind, DocumentSeries
from tests.workflows.centre import Cart, Centre, Family, How, make_centre, refused, sundays
from tests.workflows.endings import cancel
from workflows.invoice_runs import begin_run, finish, issue_due_invoices, preview_run, proceed, read_run
from workflows.period_invoices import issue_due

MAY = {"invoicing": "PERIOD_IN_ADVANCE", "confirmation_types": [how.name for how in How]}
DUE = datetime(2026, 4, 24, 14, tzinfo=UTC)  # seven days before May
THROUGH = date(2026, 4, 24)
ISSUERS = 64


@pytest.fixture
def centre(checked_database: Database, database_url: str) -> Centre:
    return make_centre(checked_database, database_url, name=f"Riverside {new_id()}")


@pytest.fixture
def finance() -> Actor:
    return Actor(ActorKind.FINANCE, user_id=new_id())


def booked(centre: Centre, families: int) -> list[Cart]:
    """So many families, each with two Sundays in May that are to be invoiced."""
    course = centre.course(*sundays(7), rules=MAY, capacity=families + 5)
    made = []
    for n in range(families):
        family: Family = centre.family(f"Family {n}", credit_limit_minor=100_000)
        made.append(centre.confirmed(family, family.child(f"Child {n}"), course.lines(3, 4)))
    return made


def numbers(centre: Centre) -> list[int]:
    return [row["number"] for row in centre.rows("SELECT number FROM invoice ORDER BY number")]


class TestRun:
    def test_is_previewed_begun_and_finished_once(self, centre: Centre, finance: Actor) -> None:
        booked(centre, 5)
        before = centre.snapshot()
        seen = centre.do(lambda tx, now: preview_run(tx, through=THROUGH))
        assert centre.snapshot() == before
        assert (seen.invoices, seen.lines, seen.total_minor) == (5, 10, 5 * 2260)
        assert [(p.period_from, p.invoices) for p in seen.periods] == [(date(2026, 5, 1), 5)]

        run = centre.do(begin_run, through=THROUGH, fingerprint=seen.fingerprint, actor=finance, now=DUE)
        told: list[int] = []
        done = finish(centre.database, centre.organisation_id, run_id=run["id"], now=DUE, progress=told.append)

        assert (done["status"], done["invoices"], done["total_minor"], told[-1]) == ("DONE", 5, 5 * 2260, 5)
        issue_due_invoices(centre.database, now=DUE)
        assert numbers(centre) == [1, 2, 3, 4, 5]

    def test_early_for_a_period_to_come(self, centre: Centre, finance: Actor) -> None:
        booked(centre, 1)
        assert centre.do(lambda tx, now: preview_run(tx, through=date(2026, 4, 23))).invoices == 0

        seen = centre.do(lambda tx, now: preview_run(tx, through=THROUGH))
        run = centre.do(begin_run, through=THROUGH, fingerprint=seen.fingerprint, actor=finance)
        finish(centre.database, centre.organisation_id, run_id=run["id"], now=datetime(2026, 4, 2, 14, tzinfo=UTC))

        assert centre.one("SELECT issued_on FROM invoice")["issued_on"] == date(2026, 4, 2)

    def test_nobody_begins_one_that_they_did_not_see(self, centre: Centre, finance: Actor) -> None:
        first, *_ = booked(centre, 2)
        seen = centre.do(lambda tx, now: preview_run(tx, through=THROUGH))
        centre.do(cancel, booking_id=centre.booking(first)["id"], actor=centre.admin, reason="moved away")

        (reason,) = refused(lambda: centre.do(begin_run, through=THROUGH, fingerprint=seen.fingerprint, actor=finance))

        assert (reason.code, reason.facts["invoices"]) == ("preview_stale", 1)
        assert not centre.rows("SELECT id FROM invoice_run")

    def test_one_at_a_time(self, centre: Centre, finance: Actor) -> None:
        booked(centre, 1)
        seen = centre.do(lambda tx, now: preview_run(tx, through=THROUGH))
        known = {"through": THROUGH, "fingerprint": seen.fingerprint, "actor": finance, "now": DUE}
        run = centre.do(begin_run, **known)

        assert [reason.code for reason in refused(lambda: centre.do(begin_run, **known))] == ["run_under_way"]

        issue_due_invoices(centre.database, now=DUE)  # the worker goes on with it
        assert numbers(centre) == [1]
        issue_due_invoices(centre.database, now=DUE)
        assert centre.do(lambda tx, now: read_run(tx, run["id"]))["status"] == "DONE"
        with pytest.raises(Invalid) as refusal:
            centre.do(begin_run, **known)
        assert refusal.value.reasons[0].code == "nothing_due"

    def test_the_worker_begins_one_by_itself_where_invoices_are_due(self, centre: Centre) -> None:
        booked(centre, 3)

        issue_due_invoices(centre.database, now=DUE)
        issue_due_invoices(centre.database, now=DUE)

        run = centre.one("SELECT * FROM invoice_run")
        assert (run["made_by"], run["status"], run["previewed_invoices"]) == ("SYSTEM", "DONE", 3)
        assert {row["run_id"] for row in centre.rows("SELECT run_id FROM invoice")} == {run["id"]}

    def test_workers_at_once_issue_each_once(self, centre: Centre) -> None:
        booked(centre, 12)

        def work(_: int) -> int:
            return issue_due_invoices(centre.database, now=DUE, batch=3)

        with ThreadPoolExecutor(4) as pool:
            sum(pool.map(work, range(8)))
        while issue_due_invoices(centre.database, now=DUE):
            pass

        assert numbers(centre) == list(range(1, 13))


class TestNumbers:
    """Gapless per organisation, series and year, whoever issues at once and whoever dies."""

    def test_64_issuers_at_once(self, centre: Centre) -> None:
        failed = _issue_at_once(centre, booked(centre, ISSUERS))

        assert failed == []
        assert numbers(centre) == list(range(1, ISSUERS + 1))

    @pytest.mark.usefixtures("time_to_meet")
    def test_without_the_locked_counter_they_take_the_same_one(
        self, centre: Centre, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control: the next number read from the documents, as one would without a counter."""
        carts, locked = booked(centre, 16), batches._statement.__wrapped__

        def unlocked(*shape: Any) -> str:
            sql: str = locked(*shape)
            if "document_counter" not in sql:
                return sql
            counter = batches._counter(DocumentSeries.INVOICE)
            start, end = sql.index("INSERT INTO document_counter"), sql.index("RETURNING last_number)")
            newest = "SELECT coalesce(max(number), 0) FROM invoice WHERE organisation_id = %(org)s::uuid"
            sql = f"{sql[:start]}SELECT ({newest}) + %({counter}_count)s::bigint AS last_number)" \
                  f"{sql[end + len('RETURNING last_number)'):]}"  # fmt: skip
            # What the real one is given, so that the parameters stay the same.
            return f"{sql}, %({counter}_id)s::uuid AS i, %({counter}_series)s::text AS s, %({counter}_year)s::int AS y"

        monkeypatch.setattr(batches, "_statement", unlocked)

        failed = _issue_at_once(centre, carts)
        monkeypatch.undo()

        # The unique number is the second guard: who took one that is taken is thrown out, and nothing is written.
        assert failed
        assert {type(error) for error in failed} == {psycopg.errors.UniqueViolation}
        # The counter knows nothing of what was numbered past it.
        centre.run("INSERT INTO document_counter (organisation_id, id, series, year, last_number) "
                   "SELECT %(org)s, %(id)s, 'INV', 2026, max(number) FROM invoice", id=new_id())  # fmt: skip

    def test_a_worker_that_is_killed_leaves_no_gap(self, centre: Centre) -> None:
        booked(centre, 40)
        killed_at = []
        for _ in range(3):
            with _issuer(centre) as process:
                until, before = time.monotonic() + 60, len(numbers(centre))
                while len(numbers(centre)) <= before and time.monotonic() < until and process.poll() is None:
                    time.sleep(0.002)
                process.send_signal(signal.SIGKILL)
                process.wait()
            killed_at.append(len(numbers(centre)))

        while issue_due_invoices(centre.database, now=DUE):
            pass

        assert killed_at[0] < 40, "it was killed in the middle"
        assert numbers(centre) == list(range(1, 41))
        assert {row["status"] for row in centre.rows("SELECT status FROM invoice_run")} == {"DONE"}

    def test_a_write_that_is_undone_gives_its_number_back(self, centre: Centre) -> None:
        first, second = booked(centre, 2)

        def fails(tx: Any, *, now: datetime) -> None:
            issue_due(tx, booking_id=centre.booking(first)["id"], now=DUE)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            centre.do(fails)
        centre.do(issue_due, booking_id=centre.booking(second)["id"], now=DUE)
        centre.do(issue_due, booking_id=centre.booking(first)["id"], now=DUE)

        assert numbers(centre) == [1, 2]

    def test_each_year_begins_with_one(self, centre: Centre) -> None:
        course = centre.course(*sundays(3), rules={"invoicing": "PERIOD_IN_ARREARS"})
        family = centre.family()
        centre.confirmed(family, family.child(), centre.course(*sundays(1)).lines())
        later = centre.family("Chen family")
        centre.confirmed(later, later.child("Lin Chen"), course.lines(0))

        issue_due_invoices(centre.database, now=datetime(2027, 1, 2, 14, tzinfo=UTC))

        assert [(row["year"], row["number"]) for row in centre.rows("SELECT year, number FROM invoice ORDER BY year")] \
            == [(2026, 1), (2027, 1)]  # fmt: skip


class TestRunMoves:
    def test_a_run_that_is_done_issues_nothing(self, centre: Centre) -> None:
        booked(centre, 1)
        issue_due_invoices(centre.database, now=DUE)
        issue_due_invoices(centre.database, now=DUE)
        run, (cart,) = centre.one("SELECT id FROM invoice_run")["id"], booked(centre, 1)

        late = centre.do(proceed, run_id=run, account_ids=[centre.booking(cart)["account_id"]], now=DUE)

        assert (late.invoices, late.settled) == ([], 0)
        assert numbers(centre) == [1]

    def test_what_is_confirmed_later_is_issued_by_the_next(self, centre: Centre) -> None:
        booked(centre, 1)
        issue_due_invoices(centre.database, now=DUE)
        issue_due_invoices(centre.database, now=DUE)
        booked(centre, 1)

        issue_due_invoices(centre.database, now=DUE)
        issue_due_invoices(centre.database, now=DUE)

        assert centre.one("SELECT count(*) AS n FROM invoice_run")["n"] == 2
        assert numbers(centre) == [1, 2]


def _issue_at_once(centre: Centre, carts: list[Cart]) -> list[Exception]:
    """Every booking's invoice in a transaction of its own, all at the same moment; returns what failed."""
    ids: list[UUID] = [centre.booking(cart)["id"] for cart in carts]
    database = Database(centre.url, pool_size=len(ids))
    start = Barrier(len(ids))

    def issue(booking_id: UUID) -> Exception | None:
        def verb(tx: Any) -> None:
            tx.rows("SELECT 1 AS one")  # connected before the start
            if not tries:
                start.wait(60)
            tries.append(1)
            issue_due(tx, booking_id=booking_id, now=DUE)

        tries: list[int] = []
        try:
            database.run(centre.organisation_id, verb)
        except psycopg.Error as error:
            return error
        return None

    try:
        with ThreadPoolExecutor(len(ids)) as pool:
            return [error for error in pool.map(issue, ids) if error is not None]
    finally:
        database.close()


class _Issuer:
    def __init__(self, centre: Centre) -> None:
        self.command = [sys.executable, "-m", "tests.workflows.issuer_process", centre.url, DUE.isoformat()]

    def __enter__(self) -> "subprocess.Popen[bytes]":
        self.process = subprocess.Popen(self.command)
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def _issuer(centre: Centre) -> _Issuer:
    return _Issuer(centre)
