"""Stories of what an edit itself costs: late fees, change fees, and what an admin adjusts with a reason."""

from datetime import timedelta
from typing import Any

import pytest

from billing.adjustments import Adjustment
from billing.recognition import recognise_of
from engine.errors import NotPermitted
from models import TermBookingStatus as S
from tests.workflows import endings
from tests.workflows.centre import ADMIN_CONFIRM, DAY, HOUR, NOW, PAY_LATER, Centre, codes
from tests.workflows.test_change_orders import Story, story
from tests.workflows.test_ending_reviews import end, look
from workflows import change_order
from workflows.change_guards import shown_difference

# The window of the first Sunday has closed a day before it.
LATE = NOW + 12 * DAY - HOUR
HALF = {"percent": "50"}


def fined(centre: Centre, *, fee: Any = None, change_fee: int = 0, booked: tuple[int, ...] = (0, 1, 2)) -> Story:
    its = story(centre, booked=booked)
    for name, value in (("late_fee", fee), ("change_fee_minor", change_fee)):
        if value:
            centre.rule(name, value, its.karate.offering["id"])
    return its


def books(its: Story, account: str) -> int:
    row = its.centre.one("SELECT coalesce(sum(amount_minor), 0)::int AS amount FROM ledger_posting "
                         "WHERE account_id = %(id)s AND ledger_account = %(account)s",
                         id=its.rossi.id, account=account)  # fmt: skip
    amount: int = row["amount"]
    return amount


def causes(shown: dict[str, Any]) -> dict[str, tuple[list[str], int]]:
    """What each line is caused by, and what it makes of the price, by component."""
    return {line["component"]: (line["causes"], line["delta_minor"]) for line in shown["lines"]}


class TestALateFee:
    def test_lets_a_family_cancel_inside_the_window_and_is_kept(self, riverside: Centre) -> None:
        mias = fined(riverside, fee=HALF)
        shown = shown_difference(look(mias, now=LATE, actor=mias.rossi.actor))

        end(mias, now=LATE, actor=mias.rossi.actor)

        fee = next(line for line in shown["lines"] if line["component"] == "FEE_CUTOFF")
        assert (fee["causes"], fee["becomes_minor"]) == (["FEE_CUTOFF"], 15_00)
        assert fee["why"][0].startswith("50 % of $30.00 kept, given up after Sat 11 Apr 2026 09:30")
        assert (shown["new_total_minor"], shown["invoice_minor"], shown["credit_note_minor"]) == (15_00, 15_00, 90_00)
        assert (mias.booking["status"], mias.booking["total_minor"], mias.open_minor()) == (S.CANCELED, 15_00, 15_00)
        assert mias.documents() == [("INV", 90_00), ("INV", 15_00), ("CN", 90_00)]
        recognise_of(riverside.database, riverside.organisation_id, now=LATE)
        assert (books(mias, "FEE_REVENUE"), books(mias, "DEFERRED_REVENUE")) == (-15_00, 0)

    def test_says_why_the_others_cost_none(self, riverside: Centre) -> None:
        mias = fined(riverside, fee={"amount_minor": 500})

        shown = shown_difference(look(mias, now=LATE))

        free = [line["not_applied"] for line in shown["lines"] if line["component"] == "SESSION"]
        assert free == [[], ["Late cancellation fee: it could be given up until Sat 18 Apr 2026 09:30"],
                        ["Late cancellation fee: it could be given up until Sat 25 Apr 2026 09:30"]]  # fmt: skip

    def test_is_waived_by_an_admin_and_by_nobody_else(self, riverside: Centre) -> None:
        mias = fined(riverside, fee=HALF)
        by_family = look(mias, now=LATE, actor=mias.rossi.actor, waives_fees=True).difference

        end(mias, now=LATE, waives_fees=True)

        assert by_family.new_total_minor == 15_00
        assert (mias.booking["total_minor"], mias.open_minor()) == (0, 0)

    def test_is_kept_by_a_change_too_and_stays_when_all_is_cancelled_later(self, riverside: Centre) -> None:
        mias = fined(riverside, fee={"amount_minor": 1000})
        mias.changed(mias.karate.lines(1, 2), now=LATE)
        assert (mias.booking["total_minor"], mias.open_minor()) == (70_00, 70_00)

        mias.changed(mias.karate.lines(1, 2, 3), now=LATE)
        end(mias, now=LATE)

        assert (mias.booking["total_minor"], mias.open_minor()) == (10_00, 10_00)

    def test_where_none_is_set_a_family_cannot(self, riverside: Centre) -> None:
        mias = fined(riverside)

        assert "past_cancellation_window" in codes(lambda: end(mias, now=LATE, actor=mias.rossi.actor))


class TestAChangeFee:
    def test_is_asked_once_however_much_is_changed(self, riverside: Centre) -> None:
        mias = fined(riverside, change_fee=700)
        change = mias.save(mias.begin(), mias.karate.lines(0, 3, 4, 5))
        shown = shown_difference(riverside.do(change_order.review, order_id=change.id, actor=mias.rossi.actor))

        mias.submit(change, how=PAY_LATER)

        assert causes(shown)["FEE_CHANGE:2"] == (["FEE_CHANGE"], 7_00)
        assert (shown["delta_minor"], shown["required_minor"]) == (37_00, 37_00)
        assert (mias.booking["total_minor"], mias.open_minor()) == (127_00, 127_00)
        mias.changed(mias.karate.lines(0, 3, 4))
        assert mias.booking["total_minor"] == 104_00

    def test_is_not_asked_of_a_cancellation(self, riverside: Centre) -> None:
        mias = fined(riverside, change_fee=700)

        end(mias)

        assert mias.booking["total_minor"] == 0


class TestAnAdjustment:
    def adjusted(self, its: Story, amount_minor: int, *, session: int = 0, lines: tuple[int, ...] = (0, 1, 2)) -> Any:
        change = its.save(its.begin(), its.karate.lines(*lines))
        asked = [Adjustment(its.karate.ids[session], amount_minor, "The hall was cold")]
        saved = its.centre.do(change_order.adjust, order_id=change.id, adjustments=asked, actor=its.centre.admin)
        change.fingerprint, change.notices = saved.priced.fingerprint, [reason.code for reason in saved.notices]
        return change

    def made(self, its: Story, change: Any) -> None:
        its.submit(change, how=ADMIN_CONFIRM, actor=its.centre.admin)
        its.confirm(change)

    @pytest.mark.parametrize(("amount", "document"), [(-5_00, ("CN", 5_00)), (4_00, ("INV", 4_00))])
    def test_is_a_line_with_its_reason(self, riverside: Centre, amount: int, document: tuple[str, int]) -> None:
        mias = fined(riverside)
        change = self.adjusted(mias, amount)
        shown = shown_difference(riverside.do(change_order.review, order_id=change.id, actor=riverside.admin))
        self.made(mias, change)

        assert [(line["causes"], line["delta_minor"], line["why"]) for line in shown["lines"]] == [
            (["MANUAL"], amount, ["The hall was cold"])]  # fmt: skip
        assert mias.documents() == [("INV", 90_00), document]
        assert mias.booking["total_minor"] == mias.open_minor() == 90_00 + amount

    def test_stays_with_the_session_and_goes_with_it(self, riverside: Centre) -> None:
        mias = fined(riverside)
        self.made(mias, self.adjusted(mias, -5_00))
        mias.changed(mias.karate.lines(0, 1))
        assert mias.booking["total_minor"] == 55_00

        mias.changed(mias.karate.lines(1))

        assert (mias.booking["total_minor"], mias.open_minor()) == (30_00, 30_00)

    def test_takes_off_no_more_than_a_session_costs(self, riverside: Centre) -> None:
        mias = fined(riverside)

        assert codes(lambda: self.adjusted(mias, -31_00)) == ["adjustment_too_large"]
        riverside.pull(change_order.orders.remove, riverside_change(mias))
        assert codes(lambda: self.adjusted(mias, -1_00, session=4)) == ["not_of_the_change"]

    def test_is_an_admins(self, riverside: Centre) -> None:
        mias = fined(riverside)
        change = mias.save(mias.begin(), mias.karate.lines(0, 1))

        with pytest.raises(NotPermitted):
            riverside.do(change_order.adjust, order_id=change.id, adjustments=[], actor=mias.rossi.actor)


def riverside_change(its: Story) -> Any:
    """The open change of the family."""
    row = its.centre.one("SELECT id, reference FROM term_booking_order WHERE original_booking_id = %(id)s "
                         "AND status IN (100, 200)", id=its.booking["id"])  # fmt: skip
    return type(its.first)(row["id"], row["reference"])


def test_what_is_late_depends_on_the_moment(riverside: Centre) -> None:
    mias = fined(riverside, fee=HALF)

    before = look(mias, now=LATE - DAY).difference.new_total_minor
    after = look(mias, now=LATE).difference.new_total_minor

    assert (before, after) == (0, 15_00)
    end(mias, endings.cancel, now=LATE + timedelta(minutes=1))
