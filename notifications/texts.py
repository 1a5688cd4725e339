"""The texts of the e-mails: one of each kind and language, from which the plain and the HTML form are both made.

Ours stand in `templates/<language>/<kind>.txt`, the subject in the first line; an organisation may write its own. A
text has placeholders, `{{ attendee_name }}`, and conditions on them, `{% if owed %} … {% endif %}`: nothing else, so
that it can do no more than say what the message knows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.errors import Reason
from engine.punctuation import end_once
from notifications import messages
from notifications.messages import Message

LANGUAGES = ("en", "fr")
LONGEST_SUBJECT, LONGEST_BODY = 300, 10_000

_KINDS: tuple[type[Message], ...] = (
    messages.BookingConfirmed, messages.BookingCanceled, messages.DayClosed, messages.DayReopened,
    messages.QuoteIssued, messages.OrderTimedOut, messages.OrderNotRevived, messages.WaitingOffered,
    messages.WaitingExpired, messages.PaymentDue, messages.OverdueFee, messages.PaymentReceived, messages.DebitFailed,
    messages.RefundNews, messages.InvoiceIssued, messages.InterestRegistered, messages.Converted,
    messages.SubscriptionBooked, messages.SubscriptionChanged, messages.SubscriptionEnding,
    messages.SubscriptionNotRolled, messages.MakeupGranted, messages.MakeupExpiring, messages.MakeupExpired,
    messages.PassBought, messages.PassUsedUp, messages.PassEnding, messages.PassRevoked,
    messages.GuestLinks, messages.RegistrationAsked, messages.SignInAsked,
)  # fmt: skip
KINDS: dict[str, type[Message]] = {
    re.sub(r"(?<!^)(?=[A-Z])", "_", one.__name__).lower(): one for one in _KINDS
}  # fmt: skip
_NAMES = {one: kind for kind, one in KINDS.items()}

# Facts that no text says: files, what only a calendar needs, and what the amounts are written in.
UNTOLD = frozenset({"attachments", "currency", "attendee_id", "revision"})
_PARTIES = ("organisation_phone", "organisation_email")


@dataclass(frozen=True, slots=True)
class Text:
    """What a mail says, with its placeholders."""

    subject: str
    body: str


def kind_of(message: Message) -> str:
    return _NAMES[type(message)]


def language_of(locale: str) -> str:
    """The language of ours that a locale speaks; English where it speaks none of them."""
    spoken = re.split(r"[-_]", locale)[0].lower()
    return spoken if spoken in LANGUAGES else LANGUAGES[0]


@cache
def standard_text(kind: str, language: str) -> Text:
    """Ours."""
    text = (Path(__file__).parent / "templates" / language / f"{kind}.txt").read_text()
    subject, _, body = text.partition("\n")
    return Text(subject, body.strip())


@cache
def placeholders(kind: str) -> tuple[str, ...]:
    """What a text of this kind may name, in alphabetical order."""
    of = KINDS[kind]
    known = {field.name.removesuffix("_minor") for field in fields(of)} - UNTOLD
    derived = {name for one in of.__mro__ for name, value in vars(one).items() if isinstance(value, property)}
    return tuple(sorted(known | derived | set(_PARTIES)))


_ALLOWED = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.If, nodes.Not, nodes.And, nodes.Or)


def check_text(kind: str, text: Text) -> list[Reason]:
    """What is wrong with a text, each with its place; nothing where it can be sent."""
    reasons = [*_faults(kind, text.subject, "subject"), *_faults(kind, text.body, "body")]
    for field, value, most in (("subject", text.subject, LONGEST_SUBJECT), ("body", text.body, LONGEST_BODY)):
        if not value.strip():
            reasons.append(Reason("required", "Please fill this in.", field=field))
        elif len(value) > most:
            reasons.append(Reason("too_long", "Use at most %(most)s characters.", field=field, facts={"most": most}))
    if "\n" in text.subject.strip():
        reasons.append(Reason("one_line", "A subject is one line.", field="subject"))
    return reasons


def _faults(kind: str, source: str, field: str) -> Iterator[Reason]:
    try:
        parsed = _environment().parse(source)
    except TemplateSyntaxError as wrong:
        yield Reason("malformed_text", "Line %(line)s cannot be read: %(why)s.", field=field,
                     facts={"line": wrong.lineno, "why": str(wrong.message).rstrip(".")})  # fmt: skip
        return
    for node in parsed.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            yield Reason("not_a_placeholder", "Line %(line)s: only placeholders and conditions on them are understood.",
                         field=field, facts={"line": node.lineno})  # fmt: skip
            return
    known = placeholders(kind)
    for name in dict.fromkeys(node.name for node in parsed.find_all(nodes.Name)):
        if name not in known:
            yield Reason("unknown_placeholder", "There is no placeholder %(name)s in this mail.", field=field,
                         facts={"name": name})  # fmt: skip


def fill(text: Text, facts: dict[str, Any]) -> Text:
    """The text with what the message knows; raises UndefinedError for a name that it does not."""
    subject, body = (end_once(_environment().from_string(one).render(facts)) for one in (text.subject, text.body))
    return Text(re.sub(r"\s*\n\s*", " ", subject).strip(), re.sub(r"\n[ \t]*(\n[ \t]*)+\n", "\n\n", body).strip())


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )  # the HTML form escapes what the plain one says
