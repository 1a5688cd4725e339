"""`python -m bench.books`: the books behind 10,000 invoices: recognition in sets, then every report and export.

The invoices are issued by a run as in `bench.invoices`; then the clock stands after their sessions. Each report tells
its statements, and must tie to the books.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Annotated, Any
from unittest.mock import patch
from uuid import UUID

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from bench.database import own_database
from bench.invoices import confirm_carts, issue_planned
from bench.world import build_world, make_carts
from billing import exports
from billing.recognition import recognise_of
from billing.reports.catalogue import REPORTS
from billing.reports.form import Period
from engine.database import Database, Row, Transaction
from engine.settings import settings

_HELD = datetime(2026, 5, 2, 14, tzinfo=UTC)
_SPRING = Period(date(2026, 3, 1), date(2026, 6, 30))


def main(invoices: Annotated[int, typer.Option(min=10, help="So many are issued.")] = 10_000) -> None:
    """Measure recognition, every report, and the journal."""
    console = Console()
    with own_database(settings()) as url, psycopg.connect(url, autocommit=True) as owner:
        with console.status(f"Making {invoices} confirmed bookings"):
            organisation = build_world(owner)[0]
            make_carts(owner, [organisation], sessions=10, number=invoices, chance=random.Random(7))
            confirm_carts(owner)
        database = Database(url, app_role=settings().app_role, pool_size=4)
        try:
            issue_planned(console, database, organisation.id, owner)
            _recognise(console, database, organisation.id)
            owner.execute("VACUUM ANALYZE")
            _report(console, database, organisation.id)
            _export(console, database, organisation.id)
        finally:
            database.close()


def _recognise(console: Console, database: Database, organisation_id: UUID) -> None:
    begun = time.perf_counter()
    posted = recognise_of(database, organisation_id, now=_HELD)
    seconds = time.perf_counter() - begun
    begun = time.perf_counter()
    again = recognise_of(database, organisation_id, now=_HELD)
    assert again == 0, "a second run adds nothing"
    console.print(f"{posted} steps recognised in {seconds:.1f} s: [bold]{posted / seconds:.0f} a second[/]; a run that "
                  f"finds nothing takes {time.perf_counter() - begun:.2f} s.")  # fmt: skip


def _report(console: Console, database: Database, organisation_id: UUID) -> None:
    table = Table("Report", "Rows", "Statements", "Seconds", "Ties")
    for name, make in REPORTS.items():
        with database.transaction(organisation_id) as tx, _counted() as seen:
            begun = time.perf_counter()
            report = make(tx, _SPRING)
            seconds = time.perf_counter() - begun
        assert report.tie is not None
        assert report.tie.holds, report.tie
        table.add_row(name.value, str(len(report.rows)), str(len(seen)), f"{seconds:.2f}", "yes")
    console.print(table)


def _export(console: Console, database: Database, organisation_id: UUID) -> None:
    begun, size, read, seen = time.perf_counter(), 0, 0, None
    while rows := _some(database, organisation_id, seen):
        size += sum(len(line) for line in exports.journal_csv(rows, "CAD", with_headings=seen is None))
        read, seen = read + len(rows), rows[-1]
    seconds = time.perf_counter() - begun
    console.print(f"Journal of {read} postings as CSV: {size / 1e6:.1f} MB in {seconds:.1f} s.")


def _some(database: Database, organisation_id: UUID, seen: Row | None) -> list[Row]:
    return database.run(organisation_id, lambda tx: exports.read_journal(tx, _SPRING, after=seen))


@contextmanager
def _counted() -> Iterator[list[str]]:
    """The statements that transactions run meanwhile."""
    seen: list[str] = []
    execute = Transaction._execute

    def counting(tx: Transaction, sql: str, parameters: Row) -> Any:
        seen.append(sql)
        return execute(tx, sql, parameters)

    with patch.object(Transaction, "_execute", counting):
        yield seen


if __name__ == "__main__":
    typer.run(main)
