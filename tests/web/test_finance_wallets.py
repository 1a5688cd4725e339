"""Families who pay as they go and whose wallets are short, on finance's pages, until the money is there."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.web.conftest import Centre
from tests.web.test_family_forms import Tab, enter
from tests.workflows import centre as office
from tests.workflows.centre import sundays
from workflows import wallet
from workflows.pay_as_you_go import debit_held_sessions

AFTER_TWO = datetime(2026, 4, 19, 14, 31, tzinfo=UTC)  # two Sundays have ended


@pytest.fixture
def finance(centre: Centre) -> Iterator[Tab]:
    with enter(centre, "finance@centre7.example") as client:
        yield Tab(client, client.get("/finance"))


def short_family(centre: Centre) -> office.Family:
    """A family that owes 22.60 for two held sessions, and has 5.00."""
    (site,) = centre.rows("SELECT * FROM site WHERE organisation_id = %(org)s ORDER BY id LIMIT 1")
    (term,) = centre.rows("SELECT * FROM term WHERE organisation_id = %(org)s AND %(day)s BETWEEN starts_on "
                          "AND ends_on LIMIT 1", day=AFTER_TWO.date())  # fmt: skip
    desk = office.Centre(centre.database, centre.url, centre.organisation_id, site, term)
    family = desk.family("Ödegaard family")
    desk.do(wallet.record_top_up, account_id=family.id, amount="5.00", reason="cash", actor=desk.admin)
    course = desk.course(*sundays(2), rules={"invoicing": "SESSION_FROM_WALLET"})
    desk.confirmed(family, family.child(), course.lines())
    debit_held_sessions(centre.database, now=AFTER_TWO)
    return family


def test_who_is_short_is_listed_with_how_much_until_it_is_paid(centre: Centre, finance: Tab) -> None:
    assert "No wallets are short" in finance.text(finance.client.get("/finance/waiting-wallets"))
    family = short_family(centre)

    assert "1 review family with too little" in finance.text(finance.client.get("/finance"))
    read = finance.text(finance.client.get("/finance/waiting-wallets"))
    assert "Ödegaard family" in read
    assert "2 $22.60 $5.00 $17.60" in read

    top_up = f"/finance/families/{family.id}/wallet/top-up"
    finance.open(f"/finance/families/{family.id}/wallet")
    given = {"amount": "17.60", "provider": "cash", "reason": "at the desk"}
    assert "Wallet topped up" in finance.text(finance.send(top_up, given, action=top_up))
    assert "No wallets are short" in finance.text(finance.client.get("/finance/waiting-wallets"))
