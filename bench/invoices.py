"""`python -m bench.invoices`: two runs over 10,000 planned invoices each, and the PDFs of some of them afterwards.

Each booking has ten sessions, of which four stand on the invoice of April and six on that of May; a third of the
families has paid ahead. The first run finds no invoice in its database and no statistics of any, the next finds both.
The rows before the runs are written in sets and are not measured. At the end the numbers are looked at: 1, 2, 3 … and
the books: what is owed is what was invoiced less what is paid.
"""

import os
import random
import tempfile
import time
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import psutil  # type: ignore[import-untyped]
import psycopg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.database import own_database
from bench.world import NOW, build_world, make_carts
from engine.actor import Actor
from engine.database import Database
from engine.settings import settings
from engine.worker import keep_what_is_loaded
from invoicing.document import DocumentKind
from invoicing.pdf import render_files
from models import ActorKind
from workflows.document_sets import Chosen, find_documents, read_documents
from workflows.invoice_runs import begin_run, finish, preview_run

_FIRST, _NEXT = date(2026, 4, 1), date(2026, 4, 24)
_DUE_SESSIONS = 4
_INVOICES_BAR, _PDFS_BAR = 500, 8


def main(
    invoices: Annotated[int, typer.Option(min=10, help="So many are due.")] = 10_000,
    pdfs: Annotated[int, typer.Option(min=0, help="So many of them are laid out afterwards.")] = 200,
) -> None:
    """Measure two runs, and the PDFs of their invoices."""
    console = Console()
    with own_database(settings()) as url, psycopg.connect(url, autocommit=True) as owner:
        with console.status(f"Making {invoices} confirmed bookings"):
            organisation = build_world(owner)[0]
            make_carts(owner, [organisation], sessions=10, number=invoices, chance=random.Random(7))
            confirm_carts(owner)
        database = Database(url, app_role=settings().app_role, pool_size=4)
        try:
            for run, through in (("First run", _FIRST), ("Next run", _NEXT)):
                seconds, previewed, cpu = issue_planned(console, database, organisation.id, owner, through=through)
                of_cpu = "" if cpu is None else f", {invoices / cpu:.0f} a second of CPU, the server's included"
                console.print(f"{run}: preview {previewed:.2f} s; {invoices} invoices in {seconds:.2f} s: [bold]"
                              f"{invoices / seconds:.0f} a second[/]{of_cpu} (bar {_INVOICES_BAR}).")  # fmt: skip
            _look(owner, 2 * invoices)
            if pdfs:
                _lay_out(console, database, organisation.id, pdfs)
        finally:
            database.close()


def issue_planned(
    console: Console, database: Database, organisation_id: UUID, owner: psycopg.Connection[Any], *,
    through: date = _FIRST,
) -> tuple[float, float, float | None]:  # fmt: skip
    """Seconds of the run and of its preview, and the CPU of the run, ours and the server's, where that can be seen."""
    actor, run_at = Actor(ActorKind.FINANCE), datetime.combine(through, time_of_day(14), UTC)
    keep_what_is_loaded()
    begun = time.perf_counter()
    seen = database.run(organisation_id, lambda tx: preview_run(tx, through=through))
    previewed = time.perf_counter() - begun
    run = database.run(
        organisation_id,
        lambda tx: begin_run(tx, through=through, fingerprint=seen.fingerprint, actor=actor, now=run_at),
    )
    with _bar(console) as bar:
        task = bar.add_task("Invoices", total=seen.invoices)
        begun, before = time.perf_counter(), _cpu_seconds(owner)
        finish(database, organisation_id, run_id=run["id"], now=run_at, workers=os.cpu_count() or 1,
               progress=lambda done: bar.update(task, completed=done))  # fmt: skip
        seconds, after = time.perf_counter() - begun, _cpu_seconds(owner)
    return seconds, previewed, None if before is None or after is None else after - before


def _cpu_seconds(owner: psycopg.Connection[Any]) -> float | None:
    """Of this process and of the backends that work for it; None where the server is on another machine."""
    pids = [row[0] for row in owner.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")]  # fmt: skip
    try:
        times = [psutil.Process(pid).cpu_times() for pid in pids]
    except psutil.Error:
        return None
    return time.process_time() + float(sum(each.user + each.system for each in times))


def _lay_out(console: Console, database: Database, organisation_id: UUID, number: int) -> None:
    """By one process for each core, its start included; the rate is per second of CPU that they took."""
    chosen = Chosen(kind=DocumentKind.INVOICE)
    ids = database.run(organisation_id, lambda tx: find_documents(tx, chosen))[:number]
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder, _bar(console) as bar:
        task = bar.add_task("PDFs", total=len(ids))
        begun, before = time.perf_counter(), os.times()
        documents = read_documents(database, organisation_id, ids, kind=DocumentKind.INVOICE)
        for _ in render_files(documents, into=Path(folder), workers=cores):
            bar.advance(task)
        seconds, after = time.perf_counter() - begun, os.times()
    of_children = after.children_user + after.children_system - before.children_user - before.children_system
    console.print(f"{len(ids)} PDFs by {cores} processes in {seconds:.1f} s: {len(ids) / seconds / cores:.1f} a second "
                  f"and core as it went, [bold]{len(ids) / of_children:.1f}[/] a second of CPU (bar "
                  f"{_PDFS_BAR}).")  # fmt: skip


def _look(owner: psycopg.Connection[Any], invoices: int) -> None:
    """No gap, no duplicate, nothing owed that was not invoiced."""
    found = owner.execute("SELECT count(*), min(number), max(number), count(DISTINCT number) FROM invoice").fetchone()
    assert found == (invoices, 1, invoices, invoices), found
    owed = owner.execute(
        "SELECT (SELECT sum(amount_minor) FROM ledger_posting WHERE ledger_account = 'RECEIVABLE'), "
        "(SELECT sum(total_minor) FROM invoice) - (SELECT coalesce(sum(amount_minor), 0) FROM payment_allocation)"
    ).fetchone()
    assert owed is not None
    assert owed[0] == owed[1], owed


def _bar(console: Console) -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                    console=console)  # fmt: skip


# Every saved cart becomes a confirmed booking whose sessions stand on planned invoices.
_STEPS = (
    """INSERT INTO billing_group (organisation_id, id, account_id, term_id, last_version, created_at)
    SELECT organisation_id, gen_random_uuid(), account_id, term_id, 1, %(now)s FROM term_booking_order""",
    """INSERT INTO billing (organisation_id, id, group_id, version, order_id, is_void, net_minor, tax_minor,
                          total_minor, fingerprint, created_at)
    SELECT o.organisation_id, gen_random_uuid(), g.id, 1, o.id, false, 13270, 1730, 15000, 'f', %(now)s
    FROM term_booking_order o JOIN billing_group g USING (organisation_id, account_id, term_id)""",
    """INSERT INTO billing_line (organisation_id, id, billing_id, attendee_id, term_product_id, component, description,
                               printed, quantity, base_minor, discount_minor, net_minor, tax_minor, gross_minor,
                               tax_name, tax_rate, trace, position)
    SELECT b.organisation_id, gen_random_uuid(), b.id, o.attendee_id, l.term_product_id, 'SESSION', 'Karate Beginner, '
           || to_char(s.local_date, 'Dy DD Mon YYYY') || ' 09:30–10:30',
           jsonb_build_object('course', 'Karate Beginner', 'site', 'Centre', 'date', s.local_date, 'starts',
                              s.local_start, 'ends', s.local_end),
           1, 1500, 0, 1327, 173, 1500, 'HST', 0.13, '[]', l.position
    FROM billing b JOIN term_booking_order o ON o.id = b.order_id
    JOIN term_booking_order_line l ON l.order_id = o.id JOIN term_product s ON s.id = l.term_product_id""",
    """INSERT INTO term_booking (organisation_id, id, reference, account_id, attendee_id, term_id, group_id, order_id,
                               order_type, confirmation_type, status, payment_state, version, revision, billing_id,
                               total_minor, wallet_debited_minor, bonus_debited_minor, created_at, updated_at)
    SELECT o.organisation_id, gen_random_uuid(), 'TB' || substr(o.reference, 3), o.account_id, o.attendee_id, o.term_id,
           b.group_id, o.id, 0, 101, 500, 'NOT_DUE', 1, 1, b.id, 15000, 0, 0, %(now)s, %(now)s
    FROM term_booking_order o JOIN billing b ON b.order_id = o.id""",
    """INSERT INTO term_booking_line (organisation_id, id, booking_id, term_product_id, term_program_set_id, kind, mode,
                                    billing_line_id, gross_minor, position)
    SELECT b.organisation_id, gen_random_uuid(), b.id, x.term_product_id, l.term_program_set_id, 'SESSION', 'CASUAL',
           x.id, 1500, x.position
    FROM term_booking b JOIN billing_line x ON x.billing_id = b.billing_id
    JOIN term_booking_order_line l ON l.order_id = b.order_id AND l.term_product_id = x.term_product_id""",
    """INSERT INTO term_attendance (organisation_id, id, booking_line_id, booking_id, term_product_id, attendee_id,
                                  local_date, status, version)
    SELECT k.organisation_id, gen_random_uuid(), k.id, k.booking_id, k.term_product_id, b.attendee_id, s.local_date,
           'EXPECTED', 1
    FROM term_booking_line k JOIN term_booking b ON b.id = k.booking_id JOIN term_product s ON s.id = k.term_product_id
    """,
    """UPDATE term_booking_order o SET status = 500, confirmation_type = 101, submitted_at = %(now)s,
        group_id = b.group_id, billing_id = b.billing_id, booking_id = b.id
    FROM term_booking b WHERE b.order_id = o.id""",
    """INSERT INTO invoice_schedule (organisation_id, id, booking_id, period_from, period_until, issue_on, status)
    SELECT organisation_id, gen_random_uuid(), id, p.first, p.last, p.issue_on, 'SCHEDULED' FROM term_booking
    CROSS JOIN (VALUES ('2026-04-01'::date, '2026-04-30'::date, '2026-04-01'::date),
                       ('2026-05-01', '2026-05-31', '2026-04-24')) p (first, last, issue_on)""",
    f"""INSERT INTO scheduled_line (organisation_id, id, schedule_id, booking_line_id, status)
    SELECT k.organisation_id, gen_random_uuid(), w.id, k.id, 'SCHEDULED'
    FROM term_booking_line k JOIN invoice_schedule w ON w.booking_id = k.booking_id
         AND (k.position < {_DUE_SESSIONS}) = (w.period_from = '2026-04-01')""",
    """INSERT INTO payment (organisation_id, id, reference, account_id, order_id, billing_id, amount_minor, currency,
                          provider, status, fingerprint, note, created_at, updated_at)
    SELECT o.organisation_id, gen_random_uuid(), 'PY' || substr(o.reference, 3), o.account_id, o.id, o.billing_id,
           15000, 'CAD', 'sandbox', 'SUCCESS', 'f', '', %(now)s, %(now)s
    FROM term_booking_order o WHERE ascii(substr(o.reference, 5, 1)) %% 3 = 0""",
)


def confirm_carts(owner: psycopg.Connection[Any]) -> None:
    """Every saved cart becomes a booking with planned invoices."""
    with owner.transaction():
        for statement in _STEPS:
            owner.execute(statement, {"now": NOW} if "%(now)s" in statement else None)
    owner.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    typer.run(main)
