"""Signatures of who collected: strokes of a finger, drawn by us; and the queue of those that are missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from engine.actor import Actor
from engine.database import Transaction
from engine.errors import Conflict, Invalid, NotFound, NotPermitted, Reason
from engine.ids import new_id
from models import ActorKind, Signature
from models.roll import LARGEST_SIGNATURE_BYTES

Strokes = Sequence[Sequence[Sequence[int]]]
# The field that strokes are drawn on.
WIDTH, HEIGHT = 1000, 400


class SignedAlready(Conflict):
    """A signature stands; it is never replaced."""

    code = "signed_already"


@dataclass(slots=True)
class MissingSignature:
    """Somebody was collected, and neither a PIN nor a signature proves it yet."""

    sign_out_id: UUID
    session_id: UUID
    session: str
    site: str
    time_zone: str
    name: str
    collected_by: str
    left_at: datetime


_MISSING = """
SELECT o.id AS sign_out_id, s.id AS session_id, p.name AS session, i.name AS site, i.time_zone, t.name,
       o.collected_by, o.left_at
FROM sign_out o
JOIN term_attendance a ON a.organisation_id = o.organisation_id AND a.id = o.attendance_id AND a.mark_id = o.id
JOIN attendee t ON t.organisation_id = a.organisation_id AND t.id = a.attendee_id
JOIN term_product s ON s.organisation_id = a.organisation_id AND s.id = a.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
WHERE o.organisation_id = %(org)s AND o.needs_proof AND NOT o.is_pin_proven AND a.status = 'LEFT'
  AND NOT EXISTS (SELECT FROM signature x WHERE x.organisation_id = o.organisation_id AND x.sign_out_id = o.id)
  AND (%(everywhere)s OR g.site_id = ANY(%(sites)s))
ORDER BY o.left_at, o.id LIMIT %(limit)s
"""


def missing_signatures(tx: Transaction, *, actor: Actor, limit: int = 200) -> list[MissingSignature]:
    """The queue of the actor's sites, oldest first."""
    if actor.kind not in (ActorKind.ADMIN, ActorKind.STAFF):
        raise NotPermitted("Signatures are for staff and admins.")
    rows = tx.rows(_MISSING, everywhere=actor.is_admin, sites=list(actor.site_ids), limit=limit)
    return [MissingSignature(**row) for row in rows]


_SIGN_OUT = """
SELECT o.id, x.id AS signature_id, x.strokes FROM sign_out o
JOIN term_attendance a ON a.organisation_id = o.organisation_id AND a.id = o.attendance_id
JOIN term_product s ON s.organisation_id = a.organisation_id AND s.id = a.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
LEFT JOIN signature x ON x.organisation_id = o.organisation_id AND x.sign_out_id = o.id
WHERE o.organisation_id = %(org)s AND o.id = %(id)s AND (%(everywhere)s OR g.site_id = ANY(%(sites)s))
"""


def sign(
    tx: Transaction, *, sign_out_id: UUID, strokes: Strokes, signed_at: datetime, actor: Actor, now: datetime,
    signature_id: UUID | None = None,
) -> bool:  # fmt: skip
    """Keep the signature of who collected; says whether it is new: the same one sent again changes nothing.

    Raises NotFound, SignedAlready (with other strokes), Invalid (nothing drawn, off the field, too large, the future).
    """
    found = tx.row(_SIGN_OUT, id=sign_out_id, everywhere=actor.is_admin, sites=list(actor.site_ids))
    if found is None:
        raise NotFound("There is no such sign-out.", what="sign-out")
    _require_drawn(strokes, signed_at, now)
    if found["signature_id"] is not None:
        if found["strokes"] == [[list(point) for point in stroke] for stroke in strokes]:
            return False
        raise SignedAlready("It is signed already.")
    tx.batch.add(Signature, [{
        "id": signature_id or new_id(), "sign_out_id": sign_out_id, "strokes": strokes, "signed_at": signed_at,
        "taken_by": actor.user_id, "recorded_at": now,
    }])  # fmt: skip
    signed = SignedAlready("It was signed at the same moment elsewhere.")
    tx.batch.on_violation("uq_signature_organisation_id_sign_out_id", signed)
    return True


def _require_drawn(strokes: Strokes, signed_at: datetime, now: datetime) -> None:
    points = [point for stroke in strokes for point in stroke]
    message = ""
    if len(points) < 2:
        message = "Nothing is signed yet."
    elif any(len(point) != 2 or not (0 <= point[0] <= WIDTH and 0 <= point[1] <= HEIGHT) for point in points):
        message = f"A signature is drawn on a field of {WIDTH} by {HEIGHT}."
    elif len(orjson.dumps(strokes)) > LARGEST_SIGNATURE_BYTES // 2:
        message = "The signature is too large; sign again, more simply."
    if message:
        raise Invalid(message, reasons=[Reason("bad_signature", message, field="strokes", rule="signature")])
    if signed_at > now:
        message = "Nobody signs in the future; check the device's clock."
        raise Invalid(message, reasons=[Reason("in_the_future", message, field="signed_at")])


def read_signature(tx: Transaction, *, sign_out_id: UUID, actor: Actor) -> str:
    """The signature as an SVG picture. Raises NotFound."""
    found = tx.row(_SIGN_OUT, id=sign_out_id, everywhere=actor.is_admin, sites=list(actor.site_ids))
    if found is None or found["strokes"] is None:
        raise NotFound("There is no such signature.", what="signature")
    return drawn(found["strokes"])


def drawn(strokes: Strokes) -> str:
    """Strokes as SVG: numbers alone come from outside."""
    paths = "".join(
        "<path d='M" + " L".join(f"{int(x)} {int(y)}" for x, y in stroke) + "'/>" for stroke in strokes if stroke
    )
    return (f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' fill='none' stroke='#111' "
            f"stroke-width='6' stroke-linecap='round' stroke-linejoin='round'>{paths}</svg>")  # fmt: skip
