"""What a mapping file (TOML) may say: how a source is written, and which of its columns make an offering.

A field is written as a template over the row's columns (`"{Start Hour}:{Start Min}"`), or as a table with options:
`column` or `template`, then, in this order, `empty`, `replace`, `pattern`, `lookup` and the options of its kind.
"""

import codecs
import re
import tomllib
from collections.abc import Iterator
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from catalogue.schedule import UnknownHolidays, public_holidays
from engine.errors import Invalid, Reason

_COLUMN = re.compile(r"\{([^{}]+)\}")


class MappingIsInvalid(Invalid):
    """A mapping or prices file is not one; `reasons` name each key."""

    code = "mapping_is_invalid"


class Strict(BaseModel):
    """A table of the file: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return pattern


def _encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError:
        raise ValueError(f"{name!r} is not an encoding; such as utf-8, latin-1 or windows-1252") from None
    return name


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is not a time zone; such as America/Toronto") from None
    return name


def _local_time(value: Any) -> Any:
    try:
        return time.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f'{value!r} is not a time such as "07:00"') from None


Regex = Annotated[str, BeforeValidator(_regex)]
Weekday = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]


class TextField(Strict):
    """Where a text comes from: one column, or a template over several, or a constant (a template without columns)."""

    column: str | None = None
    template: str | None = None
    # Cells that mean "not given"; `default` is used instead.
    empty: list[str] = [""]
    default: str | None = None
    # Texts to put in place of others, in order, before anything else is looked at.
    replace: dict[str, str] = {}
    # The whole text must match; the group called `value`, if there is one, is what counts.
    pattern: Regex | None = None
    # Words of the source and ours; without `otherwise`, a word that is not in it makes a bad row.
    lookup: dict[str, str] | None = None
    otherwise: str | None = None

    @model_validator(mode="after")
    def _comes_from_one_place(self) -> "TextField":
        if (self.column is None) == (self.template is None):
            raise ValueError("needs either `column` or `template`")
        return self

    @property
    def columns(self) -> list[str]:
        """The columns that it reads."""
        return [self.column] if self.column is not None else _COLUMN.findall(self.template or "")


class NumberField(TextField):
    """A whole number: `multiply` turns years into months; the product must be whole."""

    multiply: int = 1
    decimal: str = "."
    thousands: str = ""


class DecimalField(TextField):
    """A number that need not be whole."""

    decimal: str = "."
    thousands: str = ""


class MoneyField(DecimalField):
    """An amount in major units; refused with more decimals than the currency has."""


class DateField(TextField):
    """A date in one of `formats` (strptime)."""

    formats: list[str] = ["%Y-%m-%d"]


class DatesField(DateField):
    """Several dates in one cell, split by a regular expression."""

    separator: Regex = r"\s*[,;|]\s*"


class TimeField(TextField):
    """A local time in one of `formats` (strptime)."""

    formats: list[str] = ["%H:%M", "%H:%M:%S"]


class MomentField(TextField):
    """A local date and time of the site; where `formats` give only a date, `at` gives the time."""

    formats: list[str] = ["%Y-%m-%d"]
    at: Annotated[time | None, BeforeValidator(_local_time)] = None


class WeekdaysField(TextField):
    """Weekdays, in words of `vocabulary` (upper and lower case alike), split by the regular expression `separator`.

    An empty separator reads words that stand together ("MTuWThF"), longest first. `through` splits a range (Mon-Fri).
    """

    separator: Regex = r"\s*[,;/&+]\s*|\s+and\s+|\s+"
    through: Regex | None = None
    vocabulary: dict[str, Weekday] = {}


class WordsField(TextField):
    """Several words in one cell."""

    separator: Regex = r"\s*[,;|]\s*"


def _short(value: Any) -> Any:
    """A text or number in place of a table is a template."""
    return {"template": str(value)} if isinstance(value, str | int) and not isinstance(value, bool) else value


F = TypeVar("F", bound=TextField)
Short = Annotated[F, BeforeValidator(_short)]


class SourceFormat(Strict):
    """How the file is written. `name` is the source's own name: it makes the keys of what is imported."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    encoding: Annotated[str, BeforeValidator(_encoding)] = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1)
    skip_initial_space: bool = False
    skip_lines: int = Field(default=0, ge=0, le=1000)
    # The columns' names where the file has no header line.
    columns: list[str] | None = None
    # Several rows with the same key are meetings of one offering, instead of a mistake.
    merge_rows: bool = False


class Place(Strict):
    """The zone and public holidays of a site."""

    time_zone: Annotated[str, BeforeValidator(_time_zone)]
    holiday_country: str = ""
    holiday_subdivision: str = ""

    @model_validator(mode="after")
    def _has_holidays(self) -> "Place":
        try:
            public_holidays(self.holiday_country, self.holiday_subdivision, 2024)
        except UnknownHolidays as error:
            raise ValueError(error.message) from None
        return self


class SiteMapping(Place):
    key: str
    name: str = Field(min_length=1, max_length=200)
    address: str = ""


class TermMapping(Strict):
    key: str
    name: str = Field(min_length=1, max_length=200)
    starts_on: date
    ends_on: date
    site: str | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> "TermMapping":
        if self.ends_on < self.starts_on:
            raise ValueError("ends_on lies before starts_on")
        return self


class CategoryKind(Strict):
    program_type: Literal["TERM_CARE", "CLASS", "HOLIDAY"]


class CategoryMapping(CategoryKind):
    key: str
    name: str = Field(min_length=1, max_length=200)


class OfferingMapping(Strict):
    """The fields of an offering. `key` makes it the same offering when the file is imported again."""

    key: Short[TextField]
    name: Short[TextField]
    category: Short[TextField]
    site: Short[TextField]
    program: Short[TextField] | None = None  # the offering's name unless it is given
    term: Short[TextField] | None = None  # the one that contains its dates unless it is given
    site_name: Short[TextField] | None = None
    code: Short[TextField] | None = None
    status: Short[TextField] | None = None
    modes: Short[WordsField] | None = None
    description: Short[TextField] | None = None
    age_from_months: Short[NumberField] | None = None
    age_to_months: Short[NumberField] | None = None  # a maximum: in whole years it lasts until the next birthday
    age_below_months: Short[NumberField] | None = None  # the first age that is too old
    school_year_from: Short[NumberField] | None = None
    school_year_to: Short[NumberField] | None = None
    height_from_cm: Short[NumberField] | None = None
    height_to_cm: Short[NumberField] | None = None
    weight_from_kg: Short[DecimalField] | None = None
    weight_to_kg: Short[DecimalField] | None = None
    capacity: Short[NumberField] | None = None
    session_price: Short[MoneyField] | None = None
    full_week_price: Short[MoneyField] | None = None
    full_term_price: Short[MoneyField] | None = None
    bookable_from: Short[MomentField] | None = None
    bookable_until: Short[MomentField] | None = None
    display: dict[str, Short[TextField]] = {}


class MeetingKind(Strict):
    """One kind of meeting; the first whose `when` matches (column → regular expression) reads the meeting."""

    when: dict[str, Regex] = {}
    undated: bool = False
    # Whether an end that is not after the start means the next day; without it, that is a mistake.
    past_midnight: bool = False
    component: Short[TextField] | None = None
    title: Short[TextField] | None = None
    weekdays: Short[WeekdaysField] | None = None
    dates: Short[DatesField] | None = None
    starts: Short[TimeField] | None = None
    ends: Short[TimeField] | None = None
    duration_minutes: Short[NumberField] | None = None
    from_date: Short[DateField] | None = Field(default=None, alias="from")
    until_date: Short[DateField] | None = Field(default=None, alias="until")

    @model_validator(mode="after")
    def _says_when(self) -> "MeetingKind":
        if self.undated:
            return self
        if (self.weekdays is None) == (self.dates is None):
            raise ValueError("needs `weekdays` or `dates`, or `undated = true`")
        if self.starts is None or (self.ends is None) == (self.duration_minutes is None):
            raise ValueError("needs `starts`, and `ends` or `duration_minutes`")
        return self


class MeetingsMapping(Strict):
    """Where meetings come from: the row itself, or a cell that `separator` splits and whose parts match `pattern`.

    The named groups of the pattern are columns to the kinds.
    """

    column: str | None = None
    separator: str = ""
    pattern: Regex | None = None
    kinds: list[MeetingKind] = Field(min_length=1)


class Mapping(Strict):
    """A whole mapping file."""

    source: SourceFormat
    sites: list[SiteMapping] = []
    new_sites: Place | None = None  # makes a site of each key that is not listed
    terms: list[TermMapping] = Field(min_length=1)
    categories: list[CategoryMapping] = []
    new_categories: CategoryKind | None = None  # makes a category of each key that is not listed
    offering: OfferingMapping
    meetings: list[MeetingsMapping] = Field(min_length=1)

    @property
    def columns(self) -> frozenset[str]:
        """The file's columns that are read; named groups of a pattern are none."""
        needed = {column for spec in _fields(self.offering) for column in spec.columns}
        for meetings in self.meetings:
            groups = set(re.compile(meetings.pattern).groupindex) if meetings.pattern else set()
            read = {column for kind in meetings.kinds for spec in _fields(kind) for column in spec.columns}
            read |= {column for kind in meetings.kinds for column in kind.when}
            needed |= (read - groups) | ({meetings.column} if meetings.column else set())
        return frozenset(needed)


def _fields(table: Strict) -> Iterator[TextField]:
    for value in vars(table).values():
        if isinstance(value, TextField):
            yield value
        elif isinstance(value, dict):
            yield from (spec for spec in value.values() if isinstance(spec, TextField))


T = TypeVar("T", bound=Strict)


def read_toml(path: Path, kind: type[T]) -> T:
    """A TOML file as a table of that kind. Raises `MappingIsInvalid` naming each key that is wrong."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise MappingIsInvalid(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MappingIsInvalid(f"{path.name} is not a TOML file: {error}.") from error
    try:
        return kind.model_validate(tables)
    except ValidationError as error:
        reasons = [
            Reason(
                "mapping_is_invalid",
                f"{_key(each['loc'])}: {each['msg'].removeprefix('Value error, ')}",
                _key(each["loc"]),
            )
            for each in error.errors()
        ]
        raise MappingIsInvalid(
            f"{path.name}: " + "; ".join(reason.message for reason in reasons), reasons=reasons
        ) from None


def read_mapping(path: Path) -> Mapping:
    """A mapping file. Raises `MappingIsInvalid`."""
    return read_toml(path, Mapping)


def _key(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)
