"""E-mails: facts and a text in, a message ready to send out, in plain text and HTML."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import UUID

from engine.jobs import GivenUp
from notifications.calendar import make_calendar
from notifications.facts import facts_of, one_line, reading_locale
from notifications.html import ADDRESS, as_html
from notifications.messages import Attachment, BookingConfirmed, GuestLinks, Message
from notifications.texts import Text, fill, kind_of, standard_text

_STOP = {"en": "Stop such e-mails", "fr": "Ne plus recevoir ces courriels"}


class AddressRefused(GivenUp):
    """What stands as e-mail address is none; trying again does not change that."""

    code = "address_refused"


def compose(
    message: Message, *, message_id: UUID, from_address: str, now: datetime, text: Text | None = None,
    unsubscribe: str = "",
) -> EmailMessage:  # fmt: skip
    """The e-mail of a message. Raises `AddressRefused` where the recipient has no address that mail can go to.

    `message_id` is that of the outbox message: it makes the Message-ID, so that a mail sent twice is recognised by the
    recipient's mail program, which shows it once. `text` is the organisation's own where it has one. `unsubscribe` is
    the address by which such mails are stopped, by its page or by one click of the mail program (RFC 8058).
    """
    email = EmailMessage(policy=SMTP)
    form = forms_of(message, text=text, unsubscribe=unsubscribe)
    email["Subject"] = form.subject
    email["From"] = _address(message.organisation.name, from_address)
    email["To"] = _address(message.recipient.name, message.recipient.email)
    if message.organisation.email:
        email["Reply-To"] = _address(message.organisation.name, message.organisation.email)
    email["Date"] = format_datetime(now)
    email["Message-ID"] = f"<{message_id}@{from_address.rpartition('@')[2]}>"
    email["Auto-Submitted"] = "auto-generated"  # no out-of-office answers, please (RFC 3834)
    if unsubscribe:
        email["List-Unsubscribe"] = f"<{unsubscribe}>"
        email["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    email.set_content(form.plain)
    email.add_alternative(form.html, subtype="html")
    for attachment in _attachments(message, now=now):
        main, _, sub = attachment.media_type.partition("/")
        email.add_attachment(attachment.content, maintype=main, subtype=sub, filename=one_line(attachment.filename))
    return email


@dataclass(frozen=True, slots=True)
class Forms:
    """A mail as it is read: its subject, and what it says in both forms."""

    subject: str
    plain: str
    html: str


def forms_of(message: Message, *, text: Text | None = None, unsubscribe: str = "") -> Forms:
    """What a mail says, in the reader's language."""
    kind, language = kind_of(message), reading_locale(message).language
    chosen = text or standard_text(kind, language)
    said = fill(chosen, facts_of(kind, message))
    organisation = message.organisation
    closing = [organisation.name, organisation.phone, organisation.email]
    plain = said.body + "\n\n" + "\n".join(one_line(line) for line in closing if line) + "\n"
    if unsubscribe:
        plain += f"\n{_STOP[language]}: {unsubscribe}\n"
    html = as_html(said.subject, said.body, message, addresses=_addresses(message, chosen), language=language,
                   unsubscribe=unsubscribe, why=_STOP[language])  # fmt: skip
    return Forms(said.subject, plain, html)


def _addresses(message: Message, text: Text) -> set[str]:
    """Where a mail leads: to what it is about, and to what the text itself names."""
    orders = message.orders if isinstance(message, GuestLinks) else ()
    return {*ADDRESS.findall(text.body), *(order.link for order in orders), *filter(None, [message.link])}


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
