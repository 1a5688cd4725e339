"""What every page rests on: its headers, its forms, its languages, its errors, and the front door."""

import re
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from api.app import create_app
from models import Role
from samples.sample import PASSWORD
from tests.api.conftest import serving
from tests.builders import organisation
from tests.web.conftest import PEOPLE, SLUG, Centre, Somebody
from web.assets import version
from web.catalogues import LANGUAGES_TO_KEEP, missing
from web.portals import PORTALS
from workflows.sign_in_links import sign_in_link

TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
HTML = {"Accept": "text/html"}


@pytest.fixture
def client(centre: Centre) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=centre.url, headers=HTML, timeout=30) as client:
        yield client


def sign_in(client: httpx.Client, email: str = "rossi@family.example", password: str = PASSWORD) -> httpx.Response:
    token = token_of(client.get(f"/at/{SLUG}/sign-in"))
    return client.post(f"/at/{SLUG}/sign-in", data={"form_token": token, "email": email, "password": password})


def token_of(page: httpx.Response) -> str:
    found = TOKEN.search(page.text)
    assert found, page.text
    return found[1]


class TestFrontDoor:
    @pytest.mark.parametrize("size", ["phone", "tablet", "desktop"])
    def test_the_first_page_fits_every_size(self, somebody: Somebody, size: str) -> None:
        visitor = somebody(size=size).open("/")

        assert "A place for your child" in visitor.title
        visitor.picture(f"front-{size}").fits()

    def test_what_is_on_leads_to_the_programs_of_its_kind(self, client: httpx.Client) -> None:
        front = client.get(f"/at/{SLUG}").text
        sign_in(client)
        kind = re.compile(r'href="(/[^"]*programs\?kind=Camps)"')

        led = kind.findall(front) + kind.findall(client.get(f"/at/{SLUG}").text)

        assert led == [f"/at/{SLUG}/programs?kind=Camps", "/family/programs?kind=Camps"]
        assert "CampTO" in client.get(led[0]).text
        assert "Baseball" not in client.get(led[0]).text

    def test_a_program_gets_the_answer_that_it_always_got(self, centre: Centre) -> None:
        assert httpx.get(centre.url, headers={"Accept": "application/json"}).json()["name"] == "Termbook"
        assert httpx.get(centre.url).json()["name"] == "Termbook"

    def test_a_text_that_is_too_pale_is_found(self, somebody: Somebody) -> None:
        """Control: what axe reads once of a colour, it judges everywhere."""
        visitor = somebody(size="phone").open("/")
        visitor.page.evaluate("document.querySelector('main p').style.color = '#ccc'")

        with pytest.raises(AssertionError, match="color-contrast"):
            visitor.is_sound()

    def test_what_the_first_page_weighs(self, somebody: Somebody) -> None:
        visitor = somebody(size="phone")
        weights: list[int] = []
        visitor.page.on("response", lambda answer: weights.append(len(answer.body())))
        visitor.open("/").page.wait_for_load_state("networkidle")
        shift = visitor.page.evaluate(
            "new Promise(done => { let sum = 0; new PerformanceObserver(list => list.getEntries().forEach("
            "entry => sum += entry.value)).observe({type: 'layout-shift', buffered: true}); "
            "setTimeout(() => done(sum), 300); })"
        )

        assert sum(weights) < 100_000, weights
        assert shift == 0


class TestHeaders:
    def test_a_page_runs_no_script_that_is_not_ours(self, client: httpx.Client) -> None:
        headers = client.get(f"/at/{SLUG}/sign-in").headers

        policy = headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"

    def test_files_are_kept_for_good_under_the_address_of_their_content(self, client: httpx.Client) -> None:
        now, old = client.get(f"/static/{version()}/termbook.css"), client.get("/static/abc/termbook.css")

        assert "immutable" in now.headers["cache-control"]
        assert old.headers["cache-control"] == "no-cache"
        assert old.text == now.text

    def test_no_file_outside_is_served(self, client: httpx.Client) -> None:
        assert client.get(f"/static/{version()}/../words.py").status_code == 404
        assert client.get(f"/static/{version()}/%2e%2e/words.py").status_code == 404


class TestForms:
    def test_a_form_without_its_token_changes_nothing(self, client: httpx.Client) -> None:
        sign_in(client)

        answer = client.post("/sign-out")

        assert answer.status_code == 403
        assert "out of date" in answer.text
        assert client.get("/family").status_code == 200

    def test_the_token_of_another_visit_does_not_count(self, centre: Centre, client: httpx.Client) -> None:
        token = token_of(httpx.get(f"{centre.url}/at/{SLUG}/sign-in", headers=HTML))
        sign_in(client)

        assert client.post("/sign-out", data={"form_token": token}).status_code == 403

    @pytest.mark.parametrize(
        "headers",
        [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
        ids=["origin", "cross-site", "same-site"],
    )
    def test_a_page_of_another_site_sends_nothing(self, client: httpx.Client, headers: dict[str, str]) -> None:
        sign_in(client)
        token = token_of(client.get("/family"))

        answer = client.post("/sign-out", data={"form_token": token}, headers=headers)

        assert answer.status_code == 403
        assert client.get("/family").status_code == 200

    def test_pages_take_forms_and_the_api_takes_none(self, client: httpx.Client) -> None:
        sign_in(client)
        token = token_of(client.get("/family"))

        assert client.post("/sign-out", json={"form_token": token}).status_code == 415
        assert client.post("/sign-ins", data={"organisation": SLUG}).status_code == 415
        assert client.post("/orders", data={"form_token": token}).status_code == 415

    def test_a_form_of_five_megabytes_gets_a_page(self, client: httpx.Client) -> None:
        token = token_of(client.get(f"/at/{SLUG}/sign-in"))

        answer = client.post(f"/at/{SLUG}/sign-in", data={"form_token": token, "email": "x" * 5_000_000})

        assert answer.status_code == 413
        assert "too large" in answer.text


class TestSignIn:
    def test_a_password_opens_the_door(self, somebody: Somebody) -> None:
        rosa = somebody(size="phone").open("/family?from=mail")
        assert "sign-in" in rosa.path
        rosa.picture("sign-in-phone").fits()

        rosa.fill("E-mail address", "rossi@family.example").fill("Password", PASSWORD).click("Sign in")

        assert rosa.path == "/family?from=mail"

    @pytest.mark.parametrize("role", PEOPLE)
    def test_it_opens_the_door_of_whose_it_is(self, somebody: Somebody, role: Role) -> None:
        person = somebody().open(f"/at/{SLUG}/sign-in")

        person.fill("E-mail address", PEOPLE[role]).fill("Password", PASSWORD)
        person.click(person.page.get_by_role("main").get_by_role("button", name="Sign in", exact=True))

        assert person.fits().path == PORTALS[role].home

    def test_a_wrong_password_is_told_in_words_that_help_nobody_else(self, somebody: Somebody) -> None:
        rosa = somebody(scripts=False).open(f"/at/{SLUG}/sign-in")

        rosa.fill("E-mail address", "nobody@family.example").fill("Password", "wrong").click("Sign in")

        assert "is wrong" in rosa.text
        rosa.is_sound()

    def test_it_leads_nowhere_else(self, client: httpx.Client) -> None:
        token = token_of(client.get(f"/at/{SLUG}/sign-in"))
        given = {"form_token": token, "email": "rossi@family.example", "password": PASSWORD}

        for evil in ("https://evil.example/", "//evil.example", "/\\evil.example"):
            answer = client.post(f"/at/{SLUG}/sign-in", data={**given, "next": evil})
            assert answer.headers["location"] == "/family"
            client.cookies.clear()
            given["form_token"] = token_of(client.get(f"/at/{SLUG}/sign-in"))

    def test_guessing_is_stopped(self, client: httpx.Client) -> None:
        for _ in range(10):
            assert sign_in(client, "chen@family.example", "guess").status_code == 401

        answer = sign_in(client, "chen@family.example", "guess")

        assert answer.status_code == 429
        assert "try again in" in answer.text

    def test_an_address_that_was_mailed_signs_in_once(self, centre: Centre, client: httpx.Client) -> None:
        (rosa,) = centre.rows("""SELECT id FROM "user" WHERE organisation_id = %(org)s AND email = %(email)s""",
                              email="rossi@family.example")  # fmt: skip
        link, _ = sign_in_link(centre.settings.secret, centre.organisation_id, rosa["id"], now=centre.clock.now())
        address = f"/guest/sign-in/{link}"
        shown = client.get(address)

        entered = client.post(address, data={"form_token": token_of(shown)})
        home = client.get("/family")
        client.cookies.clear()
        again = client.post(address, data={"form_token": token_of(client.get(address))})

        assert "Hello, Rosa Rossi" in shown.text
        assert entered.headers["location"] == "/family"
        assert home.status_code == 200
        assert again.status_code == 403
        assert "it works once" in again.text

    def test_asking_for_a_link_tells_nobody_who_is_known(self, centre: Centre, client: httpx.Client) -> None:
        said = []
        for email in ("rossi@family.example", "nobody@family.example"):
            token = token_of(client.get(f"/at/{SLUG}/sign-in"))
            answer = client.post(f"/at/{SLUG}/sign-in-link", data={"form_token": token, "link_email": email})
            said.append(TOKEN.sub("", answer.text).replace(email, "").partition("<main")[2].partition("</main")[0])

        assert said[0] == said[1]
        asked = centre.rows("SELECT payload FROM outbox_message WHERE organisation_id = %(org)s "
                            "AND topic = 'sign_in.asked'")  # fmt: skip
        assert len(asked) == 2

    def test_signing_out_ends_it_everywhere(self, somebody: Somebody, signed_in: Somebody) -> None:
        rosa = signed_in("rossi@family.example", scripts=False).open("/family")
        rosa.page.locator("summary").first.click()

        rosa.click("Sign out")

        assert "You've signed out." in rosa.text
        assert "sign-in" in rosa.open("/family").path

    def test_whoever_copied_the_cookie_is_signed_out_too(self, centre: Centre, client: httpx.Client) -> None:
        sign_in(client)
        copied = {"Cookie": "; ".join(f"{one.name}={one.value}" for one in client.cookies.jar)}
        assert httpx.get(f"{centre.url}/family", headers=HTML | copied).status_code == 200

        left = client.post("/sign-out", data={"form_token": token_of(client.get("/family"))})
        again = httpx.get(f"{centre.url}/family", headers=HTML | copied)

        assert again.headers["location"].startswith("/sign-in")
        # Pages and photos go from this browser; not its storage, where a tablet keeps the marks that are not sent yet.
        assert left.headers["clear-site-data"] == '"cache"'

    def test_a_sign_in_that_was_put_into_the_browser_is_not_the_one_that_opens(
        self, centre: Centre, client: httpx.Client
    ) -> None:  # fmt: skip
        """Whoever knew a cookie of this browser before somebody signs in knows nothing of them afterwards."""
        planted = f"{centre.organisation_id.hex}_{'a' * 43}"
        client.cookies.set("termbook", planted, domain=str(httpx.URL(centre.url).host))
        sign_in(client)

        entered = [one.value for one in client.cookies.jar if one.name == "termbook" and one.value != planted]
        known = httpx.get(f"{centre.url}/family", headers=HTML | {"Cookie": f"termbook={planted}"})

        assert len(entered) == 1
        assert known.headers["location"].startswith("/sign-in")

    def test_the_doors_of_others_stay_shut(self, signed_in: Somebody) -> None:
        rosa = signed_in("rossi@family.example")

        for door in ("/admin", "/finance", "/staff"):
            assert rosa.page.request.get(rosa.base + door, headers=HTML).status in (403, 404)


class TestLanguages:
    def test_a_browser_that_asks_for_french_gets_it(self, somebody: Somebody) -> None:
        marie = somebody(locale="fr-CA").open("/")

        assert marie.page.locator("html").get_attribute("lang") == "fr-CA"
        assert "Une place pour votre enfant" in marie.title
        marie.fits()

    def test_another_language_is_chosen_on_the_page(self, somebody: Somebody) -> None:
        marie = somebody().open("/")

        marie.click("Français")

        assert "Une place pour votre enfant" in marie.title

    @pytest.mark.parametrize("language", LANGUAGES_TO_KEEP)
    def test_every_text_is_translated(self, language: str) -> None:
        """`python scripts/translate.py` adds what is new to the catalogues."""
        assert missing(language) == []


class TestProblems:
    def test_an_unknown_page_says_so(self, somebody: Somebody) -> None:
        lost = somebody(size="phone").open("/family/nowhere")

        assert "find that page" in lost.title
        lost.picture("problem-phone").fits()

    def test_an_unknown_centre_too(self, somebody: Somebody) -> None:
        assert "find that page" in somebody().open("/at/nowhere").title

    @pytest.mark.parametrize("address", ["/at/nowhere", "/at/%00", "/at/centre7/programs/abc", "/family/nowhere"])
    def test_what_leads_nowhere_is_told_in_the_language_that_the_browser_asks_for(
        self, client: httpx.Client, address: str
    ) -> None:
        """Before the centre is known, too; and nothing of it is in the words of a program."""
        lost = client.get(address, headers={"Accept-Language": "fr-CA, en;q=0.5"})

        assert (lost.status_code, "Nous ne trouvons pas cette page" in lost.text) == (404, True)
        assert "UUID" not in lost.text

    @pytest.mark.parametrize("address", ["/guest/order/abc", "/guest/sign-in/abc", "/mail/stop/abc"])
    def test_a_link_that_is_none_is_no_matter_of_who_one_is(self, client: httpx.Client, address: str) -> None:
        lost = client.get(address, headers={"Accept-Language": "fr"})

        assert (lost.status_code, "Ce lien ne fonctionne pas" in lost.text) == (403, True)
        assert "Votre compte" not in lost.text

    def test_a_program_keeps_its_problem_document(self, centre: Centre) -> None:
        assert httpx.get(f"{centre.url}/orders/1").json()["code"] == "unauthenticated"
        assert httpx.get(f"{centre.url}/nowhere").json()["code"] == "not_found"


class TestSeveralCentres:
    """Last, since from here on the module's database has more than one."""

    def test_one_is_asked_which_unless_the_installation_says(self, centre: Centre, database_url: str) -> None:
        with psycopg.connect(database_url) as owner:
            organisation(owner, name="Lakeside")
        chosen = centre.settings.model_copy(update={"front_centre": SLUG})
        app = create_app(chosen, database=centre.database, clock=centre.clock, gateways={})

        asked = httpx.get(centre.url, headers=HTML)
        with serving(app) as url:
            led = httpx.get(url, headers=HTML)
            sign_in_page = httpx.get(f"{url}/sign-in", headers=HTML)

        assert "Which centre do you go to?" in asked.text
        assert f'href="/at/{SLUG}/sign-in"' in led.text
        assert sign_in_page.headers["location"] == f"/at/{SLUG}/sign-in"
