"""What a family owes without an invoice: credit that it had spent before its bank took the money back.

Money that comes into its wallet pays that, the oldest debt first, before the sessions that wait; bonus never does. What
was paid so of a dispute that is won comes back into the wallet.
"""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from billing.ledger import debt_set_off, post
from billing.wallet import Parts, lock_wallets, write_entry
from engine.batch import Batch, Guarded
from engine.database import Database, Row, Transaction
from engine.fire import MovedMeanwhile
from models import WalletEntryKind

# What is owed of a payment `p`; negative: what was paid of it and is not owed any more.
OWED_MINOR = """
(p.returned_owed_minor + coalesce((SELECT sum(d.receivable_minor) FROM payment_dispute d
    WHERE d.organisation_id = p.organisation_id AND d.payment_id = p.id), 0) - p.set_off_minor)::bigint
"""
# Where anything may be owed: the condition of the index.
MAY_BE_OWED = "(p.disputed_minor > 0 OR p.returned_owed_minor > 0 OR p.set_off_minor > 0)"
# Who takes money back, or spends it, holds the account. One that somebody else holds is passed over: they may wait for
# what is locked here already, and the worker comes back to it.
_ACCOUNTS = f"""
SELECT a.id, (%(now)s::timestamptz AT TIME ZONE g.time_zone)::date AS today
FROM account a JOIN organisation g ON g.id = a.organisation_id
WHERE a.organisation_id = %(org)s AND a.id = ANY(%(ids)s) AND EXISTS (
    SELECT FROM payment p WHERE p.organisation_id = a.organisation_id AND p.account_id = a.id AND {MAY_BE_OWED})
ORDER BY a.id FOR NO KEY UPDATE OF a SKIP LOCKED
"""
# What comes back first: it may pay what is owed.
_DEBTS = f"""
SELECT p.id, p.reference, p.account_id, p.set_off_minor, o.open_minor
FROM payment p CROSS JOIN LATERAL (SELECT {OWED_MINOR} AS open_minor) o
WHERE p.organisation_id = %(org)s AND p.account_id = ANY(%(ids)s) AND {MAY_BE_OWED} AND o.open_minor <> 0
ORDER BY p.account_id, o.open_minor > 0, p.created_at, p.id
"""
_NOTE = Guarded(
    name="note_set_off",
    sql="UPDATE payment t SET set_off_minor = t.set_off_minor + r.change_minor, updated_at = r.updated_at "
    "FROM {rows} WHERE t.organisation_id = {org} AND t.id = r.id AND t.set_off_minor = r.seen_minor RETURNING t.id",
    takes="id uuid, change_minor bigint, seen_minor bigint, updated_at timestamptz",
    is_by_id=True,
)


def set_off(tx: Transaction, account_ids: Iterable[UUID], *, now: datetime) -> int:
    """Pay from these wallets what is owed besides invoices, as far as their balance goes, and write it. Returns how
    many debts moved.
    """
    days = {row["id"]: row["today"] for row in tx.rows(_ACCOUNTS, ids=list(account_ids), now=now)}
    debts = tx.rows(_DEBTS, ids=list(days)) if days else []
    if not debts:
        return 0
    wallets = lock_wallets(tx, [debt["account_id"] for debt in debts], now=now)
    moved = 0
    for debt in debts:
        wallet = wallets[debt["account_id"]]
        if minor := min(debt["open_minor"], wallet.balance_minor):
            _pay(tx.batch, debt, minor, today=days[debt["account_id"]], now=now)
            wallet.take(Parts(minor))
            moved += 1
    tx.flush()
    return moved


def _pay(batch: Batch, debt: Row, minor: int, *, today: date, now: datetime) -> None:
    kind = WalletEntryKind.SET_OFF
    entry_id = write_entry(batch, account_id=debt["account_id"], kind=kind, parts=Parts(-minor), payment_id=debt["id"],
                           now=now)  # fmt: skip
    post(batch, source_kind="WALLET_ENTRY", source_id=entry_id, purpose=kind.value, account_id=debt["account_id"],
         postings=debt_set_off(amount_minor=minor), posted_on=today, now=now)  # fmt: skip
    batch.guard(
        _NOTE,
        [{"id": debt["id"], "change_minor": minor, "seen_minor": debt["set_off_minor"], "updated_at": now}],
        otherwise=lambda _: MovedMeanwhile(f"What is owed of {debt['reference']} was paid meanwhile."),
    )  # fmt: skip


_LEFT = f"""
SELECT DISTINCT p.account_id FROM payment p
JOIN wallet w ON w.organisation_id = p.organisation_id AND w.id = p.account_id AND w.balance_minor > 0
WHERE p.organisation_id = %(org)s AND {MAY_BE_OWED} AND {OWED_MINOR} > 0 LIMIT 200
"""


def set_off_left(database: Database, *, now: datetime) -> int:
    """Pay what was passed over while somebody held its account; a worker's duty. Returns how many debts moved."""

    def catch_up(tx: Transaction) -> int:
        return set_off(tx, [row["account_id"] for row in tx.rows(_LEFT)], now=now)

    return sum(database.run(organisation_id, catch_up) for organisation_id in database.organisations())
