"""Imports a programme: a file of rows, its mapping, and the organisation's own prices, in one transaction.

Importing twice changes nothing; a changed row updates; a vanished row is reported; bad rows stop everything, unless
they are to be skipped. One import of an organisation runs at a time.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg

from catalogue.drafts import Draft, RowReader, columns_of
from catalogue.import_report import ImportReport
from catalogue.import_writes import Placed, write_offerings, write_places, write_programs, write_rules
from catalogue.mapping import Mapping, TermMapping, read_mapping
from catalogue.planning import NotPlannable, choose_term, plan_all
from catalogue.prices import Prices, read_prices
from catalogue.schedule import Calendar
from catalogue.sessions import read_calendars
from catalogue.source import BadRow, SourceFile, read_source
from engine.database import Transaction

Progress = Callable[[int, int], None]

_ROWS_PER_STEP = 500


def import_programme(
    tx: Transaction,
    *,
    source: Path,
    mapping: Path,
    prices: Path | None,
    now: datetime,
    skip_bad: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file into the organisation of the transaction; `dry_run` answers what it would do and writes nothing.

    `now` decides whether a new term is open, running or ended. `progress` is called with steps done and steps in all.
    A file with bad rows writes nothing and says so (`report.is_refused`) unless `skip_bad`. Raises `SourceUnreadable`
    where the file is broken as a whole, `MappingIsInvalid` where the mapping or the prices are.
    """
    assert now.tzinfo is not None, "now is an aware moment"
    settings = read_mapping(mapping)
    tx.flush()
    # One import at a time; whoever waits then sees what the other has written.
    organisation = tx.row("SELECT currency, time_zone FROM organisation WHERE id = %(org)s FOR NO KEY UPDATE")
    assert organisation is not None, "a transaction belongs to an organisation"
    price_lists = read_prices(prices, organisation["currency"])
    file = read_source(source, settings.source, needed=settings.columns)
    report = ImportReport(source=file.name, dry_run=dry_run, notices=list(file.notices))
    steps = _Steps(progress, 2 * file.line_count)

    drafts = _read_drafts(file, settings, organisation["currency"], report, steps)
    in_terms = _with_terms(_placed(drafts, settings, report.bad_rows), settings, report.bad_rows)
    with tx.raw.transaction(force_rollback=dry_run):
        local_now = now.astimezone(ZoneInfo(organisation["time_zone"]))
        _write(tx, settings, price_lists, organisation["currency"], in_terms, report, local_now, steps)
        report.bad_rows.sort(key=lambda bad: (bad.line, bad.column))
        if report.bad_rows and not skip_bad:
            raise psycopg.Rollback
        report.applied = not dry_run
    if report.bad_rows and not skip_bad:
        report.forget_writes()
    steps.finish()
    return report


def _read_drafts(
    file: SourceFile, settings: Mapping, currency: str, report: ImportReport, steps: "_Steps"
) -> list[Draft]:
    """Every row that can be read; the keys of those that cannot are kept, so that they are not taken for vanished."""
    reader = RowReader(settings, currency)
    by_key: dict[str, Draft] = {}
    for line, record in file.records():
        report.rows_read += 1
        draft, bad = reader.read(line, record)
        report.seen_keys.add(draft.key)
        steps.reached(line)
        first = by_key.get(draft.key)
        if bad:
            report.bad_rows += bad
        elif first is None:
            by_key[draft.key] = draft
        elif not settings.source.merge_rows:
            report.bad_rows.append(
                BadRow(line, columns_of(settings.offering.key), f"{draft.key!r} stands on line {first.line} too")
            )
        elif unlike := first.differences(draft):
            said = f"{draft.key!r} stands on line {first.line} with another {', '.join(unlike)}"
            report.bad_rows.append(BadRow(line, columns_of(settings.offering.key), said))
        else:
            first.meetings += draft.meetings
    report.bad_rows += file.bad_rows
    return list(by_key.values())


def _placed(drafts: Iterable[Draft], settings: Mapping, bad: list[BadRow]) -> list[Draft]:
    """The drafts whose site and category the mapping knows, or makes new."""
    sites, categories = {site.key for site in settings.sites}, {category.key for category in settings.categories}
    found = []
    for draft in drafts:
        noted = len(bad)
        if draft.site not in sites and settings.new_sites is None:
            reason = f"the mapping has no site {draft.site!r}; add it, or [new_sites]"
            bad.append(BadRow(draft.line, columns_of(settings.offering.site), reason))
        if draft.category not in categories and settings.new_categories is None:
            reason = f"the mapping has no category {draft.category!r}; add it, or [new_categories]"
            bad.append(BadRow(draft.line, columns_of(settings.offering.category), reason))
        if len(bad) == noted:
            found.append(draft)
    return found


def _with_terms(drafts: Iterable[Draft], settings: Mapping, bad: list[BadRow]) -> list[tuple[Draft, TermMapping]]:
    found = []
    for draft in drafts:
        try:
            found.append((draft, choose_term(draft, settings.terms)))
        except NotPlannable as error:
            bad.append(BadRow(draft.line, "", error.reason))
    return found


def _write(
    tx: Transaction,
    settings: Mapping,
    prices: Prices,
    currency: str,
    drafts: list[tuple[Draft, TermMapping]],
    report: ImportReport,
    now: datetime,
    steps: "_Steps",
) -> None:
    """Sites and terms first, since their calendars decide the sessions; then all the rest, from the top down."""
    placed = write_places(tx, settings, [draft for draft, _ in drafts], report, now)
    planned, bad = plan_all(drafts, _calendars(tx, placed, drafts), prices, currency)
    report.bad_rows += bad
    programs = write_programs(tx, settings, planned, placed, report)
    write_offerings(tx, settings, planned, placed, programs, report, steps.written)
    write_rules(tx, prices, planned, placed, programs, report)


def _calendars(
    tx: Transaction, placed: Placed, drafts: list[tuple[Draft, TermMapping]]
) -> Callable[[str, str], Calendar]:
    pairs = {(placed.terms[term.key], placed.sites[draft.site]) for draft, term in drafts}
    calendars = read_calendars(tx, pairs)
    return lambda term, site: calendars[placed.terms[term], placed.sites[site]]


class _Steps:
    """Progress in one scale: the first half is reading, the second writing."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._last = 0

    def reached(self, step: int) -> None:
        if self._progress is not None and step >= self._last + _ROWS_PER_STEP:
            self._last = step
            self._progress(min(step, self._total), self._total)

    def written(self, done: int, of: int) -> None:
        half = self._total // 2
        self.reached(half + half * done // max(of, 1))

    def finish(self) -> None:
        if self._progress is not None:
            self._progress(self._total, self._total)
