"""The example of the import: downloaded from the page and imported, it is the programme of an empty organisation."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser

from models import Role, User
from samples.sample import PASSWORD, make_organisation
from tests import builders as build
from tests.builders import NOW
from tests.web.browsing import Person, person, signed_in_as
from tests.web.conftest import Centre, Somebody
from tests.web.test_admin import OFFICE, SAMPLES
from tests.web.test_family_forms import enter

_FILES = {"rows": "The file", "mapping": "The mapping (TOML)", "prices": "Prices and places (TOML)"}


def made_empty(centre: Centre, url: str, slug: str) -> str:
    """An organisation that has nothing but its admin; answers who that is."""
    organisation_id = make_organisation(url, slug=slug, name="Centre of nothing", now=NOW)
    email = f"office@{slug}.example"
    columns = {"email": email, "name": "Nora Thing", "roles": [Role.ADMIN.value], "created_at": NOW,
               "password_hash": PasswordHasher().hash(PASSWORD)}  # fmt: skip
    centre.database.run(organisation_id, lambda tx: build.add(tx, User, **columns))
    return email


def counted(client: httpx.Client) -> int:
    return client.get("/admin/offerings").text.count('href="/admin/offerings/')


class TestTheExample:
    @pytest.mark.parametrize(("size", "scripts"), [("phone", False), ("desktop", True)])
    def test_is_imported_into_an_empty_organisation_as_it_was_downloaded(
        self, centre: Centre, database_url: str, browser: Browser, tmp_path: Path, size: str, scripts: bool
    ) -> None:
        slug = f"empty-{size}"
        email = made_empty(centre, database_url, slug)
        with (
            enter(centre, email, slug=slug) as client,
            person(browser, centre.url, size=size, scripts=scripts) as somebody,
        ):
            office = signed_in_as(somebody, client).open("/admin/import")
            office.picture(f"import-{size}").is_sound()
            files = {name: self.downloaded(office, name, tmp_path) for name in _FILES}
            send = self.sender(office, files)

            assert send("Preview").reads("53 rows of toronto_registered_programs_centre7_2026.csv")
            before = counted(client)
            assert send("Import now").reads("Programme imported.")

            assert (before, counted(client) > 20) == (1, True)  # one leads to a new one

    def downloaded(self, office: Person, name: str, folder: Path) -> Path:
        with office.page.expect_download() as waited:
            office.page.locator(f"a[href='/admin/import/examples/{name}']").click()
        path = folder / waited.value.suggested_filename
        waited.value.save_as(path)
        return path

    def sender(self, office: Person, files: dict[str, Path]) -> Callable[[str], Person]:
        def send(button: str) -> Person:
            for name, label in _FILES.items():
                office.page.get_by_label(label).set_input_files(files[name])
            return office.click(button)

        return send

    def test_is_what_the_samples_hold_with_its_licence(self, centre: Centre) -> None:
        with enter(centre, OFFICE) as client:
            mapping, page = client.get("/admin/import/examples/mapping"), client.get("/admin/import").text
            guide, none = client.get("/admin/import/examples/guide"), client.get("/admin/import/examples/secrets")

        assert mapping.content == (SAMPLES / "toronto_centre7.toml").read_bytes()
        assert "attachment" in mapping.headers["content-disposition"]
        for text in (mapping.text, page, guide.text):
            assert "Open Government Licence – Toronto" in text
        assert "A mapping of your own" in guide.text
        assert none.status_code == 404

    def test_is_for_the_office(self, centre: Centre, signed_in: Somebody) -> None:
        family = signed_in("rossi@family.example").open("/admin/import/examples/mapping")

        assert family.reads("You don't have access to this page")
