"""What reports say of payments after they came in: instalments that are missed, refunds, disputes that were won."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from api.moves import Principal
from api.reads import finance, finance_desk
from billing.journal import post_by_hand
from billing.reports import gateways, receivables
from billing.reports.form import Period, Report, Tie
from engine.database import Database, Row
from engine.ids import new_id
from models import LedgerAccount, Role
from tests import builders as build
from tests.workflows.centre import NOW, WEEK, Centre, make_centre
from tests.workflows.payment_world import make_world
from tests.workflows.test_chargebacks import OPEN, WON, hear, paid
from tests.workflows.test_direct_debit import activate, give
from tests.workflows.test_refund_requests import capture_by_card, story
from tests.workflows.test_schedules import DEBIT, course, submit
from workflows import payments
from workflows.order_reads import ACCOUNT_STANDING


def at(day: date) -> Period:
    return Period(day - timedelta(days=120), day)


def report(centre: Any, of: Any, until: date) -> Report:
    with centre.database.transaction(centre.organisation_id) as tx:
        found: Report = of(tx, at(until))
    assert found.tie is not None
    assert found.tie.holds
    return found


def somebody(centre: Centre) -> Principal:
    """Somebody of the office, who sees every family's invoices."""
    return Principal(actor=centre.admin, user_id=new_id(), credential_id=new_id(), name="Ada", email="ada@centre.ca",
                     roles=[Role.ADMIN], organisation={"currency": "CAD", "locale": "en_CA"})  # fmt: skip


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

    @pytest.mark.parametrize(("until", "paid_minor"), [
        (date(2026, 4, 14), 0), (date(2026, 4, 15), 0), (date(2026, 5, 20), 1500), (date(2026, 5, 20), 2260),
        (date(2026, 5, 20), 3390),
    ])  # fmt: skip
    def test_finance_s_home_and_list_and_the_rule_of_pay_later_call_overdue_what_it_does(
        self, database: Database, database_url: str, until: date, paid_minor: int
    ) -> None:
        centre = make_centre(database, database_url, name=f"Ages {until} {paid_minor}")
        rossi = centre.family()
        activate(centre, give(centre, rossi))
        cart = submit(centre, rossi, course(centre), DEBIT)
        if paid_minor:
            centre.pull(payments.record_manual_payment, cart, amount_minor=paid_minor, reason="at the desk")
        aged = report(centre, receivables.aged_receivables, until)
        overdue_minor = sum(row["total_minor"] - row["not_due_minor"] for row in aged.rows)

        with centre.database.transaction(centre.organisation_id) as tx:
            home = finance_desk.attention(tx, today=until)
            sql = f"SELECT {ACCOUNT_STANDING} AS it"
            standing = tx.row(sql, account_id=rossi.id, order_ids=[], today=until)
            listed = finance.invoices(somebody(centre))
            listed.where(finance.IS_OVERDUE, today=until)
            found = (listed.page(tx, cursor=None, limit=9, show=dict).body or {})["items"]

        assert (home["overdue_minor"], home["open_minor"]) == (overdue_minor, 3390 - paid_minor)
        assert home["overdue"] == len(found) == (overdue_minor > 0)
        assert standing is not None
        assert sum(each["minor"] for each in standing["it"]["overdue"] or ()) == overdue_minor


class TestGatewayReconciliation:
    def test_a_refund_stands_on_the_line_of_its_payment(self, riverside: Centre) -> None:
        its = story(riverside)
        its.approve(its.ask())
        assert its.send() == 1

        found = report(riverside, gateways.gateway_reconciliation, NOW.date())

        reference = riverside.one("SELECT reference FROM payment WHERE account_id = %(id)s",
                                  id=its.purse.family.id)["reference"]  # fmt: skip
        (row,) = [row for row in found.rows if row["payment"] == reference]
        assert (row["captured_minor"], row["given_back_minor"], row["held_minor"], row["remark"]) == (
            1130,
            -1130,
            0,
            "",
        )
        later = report(riverside, gateways.gateway_reconciliation, (NOW + 20 * WEEK).date())
        assert reference not in {row["payment"] for row in later.rows}

    def test_a_dispute_that_was_won_is_no_difference(self, database: Database, database_url: str) -> None:
        world = make_world(database, database_url, name="Lakeside")
        _, started = paid(world)
        hear(world, started, OPEN)
        hear(world, started, WON)

        (row,) = report(world, gateways.gateway_reconciliation, NOW.date()).rows

        assert (row["captured_minor"], row["given_back_minor"]) == (started.amount_minor, 0)
        assert (row["held_minor"], row["remark"]) == (started.amount_minor, "")

    def test_what_was_held_captured_and_paid_out_is_what_is_held(self, database: Database, database_url: str) -> None:
        """Of a month: what was captured before stands in one line, not payment by payment for ever."""
        centre = make_centre(database, database_url, name="Paid out")
        before, day = _captured(centre, NOW), NOW + timedelta(days=1)
        within = _captured(centre, day)
        centre.do(post_by_hand, postings=[(LedgerAccount.BANK, 1000), (LedgerAccount.GATEWAY_CLEARING, -1000)],
                  reason="Pay-out 7", posted_on=None, actor=centre.admin, now=day)  # fmt: skip

        with centre.database.transaction(centre.organisation_id) as tx:
            found = gateways.gateway_reconciliation(tx, Period(day.date(), day.date() + timedelta(days=30)))

        assert [(row["provider"], row["payment"], row["held_minor"], row["remark"]) for row in found.rows] == [
            ("held before", "", 1130, ""), ("posted as manual", "", -1000, "Pay-out 7"),
            ("sandbox", within["reference"], 1130, ""),
        ]  # fmt: skip
        assert found.totals == {"before_minor": 1130, "captured_minor": 1130, "given_back_minor": 0,
                                "paid_out_minor": -1000, "held_minor": 1260}  # fmt: skip
        assert found.tie == Tie((LedgerAccount.GATEWAY_CLEARING,), 1260, 1260)
        assert before["reference"] not in {row["payment"] for row in found.rows}

    def test_a_payment_that_the_books_do_not_have_is_told_whenever_it_was(
        self, database: Database, database_url: str
    ) -> None:
        centre = make_centre(database, database_url, name="Not in the books")
        paid = _captured(centre, NOW)
        later = Period(NOW.date() + timedelta(days=400), NOW.date() + timedelta(days=400))
        more = "UPDATE payment SET amount_minor = amount_minor + %(by)s WHERE id = %(id)s"

        centre.run(more, id=paid["id"], by=1)
        with centre.database.transaction(centre.organisation_id) as tx:
            told = gateways.gateway_reconciliation(tx, later).rows
        centre.run(more, id=paid["id"], by=-1)
        with centre.database.transaction(centre.organisation_id) as tx:
            made_good = gateways.gateway_reconciliation(tx, later).rows

        assert [(row["payment"], row["held_minor"], row["remark"]) for row in told] == [
            ("", 1130, ""), (paid["reference"], 0, "differs from the payment")
        ]  # fmt: skip
        assert [row["payment"] for row in made_good] == [""]


def _captured(centre: Centre, now: datetime) -> Row:
    """A payment over 11.30 that came through the provider."""
    family = centre.family()
    order = centre.order(centre.submitted(family, family.child(), centre.course().lines()))
    paid: Row = centre.edit(
        build.payment, build.Ordered(order, []), status="PENDING", fingerprint=order["price_fingerprint"]
    )
    centre.do(capture_by_card, payment=paid, now=now)
    return paid
