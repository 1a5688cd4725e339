"""Stories of money that is taken back after it was spent: a returned debit, a match of a bank line that was wrong."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from billing.bank_files import BankEntry
from engine.database import Database
from engine.errors import Invalid, NotFound, NotPermitted
from engine.ids import new_id
from models import BankFileFormat
from tests.workflows import endings
from tests.workflows.books import balance
from tests.workflows.centre import DAY, NOW, Cart, Centre, Family, make_centre, sundays
from tests.workflows.purse import Purse
from tests.workflows.test_direct_debit import FINANCE, collect, hear, invoiced
from workflows import bank_statements
from workflows import direct_debit as debits
from workflows.bank_statements import LineNotOpen
from workflows.bank_unmatching import MatchUndone, unmatch

BOOKS = ("RECEIVABLE", "CUSTOMER_CREDIT", "WALLET", "BANK")


@pytest.fixture(scope="module")
def centre(checked_database: Database, database_url: str) -> Centre:
    return make_centre(checked_database, database_url, name="Taking back")


def given_up(centre: Centre) -> tuple[Family, Cart, debits.Debit]:
    """Collected 22.60 by a debit, and given up since: the money is in the wallet."""
    rossi, cart, invoice_id = invoiced(centre)
    debit = collect(centre, invoice_id)
    hear(centre, debits.settle, debit)
    centre.do(endings.cancel, booking_id=centre.booking(cart)["id"], reason="moved away", actor=centre.admin)
    assert Purse(centre, rossi).holds == (22_60, 0)
    return rossi, cart, debit


class TestAReturnedDebit:
    def test_takes_what_it_freed_from_the_wallet(self, centre: Centre) -> None:
        rossi, _, debit = given_up(centre)

        hear(centre, debits.return_debit, debit, reason="insufficient funds", now=NOW + DAY)

        assert Purse(centre, rossi).holds == (0, 0)
        assert balance(centre, rossi.id, *BOOKS) == [0, 0, 0, 0]

    def test_of_which_a_part_was_spent_makes_that_a_receivable(self, centre: Centre) -> None:
        rossi, _, debit = given_up(centre)
        swimming = centre.course(*sundays(1), name="Swimming")
        other = centre.confirmed(rossi, rossi.child(), swimming.lines())
        Purse(centre, rossi).pay(other)

        hear(centre, debits.return_debit, debit, reason="insufficient funds", now=NOW + DAY)

        assert balance(centre, rossi.id, *BOOKS) == [11_30, 0, 0, 0]
        assert centre.booking(other)["payment_state"] == "PAID"
        paid = centre.one("SELECT returned_owed_minor FROM payment WHERE id = %(id)s", id=debit.payment_id)
        assert paid == {"returned_owed_minor": 11_30}


def line_of(centre: Centre, amount_minor: int, said: str) -> UUID:
    """A transfer on the statement."""
    made = centre.do(
        bank_statements.import_statement, filename=said, content=said, kind=BankFileFormat.CSV, bank_account="ours",
        entries=[BankEntry(date(2026, 4, 1), amount_minor, "CAD", "ROSSI", text=said)], actor=FINANCE,
    )  # fmt: skip
    found: UUID = centre.one("SELECT id FROM bank_line WHERE statement_id = %(id)s", id=made.statement_id)["id"]
    return found


def match(centre: Centre, line_id: UUID, cart: Cart) -> UUID:
    matched = centre.do(bank_statements.match, line_id=line_id, order_id=cart.id, amount_minor=None, actor=FINANCE)
    payment_id: UUID = matched.payment_id
    return payment_id


def undo(centre: Centre, line_id: UUID, payment_id: UUID, **known: Any) -> None:
    centre.do(unmatch, line_id=line_id, payment_id=payment_id,
              **{"reason": "it was the Chens' transfer", "actor": FINANCE, **known})  # fmt: skip


class TestUndoingAMatch:
    def test_opens_the_invoice_and_the_line_for_the_right_order(self, centre: Centre) -> None:
        rossi, wrong, _ = invoiced(centre, mandated=False)
        chen, right, _ = invoiced(centre, mandated=False)
        line_id = line_of(centre, 22_60, "undone")
        payment_id = match(centre, line_id, wrong)

        undo(centre, line_id, payment_id)

        assert (balance(centre, rossi.id, *BOOKS), centre.booking(wrong)["payment_state"]) == ([22_60, 0, 0, 0], "OPEN")
        match(centre, line_id, right)
        assert centre.booking(right)["payment_state"] == "PAID"
        assert balance(centre, chen.id, "RECEIVABLE") == [0]
        with pytest.raises(LineNotOpen):
            match(centre, line_id, wrong)

    def test_takes_freed_money_from_the_wallet(self, centre: Centre) -> None:
        rossi, cart, _ = invoiced(centre, mandated=False)
        line_id = line_of(centre, 22_60, "freed")
        payment_id = match(centre, line_id, cart)
        centre.do(endings.cancel, booking_id=centre.booking(cart)["id"], reason="moved away", actor=centre.admin)

        undo(centre, line_id, payment_id)

        assert Purse(centre, rossi).holds == (0, 0)
        assert balance(centre, rossi.id, *BOOKS) == [0, 0, 0, 0]

    def test_is_done_once(self, centre: Centre) -> None:
        _, cart, _ = invoiced(centre, mandated=False)
        line_id = line_of(centre, 22_60, "once")
        payment_id = match(centre, line_id, cart)
        undo(centre, line_id, payment_id)

        with pytest.raises(MatchUndone):
            undo(centre, line_id, payment_id)

    def test_is_finances_with_a_reason_and_of_a_match_that_is_there(self, centre: Centre) -> None:
        rossi, cart, _ = invoiced(centre, mandated=False)
        line_id = line_of(centre, 22_60, "refused")
        payment_id = match(centre, line_id, cart)
        before = centre.snapshot()

        with pytest.raises(NotPermitted):
            undo(centre, line_id, payment_id, actor=rossi.actor)
        with pytest.raises(Invalid) as refusal:
            undo(centre, line_id, payment_id, reason=" ")
        with pytest.raises(NotFound):
            undo(centre, line_id, new_id())
        assert [reason.field for reason in refusal.value.reasons] == ["reason"]
        assert centre.snapshot() == before
