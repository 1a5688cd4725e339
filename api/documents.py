"""`termbook documents`: PDFs of many documents at once, by as many processes as there are cores."""

import os
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.runtime import running
from engine.settings import settings
from invoicing.document import DocumentKind
from invoicing.pdf import check_libraries, render_files
from workflows.document_sets import Chosen, find_documents, read_documents

app = typer.Typer(no_args_is_help=True, help=__doc__)
console = Console()
_DAY = ["%Y-%m-%d"]


@app.command()
def render(
    organisation: Annotated[str, typer.Option(help="Slug of the organisation.")],
    into: Annotated[Path, typer.Option(help="The folder that gets one PDF for each document.")],
    kind: Annotated[DocumentKind, typer.Option(help="Which documents.", case_sensitive=False)] = DocumentKind.INVOICE,
    issued_from: Annotated[datetime | None, typer.Option(help="Issued on this day or later.", formats=_DAY)] = None,
    issued_until: Annotated[datetime | None, typer.Option(help="Issued on this day or before.", formats=_DAY)] = None,
    run: Annotated[UUID | None, typer.Option(help="Only the invoices of this run.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes; one for each core unless told otherwise.")] = 0,
) -> None:
    """Write the PDFs of an organisation's documents. The same document gives the same bytes, however often."""
    check_libraries()
    processes = workers or os.cpu_count() or 1
    chosen = Chosen(
        kind=kind, issued_from=issued_from.date() if issued_from else None,
        issued_until=issued_until.date() if issued_until else None, run_id=run,
    )  # fmt: skip
    into.mkdir(parents=True, exist_ok=True)
    with running(settings()) as runtime:
        organisation_id = runtime.organisation(organisation)
        ids = runtime.database.run(organisation_id, lambda tx: find_documents(tx, chosen))
        started = perf_counter()
        with _bar() as bar:
            task = bar.add_task(f"{kind.replace('_', ' ').capitalize()}s", total=len(ids))
            documents = read_documents(runtime.database, organisation_id, ids, kind=kind)
            for _ in render_files(documents, into=into, workers=processes):
                bar.advance(task)
    seconds = perf_counter() - started
    rate = f", {len(ids) / seconds:.1f} a second by {processes} processes" if ids else ""
    console.print(f"{len(ids)} PDFs in {into}{rate}.")


def _bar() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                    console=console)  # fmt: skip
