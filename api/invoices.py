"""`termbook invoices`: what is planned, previewed and issued in one run."""

import os
from datetime import date, datetime
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from api.runtime import Runtime, running
from engine.actor import SYSTEM
from engine.database import Row, Transaction
from engine.money import format_money
from engine.settings import settings
from engine.worker import keep_what_is_loaded
from workflows.invoice_runs import RunPreview, begin_run, finish, open_run, preview_run

app = typer.Typer(no_args_is_help=True, help=__doc__)
console = Console()
_DAY = ["%Y-%m-%d"]
Organisation = Annotated[str, typer.Option(help="Slug of the organisation.")]
Through = Annotated[
    datetime | None, typer.Option(help="Invoices that are to be issued by this day; today if left out.", formats=_DAY)
]


@app.command()
def preview(organisation: Organisation, through: Through = None) -> None:
    """Say how many invoices a run would issue, and over how much. Nothing is written."""
    with running(settings()) as runtime:
        organisation_id = runtime.organisation(organisation)

        def look(tx: Transaction) -> tuple[RunPreview, Row]:
            money = _money(tx)
            return preview_run(tx, through=_day(tx, runtime, through)), money

        seen, money = runtime.database.run(organisation_id, look)
    _print(seen, money)


@app.command()
def issue(
    organisation: Organisation,
    through: Through = None,
    yes: Annotated[bool, typer.Option("--yes", help="Issue without asking.")] = False,
) -> None:
    """Preview a run, issue it, and wait for the last invoice; a run that is under way is gone on with."""
    with running(settings()) as runtime:
        organisation_id, now = runtime.organisation(organisation), runtime.clock.now()
        run = runtime.database.run(organisation_id, open_run)
        if run is None:
            seen, money = runtime.database.run(
                organisation_id, lambda tx: (preview_run(tx, through=_day(tx, runtime, through)), _money(tx))
            )
            _print(seen, money)
            if not seen.invoices:
                return
            if not yes:
                typer.confirm("Issue these invoices?", abort=True)
            run = runtime.database.run(
                organisation_id,
                lambda tx: begin_run(tx, through=seen.through, fingerprint=seen.fingerprint, actor=SYSTEM, now=now),
            )
        keep_what_is_loaded()
        started, before = perf_counter(), run["invoices"]
        with _bar() as bar:
            task = bar.add_task("Invoices", total=run["previewed_invoices"], completed=before)
            done = finish(runtime.database, organisation_id, run_id=run["id"], now=now, workers=os.cpu_count() or 1,
                          progress=lambda issued: bar.update(task, completed=issued))  # fmt: skip
    issued, seconds = done["invoices"] - before, perf_counter() - started
    console.print(f"{issued} invoices issued in {seconds:.1f} s, {issued / seconds:.0f} a second. Run {done['id']}.")


def _day(tx: Transaction, runtime: Runtime, through: datetime | None) -> date:
    if through is not None:
        return through.date()
    found = tx.row("SELECT (%(now)s AT TIME ZONE time_zone)::date AS today FROM organisation WHERE id = %(org)s",
                   now=runtime.clock.now())  # fmt: skip
    assert found is not None
    today: date = found["today"]
    return today


def _money(tx: Transaction) -> Row:
    found = tx.row("SELECT currency, locale FROM organisation WHERE id = %(org)s")
    assert found is not None
    return found


def _print(seen: RunPreview, money: Row) -> None:
    table = Table(title=f"Through {seen.through:%d %b %Y}")
    for name in ("Period", "Invoices", "Total"):
        table.add_column(name, justify="left" if name == "Period" else "right")
    for period in seen.periods:
        span = f"{period.period_from:%d %b %Y} – {period.period_until:%d %b %Y}"
        table.add_row(span, str(period.invoices), format_money(period.total_minor, **money))
    table.add_section()
    table.add_row("All", str(seen.invoices), format_money(seen.total_minor, **money))
    console.print(table)
    paid = format_money(seen.settled_minor, **money)
    console.print(f"{paid} of it is paid already; {seen.waived} suspended sessions are not billed, {seen.dropped} were "
                  "given up or closed.")  # fmt: skip


def _bar() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                    console=console)  # fmt: skip
