"""The Billing Difference over random edits: delta, due, documents and fingerprint always agree to the cent."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.credits import Owed, Used, part_of_lines, plan_credit
from billing.difference import Difference, compare, kept_tax
from billing.pricing import LineToPrice, Priced, PricedLine, Reduction, price

MIA, INVOICE = UUID(int=1), UUID(int=9)
RATES = (Decimal(0), Decimal("0.05"), Decimal("0.13"), Decimal("0.25"))


def line(session: int, unit_minor: int, discount_minor: int, rate: Decimal) -> LineToPrice:
    step = {"step": "discount", "scope_id": "centre", "version": "1", "name": "Staff", "why": "staff account",
            "amount_minor": -min(discount_minor, unit_minor)}  # fmt: skip
    return LineToPrice(
        MIA, UUID(int=session), "SESSION", "Karate", unit_minor, 1, "session price", "HST" if rate else "", rate,
        reductions=(Reduction(min(discount_minor, unit_minor), step),),
    )  # fmt: skip


def billed(priced: PricedLine) -> dict[str, Any]:
    """The line as a Billing version keeps it."""
    return {
        "term_product_id": str(priced.line.term_product_id), "component": priced.line.component,
        "description": priced.line.description, "quantity": priced.line.quantity, "base_minor": priced.base_minor,
        "discount_minor": priced.discount_minor, "net_minor": priced.net_minor, "tax_minor": priced.tax_minor,
        "gross_minor": priced.gross_minor, "tax_rate": str(priced.line.tax_rate), "trace": priced.trace,
    }  # fmt: skip


Edit = tuple[Priced, list[LineToPrice], bool]


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """A billed version, and what an edit leaves of it: lines given up, repriced and added."""
    included, rate = draw(st.booleans()), draw(st.sampled_from(RATES))
    amounts = st.tuples(st.integers(0, 9_999), st.integers(0, 3_000))
    before = [line(n, *amount, rate) for n, amount in enumerate(draw(st.lists(amounts, min_size=1, max_size=8)))]
    was = price(before, prices_include_tax=included)
    becomes = []
    for old in was.lines:
        if draw(st.booleans()):
            kept = line(int(old.line.term_product_id), old.line.unit_minor, draw(st.integers(0, 3_000)), rate)
            tax = kept_tax(billed(old), kept.base_minor - kept.discount_minor, included=included)
            becomes.append(replace(kept, kept_tax_minor=tax))
    added = draw(st.lists(amounts, max_size=3))
    becomes += [line(100 + n, *amount, rate) for n, amount in enumerate(added)]
    return was, becomes, included


def difference(edit: Edit, *, paid_minor: int = 0, becomes: Sequence[LineToPrice] | None = None) -> Difference:
    was, wanted, included = edit
    made = price(wanted if becomes is None else becomes, prices_include_tax=included)
    return compare([billed(old) for old in was.lines], made.lines, paid_minor=paid_minor)


class TestAnyEdit:
    @given(edits(), st.integers(0, 50_000))
    @settings(max_examples=500)
    def test_the_documents_make_the_delta(self, edit: Edit, paid_minor: int) -> None:
        found = difference(edit, paid_minor=paid_minor)

        assert found.invoiced_minor - found.credited_minor == found.delta_minor
        assert found.delta_minor == found.new_total_minor - found.old_total_minor
        assert found.due_minor - found.credit_minor == found.new_total_minor - paid_minor
        assert 0 <= found.required_minor <= found.due_minor

    @given(edits())
    @settings(max_examples=500)
    def test_no_line_is_charged_or_credited_a_negative_part(self, edit: Edit) -> None:
        for changed in difference(edit).lines:
            parts = (changed.net_delta_minor, changed.tax_delta_minor)
            assert sum(parts) == changed.delta_minor
            assert all(part >= 0 for part in parts) or all(part <= 0 for part in parts)
            assert changed.causes

    @given(edits(), st.randoms())
    def test_the_order_of_clicks_changes_neither_figure_nor_fingerprint(self, edit: Edit, dice: Any) -> None:
        shuffled = [each for each in edit[1] if each.kept_tax_minor is not None]
        added = [each for each in edit[1] if each.kept_tax_minor is None]
        dice.shuffle(shuffled)

        assert difference(edit, becomes=[*shuffled, *added]).fingerprint == difference(edit).fingerprint

    @given(edits())
    @settings(max_examples=500)
    def test_the_fingerprint_knows_what_is_paid_and_every_figure(self, edit: Edit) -> None:
        found = difference(edit)

        assert difference(edit).fingerprint == found.fingerprint
        assert difference(edit, paid_minor=1).fingerprint != found.fingerprint
        if edit[1]:
            assert difference(edit, becomes=edit[1][1:]).fingerprint != found.fingerprint

    @given(edits(), st.integers(0, 100))
    @settings(max_examples=500)
    def test_a_credit_goes_where_the_policy_says_and_nowhere_else(self, edit: Edit, paid_percent: int) -> None:
        was, found = edit[0], difference(edit)
        paid = was.total_minor * paid_percent // 100
        owed = Owed(INVOICE, "INV-1", was.total_minor, paid, 0)
        cut = []
        for changed in (each for each in found.lines if each.delta_minor < 0):
            old = next(o for o in was.lines if o.line.term_product_id == changed.session_id)
            of = {**billed(old), "id": changed.session_id, "invoice_id": INVOICE, "credited_net_minor": 0,
                  "credited_tax_minor": 0}  # fmt: skip
            cut += part_of_lines([of], net_minor=-changed.net_delta_minor, tax_minor=-changed.tax_delta_minor)
        payments = [Used(INVOICE, UUID(int=7), paid)] if paid else []

        credit = plan_credit(cut, [owed], payments, charged_minor=found.invoiced_minor)

        assert credit.total_minor == found.credited_minor
        assert credit.to_charge_minor == min(found.credited_minor, found.invoiced_minor)
        assert sum(credit.settles.values()) + credit.to_charge_minor == credit.total_minor
        assert credit.open_minor == found.new_total_minor - paid + credit.freed_minor
        assert credit.freed_minor <= paid
        assert credit.open_minor >= 0
