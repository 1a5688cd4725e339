"""Nothing on a page goes past the translation: every page, and what it answers to bad input, in a language of marks.

What is not between marks is what people wrote, a number, or a fault. Whatever is found is English on a French
page.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from models import Role
from tests.web import everything
from tests.web.conftest import PEOPLE, SLUG, Centre
from tests.web.marking import Written, forms_of, leaves, marked, spoken, texts_of, unmarked
from tests.web.test_family_forms import enter
from web.site import _ROUTERS

# What is the same in every language, and why.
SAME = {
    "the product's name": ("Termbook",),
    "languages say their own names": ("English", "Français", "Ελληνικά"),
    "kinds of files": ("CSV", "XLSX", "PDF", "JPEG", "PNG", "WebP", "ICS"),
    "standards of banks": ("SEPA", "ABA", "IBAN", "BIC", "BSB"),
    "currencies in sentences": ("CAD", "EUR"),
    "what the builders of tests call a line of an invoice": ("A session",),
    "what a family gave as its reason": ("we moved", "we move"),
    "of a mail as it was sent": ("is booked", "Carla", "ics", "text/calendar"),
    "codes of banks": ("AM04",),
}
_SAME = re.compile(r"\b(?:" + "|".join(word for words in SAME.values() for word in words) + r")\b")
_LEADS_TO = re.compile(r'(?:href|src)="(/[^"#]*)"')
_WORD = re.compile(r"[A-Za-z]{2,}")
_OF_THE_CENTRE = re.compile(r"[$€]\d")
# What a form does besides refusing: nothing more of the visit could be looked at.
_ENDS_THE_VISIT = ("/sign-out", "/language")
# The page of the design system shows names of colours, and texts as samples.
_LEFT_OUT = {*everything.ELSE, "/design"}
_ROUTES = {
    path: re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "$")
    for path in sorted(
        {"/", *(route.path for router in _ROUTERS for route in router.routes)}, key=lambda path: path.count("{")
    )
}


def route_of(address: str) -> str:
    """The route as it is declared; none of a file."""
    path = address.partition("?")[0]
    return next((route for route, pattern in _ROUTES.items() if pattern.match(path)), "")


@dataclass
class Shown:
    """A page as somebody got it."""

    client: httpx.Client
    address: str
    text: str
    is_itself: bool  # and not another one, where it led to, or one that says what is wrong


@pytest.fixture(scope="module")
def shown(
    centre: Centre, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Shown]]:  # fmt: skip
    """Each page of this centre with something on it, and one behind each kind of link that leads on from them."""
    mails = tmp_path_factory.mktemp("mails")
    known = everything.make_everything(centre, database_url, mails)
    listed: dict[str, list[str]] = {}
    for email, template in everything.looks():
        if everything.route_of(template) not in _LEFT_OUT:
            listed.setdefault(email, []).append(everything.filled(template, known))
    with (
        spoken(tmp_path_factory.mktemp("words")) as language,
        ExitStack() as stack,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(centre.settings, "data_directory", mails)
        found = []
        for email, addresses in listed.items():
            client = stack.enter_context(
                enter(centre, email, slug=everything.CENTRES.get(email, SLUG)) if email else nobody(centre)
            )
            client.headers["Accept-Language"] = language
            more = [f"/at/{SLUG}"] if email == PEOPLE[Role.FAMILY] else []
            found += list(_looked_at(client, addresses + more))
        yield found


def nobody(centre: Centre) -> httpx.Client:
    return httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60)


def _looked_at(client: httpx.Client, listed: list[str]) -> Iterator[Shown]:
    todo, done, routes = list(listed), set[str](), set[str]()
    while todo:
        address = todo.pop(0)
        route = route_of(address)
        if address in done or not route or (address not in listed and route in routes):
            continue
        done.add(address)
        routes.add(route)
        answer = client.get(address, follow_redirects=True)
        assert answer.status_code < 500, address
        if answer.headers["content-type"].startswith("text/html"):
            yield Shown(client, address, answer.text, answer.status_code == 200 and not answer.history)
            todo += [link.replace("&amp;", "&") for link in _LEADS_TO.findall(answer.text)]


def test_what_is_not_translated_is_seen() -> None:
    """The control: of texts, of what is read out, and of what is filled in."""
    page = """<title>⟦Cart⟧ · Centre</title><p>⟦It ⟧costs<b>⟦ now⟧</b></p><img alt="A face"><p lang="en">English</p>
    <button value="keep" title="⟦Keep⟧">Keep it</button><div data-words='{"sent": "All sent"}' data-id="abc"></div>"""

    assert list(unmarked(page)) == [
        ("title", "• · Centre"), ("p", "•costs"), ("img alt", "A face"), ("button", "Keep it"),
        ("div data-words", "All sent"),
    ]  # fmt: skip
    assert marked("%(name)s is 5 %% of %(all)s", "%(name)s : 5 %%") == "%(name)s⟦ is 5 ⟧%%⟦ of ⟧"


def test_every_page_was_opened(shown: list[Shown]) -> None:
    """A route that is added makes this fail, until there is something of it to look at."""
    opened = {route_of(page.address) for page in shown if page.is_itself}

    assert set(everything.ROUTES) - opened - _LEFT_OUT == set()


def faults(written: Written, address: str, said: Iterator[tuple[str, str]]) -> list[tuple[str, str, str]]:
    return [(address, where, text) for where, text in said if _WORD.search(_SAME.sub("", written.without(text)))]


def test_every_text_of_a_page_can_be_translated(centre: Centre, shown: list[Shown]) -> None:
    written = Written(centre)

    found = {fault[1:]: fault for page in shown for fault in faults(written, page.address, unmarked(page.text))}

    assert not found, told(found.values())


def test_amounts_are_written_as_the_reader_writes_them(shown: list[Shown]) -> None:
    """The domain writes them as the centre does: $10.50, and €10.50 in Berlin. Its sentences are read by everybody."""
    found = {amount: (page.address, *amount) for page in shown for amount in amounts_of(page.text)}

    assert not found, told(found.values())


def amounts_of(page: str) -> list[tuple[str, str]]:
    return [(where, text) for where, text in texts_of(page) if _OF_THE_CENTRE.search(text)]


def test_every_answer_to_bad_input_can_be_translated(centre: Centre, shown: list[Shown]) -> None:
    """Each form of those pages, sent empty and with nonsense: the page that refuses, or says what was done."""
    sent, found = Counter[str](), []
    written = Written(centre)
    for page in shown:
        for form in forms_of(page.text):
            action = form.action or page.address
            route = route_of(action)
            if form.method != "post" or route in _ENDS_THE_VISIT or sent[route]:
                continue
            for text in ("", "?"):
                sent[route] += 1
                answer = page.client.post(action, data=form.filled(text), files=form.files() or None)
                assert answer.status_code < 500, (action, text)
                told_by = _led_to(page.client, answer)
                found += faults(written, f"{action} {text}", said_by(told_by))
                found += [(f"{action} {text}", where, amount) for where, amount in amounts_of(told_by.text)]

    assert len(sent) > 60
    assert not found, told(found)


def told(found: Iterable[tuple[str, str, str]]) -> str:
    return "not translated:\n" + "\n".join(f"{address} {where}: {text[:200]}" for address, where, text in found)


def test_what_scripts_were_told_can_be_translated(centre: Centre, shown: list[Shown]) -> None:
    (client,) = {id(page.client): page.client for page in shown if page.address == "/staff"}.values()
    told = ["Nobody has counted heads.", "Mia was not signed in."]

    said = client.get("/staff/words", params={"say": told}).json()["said"]

    assert said == "⟦Nobody has counted heads.⟧ Mia⟦ was not signed in.⟧"


def _led_to(client: httpx.Client, answer: httpx.Response) -> httpx.Response:
    """The answer, or the page that it leads to."""
    if not answer.headers.get("location", "").startswith("/"):
        return answer
    return client.get(answer.headers["location"], follow_redirects=True)


def said_by(answer: httpx.Response) -> Iterator[tuple[str, str]]:
    if answer.headers.get("content-type", "").startswith("text/html"):
        yield from unmarked(answer.text)
    elif answer.headers.get("content-type", "").startswith("application/json"):
        yield from (("json", text) for text in leaves(answer.json()))
