"""The texts that families are asked to agree to: what is asked now, and writing a new version."""

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.schemas.consents import NewConsentText
from attendance import consents
from engine.database import Transaction
from engine.errors import Conflict, Invalid, TermbookError
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.visitor import Admin

router = APIRouter()


@router.get("/admin/consents")
def show_texts(visit: Admin) -> Response:
    return _page(visit)


def _page(visit: Admin, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    return visit.show("admin/consents.html", lambda tx, _: {"texts": consents.texts_asked(tx)}, form=form,
                      refusal=refusal, code=visit.asked("code"))  # fmt: skip


@router.post("/admin/consents")
def write_text(visit: Admin, form: Posted) -> Response:
    try:
        asked = checked(NewConsentText, {
            "code": form.text("code").upper(), "title": form.text("title"), "body": form.text("body"),
            "is_retired": form.is_ticked("is_retired"),
        })  # fmt: skip

        def verb(tx: Transaction, who: Principal) -> Answer:
            consents.write_text(tx, **asked.model_dump(), actor=who.actor, now=visit.now)
            return Answer({})

        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, form, refusal)
    return visit.go("/admin/consents", visit.say("Text saved. Families will now be asked for it."))
