"""An account under lock, for what concerns its money and no order."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.actor import Actor
from engine.database import Transaction
from engine.errors import NotFound


@dataclass(frozen=True, slots=True)
class AccountInLock:
    """A family, with how its organisation writes money and counts days."""

    id: UUID
    name: str
    reference: str
    currency: str
    locale: str
    time_zone: str
    organisation_name: str

    def today(self, now: datetime) -> date:
        """Today where the organisation is."""
        return now.astimezone(ZoneInfo(self.time_zone)).date()


_LOCK = """
SELECT a.id, a.name, a.reference, g.currency, g.locale, g.time_zone, g.name AS organisation_name
FROM account a JOIN organisation g ON g.id = a.organisation_id
WHERE a.organisation_id = %(org)s AND a.id = %(id)s FOR NO KEY UPDATE OF a
"""


def lock_account(tx: Transaction, account_id: UUID, *, actor: Actor) -> AccountInLock:
    """Lock an account, before whatever else is locked. Raises NotFound for one that the actor may not see."""
    row = tx.row(_LOCK, id=account_id) if actor.may_see_account(account_id) else None
    if row is None:
        raise NotFound("There is no such account.", what="account")
    return AccountInLock(**row)
