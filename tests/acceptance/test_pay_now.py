"""The pay-now story with the programs of `make run`: a family orders, pays on the provider's page, and is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import icalendar
import pytest
from pypdf import PdfReader

from engine.check import check
from engine.database import Database
from tests.acceptance.processes import Program, termbook_run
from tests.conftest import drop_database, fresh_database
from tests.engine.later import until
from tests.notifications.letters import MailServer, mail_server
from workflows.charts import edges

Json = dict[str, Any]


@dataclass(frozen=True)
class Guardian:
    """Rosa Rossi in her browser."""

    http: httpx.Client
    mia: str

    def get(self, path: str, **query: str) -> Any:
        return self.http.get(path, params=query).raise_for_status().json()

    def post(self, path: str, body: Json) -> httpx.Response:
        return self.http.post(path, json=body)

    def cart(self, wanted: list[Json]) -> Json:
        """A saved cart for Mia."""
        order = self.post("/orders", {"attendee_id": self.mia, "term_id": wanted[0]["term_id"]}).json()
        lines = [{"session_id": one["id"], "mode": "CASUAL"} for one in wanted]
        saved = self.http.put(f"/orders/{order['id']}/lines", json={"lines": lines})
        found: Json = saved.raise_for_status().json()
        return found

    def submit(self, cart: Json) -> httpx.Response:
        body = {"confirmation_type": "PAY_NOW_PAY_ALL", "price_fingerprint": cart["price_fingerprint"]}
        return self.post(f"/orders/{cart['id']}/submission", body)


@pytest.fixture(scope="module")
def url(server_url: str, migrated_template: str) -> Iterator[str]:
    name = f"{migrated_template}_pay_now"
    yield fresh_database(server_url, name, template=migrated_template)
    drop_database(server_url, name)


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture(scope="module")
def run(url: str, mail: MailServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder: Path = tmp_path_factory.mktemp("pay-now")
    with termbook_run(
        folder / "run.log", DATABASE_URL=url, TERMBOOK_DATA_DIRECTORY=str(folder), TERMBOOK_SMTP_HOST="127.0.0.1",
        TERMBOOK_SMTP_PORT=str(mail.port),
    ) as program:  # fmt: skip
        assert program.process.poll() is None, program.log.read_text()
        yield program


@pytest.fixture(scope="module")
def rosa(run: Program) -> Iterator[Guardian]:
    with httpx.Client(base_url=run.url, timeout=30, trust_env=False) as http:
        sign_in = {"organisation": "centre7", "email": "rossi@family.example", "password": "termbook-sample"}
        http.post("/sign-ins", json=sign_in).raise_for_status()
        children = http.get("/attendees").raise_for_status().json()["items"]
        yield Guardian(http, next(child["id"] for child in children if child["name"] == "Mia Rossi"))


@pytest.fixture(scope="module")
def karate(rosa: Guardian) -> list[Json]:
    """The first three sessions of a course that Mia, nine years old, may take."""
    return sessions_of(rosa, "129881")[:3]


def sessions_of(rosa: Guardian, code: str) -> list[Json]:
    """The sessions of the course with that number."""
    everything = rosa.get("/sessions", limit="200", date_from="2026-04-19", date_until="2026-05-15")["items"]
    return [one for one in everything if one["code"] == code]


@pytest.fixture(scope="module")
def submitted(rosa: Guardian, karate: list[Json]) -> Json:
    answer = rosa.submit(rosa.cart(karate))
    found: Json = answer.raise_for_status().json()
    return found


class TestAFamilyPaysOnline:
    """The steps build on one another."""

    def test_orders_and_has_fifteen_minutes(self, submitted: Json) -> None:
        assert submitted["status"] == "SUBMITTED"
        assert submitted["total_minor"] == 3 * 1050
        assert submitted["expires_at"]

    def test_pays_on_the_page_of_the_provider(self, rosa: Guardian, run: Program, submitted: Json) -> None:
        payment = rosa.post(f"/orders/{submitted['id']}/payments", {"provider": "sandbox"})
        assert payment.status_code == 201, payment.text
        checkout = payment.json()["checkout_url"]

        with httpx.Client(trust_env=False) as browser:
            assert "$31.50" in browser.get(checkout).text
            paid = browser.post(checkout, data={"action": "pay"})

        assert paid.status_code == 303
        assert paid.headers["location"].startswith(f"{run.url}/orders/")

    def test_and_is_booked_when_the_provider_tells(self, rosa: Guardian, submitted: Json) -> None:
        until(lambda: rosa.get(f"/orders/{submitted['id']}")["status"] == "APPROVED")

        order = rosa.get(f"/orders/{submitted['id']}")
        invoice = rosa.get(f"/invoices/{order['invoice_id']}")
        assert [payment["status"] for payment in order["payments"]] == ["SUCCESS"]
        assert (invoice["total_minor"], invoice["owing_minor"]) == (3150, 0)
        assert order["booking"]["reference"].startswith("TB-")

    def test_and_has_it_in_the_mail(self, rosa: Guardian, submitted: Json, mail: MailServer, tmp_path: Path) -> None:
        booking = rosa.get(f"/orders/{submitted['id']}")["booking"]["reference"]
        until(lambda: any(booking in str(letter) for letter in mail.received), seconds=60)

        assert "rossi@family.example" in mail.recipients
        letter = next(one for one in mail.received if booking in str(one) and list(one.iter_attachments()))
        files = {one.get_content_type(): one for one in letter.iter_attachments()}
        assert set(files) == {"application/pdf", "text/calendar"}
        (tmp_path / "invoice.pdf").write_bytes(files["application/pdf"].get_payload(decode=True))  # type: ignore[arg-type]
        order = rosa.get(f"/orders/{submitted['id']}")
        number = rosa.get(f"/invoices/{order['invoice_id']}")["number"]
        assert number in PdfReader(tmp_path / "invoice.pdf").pages[0].extract_text()
        calendar = icalendar.Calendar.from_ical(str(files["text/calendar"].get_content()))
        assert len(list(calendar.walk("VEVENT"))) == 3

    def test_and_cannot_be_elsewhere_at_that_time(self, rosa: Guardian, karate: list[Json], submitted: Json) -> None:
        assert submitted["status"] == "SUBMITTED"
        soccer = sessions_of(rosa, "129900")[0]
        assert karate[0]["starts_at"] < soccer["ends_at"] < karate[0]["ends_at"]

        refused = rosa.submit(rosa.cart([soccer]))

        assert refused.status_code == 409
        assert refused.headers["content-type"] == "application/problem+json"
        [reason] = [one for one in refused.json()["reasons"] if one["code"] == "double_booked"]
        assert "Mia Rossi is already booked for Karate" in reason["message"]

    def test_and_every_invariant_holds(self, url: str, submitted: Json) -> None:
        database = Database(url)
        try:
            assert check(database, edges=edges()) == []
        finally:
            database.close()
