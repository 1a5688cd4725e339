"""Forms with several wrong fields: each is named with its rule and led to, and everything typed stands there still."""

import re
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from models import Role
from tests.web.browsing import signed_in_as
from tests.web.conftest import PEOPLE, SLUG, Centre, Somebody
from tests.web.test_family_booking import family_class
from tests.web.test_family_forms import Tab, enter
from workflows.registration import registration_link

ADMIN, FINANCE, FAMILY = (PEOPLE[role] for role in (Role.ADMIN, Role.FINANCE, Role.FAMILY))
FILL_IN, WHOLE, DAY, MAIL = ("Please fill this in.", "Enter a whole number.", "Please choose a date.",
                             "Write an e-mail address, such as name@example.org.")  # fmt: skip
AGE = "Enter years, such as 6, or months, such as 18 months."
SECRET = ("password", "pin")
# Who, the page with the form, what they type, and what is said at which field.
OFFICE = [
    (ADMIN, "/admin/offerings/new",
     {"name": "Chess", "weekdays": "MON", "from": "12.4.2026", "starts": "9 o'clock", "capacity": "few",
      "session_price_minor": "", "full_term_price_minor": "ten", "age_from_months": "six", "age_below_months": "-1"},
     {"from": DAY, "starts": "Enter a time.", "capacity": WHOLE, "session_price_minor": FILL_IN, "program_id":
      "Choose one from the list.", "full_term_price_minor": "'ten' is not an amount; write it as 12.50",
      "age_from_months": AGE, "age_below_months": AGE}),
    (ADMIN, "/admin/programme/sites/new",
     {"name": "", "address": "1 Main St", "time_zone": "here & now", "holiday_subdivision": "On/tario"},
     {"name": FILL_IN, "time_zone": "Name a time zone, such as America/Toronto.",
      "holiday_subdivision": "Use at most 10 characters.|Use letters, digits and dashes only."}),
    (ADMIN, "/admin/passes/new",
     {"name": "Ten", "price": "a lot", "units": "", "validity_days": "", "tax_percent": "HST"},
     {"price": "'a lot' is not an amount; write it as 12.50", "validity_days": FILL_IN,
      "tax_percent": "Enter a number.", "units": "Write how often it is good, or tick that it has no limit."}),
    (ADMIN, "/admin/promo-codes/new",
     {"code": "SUN 10", "name": "Sun", "percent": "10", "amount": "5", "starts_on": "soon", "limit": "many"},
     {"code": "Use letters, digits and dashes only.", "percent": "Enter either a percentage or an amount.",
      "starts_on": DAY, "limit": WHOLE}),
    (FINANCE, "/finance/families/{rossi}/wallet /bonus",
     {"bonus": "", "why": "", "last_day": "tomorrow"}, {"bonus": FILL_IN, "why": FILL_IN, "last_day": DAY}),
    (FINANCE, "/finance/entries", {"debit-0": "ten", "credit-1": "99999999999", "reason": "Pay-out"},
     {"debit-0": "'ten' is not an amount; write it as 12.50", "credit-1": "At most $10,000,000,000.00."}),
]  # fmt: skip
OF_FAMILIES = [
    (FAMILY, "/family/children/new",
     {"name": "", "date_of_birth": "2026-99-99", "allergy_notes": "Nuts & <milk>", "school_year": "two",
      "height_cm": "tall", "weight_kg": "light"},
     {"name": FILL_IN, "date_of_birth": DAY, "school_year": WHOLE, "height_cm": WHOLE, "weight_kg": "Enter a number."}),
    (FAMILY, "/family/children/{mia}/pick-ups", {"name": "", "relationship": "Aunt", "pin": "12"},
     {"name": FILL_IN, "pin": "Use 4 to 8 digits."}),
    (FAMILY, "/family/mandates", {"holder": "", "iban": "DE00", "signed_on": "today"},
     {"holder": FILL_IN, "signed_on": DAY}),
    ("", "{program}", {"child_name": "", "date_of_birth": "May", "allergy_notes": "Nuts", "name": "", "email": "me"},
     {"child_name": FILL_IN, "date_of_birth": DAY, "name": FILL_IN, "email": MAIL,
      "pick": "Select at least one session."}),
    ("", f"/at/{SLUG}/sign-in /at/{SLUG}/sign-in-link", {"link_email": "me at home"}, {"link_email": MAIL}),
    ("", "{registration}", {"name": "Rina", "password": "short"}, {"password": "Use at least 10 characters."}),
]  # fmt: skip


@pytest.fixture(scope="module")
def known(centre: Centre) -> dict[str, str]:
    """What the addresses name."""
    link, _ = registration_link(centre.settings.secret, centre.organisation_id, "rina@new.example",
                                now=centre.clock.now())  # fmt: skip
    rossi = centre.sample.rossi
    return {"rossi": str(rossi.account_id), "mia": str(rossi.attendee_ids[0]),
            "program": family_class(centre, "For wrong guests", hour=7).replace("/family/", f"/at/{SLUG}/"),
            "registration": f"/guest/registration/{link}"}  # fmt: skip


@pytest.fixture(scope="module")
def tabs(centre: Centre) -> Iterator[dict[str, Tab]]:
    with (
        enter(centre, ADMIN) as admin, enter(centre, FINANCE) as finance, enter(centre, FAMILY) as family,
        httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as nobody,
    ):  # fmt: skip
        yield {email: Tab(client, client.get(f"/at/{SLUG}/sign-in")) for email, client in
               ((ADMIN, admin), (FINANCE, finance), (FAMILY, family), ("", nobody))}  # fmt: skip


def addresses(page: str, known: dict[str, str]) -> tuple[str, str]:
    """The page, and where its form goes."""
    shown, _, to = page.format(**known).partition(" ")
    return shown, (to if to.startswith("/at") else shown + to)


@pytest.mark.parametrize(("email", "page", "typed", "wrong"), OFFICE + OF_FAMILIES,
                         ids=[one[1] for one in OFFICE + OF_FAMILIES])  # fmt: skip
def test_each_is_told_with_a_way_to_it_and_nothing_typed_is_lost(
    tabs: dict[str, Tab], known: dict[str, str], email: str, page: str, typed: dict[str, str], wrong: dict[str, str]
) -> None:
    shown, to = addresses(page, known)
    tab = tabs[email].open(shown)

    answer = tab.client.post(to, data={**tab.any_token(), **typed})

    assert answer.status_code == 422
    notice = answer.text.partition('role="alert"')[2].partition("</ul>")[0]
    for field, said in wrong.items():
        told = notice.partition(f'<a href="#{field}">')[2].partition("</li>")[0]
        assert any(words in unescape(told) for words in said.split("|")), (field, told)
        assert len(re.findall(rf'\bid="{field}"', answer.text)) == 1, field
        assert field == "pick" or f'id="{field}-fault"' in answer.text
    for field, text in typed.items():
        assert field in SECRET or kept_in(answer.text, field, text), field


def kept_in(page: str, field: str, text: str) -> bool:
    """Whether the field shows what was typed."""
    tag = next(iter(re.findall(rf'<input [^>]*name="{field}"[^>]*>', page)), None)
    if tag is None:
        found = re.search(rf'<textarea [^>]*name="{field}"[^>]*>(.*?)</textarea>', page, re.S)
        return found is not None and unescape(found[1]) == text
    if 'type="checkbox"' in tag:
        return re.search(rf'name="{field}" value="{text}"\s+checked', page) is not None
    return unescape(re.findall(r'\bvalue="([^"]*)"', tag)[0]) == text


def test_what_is_wrong_is_reached_on_a_phone_without_scripts(
    centre: Centre, somebody: Somebody, tabs: dict[str, Tab]
) -> None:
    rosa = signed_in_as(somebody(size="phone", scripts=False), tabs[FAMILY].client).open("/family/children/new")
    rosa.page.locator("summary", has_text="School year").click()
    rosa.page.locator("main form").first.evaluate("form => { form.noValidate = true; }")
    rosa.fill("Height", "big").click("Save")

    rosa.fits().is_sound().picture("wrong-fields-phone")
    rosa.page.get_by_role("alert").get_by_role("link", name="Height").click()

    assert rosa.path.endswith("#height_cm")
    height = rosa.page.locator("#height_cm")
    assert height.is_visible()
    assert height.input_value() == "big"
    box, high = height.bounding_box(), (rosa.page.viewport_size or {})["height"]
    assert box is not None
    assert 0 <= box["y"] < high
