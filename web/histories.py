"""Why a step of a history was taken, where the system says so itself: known by its words, said as the reader does.

What somebody typed as their reason is none of these, and stays as it was typed.
"""

import re
from functools import cache

from babel import Locale

from web.words import N_, SOURCE, Writing, translations

BECAUSE = (
    N_("made by %(ref)s"), N_("confirmed %(ref)s"), N_("with %(ref)s"), N_("paid by %(ref)s"),
    N_("changed by %(ref)s"), N_("changes %(ref)s"), N_("converted into %(ref)s"), N_("booked with %(ref)s"),
    N_("the cart was filled anew"), N_("the term has ended"), N_("%(ref)s ends"), N_("%(ref)s ended"),
    N_("its last day was %(day)s"), N_("goes on into the next term"), N_("the absence was told again"),
    N_("the absence was taken back"), N_("nobody booked it in time"), N_("the session was held"),
    N_("the attendee came"), N_("given up with %(ref)s"), N_("given up too late with %(ref)s"),
    N_("changed with %(ref)s"), N_("the day was closed"), N_("idle for %(n)s days"), N_("accepted as %(ref)s"),
    N_("the offer ran out"), N_("replaced by %(ref)s"), N_("by %(ref)s"), N_("taken back: %(why)s"),
    N_("match undone: %(why)s"), N_("not wanted"), N_("the next term"),
)  # fmt: skip
_PLACES = {"ref": r"[A-Z]{1,3}-[0-9A-Z-]+", "day": r"\d{4}-\d\d-\d\d", "n": r"\d+", "why": ".+"}


@cache
def _known() -> list[tuple[str, re.Pattern[str]]]:
    return [
        (text, re.compile(re.sub(r"%\((\w+)\)s", lambda place: f"(?P<{place[1]}>{_PLACES[place[1]]})", text)))
        for text in BECAUSE
    ]


def because(writing: Writing, reason: str) -> str:
    """The reason in the reader's language where it is the system's, else as it was typed."""
    locale: Locale = writing.locale
    if locale.language == SOURCE:
        return reason
    for text, pattern in _known():
        if found := pattern.fullmatch(reason):
            facts = {name: writing.day(value) if name == "day" else value for name, value in found.groupdict().items()}
            return str(translations(locale.language).gettext(text)) % facts
    return reason
