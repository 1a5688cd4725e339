"""What an import did, in words for the terminal and the preview page."""

from collections.abc import Iterator

from catalogue.import_report import ImportReport
from catalogue.sets import Counts

_MOST = 20


def in_words(report: ImportReport) -> str:
    """A line for each thing that happened; every bad row with its line and reason."""
    return "\n".join(_lines(report))


def _lines(report: ImportReport) -> Iterator[str]:
    rows = f"{report.source}: {report.rows_read} rows read"
    if report.is_refused:
        yield f"{rows}, {len(report.bad_rows)} bad: nothing was changed (--skip-bad imports the good ones)."
    else:
        yield f"{rows}, would change (nothing written):" if report.dry_run else f"{rows}."
        for name, counts in (
            ("sites", report.sites), ("terms", report.terms), ("categories", report.categories),
            ("programs", report.programs), ("rules", report.rules), ("offerings", report.offerings),
        ):  # fmt: skip
            yield f"  {name:<11}{_counts(counts)}"
        made = report.sessions
        yield f"  {'sessions':<11}{_counts(Counts(made.created, made.updated, made.unchanged))}, {made.removed} removed"
    yield from _listed("bad", [str(row) for row in report.bad_rows])
    yield from _listed("changed", [f"{c.name} (line {c.line}): {', '.join(c.fields)}" for c in report.changed])
    yield from _listed("not in the file any more, left as it is", [v.name for v in report.vanished])
    yield from _listed("kept because somebody holds it", [str(kept) for kept in report.sessions.kept])
    yield from _listed("notice", report.notices)


def _counts(counts: Counts) -> str:
    return f"{counts.created} new, {counts.updated} changed, {counts.unchanged} unchanged"


def _listed(what: str, found: list[str]) -> Iterator[str]:
    for one in found[:_MOST]:
        yield f"  {what}: {one}"
    if len(found) > _MOST:
        yield f"  … and {len(found) - _MOST} more"
