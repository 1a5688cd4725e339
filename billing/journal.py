"""Entries that finance posts by hand, and their reversal: each says why, and none touches what documents hold.

What families owe and own follows from documents, so those accounts are corrected by a credit note, a write-off or a
refund; by hand the house moves its own money: a pay-out of a provider, bank fees, takings of the desk.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from billing.ledger import Posting, is_locked, month_of, post
from billing.periods import read_locked
from engine.actor import Actor
from engine.database import Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason
from engine.ids import new_id
from models import LedgerAccount, ManualEntry

SOURCE_KIND = "MANUAL"
BY_HAND = frozenset({
    LedgerAccount.GATEWAY_CLEARING, LedgerAccount.BANK, LedgerAccount.CASH, LedgerAccount.REVENUE,
    LedgerAccount.FEE_REVENUE, LedgerAccount.BONUS_EXPENSE, LedgerAccount.WRITE_OFF,
})  # fmt: skip


class NotReversible(Conflict):
    """What posted the entry undoes it: a credit note, a returned payment, the end of a write-off."""

    code = "not_reversible"


class ReversedAlready(Conflict):
    """An entry is reversed once."""

    code = "reversed_already"


_TODAY = "SELECT time_zone FROM organisation WHERE id = %(org)s"


def local_today(tx: Transaction, now: datetime) -> date:
    """The organisation's local day."""
    organisation = tx.row(_TODAY)
    assert organisation is not None
    return now.astimezone(ZoneInfo(organisation["time_zone"])).date()


def post_by_hand(
    tx: Transaction, *, postings: Sequence[Posting], reason: str, posted_on: date | None, actor: Actor, now: datetime
) -> UUID:
    """Post an entry, today or on an earlier open day; returns the entry. Raises Invalid, PeriodLocked."""
    today = local_today(tx, now)
    day = posted_on or today
    _check(postings, day, today)
    if month_of(day) in read_locked(tx):
        raise is_locked(day)
    manual_id, entry_id = new_id(), new_id()
    tx.batch.add(
        ManualEntry,
        [{"id": manual_id, "reason": reason, "reverses_id": None, "made_by": actor.user_id, "created_at": now}],
    )  # fmt: skip
    post(tx.batch, source_kind=SOURCE_KIND, source_id=manual_id, purpose="POSTED", account_id=None,
         postings=postings, posted_on=day, entry_id=entry_id, now=now)  # fmt: skip
    return entry_id


def _check(postings: Sequence[Posting], day: date, today: date) -> None:
    reasons = []
    if total := sum(amount for _, amount in postings):
        reasons.append(Reason("not_balanced", f"The postings are off by {total}: debits are positive, credits not.",
                              field="postings"))  # fmt: skip
    for n, (account, amount) in enumerate(postings):
        if account not in BY_HAND:
            reasons.append(Reason("held_by_documents", f"{account} follows from documents; it is corrected by them.",
                                  field=f"postings[{n}].ledger_account"))  # fmt: skip
        if not amount:
            reasons.append(Reason("amount_is_zero", "A posting moves something.", field=f"postings[{n}].amount_minor"))
    if day > today:
        reasons.append(Reason("in_the_future", f"Today is {today}.", field="posted_on"))
    if reasons:
        raise Invalid("The entry cannot be posted; see reasons.", reasons=reasons)


_ENTRY = """
SELECT e.id, e.source_kind, e.source_id, e.reverses_id, r.id AS reversed_by
FROM ledger_entry e
LEFT JOIN ledger_entry r ON r.organisation_id = e.organisation_id AND r.reverses_id = e.id
WHERE e.organisation_id = %(org)s AND e.id = %(id)s
"""
_POSTINGS = """
SELECT ledger_account, amount_minor FROM ledger_posting
WHERE organisation_id = %(org)s AND entry_id = %(id)s ORDER BY id
"""


def reverse_by_hand(tx: Transaction, *, entry_id: UUID, reason: str, actor: Actor, now: datetime) -> UUID:
    """Post the mirror of an entry that was posted by hand, today, once; returns the reversal.

    Raises NotFound, NotReversible (of what a document or payment posted), ReversedAlready.
    """
    entry = tx.row(_ENTRY, id=entry_id)
    if entry is None:
        raise NotFound("There is no such entry.", what="entry")
    if entry["source_kind"] != SOURCE_KIND or entry["reverses_id"] is not None:
        raise NotReversible("Only an entry that was posted by hand is reversed by hand; the others are undone by what "
                            "posted them.", source_kind=entry["source_kind"])  # fmt: skip
    once = ReversedAlready("The entry is reversed.", reversed_by=str(entry["reversed_by"] or ""))
    if entry["reversed_by"] is not None:
        raise once
    manual_id, reversal_id = new_id(), new_id()
    tx.batch.on_violation("uq_ledger_entry_organisation_id_reverses_id", once)
    tx.batch.on_violation("uq_manual_entry_organisation_id_reverses_id", once)
    tx.batch.add(
        ManualEntry,
        [{"id": manual_id, "reason": reason, "reverses_id": entry["source_id"], "made_by": actor.user_id,
          "created_at": now}],
    )  # fmt: skip
    mirrored = [(LedgerAccount(p["ledger_account"]), -p["amount_minor"]) for p in tx.rows(_POSTINGS, id=entry_id)]
    post(tx.batch, source_kind=SOURCE_KIND, source_id=manual_id, purpose="REVERSED", account_id=None,
         postings=mirrored, posted_on=local_today(tx, now), reverses_id=entry_id, entry_id=reversal_id,
         now=now)  # fmt: skip
    return reversal_id
