"""The sample centre as it is when it has grown: a full term, copied to other sites and back through the years.

What was held is in the books, as the worker would have posted it; what lies ahead is not.
"""

import math
from contextlib import closing
from datetime import date, timedelta
from typing import Any

import psycopg
from rich.console import Console

from bench.copied import copy_centre
from bench.world import NOW
from billing.recognition import recognise_of
from engine.actor import Actor
from engine.database import Database, Transaction
from engine.schema import migrate
from engine.settings import Settings
from models import ActorKind, Role
from samples.enrolled import Place, book, fill
from samples.sample import Sample, make_sample

SLUG = "bench"
DAY = date(2026, 4, 13)  # of the term that is filled
_OF_A_TERM = 1_000
_TERMS = 20
_TERM_IS_OVER = NOW + timedelta(days=200)

# What the copies of the term that is running earn lies ahead.
_AHEAD = """
CREATE TEMP TABLE ahead AS SELECT id, entry_id, invoice_line_id, amount_minor FROM revenue_recognition
    WHERE earned_on > %(today)s;
UPDATE deferral d SET earned_minor = d.earned_minor - a.amount_minor
    FROM (SELECT invoice_line_id AS id, sum(amount_minor) AS amount_minor FROM ahead GROUP BY 1) a WHERE d.id = a.id;
DELETE FROM revenue_recognition r USING ahead a WHERE r.id = a.id;
DELETE FROM ledger_posting p USING ahead a WHERE p.entry_id = a.entry_id;
DELETE FROM ledger_entry e USING ahead a WHERE e.id = a.entry_id;
"""
_OWN = """
SELECT o.term_id, array_agg(s.id ORDER BY s.starts_at) AS session_ids
FROM term_program_set o JOIN term_product s ON s.organisation_id = o.organisation_id AND s.term_program_set_id = o.id
JOIN attendee a ON a.organisation_id = o.organisation_id AND a.id = %(child)s
WHERE o.organisation_id = %(org)s AND 'CASUAL' = ANY(o.modes) AND NOT s.is_seated
  AND coalesce(o.bookable_from, %(now)s) <= %(now)s AND s.status = 'OPEN' AND s.starts_at > %(now)s
  AND s.taken < s.capacity
  AND a.date_of_birth + make_interval(months => coalesce(o.age_from_months, 0)) <= s.local_date
  AND (o.age_below_months IS NULL OR a.date_of_birth + make_interval(months => o.age_below_months) > s.local_date)
GROUP BY o.id, o.term_id ORDER BY o.id LIMIT 1
"""


def grow(console: Console, url: str, chosen: Settings, bookings: int) -> None:
    """Migrate the database and build the centre in it, with at least so many bookings."""
    migrate(url, app_role=chosen.app_role)
    with closing(Database(url, app_role=chosen.app_role, pool_size=2)) as database:
        with console.status("The sample centre"):
            sample = make_sample(url, database, slug=SLUG, name="Bench", now=NOW)
        admin = Actor(ActorKind.ADMIN, user_id=sample.users[Role.ADMIN])
        with console.status("Bookings of one term") as status:
            made = fill(
                database, sample.organisation_id, admin=admin, now=NOW, most=min(_OF_A_TERM, bookings),
                progress=lambda done: status.update(f"Bookings of one term: {done}"),
            )  # fmt: skip
            status.update("What the term earns")
            recognise_of(database, sample.organisation_id, now=_TERM_IS_OVER)
        copies = math.ceil(bookings / made)
        terms = min(_TERMS, copies)
        with console.status("Copies") as status, psycopg.connect(url, autocommit=True) as owner:
            if copies > 1:
                copy_centre(
                    owner, sample.organisation_id, sites=math.ceil(copies / terms), terms=terms,
                    progress=lambda table: status.update(f"Copies: {table}"),
                )  # fmt: skip
            status.update("What lies ahead")
            _forget_what_lies_ahead(owner)
        database.run(sample.organisation_id, lambda tx: _own_booking(tx, sample, admin))


def _forget_what_lies_ahead(owner: psycopg.Connection[Any]) -> None:
    """As a superuser, past the triggers that keep the books as they are."""
    owner.execute("SET session_replication_role = replica")
    for statement in _AHEAD.strip().split(";\n"):
        owner.execute(statement, {"today": NOW.date()} if "%(" in statement else None)
    owner.execute("SET session_replication_role = origin")
    owner.execute("VACUUM (ANALYZE) revenue_recognition, ledger_entry, ledger_posting, deferral")


def _own_booking(tx: Transaction, sample: Sample, admin: Actor) -> None:
    """The family that looks at its pages has a booking for its elder child."""
    child = sample.rossi.attendee_ids[0]
    found = tx.row(_OWN, child=child, now=NOW)
    assert found is not None, "something is left for a child of nine"
    place = Place(found["term_id"], NOW.date(), found["session_ids"][:3])
    book(tx, sample.rossi, child, place, is_paid=False, admin=admin, now=NOW)
