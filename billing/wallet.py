"""The wallet of an account: how a debit and its return are split, and the entries that are written in a set.

A debit takes bonus first, the soonest to expire first, and then balance; what comes back goes the other way round, each
part to where it came from. Amounts are minor units.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.batch import Batch, Guarded
from engine.database import Transaction
from engine.errors import Conflict, TermbookError
from engine.ids import new_id
from models import BonusGrant, BonusUse, WalletEntry, WalletEntryKind


class WalletTooLow(Conflict):
    """The wallet does not hold as much as is to be taken out of it."""

    code = "wallet_too_low"


@dataclass(frozen=True, slots=True)
class Grant:
    """Bonus of one grant that is left, or that was used of it."""

    grant_id: UUID
    amount_minor: int
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """An amount as it is taken from, or given back to, balance and bonus."""

    balance_minor: int = 0
    grants: tuple[Grant, ...] = ()

    @property
    def bonus_minor(self) -> int:
        return sum(grant.amount_minor for grant in self.grants)

    @property
    def total_minor(self) -> int:
        return self.balance_minor + self.bonus_minor

    def less(self, other: "Parts") -> "Parts":
        """What is left of it without the other."""
        gone = {grant.grant_id: grant.amount_minor for grant in other.grants}
        grants = [Grant(g.grant_id, g.amount_minor - gone.get(g.grant_id, 0), g.expires_at) for g in self.grants]
        return Parts(self.balance_minor - other.balance_minor, tuple(g for g in grants if g.amount_minor))

    def negated(self) -> "Parts":
        """The same the other way."""
        grants = tuple(Grant(g.grant_id, -g.amount_minor, g.expires_at) for g in self.grants)
        return Parts(-self.balance_minor, grants)


@dataclass(slots=True)
class Wallet:
    """A wallet under lock; `grants` are those with something left, the soonest to expire first."""

    account_id: UUID
    balance_minor: int
    bonus_minor: int
    grants: list[Grant] = field(default_factory=list)

    def usable(self, now: datetime) -> list[Grant]:
        """Bonus that has run out is void when it is read, whatever the worker does."""
        return [grant for grant in self.grants if grant.expires_at is None or grant.expires_at > now]

    def available_minor(self, now: datetime) -> int:
        """What can be spent."""
        return self.balance_minor + sum(grant.amount_minor for grant in self.usable(now))

    def take(self, parts: "Parts") -> None:
        """What a debit takes that is written into the batch: the next one of it finds as much less."""
        taken = {grant.grant_id: grant.amount_minor for grant in parts.grants}
        self.balance_minor -= parts.balance_minor
        self.bonus_minor -= parts.bonus_minor
        left = [Grant(g.grant_id, g.amount_minor - taken.get(g.grant_id, 0), g.expires_at) for g in self.grants]
        self.grants = [grant for grant in left if grant.amount_minor]


def split_debit(wallet: Wallet, amount_minor: int, *, now: datetime) -> Parts:
    """What of each part is taken. Raises WalletTooLow."""
    assert amount_minor > 0, "something is taken"
    left, taken = amount_minor, []
    for grant in wallet.usable(now):
        if share := min(left, grant.amount_minor):
            taken.append(Grant(grant.grant_id, share, grant.expires_at))
            left -= share
    if left > wallet.balance_minor:
        available = wallet.available_minor(now)
        raise WalletTooLow("The wallet does not hold as much.", available_minor=available, asked_minor=amount_minor)
    return Parts(left, tuple(taken))


def split_return(debited: Parts, amount_minor: int) -> Parts:
    """What of a debit comes back where that much of it is not owed any more: balance first, then bonus, of which the
    last to be taken first.
    """
    assert 0 < amount_minor <= debited.total_minor, "no more comes back than was taken"
    balance = min(amount_minor, debited.balance_minor)
    left, given = amount_minor - balance, []
    for grant in reversed(debited.grants):
        if share := min(left, grant.amount_minor):
            given.append(Grant(grant.grant_id, share, grant.expires_at))
            left -= share
    return Parts(balance, tuple(given))


_OPEN = """
INSERT INTO wallet (organisation_id, id, balance_minor, bonus_minor, updated_at)
SELECT %(org)s, a.id, 0, 0, %(now)s FROM account a
WHERE a.organisation_id = %(org)s AND a.id = ANY(%(account_ids)s) ORDER BY a.id
ON CONFLICT (organisation_id, id) DO NOTHING
"""
_LOCK = """
SELECT id, balance_minor, bonus_minor FROM wallet
WHERE organisation_id = %(org)s AND id = ANY(%(account_ids)s) ORDER BY id FOR NO KEY UPDATE
"""
_GRANTS = """
SELECT account_id, id, left_minor, expires_at FROM bonus_grant
WHERE organisation_id = %(org)s AND account_id = ANY(%(account_ids)s) AND left_minor > 0
ORDER BY expires_at NULLS LAST, id
"""


def lock_wallets(tx: Transaction, account_ids: Iterable[UUID], *, now: datetime) -> dict[UUID, Wallet]:
    """The wallets of these accounts, by account; who has none gets an empty one. They are locked after whatever else
    the caller locks, in the order of their accounts.
    """
    ids = sorted(set(account_ids))
    tx.run(_OPEN, account_ids=ids, now=now)
    found = {row["id"]: Wallet(row["id"], row["balance_minor"], row["bonus_minor"])
             for row in tx.rows(_LOCK, account_ids=ids)}  # fmt: skip
    for row in tx.rows(_GRANTS, account_ids=ids):
        found[row["account_id"]].grants.append(Grant(row["id"], row["left_minor"], row["expires_at"]))
    return found


_DEBITED = """
SELECT e.payment_id, -sum(e.balance_minor)::bigint AS balance_minor,
    (SELECT json_agg(json_build_array(u.grant_id, u.minor) ORDER BY u.expires_at NULLS LAST, u.grant_id) FROM (
        SELECT x.grant_id, g.expires_at, -sum(x.amount_minor) AS minor
        FROM wallet_entry d
        JOIN bonus_use x ON x.organisation_id = d.organisation_id AND x.entry_id = d.id
        JOIN bonus_grant g ON g.organisation_id = x.organisation_id AND g.id = x.grant_id
        WHERE d.organisation_id = %(org)s AND d.payment_id = e.payment_id
        GROUP BY x.grant_id, g.expires_at HAVING sum(x.amount_minor) < 0) u) AS grants
FROM wallet_entry e
WHERE e.organisation_id = %(org)s AND e.payment_id = ANY(%(payment_ids)s)
GROUP BY e.payment_id
"""


def read_debits(tx: Transaction, payment_ids: Iterable[UUID]) -> dict[UUID, Parts]:
    """What each of these payments, which were made from a wallet, still has of it, by payment."""
    rows = tx.rows(_DEBITED, payment_ids=list(payment_ids))
    return {row["payment_id"]: Parts(row["balance_minor"], tuple(Grant(UUID(g), n) for g, n in row["grants"] or ()))
            for row in rows}  # fmt: skip


_MOVE = Guarded(
    name="move_wallet",
    sql="UPDATE wallet w SET balance_minor = w.balance_minor + r.balance_minor, "
    "bonus_minor = w.bonus_minor + r.bonus_minor, updated_at = r.updated_at FROM {rows} "
    "WHERE w.organisation_id = {org} AND w.id = r.id AND w.balance_minor + r.balance_minor >= 0 "
    "AND w.bonus_minor + r.bonus_minor >= 0 RETURNING w.id",
    takes="id uuid, balance_minor bigint, bonus_minor bigint, updated_at timestamptz",
    is_by_id=True,
)
_USE = Guarded(
    name="use_bonus",
    sql="UPDATE bonus_grant g SET left_minor = g.left_minor + r.left_minor FROM {rows} "
    "WHERE g.organisation_id = {org} AND g.id = r.id AND g.left_minor + r.left_minor BETWEEN 0 AND g.granted_minor "
    "RETURNING g.id",
    takes="id uuid, left_minor bigint",
    is_by_id=True,
)


def write_entry(
    batch: Batch, *, account_id: UUID, kind: WalletEntryKind, parts: Parts, now: datetime,
    payment_id: UUID | None = None, moved_minor: int = 0, reason: str = "", actor_id: UUID | None = None,
    corrects_id: UUID | None = None,
) -> UUID:  # fmt: skip
    """Move a wallet that the caller has locked by `parts`, negative out of it; at the write it is refused where that
    would take it below zero (WalletTooLow). Returns the entry; what it means for the books is the caller's to post.
    """
    entry_id = new_id()
    _change(batch, _MOVE, {"id": account_id, "balance_minor": parts.balance_minor, "bonus_minor": parts.bonus_minor},
            {"updated_at": now}, otherwise=_too_low)  # fmt: skip
    for grant in parts.grants:
        _change(batch, _USE, {"id": grant.grant_id, "left_minor": grant.amount_minor}, {}, otherwise=_too_low)
    batch.add(
        WalletEntry,
        [{
            "id": entry_id, "account_id": account_id, "kind": kind.value, "balance_minor": parts.balance_minor,
            "bonus_minor": parts.bonus_minor, "payment_id": payment_id, "moved_minor": moved_minor,
            "corrects_id": corrects_id, "reason": reason, "actor_id": actor_id, "created_at": now,
        }],
    )  # fmt: skip
    batch.add(
        BonusUse,
        [{"id": new_id(), "entry_id": entry_id, "grant_id": grant.grant_id, "amount_minor": grant.amount_minor}
         for grant in parts.grants],
    )  # fmt: skip
    return entry_id


def _change(
    batch: Batch, guarded: Guarded, row: dict[str, Any], as_given: dict[str, Any], *,
    otherwise: Callable[[set[str]], TermbookError],
) -> None:  # fmt: skip
    """One statement moves a row once: what a batch does to it twice is added up before it is written."""
    waiting = batch.waiting(guarded, row["id"])
    if waiting is None:
        batch.guard(guarded, [{**row, **as_given}], otherwise=otherwise)
        return
    for name, amount in row.items():
        if name != "id":
            waiting[name] += amount


def _too_low(_: set[str]) -> TermbookError:
    return WalletTooLow("The wallet does not hold as much any more; look at it again.")


def grant_bonus(
    batch: Batch, *, account_id: UUID, amount_minor: int, expires_at: datetime | None, reason: str,
    actor_id: UUID | None, now: datetime,
) -> UUID:  # fmt: skip
    """Give bonus to a wallet that the caller has locked. Returns the entry."""
    grant_id = new_id()
    entry_id = new_id()
    batch.add(
        BonusGrant,
        [{"id": grant_id, "account_id": account_id, "granted_minor": amount_minor, "left_minor": amount_minor,
          "expires_at": expires_at, "reason": reason, "granted_by": actor_id, "created_at": now}],
    )  # fmt: skip
    _change(batch, _MOVE, {"id": account_id, "balance_minor": 0, "bonus_minor": amount_minor}, {"updated_at": now},
            otherwise=_too_low)  # fmt: skip
    batch.add(
        WalletEntry,
        [{"id": entry_id, "account_id": account_id, "kind": WalletEntryKind.GRANTED.value, "balance_minor": 0,
          "bonus_minor": amount_minor, "payment_id": None, "moved_minor": 0, "corrects_id": None, "reason": reason,
          "actor_id": actor_id, "created_at": now}],
    )  # fmt: skip
    batch.add(
        BonusUse, [{"id": new_id(), "entry_id": entry_id, "grant_id": grant_id, "amount_minor": amount_minor}]
    )  # fmt: skip
    return entry_id
