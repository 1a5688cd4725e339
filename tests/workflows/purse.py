"""A family's wallet, as tests of money look at it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.database import Row
from tests.workflows.centre import NOW, Centre, Family
from workflows import wallet


@dataclass
class Purse:
    """The wallet of a family in a centre; amounts are cents."""

    centre: Centre
    family: Family

    def top_up(self, amount: str, *, now: datetime = NOW) -> UUID:
        """Cash at the desk."""
        paid: UUID = self.centre.do(wallet.record_top_up, account_id=self.family.id, amount=amount, reason="cash",
                                    actor=self.centre.admin, now=now)  # fmt: skip
        return paid

    def bonus(self, amount: str, *, expires_at: datetime | None = None, now: datetime = NOW) -> UUID:
        given: UUID = self.centre.do(wallet.give_bonus, account_id=self.family.id, amount=amount, reason="welcome",
                                     expires_at=expires_at, actor=self.centre.admin, now=now)  # fmt: skip
        return given

    def pay(self, cart: Any, amount_minor: int | None = None, *, now: datetime = NOW) -> Any:
        return self.centre.do(wallet.pay_order, order_id=cart.id, amount_minor=amount_minor, actor=self.family.actor,
                              now=now)  # fmt: skip

    @property
    def holds(self) -> tuple[int, int]:
        """Balance and bonus."""
        rows = self.centre.rows("SELECT balance_minor, bonus_minor FROM wallet WHERE id = %(id)s", id=self.family.id)
        return (rows[0]["balance_minor"], rows[0]["bonus_minor"]) if rows else (0, 0)

    def entries(self) -> list[tuple[str, int, int]]:
        """Each movement: (kind, balance, bonus), oldest first."""
        rows = self.centre.rows("SELECT kind, balance_minor, bonus_minor FROM wallet_entry WHERE account_id = %(id)s "
                                "ORDER BY id", id=self.family.id)  # fmt: skip
        return [tuple(row.values()) for row in rows]  # type: ignore[misc]

    def entry(self, kind: str) -> Row:
        """The newest movement of that kind."""
        return self.centre.rows("SELECT * FROM wallet_entry WHERE account_id = %(id)s AND kind = %(kind)s "
                                "ORDER BY id DESC", id=self.family.id, kind=kind)[0]  # fmt: skip

    def books(self) -> dict[str, int]:
        """What the family's accounts of the ledger come to; those at nothing are left out."""
        rows = self.centre.rows(
            "SELECT ledger_account, sum(amount_minor)::bigint AS minor FROM ledger_posting WHERE account_id = %(id)s "
            "GROUP BY ledger_account HAVING sum(amount_minor) <> 0", id=self.family.id)  # fmt: skip
        return {row["ledger_account"]: row["minor"] for row in rows}

    def debited(self, cart: Any) -> tuple[int, int]:
        """What the booking says was taken: from balance, from bonus."""
        row = self.centre.booking(cart)
        return row["wallet_debited_minor"], row["bonus_debited_minor"]
