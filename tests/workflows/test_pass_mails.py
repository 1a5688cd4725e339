"""What families read of their passes: bought, used up, about to run out, taken back."""

from datetime import timedelta
from email.message import EmailMessage

import pytest

from engine.database import Database
from engine.ids import new_id
from tests.workflows.centre import ADMIN_CONFIRM, DAY, NOW, Centre, Family, make_centre, orders
from tests.workflows.passes import on_sale, sold
from tests.workflows.purse import Purse
from tests.workflows.test_subscription_mails import letters, read
from workflows import passes
from workflows.pass_messages import remind_of_passes


@pytest.fixture
def centre(checked_database: Database, database_url: str) -> Centre:
    return make_centre(checked_database, database_url, name=f"Riverside {new_id()}",
                       letterhead={"email": "office@riverside.example"})  # fmt: skip


@pytest.fixture
def rossi(centre: Centre) -> Family:
    return centre.family(email="carla@rossi.example")


def html(mail: EmailMessage) -> str:
    body = mail.get_body(("html",))
    assert body is not None
    found: str = body.get_content()
    return found


def plain(mail: EmailMessage) -> str:
    """Without what differs between releases of the locale data."""
    return read(mail).replace("CA$", "$").replace(",", "").replace("\xa0", " ")


def topics(centre: Centre) -> list[str]:
    return [row["topic"] for row in centre.rows("SELECT topic FROM outbox_message WHERE topic LIKE 'pass.%%' "
                                                "ORDER BY id")]  # fmt: skip


def reminded(centre: Centre, **later: int) -> int:
    """How many reminders the worker announces to the families of this centre."""
    before = len(topics(centre))
    remind_of_passes(centre.database, now=NOW + timedelta(**later))
    return len(topics(centre)) - before


class TestBought:
    def test_tells_what_it_is_good_for_and_what_was_paid(self, centre: Centre, rossi: Family) -> None:
        pass_id = sold(centre, rossi)

        (mail,) = letters(centre, "pass.bought")

        told = plain(mail)
        assert str(mail["To"]).endswith("<carla@rossi.example>")
        assert "Your pass: Ten sessions" in told
        assert "for 10 units" in told
        assert "Paid: $100.00 including $11.50 tax. Sale number: PASS-2026-000001." in told
        assert f"https://x.example/passes/{pass_id}" in told
        assert f'href="https://x.example/passes/{pass_id}"' in html(mail)

    def test_from_the_wallet_tells_the_same_and_in_the_familys_language(self, centre: Centre) -> None:
        tremblay = centre.family("Tremblay", email="luc@tremblay.example", language="fr")
        Purse(centre, tremblay).top_up("100.00")
        centre.do(passes.buy, account_id=tremblay.id, product_id=on_sale(centre, units=None), actor=tremblay.actor)

        (mail,) = letters(centre, "pass.bought")

        assert "est à vous" in str(mail["Subject"])
        assert "autant de fois que vous voulez" in read(mail)

    def test_is_not_told_where_the_office_mutes_it(self, centre: Centre, rossi: Family) -> None:
        centre.do(passes.buy_by_hand, account_id=rossi.id, product_id=on_sale(centre), provider="cash",
                  reason="at the desk", is_muted=True, actor=centre.admin)  # fmt: skip

        assert topics(centre) == []


class TestUsedUp:
    def test_is_told_once_what_uses_it_is_booked(self, centre: Centre, rossi: Family) -> None:
        sold(centre, rossi, units=1)
        assert reminded(centre) == 0
        centre.submitted(rossi, rossi.child(), centre.course().lines())

        assert [reminded(centre), reminded(centre)] == [1, 0]

        (mail,) = letters(centre, "pass.used_up")
        assert "the last unit of your pass Ten sessions" in read(mail)

    def test_is_not_told_while_an_order_may_still_give_its_unit_back(self, centre: Centre, rossi: Family) -> None:
        sold(centre, rossi, units=1)
        cart = centre.submitted(rossi, rossi.child(), centre.course().lines(), how=ADMIN_CONFIRM)
        assert reminded(centre) == 0

        centre.pull(orders.confirm, cart, reason="as agreed")

        assert reminded(centre) == 1

    def test_is_no_news_of_one_that_was_taken_back(self, centre: Centre, rossi: Family) -> None:
        pass_id = sold(centre, rossi)
        centre.do(passes.revoke, pass_id=pass_id, reason="moving away", actor=centre.admin)

        assert reminded(centre) == 0


class TestEnding:
    """Of a pass of 180 days, whose last one is the 179th after today."""

    def test_is_told_two_weeks_before_once(self, centre: Centre, rossi: Family) -> None:
        sold(centre, rossi)
        assert reminded(centre, days=179 - 15) == 0

        assert [reminded(centre, days=179 - 14), reminded(centre, days=179 - 13)] == [1, 0]

        (mail,) = letters(centre, "pass.ending")
        assert "Your pass Ten sessions expires on" in read(mail)
        assert "Units left: 10." in read(mail)

    def test_of_a_short_one_or_one_with_nothing_left_is_not(self, centre: Centre, rossi: Family) -> None:
        sold(centre, rossi, validity_days=14)
        revoked = sold(centre, rossi, validity_days=20)
        centre.do(passes.revoke, pass_id=revoked, reason="moving away", actor=centre.admin)

        assert reminded(centre, days=10) == 0


class TestRevoked:
    def test_tells_when_why_and_what_went_back(self, centre: Centre, rossi: Family) -> None:
        purse = Purse(centre, rossi)
        purse.bonus("20.00")
        pass_id = sold(centre, rossi)
        centre.do(passes.revoke, pass_id=pass_id, reason="You move away.", actor=centre.admin, now=NOW + DAY)

        (mail,) = letters(centre, "pass.revoked")

        told = plain(mail)
        assert "Reason: You move away." in told
        assert "The unused part $100.00 has been returned to your wallet including $20.00 of bonus" in told
        assert "includes $11.50 tax" in told
        assert "Wed 1 Apr 2026" in told.replace(".", "")

    def test_is_not_told_where_the_office_mutes_it(self, centre: Centre, rossi: Family) -> None:
        pass_id = sold(centre, rossi)
        centre.do(passes.revoke, pass_id=pass_id, reason="moving away", is_muted=True, actor=centre.admin)

        assert topics(centre) == ["pass.bought"]
