"""A trace of a real registration: how many were enrolled and waiting in each section, at each moment it changed."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import Invalid

COLUMNS = ("time", "course", "section", "enrolled", "waitlisted", "seats")


class TraceUnreadable(Invalid):
    """The file is not a trace of this form."""

    code = "trace_unreadable"


@dataclass(frozen=True, slots=True)
class Count:
    """How a section stood at a moment."""

    enrolled: int = 0
    waitlisted: int = 0
    seats: int = 0


@dataclass(frozen=True, slots=True)
class Sighting:
    """One line of the trace: a section at a moment (of the file's Unix time)."""

    line: int
    at: datetime
    section: str  # course and section, as the timetable's code names it
    count: Count


def read_trace(path: Path) -> list[Sighting]:
    """Every line in order of time. Raises TraceUnreadable naming line and column; nothing is played then."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            found = list(_sightings(csv.DictReader(file, strict=True)))
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise TraceUnreadable(f"{path.name} cannot be read: {fault}") from fault
    if not found:
        raise TraceUnreadable(f"{path.name} holds no line of a trace.")
    return sorted(found, key=lambda sighting: (sighting.at, sighting.line))


def _sightings(rows: "csv.DictReader[str]") -> Iterator[Sighting]:
    missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise TraceUnreadable(
            f"The trace has no column {', '.join(missing)}; it has {', '.join(rows.fieldnames or ())}."
        )
    for row in rows:
        line = rows.line_num
        numbers = {name: _number(row[name], name, line) for name in ("time", "enrolled", "waitlisted", "seats")}
        yield Sighting(
            line, datetime.fromtimestamp(numbers["time"], UTC), f"{row['course']} {row['section']}",
            Count(numbers["enrolled"], numbers["waitlisted"], numbers["seats"]),
        )  # fmt: skip


def _number(text: str | None, column: str, line: int) -> int:
    if text is None or not text.isdecimal() or len(text) > 12:
        raise TraceUnreadable(f"Line {line}, {column}: {text!r} is not a whole number.")
    return int(text)
