"""From a row's cells to values: each field of a mapping is compiled once into a reader, and read for every row.

A reader answers None where nothing is given, and raises `BadCell` with the reason in words.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

from catalogue import mapping as spec
from catalogue.schedule import WEEKDAYS
from catalogue.source import Record
from engine.errors import Invalid
from engine.money import parse_money

T = TypeVar("T")
F = TypeVar("F", bound=spec.TextField)
Reader = Callable[[Record], T | None]

LARGEST_NUMBER = 1_000_000
LARGEST_PRICE_MINOR = 10**12  # ten thousand millions: whole terms of it still add up in a bigint
LONGEST_TEXT = 2_000

_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,9})?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

ENGLISH: Mapping[str, str] = {
    word: day
    for day, names in {
        "MON": "mon monday mondays",
        "TUE": "tue tues tuesday tuesdays",
        "WED": "wed weds wednesday wednesdays",
        "THU": "thu thur thurs thursday thursdays",
        "FRI": "fri friday fridays",
        "SAT": "sat saturday saturdays",
        "SUN": "sun sunday sundays",
    }.items()
    for word in names.split()
}


class BadCell(Exception):
    """A cell that cannot be read; `column` names it as the file does."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


def text(field: spec.TextField | None) -> Reader[str]:
    """The text of a field, after `empty`, `replace`, `pattern` and `lookup`."""
    if field is None:
        return _nothing
    raw, column = _raw(field), " + ".join(field.columns)
    pattern = re.compile(field.pattern, re.DOTALL) if field.pattern else None
    group: str | int = "value" if pattern and "value" in pattern.groupindex else 0

    def read(record: Record) -> str | None:
        found = raw(record)
        if found is None:
            return field.default
        for old, new in field.replace.items():
            found = found.replace(old, new)
        if pattern is not None:
            match = pattern.fullmatch(found)
            if match is None:
                raise BadCell(column, f"{_shown(found)} is not written as expected ({field.pattern})")
            found = (match[group] or "").strip()
        if field.lookup is not None:
            found = _looked_up(field, column, found)
        if found in field.empty:
            return field.default
        if len(found) > LONGEST_TEXT or _CONTROL.search(found):
            raise BadCell(column, f"is longer than {LONGEST_TEXT} characters, or holds control characters")
        return found

    return read


def number(field: spec.NumberField | None, *, most: int = LARGEST_NUMBER) -> Reader[int]:
    """A whole number from 0 to `most`, after multiplication."""

    def parse(field: spec.NumberField, found: str) -> int:
        value = _decimal(found, field.decimal, field.thousands) * field.multiply
        if value != value.to_integral_value():
            raise ValueError(f"{_shown(found)} does not make a whole number")
        if not 0 <= value <= most:
            raise ValueError(f"{_shown(found)} is {'negative' if value < 0 else f'more than {most}'}")
        return int(value)

    return _parsed(field, parse)


def decimal(field: spec.DecimalField | None) -> Reader[Decimal]:
    """A number from 0 with at most one decimal, as weights are kept."""

    def parse(field: spec.DecimalField, found: str) -> Decimal:
        value = _decimal(found, field.decimal, field.thousands)
        if not 0 <= value < 10_000 or value != round(value, 1):
            raise ValueError(f"{_shown(found)} is not a number below 10,000 with at most one decimal")
        return value

    return _parsed(field, parse)


def money(field: spec.MoneyField | None, currency: str) -> Reader[int]:
    """An amount in minor units of the currency, not negative."""

    def parse(field: spec.MoneyField, found: str) -> int:
        return amount(_plain(found, field.decimal, field.thousands), currency)

    return _parsed(field, parse)


def amount(found: str, currency: str) -> int:
    """Minor units of `12.50`. Raises `ValueError` for what is not an amount, or is negative."""
    try:
        minor = parse_money(found, currency)
    except Invalid as error:
        raise ValueError(error.message) from None
    if minor < 0:
        raise ValueError(f"{_shown(found)} is negative")
    if minor > LARGEST_PRICE_MINOR:
        raise ValueError(f"{_shown(found)} is more than a price can be")
    return minor


def day(field: spec.DateField | None) -> Reader[date]:
    """A date in one of the field's formats."""
    return _parsed(field, lambda field, found: _moment(found, field.formats, "a date").date())


def days(field: spec.DatesField | None) -> Reader[tuple[date, ...]]:
    """Several dates, in order, each once."""

    def parse(field: spec.DatesField, found: str) -> tuple[date, ...]:
        parts = [part for part in re.split(field.separator, found) if part]
        return tuple(sorted({_moment(part, field.formats, "a date").date() for part in parts}))

    return _parsed(field, parse)


def clock_time(field: spec.TimeField | None) -> Reader[time]:
    """A local time in one of the field's formats."""
    return _parsed(field, lambda field, found: _moment(found, field.formats, "a time").time())


def moment(field: spec.MomentField | None) -> Reader[datetime]:
    """A local date and time, without its zone."""

    def parse(field: spec.MomentField, found: str) -> datetime:
        read = _moment(found, field.formats, "a date")
        return datetime.combine(read.date(), field.at) if field.at is not None else read

    return _parsed(field, parse)


def words(field: spec.WordsField | None) -> Reader[list[str]]:
    """Several words."""
    return _parsed(field, lambda field, found: [word for word in re.split(field.separator, found) if word])


def weekdays(field: spec.WeekdaysField | None) -> Reader[tuple[int, ...]]:
    """Weekdays, 0 is Monday, in order, each once."""
    if field is None:
        return _nothing
    vocabulary = {word.casefold(): day for word, day in (field.vocabulary or ENGLISH).items()}
    split = re.compile(field.separator or "|".join(re.escape(w) for w in sorted(vocabulary, key=len, reverse=True)))

    def parse(field: spec.WeekdaysField, found: str) -> tuple[int, ...]:
        plain = found.casefold()
        if field.separator:
            parts = [part for part in split.split(plain) if part]
        else:
            parts = split.findall(plain)
            if "".join(parts) != plain:
                raise ValueError(f"{_shown(found)} are not weekdays; they are written {', '.join(vocabulary)}")
        chosen: set[int] = set()
        for part in parts:
            ends = re.split(field.through, part) if field.through else [part]
            first, last = _weekday(ends[0], vocabulary), _weekday(ends[-1], vocabulary)
            chosen.update((first + n) % 7 for n in range((last - first) % 7 + 1))
        return tuple(sorted(chosen))

    return _parsed(field, parse)


def _nothing(record: Record) -> None:
    """The reader of a field that the mapping does not have."""


def _weekday(word: str, vocabulary: Mapping[str, str]) -> int:
    known = vocabulary.get(word.strip().rstrip("."))
    if known is None:
        raise ValueError(f"{_shown(word)} is not a weekday; they are written {', '.join(vocabulary)}")
    return WEEKDAYS.index(known)


def _raw(field: spec.TextField) -> Reader[str]:
    """The stripped text of the column or template; None where every column it reads is empty."""
    empty, columns = frozenset(field.empty), field.columns
    if field.column is not None:
        only = field.column

        def read_column(record: Record) -> str | None:
            found = record[only].strip()
            return None if found in empty else found

        return read_column
    parts = re.split(r"\{([^{}]+)\}", field.template or "")  # text, column, text, column, … text

    def read_template(record: Record) -> str | None:
        cells = [record[name].strip() for name in columns]
        if columns and all(cell in empty for cell in cells):
            return None
        made = "".join(record[part].strip() if n % 2 else part for n, part in enumerate(parts)).strip()
        return None if made in empty else made

    return read_template


def _looked_up(field: spec.TextField, column: str, found: str) -> str:
    assert field.lookup is not None, "the caller has seen a lookup"
    known = field.lookup.get(found, field.otherwise)
    if known is None:
        raise BadCell(column, f"{_shown(found)} is none of {', '.join(field.lookup)}")
    return known


def _parsed(field: F | None, parse: Callable[[F, str], T]) -> Reader[T]:
    """Reads the text, then the value; the same text is parsed once, since a column repeats itself."""
    if field is None:
        return _nothing
    read, column = text(field), " + ".join(field.columns)

    @lru_cache(maxsize=4096)
    def cached(found: str) -> T:
        return parse(field, found)

    def read_value(record: Record) -> T | None:
        found = read(record)
        if found is None:
            return None
        try:
            return cached(found)
        except ValueError as error:
            raise BadCell(column, str(error)) from None

    return read_value


def _moment(found: str, formats: list[str], what: str) -> datetime:
    there_is_none = False
    for form in formats:
        try:
            return datetime.strptime(found, form)  # noqa: DTZ007 - local time; its zone is the site's
        except ValueError as error:
            there_is_none |= "out of range" in str(error)
    if there_is_none:
        raise ValueError(f"{_shown(found)} is not {what}: there is no such day")
    raise ValueError(f"{_shown(found)} is not {what} written as {' or '.join(formats)}")


def _decimal(found: str, point: str, thousands: str) -> Decimal:
    plain = _plain(found, point, thousands)
    if not _NUMBER.fullmatch(plain):
        raise ValueError(f"{_shown(found)} is not a number")
    return Decimal(plain)


def _plain(found: str, point: str, thousands: str) -> str:
    return (found.replace(thousands, "") if thousands else found).replace(point, ".")


def _shown(found: str) -> str:
    return repr(found if len(found) <= 60 else found[:57] + "…")
