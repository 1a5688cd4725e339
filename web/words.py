"""In which language and locale a page speaks: texts through gettext, dates and money as people of the place write them.

English stands in the source. A translation is the catalogues of `locale/<language>/`, one for each part of the pages.
"""

import io
import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import (
    format_date,
    format_skeleton,
    format_time,
    get_datetime_format,
    get_day_names,
    get_timezone,
)
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from engine.money import parse_locale
from web.days import days_rewritten

SOURCE = "en"
LANGUAGES = {"en": "English", "fr": "Français"}
CATALOGUES = files("web") / "locale"

Width = Literal["abbreviated", "narrow", "short", "wide"]

_ACCEPTED = re.compile(r"\s*([A-Za-z]{2,3})(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{1,3})?))?\s*$")


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for a text that is translated where it is shown
    """Marks a text for translation."""
    return text


def preferred(accept_language: str) -> str:
    """The language of ours that a browser asks for first; empty where it asks for none of them."""
    asked: list[tuple[float, str]] = []
    for part in accept_language[:500].split(","):
        found = _ACCEPTED.match(part)
        if found and found[1].lower() in LANGUAGES:
            asked.append((-float(found[2] or 1), found[1].lower()))
    asked.sort(key=lambda one: one[0])
    return asked[0][1] if asked and asked[0][0] < 0 else ""


def locale_of(language: str, organisation_locale: str) -> Locale:
    """The person's language as it is written where the organisation is: French of a Canadian centre is `fr_CA`."""
    own = parse_locale(organisation_locale)
    if language in ("", own.language) and own.language in LANGUAGES:
        return own
    spoken = language or SOURCE
    try:
        return Locale(spoken, territory=own.territory)
    except UnknownLocaleError:
        return Locale(spoken)


@cache
def translations(language: str) -> NullTranslations:
    """Every catalogue of the language, as one."""
    found = NullTranslations()
    if language == SOURCE:
        return found
    catalogues = sorted(
        (one for one in CATALOGUES.joinpath(language).iterdir() if one.name.endswith(".po")),
        key=lambda one: one.name,
    )
    whole: Translations | None = None
    for catalogue in catalogues:
        compiled = io.BytesIO()
        with catalogue.open("rb") as source:
            write_mo(compiled, read_po(source, locale=language))
        compiled.seek(0)
        read = Translations(fp=compiled)
        whole = read if whole is None else whole.merge(read)
    return whole or found


class Writing:
    """How dates, times and weeks are written in one locale and time zone."""

    def __init__(self, locale: Locale, time_zone: str) -> None:
        self.locale = locale
        self.zone = ZoneInfo(time_zone)
        self._zone = get_timezone(time_zone)

    @property
    def first_weekday(self) -> int:
        """0 is Monday."""
        return int(self.locale.first_week_day)

    def weekdays(self, width: Width = "wide") -> Sequence[tuple[int, str]]:
        """Each day of the week with its name, in the order in which a week runs here."""
        names = get_day_names(width, "stand-alone", self.locale)
        return [(day % 7, names[day % 7]) for day in range(self.first_weekday, self.first_weekday + 7)]

    def today(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()

    def day(self, value: date | str) -> str:
        """Sun, 12 Apr 2026."""
        return str(format_skeleton("yMMMEd", _noon(value), locale=self.locale))

    def day_without_weekday(self, value: date | str) -> str:
        return str(format_date(_date(value), "long", locale=self.locale))

    def short_day(self, value: date | str) -> str:
        """Sun, 12 Apr."""
        return str(format_skeleton("MMMEd", _noon(value), locale=self.locale))

    def month(self, value: date | str) -> str:
        return str(format_skeleton("yMMMM", _noon(value), locale=self.locale))

    def weekday(self, value: date | str, width: Width = "wide") -> str:
        names = get_day_names(width, "stand-alone", self.locale)
        return str(names[_date(value).weekday()])

    def weekday_name(self, number: int, width: Width = "abbreviated") -> str:
        """0 is Monday."""
        return str(get_day_names(width, "stand-alone", self.locale)[number])

    def weekdays_together(self, numbers: Sequence[int]) -> str:
        """Mon–Fri, or Tue, Thu: three days or more in a row are said by the first and the last of them."""
        rows: list[list[int]] = []
        for number in sorted(numbers):
            if rows and rows[-1][-1] == number - 1:
                rows[-1].append(number)
            else:
                rows.append([number])
        names = [f"{self.weekday_name(row[0])}–{self.weekday_name(row[-1])}" if len(row) > 2 else
                 ", ".join(self.weekday_name(number) for number in row) for row in rows]  # fmt: skip
        return ", ".join(names)

    def clock(self, value: time | str) -> str:
        """A local time, without seconds."""
        found = time.fromisoformat(value) if isinstance(value, str) else value
        return str(format_time(found.replace(tzinfo=None), "short", locale=self.locale))

    def moment(self, value: datetime | str) -> str:
        """A point in time to the minute, as the clocks of the organisation show it."""
        found = _moment(value)
        day = format_date(found.astimezone(self.zone).date(), "medium", locale=self.locale)
        both = str(get_datetime_format("medium", locale=self.locale))
        return both.replace("{1}", str(day)).replace("{0}", self.moment_clock(found))

    def session(self, name: str) -> str:
        """A session's name, whose day and times the engine writes in one way, with both as they are written here."""
        return days_rewritten(self.locale, name)

    def moment_clock(self, value: datetime | str) -> str:
        return str(format_time(_moment(value), "short", tzinfo=self._zone, locale=self.locale))


def monday(day: date) -> date:
    """The first day of its week."""
    return day - timedelta(days=day.weekday())


def _date(value: date | str) -> date:
    if isinstance(value, datetime):
        return value.date()
    return date.fromisoformat(value[:10]) if isinstance(value, str) else value


def _noon(value: date | str) -> datetime:
    """A day as the moment that a skeleton can format, whatever the zone of the machine."""
    return datetime.combine(_date(value), time(12))


def _moment(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
