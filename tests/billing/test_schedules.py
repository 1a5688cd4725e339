"""Schedules as arithmetic: parts that sum to the total, on days that a person would name."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.schedules import deposit_and_rest, deposit_of, instalments, strictest
from catalogue.rule_values import Deposit, Every, InstalmentPlan
from models import InstalmentKind as Kind

TODAY = date(2026, 1, 31)


def plan(count: int, every: Every = Every.MONTH, first: int = 0) -> InstalmentPlan:
    return InstalmentPlan(count, every, first)


class TestDeposit:
    def test_percentages_are_added_exactly_and_rounded_once(self) -> None:
        third = Deposit(percent=Decimal("33.3333"))

        assert deposit_of([(1000, third), (1000, third)]) == 667
        assert deposit_of([(5, Deposit(percent=Decimal(50)))]) == 3

    def test_an_amount_is_at_most_what_it_is_for(self) -> None:
        assert deposit_of([(4000, Deposit(amount_minor=5000)), (9000, Deposit(amount_minor=5000))]) == 9000

    def test_the_rest_is_due_on_its_day_but_never_before_today(self) -> None:
        ahead = deposit_and_rest(total_minor=1000, deposit_minor=250, today=TODAY, rest_due_on=date(2026, 3, 1))
        past = deposit_and_rest(total_minor=1000, deposit_minor=250, today=TODAY, rest_due_on=date(2026, 1, 1))

        assert [(p.kind, p.due_on, p.amount_minor) for p in ahead.parts] == [
            (Kind.DEPOSIT, TODAY, 250), (Kind.REST, date(2026, 3, 1), 750),
        ]  # fmt: skip
        assert past.last_due_on == TODAY

    @pytest.mark.parametrize(("deposit", "kinds"), [(0, [Kind.REST]), (1000, [Kind.DEPOSIT]), (2000, [Kind.DEPOSIT])])
    def test_a_part_of_nothing_is_left_out(self, deposit: int, kinds: list[Kind]) -> None:
        found = deposit_and_rest(total_minor=1000, deposit_minor=deposit, today=TODAY, rest_due_on=TODAY)

        assert ([part.kind for part in found.parts], found.total_minor) == (kinds, 1000)


class TestInstalments:
    def test_the_cents_left_over_go_to_the_first_ones(self) -> None:
        assert [p.amount_minor for p in instalments(total_minor=1000, plan=plan(3), today=TODAY).parts] == [
            334, 333, 333,
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("every", "days"),
        [
            (Every.MONTH, [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]),
            (Every.WEEK, [date(2026, 1, 31), date(2026, 2, 7), date(2026, 2, 14)]),
            (Every.FORTNIGHT, [date(2026, 1, 31), date(2026, 2, 14), date(2026, 2, 28)]),
        ],
    )
    def test_days(self, every: Every, days: list[date]) -> None:
        assert [p.due_on for p in instalments(total_minor=1000, plan=plan(3, every), today=TODAY).parts] == days

    @given(total=st.integers(1, 10**9), count=st.integers(1, 104), every=st.sampled_from(Every))
    def test_sum_to_the_total_in_parts_that_differ_by_a_cent_at_most(
        self, total: int, count: int, every: Every
    ) -> None:  # fmt: skip
        found = instalments(total_minor=total, plan=plan(count, every, 7), today=TODAY)

        amounts = [part.amount_minor for part in found.parts]
        assert (sum(amounts), min(amounts) >= 1, max(amounts) - min(amounts) <= 1) == (total, True, True)
        assert [part.due_on for part in found.parts] == sorted({part.due_on for part in found.parts})

    def test_of_several_plans_the_one_that_is_over_first(self) -> None:
        assert strictest([plan(4), plan(6, Every.WEEK), plan(3)]) == plan(6, Every.WEEK)


class TestReading:
    def test_fingerprints_tell_amounts_and_days_apart(self) -> None:
        one, other = (instalments(total_minor=1000, plan=plan(2, first=days), today=TODAY) for days in (0, 1))

        assert one.fingerprint != other.fingerprint
        assert one.fingerprint == instalments(total_minor=1000, plan=plan(2), today=TODAY).fingerprint

    def test_what_is_due_by_a_day(self) -> None:
        found = instalments(total_minor=1000, plan=plan(4), today=TODAY)

        assert [found.due_minor(day) for day in (date(2026, 1, 30), TODAY, date(2026, 3, 30), date(2027, 1, 1))] == [
            0, 250, 500, 1000,
        ]  # fmt: skip
        assert [p.due_on for p in found.not_before(date(2026, 3, 15)).parts][:2] == [date(2026, 3, 15)] * 2
