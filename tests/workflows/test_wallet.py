"""The family's wallet: topped up, given bonus, spent, and given back to where it came from."""

import pytest

from engine.errors import Conflict, Invalid, NotFound, NotPermitted
from models import TermBookingStatus as S
from tests.workflows import endings
from tests.workflows.centre import DAY, HOUR, MINUTE, NOW, Centre, sundays
from tests.workflows.purse import Purse
from workflows import wallet
from workflows.payment_use import Use


def purse(centre: Centre) -> Purse:
    return Purse(centre, centre.family())


class TestTopUp:
    def test_by_hand_is_in_the_books_and_in_the_wallet(self, riverside: Centre) -> None:
        its = purse(riverside)

        its.top_up("50.00")

        assert its.holds == (50_00, 0)
        assert its.books()["WALLET"] == -50_00
        assert sum(its.books().values()) == 0
        assert its.entries() == [("TOPPED_UP", 50_00, 0)]

    @pytest.mark.parametrize("amount", ["0", "-5.00", "0.00"])
    def test_of_nothing_or_less_is_refused(self, riverside: Centre, amount: str) -> None:
        its = purse(riverside)

        with pytest.raises(Invalid) as refusal:
            its.top_up(amount)

        assert [(r.field, r.code) for r in refusal.value.reasons] == [("amount", "amount_not_positive")]
        assert (its.holds, its.entries()) == ((0, 0), [])

    def test_with_more_decimals_than_the_currency_has_is_refused(self, riverside: Centre) -> None:
        with pytest.raises(Invalid, match=r"12\.505 has too many decimals: CAD has at most 2 decimals"):
            purse(riverside).top_up("12.505")

    def test_says_why_it_came_in(self, riverside: Centre) -> None:
        its = purse(riverside)
        known = {"account_id": its.family.id, "amount": "5", "reason": " ", "actor": riverside.admin}

        with pytest.raises(Invalid) as refusal:
            riverside.do(wallet.record_top_up, **known)

        assert [r.field for r in refusal.value.reasons] == ["reason"]

    def test_is_not_recorded_by_a_family(self, riverside: Centre) -> None:
        its = purse(riverside)
        known = {"account_id": its.family.id, "amount": "5", "reason": "cash", "actor": its.family.actor}

        with pytest.raises(NotPermitted):
            riverside.do(wallet.record_top_up, **known)

    def test_of_another_family_is_not_there(self, riverside: Centre) -> None:
        its, others = purse(riverside), riverside.family("Chen family")
        known = {"account_id": its.family.id, "amount": "5", "provider": "sandbox", "actor": others.actor}

        with pytest.raises(NotFound):
            riverside.do(wallet.start_top_up, **known)


class TestPayment:
    def test_takes_bonus_first_the_soonest_to_expire_and_then_balance(self, riverside: Centre) -> None:
        its, karate = purse(riverside), riverside.course(*sundays(2))
        its.top_up("50.00")
        late, soon = its.bonus("5.00"), its.bonus("3.00", expires_at=NOW + DAY)
        cart = riverside.submitted(its.family, its.family.child(), karate.lines())

        paid = its.pay(cart)

        assert paid.use is Use.CONFIRMED
        assert riverside.status(cart) == S.APPROVED
        assert [grant.amount_minor for grant in paid.parts.grants] == [3_00, 5_00]
        assert (its.holds, its.debited(cart)) == ((35_40, 0), (14_60, 8_00))
        assert riverside.booking(cart)["payment_state"] == "PAID"
        assert its.books()["WALLET"] == -35_40
        assert "CUSTOMER_CREDIT" not in its.books()
        assert late != soon

    def test_is_exactly_what_is_due(self, riverside: Centre) -> None:
        its, karate = purse(riverside), riverside.course()
        its.top_up("50.00")
        cart = riverside.submitted(its.family, its.family.child(), karate.lines())

        with pytest.raises(Invalid, match=r"at most what TO-\w+ requires, \$11\.30, and the wallet holds, \$50\.00"):
            its.pay(cart, 11_31)

        its.pay(cart, 11_30)
        assert riverside.status(cart) == S.APPROVED

    def test_in_part_leaves_the_rest_to_be_paid_another_way_before_the_same_timeout(self, riverside: Centre) -> None:
        its, karate = purse(riverside), riverside.course()
        its.top_up("4.00")
        cart = riverside.submitted(its.family, its.family.child(), karate.lines())

        paid = its.pay(cart)

        assert (paid.use, riverside.status(cart), its.holds) == (Use.HELD, S.SUBMITTED, (0, 0))
        assert [status for _, status, _ in riverside.timers(cart)] == ["ARMED"]
        assert riverside.rows("SELECT id FROM payment_review WHERE payment_id = %(id)s", id=paid.payment_id) == []

    def test_that_was_a_part_comes_back_when_the_order_times_out(self, riverside: Centre) -> None:
        its, karate = purse(riverside), riverside.course()
        its.top_up("2.00")
        its.bonus("3.00")
        cart = riverside.submitted(its.family, its.family.child(), karate.lines())
        its.pay(cart)
        assert its.holds == (0, 0)

        riverside.sweep(NOW + HOUR)

        assert riverside.status(cart) == S.CANCELED
        assert its.holds == (2_00, 3_00)
        assert its.entries()[-1] == ("RETURNED", 2_00, 3_00)

    def test_of_an_empty_wallet_is_refused(self, riverside: Centre) -> None:
        its, karate = purse(riverside), riverside.course()
        cart = riverside.submitted(its.family, its.family.child(), karate.lines())

        with pytest.raises(Conflict, match="nothing in the wallet of Rossi family"):
            its.pay(cart)

    def test_settles_an_open_invoice(self, riverside: Centre) -> None:
        its, karate = purse(riverside), riverside.course(*sundays(2))
        cart = riverside.confirmed(its.family, its.family.child(), karate.lines())
        its.top_up("20.00")

        assert its.pay(cart).use is Use.SETTLED
        assert riverside.booking(cart)["payment_state"] == "OPEN"
        its.top_up("10.00")
        its.pay(cart)

        assert riverside.booking(cart)["payment_state"] == "PAID"
        assert (its.holds, its.debited(cart)) == ((7_40, 0), (22_60, 0))


class TestReturn:
    def test_of_a_cancellation_is_balance_first_then_bonus(self, riverside: Centre) -> None:
        its, karate = purse(riverside), riverside.course(*sundays(2))
        its.top_up("20.00")
        its.bonus("8.00")
        cart = riverside.submitted(its.family, its.family.child(), karate.lines())
        its.pay(cart)
        assert (its.holds, its.debited(cart)) == ((5_40, 0), (14_60, 8_00))

        riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], actor=its.family.actor,
                     reason="moved away")  # fmt: skip

        assert (its.holds, its.debited(cart)) == ((20_00, 8_00), (0, 0))
        note = riverside.one("SELECT id FROM credit_note WHERE account_id = %(id)s", id=its.family.id)
        (step,) = riverside.rows("SELECT rule, amount_minor, words FROM credit_step WHERE credit_note_id = %(id)s",
                                 id=note["id"])  # fmt: skip
        assert (step["rule"], step["amount_minor"]) == ("TO_SOURCE", 22_60)
        assert "$14.60 of balance and $8.00 of bonus that PM-" in step["words"]


class TestBonus:
    def test_that_has_run_out_is_void_before_a_worker_takes_it(self, riverside: Centre) -> None:
        its, karate = purse(riverside), riverside.course()
        its.bonus("50.00", expires_at=NOW + MINUTE)
        cart = riverside.submitted(its.family, its.family.child(), karate.lines())

        with pytest.raises(Conflict, match="nothing in the wallet"):
            its.pay(cart, now=NOW + MINUTE)

    def test_that_nobody_used_is_taken_back_once(self, riverside: Centre) -> None:
        its = purse(riverside)
        its.top_up("1.00")
        its.bonus("5.00", expires_at=NOW + DAY)

        assert wallet.expire_bonus(riverside.database, now=NOW + DAY) >= 1
        assert wallet.expire_bonus(riverside.database, now=NOW + DAY) == 0

        assert its.holds == (1_00, 0)
        assert its.entries()[-1] == ("EXPIRED", 0, -5_00)
        assert "BONUS_EXPENSE" not in its.books()

    def test_does_not_expire_in_the_past(self, riverside: Centre) -> None:
        its = purse(riverside)

        with pytest.raises(Invalid) as refusal:
            its.bonus("5.00", expires_at=NOW)

        assert [r.field for r in refusal.value.reasons] == ["expires_at"]


class TestCorrection:
    def correct(self, its: Purse, kind: str) -> None:
        its.centre.do(wallet.correct, entry_id=its.entry(kind)["id"], reason="typed twice", actor=its.centre.admin)

    def test_undoes_a_wrong_grant(self, riverside: Centre) -> None:
        its = purse(riverside)
        its.bonus("5.00")

        self.correct(its, "GRANTED")

        assert (its.holds, its.books()) == ((0, 0), {})

    def test_undoes_what_a_credit_put_there(self, riverside: Centre) -> None:
        its, karate = purse(riverside), riverside.course()
        cart = riverside.confirmed(its.family, its.family.child(), karate.lines())
        riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], actor=riverside.admin, reason="ill")
        assert its.holds == (0, 0)
        its.top_up("5.00")

        self.correct(its, "TOPPED_UP")

        assert its.holds == (0, 0)
        assert its.books()["CUSTOMER_CREDIT"] == -5_00

    def test_is_made_once(self, riverside: Centre) -> None:
        its = purse(riverside)
        its.bonus("5.00")
        self.correct(its, "GRANTED")

        with pytest.raises(Conflict, match="corrected already"):
            self.correct(its, "GRANTED")

    def test_never_takes_what_was_spent(self, riverside: Centre) -> None:
        its, karate = purse(riverside), riverside.course()
        its.bonus("11.30")
        its.pay(riverside.submitted(its.family, its.family.child(), karate.lines()))

        with pytest.raises(Conflict, match="does not hold as much"):
            self.correct(its, "GRANTED")

    def test_of_a_debit_is_refused(self, riverside: Centre) -> None:
        its, karate = purse(riverside), riverside.course()
        its.top_up("11.30")
        its.pay(riverside.submitted(its.family, its.family.child(), karate.lines()))

        with pytest.raises(Conflict, match="debited is not undone"):
            self.correct(its, "DEBITED")


def test_several_orders_are_paid_one_after_the_other(riverside: Centre) -> None:
    its, karate, soccer = purse(riverside), riverside.course(), riverside.course(sundays(2)[1], name="Soccer")
    its.top_up("30.00")
    mia = its.family.child()
    first, second = (riverside.submitted(its.family, mia, course.lines()) for course in (karate, soccer))

    its.pay(first)
    its.pay(second)

    assert (riverside.status(first), riverside.status(second), its.holds) == (S.APPROVED, S.APPROVED, (7_40, 0))
