"""A simulated year: three terms of a subscription, with a price change, a suspension and a returned debit in it.

The jobs of the worker run every day; every invoice, the ledger, the places and the rolls are told to the cent.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from billing.bank_accounts import read_bank_account
from engine.check import check, report
from engine.database import Database
from engine.ids import new_id
from engine.replay import replay
from tests.builders import Row
from tests.workflows.after_school import Club, make_club
from tests.workflows.centre import Centre, Family, make_centre
from workflows import direct_debit as debits
from workflows import mandate as mandates
from workflows import subscription as subscriptions
from workflows import term_booking as bookings
from workflows.charts import edges

DAY = timedelta(days=1)


def at(*day: int) -> datetime:
    """Three in the afternoon, UTC: a working morning in Toronto, in summer and in winter."""
    return datetime(*day, 15, tzinfo=UTC)  # type: ignore[misc]


@pytest.fixture(scope="module")
def centre(checked_database: Database, database_url: str) -> Centre:
    return make_centre(checked_database, database_url, name=f"Riverside {new_id()}")


class Year:
    """Mia Rossi on Mondays, from 13 April 2026; the bank is told of every debit on its day."""

    def __init__(self, centre: Centre) -> None:
        self.centre, self.club = centre, make_club(centre, capacity=1)
        self.rossi: Family = centre.family()
        self.mia: Row = self.rossi.child()
        self.returns: set[date] = set()
        mandate = centre.do(
            mandates.give, account_id=self.rossi.id, holder="Carla Rossi", signed_on=date(2026, 3, 30),
            bank_account=read_bank_account(iban="DE89370400440532013000", bank_code=None, account_number=None),
            actor=self.rossi.actor,
        )  # fmt: skip
        centre.do(mandates.activate, mandate_id=mandate.id, actor=centre.admin)
        self.id: UUID = self.club.subscribe(self.rossi, self.mia, "MON", starts_on=date(2026, 4, 13))

    def lives(self, first: datetime, last: datetime) -> None:
        while first <= last:
            self.club.works(first)
            self.bank(first)
            first += DAY

    def bank(self, now: datetime) -> None:
        """Debits are presented and paid on their day; those of `returns` come back three days later."""
        today = now.date()
        for row in self.debits("status IN ('PENDING', 'PROCESSING') AND collect_on <= %(today)s", today=today):
            self.centre.do(debits.present, payment_id=row["id"], actor=self.centre.admin, now=now)
            self.centre.do(debits.settle, payment_id=row["id"], actor=self.centre.admin, now=now)
        for row in self.debits("status = 'SUCCESS' AND collect_on = %(day)s", day=today - 3 * DAY):
            if row["collect_on"] in self.returns:
                self.centre.do(debits.return_debit, payment_id=row["id"], reason="insufficient funds",
                               actor=self.centre.admin, now=now)  # fmt: skip

    def debits(self, where: str, **known: Any) -> list[Row]:
        return self.centre.rows(
            f"SELECT * FROM payment WHERE provider = 'direct_debit' AND {where} ORDER BY id", **known
        )

    def ledger(self) -> dict[str, int]:
        """What stands in each account of the books."""
        rows = self.centre.rows(
            "SELECT ledger_account, sum(amount_minor)::bigint AS sum FROM ledger_posting GROUP BY 1"
        )
        return {row["ledger_account"]: row["sum"] for row in rows if row["sum"]}


def test_a_year(centre: Centre) -> None:
    year = Year(centre)
    club: Club = year.club
    spring = centre.term

    # Spring: Mondays to 29 June. The first period is invoiced at once, the others a week ahead.
    year.lives(at(2026, 4, 1), at(2026, 4, 30))
    # A price change in May: June is the next period that is not invoiced; it counts from there.
    centre.run("UPDATE term_program_set SET session_price_minor = 1200 WHERE id = %(id)s", id=club.offering["id"])
    year.returns = {date(2026, 5, 8)}  # the debit of May's invoice comes back
    year.lives(at(2026, 5, 1), at(2026, 5, 31))
    summer = club.next_term("Summer", date(2026, 7, 1), date(2026, 8, 28), after=spring)
    year.lives(at(2026, 6, 1), at(2026, 6, 30))

    # Summer: suspended from 10 July to 10 August. July is invoiced, August is not when its day comes.
    _, in_summer = club.bookings(year.id)
    year.lives(at(2026, 7, 1), at(2026, 7, 10))
    centre.do(bookings.suspend, booking_id=in_summer["id"], actor=centre.admin, reason="abroad", now=at(2026, 7, 10))
    year.lives(at(2026, 7, 11), at(2026, 8, 10))
    centre.do(bookings.resume, booking_id=in_summer["id"], actor=centre.admin, now=at(2026, 8, 10))
    year.lives(at(2026, 8, 11), at(2026, 8, 20))

    # Autumn: to 18 December; notice on 2 November, after November was invoiced.
    club.next_term("Autumn", date(2026, 9, 9), date(2026, 12, 18), after=summer)
    year.lives(at(2026, 8, 21), at(2026, 11, 2))
    centre.do(subscriptions.give_notice, subscription_id=year.id, actor=year.rossi.actor, now=at(2026, 11, 2))
    year.lives(at(2026, 11, 3), at(2027, 3, 31))

    assert club.invoices(year.id) == [
        (date(2026, 3, 31), 3, 3 * 1130),  # 13, 20, 27 April, at once
        (date(2026, 4, 24), 4, 4 * 1130),  # 4, 11, 18, 25 May
        (date(2026, 5, 25), 5, 5 * 1200),  # 1, 8, 15, 22, 29 June, at the new price
        (date(2026, 6, 24), 4, 4 * 1200),  # 6, 13, 20, 27 July; suspended after it was invoiced
        (date(2026, 8, 11), 3, 3 * 1200),  # 10, 17 and 24 August were resumed in time; 3 August is not billed
        (date(2026, 8, 25), 3, 3 * 1200),  # 14, 21, 28 September
        (date(2026, 9, 24), 4, 4 * 1200),  # October
        (date(2026, 10, 25), 5, 5 * 1200),  # November: 2, 9, 16, 23, 30
    ]
    credited = centre.rows("SELECT issued_on, total_minor FROM credit_note ORDER BY number")
    # The last day is 16 November: 23 and 30 November are credited, December is never invoiced.
    assert [tuple(row.values()) for row in credited] == [(date(2026, 11, 2), 2 * 1200)]

    in_spring, in_summer, in_autumn = club.bookings(year.id)
    assert {booking["group_id"] for booking in (in_summer, in_autumn)} == {in_spring["group_id"]}
    assert (len(club.days(in_spring)), len(club.days(in_summer)), club.days(in_autumn)[-1]) == (
        12,
        8,
        date(2026, 11, 16),
    )
    assert not centre.rows("SELECT id FROM subscription_review")
    assert club.subscription(year.id)["status"] == 40

    # Every debit was paid but the one that came back; that invoice is open, and the receivable is what it asks.
    returned = year.debits("returned_at IS NOT NULL")
    assert [row["amount_minor"] for row in returned] == [4 * 1130]
    invoiced, back = sum(total for _, _, total in club.invoices(year.id)), 4 * 1130
    paid = sum(row["amount_minor"] for row in year.debits("status = 'SUCCESS'"))
    assert year.ledger()["RECEIVABLE"] == back
    assert year.ledger()["BANK"] == paid
    assert year.ledger().get("CUSTOMER_CREDIT", 0) == -(paid + back + 2 * 1200 - invoiced)
    assert sum(year.ledger().values()) == 0
    assert [booking["payment_state"] for booking in club.bookings(year.id)] == ["OPEN", "PAID", "PAID"]

    # Nothing is held any more, and nothing that was held was ever given to two.
    assert not centre.rows("SELECT id FROM place_claim WHERE order_type = 4 AND term_product_id IN ("
                           "SELECT id FROM term_product WHERE local_date > '2026-11-16')")  # fmt: skip
    assert not (breaches := check(centre.database, edges=edges())), report(breaches)
    assert not (told := replay(centre.database, edges=edges()).breaches), told
