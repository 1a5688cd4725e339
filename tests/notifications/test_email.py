"""E-mails say what a family needs to know, and no name can bend them."""

from dataclasses import replace
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest

from notifications import texts
from notifications.email import AddressRefused, compose, forms_of
from notifications.facts import one_line
from notifications.messages import (
    Attachment,
    GuestLinks,
    GuestOrder,
    Message,
    OrderTimedOut,
    Organisation,
    PaymentReceived,
    QuoteIssued,
    Recipient,
    RegistrationAsked,
    SignInAsked,
    WaitingExpired,
    WaitingOffered,
)
from notifications.samples import sample_of
from tests.notifications.letters import ANNA, MAPLE, NOW, confirmed, part, read, session

MESSAGE_ID = UUID(int=77)


def mail(message: Message) -> EmailMessage:
    """The mail as it arrives."""
    email = compose(message, message_id=MESSAGE_ID, from_address="enrolments@maple.example", now=NOW)
    return read(email.as_bytes())


class TestConfirmation:
    @pytest.mark.parametrize("kind", ["plain", "html"])
    def test_says_what_is_booked_and_what_is_owed(self, kind: str) -> None:
        text = part(mail(confirmed()), kind)

        for fact in (
            "Anna Berg", "Mia", "TB-4F7K9QW2", "Sat 11 Apr 2026, 10:00", "Sat 18 Apr 2026, 10:00", "Karate",
            "Maple Hall", "$125.50", "$25.50", "Thu 30 Apr 2026", "INV-2026-00042", "416 555 0100",
        ):  # fmt: skip
            assert fact in text

    def test_of_a_paid_booking_says_that_nothing_is_owed(self) -> None:
        text = part(mail(confirmed(owed_minor=0, due_on=None)), "plain")

        assert "There is nothing more to pay." in text
        assert "Balance due" not in text

    def test_carries_a_calendar_and_what_else_is_attached(self) -> None:
        invoice = Attachment(filename="INV-2026-00042.pdf", content=b"%PDF-1.7 ...")

        files = list(mail(confirmed(attachments=(invoice,))).iter_attachments())

        assert [file.get_filename() for file in files] == ["INV-2026-00042.pdf", "TB-4F7K9QW2.ics"]
        assert [file.get_content_type() for file in files] == ["application/pdf", "text/calendar"]
        assert files[0].get_content() == b"%PDF-1.7 ..."

    def test_of_undated_sessions_lists_them_without_a_calendar(self) -> None:
        email = mail(confirmed(sessions=(session(title="Own project", starts_at=None, ends_at=None),)))

        assert "- Own project · Maple Hall" in part(email, "plain")
        assert list(email.iter_attachments()) == []

    def test_names_seats_and_weekdays_as_the_reader_does(self) -> None:
        marie = replace(ANNA, language="fr")
        booked = confirmed(recipient=marie, sessions=(session(seat="Row B seat 7"),))
        ending = sample_of("subscription_ending", MAPLE, currency="CAD", now=NOW, language="fr")

        assert "Rang B, place 7" in forms_of(booked).plain
        assert "Row B seat 7" in forms_of(replace(booked, recipient=ANNA)).plain
        assert "lun., mer." in forms_of(ending).plain
        assert "Mon, Wed" in forms_of(replace(ending, recipient=ANNA)).plain

    @pytest.mark.parametrize(
        ("locale", "language", "said"),
        [("fr_CA", "", "sam. 11 avr. 2026"), ("fr_CA", "en", "Sat 11 Apr 2026"), ("en_CA", "fr", "Reste à payer"),
         ("de_DE", "", "is confirmed")],
    )  # fmt: skip
    def test_reads_in_the_family_s_language_and_in_any_currency(self, locale: str, language: str, said: str) -> None:
        organisation = Organisation(name="Érable", locale=locale, time_zone="America/Toronto")
        reader = Recipient(name="Anna Berg", email="anna@berg.example", language=language)

        email = mail(confirmed(organisation=organisation, recipient=reader, currency="KWD", total_minor=5000))

        for kind in ("plain", "html"):
            assert said in part(email, kind)
            assert "5.000" in part(email, kind) or "5,000" in part(email, kind)


COMMON: dict[str, Any] = {"organisation": MAPLE, "recipient": ANNA, "currency": "CAD"}
OTHERS = [
    (
        OrderTimedOut(
            **COMMON, order_reference="TBO-1", attendee_name="Mia", sessions=(session(),), cancelled_at=NOW,
            returned_minor=4000,
        ),
        "Order TBO-1 has expired",
        ["TBO-1", "Tue 31 Mar 2026, 9:00", "Karate", "$40.00", "wallet"],
    ),
    (
        QuoteIssued(
            **COMMON, quote_number="Q-2026-00007", order_reference="TBO-1", attendee_name="Mia", sessions=(session(),),
            total_minor=9900, expires_at=datetime(2026, 4, 3, 21, 0, tzinfo=UTC),
        ),
        "Quote Q-2026-00007 for Mia",
        ["Q-2026-00007", "$99.00", "Fri 3 Apr 2026, 5:00", "Karate"],
    ),
    (
        WaitingOffered(
            organisation=MAPLE, recipient=ANNA, order_reference="TO-1", attendee_names=("Mia", "Leo"),
            sessions=(session(),), expires_at=datetime(2026, 4, 3, 21, 0, tzinfo=UTC), link="https://a.example/offer",
        ),
        "A place for Mia and Leo: answer by Fri 3 Apr 2026, 5:00\N{NARROW NO-BREAK SPACE}p.m.",
        ["Mia and Leo", "TO-1", "Karate", "Fri 3 Apr 2026, 5:00", "https://a.example/offer"],
    ),
    (
        WaitingExpired(
            organisation=MAPLE, recipient=ANNA, order_reference="TO-1", attendee_names=("Mia",), sessions=(session(),),
        ),
        "The place offered to Mia has expired",
        ["Mia", "TO-1", "Karate", "not been charged"],
    ),
    (
        PaymentReceived(
            **COMMON, payment_reference="PAY-1", amount_minor=2550, received_at=NOW, invoice_number="INV-1",
            owed_minor=100,
        ),
        "We received $25.50",
        ["$25.50", "PAY-1", "INV-1", "$1.00", "Tue 31 Mar 2026, 9:00"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("message", "subject", "facts"), OTHERS)
def test_each_other_mail_tells_its_facts_in_both_parts(message: Message, subject: str, facts: list[str]) -> None:
    email = mail(message)

    assert email["Subject"] == subject
    for kind in ("plain", "html"):
        assert [fact for fact in facts if fact not in part(email, kind)] == []


NASTY = [
    "Anna\r\nBcc: thief@evil.example",
    "Anna\nSubject: you won",
    "Anna\u2028Bcc: thief@evil.example",
    "Anna\x00\x0b\x85Berg",
    'Anna "The Boss" <thief@evil.example>, ',
    "Berg, Anna; (mum) @home",
    "\u202egreB annA",
]
BEAUTIFUL = [
    "Zoë Brontë",
    "👩‍👩‍👧 Familie 🥋",
    "🏴\U000e0067\U000e0062\U000e007f",
    "محمد",
    "山田 太郎",
    "x" * 200,
    "é" * 200,
]


class TestNames:
    @pytest.mark.parametrize("name", NASTY)
    def test_cannot_start_a_header_a_line_or_another_recipient(self, name: str) -> None:
        email = mail(confirmed(recipient=Recipient(name=name, email="anna@berg.example"), attendee_name=name))

        assert [address.addr_spec for address in email["To"].addresses] == ["anna@berg.example"]
        assert email["Bcc"] is None
        assert len(email.get_all("Subject", [])) == 1
        assert email["Subject"].endswith("is booked: TB-4F7K9QW2")
        assert f"Dear {one_line(name)}," in part(email, "plain").splitlines()

    @pytest.mark.parametrize("name", BEAUTIFUL)
    def test_arrive_as_they_were_typed(self, name: str) -> None:
        email = mail(confirmed(recipient=Recipient(name=name, email="anna@berg.example"), attendee_name=name))

        # Not by the library's parser: it reads a space where a long encoded name was folded (RFC 2047, 6.2 says none).
        assert decoded(raw_header(email, "To")) == f"{name} <anna@berg.example>"
        assert email["Subject"] == f"{name} is booked: TB-4F7K9QW2"
        assert name in part(email, "html")

    def test_are_escaped_in_html(self) -> None:
        html = part(mail(confirmed(attendee_name="<script>alert('Mia')</script>")), "html")

        assert "<script>" not in html
        assert "&lt;script&gt;" in html


def raw_header(email: EmailMessage, name: str) -> str:
    return str(dict(email.raw_items())[name])


def decoded(header: str) -> str:
    return " ".join(str(make_header(decode_header(header))).split())


class TestHeaders:
    def test_the_message_id_is_that_of_the_outbox_message(self) -> None:
        ids = {mail(confirmed())["Message-ID"] for _ in range(2)}

        assert ids == {f"<{MESSAGE_ID}@maple.example>"}

    def test_answers_go_to_the_organisation_and_robots_do_not_answer(self) -> None:
        email = mail(confirmed())

        assert email["From"].addresses[0].addr_spec == "enrolments@maple.example"
        assert email["Reply-To"].addresses[0].addr_spec == "hello@maple.example"
        assert email["Auto-Submitted"] == "auto-generated"
        assert email["Date"].datetime == NOW

    def test_an_international_domain_is_written_for_machines(self) -> None:
        email = mail(confirmed(recipient=Recipient(name="Zoë", email=" zoe@bücher.example ")))

        assert email["To"].addresses[0].addr_spec == "zoe@xn--bcher-kva.example"

    @pytest.mark.parametrize(
        "address",
        [
            "", "anna", "@berg.example", "anna@", "a\tb@berg.example", "x\u2028y@berg.example", "a b@berg.example",
            "anna@berg.example\r\nBcc: thief@evil.example", "anna@berg..example", "a@b@berg.example",
            "anna@" + "x" * 64 + ".example", "anna,zoe@berg.example",
        ],
    )  # fmt: skip
    def test_what_is_no_address_is_refused_for_good(self, address: str) -> None:
        with pytest.raises(AddressRefused, match="is not an e-mail address"):
            mail(confirmed(recipient=Recipient(name="Anna", email=address)))


class TestGuests:
    def test_are_sent_the_address_of_each_order(self) -> None:
        orders = (
            GuestOrder(reference="TO-4F7K9QW2", attendee_name="Mia", link="https://maple.example/guest-orders/abc",
                       pay_until=NOW),
            GuestOrder(reference="TO-7XKQ2M4D", attendee_name="Leo", link="https://maple.example/guest-orders/def"),
        )  # fmt: skip

        sent = mail(GuestLinks(organisation=MAPLE, recipient=ANNA, orders=orders))

        assert sent["Subject"] == "Your orders"
        for kind in ("plain", "html"):
            text = part(sent, kind)
            assert all(order.link in text and order.reference in text for order in orders)
            assert text.count("Its places are kept until Tue 31 Mar 2026, 9:00") == 1

    def test_sign_in_by_an_address(self) -> None:
        link = "https://maple.example/guest/sign-in/abc"

        sent = mail(SignInAsked(organisation=MAPLE, recipient=ANNA, link=link, expires_at=NOW))

        assert sent["Subject"] == "Your sign-in link"
        assert all(link in part(sent, kind) for kind in ("plain", "html"))

    @pytest.mark.parametrize(
        ("is_known", "subject"), [(True, "You already have an account"), (False, "Finish your registration")]
    )
    def test_register_by_an_address(self, is_known: bool, subject: str) -> None:
        link = "https://maple.example/registrations/abc"

        sent = mail(RegistrationAsked(organisation=MAPLE, recipient=ANNA, link=link, is_known=is_known, expires_at=NOW))

        assert sent["Subject"] == subject
        assert all(link in part(sent, kind) for kind in ("plain", "html"))
        assert not any(".m.." in part(sent, kind) for kind in ("plain", "html"))


class TestTexts:
    @pytest.mark.parametrize("language", texts.LANGUAGES)
    @pytest.mark.parametrize("kind", texts.KINDS)
    def test_ours_name_only_what_the_message_knows_and_can_be_sent(self, kind: str, language: str) -> None:
        text = texts.standard_text(kind, language)
        message = sample_of(kind, replace(MAPLE, locale=f"{language}_CA"), currency="CAD", now=NOW)

        email = mail(message)

        assert texts.check_text(kind, text) == []
        for form in ("plain", "html"):
            said = part(email, form)
            assert "{" not in said
            assert message.link is None or message.link in said.replace("&amp;", "&")

    @pytest.mark.parametrize(
        ("body", "code", "fact"),
        [
            ("Dear {{ recipent }},", "unknown_placeholder", {"name": "recipent"}),
            ("{{ message.organisation }}", "not_a_placeholder", {"line": 1}),
            ("{{ ''.__class__.__mro__ }}", "not_a_placeholder", {"line": 1}),
            ("Hello\n{% for x in sessions %}x{% endfor %}", "not_a_placeholder", {"line": 2}),
            ("{% include 'closing.txt' %}", "not_a_placeholder", {"line": 1}),
            ("{{ total | upper }}", "not_a_placeholder", {"line": 1}),
            ("{% set total = 1 %}", "not_a_placeholder", {"line": 1}),
            ("{% if owed %}open", "malformed_text", None),
            ("   ", "required", None),
            ("x" * 10_001, "too_long", {"most": 10_000}),
        ],
    )  # fmt: skip
    def test_an_organisation_s_own_says_nothing_else(self, body: str, code: str, fact: Any) -> None:
        (reason, *_) = texts.check_text("booking_confirmed", texts.Text("Booked", body))

        assert (reason.code, reason.field) == (code, "body")
        assert fact is None or reason.facts == fact

    def test_an_own_text_is_sent_in_both_forms_and_leads_only_where_it_says(self) -> None:
        text = texts.Text("Welcome, {{ attendee_name }}", "Hi {{ recipient }}:\n\n{{ sessions }}\n\nPark behind the "
                          "hall: https://maple.example/map\n\nYour booking: {{ link }}")  # fmt: skip
        message = confirmed(attendee_name="http://evil.example")

        email = read(compose(message, message_id=MESSAGE_ID, from_address="a@maple.example", now=NOW,
                             text=text).as_bytes())  # fmt: skip

        assert email["Subject"] == "Welcome, http://evil.example"
        assert 'href="https://maple.example/map"' in part(email, "html")
        assert ">Your booking</a>" in part(email, "html")
        assert 'href="http://evil.example"' not in part(email, "html")
        assert "- Sat 11 Apr 2026, 10:00" in part(email, "plain")


class TestUnsubscribing:
    def test_is_offered_to_the_mail_program_and_to_the_reader(self) -> None:
        address = "https://maple.example/unsubscribe/abc"

        email = read(compose(confirmed(), message_id=MESSAGE_ID, from_address="a@maple.example", now=NOW,
                             unsubscribe=address).as_bytes())  # fmt: skip

        assert email["List-Unsubscribe"] == f"<{address}>"
        assert email["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert all(address in part(email, kind) for kind in ("plain", "html"))

    def test_is_not_offered_of_what_the_family_must_hear(self) -> None:
        assert mail(confirmed())["List-Unsubscribe"] is None
