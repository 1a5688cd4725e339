"""Where a credit goes: each step by its rule and in words, and always the whole of it."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.wallet import Grant, Parts, Wallet, WalletTooLow, split_debit, split_return
from billing.waterfall import Freed, Open, Settled, pour
from models import CreditRule

NOW = datetime(2026, 4, 1, tzinfo=UTC)
R = CreditRule


def uid(n: int) -> UUID:
    return UUID(int=n)


def money(minor: int) -> str:
    return f"${minor / 100:.2f}"


def grant(n: int, minor: int, *, days: int | None = None) -> Grant:
    return Grant(uid(n), minor, None if days is None else NOW + timedelta(days=days))


class TestSteps:
    def test_what_was_open_comes_first_and_says_of_which_invoice(self) -> None:
        steps = pour(
            [Settled(uid(1), "INV-2026-000001", 1700, R.SAME_INVOICE),
             Settled(uid(2), "INV-2026-000002", 300, R.SAME_BOOKING)],
            [], [], money=money,
        )  # fmt: skip

        assert [(step.rule, step.amount_minor) for step in steps] == [(R.SAME_INVOICE, 1700), (R.SAME_BOOKING, 300)]
        assert steps[0].words == "$17.00 settles the unpaid part of INV-2026-000001."

    def test_freed_money_pays_the_group_the_latest_due_first(self) -> None:
        may, june = Open(uid(5), "INV-5", date(2026, 5, 1), 1000), Open(uid(6), "INV-6", date(2026, 6, 1), 1000)

        steps = pour([], [Freed(uid(9), "PM-9", 2500)], [may, june], money=money)

        assert [(s.rule, s.amount_minor, s.invoice_id) for s in steps] == [
            (R.SAME_GROUP, 1000, uid(6)), (R.SAME_GROUP, 1000, uid(5)), (R.TO_WALLET, 500, None)]  # fmt: skip
        assert steps[-1].parts == Parts(500)
        assert "may be asked back" in steps[-1].words

    def test_what_came_from_the_wallet_goes_back_as_what_it_was(self) -> None:
        debited = Parts(600, (grant(1, 300, days=1), grant(2, 100)))

        (step,) = pour([], [Freed(uid(9), "PM-9", 850, debited)], [], money=money)

        assert step.rule is R.TO_SOURCE
        assert step.parts == Parts(600, (grant(2, 100), grant(1, 150, days=1)))
        assert step.words == "$6.00 of balance and $2.50 of bonus that PM-9 took from the wallet go back there."


@given(
    freed=st.lists(st.integers(1, 10_000), max_size=4),
    others=st.lists(st.integers(1, 10_000), max_size=4),
    settled=st.lists(st.integers(0, 10_000), max_size=3),
    bonus=st.integers(0, 10_000),
)
@settings(max_examples=500, deadline=None)
def test_every_cent_has_a_step_and_none_has_two(
    freed: list[int], others: list[int], settled: list[int], bonus: int
) -> None:
    """Whatever is credited: the steps sum to it, no invoice is paid beyond what is open, and the order that the open
    invoices are read in changes nothing.
    """
    credits = [Settled(uid(n), f"INV-{n}", minor, R.SAME_INVOICE) for n, minor in enumerate(settled)]
    money_freed = [
        Freed(uid(100 + n), f"PM-{n}", minor, debited if n % 2 and bonus else None)
        for n, minor in enumerate(freed)
        if (debited := Parts(max(minor - bonus, 0), (grant(n, min(bonus, minor)),)))
    ]  # fmt: skip
    still_open = [Open(uid(200 + n), f"INV-2{n}", date(2026, 5, 1 + n), minor) for n, minor in enumerate(others)]

    steps = pour(credits, money_freed, still_open, money=money)

    assert sum(step.amount_minor for step in steps) == sum(settled) + sum(freed)
    for each in still_open:
        paid = sum(s.amount_minor for s in steps if s.rule is R.SAME_GROUP and s.invoice_id == each.invoice_id)
        assert paid <= each.open_minor
    for each in money_freed:
        of_it = [s for s in steps if s.payment_id == each.payment_id]
        assert sum(s.amount_minor for s in of_it) == each.amount_minor
        assert all(s.parts is None or s.parts.total_minor == s.amount_minor for s in of_it)
    assert steps == pour(credits, money_freed, list(reversed(still_open)), money=money)


class TestDebit:
    def test_takes_bonus_before_balance_and_the_soonest_to_expire_first(self) -> None:
        wallet = Wallet(uid(1), 1000, 500, [grant(1, 200, days=1), grant(2, 300)])

        assert split_debit(wallet, 400, now=NOW) == Parts(0, (grant(1, 200, days=1), grant(2, 200)))
        assert split_debit(wallet, 900, now=NOW) == Parts(400, (grant(1, 200, days=1), grant(2, 300)))

    def test_takes_no_bonus_that_has_run_out(self) -> None:
        wallet = Wallet(uid(1), 100, 200, [grant(1, 200, days=0)])

        assert split_debit(wallet, 100, now=NOW) == Parts(100)
        with pytest.raises(WalletTooLow):
            split_debit(wallet, 101, now=NOW)

    @given(balance=st.integers(0, 5000), left=st.lists(st.integers(1, 2000), max_size=4), data=st.data())
    @settings(max_examples=300, deadline=None)
    def test_comes_back_to_where_it_was_in_any_number_of_parts(
        self, balance: int, left: list[int], data: st.DataObject
    ) -> None:
        wallet = Wallet(uid(1), balance, sum(left), [grant(n, minor, days=n + 1) for n, minor in enumerate(left)])
        whole = balance + sum(left)
        if not whole:
            return
        still = split_debit(wallet, data.draw(st.integers(1, whole)), now=NOW)

        back: dict[UUID | None, int] = {}
        taken = {None: still.balance_minor} | {g.grant_id: g.amount_minor for g in still.grants}
        while still.total_minor:
            part = split_return(still, data.draw(st.integers(1, still.total_minor)))
            still = still.less(part)
            back[None] = back.get(None, 0) + part.balance_minor
            for each in part.grants:
                back[each.grant_id] = back.get(each.grant_id, 0) + each.amount_minor

        assert {k: v for k, v in back.items() if v} == {k: v for k, v in taken.items() if v}
