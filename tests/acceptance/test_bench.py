"""The floor of `make bench` writes what the engine writes; what the database adds up by itself is left to it."""

import psycopg

from bench.measure import Workshop
from bench.world import SIZES, build_world
from engine.settings import settings


class TestTheFloor:
    def test_leaves_as_many_rows_in_each_table_as_the_engine(self, database_url: str) -> None:
        with psycopg.connect(database_url, autocommit=True) as owner:
            workshop = Workshop(owner, url=database_url, role=settings().app_role, organisations=build_world(owner))

        assert set(workshop.rows_per_order) == set(SIZES)
        assert workshop.rows_per_order[50] > 10 * workshop.rows_per_order[1]
