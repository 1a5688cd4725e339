"""A made-up message of each kind, for whoever looks at a text before it is sent."""

from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any, get_args, get_type_hints
from uuid import UUID

from notifications.messages import GuestOrder, Message, Organisation, Recipient, Session
from notifications.texts import KINDS

_ADDRESS = "https://termbook.example/orders/1"
_WORDS = {
    "attendee_name": "Mia Rossi", "booking_reference": "TB-4F7K9QW2", "order_reference": "TO-7XKQ2M4D",
    "reference": "TB-4F7K9QW2", "invoice_number": "INV-2026-000042", "quote_number": "Q-2026-000007",
    "payment_reference": "PM-5T8WM4ZK", "credit_note_number": "CN-2026-000003", "credit_reference": "MK-3M8QZ2VD",
    "request_reference": "RR-3M8QZ2VD", "subscription_reference": "SU-9K2MX47Q", "account_name": "Rossi family",
    "news": "approved", "note": "As agreed", "why": "a burst pipe", "reason": "insufficient funds",
    "offering": "Karate", "programs": "Karate", "term": "Spring 2026", "pass_name": "Ten sessions",
    "pass_reference": "PS-7M2KQ9XD", "pass_number": "PASS-2026-000001", "weekdays": "Mon, Wed", "link": _ADDRESS,
}  # fmt: skip
# What a centre writes itself, as one that speaks another language would; reasons are the domain's and translated later.
_WORDS_IN = {
    "fr": {
        "account_name": "Famille Rossi", "note": "Comme convenu", "why": "un dégât des eaux", "offering": "Karaté",
        "programs": "Karaté", "term": "Printemps 2026",
    },
}  # fmt: skip
_PLACES = {"fr": ("Karaté", "Grande salle")}
_LISTS_IN = {"fr": {"wishes": ("Camp d’été",)}}
_LISTS = {"attendee_names": ("Mia Rossi", "Leo Rossi"), "wishes": ("Summer camp",), "reasons": ("Karate is full.",)}
_MINOR = {"total_minor": 12550, "owed_minor": 2550}


def sample_of(
    kind: str, organisation: Organisation, *, currency: str, now: datetime, language: str = ""
) -> Message:  # fmt: skip
    """A message about the Rossi family, as this organisation would send it."""
    of = KINDS[kind]
    hints = get_type_hints(of)
    known: dict[str, Any] = {
        "organisation": organisation, "currency": currency,
        "recipient": Recipient(name="Carla Rossi", email="rossi@family.example", language=language),
    }  # fmt: skip
    for field in fields(of):
        if field.name not in known and field.name != "attachments":
            known[field.name] = _value(field.name, hints[field.name], now, organisation, language)
    return of(**{name: value for name, value in known.items() if name in hints})


def _value(name: str, hint: Any, now: datetime, organisation: Organisation, language: str) -> Any:
    kinds = {hint, *get_args(hint)}
    if name.endswith("_minor"):
        return _MINOR.get(name, 4000)
    if Session in kinds:
        return tuple(_session(n, now, organisation, language) for n in (1, 2))
    if GuestOrder in kinds:
        return (GuestOrder(reference="TO-7XKQ2M4D", attendee_name="Mia Rossi", link=_ADDRESS,
                           pay_until=now + timedelta(days=1)),)  # fmt: skip
    if name in _LISTS:
        return _LISTS_IN.get(language, {}).get(name, _LISTS[name])
    for made, value in ((datetime, now + timedelta(days=2)), (date, (now + timedelta(days=14)).date()), (bool, False),
                        (int, 8), (UUID, UUID(int=1))):  # fmt: skip
        if made in kinds:
            return value
    return _WORDS_IN.get(language, {}).get(name, _WORDS[name])


def _session(number: int, now: datetime, organisation: Organisation, language: str) -> Session:
    title, place = _PLACES.get(language, ("Karate", "Main hall"))
    starts_at = (now + timedelta(weeks=number)).replace(minute=0, second=0, microsecond=0)
    return Session(
        id=UUID(int=number), title=title, starts_at=starts_at, ends_at=starts_at + timedelta(hours=1),
        time_zone=organisation.time_zone, place=place,
    )  # fmt: skip
