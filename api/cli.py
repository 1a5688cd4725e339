"""The `termbook` command: run it, look after it, ask it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import Progress

from api import documents, exports, invoices, supervisor
from api.demo import play
from api.runtime import Runtime, running
from api.trace import play_trace
from api.worker import work
from catalogue.import_words import in_words
from catalogue.importer import import_programme
from engine.check import check as find_breaches
from engine.check import report as say_breaches
from engine.diagram import place
from engine.errors import TermbookError
from engine.replay import replay
from engine.replay import report as say_replayed
from engine.schema import migrate as migrate_schema
from engine.settings import settings
from workflows.charts import CHARTS, edges

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
console = Console()
app.add_typer(invoices.app, name="invoices")
app.add_typer(documents.app, name="documents")
app.add_typer(exports.app, name="export")
# The mapping of the one registration whose trace is at hand.
_UCSD = Path(str(files("samples"))) / "ucsd_summer3.toml"


@app.command()
def run(
    port: Annotated[int, typer.Option(help="Port of the API.")] = 8000,
    workers: Annotated[int, typer.Option(help="API processes.")] = 1,
    at: Annotated[
        datetime | None,
        typer.Option(help="Move the sample's clock on to this time in Toronto.", formats=["%Y-%m-%dT%H:%M"]),
    ] = None,
) -> None:
    """Serve the sample centre: API with its documentation, worker and sandbox payments, on a set clock."""
    supervisor.run_sample(console, port=port, workers=workers, at=at)


@app.command()
def demo() -> None:
    """Play the main job in the terminal: from a draft to the roll call, and the fights around it."""
    play(console)


@app.command()
def worker() -> None:
    """Fire timeouts, relay the outbox and do the jobs, until stopped."""
    with running(settings()) as runtime:
        work(runtime)


@app.command()
def migrate(to: Annotated[str, typer.Option(help="A revision, `head` or `base`.")] = "head") -> None:
    """Bring the database to the current schema, or to an older one."""
    with running(settings()) as runtime:
        migrate_schema(runtime.owner_url, to=to, app_role=runtime.settings.app_role)
    console.print(f"The schema is at [bold]{to}[/].")


@app.command()
def check(
    organisation: Annotated[str, typer.Option(help="Only this organisation, by its slug.")] = "",
    with_replay: Annotated[
        bool, typer.Option("--replay", help="Also rebuild every status and the places taken from the history alone.")
    ] = False,
) -> None:
    """Check what must never break over the whole database; exits 1 and prints what breaks it."""
    with running(settings()) as runtime:
        only = _organisation(runtime, organisation) if organisation else None
        breaches = find_breaches(runtime.database, edges=edges(), organisation_id=only)
        said = [say_breaches(breaches)]
        if with_replay:
            replayed = replay(runtime.database, edges=edges(), organisation_id=only)
            said.append(say_replayed(replayed))
            breaches += replayed.breaches
    console.print("\n".join(said), markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1 if breaches else 0)


@app.command(name="import")
def import_(
    source: Annotated[Path, typer.Argument(help="The file to import.")],
    organisation: Annotated[str, typer.Option(help="Slug of the organisation.")],
    mapping: Annotated[Path, typer.Option(help="The mapping file that says how to read it.")],
    prices: Annotated[Path | None, typer.Option(help="Prices and capacities by category.")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Import the good rows of a file with bad ones.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change and change nothing.")] = False,
) -> None:
    """Import a programme: terms, programs, offerings and sessions, by a mapping file."""
    with running(settings()) as runtime, Progress(console=console, transient=True) as bar:
        task = bar.add_task(f"Reading {source.name}")
        report = runtime.database.run(
            _organisation(runtime, organisation),
            lambda tx: import_programme(
                tx, source=source, mapping=mapping, prices=prices, now=runtime.clock.now(), skip_bad=skip_bad,
                dry_run=dry_run, progress=lambda done, total: bar.update(task, completed=done, total=total),
            ),
        )  # fmt: skip
    console.print(in_words(report), markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1 if report.is_refused else 0)


@app.command(name="replay-trace")
def replay_trace(
    trace: Annotated[Path, typer.Argument(help="A CSV of time, course, section, enrolled, waitlisted, seats.")],
    timetable: Annotated[Path, typer.Option(help="The timetable that it was a registration for.")],
    mapping: Annotated[Path, typer.Option(help="The mapping file that says how to read the timetable.")] = _UCSD,
    speed: Annotated[float, typer.Option(min=0, help="Seconds of the trace in one second; 0: as fast as it goes.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed plays the same people.")] = 0,
) -> None:
    """Play the demand of a real registration against its timetable, through the verbs that families use; exits 1 when
    anything is oversold or a promise broken.
    """
    with running(settings()) as runtime:
        outcome = play_trace(
            runtime, console, trace=trace, timetable=timetable, mapping=mapping, speed=speed, seed=seed
        )  # fmt: skip
    raise typer.Exit(0 if outcome.is_sound else 1)


@app.command()
def diagram(
    write: Annotated[Path | None, typer.Option(help="Put the diagrams into this Markdown file.")] = None,
    check: Annotated[Path | None, typer.Option(help="Fail when the diagrams in this file are stale.")] = None,
) -> None:
    """Generate the lifecycle diagrams from the charts."""
    path = write or check
    if path is None:
        raise typer.BadParameter("give --write or --check with a file")
    text = fresh = path.read_text("utf-8")
    for chart in CHARTS:
        fresh = place(fresh, chart)
    if write:
        path.write_text(fresh, "utf-8")
    elif fresh != text:
        console.print(f"The diagrams in {path} are stale: termbook diagram --write {path}")
        raise typer.Exit(1)


def _organisation(runtime: Runtime, slug: str) -> UUID:
    return runtime.organisation(slug)


@contextmanager
def _errors_in_words() -> Iterator[None]:
    try:
        yield
    except TermbookError as error:
        console.print(f"[red]{error.message}[/]")
        for reason in error.reasons:
            console.print(f"  {reason.field or reason.rule or reason.code}: {reason.message}", markup=False)
        raise SystemExit(1) from None


def main() -> None:
    """The console script: refusals are printed in words, without a traceback."""
    with _errors_in_words():
        app()
