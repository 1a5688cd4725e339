"""An organisation of its own for each test, and ways to import and look at what became of it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest

import samples
from catalogue.import_report import ImportReport
from catalogue.importer import import_programme
from engine.database import Database
from engine.ids import new_id

SAMPLES = Path(samples.__file__).parent
DATA = Path(__file__).parent / "data"
TORONTO = ZoneInfo("America/Toronto")
NOW = datetime(2026, 3, 31, 9, 0, tzinfo=TORONTO)


def make_organisation(database_url: str, *, currency: str = "CAD", time_zone: str = "America/Toronto") -> UUID:
    organisation_id = new_id()
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO tenant (id, slug) VALUES (%s, %s)", (organisation_id, f"org-{organisation_id.hex}")
        )
        connection.execute(
            """
            INSERT INTO organisation (id, name, legal_name, currency, prices_include_tax, time_zone, locale, letterhead,
                                      created_at)
            VALUES (%s, 'Riverside', '', %s, true, %s, 'en_CA', '{}', %s)
            """,
            (organisation_id, currency, time_zone, NOW),
        )
    return organisation_id


@pytest.fixture
def organisation(database_url: str) -> UUID:
    return make_organisation(database_url)


@pytest.fixture
def run_import(database: Database, organisation: UUID) -> Callable[..., ImportReport]:
    def run(source: Path, mapping: Path, prices: Path | None = None, **options) -> ImportReport:
        options = {"now": NOW, **options}
        with database.transaction(organisation) as tx:
            return import_programme(tx, source=source, mapping=mapping, prices=prices, **options)

    return run


@pytest.fixture
def rows(database: Database, organisation: UUID) -> Callable[..., list[dict]]:
    def read(sql: str, **parameters) -> list[dict]:
        with database.transaction(organisation) as tx:
            return tx.rows(sql, **parameters)

    return read
