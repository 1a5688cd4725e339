"""Who may collect a child: named with a PIN on the family's page or the office's, and asked for it at the door."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest

from tests import builders as build
from tests.web.conftest import Centre, Somebody
from tests.web.test_admin import OFFICE
from tests.web.test_family_booking import ROSSI
from tests.web.test_family_forms import FIELD, Tab, enter

STAFF = "staff@centre7.example"


class Page(Tab):
    def send(self, path: str, given: dict[str, Any], *, action: str | None = None) -> Any:
        """What one writes and which button one presses; a page has a form for each person."""
        token = dict(FIELD.findall(self.open(path).page.text))
        return self.client.post(path, data={"form_token": token["form_token"], "form_key": token["form_key"], **given})


@pytest.fixture(params=[(ROSSI, "/family"), (OFFICE, "/admin")], ids=["the family", "the office"])
def page(request: pytest.FixtureRequest, centre: Centre) -> Iterator[tuple[Page, str]]:
    email, portal = request.param
    with enter(centre, email) as client:
        yield Page(client, client.get(portal)), f"{portal}/children/{centre.sample.rossi.attendee_ids[0]}"


def person_of(tab: Tab, name: str) -> str:
    found = re.search(rf"<bdi>{name}</bdi>.*?name=\"person\" value=\"([^\"]+)\"", tab.page.text, re.S)
    assert found, tab.page.text
    return found[1]


class TestTheList:
    def test_somebody_is_added_gets_a_pin_and_is_removed(self, page: tuple[Page, str]) -> None:
        tab, child = page
        path = f"{child}/pick-ups"
        assert f'href="{path}"' in tab.open(child).page.text
        given = {"name": "Rosa Blum", "relationship": "grandmother", "phone": "+1 416 555 0107", "do": "add"}

        assert tab.send(path, {**given, "pin": "12"}).status_code == 422
        said = tab.text(tab.send(path, given))
        assert "This person may now collect." in said
        assert "Signs (no PIN)" in said
        assert "is authorised already" in tab.text(tab.send(path, given))

        tab.open(path)
        person = person_of(tab, "Rosa Blum")
        assert tab.send(path, {"person": person, "new_pin": "", "do": "pin"}).status_code == 422
        said = tab.text(tab.send(path, {"person": person, "new_pin": "4711", "do": "pin"}))
        assert "Has a PIN" in said

        said = tab.text(tab.send(path, {"person": person, "do": "remove"}))
        assert "This person may no longer collect." in said
        assert "Rosa Blum" not in tab.open(path).page.text
        assert tab.send(path, {"person": person, "do": "remove"}).status_code == 404

    def test_another_familys_child_is_not_found(self, centre: Centre) -> None:
        with enter(centre, ROSSI) as client:
            path = f"/family/children/{centre.sample.chen.attendee_ids[0]}/pick-ups"

            assert client.get(path).status_code == 404
            given = {**dict(FIELD.findall(client.get("/family/children/new").text)), "name": "Eve", "do": "add"}
            assert client.post(path, data=given).status_code == 404

    def test_the_page_is_sound(self, centre: Centre, signed_in: Somebody) -> None:
        child = centre.sample.rossi.attendee_ids[1]
        rosa = signed_in(ROSSI, size="phone").open(f"/family/children/{child}/pick-ups")
        rosa.fits().fill("Name", "Nonna Rossi").fill("PIN", "2468").click("Add")

        assert rosa.reads("Has a PIN")
        rosa.picture("family-pick-ups").is_sound()


class TestAtTheDoor:
    def session(self, centre: Centre, child_id: Any) -> Any:
        """A session of today with this child, at the site of the sample's staff."""

        def make(tx: Any) -> Any:
            (site,) = tx.rows("SELECT s.* FROM site s JOIN user_site x ON x.organisation_id = s.organisation_id "
                              "AND x.site_id = s.id WHERE s.organisation_id = %(org)s LIMIT 1")  # fmt: skip
            (account,) = tx.rows("SELECT * FROM account WHERE organisation_id = %(org)s AND id = %(id)s",
                                 id=centre.sample.rossi.account_id)  # fmt: skip
            (child,) = tx.rows("SELECT * FROM attendee WHERE organisation_id = %(org)s AND id = %(id)s", id=child_id)
            term = build.term(tx, site, name="Door", starts_on=date(2026, 3, 1), ends_on=date(2026, 3, 31))
            offering = build.offering(tx, term, build.program(tx, site, name="Door"), capacity=5)
            (session,) = build.sessions(tx, offering, datetime(2026, 3, 31, 9, 30))  # noqa: DTZ001 - local
            build.confirmed(tx, account, child, term, [session])
            return session["id"]

        return centre.edit(make)

    def test_the_pin_of_the_familys_page_signs_out(self, centre: Centre) -> None:
        mia = centre.sample.rossi.attendee_ids[0]
        session_id = self.session(centre, mia)
        with enter(centre, ROSSI) as client:
            family = Page(client, client.get("/family"))
            family.send(f"/family/children/{mia}/pick-ups", {"name": "Aunt Ada", "pin": "9753", "do": "add"})
        (row,) = centre.rows("SELECT id FROM term_attendance WHERE organisation_id = %(org)s AND term_product_id = "
                             "%(id)s", id=session_id)  # fmt: skip
        roll = f"/staff/rolls/{session_id}"
        with enter(centre, STAFF) as client:
            door = Tab(client, client.get(roll))
            here = {**door.hidden(f"{roll}/marks"), "attendance_id": str(row["id"]), "status": "PRESENT"}
            client.post(f"{roll}/marks", data=here)
            path = f"{roll}/out/{row['id']}"
            value = re.findall(r'value="(id:[^"]+)"', door.open(path).page.text)[0]
            wrong = door.text(door.send(path, {"who": value, "pin": "1111"}))
            said = door.text(door.open(path).send(path, {"who": value, "pin": "9753"}))

        assert "Signed out." not in wrong
        assert "Signed out." in said
        (left,) = centre.rows("SELECT collected_by FROM term_attendance WHERE organisation_id = %(org)s "
                              "AND id = %(id)s",
                              id=row["id"])  # fmt: skip
        assert left["collected_by"] == "Aunt Ada"
