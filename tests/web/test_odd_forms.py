"""What no form of ours sends, and what nobody means: numbers without end, the last day of the calendar, files in place
of texts. Whoever sends it is told what is wrong, and nothing is done.
"""

import re
from typing import Any

import httpx
import pytest

from models import Role
from samples.sample import PASSWORD
from tests.web.conftest import PEOPLE, SLUG, Centre
from tests.web.test_family_booking import family_class
from tests.web.test_family_forms import Tab, enter, sessions_of, tab
from tests.web.test_office_imports import SAMPLES
from tests.web.test_sign_up import link

__all__ = ["tab"]

OFFICE, FINANCE = PEOPLE[Role.ADMIN], PEOPLE[Role.FINANCE]
A_DISCOUNT = {"order": "30", "on_edit": "FREEZE", "from_child": "2"}


def sent(centre: Centre, email: str, path: str, given: dict[str, Any], **more: Any) -> tuple[int, str]:
    """The status of the answer to a form, and what is read there or where it leads to."""
    with enter(centre, email) as client:
        page = Tab(client, client.get("/design"))
        answer = client.post(path, data={**page.any_token(), **given}, **more)
        return answer.status_code, page.text(answer)


def first_session(centre: Centre, name: str) -> dict[str, Any]:
    found: dict[str, Any] = sessions_of(centre, family_class(centre, name, count=1))[0]
    return found


class TestNumbers:
    @pytest.mark.parametrize("percent", ["NaN", "sNaN", "Infinity", "-1", "1e400"])
    def test_a_percentage_is_one(self, centre: Centre, percent: str) -> None:
        path = "/admin/discounts/new?kind=SIBLING&scope=ORGANISATION"

        status, said = sent(centre, OFFICE, path, {**A_DISCOUNT, "percent": percent})

        assert (status, "Enter a percentage above 0, up to 100." in said) == (422, True)

    @pytest.mark.parametrize(
        ("given", "wrong"),
        [({"capacity": "999999999999", "reason": "a larger hall"}, "At most 100000."),
         ({"capacity": "", "reason": "a larger hall"}, "Enter a whole number."),
         ({"capacity": "20", "reason": " "}, "Please fill this in.")],
    )  # fmt: skip
    def test_a_session_has_so_many_places_for_a_reason(
        self, centre: Centre, given: dict[str, str], wrong: str
    ) -> None:  # fmt: skip
        session = first_session(centre, f"Places {wrong}")
        path, offering = f"/admin/sessions/{session['id']}/capacity", {"offering": str(session["term_program_set_id"])}

        _, said = sent(centre, OFFICE, path, {**offering, **given})

        (kept,) = centre.rows("SELECT capacity FROM term_product WHERE organisation_id = %(org)s AND id = %(id)s",
                              id=session["id"])  # fmt: skip
        assert wrong in said
        assert kept["capacity"] == session["capacity"]


class TestDays:
    def test_a_bonus_ends_within_the_calendar(self, centre: Centre) -> None:
        path = f"/finance/families/{centre.sample.rossi.account_id}/wallet/bonus"
        given = {"bonus": "5.00", "why": "thanks", "last_day": "9999-12-31"}

        assert sent(centre, FINANCE, path, given)[0] == 422

    def test_a_child_is_born_within_it(self, tab: Tab) -> None:
        path = "/family/children/new"

        answer = tab.open(path).send(path, {"name": "Zoe Rossi", "date_of_birth": "0001-01-01"})

        assert answer.status_code == 422
        assert "Please choose a date." in tab.text(answer)


class TestTexts:
    def test_a_nul_is_left_out(self, centre: Centre, tab: Tab) -> None:
        path = "/family/children/new"

        tab.open(path).send(path, {"name": "Nula\0 Rossi", "date_of_birth": "2018-01-01", "medical_notes": "\0"})

        (kept,) = centre.rows("SELECT medical_notes FROM attendee WHERE organisation_id = %(org)s "
                              "AND name = 'Nula Rossi'")  # fmt: skip
        assert kept["medical_notes"] == ""

    def test_nor_does_it_stand_in_the_way_where_no_schema_looks_at_the_text(self, centre: Centre) -> None:
        child = centre.sample.rossi.attendee_ids[0]

        status, said = sent(centre, OFFICE, f"/admin/children/{child}/merge", {"is_sure": "on", "reference": "AT-\0"})

        assert (status, "There is no child with this reference." in said) == (422, True)

    def test_an_activity_is_named_by_its_id(self, centre: Centre, tab: Tab) -> None:
        address = family_class(centre, "Without a theme", count=1)
        box = f"{centre.sample.rossi.attendee_ids[0]}.{sessions_of(centre, address)[0]['id']}"
        given = {**tab.open(address).any_token(), "pick": box, "activity": f"{box}.pirates"}

        statuses = [tab.client.post(f"{address}{more}", data=given).status_code for more in ("", "/price")]

        assert statuses == [422, 422]


class TestLanguage:
    """The footer of a page that says why not has the choice too."""

    def test_is_chosen_by_who_has_no_business_there(self, centre: Centre) -> None:
        with enter(centre, OFFICE) as client:
            shut = Tab(client, client.get("/family"))
            answer = client.post("/language", data={**shut.any_token(), "language": "fr", "back": "/family"})
            spoken = client.get("/admin").text

        assert (shut.page.status_code, answer.status_code) == (403, 303)
        assert '<html lang="fr' in spoken

    def test_is_chosen_by_who_was_signed_out_meanwhile(self, centre: Centre) -> None:
        with enter(centre, PEOPLE[Role.FAMILY]) as client:
            page = Tab(client, client.get("/family"))
            centre.edit(
                lambda tx: tx.run("UPDATE credential SET revoked_at = created_at WHERE organisation_id = %(org)s")
            )
            answer = client.post("/language", data={**page.any_token(), "language": "fr", "back": "/family"})

        assert answer.status_code == 303


class TestPasswords:
    SPACED = "  between two spaces  "

    def enter(self, centre: Centre, email: str, password: str) -> httpx.Response:
        path = f"/at/{SLUG}/sign-in"
        with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
            page = Tab(client, client.get(path))
            return client.post(path, data={**page.any_token(), "email": email, "password": password})

    def test_spaces_around_it_are_part_of_it_when_one_registers(self, centre: Centre) -> None:
        path, email = link(centre, "sam@spaces.example"), "sam@spaces.example"
        with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
            Tab(client, client.get(path)).send(path, {"name": "Sam", "password": self.SPACED})

        found = [self.enter(centre, email, password).has_redirect_location
                 for password in (self.SPACED, self.SPACED.strip())]  # fmt: skip

        assert found == [True, False]

    def test_and_where_the_office_sets_it(self, centre: Centre) -> None:
        email = "sue@spaces.example"
        asked = {"name": "Sue", "email": email, "role": "staff", "password": self.SPACED}

        status, _ = sent(centre, OFFICE, "/admin/users/new", asked)

        assert (status, self.enter(centre, email, self.SPACED).has_redirect_location) == (303, True)

    def test_a_file_is_none(self, centre: Centre) -> None:
        path = f"/at/{SLUG}/sign-in"
        with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
            page = Tab(client, client.get(path))
            file = {"password": ("password.txt", PASSWORD.encode(), "text/plain")}
            answer = client.post(path, data={**page.any_token(), "email": OFFICE}, files=file)

        assert answer.status_code == 401


class TestFiles:
    @pytest.mark.parametrize("name", ["..", "/", "é" * 300 + ".csv", "../../etc/passwd", "a\\b:c.csv"], ids=ascii)
    def test_a_file_is_looked_at_whatever_it_is_called(self, centre: Centre, name: str) -> None:
        mapping = next(SAMPLES.glob("toronto_centre7.toml")).read_bytes()
        files = {"source": (name, b"a,b\n1,2\n", "text/csv"), "mapping": (name, mapping, "text/plain")}

        status, said = sent(centre, OFFICE, "/admin/import", {"do": "look"}, files=files)

        assert (status, re.search(r"the header has only|couldn't be read", said) is not None) == (422, True)
