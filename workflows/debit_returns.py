"""A bank's file of returns: each debit that it names fails, or is taken back where it was paid, once."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from billing.bank_files import unreadable
from billing.debit_files import debits_of_part
from billing.debit_returns import ReturnedDebit
from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import NotPermitted
from engine.fire import MovedMeanwhile
from engine.ids import new_id
from models import ActorKind, DebitReturn, DebitReturnFile, PaymentStatus, ReturnFormat, ReturnOutcome
from workflows.direct_debit import refuse, return_debit


def import_returns(
    tx: Transaction, *, filename: str, content: str, kind: ReturnFormat, returned: Sequence[ReturnedDebit],
    actor: Actor, now: datetime,
) -> UUID:  # fmt: skip
    """Apply a file; the same file again gives what the first import made of it. Returns the file's id.

    A debit that has failed already is left alone: another file told of it, or the office did. Raises NotPermitted,
    BankFileUnreadable (it names nothing).
    """
    if actor.kind not in (ActorKind.ADMIN, ActorKind.FINANCE):
        raise NotPermitted("Returns are imported by admins and finance.")
    content_hash = hashlib.sha256(content.encode()).hexdigest()
    # Two imports at once wait for each other: what is told already is judged against what the other has written.
    tx.row("SELECT pg_advisory_xact_lock(hashtextextended(%(org)s::text || 'debit_return', 0))")
    known = tx.row("SELECT id FROM debit_return_file WHERE organisation_id = %(org)s AND content_hash = %(hash)s",
                   hash=content_hash)  # fmt: skip
    if known is not None:
        return UUID(str(known["id"]))
    named = [each for one in returned for each in _expand(tx, one)]
    if not named:
        raise unreadable("The file names no debit that came back.")
    file_id = new_id()
    tx.batch.add(
        DebitReturnFile,
        [{"id": file_id, "filename": filename, "format": kind.value, "content_hash": content_hash,
          "imported_by": actor.user_id, "imported_at": now}],
    )  # fmt: skip
    tx.flush()
    # In one order for all that lock them.
    debits = {row["reference"]: row for row in tx.rows(_DEBITS, references=[one.reference for one in named])}
    order = sorted(range(len(named)), key=lambda n: str(debits.get(named[n].reference, {}).get("account_id", "")))
    for position in order:
        _apply(tx, file_id, position, named[position], debits.get(named[position].reference), actor, now)
        tx.flush()
    return file_id


_RUN = """
SELECT p.reference FROM debit_run r
JOIN debit_run_entry e ON e.organisation_id = r.organisation_id AND e.run_id = r.id
JOIN payment p ON p.organisation_id = e.organisation_id AND p.id = e.payment_id
WHERE r.organisation_id = %(org)s AND r.reference = %(reference)s ORDER BY p.id
"""
_FILE = (
    "SELECT content FROM debit_run WHERE organisation_id = %(org)s AND reference = %(reference)s AND scheme = 'SEPA'"
)
_DEBITS = """
SELECT p.id, p.reference, p.status, p.account_id FROM payment p
WHERE p.organisation_id = %(org)s AND p.mandate_id IS NOT NULL AND p.reference = ANY(%(references)s)
"""
_STATUS = "SELECT status FROM payment WHERE organisation_id = %(org)s AND id = %(id)s"


def _expand(tx: Transaction, one: ReturnedDebit) -> list[ReturnedDebit]:
    """A run that was refused whole is every debit in it, and a part of its file every debit in that."""
    if not one.run_reference:
        return [one]
    debits = [row["reference"] for row in tx.rows(_RUN, reference=one.run_reference)]
    if one.part_reference and debits:
        file = tx.row(_FILE, reference=one.run_reference)
        assert file is not None, "a run keeps its file"
        refused = set(debits_of_part(file["content"], one.part_reference))
        debits = [reference for reference in debits if reference in refused]
    return [ReturnedDebit(reference, one.code, one.reason) for reference in debits]


def _apply(
    tx: Transaction, file_id: UUID, position: int, one: ReturnedDebit, debit: Row | None, actor: Actor, now: datetime
) -> None:  # fmt: skip
    outcome = ReturnOutcome.UNKNOWN if debit is None else _take_back(tx, debit["id"], one, actor, now)
    tx.batch.add(
        DebitReturn,
        [{"id": new_id(), "file_id": file_id, "position": position, "payment_id": debit["id"] if debit else None,
          "reference": one.reference, "code": one.code, "reason": one.reason, "outcome": outcome.value}],
    )  # fmt: skip
    tx.batch.on_violation("uq_debit_return_payment", MovedMeanwhile("Another file told of the same debit meanwhile."))


def _take_back(tx: Transaction, payment_id: UUID, one: ReturnedDebit, actor: Actor, now: datetime) -> ReturnOutcome:
    found = tx.row(_STATUS, id=payment_id)
    assert found is not None, "payments stay"
    reason = f"{one.reason} ({one.code})" if one.code else one.reason
    if found["status"] == PaymentStatus.FAILED:
        return ReturnOutcome.ALREADY
    if found["status"] == PaymentStatus.SUCCESS:
        return_debit(tx, payment_id=payment_id, reason=reason, actor=actor, now=now)
        return ReturnOutcome.RETURNED
    refuse(tx, payment_id=payment_id, reason=reason, actor=actor, now=now)
    return ReturnOutcome.REFUSED
