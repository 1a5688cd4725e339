"""What the Rossis, and the office, read of a subscription."""

from datetime import UTC, date, datetime
from email.message import EmailMessage

import pytest

from engine.database import Database
from engine.ids import new_id
from engine.outbox import read_message
from notifications.email import compose
from tests import builders as build
from tests.workflows.after_school import Club, make_club
from tests.workflows.centre import Centre, make_centre
from workflows import subscription as subscriptions
from workflows.messages import compose_message

NOW = datetime(2026, 6, 2, 14, tzinfo=UTC)


@pytest.fixture
def centre(checked_database: Database, database_url: str) -> Centre:
    return make_centre(checked_database, database_url, name=f"Riverside {new_id()}",
                       letterhead={"email": "office@riverside.example"})  # fmt: skip


def letters(centre: Centre, topic: str) -> list[EmailMessage]:
    """The mails of a topic, as they would be sent."""
    sent = []
    for row in centre.rows("SELECT id FROM outbox_message WHERE topic = %(topic)s ORDER BY id", topic=topic):
        with centre.database.transaction(centre.organisation_id) as tx:
            message = compose_message(tx, read_message(tx, row["id"]), base_url="https://x.example", secret="s" * 32)
        assert message is not None
        sent.append(compose(message, message_id=row["id"], from_address="no-reply@x.example", now=NOW))
    return sent


def read(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return f"{mail['Subject']}\n{body.get_content()}"


def test_the_family_reads_of_its_beginning_its_invoices_and_its_end(centre: Centre) -> None:
    club: Club = make_club(centre)
    rossi = centre.family(email="carla@rossi.example")
    mondays = club.subscribe(rossi, rossi.child(), "MON", starts_on=date(2026, 4, 13))
    centre.do(subscriptions.give_notice, subscription_id=mondays, actor=rossi.actor)

    (begun,), (invoice,), (ending,) = (
        letters(centre, f"subscription.{what}") for what in ("begun", "invoiced", "ending")
    )

    assert str(begun["To"]).endswith("<carla@rossi.example>")
    assert "booked for Club on Mon in Spring 2026" in read(begun)
    assert "for $33.90" in read(invoice).replace("CA$", "$")
    assert "from Wed 1 Apr 2026 to Thu 30 Apr 2026" in read(invoice).replace(",", "").replace("Wed. ", "Wed ")
    assert "ends on" in read(ending)


def test_the_family_reads_of_the_next_term_and_the_office_of_what_found_no_room(centre: Centre) -> None:
    club: Club = make_club(centre)
    rossi, chen = centre.family(email="carla@rossi.example"), centre.family("Chen family", email="li@chen.example")
    club.subscribe(rossi, rossi.child(), "MON")
    club.subscribe(chen, chen.child("Lin Chen"), "TUE")
    club.next_term("Summer", date(2026, 7, 1), date(2026, 8, 28), after=centre.term)
    centre.run("UPDATE term_product SET capacity = 0 WHERE local_date = '2026-07-14'")
    club.works(NOW)

    (rolled,), (told,) = letters(centre, "subscription.rolled"), letters(centre, "subscription.not_rolled")

    assert "Mia Rossi is booked for Club on Mon in Summer: 8 sessions" in read(rolled)
    assert str(told["To"]).endswith("<office@riverside.example>")
    assert "Lin Chen's subscription" in read(told)
    assert "(Chen family)" in read(told)
    assert "14 Jul 2026" in read(told)


def test_the_office_reads_of_what_nothing_continues(centre: Centre) -> None:
    club: Club = make_club(centre)
    rossi = centre.family()
    club.subscribe(rossi, rossi.child(), "MON")
    centre.edit(build.term, centre.site, name="Summer", starts_on=date(2026, 7, 1), ends_on=date(2026, 8, 28))
    club.works(NOW)

    (told,) = letters(centre, "subscription.not_rolled")

    assert "could not be booked into Summer" in read(told)
    assert "Club of Spring 2026 is not continued in Summer." in read(told)
