"""Heads counted in a room, apart from the roll: a difference is explained before the roll closes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason
from models import Headcount


class NothingToExplain(Conflict):
    """The count and the roll agree."""

    code = "nothing_to_explain"


@dataclass(slots=True)
class Count:
    """A headcount beside what the roll says of the moment when it was taken."""

    id: UUID
    counted: int
    counted_at: datetime
    counted_by: str | None
    device: str
    on_roll: int
    explanation: str

    @property
    def difference(self) -> int:
        """How many more heads than the roll knows; less than nothing: somebody is missing."""
        return self.counted - self.on_roll

    @property
    def is_reconciled(self) -> bool:
        return self.difference == 0 or bool(self.explanation)


_COUNT = """
SELECT h.id, h.counted, h.counted_at, u.name AS counted_by, h.device, h.explanation,
       (SELECT count(*) FROM term_attendance a WHERE a.organisation_id = h.organisation_id
        AND a.term_product_id = h.term_product_id AND a.status IN ('PRESENT', 'LATE', 'LEFT')
        AND coalesce(a.signed_in_at, '-infinity') <= h.counted_at
        AND coalesce(a.signed_out_at, 'infinity') > h.counted_at) AS on_roll
FROM headcount h LEFT JOIN "user" u ON u.organisation_id = h.organisation_id AND u.id = h.counted_by
WHERE h.organisation_id = %(org)s AND {which}
"""


def last_count(tx: Transaction, session_id: UUID) -> Count | None:
    """The latest headcount of a session, against the roll as it is now of that moment."""
    which = "h.term_product_id = %(session_id)s ORDER BY h.counted_at DESC, h.id DESC LIMIT 1"
    row = tx.row(_COUNT.format(which=which), session_id=session_id)
    return Count(**row) if row else None


def take_count(
    tx: Transaction, *, session_id: UUID, count_id: UUID, counted: int, counted_at: datetime, device: str,
    explanation: str, actor: Actor, now: datetime,
) -> bool:  # fmt: skip
    """Note a count, once; says whether it is new. The caller knows that the session is the actor's. Raises Invalid."""
    if counted_at > now:
        message = "Heads are not counted in the future; check the device's clock."
        raise Invalid(message, reasons=[Reason("in_the_future", message, field="counted_at")])
    if tx.row("SELECT 1 FROM headcount WHERE organisation_id = %(org)s AND id = %(id)s", id=count_id) is not None:
        return False
    tx.batch.add(Headcount, [{
        "id": count_id, "term_product_id": session_id, "counted": counted, "counted_at": counted_at,
        "counted_by": actor.user_id, "device": device, "recorded_at": now, "explanation": explanation,
        "explained_by": actor.user_id if explanation else None, "explained_at": now if explanation else None,
    }])  # fmt: skip
    return True


def explain(tx: Transaction, *, session_id: UUID, explanation: str, actor: Actor, now: datetime) -> Count:
    """Say why the last count and the roll differ. Raises NotFound (nobody counted), NothingToExplain."""
    count = last_count(tx, session_id)
    if count is None:
        raise NotFound("Nobody has counted yet.", what="headcount")
    if count.difference == 0:
        raise NothingToExplain("The count and the roll agree.")
    values: Row = {"id": count.id, "explanation": explanation, "by": actor.user_id, "now": now}
    tx.run("UPDATE headcount SET explanation = %(explanation)s, explained_by = %(by)s, explained_at = %(now)s "
           "WHERE organisation_id = %(org)s AND id = %(id)s", **values)  # fmt: skip
    count.explanation = explanation
    return count
