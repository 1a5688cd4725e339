"""The whole main job over REST, from an organisation with one admin and nothing else to a roll that was taken."""

from base64 import b64encode
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from engine.check import check
from engine.clock import FrozenClock
from engine.database import Database
from tests.api.conftest import Person, World, login
from tests.builders import organisation
from workflows.charts import edges

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def admin(database_url: str, database: Database, client: httpx.Client) -> Person:
    """The admin of an organisation that has nothing yet."""
    with psycopg.connect(database_url) as owner:
        organisation_id = organisation(owner, name="New Centre")
    return database.run(organisation_id, lambda tx: login(tx, client, "Ada", "admin"))


def made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.text
    body: dict[str, Any] = answer.json()
    if "location" in answer.headers:
        assert answer.headers["location"].endswith(body["id"])
        assert "etag" in answer.headers
    return body


@pytest.fixture(scope="module")
def programme(admin: Person) -> dict[str, Any]:
    """A site with a closure day, a term, a course of twelve Sundays, an extra, and tax."""
    site = made(admin.post("/sites", {
        "name": "Riverside", "time_zone": "America/Toronto", "holiday_country": "CA", "holiday_subdivision": "ON",
    }))  # fmt: skip
    term = made(admin.post("/terms", {
        "name": "Spring", "site_id": site["id"], "starts_on": "2026-04-01", "ends_on": "2026-06-28", "status": "OPEN",
    }))  # fmt: skip
    category = made(admin.post("/program-categories", {"name": "Sports", "program_type": "CLASS"}))
    program = made(admin.post("/programs", {
        "category_id": category["id"], "site_id": site["id"], "name": "Karate",
    }))  # fmt: skip
    closed = made(admin.post("/closure-days", {"site_id": site["id"], "date": "2026-05-10", "reason": "Repairs"}))
    offering = made(admin.post("/offerings", {
        "term_id": term["id"], "program_id": program["id"], "name": "Karate, Sundays", "capacity": 8,
        "session_price_minor": 1500, "status": "PUBLISHED", "age_from_months": 72, "age_below_months": 144,
        "schedule": [{"weekdays": ["SUN"], "starts": "09:30", "ends": "10:30"}],
    }))  # fmt: skip
    extra = made(admin.post("/extras", {"name": "Lunch", "price_minor": 750, "program_id": program["id"]}))
    rule = admin.put(f"/rules/CATEGORY/{category['id']}/tax", {"value": {"name": "HST", "rate_percent": "13"}})
    assert rule.status_code == 200, rule.text
    changes = made(admin.post(f"/offerings/{offering['id']}/sessions"))
    return {"site": site, "term": term, "category": category, "program": program, "offering": offering,
            "extra": extra, "changes": changes, "closed": closed}  # fmt: skip


@pytest.fixture(scope="module")
def family(admin: Person, client: httpx.Client) -> dict[str, Any]:
    account = made(admin.post("/accounts", {"name": "Rossi family", "email": "Rossi@Family.example"}))
    mia = made(admin.post("/attendees", {
        "account_id": account["id"], "name": "Mia Rossi", "date_of_birth": "2018-09-14", "allergy_notes": "Peanuts",
        "authorised_pick_ups": ["Rosa Rossi"],
    }))  # fmt: skip
    user = made(admin.post("/users", {
        "email": "rosa@family.example", "name": "Rosa Rossi", "roles": ["family"], "account_ids": [account["id"]],
    }))  # fmt: skip
    token = made(admin.post("/tokens", {"label": "Rosa's phone", "user_id": user["id"]}))
    return {"account": account, "mia": mia, "rosa": Person(user["id"], "", token["token"], client)}


def test_the_programme_is_generated(admin: Person, programme: dict[str, Any]) -> None:
    listed = admin.get(f"/sessions?offering_id={programme['offering']['id']}&limit=200").json()["items"]

    # Thirteen Sundays of the term from 5 April, less the closure day.
    assert programme["changes"]["created"] == len(listed) == 12
    assert "2026-05-10" not in [session["local_date"] for session in listed]
    assert listed[0]["starts_at"] == "2026-04-05T13:30:00+00:00"


def test_a_closure_day_that_is_taken_back_brings_its_session(admin: Person, programme: dict[str, Any]) -> None:
    assert admin.delete(f"/closure-days/{programme['closed']['id']}").status_code == 204

    changes = made(admin.post(f"/offerings/{programme['offering']['id']}/sessions"))

    assert (changes["created"], changes["unchanged"]) == (1, 12)


def test_rules_say_where_they_come_from(admin: Person, programme: dict[str, Any]) -> None:
    path = f"/rules?scope=TPS&scope_id={programme['offering']['id']}"
    by_name = {rule["name"]: rule for rule in admin.get(path).json()["items"]}

    assert by_name["tax"]["origin"] == "category Sports"
    assert by_name["trial_limit"]["origin"] == "built-in default"


def test_records_are_edited(admin: Person, programme: dict[str, Any]) -> None:
    site, offering = programme["site"], programme["offering"]

    changed = made(admin.patch(f"/sites/{site['id']}", {"address": "100 Sample Street"}))
    weekdays = [{"weekdays": ["SUN"], "starts": "09:30", "ends": "10:30", "until": "2026-06-14"}]
    shorter = made(admin.patch(f"/offerings/{offering['id']}", {"schedule": weekdays, "weight_from_kg": "15.5"}))
    letterhead = made(admin.patch("/organisation", {"letterhead": {"phone": "+1 416 555 0107"}}))

    assert changed == site | {"address": "100 Sample Street"}
    assert shorter["schedule"][0]["until"] == "2026-06-14"
    assert letterhead["letterhead"] == {"phone": "+1 416 555 0107"}
    assert admin.get(f"/offerings/{offering['id']}").json() == shorter
    made(admin.patch(f"/offerings/{offering['id']}", {"schedule": offering["schedule"], "weight_from_kg": None}))


class TestTheMainJob:
    def test_from_cart_to_roll(
        self, admin: Person, programme: dict[str, Any], family: dict[str, Any], clock: FrozenClock
    ) -> None:
        rosa, sessions = family["rosa"], admin.get("/sessions?limit=200").json()["items"]
        order = made(rosa.post("/orders", {"attendee_id": family["mia"]["id"], "term_id": programme["term"]["id"]}))
        lines = [{"session_id": session["id"]} for session in sessions[:3]]
        lines[0]["extras"] = [{"extra_id": programme["extra"]["id"], "quantity": 2}]
        cart = made(rosa.put(f"/orders/{order['id']}/lines", {"lines": lines}))
        assert cart["total_minor"] == 3 * 1500 + 2 * 750

        body = {"confirmation_type": "ADMIN_CONFIRM", "price_fingerprint": cart["price_fingerprint"]}
        assert rosa.post(f"/orders/{order['id']}/submission", body).status_code == 409
        made(admin.post(f"/orders/{order['id']}/submission", body))
        quote = made(admin.post(f"/orders/{order['id']}/quote"))
        made(rosa.post(f"/orders/{order['id']}/acceptance"))
        confirmed = made(admin.post(f"/orders/{order['id']}/confirmation", {"reason": "agreed by telephone"}))

        booking = rosa.get(f"/bookings/{confirmed['booking']['id']}").json()
        assert [line["attendance"] for line in booking["lines"]] == ["EXPECTED"] * 3
        assert booking["lines"][0]["extras"][0]["quantity"] == 2
        assert rosa.get(f"/bookings/{booking['id']}/history").json()["items"][0]["trigger"] == "new"
        self.documents(rosa, quote["quote_id"], confirmed["invoice_id"])
        self.take_the_roll(admin, sessions[0], clock)

    def documents(self, rosa: Person, quote_id: str, invoice_id: str) -> None:
        invoice = rosa.get(f"/invoices/{invoice_id}").json()
        assert (invoice["number"], invoice["owing"]) == ("INV-2026-000001", "$60.00")
        assert sum(line["gross_minor"] for line in invoice["lines"]) == invoice["total_minor"] == 6000
        for path in (f"/quotes/{quote_id}/document", f"/invoices/{invoice_id}/document"):
            document = rosa.get(path)
            assert document.headers["content-type"] == "application/pdf"
            assert document.content.startswith(b"%PDF-")
        assert 'filename="INV-2026-000001.pdf"' in document.headers["content-disposition"]

    def take_the_roll(self, admin: Person, session: dict[str, Any], clock: FrozenClock) -> None:
        path = f"/sessions/{session['id']}/roll"
        entry = admin.get(path).json()["entries"][0]
        assert (entry["name"], entry["status"], entry["alerts"][0]["words"]) == ("Mia Rossi", "EXPECTED", "Peanuts")
        starts = datetime.fromisoformat(session["starts_at"])
        clock.move(starts + timedelta(hours=1) - clock.now())
        came = _mark(entry, "PRESENT", starts)

        first = admin.put(f"{path}/marks", {"marks": [came]}).json()
        again = admin.put(f"{path}/marks", {"marks": [came]}).json()
        wrong = admin.put(f"{path}/marks", {"marks": [_mark(entry, "LEFT", starts, collected_by="A stranger")]})
        older = admin.put(f"{path}/marks", {"marks": [_mark(entry, "ABSENT", starts - timedelta(minutes=5))]}).json()

        assert first["entries"][0]["status"] == "PRESENT"
        assert again == first
        assert (wrong.status_code, wrong.json()["reasons"][0]["code"]) == (422, "not_authorised")
        assert older["entries"][0]["status"] == "PRESENT"
        assert older["conflicts"][0]["code"] == "older_mark"


def _mark(entry: dict[str, Any], status: str, at: datetime, **more: str) -> dict[str, Any]:
    return {"attendance_id": entry["attendance_id"], "status": status, "marked_at": at.isoformat(), **more}


class TestImports:
    def body(self, **more: Any) -> dict[str, Any]:
        source = (SAMPLES / "toronto_registered_programs_centre7_2026.csv").read_bytes()
        return {
            "file_name": "centre7.csv", "content": b64encode(source).decode(),
            "mapping": (SAMPLES / "toronto_centre7.toml").read_text(),
            "prices": (SAMPLES / "toronto_prices.toml").read_text(), **more,
        }  # fmt: skip

    def test_the_centres_programme_comes_in_once(self, world: World) -> None:
        preview = made(world.admin.post("/imports", self.body(dry_run=True)))
        first = made(world.admin.post("/imports", self.body()))
        second = made(world.admin.post("/imports", self.body()))

        assert not preview["applied"]
        assert preview["offerings"] == first["offerings"]
        assert first["offerings"]["created"] > 10
        assert second["offerings"]["created"] == second["offerings"]["updated"] == 0
        found = world.rossi.get("/offerings?limit=200").json()["items"]
        assert len(found) > 10

    def test_a_bad_row_is_named_and_nothing_is_written(self, elsewhere: World) -> None:
        source = (SAMPLES / "toronto_registered_programs_centre7_2026.csv").read_text().splitlines()
        source[3] = source[3].replace("2026", "20x6")
        content = b64encode("\n".join(source).encode()).decode()
        before = elsewhere.count("term_program_set")

        answer = elsewhere.admin.post("/imports", self.body(content=content))

        assert answer.status_code == 422
        assert answer.json()["reasons"][0]["facts"]["line"] == 4
        assert elsewhere.count("term_program_set") == before


def test_nothing_is_broken_afterwards(database: Database, world: World, family: dict[str, Any]) -> None:
    assert check(database, edges=edges()) == []
