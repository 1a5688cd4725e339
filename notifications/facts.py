"""What a message knows, as words: amounts, days, moments and lists as the reader's language and place write them."""

import re
import unicodedata
from dataclasses import fields
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_day_names
from babel.lists import format_list

from engine.money import format_money, parse_locale
from notifications.messages import GuestOrder, Message, Session
from notifications.texts import LANGUAGES, UNTOLD, language_of, placeholders

_ORDER = {"en": "{reference} for {attendee}:", "fr": "{reference} pour {attendee} :"}
_KEPT = {"en": "Its places are kept until {moment}; please pay before then.",
         "fr": "Ses places sont gardées jusqu’au {moment}; merci de payer avant."}  # fmt: skip
_SEAT = {"en": "Row {row} seat {seat}", "fr": "Rang {row}, place {seat}"}
_SEAT_AS_READ = re.compile("Row (.+) seat (.+)")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Amount(str):
    """Money in words, which counts as nothing where it is."""

    minor: int = 0

    def __new__(cls, words: str, minor: int) -> "Amount":
        made = super().__new__(cls, words)
        made.minor = minor
        return made

    def __bool__(self) -> bool:
        return self.minor != 0


def reading_locale(message: Message) -> Locale:
    """The reader's language, as it is written where the organisation is."""
    own = parse_locale(message.organisation.locale)
    chosen = message.recipient.language
    language = chosen if chosen in LANGUAGES else language_of(message.organisation.locale)
    if language == own.language:
        return own
    try:
        return Locale(language, own.territory)
    except UnknownLocaleError:
        return Locale(language)


def facts_of(kind: str, message: Message) -> dict[str, Any]:
    """Every placeholder of the kind, in words."""
    locale, zone = reading_locale(message), ZoneInfo(message.organisation.time_zone)
    known = {field.name: getattr(message, field.name) for field in fields(message) if field.name not in UNTOLD}
    known |= {name: getattr(message, name) for name in placeholders(kind) if hasattr(message, name)}
    known |= {
        "organisation": message.organisation.name, "organisation_phone": message.organisation.phone,
        "organisation_email": message.organisation.email, "recipient": message.recipient.name,
    }  # fmt: skip
    currency = getattr(message, "currency", "")
    return {
        name.removesuffix("_minor"): _money(value, currency, locale) if name.endswith("_minor")
        else _said(name, value, locale, zone) for name, value in known.items()
    }  # fmt: skip


def _money(minor: int | None, currency: str, locale: Locale) -> str:
    return "" if minor is None else Amount(format_money(minor, currency, str(locale)), minor)


def _said(name: str, value: Any, locale: Locale, zone: ZoneInfo) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return value
    if isinstance(value, datetime):
        local = value.astimezone(zone)
        return f"{_day(local.date(), locale)}, {format_time(local, 'short', locale=locale)}"
    if isinstance(value, date):
        return _day(value, locale)
    if isinstance(value, tuple):
        return _list(name, value, locale, zone)
    if name == "weekdays":
        return _weekdays(str(value), locale)
    return one_line(str(value))


def _weekdays(text: str, locale: Locale) -> str:
    """`Mon, Wed` as the reader says it."""
    names = get_day_names("abbreviated", locale=locale)
    return ", ".join(names[_WEEKDAYS.index(day)] if day in _WEEKDAYS else one_line(day) for day in text.split(", "))


def _list(name: str, value: tuple[Any, ...], locale: Locale, zone: ZoneInfo) -> str:
    if name.endswith("_names"):
        return str(format_list([one_line(one) for one in value], locale=locale))
    if name == "orders":
        return "\n\n".join(_order(one, locale, zone) for one in value)
    return "\n".join(f"- {_session(one, locale) if isinstance(one, Session) else one_line(str(one))}" for one in value)


def _order(order: GuestOrder, locale: Locale, zone: ZoneInfo) -> str:
    named = _ORDER[locale.language].format(reference=order.reference, attendee=one_line(order.attendee_name))
    kept = _KEPT[locale.language].format(moment=_said("", order.pay_until, locale, zone)) if order.pay_until else ""
    return "\n".join(line for line in (named, order.link, kept) if line)


def _session(session: Session, locale: Locale) -> str:
    """When, what, on which seat, where; an undated one has no time."""
    parts = (_when(session, locale), session.title, _seat(session, locale), session.place)
    return " · ".join(one_line(part) for part in parts if part)


def _seat(session: Session, locale: Locale) -> str:
    found = _SEAT_AS_READ.fullmatch(session.seat)
    return _SEAT[locale.language].format(row=found[1], seat=found[2]) if found else session.seat


def _when(session: Session, locale: Locale) -> str:
    if session.starts_at is None or session.ends_at is None:
        return ""
    zone = ZoneInfo(session.time_zone)
    starts, ends = session.starts_at.astimezone(zone), session.ends_at.astimezone(zone)
    times = " – ".join(format_time(at, "short", locale=locale) for at in (starts, ends))
    return f"{_day(starts.date(), locale)}, {times}"


def _day(value: date, locale: Locale) -> str:
    return str(format_date(value, "EEE d MMM y", locale=locale))


def one_line(text: str) -> str:
    """The text without line breaks, control characters and tricks of writing direction: nothing that a person typed
    can start a header or a line of its own. Emoji and every script stay."""
    kept = (character if _is_visible(character) else " " for character in text)
    return re.sub(" {2,}", " ", "".join(kept)).strip(" ")


# Embeddings, overrides and isolates, which make what follows read backwards.
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _is_visible(character: str) -> bool:
    return character not in _DIRECTIONS and unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}
