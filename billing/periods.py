"""Months that finance has locked: nothing is posted into them; what becomes known too late goes to the first open day.

Only a month that is over can be locked, so what happens today is never in the way of a lock.
"""

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from billing.ledger import next_month
from billing.recognition import count_outstanding
from engine.actor import Actor
from engine.database import Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason
from engine.ids import new_id
from models import PeriodLock


class AlreadyLocked(Conflict):
    """The month is locked."""

    code = "already_locked"


class RevenueOutstanding(Conflict):
    """Sessions of the month were held and are not in the books yet."""

    code = "revenue_outstanding"


class NotLocked(Conflict):
    """The lock was lifted before."""

    code = "not_locked"


def read_locked(tx: Transaction) -> frozenset[date]:
    """The months that are locked, by their first days."""
    rows = tx.rows("SELECT month FROM period_lock WHERE organisation_id = %(org)s AND unlocked_at IS NULL")
    return frozenset(row["month"] for row in rows)


# Whoever posts holds a share of this row (the foreign key of its entry), so this waits until they have committed, and
# they wait for us: an entry is either seen by the lock or sees it.
_HOLD = "SELECT time_zone FROM organisation WHERE id = %(org)s FOR UPDATE"


def lock_period(tx: Transaction, *, month: date, note: str, actor: Actor, now: datetime) -> UUID:
    """Lock a month that is over and whose revenue is in the books; returns the lock.

    Raises Invalid (not the first day of a month, or a month that is not over), AlreadyLocked, RevenueOutstanding.
    """
    organisation = tx.row(_HOLD)
    assert organisation is not None
    if month.day != 1:
        raise _invalid(Reason("not_a_month", "A month is named by its first day.", field="month"))
    if next_month(month) > now.astimezone(ZoneInfo(organisation["time_zone"])).date():
        raise _invalid(Reason("month_not_over", f"{month:%B %Y} is not over.", field="month"))
    if month in read_locked(tx):
        raise AlreadyLocked(f"{month:%B %Y} is locked.", month=f"{month:%Y-%m}")
    if outstanding := count_outstanding(tx, before=next_month(month), now=now):
        raise RevenueOutstanding(
            f"{outstanding} invoiced sessions up to the end of {month:%B %Y} are to be recognised first; the worker "
            "does so within minutes.", outstanding=outstanding,
        )  # fmt: skip
    lock_id = new_id()
    tx.batch.add(
        PeriodLock, [{"id": lock_id, "month": month, "note": note, "locked_by": actor.user_id, "locked_at": now}]
    )
    return lock_id


_UNLOCK = """
UPDATE period_lock SET unlocked_at = %(now)s, unlocked_by = %(by)s, unlock_reason = %(reason)s
WHERE organisation_id = %(org)s AND id = %(id)s AND unlocked_at IS NULL
"""


def unlock_period(tx: Transaction, *, lock_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """Open a month again; the lock stays and says who did so and why. Raises NotFound, NotLocked."""
    tx.row(_HOLD)
    if tx.row("SELECT id FROM period_lock WHERE organisation_id = %(org)s AND id = %(id)s", id=lock_id) is None:
        raise NotFound("There is no such lock.", what="lock")
    if not tx.run(_UNLOCK, id=lock_id, now=now, by=actor.user_id, reason=reason):
        raise NotLocked("The month was unlocked before.")


def _invalid(reason: Reason) -> Invalid:
    return Invalid(reason.message, reasons=[reason])
