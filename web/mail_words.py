"""A mail in the language of its reader, also where the domain says why in English."""

from dataclasses import replace

from notifications.facts import reading_locale
from notifications.messages import (
    ANY_PROGRAM,
    DebitFailed,
    MakeupGranted,
    Message,
    OrderNotRevived,
    SubscriptionNotRolled,
)
from web.amounts import Amounts
from web.reasons import said
from web.words import N_, translations

_ANY_PROGRAM = N_("any program")


def in_the_readers_words(message: Message) -> Message:
    """The message with the domain's reasons, which are English, in its reader's language."""
    locale = reading_locale(message)
    if isinstance(message, MakeupGranted) and message.programs == ANY_PROGRAM:
        return replace(message, programs=str(translations(locale.language).gettext(_ANY_PROGRAM)))
    if not isinstance(message, OrderNotRevived | DebitFailed | SubscriptionNotRolled):
        return message
    amounts = Amounts(message.currency, message.organisation.locale, str(locale))
    if isinstance(message, DebitFailed):
        return replace(message, reason=said(locale, message.reason, amounts))
    return replace(message, reasons=tuple(said(locale, reason, amounts) for reason in message.reasons))
