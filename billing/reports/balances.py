"""What was posted to the accounts of the books: of days that are kept by their sums, else from the journal."""

from collections.abc import Collection
from datetime import date

from billing.reports.kept import kept
from engine.database import Row, Transaction
from models import KeptKind, LedgerAccount

# By day and account, of the days of which nothing is kept.
BALANCES = """
SELECT p.posted_on AS day, p.ledger_account, sum(greatest(p.amount_minor, 0))::bigint AS debit_minor,
       sum(greatest(-p.amount_minor, 0))::bigint AS credit_minor
FROM unkept u
CROSS JOIN LATERAL (
    SELECT x.posted_on, x.ledger_account, x.amount_minor FROM ledger_posting x
    WHERE x.organisation_id = %(org)s AND x.ledger_account = ANY(%(accounts)s)
      AND x.posted_on BETWEEN u.first_on AND u.last_on OFFSET 0) p
GROUP BY 1, 2
"""


def by_day(*, since: str = "%(since)s") -> str:
    """Set by set: what was `posted` each day to these `accounts`."""
    return f"""{kept(KeptKind.JOURNAL, since=since)}, posted AS (
    SELECT k.day, b.ledger_account, b.debit_minor, b.credit_minor
    FROM kept k JOIN kept_balance b ON b.organisation_id = %(org)s AND b.kept_id = k.id
    WHERE b.ledger_account = ANY(%(accounts)s)
    UNION ALL
    {BALANCES}
)"""


_POSTED = f"""
WITH {by_day(since="%(first)s")}
SELECT ledger_account AS account,
       coalesce(sum(debit_minor - credit_minor) FILTER (WHERE day < %(since)s), 0)::bigint AS opening_minor,
       coalesce(sum(debit_minor) FILTER (WHERE day >= %(since)s), 0)::bigint AS debit_minor,
       coalesce(sum(credit_minor) FILTER (WHERE day >= %(since)s), 0)::bigint AS credit_minor,
       sum(debit_minor - credit_minor)::bigint AS balance_minor
FROM posted GROUP BY 1
"""


def posted(
    tx: Transaction, *, until: date, since: date = date.min, first: date = date.min,
    accounts: Collection[LedgerAccount] = tuple(LedgerAccount),
) -> list[Row]:  # fmt: skip
    """What was posted to each of these accounts, or of all, from `first` to `until`: before `since` (`opening_minor`),
    and from that day on by side; `balance_minor` is all of it, a debit positive. An account without is left out.
    """
    return tx.rows(_POSTED, first=first, since=since, until=until, accounts=[account.value for account in accounts])
