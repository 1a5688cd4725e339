"""Some rows of a report, for a page that shows no more: its sums and its tie are those of all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billing.reports.form import Column, Kind, Report
from engine.database import Row, Transaction


@dataclass(frozen=True, slots=True)
class Part:
    """So many rows from one on; without a limit all that follow."""

    first_row: int = 0
    limit: int | None = None

    @property
    def ends(self) -> int | None:
        """The row that is no more among them."""
        return None if self.limit is None else self.first_row + self.limit


ALL = Part()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPart(Report):
    """A report of which some rows were read, and what all of them come to."""

    row_count: int
    sums: Mapping[str, int]

    @property
    def totals(self) -> dict[str, int]:
        return dict(self.sums)


def part_of(report: Report, part: Part) -> ReportPart:
    """Some rows of a report that was made whole; one of which they were read is that already."""
    if isinstance(report, ReportPart):
        return report
    return ReportPart(
        name=report.name, title=report.title, period=report.period, columns=report.columns,
        rows=report.rows[part.first_row : part.ends], tie=report.tie, row_count=len(report.rows), sums=report.totals,
    )  # fmt: skip


def read_part(
    tx: Transaction, sql: str, columns: Sequence[Column], part: Part, **asked: Any
) -> tuple[list[Row], dict[str, int], int]:  # fmt: skip
    """Some rows of a report, and of all of them the sum of each money column and their number.

    The statement finds the rows from `%(first_row)s` on, `%(limit)s` of them, and what all of them come to as its
    last, with their number as `row_count`; what it needs to put them in their order is left out.
    """
    *found, last = tx.rows(sql, first_row=part.first_row, limit=part.limit, **asked)
    rows = [{column.name: row[column.name] for column in columns} for row in found]
    sums = {column.name: last[column.name] for column in columns if column.kind is Kind.MONEY}
    return rows, sums, last["row_count"]
