"""From a row of a source to a draft of an offering, with everything that is wrong with the row, not only the first."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from catalogue import cells
from catalogue import mapping as spec
from catalogue.cells import BadCell, Reader
from catalogue.eligibility import age_below_from_maximum, in_words
from catalogue.schedule import Meeting
from catalogue.source import BadRow, Record
from models import BookingMode, OfferingStatus

T = TypeVar("T")

OLDEST_MONTHS = 200 * 12
LONGEST_NAME = 200


@dataclass(slots=True)
class Draft:
    """One offering as its row gives it: sites, terms and categories by their keys, moments in the site's local time."""

    line: int
    key: str
    name: str
    program: str
    category: str
    site: str
    site_name: str | None
    term: str | None
    code: str
    description: str
    status: OfferingStatus
    modes: list[str] | None
    eligibility: dict[str, int | Decimal | None]
    capacity: int | None
    session_price_minor: int | None
    full_week_price_minor: int | None
    full_term_price_minor: int | None
    bookable_from: datetime | None
    bookable_until: datetime | None
    display: dict[str, object]
    meetings: list[Meeting] = field(default_factory=list)

    def differences(self, other: "Draft") -> list[str]:
        """The fields, apart from meetings, in which two rows of one offering disagree."""
        return [
            name
            for name in self.__slots__
            if name not in ("line", "meetings") and getattr(self, name) != getattr(other, name)
        ]


class Row:
    """One row while it is read: a bad cell is noted, and reading goes on."""

    def __init__(self, line: int, record: Record) -> None:
        self.line = line
        self.record = record
        self.bad: list[BadRow] = []

    def get(self, reader: Reader[T]) -> T | None:
        try:
            return reader(self.record)
        except BadCell as error:
            self.complain(error.column, error.reason)
            return None

    def require(self, reader: Reader[str], what: spec.TextField | None, name: str) -> str:
        noted = len(self.bad)
        found = self.get(reader)
        if found is None and len(self.bad) == noted:
            self.complain(columns_of(what), f"is empty; every row needs a {name}")
        if found is not None and len(found) > LONGEST_NAME:
            self.complain(columns_of(what), f"is longer than {LONGEST_NAME} characters")
        return " ".join((found or "").split())  # a name stands on one line

    def complain(self, column: str, reason: str) -> None:
        self.bad.append(BadRow(self.line, column, reason))


class RowReader:
    """A mapping, compiled: reads one row after the other."""

    def __init__(self, mapping: spec.Mapping, currency: str) -> None:
        wanted = mapping.offering
        self._spec = wanted
        self._texts = {name: cells.text(getattr(wanted, name)) for name in _TEXTS}
        self._ages = {name: cells.number(getattr(wanted, name), most=OLDEST_MONTHS) for name in _AGES}
        self._measures: dict[str, Reader[Any]] = {
            name: cells.number(getattr(wanted, name), most=1_000) for name in _MEASURES
        }
        self._measures |= {name: cells.decimal(getattr(wanted, name)) for name in _WEIGHTS}
        self._capacity = cells.number(wanted.capacity)
        self._prices = {name: cells.money(getattr(wanted, name), currency) for name in _PRICES}
        self._from, self._until = cells.moment(wanted.bookable_from), cells.moment(wanted.bookable_until)
        self._modes = cells.words(wanted.modes)
        self._display = {name: cells.text(each) for name, each in wanted.display.items()}
        self._meetings = [MeetingsReader(each) for each in mapping.meetings]

    def read(self, line: int, record: Record) -> tuple[Draft, list[BadRow]]:
        """The row's draft, and what is wrong with it; a draft with anything wrong is good for its key only."""
        row = Row(line, record)
        name = row.require(self._texts["name"], self._spec.name, "name")
        draft = Draft(
            line=line,
            key=row.require(self._texts["key"], self._spec.key, "key"),
            name=name,
            program=row.get(self._texts["program"]) or name,
            category=row.require(self._texts["category"], self._spec.category, "category"),
            site=row.require(self._texts["site"], self._spec.site, "site"),
            site_name=row.get(self._texts["site_name"]),
            term=row.get(self._texts["term"]),
            code=row.get(self._texts["code"]) or "",
            description=row.get(self._texts["description"]) or "",
            status=self._status(row),
            modes=self._booking_modes(row),
            eligibility=self._eligibility(row),
            capacity=row.get(self._capacity),
            session_price_minor=row.get(self._prices["session_price"]),
            full_week_price_minor=row.get(self._prices["full_week_price"]),
            full_term_price_minor=row.get(self._prices["full_term_price"]),
            bookable_from=row.get(self._from),
            bookable_until=row.get(self._until),
            display={name: found for name, each in self._display.items() if (found := row.get(each)) is not None},
            meetings=[meeting for each in self._meetings for meeting in each.read(row)],
        )
        if draft.bookable_from and draft.bookable_until and draft.bookable_until <= draft.bookable_from:
            row.complain(columns_of(self._spec.bookable_until), "booking ends before it begins")
        return draft, row.bad

    def _status(self, row: Row) -> OfferingStatus:
        found = row.get(self._texts["status"]) or "PUBLISHED"
        if found in OfferingStatus.__members__:
            return OfferingStatus[found]
        row.complain(columns_of(self._spec.status), f"{found!r} is none of {', '.join(OfferingStatus)}")
        return OfferingStatus.DRAFT

    def _booking_modes(self, row: Row) -> list[str] | None:
        modes = row.get(self._modes)
        unknown = [mode for mode in modes or () if mode not in BookingMode.__members__]
        if unknown:
            row.complain(columns_of(self._spec.modes), f"{unknown[0]!r} is none of {', '.join(BookingMode)}")
        return modes

    def _eligibility(self, row: Row) -> dict[str, int | Decimal | None]:
        ages = {name: row.get(each) for name, each in self._ages.items()}
        low, below, last = ages["age_from_months"], ages["age_below_months"], ages["age_to_months"]
        if below is None and last is not None:
            below = age_below_from_maximum(last)
        if low is not None and below is not None and below <= low:
            limit = self._spec.age_to_months or self._spec.age_below_months
            row.complain(
                columns_of(limit), f"ages from {in_words(low)} to {in_words(last or below)} are the wrong way round"
            )
        found = {name: row.get(each) for name, each in self._measures.items()}
        for what in ("school_year_{}", "height_{}_cm", "weight_{}_kg"):
            least, most = found[what.format("from")], found[what.format("to")]
            if least is not None and most is not None and most < least:
                column = columns_of(getattr(self._spec, what.format("to")))
                row.complain(column, f"from {least} to {most} is the wrong way round")
        return {"age_from_months": low, "age_below_months": below, **found}


class MeetingsReader:
    """One source of meetings, compiled: the row itself, or a cell that is split."""

    def __init__(self, wanted: spec.MeetingsMapping) -> None:
        self._column = wanted.column
        self._separator = wanted.separator
        self._pattern = re.compile(wanted.pattern, re.DOTALL) if wanted.pattern else None
        self._kinds = [MeetingReader(kind) for kind in wanted.kinds]

    def read(self, row: Row) -> Iterator[Meeting]:
        for part in self._parts(row):
            kind = next((kind for kind in self._kinds if kind.fits(part)), None)
            if kind is None:
                row.complain(self._column or "", "fits none of the kinds of meetings that the mapping knows")
                continue
            try:
                yield kind.read(part)
            except BadCell as error:
                within = f"{self._column}: {error.column}" if self._column else error.column
                row.complain(within, error.reason)

    def _parts(self, row: Row) -> Iterator[Record]:
        if self._column is None:
            yield row.record
            return
        cell = row.record[self._column]
        for part in cell.split(self._separator) if self._separator else [cell]:
            if not part.strip():
                continue
            match = self._pattern.fullmatch(part.strip()) if self._pattern else None
            if self._pattern is not None and match is None:
                row.complain(self._column, f"{part!r} is not written as expected ({self._pattern.pattern})")
            else:
                groups: Mapping[str, str | None] = match.groupdict() if match else {}
                yield {**row.record, self._column: part, **{name: found or "" for name, found in groups.items()}}


class MeetingReader:
    """One kind of meeting, compiled."""

    def __init__(self, kind: spec.MeetingKind) -> None:
        self._kind = kind
        self._when = {column: re.compile(pattern, re.DOTALL) for column, pattern in kind.when.items()}
        self._component, self._title = cells.text(kind.component), cells.text(kind.title)
        self._weekdays, self._dates = cells.weekdays(kind.weekdays), cells.days(kind.dates)
        self._starts, self._ends = cells.clock_time(kind.starts), cells.clock_time(kind.ends)
        self._minutes = cells.number(kind.duration_minutes, most=24 * 60)
        self._from, self._until = cells.day(kind.from_date), cells.day(kind.until_date)

    def fits(self, record: Record) -> bool:
        return all(pattern.fullmatch(record.get(column, "").strip()) for column, pattern in self._when.items())

    def read(self, record: Record) -> Meeting:
        """The meeting. Raises `BadCell`."""
        component, title = self._component(record) or "", self._title(record) or ""
        if self._kind.undated:
            return Meeting(component, title)
        weekdays, dates = self._weekdays(record) or (), self._dates(record) or ()
        if not weekdays and not dates:
            raise BadCell(columns_of(self._kind.weekdays or self._kind.dates), "is empty; it should say on which days")
        starts, ends = self._times(record)
        first, last = self._from(record), self._until(record)
        if first is not None and last is not None and last < first:
            raise BadCell(columns_of(self._kind.until_date), f"the last day, {last}, lies before the first, {first}")
        return Meeting(component, title, weekdays, dates, starts, ends, first, last)

    def _times(self, record: Record) -> tuple[time, time]:
        starts, ends, minutes = self._starts(record), self._ends(record), self._minutes(record)
        if starts is None:
            raise BadCell(columns_of(self._kind.starts), "is empty; it should say when it starts")
        if minutes:
            ends = (datetime.combine(date.min, starts) + timedelta(minutes=minutes)).time()
        if ends is None:
            raise BadCell(
                columns_of(self._kind.ends or self._kind.duration_minutes), "is empty; it should say when it ends"
            )
        if ends <= starts and not self._kind.past_midnight:
            reason = f"ends at {ends:%H:%M}, which is not after its start at {starts:%H:%M}"
            raise BadCell(columns_of(self._kind.ends or self._kind.duration_minutes), reason)
        return starts, ends


def columns_of(field: spec.TextField | None) -> str:
    """The columns of a field, as a bad row names them."""
    return " + ".join(field.columns) if field else ""


_TEXTS = ("key", "name", "program", "category", "site", "site_name", "term", "code", "description", "status")
_AGES = ("age_from_months", "age_to_months", "age_below_months")
_MEASURES = ("school_year_from", "school_year_to", "height_from_cm", "height_to_cm")
_WEIGHTS = ("weight_from_kg", "weight_to_kg")
_PRICES = ("session_price", "full_week_price", "full_term_price")
