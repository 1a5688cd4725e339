"""Reports and exports over HTTP: what finance reads, as values and as files."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from api.dependencies import Called
from api.moves import Answer, Call, Principal
from api.operations import OFFICE, for_roles
from api.reads import books as shown
from api.schemas import books as schemas
from api.schemas.base import NO_NUL, Day
from billing import exports
from billing.reports.catalogue import ReportName, make_report, period_of
from billing.reports.form import Period, Report
from billing.reports.parts import Part
from engine.database import Row, Transaction
from engine.errors import Invalid, Reason
from models import LedgerAccount

router = APIRouter(tags=["reports"])

CSV, XLSX = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FirstRow = Annotated[int, Query(ge=0, le=10_000_000, description="`next_row` of the rows before.")]
_Rows = Annotated[int, Query(ge=1, le=1000, description="How many rows are shown at most.")]
_Codes = Annotated[
    list[Annotated[str, Query(max_length=60, pattern=NO_NUL)]] | None,
    Query(max_length=30, description="`RECEIVABLE:610`: the account's code where the file is imported."),
]


class FileFormat(StrEnum):
    """As what a report is downloaded."""

    CSV = "csv"
    XLSX = "xlsx"


class JournalFormat(StrEnum):
    """As what the journal is downloaded."""

    CSV = "csv"  # each posting a line
    XERO = "xero"  # Xero's template of manual journals, one journal a month


def as_file(*media_types: str) -> dict[int | str, dict[str, Any]]:
    content = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in media_types}
    return {200: {"description": "The file.", "content": content}}


@router.get("/reports/{report}", **for_roles(OFFICE, response_model=schemas.Report))
def read_report(
    report: ReportName, call: Called, since: Day | None = None, until: Day | None = None, first_row: _FirstRow = 0,
    limit: _Rows = 200,
) -> Response:  # fmt: skip
    """A report over local days of the organisation: this month so far, unless told otherwise. One that is of a day
    (aged receivables, deferred revenue) is of the last.
    """

    def query(tx: Transaction, who: Principal) -> Answer:
        period = period_of(tx, since=since, until=until, now=call.now)
        return shown.report(who, make_report(tx, report, period, Part(first_row, limit)), next_row=first_row + limit)

    return call.read(query)


@router.get(
    "/reports/{report}/file", **for_roles(OFFICE, responses=as_file(CSV, XLSX), response_class=Response)
)  # fmt: skip
def read_report_file(
    report: ReportName, call: Called, format: FileFormat = FileFormat.CSV, since: Day | None = None,
    until: Day | None = None,
) -> Response:  # fmt: skip
    """The report as CSV or as a workbook, all of its rows; the same books give the same bytes."""

    def query(tx: Transaction, who: Principal) -> tuple[Report, str]:
        period = period_of(tx, since=since, until=until, now=call.now)
        return make_report(tx, report, period), who.organisation["currency"]

    made, currency = call.fetch(query)
    name = named(f"{made.name}-{made.period.since}-{made.period.until}.{format.value}")
    if format is FileFormat.XLSX:
        return Response(exports.report_xlsx(made, currency), media_type=XLSX, headers=name)
    return StreamingResponse(exports.report_csv(made, currency), media_type=CSV, headers=name)


@router.get("/ledger/journal", **for_roles(OFFICE, responses=as_file(CSV), response_class=Response))
def export_journal(
    call: Called, format: JournalFormat = JournalFormat.CSV, since: Day | None = None, until: Day | None = None,
    codes: _Codes = None, tax_rate: Annotated[str, Query(max_length=100, pattern=NO_NUL)] = exports.TAX_RATE,
) -> Response:  # fmt: skip
    """The journal of a period: each posting a line, or summed by month in the columns that Xero imports."""
    known = _codes(codes or [])

    def first(tx: Transaction, who: Principal) -> tuple[Period, str, list[Row]]:
        period = period_of(tx, since=since, until=until, now=call.now)
        read = exports.read_months(tx, period) if format is JournalFormat.XERO else []
        return period, who.organisation["currency"], read

    period, currency, months = call.fetch(first)
    name = named(f"journal-{format.value}-{period.since}-{period.until}.csv")
    text = (exports.xero_csv(months, currency, codes=known, tax_rate=tax_rate) if format is JournalFormat.XERO
            else _journal(call, period, currency))  # fmt: skip
    return StreamingResponse(text, media_type=CSV, headers=name)


def _journal(call: Call, period: Period, currency: str) -> Iterator[str]:
    """So many entries in a transaction, one after the other: no transaction waits for who downloads."""
    seen: Row | None = None
    while True:
        rows = call.fetch(lambda tx, _, seen=seen: exports.read_journal(tx, period, after=seen))  # type: ignore[misc]
        yield from exports.journal_csv(rows, currency, with_headings=seen is None)
        if not rows:
            return
        seen = rows[-1]


def _codes(given: list[str]) -> dict[LedgerAccount, str]:
    """The plan of accounts with the codes that were named. Raises Invalid."""
    known = dict(exports.CODES)
    for n, each in enumerate(given):
        name, _, code = each.partition(":")
        if name not in set(LedgerAccount) or not code:
            message = f"{each[:40]!r} names no account; write RECEIVABLE:610."
            raise Invalid(message, reasons=[Reason("no_account_code", message, field=f"codes[{n}]")])
        known[LedgerAccount(name)] = code
    return known


def named(filename: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{filename}"'}
