"""Writes what an import planned, in sets: sites, terms, categories, programs, offerings with their sessions, rules."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from catalogue import mapping as spec
from catalogue.drafts import Draft
from catalogue.import_report import ChangedOffering, ImportReport, VanishedOffering
from catalogue.planning import PlannedOffering
from catalogue.prices import Prices, rules_of
from catalogue.rules import Rule
from catalogue.sessions import Wanted, write_sessions
from catalogue.sets import in_chunks, insert_rows, keep_in_step, update_rows
from catalogue.source import BadRow
from engine.database import Row, Transaction
from engine.ids import new_id
from models import (
    OfferingStatus,
    Program,
    ProgramCategory,
    ProgramType,
    RuleScope,
    Site,
    Term,
    TermProgramSet,
    TermStatus,
)

ProgramKey = tuple[str, str, str]

# Offerings whose sessions are compared and written together.
OFFERINGS_AT_ONCE = 2_000

_WITH_SESSIONS = {OfferingStatus.DRAFT, OfferingStatus.PUBLISHED}


@dataclass(frozen=True, slots=True)
class Placed:
    """The ids of what an import stands on, by the keys of its mapping."""

    sites: Mapping[str, UUID]
    terms: Mapping[str, UUID]
    categories: Mapping[str, UUID]


def write_places(
    tx: Transaction, settings: spec.Mapping, drafts: Sequence[Draft], report: ImportReport, now: datetime
) -> Placed:
    """Sites, terms and categories. `now` is local; it gives new terms their status, and no term another one."""
    source = settings.source.name
    sites = {site.key: site for site in settings.sites}
    categories = {each.key: (each.name, each.program_type) for each in settings.categories}
    for draft in drafts:
        if settings.new_sites is not None and draft.site not in sites:
            place, name = settings.new_sites.model_dump(), draft.site_name or draft.site
            sites[draft.site] = spec.SiteMapping(key=draft.site, name=name, **place)
        if settings.new_categories is not None and draft.category not in categories:
            categories[draft.category] = (draft.category, settings.new_categories.program_type)
    site_ids = keep_in_step(
        tx,
        Site,
        {f"{source}:{key}": site.model_dump(exclude={"key"}) for key, site in sites.items()},
        counts=report.sites,
        adopt_by_name=True,
    )
    found_sites = {key: site_ids[f"{source}:{key}"] for key in sites}
    term_ids = keep_in_step(
        tx,
        Term,
        {f"{source}:{term.key}": _term_row(term, sites, found_sites, now) for term in settings.terms},
        counts=report.terms,
        once=frozenset({"status"}),
    )
    category_ids = keep_in_step(
        tx,
        ProgramCategory,
        {
            f"{source}:{key}": {"name": name, "program_type": ProgramType[program_type]}
            for key, (name, program_type) in categories.items()
        },
        counts=report.categories,
        adopt_by_name=True,
    )
    return Placed(
        sites=found_sites,
        terms={term.key: term_ids[f"{source}:{term.key}"] for term in settings.terms},
        categories={key: category_ids[f"{source}:{key}"] for key in categories},
    )


def write_programs(
    tx: Transaction, settings: spec.Mapping, planned: Sequence[PlannedOffering], placed: Placed, report: ImportReport
) -> dict[ProgramKey, UUID]:
    """The programs that offerings are made from, by site, category and name; the first row describes it."""
    wanted: dict[ProgramKey, Row] = {}
    for each in planned:
        wanted.setdefault(
            program_key(each),
            {
                "category_id": placed.categories[each.category],
                "site_id": placed.sites[each.site],
                "name": each.program,
                "description": each.description,
            },
        )
    named = {key: f"{settings.source.name}:{'/'.join(key)}" for key in wanted}
    ids = keep_in_step(tx, Program, {named[key]: row for key, row in wanted.items()}, counts=report.programs)
    return {key: ids[name] for key, name in named.items()}


def write_offerings(
    tx: Transaction,
    settings: spec.Mapping,
    planned: Sequence[PlannedOffering],
    placed: Placed,
    programs: Mapping[ProgramKey, UUID],
    report: ImportReport,
    progress: Callable[[int, int], None],
) -> None:
    """Offerings and their sessions. What has the fingerprint it had is not looked at again."""
    prefix = f"{settings.source.name}:"
    known = {row["source_key"]: row for row in tx.rows(_KNOWN, prefix=prefix)}
    _report_vanished(known, prefix, report)
    explicit_status = settings.offering.status is not None
    fresh, changed = [], []
    for each in planned:
        row = known.get(prefix + each.key)
        if row is None:
            fresh.append((new_id(), each))
        elif row["source_fingerprint"] == each.fingerprint:
            report.offerings.unchanged += 1
        else:
            changed.append((row["id"], each))
        if row is not None and explicit_status and row["status"] != each.status:
            said = f"line {each.line}: {each.values['name']} is {row['status']} here and {each.status} in the file"
            report.notices.append(f"{said}; change it by hand, with its bookings in mind.")
    changed = _without_moved(tx, changed, placed, report)
    _report_changes(tx, changed, report)
    report.offerings.created += len(fresh)
    report.offerings.updated += len(changed)
    statuses = {row["id"]: row["status"] for row in known.values()}
    done = 0
    for rows, is_new in ((fresh, True), (changed, False)):
        for some in in_chunks(rows, OFFERINGS_AT_ONCE):
            _write_some(tx, some, is_new, prefix, placed, programs)
            wanted = {
                offering_id: Wanted(each.slots, each.values["session_price_minor"], each.values["capacity"])
                for offering_id, each in some
                if statuses.get(offering_id, each.status) in _WITH_SESSIONS
            }
            report.sessions.add(write_sessions(tx, wanted))
            done += len(some)
            progress(done, len(fresh) + len(changed))


def write_rules(
    tx: Transaction,
    prices: Prices,
    planned: Sequence[PlannedOffering],
    placed: Placed,
    programs: Mapping[ProgramKey, UUID],
    report: ImportReport,
) -> None:
    """The rules that the prices file sets: on the organisation, on categories, on programs of that name."""
    rows = list(_rule_rows(RuleScope.ORGANISATION, [tx.organisation_id], rules_of(prices.organisation)))
    categories, names = {each.category for each in planned}, {each.program for each in planned}
    for category, prices_of in prices.categories.items():
        ids = [placed.categories[category]] if category in categories else []
        rows += _rule_rows(RuleScope.CATEGORY, ids, rules_of(prices_of.rules))
    for program, prices_of in prices.programs.items():
        ids = [found for (_, _, name), found in programs.items() if name == program]
        rows += _rule_rows(RuleScope.PROGRAM, ids, rules_of(prices_of.rules))
    unused = [*(prices.categories.keys() - categories), *(prices.programs.keys() - names)]
    if unused:
        said = ", ".join(sorted(unused))
        report.notices.append(f"The prices file has a list for what no row of this file is of: {said}.")
    if not rows:
        return
    written = [row["is_new"] for row in tx.rows(_SET_RULES, rows=Jsonb(rows))]
    report.rules.created += sum(written)
    report.rules.updated += len(written) - sum(written)
    report.rules.unchanged += len(rows) - len(written)


def program_key(each: PlannedOffering) -> ProgramKey:
    return (each.site, each.category, each.program)


def _term_row(
    term: spec.TermMapping, sites: Mapping[str, spec.SiteMapping], ids: Mapping[str, UUID], now: datetime
) -> Row:
    site = sites.get(term.site or "")
    today = now.astimezone(ZoneInfo(site.time_zone)).date() if site else now.date()
    return {
        "name": term.name,
        "site_id": ids.get(term.site or ""),
        "starts_on": term.starts_on,
        "ends_on": term.ends_on,
        "status": _term_status(term, today),
    }


def _term_status(term: spec.TermMapping, today: date) -> TermStatus:
    if today < term.starts_on:
        return TermStatus.OPEN
    return TermStatus.RUNNING if today <= term.ends_on else TermStatus.ENDED


def _write_some(
    tx: Transaction,
    some: Sequence[tuple[UUID, PlannedOffering]],
    is_new: bool,
    prefix: str,
    placed: Placed,
    programs: Mapping[ProgramKey, UUID],
) -> None:
    rows: list[Row] = []
    for offering_id, each in some:
        row = {
            "id": offering_id,
            "term_id": placed.terms[each.term],
            "program_id": programs[program_key(each)],
            "source_fingerprint": each.fingerprint,
            **each.values,
        }
        rows.append({**row, "source_key": prefix + each.key, "status": each.status} if is_new else row)
    if is_new:
        insert_rows(tx, TermProgramSet, rows)
        return
    tx.rows(_LOCK, ids=sorted(row["id"] for row in rows))
    update_rows(tx, TermProgramSet, rows)


def _report_vanished(known: Mapping[str, Row], prefix: str, report: ImportReport) -> None:
    for source_key, row in known.items():
        key = source_key.removeprefix(prefix)
        if key not in report.seen_keys and row["status"] in _WITH_SESSIONS:
            report.vanished.append(VanishedOffering(key, row["name"]))
    report.vanished.sort(key=lambda each: each.key)


def _without_moved(
    tx: Transaction, changed: Sequence[tuple[UUID, PlannedOffering]], placed: Placed, report: ImportReport
) -> list[tuple[UUID, PlannedOffering]]:
    """An offering that is booked stays in its term: its bookings were made in it."""
    terms = {offering_id: placed.terms[each.term] for offering_id, each in changed}
    rows = tx.rows(_BOOKED_ELSEWHERE, ids=list(terms), terms=list(terms.values())) if terms else []
    stuck = {row["id"]: row["term"] for row in rows}
    for offering_id, each in changed:
        if offering_id in stuck:
            reason = f"{each.values['name']} is booked in the term {stuck[offering_id]}, and cannot move to another"
            report.bad_rows.append(BadRow(each.line, "", reason))
    return [(offering_id, each) for offering_id, each in changed if offering_id not in stuck]


def _report_changes(tx: Transaction, changed: Sequence[tuple[UUID, PlannedOffering]], report: ImportReport) -> None:
    for some in in_chunks(changed, OFFERINGS_AT_ONCE):
        rows = tx.rows(_WHOLE, ids=[offering_id for offering_id, _ in some])
        before = {row["id"]: row for row in rows}
        for offering_id, each in some:
            had = before[offering_id]
            fields = tuple(name for name, value in each.values.items() if had[name] != value)
            report.changed.append(ChangedOffering(each.line, each.key, each.values["name"], fields))


def _rule_rows(scope: RuleScope, scope_ids: Iterable[UUID], rules: Mapping[Rule, object]) -> Iterable[Row]:
    for scope_id in scope_ids:
        for rule, value in rules.items():
            yield {"id": new_id(), "scope": scope, "scope_id": scope_id, "name": rule, "value": value}


_KNOWN = """
    SELECT id, source_key, source_fingerprint, status, name FROM term_program_set
    WHERE organisation_id = %(org)s AND starts_with(source_key, %(prefix)s)
"""

_WHOLE = "SELECT * FROM term_program_set WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)"

_LOCK = f"{_WHOLE} ORDER BY id FOR NO KEY UPDATE"

_BOOKED_ELSEWHERE = """
    SELECT o.id, t.name AS term
    FROM unnest(%(ids)s::uuid[], %(terms)s::uuid[]) AS wanted (id, term_id)
    JOIN term_program_set o ON o.organisation_id = %(org)s AND o.id = wanted.id AND o.term_id <> wanted.term_id
    JOIN term t ON t.organisation_id = %(org)s AND t.id = o.term_id
    WHERE EXISTS (
        SELECT FROM term_product p WHERE p.organisation_id = %(org)s AND p.term_program_set_id = o.id AND (
            p.taken > 0
            OR EXISTS (SELECT FROM place_claim c WHERE c.organisation_id = %(org)s AND c.term_product_id = p.id)
            OR EXISTS (SELECT FROM term_booking_line b WHERE b.organisation_id = %(org)s AND b.term_product_id = p.id)
        )
    )
"""

_SET_RULES = """
    INSERT INTO rule_setting AS kept (organisation_id, id, scope, scope_id, name, value)
    SELECT %(org)s, id, scope, scope_id, name, value
    FROM jsonb_to_recordset(%(rows)s) AS r (id uuid, scope text, scope_id uuid, name text, value jsonb)
    ON CONFLICT (organisation_id, scope_id, name) DO UPDATE SET value = excluded.value
    WHERE kept.value IS DISTINCT FROM excluded.value
    RETURNING xmax = 0 AS is_new
"""
