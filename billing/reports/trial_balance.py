"""Every account of the books: what stood in it before the period, what moved, what stands in it now."""

from billing.reports.form import Column, Period, Report, Tie, money
from engine.database import Transaction
from models import LedgerAccount

_BALANCE = """
SELECT p.ledger_account AS account,
       coalesce(sum(p.amount_minor) FILTER (WHERE e.posted_on < %(since)s), 0)::bigint AS opening_minor,
       coalesce(sum(p.amount_minor) FILTER (WHERE e.posted_on >= %(since)s AND p.amount_minor > 0), 0)::bigint
       AS debit_minor,
       coalesce(sum(-p.amount_minor) FILTER (WHERE e.posted_on >= %(since)s AND p.amount_minor < 0), 0)::bigint
       AS credit_minor,
       sum(p.amount_minor)::bigint AS balance_minor
FROM ledger_posting p
JOIN ledger_entry e ON e.organisation_id = p.organisation_id AND e.id = p.entry_id
WHERE p.organisation_id = %(org)s AND e.posted_on <= %(until)s
GROUP BY 1
"""


def trial_balance(tx: Transaction, period: Period) -> Report:
    """Each account with what was debited and credited in the period; debits and credits are the same in all."""
    order = {account.value: position for position, account in enumerate(LedgerAccount)}
    rows = sorted(tx.rows(_BALANCE, since=period.since, until=period.until), key=lambda row: order[row["account"]])
    columns = [
        Column("account", "Account"), money("opening_minor", "Opening"), money("debit_minor", "Debit"),
        money("credit_minor", "Credit"), money("balance_minor", "Balance"),
    ]  # fmt: skip
    total = sum(row["balance_minor"] for row in rows)
    return Report("trial-balance", "Trial balance", period, columns, rows, Tie(tuple(LedgerAccount), 0, total))
