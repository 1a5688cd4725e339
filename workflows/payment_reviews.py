"""Finance's list of money that needs a person: each entry is closed once, with what was done about it."""

from datetime import datetime
from uuid import UUID

from engine.actor import Actor
from engine.database import Transaction
from engine.errors import Conflict, Invalid, NotFound, NotPermitted, Reason
from models import ActorKind


class ReviewIsResolved(Conflict):
    """Somebody has closed it already; it says with what."""

    code = "review_is_resolved"


_RESOLVE = """
UPDATE payment_review SET resolved_at = %(now)s, resolution = %(resolution)s
WHERE organisation_id = %(org)s AND id = %(id)s AND resolved_at IS NULL
"""
_READ = "SELECT resolution FROM payment_review WHERE organisation_id = %(org)s AND id = %(id)s"


def resolve_review(tx: Transaction, *, review_id: UUID, resolution: str, actor: Actor, now: datetime) -> None:
    """Close an entry with what was done. It moves no money: that is done by its own verbs.

    Raises NotPermitted, Invalid (nothing said), NotFound, ReviewIsResolved.
    """
    if actor.kind not in (ActorKind.ADMIN, ActorKind.FINANCE):
        raise NotPermitted("Finance's list is for admins and finance.")
    if not resolution.strip():
        message = "Say what was done about it."
        raise Invalid(message, reasons=[Reason("reason_missing", message, field="resolution")])
    if tx.run(_RESOLVE, id=review_id, resolution=resolution.strip(), now=now):
        return
    found = tx.row(_READ, id=review_id)
    if found is None:
        raise NotFound("There is no such entry.", what="review")
    raise ReviewIsResolved(f"It was resolved before: {found['resolution']}")
