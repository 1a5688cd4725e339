"""Documents as PDF: a Jinja2 page laid out by WeasyPrint; same document, same bytes; nothing is ever fetched."""

import atexit
import hashlib
import os
import threading
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton, format_time, get_timezone_name
from babel.numbers import format_decimal, format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from engine.errors import StartupFailed
from engine.money import format_money, parse_locale
from invoicing.document import Document, DocumentKind, DocumentLine, Letterhead
from invoicing.press import in_processes

_TEMPLATES = Path(__file__).parent / "templates"
_LOGO_URL = "termbook:logo"

# CLDR's territories that print on US Letter; everybody else on A4.
_LETTER_TERRITORIES = frozenset(("BZ", "CA", "CL", "CO", "CR", "GT", "MX", "NI", "PA", "PH", "PR", "SV", "US", "VE"))

# Pango's font map is not thread-safe and its calls let other threads run.
_one_at_a_time = threading.Lock()


class PdfLibraryMissing(StartupFailed):
    """WeasyPrint cannot load the system libraries that lay text out."""

    code = "pdf_library_missing"


def render_pdf(document: Document) -> bytes:
    """The document as a tagged PDF (PDF/UA-1), on the paper of its locale.

    The same document gives the same bytes with the same versions of WeasyPrint, Pango and the fonts. One document at a
    time per process; use `render_files` for more. Raises `PdfLibraryMissing`.
    """
    logo = document.letterhead.logo
    images = {_LOGO_URL: logo} if logo else {}
    return render_page("document.html", _facts(document), paper=paper(document.locale), images=images)


def render_page(template: str, facts: dict[str, Any], *, paper: str, images: Mapping[str, bytes]) -> bytes:
    """One of the templates as a PDF in the same style; `images` are what it shows, by address (`termbook:…`): PNG, JPEG
    or SVG. Raises `PdfLibraryMissing`.
    """
    return _write_pdf(_environment().get_template(template).render(facts), paper=paper, images=images)


def render_files(documents: Iterable[Document], *, into: Path, workers: int) -> Iterator[Path]:
    """The PDFs of many documents as files named after their numbers, in their order, by `workers` processes that start
    afresh and write them themselves; a file appears whole.

    Documents are taken from the iterable a few ahead of the files that were asked for. The first failure ends the run.
    """
    yield from in_processes(partial(_render_file, into=into), documents, workers=workers)


def _render_file(document: Document, *, into: Path) -> Path:
    path = into / f"{document.number}.pdf"
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(render_pdf(document))
    return part.replace(path)


def check_libraries() -> None:
    """Load what a PDF needs, so that a missing library is said at the start. Raises `PdfLibraryMissing`."""
    _layout()


def paper(locale: str) -> str:
    """`Letter` or `A4`, by the locale's territory."""
    return "Letter" if parse_locale(locale).territory in _LETTER_TERRITORIES else "A4"


# -- what the templates see ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Group:
    """The lines of one attendee and course, in the document's order."""

    attendee: str
    course: str
    lines: tuple[DocumentLine, ...]
    total: int

    @property
    def has_details(self) -> bool:
        """Some line says more than its date and time."""
        return self.site is None or any(line.description for line in self.lines)

    @property
    def site(self) -> str | None:
        """The site that all its lines share, else None: then each line names its own."""
        sites = {line.site for line in self.lines}
        return next(iter(sites)) if len(sites) == 1 else None


def _groups(document: Document) -> list[_Group]:
    found: dict[tuple[str, str], list[DocumentLine]] = {}
    for line in document.lines:
        found.setdefault((line.attendee, line.course), []).append(line)
    return [
        _Group(attendee, course, tuple(lines), sum(document.shown_minor(line) for line in lines))
        for (attendee, course), lines in found.items()
    ]


class Paper(Protocol):
    """What every paper says of itself: enough to write its figures and its head."""

    @property
    def currency(self) -> str: ...
    @property
    def locale(self) -> str: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def letterhead(self) -> Letterhead: ...


@dataclass(frozen=True)
class _Writing:
    """How one document writes its money, dates and rates."""

    document: Paper

    def money(self, amount_minor: int) -> str:
        return format_money(amount_minor, self.document.currency, self.document.locale)

    def amount(self, amount_minor: int) -> str:
        """Without the currency, for the columns."""
        return format_money(amount_minor, self.document.currency, self.document.locale, symbol=False)

    def day(self, day: date) -> str:
        return format_date(day, "long", locale=self._locale)

    def session_day(self, day: date) -> str:
        return format_skeleton("yMMMEd", day, locale=self._locale)

    def short_day(self, day: date) -> str:
        return format_date(day, "medium", locale=self._locale)

    def moment(self, moment: datetime) -> str:
        """Date and time in the document's zone."""
        local = moment.astimezone(ZoneInfo(self.document.time_zone))
        clock = format_time(local, "short", tzinfo=local.tzinfo, locale=self._locale)
        return f"{self.day(local)}, {clock} {get_timezone_name(local, 'short', locale=self._locale)}"

    def count(self, count: int) -> str:
        return format_decimal(count, locale=self._locale)

    def rate(self, rate_percent: Decimal) -> str:
        return format_percent(rate_percent / 100, locale=self._locale, decimal_quantization=False)

    def times(self, starts_at: time, ends_at: time) -> str:
        """`10:00–11:00 a.m.`; the end of a session past midnight is on the next day."""
        if ends_at <= starts_at:
            start, end = (format_time(t, "short", locale=self._locale) for t in (starts_at, ends_at))
            return str(_labels(self._locale.language)["next_day"]) % {"times": f"{start}–{end}"}
        return format_interval(starts_at, ends_at, self._time_skeleton, locale=self._locale)

    @cached_property
    def _locale(self) -> Locale:
        return parse_locale(self.document.locale)

    @property
    def _time_skeleton(self) -> str:
        return "hm" if "h" in self._locale.time_formats["short"].pattern.replace("'h'", "") else "Hm"


def _columns(document: Document, groups: list[_Group]) -> dict[str, bool]:
    """The columns that say something.

    A quantity of 1, a price that is the amount, or the one tax that the totals name is not repeated in every row: it
    reads better, and every cell costs a millisecond.
    """
    with_quantity = any(line.quantity != 1 for line in document.lines)
    return {
        "with_details": any(group.has_details for group in groups),
        "with_quantity": with_quantity,
        "with_price": with_quantity or any(line.discounts for line in document.lines),
        "with_tax": len({tuple((t.name, t.rate_percent) for t in line.taxes) for line in document.lines}) > 1,
    }


def paper_facts(document: Paper, *, title: str) -> dict[str, Any]:
    """What the templates of every paper see; `title` is the name of its word."""
    locale = parse_locale(document.locale)
    labels = _labels(locale.language)
    return {
        "document": document,
        "labels": labels,
        "lang": "-".join(filter(None, (labels["language"], locale.territory))),
        "title": labels[title],
        "write": _Writing(document),
        "logo_url": _LOGO_URL if document.letterhead.logo else None,
    }


def render_paper(document: Paper, *, template: str, title: str) -> bytes:
    """A paper by a template of its own, with the letterhead of all others. Raises `PdfLibraryMissing`."""
    logo = document.letterhead.logo
    images = {_LOGO_URL: logo} if logo else {}
    return render_page(template, paper_facts(document, title=title), paper=paper(document.locale), images=images)


def _facts(document: Document) -> dict[str, Any]:
    groups = _groups(document)
    return {
        **paper_facts(document, title=document.kind.lower()),
        "groups": groups,
        **_columns(document, groups),
        "is_quote": document.kind is DocumentKind.QUOTE,
        "is_invoice": document.kind is DocumentKind.INVOICE,
        "is_credit_note": document.kind is DocumentKind.CREDIT_NOTE,
        "is_zero_statement": document.kind is DocumentKind.ZERO_STATEMENT,
    }


def words_of(locale: str) -> dict[str, str]:
    """The words of a document in the language of a locale."""
    return _labels(parse_locale(locale).language)


@cache
def _labels(language: str) -> dict[str, str]:
    """The words of a language, or English where nobody has translated them yet."""
    path = _TEMPLATES / f"labels.{language}.toml"
    if not path.exists():
        return _labels("en")
    return {"language": language, **tomllib.loads(path.read_text(encoding="utf-8"))}


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


# -- WeasyPrint --------------------------------------------------------------------------------------------------------


class _Layout:
    """WeasyPrint with what is read once per process: the fonts and the style sheet of each paper."""

    def __init__(self) -> None:
        import weasyprint
        from weasyprint.text.fonts import FontConfiguration
        from weasyprint.urls import URLFetcher, URLFetcherResponse

        class FetchNothing(URLFetcher):  # type: ignore[misc]  # weasyprint has no types
            """Answers the document's own images from memory, refuses any other address, `data:` and `file:` too."""

            def __init__(self, images: Mapping[str, bytes]) -> None:
                super().__init__(allowed_protocols=())
                self.images = images

            def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
                if (image := self.images.get(url)) is not None:
                    is_drawn = image.lstrip().startswith((b"<?xml", b"<svg"))
                    return URLFetcherResponse(url, image, {"Content-Type": "image/svg+xml"} if is_drawn else None)
                raise ValueError(f"a document fetches nothing, not even {url[:200]}")

        elements = weasyprint.CSS(filename=_TEMPLATES / "elements.css")

        class Page(weasyprint.HTML):  # type: ignore[misc]  # weasyprint has no types
            """Of the elements of our templates only; a WeasyPrint that does not ask lays out the same, slower."""

            def _ua_stylesheets(self, forms: bool = False) -> list[Any]:
                return [elements]

        self.html = Page
        self.fetcher = FetchNothing
        self.fonts = FontConfiguration()
        css = (_TEMPLATES / "document.css").read_text(encoding="utf-8")
        self.styles = {
            size: weasyprint.CSS(
                string=f"@page {{ size: {size} }}\n{css}", font_config=self.fonts, url_fetcher=FetchNothing({})
            )
            for size in ("A4", "Letter")
        }


@cache
def _layout() -> _Layout:
    # The fonts are given back while the interpreter still stands; later their own clean-up fails, with a message.
    atexit.register(_layout.cache_clear)
    try:
        return _Layout()
    except OSError as error:  # what cffi raises for a library that is not there
        raise PdfLibraryMissing(
            "PDF documents need Pango and HarfBuzz; install them with: "
            "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
        ) from error


def _write_pdf(html: str, *, paper: str, images: Mapping[str, bytes]) -> bytes:
    """Lay out one page source. The file's identifier is a digest of what went in, never of the time."""
    identifier = hashlib.sha256(html.encode() + b"".join(images.values())).hexdigest()[:32].encode()
    with _one_at_a_time:
        layout = _layout()
        page = layout.html(string=html, url_fetcher=layout.fetcher(images))
        written: bytes = page.write_pdf(
            stylesheets=[layout.styles[paper]],
            font_config=layout.fonts,
            pdf_variant="pdf/ua-1",
            pdf_identifier=identifier,
        )
    return written
