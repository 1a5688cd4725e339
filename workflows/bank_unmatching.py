"""A line of a bank statement that was matched with the wrong order: the match is undone by compensating entries.

The payment that it made is taken back as a returned one is; the line is open again, for the right order. What the
payment confirmed stays confirmed, and is owed.
"""

from datetime import datetime
from uuid import UUID

from engine.actor import Actor
from engine.batch import Guarded
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, NotPermitted, Reason
from engine.fire import MovedMeanwhile
from models import ActorKind, PaymentStatus
from workflows.order_facts import lock_order
from workflows.taking_back import fail_taken_back, take_back


class MatchUndone(Conflict):
    """A match is undone once."""

    code = "match_undone"


_MATCH = """
SELECT m.id, m.amount_minor, m.undone_at, p.id AS payment_id, p.reference, p.order_id, p.provider, p.status
FROM bank_match m JOIN payment p ON p.organisation_id = m.organisation_id AND p.id = m.payment_id
WHERE m.organisation_id = %(org)s AND m.line_id = %(line_id)s AND m.payment_id = %(payment_id)s
"""
_UNDO = Guarded(
    name="undo_match",
    sql="UPDATE bank_match t SET undone_at = r.at, undone_by = r.user_id, undo_reason = r.reason FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.undone_at IS NULL RETURNING t.id",
    takes="id uuid, at timestamptz, user_id uuid, reason text",
)
_OPEN_LINE = Guarded(
    name="open_line_again",
    sql="UPDATE bank_line t SET matched_minor = t.matched_minor - r.amount_minor FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.matched_minor >= r.amount_minor RETURNING t.id",
    takes="id uuid, amount_minor bigint",
)


def unmatch(
    tx: Transaction, *, line_id: UUID, payment_id: UUID, reason: str, actor: Actor, now: datetime
) -> None:  # fmt: skip
    """Take the payment back that a line was matched with. Raises NotFound, NotPermitted, Invalid, MatchUndone."""
    if actor.kind not in (ActorKind.ADMIN, ActorKind.FINANCE):
        raise NotPermitted("Bank statements are for admins and finance.")
    if not reason.strip():
        message = "Say what was wrong with the match."
        raise Invalid(message, reasons=[Reason("reason_missing", message, field="reason")])
    order = lock_order(tx, _read(tx, line_id, payment_id)["order_id"], actor=actor)
    match = _read(tx, line_id, payment_id)
    once = MatchUndone(f"The match with {match['reference']} is undone.")
    if match["undone_at"] is not None or match["status"] != PaymentStatus.SUCCESS:
        raise once
    owed_minor = take_back(tx, order, {**match, "id": payment_id}, now=now)
    fail_taken_back(tx.batch, payment_id, reason=f"match undone: {reason.strip()}", owed_minor=owed_minor,
                    actor_id=actor.user_id, now=now, otherwise=once)  # fmt: skip
    undone = {"id": match["id"], "at": now, "user_id": actor.user_id, "reason": reason.strip()}
    tx.batch.guard(_UNDO, [undone], otherwise=lambda _: once)
    tx.batch.guard(_OPEN_LINE, [{"id": line_id, "amount_minor": match["amount_minor"]}],
                   otherwise=lambda _: MovedMeanwhile("The line was matched meanwhile; look at it again."))  # fmt: skip


def _read(tx: Transaction, line_id: UUID, payment_id: UUID) -> Row:
    found = tx.row(_MATCH, line_id=line_id, payment_id=payment_id)
    if found is None:
        raise NotFound("The line is not matched with such a payment.", what="match")
    return found
