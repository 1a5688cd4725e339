"""Reports and the journal as files: CSV, a workbook, and the CSV that Xero imports manual journals from.

The same period gives the same bytes: nothing in a file says when it was made. A text that a spreadsheet would take for
a formula is written with an apostrophe before it; amounts are numbers of our own and stay as they are.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import xlsxwriter

from billing.reports.form import Column, Kind, Period, Report
from engine.database import Row, Transaction
from engine.money import minor_digits, to_major
from models import LedgerAccount

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Workbooks begin no earlier than 1900; a fixed moment, so that the same report is the same file.
_MADE_AT = datetime(2000, 1, 1, tzinfo=UTC)
ENTRIES_AT_ONCE = 2_000

# The plan of accounts by number, for books that ask for one; whoever has numbers of their own names them.
CODES: Mapping[LedgerAccount, str] = {
    LedgerAccount.BANK: "1000", LedgerAccount.CASH: "1010", LedgerAccount.GATEWAY_CLEARING: "1050",
    LedgerAccount.RECEIVABLE: "1100", LedgerAccount.CUSTOMER_CREDIT: "2000", LedgerAccount.WALLET: "2010",
    LedgerAccount.BONUS: "2020", LedgerAccount.PASS_LIABILITY: "2030", LedgerAccount.REFUND_PAYABLE: "2040",
    LedgerAccount.DEFERRED_REVENUE: "2100", LedgerAccount.TAX: "2200", LedgerAccount.REVENUE: "4000",
    LedgerAccount.FEE_REVENUE: "4100", LedgerAccount.BONUS_EXPENSE: "6000", LedgerAccount.WRITE_OFF: "6100",
}  # fmt: skip


def neutral(text: str) -> str:
    """The text as a spreadsheet shows it, and does not compute it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def report_csv(report: Report, currency: str) -> Iterator[str]:
    """The report with its headings and a line of totals, line by line."""
    yield from _csv([column.heading for column in report.columns], *_lines(report, currency))


def report_xlsx(report: Report, currency: str) -> bytes:
    """The report as a workbook of one sheet; amounts are numbers with the currency's decimals."""
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": report.title, "created": _MADE_AT})
    sheet = book.add_worksheet(report.title[:31])
    bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
    amount = book.add_format(
        {"num_format": "#,##0" + (f".{'0' * minor_digits(currency)}" if minor_digits(currency) else "")}
    )
    for at, column in enumerate(report.columns):
        sheet.write_string(0, at, neutral(column.heading), bold)
    for line, row in enumerate([*report.rows, _total(report)], start=1):
        for at, column in enumerate(report.columns):
            value = row.get(column.name)
            if value is None:
                continue
            if column.kind is Kind.MONEY:
                sheet.write_number(line, at, float(to_major(value, currency)), amount)
            elif column.kind is Kind.COUNT:
                sheet.write_number(line, at, value)
            elif isinstance(value, date):
                sheet.write_datetime(line, at, value, day)
            else:
                sheet.write_string(line, at, neutral(str(value)))
    book.close()
    return made.getvalue()


def _total(report: Report) -> Row:
    return {report.columns[0].name: "Total", **report.totals}


def _lines(report: Report, currency: str) -> Iterator[list[str]]:
    for row in (*report.rows, _total(report)):
        yield [_cell(row.get(column.name), column, currency) for column in report.columns]


def _cell(value: Any, column: Column, currency: str) -> str:
    if value is None:
        return ""
    if column.kind is Kind.MONEY:
        return str(to_major(value, currency))
    return str(value) if column.kind is Kind.COUNT else neutral(str(value))


def _csv(*rows: Sequence[str]) -> Iterator[str]:
    for row in rows:
        line = io.StringIO()
        csv.writer(line).writerow(row)
        yield line.getvalue()


# The entries of a period in the order of their days, so many at a time, each with its postings.
_ENTRIES = """
SELECT e.id, e.posted_on, e.event_on, e.source_kind, e.source_id, e.purpose, e.reverses_id, p.ledger_account,
       a.reference AS account, a.name, p.amount_minor
FROM (SELECT * FROM ledger_entry x
      WHERE x.organisation_id = %(org)s AND x.posted_on BETWEEN %(since)s AND %(until)s
        AND (x.posted_on, x.id) > (%(seen_on)s, %(seen_id)s)
      ORDER BY x.posted_on, x.id LIMIT %(limit)s) e
JOIN ledger_posting p ON p.organisation_id = e.organisation_id AND p.entry_id = e.id
LEFT JOIN account a ON a.organisation_id = p.organisation_id AND a.id = p.account_id
ORDER BY e.posted_on, e.id, p.id
"""
JOURNAL = (
    "Entry", "Posted on", "Event on", "Source", "Source id", "Purpose", "Reverses", "Ledger account", "Family", "Name",
    "Debit", "Credit",
)  # fmt: skip
_NOTHING_SEEN = "00000000-0000-0000-0000-000000000000"


def read_journal(tx: Transaction, period: Period, *, after: Row | None, limit: int = ENTRIES_AT_ONCE) -> list[Row]:
    """The postings of the next entries of a period, after the last one that was read."""
    return tx.rows(
        _ENTRIES, since=period.since, until=period.until, limit=limit,
        seen_on=after["posted_on"] if after else date.min, seen_id=str(after["id"]) if after else _NOTHING_SEEN,
    )  # fmt: skip


def journal_csv(rows: Iterable[Row], currency: str, *, with_headings: bool) -> Iterator[str]:
    """Each posting as a line: debits and credits in columns of their own."""
    if with_headings:
        yield from _csv(JOURNAL)
    for row in rows:
        amount = row["amount_minor"]
        yield from _csv([
            str(row["id"]), str(row["posted_on"]), str(row["event_on"] or ""), row["source_kind"],
            str(row["source_id"]), row["purpose"], str(row["reverses_id"] or ""), row["ledger_account"],
            row["account"] or "", neutral(row["name"] or ""), str(to_major(amount, currency)) if amount > 0 else "",
            str(to_major(-amount, currency)) if amount < 0 else "",
        ])  # fmt: skip


# What each account moved in each month of the period, with the last day of that which the period reaches.
_MONTHS = """
SELECT to_char(e.posted_on, 'YYYY-MM') AS month, p.ledger_account, sum(p.amount_minor)::bigint AS amount_minor,
       least((date_trunc('month', min(e.posted_on)) + interval '1 month - 1 day')::date, %(until)s) AS day
FROM ledger_posting p
JOIN ledger_entry e ON e.organisation_id = p.organisation_id AND e.id = p.entry_id
WHERE p.organisation_id = %(org)s AND e.posted_on BETWEEN %(since)s AND %(until)s
GROUP BY 1, 2 HAVING sum(p.amount_minor) <> 0 ORDER BY 1, 2
"""
# Xero's template for importing manual journals; lines with one narration and date are one journal, 300 lines at most.
XERO = (
    "*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount", "TrackingName1", "TrackingOption1",
    "TrackingName2", "TrackingOption2",
)  # fmt: skip
TAX_RATE = "Tax Exempt"


def read_months(tx: Transaction, period: Period) -> list[Row]:
    """What each account of the books moved, month by month."""
    return tx.rows(_MONTHS, since=period.since, until=period.until)


def xero_csv(
    rows: Iterable[Row], currency: str, *, codes: Mapping[LedgerAccount, str] = CODES, tax_rate: str = TAX_RATE
) -> Iterator[str]:
    """One journal for each month: what was moved in each account; a debit is positive. Tax is an account of the books
    already, so Xero is told to compute none.
    """
    yield from _csv(XERO)
    for row in rows:
        account = LedgerAccount(row["ledger_account"])
        words = account.value.replace("_", " ").capitalize()
        yield from _csv([
            f"Termbook {row['month']}", f"{row['day']:%d/%m/%Y}", words, neutral(codes[account]), neutral(tax_rate),
            str(to_major(row["amount_minor"], currency)), "", "", "", "",
        ])  # fmt: skip
