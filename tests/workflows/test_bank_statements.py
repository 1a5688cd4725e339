"""Transfers: a statement is imported once, its lines are matched with what they pay, none with more than came in."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
import pytest

from billing.bank_files import BankEntry
from engine.database import Database
from engine.errors import Invalid, NotPermitted
from models import BankFileFormat, TermBookingConfirmationType
from models import TermBookingStatus as S
from tests.builders import NOW
from tests.engine.later import together
from tests.workflows.payment_world import PayWorld, Placed, make_world
from workflows import bank_statements, term_booking_order
from workflows.bank_statements import LineNotOpen
from workflows.bank_suggestions import Suggestion, references_in, suggest

ADMIN_CONFIRM = TermBookingConfirmationType.ADMIN_CONFIRM
ACCOUNT = "Operating account"


@pytest.fixture(scope="module")
def centre(database: Database, database_url: str) -> PayWorld:
    return make_world(database, database_url)


@pytest.fixture
def world(centre: PayWorld) -> Iterator[PayWorld]:
    """The centre; whatever a test did, every invariant holds afterwards."""
    yield centre
    assert centre.breaches() == []


def entry(amount_minor: int = 2260, *, text: str = "", payer: str = "ROSSI", day: int = 1, **more: Any) -> BankEntry:
    return BankEntry(date(2026, 4, day), amount_minor, "CAD", payer, text=text, **more)


def take_in(world: PayWorld, *entries: BankEntry, name: str, account: str = ACCOUNT) -> UUID:
    made: bank_statements.Imported = world.run(
        bank_statements.import_statement, filename=name, content=repr((name, entries)), kind=BankFileFormat.CSV,
        bank_account=account, entries=entries, actor=world.admin, now=NOW,
    )  # fmt: skip
    return made.statement_id


def lines(world: PayWorld, statement_id: UUID) -> list[dict[str, Any]]:
    return world.rows("SELECT * FROM bank_line WHERE statement_id = %(id)s ORDER BY position", id=statement_id)


def invoiced(world: PayWorld) -> Placed:
    placed = world.place(confirmation_type=ADMIN_CONFIRM)
    world.run(term_booking_order.confirm, order_id=placed.id, actor=world.admin, now=NOW, reason="known")
    return placed


def match(world: PayWorld, line: dict[str, Any], placed: Placed, amount_minor: int | None = None) -> Any:
    return world.run(bank_statements.match, line_id=line["id"], order_id=placed.id, amount_minor=amount_minor,
                     actor=world.admin, now=NOW)  # fmt: skip


def suggestions(world: PayWorld, line: dict[str, Any]) -> list[Suggestion]:
    with world.database.transaction(world.organisation_id) as tx:
        return suggest(tx, line["id"])


class TestImport:
    def test_of_the_same_file_is_one_statement(self, world: PayWorld) -> None:
        first = take_in(world, entry(text="twice"), name="same")

        assert take_in(world, entry(text="twice"), name="same") == first
        assert len(lines(world, first)) == 1

    def test_of_files_that_overlap_keeps_each_line_once(self, world: PayWorld) -> None:
        monday = [entry(500, text="a coffee", day=6), entry(500, text="a coffee", day=6)]  # two that say the same
        tuesday = [entry(700, text="cake", day=7)]

        first = take_in(world, *monday, name="until monday")
        second = take_in(world, *monday, *tuesday, name="until tuesday")

        assert (len(lines(world, first)), [line["text"] for line in lines(world, second)]) == (2, ["cake"])

    def test_by_two_at_once_keeps_each_line_once(self, world: PayWorld) -> None:
        files = [[entry(900, text="raced", day=8), entry(100 + n, text="own", day=8)] for n in range(4)]

        together(4, lambda n: take_in(world, *files[n], name=f"raced {n}"))

        assert len(world.rows("SELECT id FROM bank_line WHERE text = 'raced'")) == 1

    @pytest.mark.parametrize("account", ["Savings", " operating  ACCOUNT"])
    def test_of_the_same_movements_in_another_file_under_another_name_is_one_statement(
        self, world: PayWorld, account: str
    ) -> None:
        told = [entry(1500 + len(account), text="as before", day=9), entry(-300, text="fee", day=9)]
        first = take_in(world, *told, name="as exported on Monday")

        assert take_in(world, *told, name=f"as exported on Tuesday, {account}", account=account) == first

    def test_that_overlaps_one_under_another_name_is_refused_and_names_it(self, world: PayWorld) -> None:
        known = [entry(1600, text="rent", day=10), entry(1700, text="lessons", day=10)]
        take_in(world, *known, name="until the 10th")
        more = [*known, entry(1800, text="camp", day=11)]

        with pytest.raises(Invalid) as refusal:
            take_in(world, *more, name="until the 11th", account="Savings")

        [reason] = refusal.value.reasons
        assert (reason.code, reason.facts) == ("known_of_another_account", {"bank_account": ACCOUNT})
        fresh = take_in(world, *more, name="until the 11th", account="operating account ")
        assert [(line["text"], line["bank_account"]) for line in lines(world, fresh)] == [("camp", ACCOUNT)]

    def test_of_another_account_with_the_same_fees_is_its_own(self, world: PayWorld) -> None:
        fee = entry(-500, text="monthly fee", payer="", day=12)
        take_in(world, fee, entry(1900, text="a lesson", day=12), name="one account")

        other = take_in(world, fee, entry(2000, text="another", day=12), name="the other", account="Fees too")

        assert len(lines(world, other)) == 2

    def test_the_database_keeps_the_same_movements_from_being_two_statements(self, world: PayWorld) -> None:
        made = take_in(world, entry(2100, text="once", day=13), name="once")

        with (
            psycopg.connect(world.url) as owner,
            pytest.raises(psycopg.errors.UniqueViolation, match="uq_bank_statement_organisation_id_entries_hash"),
        ):
            owner.execute(
                "INSERT INTO bank_statement (organisation_id, id, filename, format, bank_account, content_hash, "
                "entries_hash, lines, fresh_lines, imported_at) SELECT organisation_id, gen_random_uuid(), filename, "
                "format, 'Another', 'another', entries_hash, lines, 0, imported_at FROM bank_statement WHERE id = %s",
                [made],
            )

    def test_in_another_currency_or_of_nothing_is_refused(self, world: PayWorld) -> None:
        for entries in ([BankEntry(date(2026, 4, 1), 100, "EUR")], []):
            with pytest.raises(Invalid):
                take_in(world, *entries, name=f"bad {len(entries)}")

    def test_is_not_for_families(self, world: PayWorld) -> None:
        with pytest.raises(NotPermitted):
            world.run(bank_statements.import_statement, filename="x", content="x", kind=BankFileFormat.CSV,
                      bank_account="x", entries=[entry()], actor=world.place().family, now=NOW)  # fmt: skip


class TestMatch:
    def test_settles_the_invoice_and_stands_in_the_bank(self, world: PayWorld) -> None:
        placed = invoiced(world)
        [line] = lines(world, take_in(world, entry(text="thanks"), name="settles"))

        match(world, line, placed)

        assert world.booking(placed)["payment_state"] == "PAID"
        assert (world.balance(placed, "BANK"), world.balance(placed, "GATEWAY_CLEARING")) == (-2260, 0)

    def test_confirms_an_order_that_waits_for_its_payment(self, world: PayWorld) -> None:
        placed = world.place()
        [line] = lines(world, take_in(world, entry(text="pay now"), name="confirms"))

        match(world, line, placed)

        assert world.status(placed) == S.APPROVED

    def test_of_a_part_leaves_the_rest_of_the_line_and_of_the_invoice(self, world: PayWorld) -> None:
        one, other = invoiced(world), invoiced(world)
        [big, small] = lines(
            world, take_in(world, entry(3000, text="for both"), entry(1520, text="rest"), name="parts")
        )

        match(world, big, one, 2260)
        match(world, big, other)
        match(world, small, other)

        assert [world.booking(placed)["payment_state"] for placed in (one, other)] == ["PAID", "PAID"]
        with pytest.raises(LineNotOpen, match="matched whole"):
            match(world, big, other)

    def test_of_more_than_is_open_or_left_is_refused(self, world: PayWorld) -> None:
        placed = invoiced(world)
        [line] = lines(world, take_in(world, entry(5000, text="too much"), name="too much"))

        for amount in (None, 5001, 0):
            with pytest.raises(Invalid):
                match(world, line, placed, amount)

    def test_of_one_line_by_several_at_once_pays_no_more_than_came_in(self, world: PayWorld) -> None:
        orders = [invoiced(world) for _ in range(6)]
        [line] = lines(world, take_in(world, entry(text="raced for"), name="raced for"))

        def claim(placed: Placed) -> bool:
            try:
                match(world, line, placed)
            except (LineNotOpen, bank_statements.MovedMeanwhile):
                return False
            return True

        won = together(6, lambda n: claim(orders[n]))

        assert won.count(True) == 1
        assert [world.booking(placed)["payment_state"] for placed in orders].count("PAID") == 1


class TestSettingAside:
    def test_takes_a_line_off_the_list_and_back(self, world: PayWorld) -> None:
        placed = invoiced(world)
        [line] = lines(world, take_in(world, entry(text="rent"), name="aside"))
        world.run(bank_statements.set_aside, line_id=line["id"], reason="rent", actor=world.admin, now=NOW)

        with pytest.raises(LineNotOpen, match="set aside: rent"):
            match(world, line, placed)

        world.run(bank_statements.take_up, line_id=line["id"], actor=world.admin)
        match(world, line, placed)


class TestSuggestions:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("Karate to-4f7k9qw2 thanks", (["TO-4F7K9QW2"], [])),
            ("TB 4F7K9QW2", (["TB-4F7K9QW2"], [])),
            ("inv-2026-000017, INV 2026 18", ([], ["INV-2026-17", "INV-2026-18"])),
            ("nothing of ours 2026", ([], [])),
        ],
    )
    def test_find_what_people_write(self, text: str, found: tuple[list[str], list[str]]) -> None:
        assert references_in(text) == found

    def test_put_the_named_order_first_then_the_amount(self, world: PayWorld) -> None:
        named, other = invoiced(world), invoiced(world)
        reference = world.order(named.id)["reference"]
        [line] = lines(world, take_in(world, entry(2260, text=f"for {reference}", payer=""), name="named"))

        found = suggestions(world, line)

        assert (found[0].order_id, found[0].because, found[0].open_minor) == (named.id, ("reference", "amount"), 2260)
        assert {one.because for one in found[1:]} == {("amount",)}
        assert other.id != named.id

    def test_a_payer_is_known_by_a_name_without_its_accents_and_not_by_being_a_family(self, world: PayWorld) -> None:
        placed = invoiced(world)
        account = world.order(placed.id)["account_id"]
        name = "UPDATE account SET name = %(name)s WHERE organisation_id = %(org)s AND id = %(id)s"
        world.run(lambda tx: tx.run(name, name="Famille Bélanger", id=account))
        alike, other = (lines(world, take_in(world, entry(100, text="", payer=payer), name=payer))[0]
                        for payer in ("BELANGER M", "Rossi Family"))  # fmt: skip

        assert [(one.account, one.because) for one in suggestions(world, alike)] == [("Famille Bélanger", ("name",))]
        assert suggestions(world, other) == []

    def test_of_a_line_that_is_matched_are_none(self, world: PayWorld) -> None:
        placed = invoiced(world)
        [line] = lines(world, take_in(world, entry(text="done"), name="done"))
        match(world, line, placed)

        assert suggestions(world, line) == []
