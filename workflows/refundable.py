"""What of a family's money can go back at this moment: of the payments of a booking, or of what lies in its wallet.

Of one payment never more than was captured, less what its bank disputes, what settles invoices and what was sent back;
of all of them never more than the wallet holds and what is free beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.wallet import Parts, Wallet, lock_wallets, read_debits
from engine.database import Row, Transaction
from engine.errors import Reason
from engine.money import format_money
from models import RefundDestination
from workflows.wallet_debits import WALLET
from workflows.wallet_facts import AccountInLock

_ALL_USED = (
    "all_used",
    "All that was paid is used by what is booked. Give sessions up first: what they free can go back.",
)


@dataclass(frozen=True, slots=True)
class Source:
    """A payment: what of it is free beside the invoices, and what may go back the way it came."""

    payment: Row
    free_minor: int
    landed_minor: int  # in the wallet, not sent back yet
    parts: Parts | None = None  # of one from the wallet: what of it came from there

    @property
    def original_minor(self) -> int:
        """What came from the wallet has no other way back."""
        return 0 if self.payment["provider"] == WALLET else self.free_minor + self.landed_minor


@dataclass(frozen=True, slots=True)
class Share:
    """What of one payment goes back: out of the wallet, and what was free beside it."""

    source: Source
    landed_minor: int
    free_minor: int

    @property
    def total_minor(self) -> int:
        return self.landed_minor + self.free_minor


@dataclass(frozen=True, slots=True)
class Refundable:
    """What can go back at this moment, by where to."""

    sources: Sequence[Source]  # the latest first
    wallet_minor: int  # its balance, bonus left out
    money: Callable[[int], str]
    is_of_wallet: bool = False  # whatever lies in the wallet, and not a booking's

    def to(self, destination: RefundDestination) -> int:
        """Captured, less what invoices still use, less what was refunded; never more than is still there."""
        return sum(share.total_minor for share in self._most(destination))

    def shares(self, amount_minor: int, destination: RefundDestination) -> list[Share]:
        """That much of it by payment: what landed in the wallet goes before what is free beside it."""
        most, left, found = self._most(destination), amount_minor, []
        kept = max(left - sum(share.landed_minor for share in most), 0)
        left -= kept
        for share in most:
            landed, free = min(left, share.landed_minor), min(kept, share.free_minor)
            left, kept = left - landed, kept - free
            if landed + free:
                found.append(Share(share.source, landed, free))
        assert left == kept == 0, "a guard has asked before"
        return found

    def _most(self, destination: RefundDestination) -> list[Share]:
        """All that can go there, the latest payment first."""
        if destination is RefundDestination.WALLET:
            return [Share(source, 0, source.free_minor) for source in self.sources]
        held, found = self.wallet_minor, []
        for source in self.sources:
            if source.payment["provider"] != WALLET:
                landed = min(held, source.landed_minor)
                held -= landed
                found.append(Share(source, landed, source.free_minor))
        return found

    def why_nothing(self, destination: RefundDestination) -> Reason | None:
        """Why nothing can go there, in words for the family; None where something can."""
        if self.to(destination) > 0:
            return None
        code, message = self._what_the_wallet_lacks() if self.is_of_wallet else self._what_is_missing(destination)
        return Reason(code, message, rule="refundable")

    def _what_the_wallet_lacks(self) -> tuple[str, str]:
        if not self.wallet_minor:
            return "wallet_is_empty", "There is no money in the wallet; a bonus cannot be paid out."
        return "nothing_came_in", "What is in the wallet came by no payment that could be sent back."

    def _what_is_missing(self, destination: RefundDestination) -> tuple[str, str]:
        if not self.sources:
            return "nothing_paid", "Nothing was paid for this booking yet."
        landed = sum(source.landed_minor for source in self.sources if source.payment["provider"] != WALLET)
        if destination is RefundDestination.WALLET:
            if landed:
                return "in_wallet_already", "What came back of it is in your wallet already."
            return _ALL_USED
        if not any(source.original_minor for source in self.sources):
            if all(source.payment["provider"] == WALLET for source in self.sources):
                return "paid_from_wallet", "It was paid from the wallet, and can only go back there."
            return _ALL_USED
        return "spent_since", "What came back of it went into your wallet, and was spent since."


# A payment that its bank disputes has less to give back, wherever its money went.
_SOURCES = """
SELECT p.id, p.account_id, p.reference, p.provider, p.currency, {free} AS free_minor,
       greatest(least(w.minor, p.amount_minor - p.disputed_minor - a.minor) - r.minor, 0)::bigint AS landed_minor
FROM payment p
{of}
CROSS JOIN LATERAL (SELECT coalesce(sum(x.amount_minor), 0) AS minor FROM payment_allocation x
                    WHERE x.organisation_id = p.organisation_id AND x.payment_id = p.id) a
CROSS JOIN LATERAL (SELECT coalesce(sum(x.moved_minor), 0) AS minor FROM wallet_entry x
                    WHERE x.organisation_id = p.organisation_id AND x.payment_id = p.id) w
CROSS JOIN LATERAL (SELECT coalesce(sum(x.amount_minor), 0) AS minor FROM refund x
                    WHERE x.organisation_id = p.organisation_id AND x.payment_id = p.id AND x.status <> 'FAILED') r
WHERE p.organisation_id = %(org)s AND {whose} AND p.status = 'SUCCESS'
ORDER BY p.created_at DESC, p.id DESC
"""
_FREE = "greatest(p.amount_minor - p.disputed_minor - a.minor - w.minor, 0)::bigint"
_ORDER = "JOIN term_booking_order o ON o.organisation_id = p.organisation_id AND o.id = p.order_id"
_OF_BOOKING = _SOURCES.format(free=_FREE, of=_ORDER, whose="o.booking_id = %(booking_id)s")
# What came in for a booking, or for an order in flight, and is not in the wallet is theirs to use.
_OF_ACCOUNT = _SOURCES.format(
    free=f"CASE WHEN o.id IS NULL OR (o.booking_id IS NULL AND o.status IN (0, 900)) THEN {_FREE} ELSE 0 END",
    of=f"LEFT {_ORDER}", whose=f"p.account_id = %(account_id)s AND p.provider <> '{WALLET}'",
)  # fmt: skip


def of_booking(tx: Transaction, account: AccountInLock, booking_id: UUID, *, now: datetime) -> Refundable:
    """What of the booking's payments can go back; the caller holds the lock of the account."""
    wallet: Wallet = lock_wallets(tx, [account.id], now=now)[account.id]
    rows = tx.rows(_OF_BOOKING, booking_id=booking_id)
    debits = read_debits(tx, [row["id"] for row in rows if row["provider"] == WALLET])
    sources = [Source(row, row["free_minor"], row["landed_minor"], debits.get(row["id"])) for row in rows]
    return Refundable(sources, wallet.balance_minor, _money(account))


def of_wallet(tx: Transaction, account: AccountInLock, *, now: datetime) -> Refundable:
    """What lies in the wallet, of whatever payment, and what was captured for nothing that is left, can go back the way
    it came; the caller holds the lock of the account.
    """
    wallet: Wallet = lock_wallets(tx, [account.id], now=now)[account.id]
    rows = tx.rows(_OF_ACCOUNT, account_id=account.id)
    sources = [Source(row, row["free_minor"], row["landed_minor"]) for row in rows]
    return Refundable([source for source in sources if source.original_minor], wallet.balance_minor, _money(account),
                      is_of_wallet=True)  # fmt: skip


def _money(account: AccountInLock) -> Callable[[int], str]:
    return lambda minor: format_money(minor, account.currency, account.locale)
