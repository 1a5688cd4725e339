"""PINs of who collects: typed at the door, checked here, never kept by a device.

A right PIN becomes a proof, signed and short-lived, which goes with the sign-out, also where the network is lost in
between. Attempts are counted: four digits are few.
"""

from datetime import datetime, timedelta
from uuid import UUID

from api.attempts import Limit, count_attempt, forget_attempts, subject_of
from api.moves import Call, Principal, authenticate
from api.passwords import is_password
from engine.database import Row, Transaction
from engine.errors import NotFound, TermbookError
from engine.links import open_link, sign_link

_ATTEMPTS = Limit("give this PIN", most=5, window=timedelta(minutes=15))
PROVEN_FOR = timedelta(minutes=10)
_PURPOSE = "pick-up pin"


class WrongPin(NotFound):
    """It is not this person's PIN, or they have none."""

    code = "wrong_pin"


_PERSON = """
SELECT h.id, h.pin_hash,
       ARRAY(SELECT DISTINCT g.site_id FROM term_attendance a
             JOIN term_product s ON s.organisation_id = a.organisation_id AND s.id = a.term_product_id
             JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
             JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
             WHERE a.organisation_id = h.organisation_id AND a.attendee_id = h.attendee_id) AS site_ids
FROM authorised_person h WHERE h.organisation_id = %(org)s AND h.id = %(id)s AND h.removed_at IS NULL
"""


def prove_pin(call: Call, secret: str, *, person_id: UUID, pin: str) -> tuple[str, datetime]:
    """A proof, and until when it holds. Raises NotFound, WrongPin, TooManyAttempts."""

    def count(tx: Transaction) -> tuple[Principal, str | None]:
        who, _ = authenticate(tx, call)
        person = _person(tx, who, person_id)
        count_attempt(tx, _ATTEMPTS, subject_of("pin", str(person_id)), now=call.now)
        return who, person["pin_hash"]

    _, pin_hash = call.database.run(call.organisation_id, count)
    if not is_password(pin_hash, pin):
        raise WrongPin("This is not the PIN; ask again, or let them sign.", what="PIN")
    call.database.run(call.organisation_id, lambda tx: forget_attempts(tx, subject_of("pin", str(person_id))))
    until = call.now + PROVEN_FOR
    return sign_link(secret, _PURPOSE, expires_at=until, person=person_id.hex, org=call.organisation_id.hex), until


def _person(tx: Transaction, who: Principal, person_id: UUID) -> Row:
    person = tx.row(_PERSON, id=person_id)
    if person is None or not (who.actor.is_admin or set(person["site_ids"]) & who.actor.site_ids):
        raise NotFound("There is no such authorised person.", what="authorised person")
    return person


def is_proven(secret: str, proof: str | None, *, person_id: UUID | None, organisation_id: UUID, at: datetime) -> bool:
    """Whether the proof is of this person, and was valid at the moment of the sign-out. One that does not hold proves
    nothing: the sign-out waits for a signature then.
    """
    if not proof or person_id is None:
        return False
    try:
        facts = open_link(secret, _PURPOSE, proof, now=at)
    except TermbookError:
        return False
    return facts == {"person": person_id.hex, "org": organisation_id.hex}


__all__ = ["PROVEN_FOR", "WrongPin", "is_proven", "prove_pin"]
