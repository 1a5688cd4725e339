"""Children of a family, as they are made and kept: of the API and of the pages alike."""

from datetime import datetime
from uuid import UUID

from api.editing import Resource, create
from api.moves import Answer, Principal
from api.reads import people
from engine.database import Row, Transaction
from engine.ids import new_id, new_reference
from models import Attendee

ATTENDEES = Resource(
    Attendee, "attendee", "/attendees",
    (
        "reference", "name", "date_of_birth", "school_year", "height_cm", "weight_kg", "medical_notes",
        "allergy_notes", "medical_severity", "allergy_severity", "authorised_pick_ups", "must_not_collect",
        "created_at",
    ),
)  # fmt: skip

# An account may book for an attendee; a guardian acts for it.
LINK = {
    "attendee": "INSERT INTO account_attendee (organisation_id, id, account_id, attendee_id) "
    "VALUES (%(org)s, %(id)s, %(account_id)s, %(other_id)s) ON CONFLICT DO NOTHING",
    "guardian": "INSERT INTO account_user (organisation_id, id, account_id, user_id) "
    "VALUES (%(org)s, %(id)s, %(account_id)s, %(other_id)s) ON CONFLICT DO NOTHING",
}


def add_attendee(tx: Transaction, who: Principal, account_id: UUID, given: Row, *, now: datetime) -> Answer:
    """Make an attendee of an account that the caller may see. Raises NotFound."""
    account = people.visible_account(tx, who, account_id)
    made = create(tx, ATTENDEES, given | {"reference": new_reference("AT"), "created_at": now})
    assert made.body is not None
    tx.run(LINK["attendee"], id=new_id(), account_id=account["id"], other_id=made.body["id"])
    return made
