"""What a family agrees to for a child: read, given, refused, taken back; and the child's photo."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import people
from attendance import consents, photos
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, TermbookError
from models import ConsentAnswer
from web.forms import NOTHING_SENT, Form, Posted
from web.photos import as_picture, uploaded_photo
from web.visitor import Family

router = APIRouter()


@router.get("/family/children/{child_id}/consents")
def show_consents(visit: Family, child_id: UUID) -> Response:
    return _page(visit, child_id)


def _page(visit: Family, child_id: UUID, refusal: TermbookError | None = None) -> Response:
    def query(tx: Transaction, who: Principal) -> Row:
        child = people.visible_attendee(tx, who, child_id)
        return {"child": child, "asked": consents.consents_of(tx, [child_id]).get(child_id, [])}

    return visit.show("family/consents.html", query, refusal=refusal)


@router.post("/family/children/{child_id}/consents")
def answer_consent(visit: Family, child_id: UUID, form: Posted) -> Response:
    """Say yes, say no, or take a yes back."""
    said = ConsentAnswer.__members__.get(form.text("answer"))
    text_id = form.id("text")
    try:
        if said is None or text_id is None:
            raise Invalid(visit.say("Please answer yes or no."))

        def verb(tx: Transaction, who: Principal) -> Answer:
            people.visible_attendee(tx, who, child_id)
            consents.answer(tx, attendee_id=child_id, text_id=text_id, said=said, actor=who.actor, now=visit.now)
            return Answer({})

        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, child_id, refusal)
    return visit.go(f"/family/children/{child_id}/consents", visit.say("Your answer has been saved."))


@router.get("/family/children/{child_id}/photo")
def read_photo(visit: Family, child_id: UUID) -> Response:
    def query(tx: Transaction, who: Principal) -> bytes:
        people.visible_attendee(tx, who, child_id)
        return photos.photo_of(tx, child_id)

    return as_picture(visit.fetch(query), visit.state.settings)


@router.post("/family/children/{child_id}/photo")
def keep_photo(visit: Family, child_id: UUID, form: Posted) -> Response:
    """A new photo, or none any more."""
    try:
        jpeg = None if form.text("do") == "remove" else uploaded_photo(form)

        def verb(tx: Transaction, who: Principal) -> Answer:
            people.visible_attendee(tx, who, child_id)
            if jpeg is None:
                photos.remove_photo(tx, attendee_id=child_id)
            else:
                photos.keep_photo(tx, attendee_id=child_id, jpeg=jpeg, actor=who.actor, now=visit.now)
            return Answer({})

        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return show_photo_page(visit, child_id, form, refusal)
    said = visit.say("Photo removed.") if jpeg is None else visit.say("Photo saved.")
    return visit.go(f"/family/children/{child_id}/picture", said)


@router.get("/family/children/{child_id}/picture")
def show_picture(visit: Family, child_id: UUID) -> Response:
    return show_photo_page(visit, child_id)


def show_photo_page(
    visit: Family, child_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> Row:
        child = people.visible_attendee(tx, who, child_id)
        return {"child": child, "mark": photos.photo_marks(tx, [child_id]).get(child_id)}

    return visit.show("family/picture.html", query, form=form, refusal=refusal)
