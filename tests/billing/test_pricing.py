"""Prices to the cent: shares that sum, tax inside or on top, half-up, traces that explain, a fingerprint that knows."""

import itertools
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pricing import LineToPrice, price, spread

MIA, LEO = UUID(int=1), UUID(int=2)
HST = Decimal("0.13")
RATES = (Decimal(0), Decimal("0.05"), HST, Decimal("0.09975"), Decimal("0.25"))

amounts = st.integers(min_value=0, max_value=10_000_000)
weights = st.lists(st.integers(min_value=0, max_value=1_000_000), min_size=1, max_size=60)


def line(
    unit_minor: int, *, session: int = 1, rate: Decimal = HST, quantity: int = 1, attendee: UUID = MIA
) -> LineToPrice:  # fmt: skip
    return LineToPrice(
        attendee_id=attendee, term_product_id=UUID(int=session), component="SESSION", description="Karate",
        unit_minor=unit_minor, quantity=quantity, basis="session price", tax_name="HST" if rate else "", tax_rate=rate,
    )  # fmt: skip


@st.composite
def orders(draw: st.DrawFn) -> list[LineToPrice]:
    """Up to fifty lines of mixed rates, each another session."""
    drawn = draw(
        st.lists(st.tuples(st.integers(0, 200_000), st.integers(1, 4), st.sampled_from(RATES)), min_size=1, max_size=50)
    )
    return [line(unit, session=i, rate=rate, quantity=quantity) for i, (unit, quantity, rate) in enumerate(drawn)]


def half_up(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


class TestSpread:
    @given(amounts, weights)
    def test_shares_sum_to_the_whole(self, total: int, weights: list[int]) -> None:
        assert sum(spread(total, weights)) == total

    @given(amounts, weights)
    def test_no_share_is_a_whole_unit_off_its_proportion(self, total: int, weights: list[int]) -> None:
        whole = sum(weights)
        if whole:
            for share, weight in zip(spread(total, weights), weights, strict=True):
                assert abs(share * whole - total * weight) < whole

    @given(amounts, weights)
    def test_more_weight_never_gets_less(self, total: int, weights: list[int]) -> None:
        shares = spread(total, weights)

        if sum(weights):
            by_weight = sorted(zip(weights, shares, strict=True))
            assert all(a[1] <= b[1] for a, b in itertools.pairwise(by_weight) if a[0] < b[0])

    def test_the_remainder_goes_to_the_largest_and_the_earlier_wins_a_tie(self) -> None:
        assert spread(100, [1, 1, 1]) == [34, 33, 33]
        assert spread(101, [1, 1, 1]) == [34, 34, 33]
        assert spread(10, [1, 2, 4]) == [1, 3, 6]

    def test_without_any_weight_the_first_takes_all(self) -> None:
        assert spread(5, [0, 0]) == [5, 0]
        assert spread(0, []) == []


class TestTax:
    def test_is_inside_the_price_where_prices_include_it(self) -> None:
        priced = price([line(1130)], prices_include_tax=True)

        assert (priced.net_minor, priced.tax_minor, priced.total_minor) == (1000, 130, 1130)

    def test_comes_on_top_where_they_do_not(self) -> None:
        priced = price([line(1000)], prices_include_tax=False)

        assert (priced.net_minor, priced.tax_minor, priced.total_minor) == (1000, 130, 1130)

    def test_is_rounded_half_up_over_the_whole_and_not_line_by_line(self) -> None:
        # 13 % of 50 is 6.5: ten lines rounded alone would make 70, the whole makes 65.
        lines = [line(50, session=i) for i in range(10)]

        assert price([line(50)], prices_include_tax=False).tax_minor == 7
        assert price(lines, prices_include_tax=False).tax_minor == 65

    def test_is_computed_for_each_rate_by_itself(self) -> None:
        priced = price([line(1000), line(1000, session=2, rate=Decimal("0.05"))], prices_include_tax=False)

        assert [p.tax_minor for p in priced.lines] == [130, 50]

    @given(orders(), st.booleans())
    def test_per_rate_is_the_half_up_of_the_rates_sum(self, lines: list[LineToPrice], included: bool) -> None:
        priced = price(lines, prices_include_tax=included)

        for rate in {one.tax_rate for one in lines}:
            members = [p for p in priced.lines if p.line.tax_rate == rate]
            taxable = Decimal(sum(p.base_minor for p in members))
            exact = taxable * rate / (1 + rate) if included else taxable * rate
            assert sum(p.tax_minor for p in members) == half_up(exact)

    @given(orders(), st.booleans())
    def test_parts_always_make_the_whole(self, lines: list[LineToPrice], included: bool) -> None:
        priced = price(lines, prices_include_tax=included)

        assert priced.total_minor == priced.net_minor + priced.tax_minor
        assert priced.total_minor == sum(p.gross_minor for p in priced.lines)
        assert priced.net_minor == sum(p.net_minor for p in priced.lines)
        for p in priced.lines:
            assert p.gross_minor == p.net_minor + p.tax_minor
            assert (p.gross_minor if included else p.net_minor) == p.base_minor == p.line.unit_minor * p.line.quantity

    def test_nothing_costs_nothing(self) -> None:
        assert price([], prices_include_tax=True).total_minor == 0
        assert price([line(0)], prices_include_tax=True).total_minor == 0


class TestTrace:
    @given(orders(), st.booleans())
    def test_explains_every_line_to_the_cent(self, lines: list[LineToPrice], included: bool) -> None:
        for p in price(lines, prices_include_tax=included).lines:
            steps = {step["step"]: step["amount_minor"] for step in p.trace}
            assert steps["base"] - p.discount_minor == (p.gross_minor if included else p.net_minor)
            assert steps.get("tax", 0) == p.tax_minor

    def test_names_its_basis_and_its_rate(self) -> None:
        [base, tax] = price([line(1130)], prices_include_tax=True).lines[0].trace

        assert (base["basis"], base["unit_minor"], base["quantity"]) == ("session price", 1130, 1)
        assert (tax["name"], tax["rate"], tax["included"]) == ("HST", "0.13", True)


class TestFingerprint:
    LINES = (line(1130, session=1), line(2260, session=2), line(565, session=3, attendee=LEO))

    def fingerprint(self, lines: list[LineToPrice]) -> str:
        return price(lines, prices_include_tax=True).fingerprint

    @given(st.permutations(LINES))
    def test_does_not_depend_on_the_order_of_the_lines(self, lines: list[LineToPrice]) -> None:
        assert self.fingerprint(lines) == self.fingerprint(list(self.LINES))

    @pytest.mark.parametrize(
        "change",
        [
            {"unit_minor": 1131},
            {"quantity": 2},
            {"attendee_id": LEO},
            {"term_product_id": UUID(int=9)},
            {"component": "EXTRA:1"},
            {"tax_rate": Decimal("0.05")},
        ],
    )
    def test_changes_with_every_figure_that_was_shown(self, change: dict[str, object]) -> None:
        changed = [replace(self.LINES[0], **change), *self.LINES[1:]]  # type: ignore[arg-type]

        assert self.fingerprint(changed) != self.fingerprint(list(self.LINES))

    def test_changes_when_a_line_is_left_out(self) -> None:
        assert self.fingerprint(list(self.LINES[:2])) != self.fingerprint(list(self.LINES))

    def test_is_the_same_for_the_same_inputs(self) -> None:
        assert self.fingerprint(list(self.LINES)) == self.fingerprint(list(self.LINES))
