"""`termbook export`: reports and the journal as files."""

import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from api.runtime import Runtime, running
from billing import exports
from billing.reports.catalogue import ReportName, make_report, period_of
from billing.reports.form import Period
from engine.database import Row, Transaction
from engine.settings import settings

app = typer.Typer(no_args_is_help=True, help=__doc__)
_DAY = ["%Y-%m-%d"]
Organisation = Annotated[str, typer.Option(help="Slug of the organisation.")]
Since = Annotated[datetime | None, typer.Option(help="First local day; that of the month if left out.", formats=_DAY)]
Until = Annotated[datetime | None, typer.Option(help="Last local day; today if left out.", formats=_DAY)]
Out = Annotated[Path | None, typer.Option(help="The file; standard output if left out.")]


@app.command()
def journal(
    organisation: Organisation, since: Since = None, until: Until = None, out: Out = None,
    xero: Annotated[bool, typer.Option("--xero", help="One journal a month, as Xero imports it.")] = False,
) -> None:  # fmt: skip
    """Every posting of a period as a line of CSV, or summed by month for Xero."""
    with running(settings()) as runtime:
        organisation_id = runtime.organisation(organisation)
        period, currency = _period(runtime, organisation_id, since, until)
        if xero:
            months = runtime.database.run(organisation_id, lambda tx: exports.read_months(tx, period))
            _write(exports.xero_csv(months, currency), out)
        else:
            _write(_lines(runtime, organisation_id, period, currency), out)


@app.command()
def report(
    name: ReportName, organisation: Organisation, since: Since = None, until: Until = None, out: Out = None
) -> None:  # fmt: skip
    """A report as CSV, or as a workbook where the file ends in .xlsx."""
    with running(settings()) as runtime:
        organisation_id = runtime.organisation(organisation)
        period, currency = _period(runtime, organisation_id, since, until)
        made = runtime.database.run(organisation_id, lambda tx: make_report(tx, name, period))
    if out is not None and out.suffix == ".xlsx":
        out.write_bytes(exports.report_xlsx(made, currency))
    else:
        _write(exports.report_csv(made, currency), out)


def _period(
    runtime: Runtime, organisation_id: UUID, since: datetime | None, until: datetime | None
) -> tuple[Period, str]:  # fmt: skip
    def read(tx: Transaction) -> tuple[Period, str]:
        found = tx.row("SELECT currency FROM organisation WHERE id = %(org)s")
        assert found is not None
        return period_of(tx, since=_day(since), until=_day(until), now=runtime.clock.now()), found["currency"]

    return runtime.database.run(organisation_id, read)


def _day(given: datetime | None) -> date | None:
    return given.date() if given else None


def _lines(runtime: Runtime, organisation_id: UUID, period: Period, currency: str) -> Iterator[str]:
    """So many entries in a transaction, one after the other."""
    seen: Row | None = None
    while True:
        rows = _some(runtime, organisation_id, period, seen)
        yield from exports.journal_csv(rows, currency, with_headings=seen is None)
        if not rows:
            return
        seen = rows[-1]


def _some(runtime: Runtime, organisation_id: UUID, period: Period, seen: Row | None) -> list[Row]:
    return runtime.database.run(organisation_id, lambda tx: exports.read_journal(tx, period, after=seen))


def _write(text: Iterable[str], out: Path | None) -> None:
    """Line ends are those of the file, on every system."""
    if out is None:
        for line in text:
            sys.stdout.write(line)
        return
    with out.open("w", encoding="utf-8", newline="") as file:
        file.writelines(text)
