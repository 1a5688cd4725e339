"""Times as the clocks of a site show them: it may be in another zone than its organisation."""

from collections.abc import Callable
from typing import Protocol

from api.moves import Principal
from web.visitor import Staff
from web.words import Writing, locale_of


class AtSite(Protocol):
    """Something that happens at a site."""

    time_zone: str


def written_at(visit: Staff, who: Principal, time_zone: str) -> Writing:
    return Writing(locale_of(visit.language, who.organisation["locale"]), time_zone)


def written_for(visit: Staff, who: Principal) -> Callable[[AtSite], Writing]:
    """The same for each of a list."""
    return lambda thing: written_at(visit, who, thing.time_zone)
