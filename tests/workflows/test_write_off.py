"""Stories of what finance gives up: with a reason, no more than is open, and it can be undone."""

from contextlib import suppress
from typing import Any

import pytest

from engine.actor import Actor
from engine.errors import Invalid, NotFound, NotPermitted
from engine.ids import new_id
from models import ActorKind
from tests.engine.later import together
from tests.workflows import endings
from tests.workflows.books import balance, entries
from tests.workflows.centre import FIRST, Cart, Centre, Family, sundays
from workflows import enrolment
from workflows.change_credits import shown_credits
from workflows.payments import record_manual_payment
from workflows.write_off import UndoneAlready, undo_write_off, write_off

FINANCE = Actor(ActorKind.FINANCE, user_id=new_id())


def owing(centre: Centre) -> tuple[Family, Cart, Any]:
    """The Rossis owe 22.60 for karate."""
    rossi, karate = centre.family(), centre.course(*sundays(2))
    cart = centre.confirmed(rossi, rossi.child(), karate.lines())
    invoice = centre.one("SELECT id FROM invoice WHERE booking_id = %(id)s", id=centre.booking(cart)["id"])
    return rossi, cart, invoice["id"]


def give_up(centre: Centre, invoice_id: Any, amount_minor: int | None = None, **known: Any) -> Any:
    return centre.do(write_off, invoice_id=invoice_id, amount_minor=amount_minor,
                     **{"reason": "moved abroad", "actor": FINANCE, **known})  # fmt: skip


class TestWriteOff:
    def test_what_is_open_is_given_up_and_the_booking_owes_nothing(self, riverside: Centre) -> None:
        rossi, cart, invoice_id = owing(riverside)

        give_up(riverside, invoice_id)

        assert balance(riverside, rossi.id, "RECEIVABLE", "WRITE_OFF", "DEFERRED_REVENUE") == [0, 2260, 2260]
        assert riverside.booking(cart)["payment_state"] == "PAID"

    def test_a_part_leaves_the_rest_open(self, riverside: Centre) -> None:
        rossi, cart, invoice_id = owing(riverside)

        give_up(riverside, invoice_id, 260)

        assert balance(riverside, rossi.id, "RECEIVABLE", "WRITE_OFF") == [2000, 260]
        assert riverside.booking(cart)["payment_state"] == "OPEN"

    def test_undone_it_is_owed_again_by_a_reversal(self, riverside: Centre) -> None:
        rossi, cart, invoice_id = owing(riverside)
        write_off_id = give_up(riverside, invoice_id)

        riverside.do(undo_write_off, write_off_id=write_off_id, reason="they paid after all", actor=FINANCE)

        first, second = entries(riverside, rossi.id, "WRITE_OFF")
        assert second["reverses_id"] == first["id"]
        assert balance(riverside, rossi.id, "RECEIVABLE", "WRITE_OFF") == [2260, 0]
        assert riverside.booking(cart)["payment_state"] == "OPEN"
        with pytest.raises(UndoneAlready):
            riverside.do(undo_write_off, write_off_id=write_off_id, reason="again", actor=FINANCE)

    @pytest.mark.parametrize("amount_minor", [0, -1, 2261])
    def test_no_more_than_is_open(self, riverside: Centre, amount_minor: int) -> None:
        _, _, invoice_id = owing(riverside)
        before = riverside.snapshot()

        with pytest.raises(Invalid) as refusal:
            give_up(riverside, invoice_id, amount_minor)

        assert [reason.code for reason in refusal.value.reasons] == ["amount_not_open"]
        assert riverside.snapshot() == before

    def test_by_finance_alone(self, riverside: Centre) -> None:
        rossi, _, invoice_id = owing(riverside)

        with pytest.raises(NotPermitted):
            give_up(riverside, invoice_id, actor=rossi.actor)
        with pytest.raises(NotFound):
            give_up(riverside, new_id())

    def test_written_off_twice_at_once_is_given_up_once(self, riverside: Centre) -> None:
        _, _, invoice_id = owing(riverside)

        def attempt(_: int) -> bool:
            with suppress(Invalid):
                return bool(give_up(riverside, invoice_id))
            return False

        assert sum(together(4, attempt)) == 1
        assert riverside.one("SELECT count(*) AS n FROM write_off WHERE invoice_id = %(id)s", id=invoice_id) == {"n": 1}


class TestCreditingWhatWasGivenUp:
    def test_takes_the_write_off_back_by_what_is_credited(self, riverside: Centre) -> None:
        rossi, cart, invoice_id = owing(riverside)
        give_up(riverside, invoice_id)

        riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], reason="moved", actor=riverside.admin)

        assert balance(riverside, rossi.id, "RECEIVABLE", "WRITE_OFF", "DEFERRED_REVENUE", "WALLET") == [0, 0, 0, 0]
        assert riverside.booking(cart)["payment_state"] == "PAID"

    def test_is_shown_before_it_is_done(self, riverside: Centre) -> None:
        rossi, cart, invoice_id = owing(riverside)
        give_up(riverside, invoice_id)

        change = riverside.do(enrolment.review_cancellation, booking_id=riverside.booking(cart)["id"],
                              actor=riverside.admin)  # fmt: skip

        (goes,) = shown_credits(change)
        assert [(step["rule"], step["amount_minor"]) for step in goes] == [("GIVEN_UP", 22_60)]
        assert balance(riverside, rossi.id, "WRITE_OFF") == [22_60]

    def test_frees_what_was_paid_only_beyond_it(self, riverside: Centre) -> None:
        rossi, cart, invoice_id = owing(riverside)
        riverside.do(record_manual_payment, order_id=cart.id, amount_minor=20_00, reason="cash", actor=riverside.admin)
        write_off_id = give_up(riverside, invoice_id)

        riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], reason="moved", actor=riverside.admin)

        assert balance(riverside, rossi.id, "RECEIVABLE", "WRITE_OFF", "WALLET") == [0, 0, 20_00]
        with pytest.raises(UndoneAlready):
            riverside.do(undo_write_off, write_off_id=write_off_id, reason="they paid", actor=FINANCE)

    def test_the_rest_of_the_write_off_can_be_undone(self, riverside: Centre) -> None:
        rossi, cart, invoice_id = owing(riverside)
        write_off_id = give_up(riverside, invoice_id)
        booking_id = riverside.booking(cart)["id"]
        riverside.do(endings.close, booking_id=booking_id, last_day=FIRST.date(), reason="ends", actor=riverside.admin)
        assert balance(riverside, rossi.id, "RECEIVABLE", "WRITE_OFF") == [0, 11_30]

        riverside.do(undo_write_off, write_off_id=write_off_id, reason="they paid after all", actor=FINANCE)

        assert balance(riverside, rossi.id, "RECEIVABLE", "WRITE_OFF") == [11_30, 0]
        assert riverside.booking(cart)["payment_state"] == "OPEN"
