"""Days that are over are added up once and kept, so that a report over years reads sums.

    not kept ──marked──▶ to be summed ──summed──▶ kept
        ▲                     │                     │
        └──── something is posted into the day, or a session of it goes to another month (a trigger, whoever writes)

A mark is written, alone and with the organisation's row taken whole, and only while nobody is writing: so whoever wrote
before is seen by the sums, and whoever writes later sees the mark. The sums follow in a transaction that holds it, so
whoever then posts into the day waits for them and takes them away with it.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from billing.journal import local_today
from billing.reports.balances import BALANCES
from billing.reports.deferred import DEFERRALS
from billing.reports.revenue import REVENUE
from billing.reports.takings import TAKINGS
from billing.reports.tax import TAXES
from engine.database import Database, Transaction
from models import KeptKind, LedgerAccount

# Late in the evening a session's revenue is still to come, and clocks differ: a day is kept an hour after it ended.
_AFTER = timedelta(hours=1)
_DAYS_AT_ONCE = 31


class _Sums(NamedTuple):
    table: str
    columns: str
    of_days: str  # by day; reads the spans `unkept`


_SUMS: Mapping[KeptKind, tuple[_Sums, ...]] = {
    KeptKind.JOURNAL: (
        _Sums("kept_balance", "ledger_account, debit_minor, credit_minor", BALANCES),
        _Sums("kept_revenue", "term_program_set_id, ledger_account, source_kind, component, lines, amount_minor",
              REVENUE),
        _Sums("kept_takings", "ledger_account, provider, source_kind, postings, in_minor, out_minor", TAKINGS),
        _Sums("kept_tax", "tax_name, tax_rate, net_minor, tax_minor, credited_net_minor, credited_tax_minor", TAXES),
    ),
    KeptKind.DEFERRAL: (_Sums("kept_deferral", "month, invoiced_minor, credited_minor, earned_minor", DEFERRALS),),
}  # fmt: skip
# Whoever posts holds a share of this row (the foreign key of its entry), and whoever moves a session takes one. Nobody
# is waited for: of a busy centre a later turn keeps the days.
_HOLD = "SELECT id FROM organisation WHERE id = %(org)s FOR UPDATE SKIP LOCKED"
_MISSING = """
SELECT d::date AS day FROM generate_series(
    (SELECT min(posted_on) FROM ledger_entry WHERE organisation_id = %(org)s)::timestamp, %(last)s::timestamp,
    interval '1 day') d
WHERE NOT EXISTS (SELECT FROM kept_day k WHERE k.organisation_id = %(org)s AND k.kind = %(kind)s AND k.day = d::date)
ORDER BY d DESC LIMIT %(most)s
"""
_MARK = f"""
INSERT INTO kept_day (organisation_id, id, kind, day)
SELECT %(org)s, gen_random_uuid(), %(kind)s, day FROM ({_MISSING}) m ON CONFLICT DO NOTHING
"""
# Another worker's are passed over.
_TAKE = """
SELECT id FROM kept_day WHERE organisation_id = %(org)s AND kind = %(kind)s AND NOT is_summed
ORDER BY day DESC LIMIT %(most)s FOR UPDATE SKIP LOCKED
"""
_ADD_UP = """
WITH taken AS (SELECT id, day FROM kept_day WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)),
unkept AS MATERIALIZED (SELECT day AS first_on, day AS last_on FROM taken)
INSERT INTO {table} (organisation_id, id, kept_id, {columns})
SELECT %(org)s, gen_random_uuid(), t.id, {columns} FROM ({of_days}) s JOIN taken t ON t.day = s.day
"""
_SUMMED = "UPDATE kept_day SET is_summed = true WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)"


def keep_days(database: Database, *, now: datetime) -> int:
    """Keep what is over and not kept, a month of days at a time of every organisation, the latest first. Any number of
    workers may run it. Returns how many days were summed.
    """
    return sum(keep_days_of(database, organisation_id, now=now) for organisation_id in database.organisations())


def keep_days_of(database: Database, organisation_id: UUID, *, now: datetime) -> int:
    """The same of one organisation."""
    return sum(_keep(database, organisation_id, kind, now) for kind in KeptKind)


def _keep(database: Database, organisation_id: UUID, kind: KeptKind, now: datetime) -> int:
    database.run(organisation_id, lambda tx: _mark(tx, kind, now))
    return database.run(organisation_id, lambda tx: _sum_up(tx, kind))


def _mark(tx: Transaction, kind: KeptKind, now: datetime) -> None:
    last = _last(tx, now)
    if tx.rows(_MISSING, kind=kind, last=last, most=1) and tx.row(_HOLD) is not None:
        tx.run(_MARK, kind=kind, last=last, most=_DAYS_AT_ONCE)


def _last(tx: Transaction, now: datetime) -> date:
    return local_today(tx, now - _AFTER) - timedelta(days=1)


def _sum_up(tx: Transaction, kind: KeptKind) -> int:
    """Sums of the marked days, in sets."""
    ids = [row["id"] for row in tx.rows(_TAKE, kind=kind, most=_DAYS_AT_ONCE)]
    if ids:
        for sums in _SUMS[kind]:
            tx.run(_ADD_UP.format(**sums._asdict()), ids=ids, accounts=[account.value for account in LedgerAccount])
        tx.run(_SUMMED, ids=ids)
    return len(ids)
