"""What a report is: columns, rows, their sums, and the account of the books that it ties to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from billing.reports.balances import posted
from engine.database import Row, Transaction
from models import LedgerAccount


class Kind(StrEnum):
    """What stands in a column."""

    TEXT = "TEXT"
    DAY = "DAY"
    COUNT = "COUNT"
    MONEY = "MONEY"  # minor units; summed


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its name in the rows, with its heading."""

    name: str
    heading: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Period:
    """From one local day of the organisation through another."""

    since: date
    until: date


_DEBITS = {
    LedgerAccount.RECEIVABLE, LedgerAccount.GATEWAY_CLEARING, LedgerAccount.BANK, LedgerAccount.CASH,
    LedgerAccount.BONUS_EXPENSE, LedgerAccount.WRITE_OFF,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tie:
    """What the books say of the accounts that a report is about, and what the report says of them."""

    accounts: tuple[LedgerAccount, ...]
    books_minor: int
    report_minor: int

    @property
    def holds(self) -> bool:
        return self.books_minor == self.report_minor

    @property
    def side(self) -> int:
        """1 where these accounts stand on the side of a debit, -1 where on that of a credit, as people read them."""
        return 1 if self.accounts[0] in _DEBITS else -1


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it is read and exported; the rows are in an order of their own, the same each time."""

    name: str
    title: str
    period: Period
    columns: Sequence[Column]
    rows: Sequence[Row]
    tie: Tie | None = None

    @property
    def totals(self) -> dict[str, int]:
        """The sum of each money column."""
        return {column.name: sum(row[column.name] or 0 for row in self.rows)
                for column in self.columns if column.kind is Kind.MONEY}  # fmt: skip


def money(name: str, heading: str) -> Column:
    return Column(name, heading, Kind.MONEY)


def moved(tx: Transaction, *accounts: LedgerAccount, until: date, since: date | None = None) -> int:
    """What was posted to these accounts up to a day, or in a period; a debit is positive."""
    first = since or date.min
    return sum(row["balance_minor"] for row in posted(tx, first=first, since=first, until=until, accounts=accounts))


def tie(
    tx: Transaction, *accounts: LedgerAccount, report_minor: int, until: date, since: date | None = None
) -> Tie:  # fmt: skip
    """Ask the books; `report_minor` is on the side of a debit."""
    return Tie(accounts, moved(tx, *accounts, until=until, since=since), report_minor)
