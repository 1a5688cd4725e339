"""The prepaid money of a family: its wallet, the bonus that was granted to it, and every entry that moved either."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Field

from models.base import TenantRow, check, index, moment, money, one_of, refers, unique, word


class Wallet(TenantRow, table=True):
    """Balance and bonus of an account, whose id it has; never below zero. What they are follows from the entries."""

    __tablename__ = "wallet"
    __table_args__ = (
        refers("id", "account"),
        check("balance_minor >= 0", "balance_is_not_negative"),
        check("bonus_minor >= 0", "bonus_is_not_negative"),
    )
    balance_minor: int = money(default=0)
    bonus_minor: int = money(default=0)
    updated_at: datetime = moment()


class BonusGrant(TenantRow, table=True):
    """Bonus that was given at once; what nobody has used when it expires is gone."""

    __tablename__ = "bonus_grant"
    __table_args__ = (
        refers("account_id", "wallet"),
        check("granted_minor > 0", "granted_is_positive"),
        check("left_minor BETWEEN 0 AND granted_minor", "left_is_part_of_granted"),
        index("ix_bonus_grant_account", "account_id"),
        index("ix_bonus_grant_expiry", "expires_at", where="left_minor > 0"),
    )
    account_id: UUID
    granted_minor: int = money()
    left_minor: int = money()
    expires_at: datetime | None = moment(default=None, nullable=True)
    reason: str
    granted_by: UUID | None = None
    created_at: datetime = moment()


class WalletEntryKind(StrEnum):
    """Why balance or bonus moved."""

    TOPPED_UP = "TOPPED_UP"  # money that came in for the wallet
    GRANTED = "GRANTED"  # bonus that was given
    DEBITED = "DEBITED"  # spent on an order or a session
    PASS_BOUGHT = "PASS_BOUGHT"  # noqa: S105 - spent on a pass
    PASS_REVOKED = "PASS_REVOKED"  # noqa: S105 - of a pass that was taken back, what was not used
    RETURNED = "RETURNED"  # what was debited and is not owed any more, to where it came from
    CREDITED = "CREDITED"  # what was paid another way and is not owed any more
    EXPIRED = "EXPIRED"  # bonus that nobody used in time
    WITHDRAWN = "WITHDRAWN"  # set aside to be paid back the way it came
    RESTORED = "RESTORED"  # what was set aside and could not be paid back
    TAKEN_BACK = "TAKEN_BACK"  # a payment whose money was there is taken back by its payer's bank
    SET_OFF = "SET_OFF"  # pays what was spent of money that a bank took back; or that comes back, where it is won
    CORRECTED = "CORRECTED"  # undoes an entry that was wrong


class WalletEntry(TenantRow, table=True):
    """One movement of a wallet, with what of it was balance and what bonus. Nothing is updated or deleted."""

    __tablename__ = "wallet_entry"
    __table_args__ = (
        refers("account_id", "wallet"),
        refers("payment_id", "payment"),
        refers("corrects_id", "wallet_entry"),
        one_of("kind", WalletEntryKind),
        check("balance_minor <> 0 OR bonus_minor <> 0", "moves_something"),
        check("moved_minor = 0 OR payment_id IS NOT NULL", "moved_from_a_payment"),
        check("(kind = 'CORRECTED') = (corrects_id IS NOT NULL)", "corrects_an_entry"),
        unique("corrects_id"),
        index("ix_wallet_entry_account", "account_id", "id"),
        index("ix_wallet_entry_payment", "payment_id", where="payment_id IS NOT NULL"),
    )
    account_id: UUID
    kind: WalletEntryKind = word(WalletEntryKind)
    balance_minor: int = money(default=0)
    bonus_minor: int = money(default=0)
    # The payment that it is the debit of, or whose money came into the wallet; how much of that is not free any more.
    payment_id: UUID | None = None
    moved_minor: int = money(default=0)
    corrects_id: UUID | None = None
    reason: str = Field(default="")
    actor_id: UUID | None = None
    created_at: datetime = moment()


class BonusUse(TenantRow, table=True):
    """How much of which grant an entry moved: positive into it, negative out of it."""

    __tablename__ = "bonus_use"
    __table_args__ = (
        refers("entry_id", "wallet_entry"),
        refers("grant_id", "bonus_grant"),
        check("amount_minor <> 0", "amount_is_not_zero"),
        unique("entry_id", "grant_id"),
        index("ix_bonus_use_grant", "grant_id"),
    )
    entry_id: UUID
    grant_id: UUID
    amount_minor: int = money()
