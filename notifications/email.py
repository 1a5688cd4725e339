"""E-mails: facts and a template in, a message ready to send out, in plain text and HTML.

The templates stand in `templates/<name>.txt` (its first line is the subject) and `templates/<name>.html`. They are in
English; an organisation of another language reads English dates and amounts of its country until it has its own.
"""

import re
import unicodedata
from datetime import date, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from engine.jobs import GivenUp
from engine.money import format_money, parse_locale
from notifications.calendar import make_calendar
from notifications.messages import (
    Attachment,
    BookingCanceled,
    BookingConfirmed,
    Converted,
    DayClosed,
    DebitFailed,
    GuestLinks,
    InterestRegistered,
    InvoiceIssued,
    Message,
    OrderNotRevived,
    OrderTimedOut,
    PaymentReceived,
    QuoteIssued,
    RegistrationAsked,
    Session,
    SubscriptionBooked,
    SubscriptionEnding,
    SubscriptionNotRolled,
    WaitingExpired,
    WaitingOffered,
)

_TEMPLATES: dict[type[Message], str] = {
    InvoiceIssued: "invoice_issued",
    SubscriptionBooked: "subscription_booked",
    SubscriptionEnding: "subscription_ending",
    SubscriptionNotRolled: "subscription_not_rolled",
    BookingCanceled: "booking_canceled",
    BookingConfirmed: "booking_confirmed",
    DayClosed: "day_closed",
    GuestLinks: "guest_links",
    Converted: "converted",
    InterestRegistered: "interest_registered",
    DebitFailed: "debit_failed",
    OrderNotRevived: "order_not_revived",
    OrderTimedOut: "order_timed_out",
    QuoteIssued: "quote_issued",
    RegistrationAsked: "registration_asked",
    PaymentReceived: "payment_received",
    WaitingExpired: "waiting_expired",
    WaitingOffered: "waiting_offered",
}


class AddressRefused(GivenUp):
    """What stands as e-mail address is none; trying again does not change that."""

    code = "address_refused"


def compose(message: Message, *, message_id: UUID, from_address: str, now: datetime) -> EmailMessage:
    """The e-mail of a message. Raises `AddressRefused` where the recipient has no address that mail can go to.

    `message_id` is that of the outbox message: it makes the Message-ID, so that a mail sent twice is recognised by the
    recipient's mail program, which shows it once.
    """
    email = EmailMessage(policy=SMTP)
    text, html = _render(message)
    subject, _, body = text.partition("\n")
    email["Subject"] = subject
    email["From"] = _address(message.organisation.name, from_address)
    email["To"] = _address(message.recipient.name, message.recipient.email)
    if message.organisation.email:
        email["Reply-To"] = _address(message.organisation.name, message.organisation.email)
    email["Date"] = format_datetime(now)
    email["Message-ID"] = f"<{message_id}@{from_address.rpartition('@')[2]}>"
    email["Auto-Submitted"] = "auto-generated"  # no out-of-office answers, please (RFC 3834)
    email.set_content(body.strip() + "\n")
    email.add_alternative(html, subtype="html")
    for attachment in _attachments(message, now=now):
        main, _, sub = attachment.media_type.partition("/")
        email.add_attachment(attachment.content, maintype=main, subtype=sub, filename=one_line(attachment.filename))
    return email


def one_line(text: str) -> str:
    """The text without line breaks, control characters and tricks of writing direction: nothing that a person typed
    can start a header or a line of its own. Emoji and every script stay."""
    kept = (character if _is_visible(character) else " " for character in text)
    return re.sub(" {2,}", " ", "".join(kept)).strip(" ")


# Embeddings, overrides and isolates, which make what follows read backwards.
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _is_visible(character: str) -> bool:
    return character not in _DIRECTIONS and unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}


def _address(name: str, email: str) -> Address:
    """Raises `AddressRefused`. An international domain is written as the mail system knows it."""
    local, _, domain = email.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
        # The library checks addresses in ASCII only; a letter is a letter, so it checks the same shape.
        checked = Address(addr_spec=f"{re.sub('[^ -~]', _stand_in, local)}@{domain}")
        if not (checked.username and checked.domain):
            raise ValueError("an address has a local part and a domain")
    except (ValueError, IndexError, MessageError) as error:
        raise AddressRefused(f"{one_line(email)[:100]!r} is not an e-mail address") from error
    return Address(display_name=one_line(name), username=local, domain=domain)


def _stand_in(match: re.Match[str]) -> str:
    return "x" if match[0].isalnum() else match[0]


def _attachments(message: Message, *, now: datetime) -> list[Attachment]:
    attachments = list(message.attachments)
    if isinstance(message, BookingConfirmed) and any(session.starts_at for session in message.sessions):
        content = make_calendar(
            message.sessions,
            organisation_name=message.organisation.name,
            attendee_id=message.attendee_id,
            attendee_name=message.attendee_name,
            revision=message.revision,
            now=now,
        )
        filename = f"{message.booking_reference}.ics"
        attachments.append(Attachment(filename=filename, content=content, media_type="text/calendar"))
    return attachments


def _render(message: Message) -> tuple[str, str]:
    name, facts = _TEMPLATES[type(message)], {"message": message, **_words(message)}
    text = _environment().get_template(f"{name}.txt").render(facts)
    return text, _environment().get_template(f"{name}.html").render(facts)


def _words(message: Message) -> dict[str, Any]:
    """How this organisation writes money, days and moments."""
    locale = _reading_locale(message.organisation.locale)

    def money(amount_minor: int) -> str:
        return format_money(amount_minor, message.currency, str(locale))  # type: ignore[attr-defined]

    def day(value: date) -> str:
        return format_date(value, "EEE d MMM y", locale=locale)

    def moment(value: datetime) -> str:
        local = value.astimezone(ZoneInfo(message.organisation.time_zone))
        return f"{day(local.date())}, {format_time(local, 'short', locale=locale)}"

    def when(session: Session) -> str:
        return _when(session, locale)

    return {"money": money, "day": day, "moment": moment, "when": when}


def _when(session: Session, locale: Locale) -> str:
    """The session's day and times on its own clock; empty when it is undated."""
    if session.starts_at is None or session.ends_at is None:
        return ""
    zone = ZoneInfo(session.time_zone)
    starts, ends = session.starts_at.astimezone(zone), session.ends_at.astimezone(zone)
    times = " – ".join(format_time(at, "short", locale=locale) for at in (starts, ends))
    return f"{format_date(starts, 'EEE d MMM y', locale=locale)}, {times}"


@cache
def _reading_locale(locale: str) -> Locale:
    wanted = parse_locale(locale)
    if wanted.language == "en":
        return wanted
    try:
        return Locale("en", wanted.territory)
    except UnknownLocaleError:
        return Locale("en")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        finalize=lambda value: one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
