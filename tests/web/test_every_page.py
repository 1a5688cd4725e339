"""Every page of the application: it answers, is light enough, has nothing that axe finds, and is shown to nobody else.

The pages are taken from the routers, and each address is filled with what `everything.py` makes: a new route is
looked at from the day on which it is added.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import Browser

from engine.database import Database
from models import Role
from tests.billing.sandbox import Sandbox
from tests.web.browsing import SIZES, Person, person, signed_in_as
from tests.web.conftest import CHEN, PEOPLE, SLUG, Centre, served_centre
from tests.web.everything import (
    CENTRES,
    ELSE,
    FINN,
    FORMS,
    NOBODY,
    NOVA,
    OTTO,
    ROUTES,
    filled,
    form_of,
    looks,
    make_everything,
    names_a_record,
    route_of,
)
from tests.web.test_every_form import everything
from tests.web.test_family_forms import FIELD, enter
from web.portals import PORTALS

# How long a browser may keep what is not asked for anew each time: a photo, under an address that changes with it, and
# the worker of the staff's pages, which is asked after each time.
KEPT = {"image/jpeg": "private, max-age=86400", "text/javascript": "no-cache"}
HEAVIEST = 100_000  # bytes of a page, before the style sheet that is kept for good
SHADES = (("phone", "light"), ("desktop", "dark"))
LOOKS = looks()
PAGES = [(email, template) for email, template in LOOKS if route_of(template) not in ELSE]
_ROUTES_OF_PAGES = [route_of(template) for _, template in PAGES]
# What is to be seen where nobody has made anything yet: of a family, and of an organisation.
EMPTY = [route for route in ROUTES if "{" not in route and route not in ELSE
         and any(f"{route}/".startswith(f"{portal.home}/") for portal in PORTALS.values())]  # fmt: skip
FAMILY = PEOPLE[Role.FAMILY]
# What every family of the centre may see: its programme and what is on sale.
OF_ALL_FAMILIES = {"offering_id", "session_id", "seated", "product_id", "term_id"}
# What a form might want: whoever sends it for somebody else fills in everything.
ANYTHING = {
    "do": "make", "name": "Mallory", "date_of_birth": "2017-05-05", "reason": "because", "note": "because", "why": "so",
    "amount": "1.00", "amount_minor": "1.00", "way": "CONFIRM_WITHOUT_PAYMENT", "pay": "wallet", "status": "PRESENT",
    "answer": "yes", "pin": "1234", "relationship": "aunt", "phone": "1", "counted": "1", "explanation": "so",
    "difference": "", "last_day": "2026-06-30", "resolution": "TAKEN", "move": "arrive", "provider": "cash",
    "came_for": "cash", "email": "mallory@evil.example", "label": "Mine", "until": "2026-06-30",
    "capacity": "1", "who": "name:Mallory",
}  # fmt: skip


@pytest.fixture(scope="module")
def centre(database_url: str, checked_database: Database, sandbox: Sandbox) -> Iterator[Centre]:
    """Under a name: at an address that is a number there are no passkeys to ask for."""
    with served_centre(database_url, checked_database, sandbox, host="localhost") as found:
        yield found


@pytest.fixture(scope="module")
def known(centre: Centre, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("mails")
        patch.setattr(centre.settings, "data_directory", folder)
        yield make_everything(centre, database_url, folder)


@pytest.fixture(scope="module")
def clients(centre: Centre, known: dict[str, Any]) -> Iterator[Callable[[str], httpx.Client]]:
    """Everybody, signed in once."""
    with ExitStack() as stack:

        @cache
        def client(email: str) -> httpx.Client:
            headers = {"Accept": "text/html"}
            if not email:
                return stack.enter_context(httpx.Client(base_url=centre.url, headers=headers, timeout=60))
            return stack.enter_context(enter(centre, email, slug=CENTRES.get(email, SLUG)))

        yield client


Visitors = Callable[[str], Person]
Clients = Callable[[str], httpx.Client]


@pytest.fixture(scope="module")
def visitors(browser: Browser, centre: Centre, clients: Callable[[str], httpx.Client]) -> Iterator[Visitors]:
    """Everybody at a browser of their own."""
    with ExitStack() as stack:

        @cache
        def visitor(email: str) -> Person:
            found = stack.enter_context(person(browser, centre.url))
            return signed_in_as(found, clients(email)) if email else found

        yield visitor


def look(looking: Person, address: str, shades: Sequence[tuple[str, str]] = SHADES[:1]) -> int:
    """Its status, once axe has seen it, in each size and shade."""
    status = 0
    for size, shade in shades:
        width, height = SIZES[size]
        looking.page.set_viewport_size({"width": width, "height": height})
        looking.page.emulate_media(color_scheme=shade)  # type: ignore[arg-type]
        if not status:
            answer = looking.page.goto(looking.base + address)
            assert answer is not None
            status = answer.status
        looking.is_sound()
    return status


class TestAnswers:
    @pytest.mark.parametrize("email", sorted({email for email, _ in LOOKS}), ids=lambda each: each or "nobody")
    def test_every_route_is_what_it_is_held_for_light_enough_and_kept_by_nobody_else(
        self, clients: Callable[[str], httpx.Client], known: dict[str, Any], email: str
    ) -> None:
        addresses = [(template, filled(template, known)) for whose, template in LOOKS if whose == email]

        faults = {}
        for template, address in addresses:
            answer = clients(email).get(address)
            if found := list(faults_of(answer, ELSE.get(route_of(template), "page"))):
                faults[address] = found

        assert addresses
        assert faults == {}


def faults_of(answer: httpx.Response, wanted: str) -> Iterator[str]:
    if (kind := kind_of(answer)) != wanted:
        yield f"is {kind}, not {wanted}: {answer.status_code}"
    if wanted == "page" and len(answer.content) > HEAVIEST:
        yield f"weighs {len(answer.content)}"
    if answer.headers["cache-control"] != KEPT.get(wanted, "no-store"):
        yield f"may be kept: {answer.headers['cache-control']}"
    if wanted == "page" and not {"script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= {
        part.strip() for part in answer.headers["content-security-policy"].split(";")
    }:
        yield answer.headers["content-security-policy"]


def kind_of(answer: httpx.Response) -> str:
    """What a route answers with: a page, a mail in a frame, another address, or a file of some type."""
    if answer.has_redirect_location:
        return "redirect"
    if answer.status_code != 200:
        return "fault"
    media_type = answer.headers["content-type"].partition(";")[0]
    if media_type != "text/html":
        return str(media_type)
    return "mail" if "sandbox" in answer.headers["content-security-policy"] else "page"


class TestLooks:
    @pytest.mark.parametrize(("email", "template"), PAGES, ids=lambda each: each or "nobody")
    def test_each_is_sound(self, visitors: Visitors, known: dict[str, Any], email: str, template: str) -> None:
        """With something on it, on a phone by day and on a desktop by night; one more of its kind is seen once."""
        looking, address = visitors(email), filled(template, known)
        at = PAGES.index((email, template))
        is_first = _ROUTES_OF_PAGES.index(route_of(template)) == at

        assert look(looking, address, SHADES if is_first else (SHADES[at % 2],)) == 200
        if is_first:
            looking.picture(f"page-{re.sub('[^a-z]+', '-', template).strip('-')}")

    @pytest.mark.parametrize("route", EMPTY)
    def test_each_is_sound_where_there_is_nothing_yet(self, visitors: Visitors, route: str) -> None:
        assert look(visitors(NOVA), route) == 200

    @pytest.mark.parametrize(
        ("email", "address", "status"),
        [(NOBODY, "/at/nowhere", 404), (FAMILY, "/family/nowhere", 404), (FAMILY, "/admin", 403),
         (PEOPLE[Role.ADMIN], "/admin/bookings/{booking_id}/closure", 422), (CHEN, "/family", 200),
         (CHEN, "/family/bookings", 200)],
    )  # fmt: skip
    def test_problems_and_what_waits_for_an_answer_are_sound(
        self, visitors: Visitors, known: dict[str, Any], email: str, address: str, status: int
    ) -> None:
        assert look(visitors(email), filled(address, known)) == status

    def test_a_form_that_is_out_of_date_is_said_on_a_sound_page(self, visitors: Visitors) -> None:
        rosa = visitors(FAMILY).open("/family/children/new")
        rosa.page.locator('main input[name="form_token"]').evaluate("field => field.value = 'another'")
        rosa.fill("Name", "Zoe Rossi").fill("Date of birth", "2017-05-05").click("Save")

        assert rosa.reads("This form is out of date")
        rosa.is_sound()


# What an address may ask for, whatever page it is of: taken from the sources.
ASKED = sorted(
    {
        name
        for path in Path(str(files("web"))).rglob("*.py")
        for name in re.findall(r'(?:asked|id_of|day_of|getlist)\((?:visit, )?"(\w+)"', path.read_text("utf-8"))
    }
)
FIRST_LOOKS = {route_of(template): (email, template) for email, template in reversed(LOOKS)}


class TestOddAddresses:
    """Typed by hand, cut off in a mail, or made by a program that looks for holes: there is always an answer."""

    @pytest.mark.parametrize("odd", ["\0", "0001-01-01", "9999-12-31", str(UUID(int=7))], ids=ascii)
    def test_what_cannot_be_asked_for_is_no_fault_of_ours(
        self, clients: Clients, known: dict[str, Any], odd: str
    ) -> None:
        faults = {}
        for email, template in FIRST_LOOKS.values():
            address = filled(template, known).partition("?")[0]
            answer = clients(email).get(address, params=dict.fromkeys(ASKED, odd))
            if answer.status_code >= 500:
                faults[address] = answer.status_code

        assert {"q", "from", "until", "last_day"} <= set(ASKED)
        assert faults == {}

    def test_what_cannot_be_a_name_leads_nowhere(self, clients: Clients) -> None:
        addresses = {route: re.sub(r"\{\w+\}", "%00", route) for route in ROUTES if "{" in route}

        found = {route: status for route, address in addresses.items()
                 if (status := clients(NOBODY).get(address).status_code) != 404}  # fmt: skip

        assert len(addresses) > 50
        assert found == {}


class TestOthers:
    """What an address names is its family's and its centre's: who else opens it, or sends it a form, gets nothing."""

    def test_a_family_opens_nothing_of_another(self, clients: Clients, known: dict[str, Any]) -> None:
        theirs = [(email, template) for email, template in LOOKS if email in (FAMILY, CHEN)
                  and names_a_record(template, without(known, OF_ALL_FAMILIES))]  # fmt: skip

        opened = {}
        for email, template in theirs:
            answer = clients(CHEN if email == FAMILY else FAMILY).get(filled(template, known))
            if answer.status_code != 404:
                opened[template] = answer.status_code

        assert len(theirs) > 20
        assert opened == {}

    def test_a_family_sends_nothing_for_another(
        self, centre: Centre, clients: Clients, known: dict[str, Any]
    ) -> None:  # fmt: skip
        theirs = forms_of_one_family(known)

        assert len(theirs) > 20
        assert sent(centre, clients, known, {form: FAMILY if "offer_id" in form else CHEN for form in theirs}) == {}

    def test_another_centre_opens_nothing_and_sends_nothing(
        self, centre: Centre, clients: Clients, known: dict[str, Any]
    ) -> None:  # fmt: skip
        """By somebody who may do everything where they are."""
        pages = [
            template for email, template in LOOKS if email not in (NOBODY, FINN) and names_a_record(template, known)
        ]
        # A cart of a term is one's own, whatever the term.
        forms = [form for form in map(form_of, FORMS) if names_a_record(form, known) and role_of(form) is not None
                 and not form.startswith("/family/cart/")]  # fmt: skip

        opened = {}
        for template in pages:
            answer = clients(NOVA).get(filled(template, known))
            if answer.status_code != 404:
                opened[template] = answer.status_code

        assert min(len(pages), len(forms)) > 50
        assert opened == {}
        assert sent(centre, clients, known, dict.fromkeys(forms, NOVA)) == {}

    def test_staff_of_no_site_see_and_mark_no_child(
        self, centre: Centre, clients: Clients, known: dict[str, Any]
    ) -> None:  # fmt: skip
        pages = [
            template for _, template in LOOKS if template.startswith("/staff/") and names_a_record(template, known)
        ]
        forms = [form for form in map(form_of, FORMS) if form.startswith("/staff/") and names_a_record(form, known)]

        statuses = {template: clients(OTTO).get(filled(template, known)).status_code for template in pages}

        assert min(len(pages), len(forms)) >= 4
        assert set(statuses.values()) == {404}, statuses
        assert sent(centre, clients, known, dict.fromkeys(forms, OTTO)) == {}

    def test_each_door_is_shut_to_who_has_another_role(
        self, centre: Centre, clients: Clients, known: dict[str, Any]
    ) -> None:
        opened = {}
        for role, email in PEOPLE.items():
            for template in [template for _, template in LOOKS if role_of(template) not in (role, None)]:
                status = clients(email).get(filled(template, known)).status_code
                if status not in (403, 404) and route_of(template) != "/staff/worker.js":
                    opened[role.value, template] = status
        forms = [form for form in map(form_of, FORMS) if role_of(form) is not None]
        others = {role: [email for other, email in PEOPLE.items() if other is not role] for role in Role}

        assert opened == {}
        assert len(forms) > 100
        senders = {form: others[role_of(form)][at % 3] for at, form in enumerate(forms)}  # type: ignore[index]
        assert sent(centre, clients, known, senders, refused=(403, 404)) == {}

    def test_whose_it_is_gets_an_answer(self, clients: Clients, known: dict[str, Any]) -> None:
        """The control, and the last of these, since it changes what it names: it is only for others not there."""
        missing = []
        for form in sorted(forms_of_one_family(known)):
            client = clients(CHEN if "offer_id" in form else FAMILY)
            answer = client.post(filled(form, known), data={**ANYTHING, "form_token": token_of(client)})
            if answer.status_code not in (200, 303, 409, 422):
                missing.append((form, answer.status_code))

        assert missing == []


def forms_of_one_family(known: dict[str, Any]) -> set[str]:
    theirs = (form_of(route) for route in FORMS if route.startswith("/family/"))
    return {form for form in theirs if names_a_record(form, without(known, OF_ALL_FAMILIES))}


def role_of(template: str) -> Role | None:
    return next((role for role, one in PORTALS.items() if f"{template}/".startswith(f"{one.home}/")), None)


def without(known: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in known.items() if name not in names}


def is_refused(client: httpx.Client, answer: httpx.Response, statuses: tuple[int, ...]) -> bool:
    """For whose it is, not for the form; some forms lead back to a page that says why not."""
    if answer.has_redirect_location:
        said = client.get(answer.headers["location"]).text
        return re.search(r'class="notice (bad|warn)" role="status"', said) is not None
    return answer.status_code in statuses and "This form is out of date" not in answer.text


def token_of(client: httpx.Client) -> str:
    """What every form of this browser carries, whatever page shows it."""
    return dict(FIELD.findall(client.get("/design").text))["form_token"]


def sent(
    centre: Centre, clients: Clients, known: dict[str, Any], forms: dict[str, str], refused: tuple[int, ...] = (404,)
) -> dict[str, int]:
    """What else they were answered when each form was sent by whose it is not; nothing that is kept of the centre is
    another for it.
    """
    tokens = {email: token_of(clients(email)) for email in set(forms.values())}
    child = {"attendance_id": str(known["attendance_id"]), "session_id": str(known["roll"])}
    before, answered = everything(centre), {}
    for form, email in forms.items():
        answer = clients(email).post(filled(form, known), data={**ANYTHING, **child, "form_token": tokens[email]})
        if not is_refused(clients(email), answer, refused):
            answered[form] = answer.status_code
    after = everything(centre)
    assert {name: after[name] for name in after if after[name] != before[name]} == {}
    return answered
