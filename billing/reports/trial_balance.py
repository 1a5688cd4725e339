"""Every account of the books: what stood in it before the period, what moved, what stands in it now."""

from billing.reports.balances import posted
from billing.reports.form import Column, Period, Report, Tie, money
from engine.database import Transaction
from models import LedgerAccount


def trial_balance(tx: Transaction, period: Period) -> Report:
    """Each account with what was debited and credited in the period; debits and credits are the same in all."""
    order = {account.value: position for position, account in enumerate(LedgerAccount)}
    rows = sorted(posted(tx, since=period.since, until=period.until), key=lambda row: order[row["account"]])
    columns = [
        Column("account", "Account"), money("opening_minor", "Opening"), money("debit_minor", "Debit"),
        money("credit_minor", "Credit"), money("balance_minor", "Balance"),
    ]  # fmt: skip
    total = sum(row["balance_minor"] for row in rows)
    return Report("trial-balance", "Trial balance", period, columns, rows, Tie(tuple(LedgerAccount), 0, total))
