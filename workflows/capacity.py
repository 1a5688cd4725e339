"""How many places a session has: an admin changes it, with a reason that is kept."""

from datetime import datetime
from uuid import UUID

from catalogue.venues import require_seats
from engine.actor import Actor
from engine.batch import FollowUp
from engine.database import Transaction
from engine.errors import Invalid, NotFound, NotPermitted, Reason
from engine.ids import new_id
from engine.words import are, so_many
from models import CapacityChange
from workflows.waiting_list import offer_freed

_LOCK = """
SELECT capacity, taken FROM term_product WHERE organisation_id = %(org)s AND id = %(id)s FOR NO KEY UPDATE
"""


def set_capacity(
    tx: Transaction, *, session_id: UUID, capacity: int, reason: str, actor: Actor, now: datetime
) -> None:  # fmt: skip
    """Give a session more or fewer places, never fewer than are taken nor more than it has seats.

    Nobody overrides capacity (DOMAIN §3): this is how more get in, and who waits comes first. Raises NotPermitted,
    NotFound, Invalid.
    """
    if not actor.is_admin:
        raise NotPermitted("Only an admin changes how many places a session has.")
    # Locks the venue, which comes before its sessions.
    require_seats(tx, session_id, capacity=capacity)
    found = tx.row(_LOCK, id=session_id)
    if found is None:
        raise NotFound("There is no such session.", what="session")
    if capacity < found["taken"]:
        message = (
            f"{so_many(found['taken'], 'place')} {are(found['taken'])} taken; a session has no fewer places than that."
        )
        raise Invalid(message, reasons=[Reason("below_taken", message, field="capacity", rule="capacity",
                                               facts={"taken": found["taken"]})])  # fmt: skip
    if capacity == found["capacity"]:
        return
    tx.run("UPDATE term_product SET capacity = %(capacity)s WHERE organisation_id = %(org)s AND id = %(id)s",
           capacity=capacity, id=session_id)  # fmt: skip
    tx.batch.follow_up(FollowUp(offer_freed, now), [session_id])
    tx.batch.add(
        CapacityChange,
        [{"id": new_id(), "term_product_id": session_id, "from_capacity": found["capacity"], "to_capacity": capacity,
          "reason": reason, "actor_id": actor.user_id, "at": now}],
    )  # fmt: skip
