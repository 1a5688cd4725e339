"""Stories of money that is taken back after it was spent: a returned debit, a match of a bank line that was wrong."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from billing.bank_files import BankEntry
from billing.wallet import WalletTooLow
from engine.database import Database
from engine.errors import Invalid, NotFound, NotPermitted
from engine.ids import new_id
from models import BankFileFormat
from tests.workflows import endings
from tests.workflows.books import balance
from tests.workflows.centre import DAY, NOW, Cart, Centre, Family, make_centre, sundays
from tests.workflows.purse import Purse
from tests.workflows.test_direct_debit import FINANCE, collect, hear, invoiced
from workflows import bank_statements, payments, wallet
from workflows import direct_debit as debits
from workflows.bank_statements import LineNotOpen
from workflows.bank_unmatching import MatchUndone, unmatch
from workflows.payment_reversal import NotReversible, reverse_payment

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


def by_hand(centre: Centre, cart: Cart, amount_minor: int = 22_60, *, provider: str = "cash") -> UUID:
    payment_id, _ = centre.do(payments.record_manual_payment, order_id=cart.id, amount_minor=amount_minor,
                              reason="at the desk", provider=provider, actor=centre.admin)  # fmt: skip
    return UUID(str(payment_id))


def reverse(centre: Centre, payment_id: UUID, **known: Any) -> None:
    centre.do(reverse_payment, payment_id=payment_id, **{"reason": "the Chens' cash", "actor": FINANCE, **known})


def in_books(centre: Centre, family: Family) -> list[int]:
    return balance(centre, family.id, *BOOKS, "CASH")


class TestReversingWhatWasRecordedByHand:
    @pytest.mark.parametrize("provider", ["cash", "manual", "bank"])
    def test_opens_what_it_settled_and_says_who_and_why(self, centre: Centre, provider: str) -> None:
        rossi, cart, _ = invoiced(centre, mandated=False)
        payment_id = by_hand(centre, cart, provider=provider)

        reverse(centre, payment_id)

        assert (in_books(centre, rossi), centre.booking(cart)["payment_state"]) == ([22_60, 0, 0, 0, 0], "OPEN")
        row = centre.one("SELECT status, failure_reason, returned_by FROM payment WHERE id = %(id)s", id=payment_id)
        assert row == {"status": "FAILED", "failure_reason": "taken back: the Chens' cash",
                       "returned_by": FINANCE.user_id}  # fmt: skip
        by_hand(centre, cart, provider=provider)
        assert centre.booking(cart)["payment_state"] == "PAID"

    def test_takes_freed_money_from_the_wallet_and_the_rest_is_owed(self, centre: Centre) -> None:
        rossi, cart, _ = invoiced(centre, mandated=False)
        payment_id = by_hand(centre, cart)
        centre.do(endings.cancel, booking_id=centre.booking(cart)["id"], reason="moved away", actor=centre.admin)
        other = centre.confirmed(rossi, rossi.child("Leo"), centre.course(*sundays(1), name="Swimming").lines())
        Purse(centre, rossi).pay(other)

        reverse(centre, payment_id)

        assert in_books(centre, rossi) == [11_30, 0, 0, 0, 0]

    def test_takes_a_top_up_out_of_wallet_and_cash(self, centre: Centre) -> None:
        rossi = centre.family()
        payment_id = centre.do(wallet.record_top_up, account_id=rossi.id, amount="50.00", reason="cash",
                               provider="cash", actor=centre.admin)  # fmt: skip

        reverse(centre, payment_id)

        assert (Purse(centre, rossi).holds, in_books(centre, rossi)) == ((0, 0), [0, 0, 0, 0, 0])

    def test_of_a_top_up_that_left_the_wallet_before_takes_it_out_of_the_books_once(self, centre: Centre) -> None:
        rossi = centre.family()
        purse = Purse(centre, rossi)
        payment_id = purse.top_up("50.00")
        centre.do(wallet.correct, entry_id=purse.entry("TOPPED_UP")["id"], reason="wrong", actor=FINANCE)

        reverse(centre, payment_id)

        assert (purse.holds, in_books(centre, rossi)) == ((0, 0), [0, 0, 0, 0, 0])

    def test_of_a_top_up_that_was_spent_is_refused(self, centre: Centre) -> None:
        rossi, cart, _ = invoiced(centre, mandated=False)
        purse = Purse(centre, rossi)
        payment_id = purse.top_up("30.00")
        purse.pay(cart)

        with pytest.raises(WalletTooLow, match=r"holds .*7\.40; .*30\.00 came in by"):
            reverse(centre, payment_id)

        assert purse.holds == (7_40, 0)

    def test_is_done_once_and_its_entries_are_not_corrected_after(self, centre: Centre) -> None:
        rossi, cart, _ = invoiced(centre, mandated=False)
        payment_id = by_hand(centre, cart)
        centre.do(endings.cancel, booking_id=centre.booking(cart)["id"], reason="moved away", actor=centre.admin)
        reverse(centre, payment_id)
        purse = Purse(centre, rossi)
        purse.top_up("50.00")

        with pytest.raises(NotReversible, match="taken back before"):
            reverse(centre, payment_id)
        with pytest.raises(wallet.NotUndoable, match="taken back"):
            centre.do(wallet.correct, entry_id=purse.entry("CREDITED")["id"], reason="wrong", actor=FINANCE)

        assert purse.holds == (50_00, 0)

    def test_is_for_the_office_with_a_reason_and_of_what_it_recorded(self, centre: Centre) -> None:
        rossi, _, invoice_id = invoiced(centre)
        debit = collect(centre, invoice_id)
        hear(centre, debits.settle, debit)
        _, other, _ = invoiced(centre, mandated=False)
        matched = match(centre, line_of(centre, 22_60, "matched"), other)

        with pytest.raises(NotReversible, match="not recorded by hand"):
            reverse(centre, debit.payment_id)
        with pytest.raises(NotReversible, match="undo the match there"):
            reverse(centre, matched)
        with pytest.raises(NotPermitted):
            reverse(centre, matched, actor=rossi.actor)
        with pytest.raises(Invalid, match="what was wrong"):
            reverse(centre, matched, reason=" ")
        with pytest.raises(NotFound):
            reverse(centre, new_id())
