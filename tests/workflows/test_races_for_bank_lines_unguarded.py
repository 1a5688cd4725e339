"""The control of the race for a bank line: without its guard it pays for several orders. In a database of its own that
is not checked.
"""

from threading import Barrier
from uuid import UUID

import psycopg
import pytest

from engine.batch import Guarded
from engine.database import Database, Row, Transaction
from engine.errors import Conflict
from tests.engine.later import together
from tests.workflows.payment_world import make_world
from tests.workflows.race import GOT_IT
from tests.workflows.test_bank_statements import entry, invoiced, lines, match, take_in
from workflows import bank_statements

CLERKS = 6


def test_without_its_guard_a_line_pays_more_than_came_in(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = bank_statements._MATCHED
    unguarded = Guarded(name=guard.name, takes=guard.takes,
                        sql=guard.sql[: guard.sql.index("AND t.matched_minor")] + "RETURNING t.id")  # fmt: skip
    monkeypatch.setattr(bank_statements, "_MATCHED", unguarded)
    with psycopg.connect(database_url) as owner:
        owner.execute("ALTER TABLE bank_line DROP CONSTRAINT ck_bank_line_matches_within_the_line")
    world = make_world(database, database_url)
    orders = [invoiced(world) for _ in range(CLERKS)]
    # Whoever looks waits until all have looked: each sees a line that nobody has matched.
    all_looked, read = Barrier(CLERKS, timeout=60), bank_statements._open_line

    def look(tx: Transaction, line_id: UUID) -> Row:
        line = read(tx, line_id)
        all_looked.wait()
        return line

    monkeypatch.setattr(bank_statements, "_open_line", look)
    [line] = lines(world, take_in(world, entry(text="raced for"), name="raced for"))

    def claim(n: int) -> str:
        try:
            match(world, line, orders[n])
        except Conflict as refusal:
            return refusal.code
        return GOT_IT

    assert together(CLERKS, claim).count(GOT_IT) > 1
