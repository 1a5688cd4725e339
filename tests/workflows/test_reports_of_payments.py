"""What reports say of payments after they came in: instalments that are missed, refunds, disputes that were won."""

from datetime import date, timedelta
from typing import Any

import pytest

from billing.reports import receivables, takings
from billing.reports.form import Period, Report
from engine.database import Database
from tests.workflows.centre import NOW, WEEK, Centre
from tests.workflows.payment_world import make_world
from tests.workflows.test_chargebacks import OPEN, WON, hear, paid
from tests.workflows.test_direct_debit import activate, give
from tests.workflows.test_refund_requests import story
from tests.workflows.test_schedules import DEBIT, course, submit
from workflows import payments


def at(day: date) -> Period:
    return Period(day - timedelta(days=120), day)


def report(centre: Any, of: Any, until: date) -> Report:
    with centre.database.transaction(centre.organisation_id) as tx:
        found: Report = of(tx, at(until))
    assert found.tie is not None
    assert found.tie.holds
    return found


class TestAgedReceivables:
    @pytest.mark.parametrize(("until", "paid_minor", "owed"), [
        (date(2026, 4, 14), 0, (3390, 0, 0)),  # nothing is due before the day is over
        (date(2026, 4, 15), 0, (2260, 1130, 0)),
        (date(2026, 5, 20), 0, (1130, 1130, 1130)),
        (date(2026, 5, 20), 1500, (1130, 760, 0)),  # what is paid pays the first part first
        (date(2026, 5, 20), 2260, (1130, 0, 0)),
    ])  # fmt: skip
    def test_each_instalment_is_due_by_itself(
        self, riverside: Centre, until: date, paid_minor: int, owed: tuple[int, int, int]
    ) -> None:
        rossi = riverside.family()
        activate(riverside, give(riverside, rossi))
        cart = submit(riverside, rossi, course(riverside), DEBIT)
        if paid_minor:
            riverside.pull(payments.record_manual_payment, cart, amount_minor=paid_minor, reason="at the desk")

        found = report(riverside, receivables.aged_receivables, until)

        (row,) = [row for row in found.rows if row["reference"] == rossi.account["reference"]]
        assert (row["not_due_minor"], row["days_1_minor"], row["days_31_minor"]) == owed
        assert row["total_minor"] == 3390 - paid_minor


class TestGatewayReconciliation:
    def test_a_refund_stands_on_the_line_of_its_payment(self, riverside: Centre) -> None:
        its = story(riverside)
        its.approve(its.ask())
        assert its.send() == 1

        found = report(riverside, takings.gateway_reconciliation, NOW.date())

        reference = riverside.one("SELECT reference FROM payment WHERE account_id = %(id)s",
                                  id=its.purse.family.id)["reference"]  # fmt: skip
        (row,) = [row for row in found.rows if row["payment"] == reference]
        assert (row["captured_minor"], row["given_back_minor"], row["held_minor"], row["remark"]) == (
            1130,
            -1130,
            0,
            "",
        )
        later = report(riverside, takings.gateway_reconciliation, (NOW + 20 * WEEK).date())
        assert reference not in {row["payment"] for row in later.rows}

    def test_a_dispute_that_was_won_is_no_difference(self, database: Database, database_url: str) -> None:
        world = make_world(database, database_url, name="Lakeside")
        _, started = paid(world)
        hear(world, started, OPEN)
        hear(world, started, WON)

        (row,) = report(world, takings.gateway_reconciliation, NOW.date()).rows

        assert (row["held_minor"], row["remark"]) == (started.amount_minor, "")
