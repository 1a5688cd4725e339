"""Writes in sets: one statement, guards whose counts must come out right, numbers without a gap."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from engine import batch as batch_module
from engine.batch import Batch, FollowUp, Guarded
from engine.database import Database, Transaction
from engine.errors import Conflict
from engine.ids import new_id
from models import DocumentSeries, Extra, OutboxMessage, Quote
from tests import builders as build
from tests.builders import NOW, Ordered
from tests.engine.later import together
from tests.workflows.centre import Centre, make_centre

RAISE = Guarded(
    name="raise_price",
    sql="UPDATE extra t SET price_minor = t.price_minor + r.by_minor FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.is_active RETURNING t.id",
    takes="id uuid, by_minor bigint",
)


class Missing(Conflict):
    code = "missing"


def missing(ids: set[str]) -> Missing:
    return Missing("Some are not sold any more.", found=ids)


@pytest.fixture(scope="module")
def centre(checked_database: Database, database_url: str) -> Centre:
    return make_centre(checked_database, database_url)


def extra(name: str = "Lunch", **columns: Any) -> dict[str, Any]:
    return {"id": new_id(), "name": name, "price_minor": 800, "is_active": True, **columns}


def write(centre: Centre, fill: Any) -> dict[str, int]:
    with centre.database.transaction(centre.organisation_id) as tx:
        fill(tx.batch)
        return tx.flush()


def prices(centre: Centre, *rows: dict[str, Any]) -> list[int]:
    found = {row["id"]: row["price_minor"] for row in centre.rows("SELECT id, price_minor FROM extra")}
    return [found[row["id"]] for row in rows]


class TestInserts:
    def test_rows_of_several_tables_in_one_statement(self, centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
        lunch, bus = extra(), extra("Bus")
        note = {"id": new_id(), "topic": "test.note", "payload": {"quotes": "\"'\\ é 🥋"}, "created_at": NOW}
        statements: list[str] = []
        rows = Transaction.rows
        monkeypatch.setattr(Transaction, "rows", lambda tx, sql, **p: statements.append(sql) or rows(tx, sql, **p))

        def fill(batch: Batch) -> None:
            batch.add(Extra, [lunch])
            batch.add(OutboxMessage, [note])
            batch.add(Extra, [bus])

        write(centre, fill)
        monkeypatch.undo()

        assert len(statements) == 1
        assert prices(centre, lunch, bus) == [800, 800]
        kept = centre.one("SELECT payload FROM outbox_message WHERE id = %(id)s", id=note["id"])
        assert kept["payload"] == note["payload"]

    def test_nothing_is_written_for_an_empty_set(self, centre: Centre) -> None:
        batch = Batch(centre.organisation_id)

        batch.add(Extra, [])

        assert batch.is_empty
        assert write(centre, lambda batch: batch.add(Extra, iter(()))) == {}

    def test_an_empty_set_beside_a_full_one(self, centre: Centre) -> None:
        lunch = extra()

        def fill(batch: Batch) -> None:
            batch.add(OutboxMessage, [])
            batch.add(Extra, [lunch])

        write(centre, fill)

        assert prices(centre, lunch) == [800]

    def test_rows_carry_the_same_columns(self, centre: Centre) -> None:
        with pytest.raises(AssertionError, match="same columns"):
            write(centre, lambda batch: batch.add(Extra, [extra(), {"id": new_id(), "name": "Bus"}]))

    def test_are_of_the_transactions_organisation_whatever_they_say(self, centre: Centre) -> None:
        lunch = extra()

        write(centre, lambda batch: batch.add(Extra, [lunch]))

        row = centre.one("SELECT organisation_id FROM extra WHERE id = %(id)s", id=lunch["id"])
        assert row["organisation_id"] == centre.organisation_id

    def test_are_written_once_though_flushed_twice(self, centre: Centre) -> None:
        lunch = extra()
        with centre.database.transaction(centre.organisation_id) as tx:
            tx.batch.add(Extra, [lunch])
            tx.flush()
            assert tx.batch.is_empty
            tx.flush()

        assert prices(centre, lunch) == [800]

    def test_one_row_and_fifty_share_a_statement(self, centre: Centre) -> None:
        write(centre, lambda batch: batch.add(Extra, [extra()]))
        known = batch_module._statement.cache_info().currsize

        write(centre, lambda batch: batch.add(Extra, [extra(f"Extra {n}") for n in range(50)]))

        assert batch_module._statement.cache_info().currsize == known


class TestGuards:
    def test_touch_each_row_once(self, centre: Centre) -> None:
        lunch, bus = extra(), extra("Bus")
        write(centre, lambda batch: batch.add(Extra, [lunch, bus]))

        rows = [{"id": lunch["id"], "by_minor": 100}, {"id": bus["id"], "by_minor": 200}]
        write(centre, lambda batch: batch.guard(RAISE, rows, otherwise=missing))

        assert prices(centre, lunch, bus) == [900, 1000]

    def test_that_find_less_undo_everything_and_say_what_they_found(self, centre: Centre) -> None:
        lunch, gone, new = extra(), extra("Bus", is_active=False), extra("Late pick-up")
        write(centre, lambda batch: batch.add(Extra, [lunch, gone]))

        def fill(batch: Batch) -> None:
            rows = [{"id": row["id"], "by_minor": 100} for row in (lunch, gone)]
            batch.guard(RAISE, rows, otherwise=missing)
            batch.add(Extra, [new])

        with pytest.raises(Missing) as refusal:
            write(centre, fill)

        assert refusal.value.facts == {"found": {str(lunch["id"])}}
        assert prices(centre, lunch, gone) == [800, 800]
        assert centre.rows("SELECT id FROM extra WHERE id = %(id)s", id=new["id"]) == []

    def test_the_first_that_fails_speaks(self, centre: Centre) -> None:
        def fill(batch: Batch) -> None:
            for name in ("first", "second"):
                batch.guard(RAISE, [{"id": new_id(), "by_minor": 1}], otherwise=lambda _, name=name: Missing(name))

        with pytest.raises(Missing, match="first"):
            write(centre, fill)

    def test_of_another_organisation_find_nothing(self, centre: Centre, database_url: str) -> None:
        other = make_centre(centre.database, database_url, name="Hillside Centre")
        lunch = extra()
        write(centre, lambda batch: batch.add(Extra, [lunch]))

        with pytest.raises(Missing):
            write(other, lambda batch: batch.guard(RAISE, [{"id": lunch["id"], "by_minor": 1}], otherwise=missing))

        assert prices(centre, lunch) == [800]


class TestViolations:
    def test_of_a_known_constraint_become_its_refusal(self, centre: Centre) -> None:
        lunch = extra(price_minor=-1)

        def fill(batch: Batch) -> None:
            batch.add(Extra, [lunch])
            batch.on_violation("ck_extra_price_is_not_negative", Missing("Nothing is given away."))

        with pytest.raises(Missing, match="given away") as refusal:
            write(centre, fill)
        assert isinstance(refusal.value.__cause__, psycopg.errors.CheckViolation)

    def test_of_another_constraint_are_our_bug(self, centre: Centre) -> None:
        with pytest.raises(psycopg.errors.CheckViolation):
            write(centre, lambda batch: batch.add(Extra, [extra(price_minor=-1)]))


class TestNumbers:
    @pytest.fixture(scope="class")
    @classmethod
    def quoted(cls, centre: Centre) -> Ordered:
        """An order that quotes can be made of."""
        rossi, karate = centre.family(), centre.course()
        child = rossi.child()
        placed: Ordered = centre.edit(build.submitted, rossi.account, child, centre.term, karate.sessions)
        return placed

    def quote(self, quoted: Ordered, *, year: int) -> dict[str, Any]:
        assert quoted.billing is not None
        return {
            "id": new_id(), "order_id": quoted.order["id"], "billing_id": quoted.billing["id"],
            "total_minor": quoted.billing["total_minor"], "issued_on": NOW.date().replace(year=year), "issued_at": NOW,
            "expires_at": NOW, "printed": {},
        }  # fmt: skip

    def issue(self, centre: Centre, quoted: Ordered, year: int, *, fails: bool = False) -> int:
        def fill(batch: Batch) -> None:
            batch.add_numbered(Quote, self.quote(quoted, year=year), series=DocumentSeries.QUOTE, year=year)
            if fails:
                batch.guard(RAISE, [{"id": new_id(), "by_minor": 1}], otherwise=missing)

        return write(centre, fill)["Q"]

    def test_count_from_one_in_each_year(self, centre: Centre, quoted: Ordered) -> None:
        given = [self.issue(centre, quoted, year) for year in (2030, 2030, 2031, 2030)]

        assert given == [1, 2, 1, 3]
        kept = centre.rows("SELECT number FROM quote WHERE year = 2030 ORDER BY number")
        assert [row["number"] for row in kept] == [1, 2, 3]

    def test_leave_no_gap_where_a_write_is_undone(self, centre: Centre, quoted: Ordered) -> None:
        first = self.issue(centre, quoted, 2032)
        with pytest.raises(Missing):
            self.issue(centre, quoted, 2032, fails=True)

        assert (first, self.issue(centre, quoted, 2032)) == (1, 2)

    def test_given_out_at_the_same_time_are_gapless(self, centre: Centre, quoted: Ordered) -> None:
        def many(_: int) -> list[int]:
            return [self.issue(centre, quoted, 2033) for _ in range(10)]

        given = [number for numbers in together(8, many) for number in numbers]

        assert sorted(given) == list(range(1, 81))

    def test_of_one_batch_follow_each_other_as_they_were_added(self, centre: Centre, quoted: Ordered) -> None:
        self.issue(centre, quoted, 2034)
        notes = [self.quote(quoted, year=2034) for _ in range(3)]

        def fill(batch: Batch) -> None:
            for note in notes:
                batch.add_numbered(Quote, note, series=DocumentSeries.QUOTE, year=2034)

        assert write(centre, fill) == {"Q": 4}
        numbers = {row["id"]: row["number"] for row in centre.rows("SELECT id, number FROM quote WHERE year = 2034")}
        assert [numbers[note["id"]] for note in notes] == [2, 3, 4]

    def test_of_two_years_are_two_batches(self, quoted: Ordered) -> None:
        batch = Batch(new_id())
        batch.add_numbered(Quote, self.quote(quoted, year=2034), series=DocumentSeries.QUOTE, year=2034)

        with pytest.raises(AssertionError, match="one year per series"):
            batch.add_numbered(Quote, self.quote(quoted, year=2035), series=DocumentSeries.QUOTE, year=2035)


BY_ID = Guarded(RAISE.name, RAISE.sql, RAISE.takes, is_by_id=True)


class TestGuardsByTheirRows:
    def test_about_different_rows_are_one_statement(self, centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
        lunch, bus = extra(), extra("Bus")
        write(centre, lambda batch: batch.add(Extra, [lunch, bus]))
        written: list[str] = []
        row = Transaction.row
        monkeypatch.setattr(Transaction, "row", lambda tx, sql, **p: written.append(sql) or row(tx, sql, **p))

        def fill(batch: Batch) -> None:
            for one in (lunch, bus):
                batch.guard(BY_ID, [{"id": one["id"], "by_minor": 5}], otherwise=missing)

        write(centre, fill)
        monkeypatch.undo()

        assert written[0].count("UPDATE extra") == 1
        assert prices(centre, lunch, bus) == [805, 805]

    def test_each_says_itself_what_it_did_not_find(self, centre: Centre) -> None:
        lunch, gone = extra(), extra("Bus", is_active=False)
        write(centre, lambda batch: batch.add(Extra, [lunch, gone]))

        def fill(batch: Batch) -> None:
            batch.guard(BY_ID, [{"id": lunch["id"], "by_minor": 5}], otherwise=lambda _: Conflict("the lunch"))
            batch.guard(BY_ID, [{"id": gone["id"], "by_minor": 5}], otherwise=lambda _: Conflict("the bus"))

        with pytest.raises(Conflict, match="the bus"):
            write(centre, fill)

        assert prices(centre, lunch) == [800]

    def test_what_is_still_to_be_written_can_be_found(self) -> None:
        batch, lunch = Batch(new_id()), extra()
        batch.guard(BY_ID, [{"id": lunch["id"], "by_minor": 5}], otherwise=missing)

        assert batch.waiting(BY_ID, str(lunch["id"])) == {"id": lunch["id"], "by_minor": 5}
        assert batch.waiting(BY_ID, new_id()) is None


MARK = Guarded(
    name="mark_dear",
    sql="UPDATE extra t SET price_minor = r.price_minor FROM {rows} WHERE t.organisation_id = {org} AND t.id = r.id "
    "RETURNING t.id, t.price_minor > 1000 AS is_marked",
    takes="id uuid, price_minor bigint",
    marks=True,
)


class TestFollowUps:
    """What a statement marks is followed up in the same transaction, once, before it commits."""

    def test_get_what_was_marked_by_all_statements_in_its_order(self, centre: Centre) -> None:
        rows = [extra(name) for name in ("Lunch", "Bus", "Late pick-up")]
        write(centre, lambda batch: batch.add(Extra, rows))
        seen: list[tuple[Sequence[UUID], datetime]] = []
        then = FollowUp(lambda tx, ids, now: seen.append((ids, now)), NOW)

        with centre.database.transaction(centre.organisation_id) as tx:
            for row, price in zip(reversed(rows), (2000, 500, 3000), strict=True):
                tx.batch.guard(MARK, [{"id": row["id"], "price_minor": price}], otherwise=missing, then=then)
                tx.flush()
            before = list(seen)

        assert (before, seen) == ([], [([rows[0]["id"], rows[2]["id"]], NOW)])

    def test_write_too_and_are_undone_with_the_transaction(self, centre: Centre) -> None:
        row = extra()
        write(centre, lambda batch: batch.add(Extra, [row]))

        def raise_and_fail(tx: Transaction, ids: Sequence[UUID], now: datetime) -> None:
            tx.batch.guard(RAISE, [{"id": i, "by_minor": 1} for i in [*ids, new_id()]], otherwise=missing)

        with pytest.raises(Missing), centre.database.transaction(centre.organisation_id) as tx:
            tx.batch.guard(MARK, [{"id": row["id"], "price_minor": 5000}], otherwise=missing,
                           then=FollowUp(raise_and_fail, NOW))  # fmt: skip

        assert prices(centre, row) == [800]
