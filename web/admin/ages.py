"""Whom an offering takes, as the office writes and reads it: years, or months where it says so."""

import re

from engine.errors import Reason
from web.forms import Form, Wrong
from web.visitor import Admin
from web.words import N_

_YEARS = 12
# "6", "18 months", "18 m", "18 mois".
_AGE = re.compile(r"(\d{1,4})\s*(m\w*\.?)?", re.IGNORECASE)


def youngest(form: Form, name: str) -> "int | Wrong | None":
    """In completed months; what is wrong with it where it is no age."""
    found = _read(form, name)
    return found if found is None or isinstance(found, Wrong) else found[0]


def oldest_below(form: Form, name: str) -> "int | Wrong | None":
    """Below how many months: who is 8 at most comes until the ninth birthday, who is 30 months at most through them."""
    found = _read(form, name)
    return found if found is None or isinstance(found, Wrong) else sum(found)


def _read(form: Form, name: str) -> "tuple[int, int] | Wrong | None":
    """The months of what is typed, and how long one is as old."""
    text = form.text(name)
    if not text:
        return None
    found = _AGE.fullmatch(text)
    if found is None:
        return Wrong(Reason("not_an_age", N_("Enter years, such as 6, or months, such as 18 months."), field=name))
    unit = 1 if found[2] else _YEARS
    return int(found[1]) * unit, unit


def as_typed(visit: Admin, youngest_months: int | None, below_months: int | None) -> tuple[str, str]:
    """Both as they are typed: years where they are whole."""
    return (
        "" if youngest_months is None else _typed(visit, youngest_months, youngest_months),
        "" if below_months is None else _typed(visit, below_months - _YEARS, below_months - 1),
    )


def _typed(visit: Admin, months_of_years: int, months: int) -> str:
    years, rest = divmod(months_of_years, _YEARS)
    if rest or years < 0:
        return visit.say_many("%(num)s month", "%(num)s months", months)
    return str(years)
