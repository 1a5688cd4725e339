"""What the organisation's e-mails say: each text with its placeholders, a look at both forms, and its versions."""

from html import escape
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import mails as shown
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from notifications import own_texts
from notifications.choices import STOPPABLE
from notifications.email import forms_of
from notifications.messages import Message
from notifications.texts import KINDS, LANGUAGES, Text, check_text, placeholders
from web.forms import NOTHING_SENT, Form, Posted
from web.mail_pages import mail_document
from web.mail_words import in_the_readers_words
from web.visitor import Admin
from web.words import N_

router = APIRouter()

# What `check_text` finds, said to whoever writes the text.
FAULTS = (
    N_("The text cannot be sent as it is."), N_("A subject is one line."),
    N_("There is no placeholder %(name)s in this mail."), N_("Line %(line)s cannot be read: %(why)s."),
    N_("Line %(line)s: only placeholders and conditions on them are understood."),
    N_("Somebody saved another version meanwhile: look at it, and save yours again."),
)  # fmt: skip


@router.get("/admin/mails")
def list_mails(visit: Admin) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        return {"own": own_texts.own_kinds(tx)}

    return visit.show("admin/mails.html", query, kinds=list(KINDS), tongues=LANGUAGES, stoppable=STOPPABLE)


@router.get("/admin/mails/{kind}/{language}")
def show_mail(visit: Admin, kind: str, language: str) -> Response:
    return _page(visit, kind, language)


def _page(
    visit: Admin, kind: str, language: str, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        versions = own_texts.versions(tx, kind, language)
        return {"versions": versions, "text": _shown(visit, kind, language, versions)}

    return visit.show("admin/mail.html", query, form=form, refusal=refusal, kind=kind, language=language,
                      names=placeholders(kind) if kind in KINDS else ())  # fmt: skip


def _shown(visit: Admin, kind: str, language: str, versions: list[Row]) -> Text:
    """The text in force, or the version that the address asks for."""
    asked = visit.asked("version")
    chosen = next((one for one in versions if str(one["version"]) == asked), versions[0] if versions else None)
    return shown.text_of(kind, language, chosen)


@router.post("/admin/mails/{kind}/{language}")
def save_mail(visit: Admin, kind: str, language: str, form: Posted) -> Response:
    """Put the words in force, or ours again."""
    seen = form.whole("seen_version")

    def verb(tx: Transaction, who: Principal) -> Answer:
        version = own_texts.save_text(
            tx, kind=kind, language=language, text=None if form.text("do") == "ours" else _sent(form),
            seen_version=seen if isinstance(seen, int) else 0, actor=who.actor, now=visit.now,
        )  # fmt: skip
        return Answer({"version": version})

    try:
        made = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, kind, language, form, refusal)
    return visit.go(f"/admin/mails/{kind}/{language}", visit.say("Version %(n)s is now in use.", n=made["version"]))


def _sent(form: Form) -> Text:
    return Text(form.text("subject"), form.text("body").replace("\r\n", "\n"))


@router.get("/admin/mails/{kind}/{language}/preview")
def preview_kept(visit: Admin, kind: str, language: str) -> Response:
    """How the text in force looks."""

    def query(tx: Transaction, who: Principal) -> tuple[Text, Message]:
        versions = own_texts.versions(tx, kind, language)
        return _shown(visit, kind, language, versions), shown.sample(who, kind, language, now=visit.now)

    text, message = visit.fetch(query)
    return mail_document(_both_forms(visit, message, text))


@router.post("/admin/mails/{kind}/{language}/preview")
def preview_sent(visit: Admin, kind: str, language: str, form: Posted) -> Response:
    """How the words would look that are being written; nothing is kept."""
    if kind not in KINDS or language not in LANGUAGES:
        raise NotFound("There is no such mail.", what="mail")
    message = visit.fetch(lambda _, who: shown.sample(who, kind, language, now=visit.now))
    text = _sent(form)
    if reasons := check_text(kind, text):
        said = "".join(f"<li>{escape(visit.say(one.message, **(one.facts or {})))}</li>" for one in reasons)
        return mail_document(
            f'<!doctype html><html lang="{visit.language or "en"}"><title>-</title><ul>{said}</ul></html>'
        )
    return mail_document(_both_forms(visit, message, text))


def _both_forms(visit: Admin, message: Message, text: Text) -> str:
    """The HTML form, and below it the plain one."""
    forms = forms_of(in_the_readers_words(message), text=text)
    said = escape(f"{forms.subject}\n\n{forms.plain}")
    plain = (
        f'<hr><h2 style="font-size:16px">{escape(visit.say("As plain text"))}</h2>'
        f'<pre style="white-space:pre-wrap;font:14px/1.5 monospace">{said}</pre>'
    )
    head = f'<p style="max-width:600px;margin:0 auto 12px"><strong>{escape(forms.subject)}</strong></p>'
    opened, body, rest = forms.html.partition("<div ")
    return f"{opened}{head}{body}{rest}".replace("</body>", f"{plain}</body>")
