"""Reads a file of rows, and says where it is broken: encoding, NUL bytes, quotes, header, cells."""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from catalogue.mapping import SourceFormat
from engine.errors import Invalid, Reason

Record = Mapping[str, str]

# The whole file is held in memory while it is read.
LARGEST_FILE_BYTES = 512 * 1024 * 1024


class SourceUnreadable(Invalid):
    """The file cannot be read as its mapping says; the message names the place and what to do."""

    code = "source_unreadable"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row, or one cell of it, that cannot be imported; `line` counts from 1, "" is the whole row."""

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}{f', {self.column}' if self.column else ''}: {self.reason}"


@dataclass(slots=True)
class SourceFile:
    """A file that was decoded and whose header was read; `records` yields its rows once."""

    name: str
    header: list[str]
    line_count: int
    notices: list[str]
    _rows: Iterator[tuple[int, list[str]]]
    bad_rows: list[BadRow] = field(default_factory=list)

    def records(self) -> Iterator[tuple[int, Record]]:
        """Each row with the line it begins on; a row with too few or too many cells goes to `bad_rows` instead.

        Raises `SourceUnreadable` where the quotes are broken, or there is no row at all.
        """
        width, count = len(self.header), 0
        for line, cells in self._rows:
            if not any(cells):
                continue
            count += 1
            if len(cells) == width:
                yield line, dict(zip(self.header, cells, strict=True))
            else:
                self.bad_rows.append(BadRow(line, "", f"has {len(cells)} cells, the header has {width}"))
        if not count:
            raise _refused(f"{self.name} has a header and no rows; export it again.")


def read_source(path: Path, form: SourceFormat, *, needed: frozenset[str]) -> SourceFile:
    """Open a file as its mapping describes it; `needed` are the columns that the mapping reads.

    Raises `SourceUnreadable` with the line or byte and what to do about it.
    """
    data = _bytes(path)
    text = _text(data, path.name, form.encoding)
    lines = text.split("\n", form.skip_lines)
    rows = _rows("" if len(lines) <= form.skip_lines else lines[-1], path.name, form)
    if form.columns is not None:
        header = list(form.columns)
    else:
        first = next((cells for _, cells in rows if any(cells)), None)
        if first is None:
            raise _refused(f"{path.name} is empty; a header line is expected.")
        header = [cell.strip() for cell in first]
    _check_header(header, needed, path.name, form)
    notices = _doubts(data, path.name, form.encoding)
    return SourceFile(path.name, header, text.count("\n") + 1, notices, rows)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise _refused(f"{path.name} is larger than {LARGEST_FILE_BYTES // 2**20} MiB; split it.")
        data = path.read_bytes()
    except OSError as error:
        raise _refused(f"{path} cannot be read: {error.strerror}.") from error
    if not data.strip():
        raise _refused(f"{path.name} is empty; a header line is expected.")
    return data


def _text(data: bytes, name: str, encoding: str) -> str:
    # A byte order mark in front of UTF-8 is no part of the first column's name.
    codec = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            hint = 'it begins as UTF-16 does: set encoding = "utf-16" in the mapping'
        else:
            hint = 'set the encoding it was saved in (such as "windows-1252") in the mapping, or save it as UTF-8'
        line = data.count(b"\n", 0, error.start) + 1
        raise _refused(
            f"{name}, line {line}: byte {error.start} (0x{data[error.start]:02x}) is not {encoding}; {hint}.", line=line
        ) from error
    nul = text.find("\0")
    if nul >= 0:
        line = text.count("\n", 0, nul) + 1
        column = nul - (text.rfind("\n", 0, nul) + 1) + 1
        raise _refused(
            f"{name}, line {line}: character {column} is a NUL byte; the file is damaged or not {encoding}: export it "
            f"again, or set its encoding in the mapping.",
            line=line,
        )
    return text


def _rows(text: str, name: str, form: SourceFormat) -> Iterator[tuple[int, list[str]]]:
    quoted = bool(form.quote)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=form.delimiter,
        quotechar=form.quote or None,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        strict=True,
        skipinitialspace=form.skip_initial_space,
    )
    while True:
        line = reader.line_num + form.skip_lines + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            last = reader.line_num + form.skip_lines
            if "unexpected end" in str(error) or "field larger" in str(error):
                fault = "a quote is opened and never closed"
            else:
                fault = f"quotes are not closed properly ({error})"
            raise _refused(
                f"{name}, line {line}: {fault}, noticed on line {last}; close the quote, or double a quote that "
                f"stands inside a cell.",
                line=line,
            ) from error
        yield line, cells


def _check_header(header: list[str], needed: frozenset[str], name: str, form: SourceFormat) -> None:
    missing = sorted(needed - set(header))
    if missing:
        near = {column: get_close_matches(column, header, n=1) for column in missing}
        said = [f"{column!r}{f' (is it {found[0]!r}?)' if found else ''}" for column, found in near.items()]
        raise _refused(
            f"{name}, line {form.skip_lines + 1}: the mapping reads {', '.join(said)}, and the header has only "
            f"{', '.join(repr(column) for column in header)}; name the file's columns in the mapping, or check its "
            f"delimiter ({form.delimiter!r}).",
            line=form.skip_lines + 1,
        )
    twice = sorted(column for column in needed if header.count(column) > 1)
    if twice:
        raise _refused(
            f"{name}: the header has {twice[0]!r} twice; rename one of them, or list `columns` in the mapping."
        )


def _doubts(data: bytes, name: str, encoding: str) -> list[str]:
    """A single-byte encoding accepts any bytes: say so if the file is really UTF-8."""
    if codecs.lookup(encoding).name.startswith("utf") or data.isascii():
        return []
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return []
    return [f"{name} reads well as UTF-8, and the mapping says {encoding}; look at the accents before you rely on it."]


def _refused(message: str, *, line: int | None = None) -> SourceUnreadable:
    reason = Reason("source_unreadable", message, field="source", facts=None if line is None else {"line": line})
    return SourceUnreadable(message, reasons=[reason])
