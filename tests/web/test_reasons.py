"""Reasons in the reader's language: each sentence is recognised, filled with what was said, and said in French."""

import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from babel import Locale

from engine.money import format_money
from models import RuleSetting
from tests import builders as build
from tests.web.conftest import Centre
from tests.web.test_family_booking import family_class
from tests.web.test_family_forms import Tab, enter, sessions_of
from web.amounts import Amounts
from web.days import days_rewritten
from web.reasons import phrases, recognised, said

FRENCH, ENGLISH = Locale("fr", "CA"), Locale("en", "CA")
KARATE = "Karate, Sat 11 Apr 2026 10:00–11:00"


@pytest.mark.parametrize(("code", "phrase"), list(phrases()))
def test_every_sentence_is_recognised_as_itself(code: str, phrase: str) -> None:
    names = {part.partition(")s")[0] for part in phrase.split("%(")[1:]}

    found = recognised(phrase % {name: f"<{name}>" for name in names})

    assert found == (phrase, {name: f"<{name}>" for name in names}), code


@pytest.mark.parametrize(
    ("message", "french"),
    [
        (f"Mia is already booked for {KARATE} (TB-4F7K).",
         "Mia a déjà une réservation pour Karate, sam. 11 avr. 2026, 10 h 00–11 h 00 (TB-4F7K)."),
        ("Mia is 5 years 11 months on 7 May 2026; May Fair takes 6 to 8 years.",
         "Mia a 5 ans 11 mois le 7 mai 2026; May Fair accueille 6 à 8 ans."),
        ("Leo: Nothing of this order takes the promo code SUN10.",
         "Leo : Rien dans cette demande n’accepte le code promotionnel SUN10."),
        (f"submit of GO-3 is refused: {KARATE} is full (12 places). (and 2 more reasons)",
         "GO-3 : refus. Karate, sam. 11 avr. 2026, 10 h 00–11 h 00 affiche complet (12 places). (et 2 autres raisons)"),
        (f"{KARATE} is full (1 place).", "Karate, sam. 11 avr. 2026, 10 h 00–11 h 00 affiche complet (1 place)."),
        ("Something that nobody foresaw: 100 % of it.", "Something that nobody foresaw: 100 % of it."),
    ],
)  # fmt: skip
def test_is_said_in_french_and_left_alone_in_english_but_for_days(message: str, french: str) -> None:
    assert said(FRENCH, message).replace("\xa0", " ") == french
    assert said(ENGLISH, message) == days_rewritten(ENGLISH, message)


@pytest.mark.parametrize(
    ("why", "french"),
    [
        ("child 2 of the family, given from child 2", "enfant 2 de la famille, accordé à partir de l’enfant 2"),
        ("Sibling discount: 1 child booked, given from 2",
         "Rabais de fratrie : 1 enfant inscrit, accordé à partir de 2"),
        ("4 sessions booked, given from 5; its share of the discount is less than the smallest amount",
         "4 séances réservées, accordé à partir de 5; sa part du rabais est inférieure au plus petit montant"),
        ("booked on 31 Mar 2026, given until 01 Apr 2026", "réservé le 31 mars 2026, accordé jusqu’au 1 avr. 2026"),
        ("code SUN10 is good from 04 Apr 2026 until 12 Apr 2026, booked on 13 Apr 2026",
         "le code SUN10 est valable du 4 avr. 2026 au 12 avr. 2026, réservé le 13 avr. 2026"),
        ("code SUN10", "code SUN10"),
        ("session price, was full term", "prix à la séance, auparavant session complète"),
    ],
)  # fmt: skip
def test_why_something_has_its_price_is_said_in_french(why: str, french: str) -> None:
    assert said(FRENCH, why).replace("\xa0", " ") == french


def test_a_french_cart_says_in_french_why_it_costs_what_it_does(centre: Centre) -> None:
    address = family_class(centre, "Both of them", hour=16)
    centre.edit(build.add, RuleSetting, scope="TPS", scope_id=UUID(address.rpartition("/")[2]), name="discounts",
                value=[{"kind": "SIBLING", "order": 1, "percent": "10"}])  # fmt: skip
    with enter(centre) as client:
        tab = Tab(client, client.get(address))
        (first, *_) = sessions_of(centre, address)
        tab.send(
            address, {"pick": [f"{child}.{first['id']}" for child in centre.sample.rossi.attendee_ids], "do": "keep"}
        )
        cart = tab.text(client.get("/family/cart", headers={"Accept-Language": "fr"}))

    assert "Rabais de fratrie enfant 2 de la famille, accordé à partir de l’enfant 2" in cart


@pytest.mark.parametrize(
    ("locale", "day", "moment", "session"),
    [
        ("en_CA", "May 4, 2026", "Sat, Apr 11, 2026, 9:30 a.m.", "Sat, Apr 11, 2026, 10:00 a.m.–1:05 p.m."),
        ("en_AU", "4 May 2026", "Sat, 11 Apr 2026, 9:30 am", "Sat, 11 Apr 2026, 10:00 am–1:05 pm"),
        ("fr_CA", "4 mai 2026", "sam. 11 avr. 2026, 09 h 30", "sam. 11 avr. 2026, 10 h 00–13 h 05"),
    ],
)
def test_days_are_written_as_the_reader_does(locale: str, day: str, moment: str, session: str) -> None:
    said_by_the_domain = "From 04 May 2026, (Sat 11 Apr 2026 09:30), Go, Sat 11 Apr 2026 10:00–13:05."

    written = days_rewritten(Locale.parse(locale), said_by_the_domain)

    assert re.sub("[\xa0\u202f]", " ", written) == f"From {day}, ({moment}), Go, {session}."


def test_what_is_no_day_stays() -> None:
    for text in ("31 Feb 2026", "4 May", "2026-05-04", "Sat 11 Apr 2026x", "INV-04 Maya 2026", "11 Apr 20266"):
        assert days_rewritten(ENGLISH, text) == text


@pytest.mark.parametrize("locale", ["en_CA", "fr_CA", "de_CH", "nl_NL", "hi_IN", "fa_IR", "sv_SE"])
@pytest.mark.parametrize("currency", ["CAD", "CHF", "JPY", "KWD"])
def test_an_amount_is_written_as_the_reader_does(locale: str, currency: str) -> None:
    amounts = Amounts(currency, locale, "pl_PL")
    for minor in (0, 5, -5, 100_000, -123_456_789):
        written, read = format_money(minor, currency, locale), format_money(minor, currency, "pl_PL")

        assert amounts.rewritten(f"{written} of 12 ({written}), {written}.") == f"{read} of 12 ({read}), {read}."


def test_what_is_no_amount_of_the_centre_stays() -> None:
    amounts = Amounts("CAD", "en_CA", "fr_CA")

    for text in ("$5", "$1,00.00", "US$10.50", "$10.505", "A$10.50", "10.50"):
        assert amounts.rewritten(text) == text


def test_reasons_have_amounts_as_their_reader_writes_them() -> None:
    overdue = (
        "Pay later needs every due invoice paid; overdue: INV-1 ($1,010.50 since 02 Mar 2026). Pay $1,010.50 and "
        "submit again."
    )
    unknown = "Something that nobody foresaw costs $10.50."

    french = said(FRENCH, overdue, Amounts("CAD", "en_CA", "fr_CA")).replace("\xa0", " ")
    english = said(ENGLISH, overdue.replace("$1,010.50", "1 010,50 $"), Amounts("CAD", "fr_CA", "en_CA"))

    assert french.count("1 010,50 $") == 2
    assert english.count("1 010,50 $") == 2  # written with another space than the centre writes
    of_french = overdue.replace("$1,010.50", "1\xa0010,50\xa0$")
    assert said(ENGLISH, of_french, Amounts("CAD", "fr_CA", "en_CA")) == overdue.replace("02 Mar 2026", "Mar 2, 2026")
    assert said(FRENCH, unknown, Amounts("CAD", "en_CA", "fr_CA")) == unknown


@pytest.fixture
def tab(centre: Centre) -> Iterator[Tab]:
    with enter(centre) as client:
        client.headers["Accept-Language"] = "fr"
        yield Tab(client, client.get("/family"))


def test_a_french_page_says_why_in_french(centre: Centre, tab: Tab) -> None:
    address = family_class(centre, "En français", hour=10)
    box = f"{centre.sample.rossi.attendee_ids[0]}.{sessions_of(centre, address)[0]['id']}"

    text = tab.text(tab.open(address).send(address, {"pick": box, "promo_code": "NOSUCH", "do": "look"}))

    assert "Rien dans cette demande" in text
    assert "Nothing of this order" not in text
