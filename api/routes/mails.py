"""What the organisation's e-mails say, how they look, and which of them a family does without."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import ADMIN, OWNERS, creates, for_roles
from api.reads import mails as shown
from api.reads.people import visible_account
from api.schemas import mails as schemas
from engine.database import Transaction
from engine.errors import Invalid, NotFound
from notifications import choices, own_texts
from notifications.email import forms_of
from notifications.texts import KINDS, LANGUAGES, Text, check_text

router = APIRouter(tags=["e-mails"])

Kind = Annotated[str, Path(max_length=60, pattern=r"^[a-z_]+$")]
Language = Annotated[str, Path(max_length=10, pattern=r"^[a-z]+$")]


@router.get("/mail-texts", **for_roles(ADMIN, response_model=schemas.Mails))
def list_mail_texts(call: Called) -> Response:
    """Every mail in every language, and which of them are in the organisation's own words."""
    return call.read(lambda tx, _: Answer({"items": shown.every(tx)}))


@router.get("/mail-texts/{kind}/{language}", **for_roles(ADMIN, 404, response_model=schemas.MailText))
def read_mail_text(kind: Kind, language: Language, call: Called) -> Response:
    """The text in force, what it may name, and every version."""
    return call.read(lambda tx, _: Answer(shown.whole(tx, kind, language)))


@router.put("/mail-texts/{kind}/{language}", **for_roles(ADMIN, *creates(404), response_model=schemas.MailText))
def save_mail_text(kind: Kind, language: Language, body: schemas.SavedMailText, call: Called) -> Response:
    """Put words in force as the next version, or the standard text again; no version is ever lost."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        text = _sendable(kind, language, body.text) if body.text is not None else None
        own_texts.save_text(tx, kind=kind, language=language, text=text, seen_version=body.seen_version,
                            actor=who.actor, now=call.now)  # fmt: skip
        tx.flush()
        return Answer(shown.whole(tx, kind, language))

    return call.move(verb)


@router.post(
    "/mail-texts/{kind}/{language}/preview", **for_roles(ADMIN, 400, 404, 413, 415, response_model=schemas.MailPreview)
)  # fmt: skip
def preview_mail_text(kind: Kind, language: Language, body: schemas.MailWords, call: Called) -> Response:
    """How words would look in a mail to a family that is made up; nothing is kept."""
    text = _sendable(kind, language, body)

    def query(_: Transaction, who: Principal) -> Answer:
        forms = forms_of(shown.sample(who, kind, language, now=call.now), text=text)
        return Answer({"subject": forms.subject, "plain": forms.plain, "html": forms.html})

    return call.read(query)


def _sendable(kind: str, language: str, words: schemas.MailWords) -> Text:
    """Raises NotFound, or Invalid with each reason in whole words."""
    if kind not in KINDS or language not in LANGUAGES:
        raise NotFound("There is no such mail.", what="mail")
    text = Text(words.subject, words.body)
    if reasons := check_text(kind, text):
        raise Invalid(
            "The text cannot be sent as it is.",
            reasons=[replace(each, message=each.message % (each.facts or {})) for each in reasons],
        )
    return text


@router.get("/accounts/{account_id}/mail-stops", **for_roles(OWNERS, 404, response_model=schemas.MailStops))
def list_mail_stops(account_id: UUID, call: Called) -> Response:
    """The mails that a family can do without, and which of them it does without."""

    def query(tx: Transaction, who: Principal) -> Answer:
        visible_account(tx, who, account_id)
        return Answer({"items": shown.stops(tx, account_id)})

    return call.read(query)


@router.put(
    "/accounts/{account_id}/mail-stops/{kind}", **for_roles(OWNERS, *creates(404), response_model=schemas.MailStops)
)  # fmt: skip
def change_mail_stop(account_id: UUID, kind: Kind, body: schemas.ChangedMailStop, call: Called) -> Response:
    """Stop such mails to the family, or have them sent again; said twice it is the same."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        visible_account(tx, who, account_id)
        if kind not in choices.STOPPABLE:
            raise NotFound("There is no mail of this kind that a family can do without.", what="mail")
        if body.is_stopped:
            choices.stop(tx, account_id=account_id, kind=kind, now=call.now)
        else:
            choices.resume(tx, account_id=account_id, kind=kind)
        tx.flush()
        return Answer({"items": shown.stops(tx, account_id)})

    return call.move(verb)
