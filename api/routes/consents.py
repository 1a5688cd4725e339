"""Consents: the texts that families are asked to agree to, and what was answered for a child."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import ADMIN, EVERYBODY, OWNERS, creates, for_roles
from api.reads import people as shown
from api.schemas.base import Page
from api.schemas.consents import ConsentStanding, ConsentText, NewConsent, NewConsentText
from attendance import consents
from engine.database import Transaction

router = APIRouter(tags=["people"])


@router.get("/consent-texts", **for_roles(EVERYBODY, response_model=Page[ConsentText]))
def list_consent_texts(call: Called) -> Response:
    """What families are asked to agree to today: the newest version of each text that is not retired."""
    return call.read(lambda tx, _: Answer({"items": consents.texts_asked(tx), "next_cursor": None}))


@router.post("/consent-texts", **for_roles(ADMIN, *creates(), status_code=201, response_model=ConsentText))
def write_consent_text(body: NewConsentText, call: Called) -> Response:
    """Write a new version of a text. Answers to older versions stay on record, and families are asked again."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        made = consents.write_text(tx, **body.model_dump(), actor=who.actor, now=call.now)
        made.pop("written_by")
        return Answer(made, 201)

    return call.move(verb)


@router.get("/attendees/{attendee_id}/consents", **for_roles(OWNERS, 404, response_model=Page[ConsentStanding]))
def list_consents(attendee_id: UUID, call: Called) -> Response:
    """What is asked for the child today, and how it was answered last, by whom and when."""
    return call.read(lambda tx, who: _standing(tx, who, attendee_id))


def _standing(tx: Transaction, who: Principal, attendee_id: UUID) -> Answer:
    shown.visible_attendee(tx, who, attendee_id)
    rows = consents.consents_of(tx, [attendee_id]).get(attendee_id, [])
    items = [{name: row[name] for name in ConsentStanding.model_fields} for row in rows]
    return Answer({"items": items, "next_cursor": None})


@router.post(
    "/attendees/{attendee_id}/consents",
    **for_roles(OWNERS, *creates(404), status_code=201, response_model=Page[ConsentStanding]),
)  # fmt: skip
def answer_consent(attendee_id: UUID, body: NewConsent, call: Called) -> Response:
    """Give, refuse or take back a consent for the child; each answer stays on record."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        shown.visible_attendee(tx, who, attendee_id)
        consents.answer(tx, attendee_id=attendee_id, text_id=body.text_id, said=body.answer, actor=who.actor,
                        now=call.now)  # fmt: skip
        tx.flush()
        found = _standing(tx, who, attendee_id)
        return Answer(found.body, 201)

    return call.move(verb)
