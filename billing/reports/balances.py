"""What was posted to the accounts of the books: of locked months by the sums that were kept, else from the journal."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from billing.ledger import next_month
from engine.database import Row, Transaction
from models import LedgerAccount

_ONE_DAY = timedelta(days=1)
_LOCKS = """
SELECT id, month FROM period_lock
WHERE organisation_id = %(org)s AND unlocked_at IS NULL AND month BETWEEN %(first)s AND %(until)s ORDER BY month
"""
_POSTED = """
WITH posted AS (
    SELECT b.ledger_account, l.month >= %(since)s AS is_within, b.debit_minor, b.credit_minor
    FROM locked_balance b JOIN period_lock l ON l.organisation_id = b.organisation_id AND l.id = b.lock_id
    WHERE b.organisation_id = %(org)s AND b.lock_id = ANY(%(locks)s)
    UNION ALL
    SELECT p.ledger_account, p.posted_on >= %(since)s, greatest(p.amount_minor, 0), greatest(-p.amount_minor, 0)
    FROM ledger_posting p
    WHERE p.organisation_id = %(org)s AND p.ledger_account = ANY(%(accounts)s) AND ({days})
)
SELECT ledger_account AS account,
       coalesce(sum(debit_minor - credit_minor) FILTER (WHERE NOT is_within), 0)::bigint AS opening_minor,
       coalesce(sum(debit_minor) FILTER (WHERE is_within), 0)::bigint AS debit_minor,
       coalesce(sum(credit_minor) FILTER (WHERE is_within), 0)::bigint AS credit_minor,
       sum(debit_minor - credit_minor)::bigint AS balance_minor
FROM posted WHERE ledger_account = ANY(%(accounts)s) GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Lock:
    """A locked month by its first day, and the lock whose sums are kept."""

    id: UUID
    month: date


def posted(
    tx: Transaction, *, until: date, since: date = date.min, first: date = date.min,
    accounts: Collection[LedgerAccount] = tuple(LedgerAccount),
) -> list[Row]:  # fmt: skip
    """What was posted to each of these accounts, or of all, from `first` to `until`: before `since` (`opening_minor`),
    and from that day on by side; `balance_minor` is all of it, a debit positive. An account without is left out.
    """
    locks = [Lock(**row) for row in tx.rows(_LOCKS, first=first, until=until)]
    whole = [lock for lock in locks if _is_whole(lock.month, since=since, until=until)]
    days = list(open_days([lock.month for lock in whole], first=first, until=until))
    # Written out day by day, so that the few days outside of locked months are found by their index.
    named = {
        f"{end}_{n}": day for n, pair in enumerate(days) for end, day in zip(("from", "through"), pair, strict=True)
    }
    outside = " OR ".join(f"p.posted_on BETWEEN %(from_{n})s AND %(through_{n})s" for n in range(len(days)))
    return tx.rows(_POSTED.format(days=outside or "false"), since=since, locks=[lock.id for lock in whole],
                   accounts=[account.value for account in accounts], **named)  # fmt: skip


def _is_whole(month: date, *, since: date, until: date) -> bool:
    """None of its days is after the last day, and it does not stand on both sides of the first."""
    after = next_month(month)
    return after <= until + _ONE_DAY and (after <= since or month >= since)


def open_days(months: Sequence[date], *, first: date, until: date) -> Iterator[tuple[date, date]]:
    """The days from the first through the last that are in none of these months: each as from and through."""
    for month in months:
        if first < month:
            yield first, month - _ONE_DAY
        first = next_month(month)
    if first <= until:
        yield first, until
