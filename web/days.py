"""Days and times within what the domain says, which writes them in one way, as the reader writes them."""

import re
from datetime import date, datetime, time
from functools import lru_cache

from babel import Locale
from babel.dates import format_skeleton, format_time

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# "4 May 2026", "Sun 12 Apr 2026 09:30", and as `api.reads.orders.session_label` ends "Sun 12 Apr 2026 09:30–10:30".
_WHEN = re.compile(
    r"\b(?P<weekday>(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?"
    rf"(?P<day>\d{{1,2}}) (?P<month>{'|'.join(_MONTHS)}) (?P<year>\d{{4}})"
    r"(?: (?P<from>\d{2}:\d{2})(?:–(?P<to>\d{2}:\d{2}))?)?\b"
)


def days_rewritten(locale: Locale, text: str) -> str:
    """The text with each of its days, and the times that follow a day, as its reader writes them."""

    def written(found: re.Match[str]) -> str:
        try:
            day = date(int(found["year"]), _MONTHS.index(found["month"]) + 1, int(found["day"]))
            times = [_clock(locale, found[name]) for name in ("from", "to") if found[name]]
        except ValueError:  # somebody's own words, which only look like a day
            return found[0]
        said = _day(locale, day, "yMMMEd" if found["weekday"] else "yMMMd")
        return f"{said}, {'–'.join(times)}" if times else said

    return _WHEN.sub(written, text)


@lru_cache(maxsize=1024)
def _day(locale: Locale, day: date, skeleton: str) -> str:
    # Noon, because Babel moves a midnight into UTC.
    return str(format_skeleton(skeleton, datetime.combine(day, time(12)), locale=locale))


def _clock(locale: Locale, value: str) -> str:
    return str(format_time(time.fromisoformat(value), "short", locale=locale))
