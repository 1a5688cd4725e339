"""Two records of one child, on the office's page: brought together once somebody says that they are the same."""

from collections.abc import Iterator

import pytest

from tests.web.conftest import Centre
from tests.web.test_family_forms import Tab, enter


@pytest.fixture
def office(centre: Centre) -> Iterator[Tab]:
    with enter(centre, "admin@centre7.example") as client:
        yield Tab(client, client.get("/admin"))


def added(office: Tab, centre: Centre, name: str) -> tuple[str, str]:
    """The page of a child of the Rossi family, and its reference."""
    page = f"/admin/families/{centre.sample.rossi.account_id}/children/new"
    office.text(office.open(page).send(page, {"name": name, "date_of_birth": "2018-05-01"}))
    (row,) = centre.rows("SELECT id, reference FROM attendee WHERE organisation_id = %(org)s AND name = %(name)s",
                         name=name)  # fmt: skip
    return f"/admin/children/{row['id']}", row["reference"]


def test_two_records_become_one(centre: Centre, office: Tab) -> None:
    page, _ = added(office, centre, "Nina Rossi")
    _, other = added(office, centre, "Nina Rosi")
    merge = f"{page}/merge"

    def asked(**given: str) -> str:
        return office.text(office.open(page).send(merge, given, action=merge))

    assert "Confirm that this is the same child" in asked(reference=other)
    assert "There is no child with this reference." in asked(reference="AT-NOBODY", is_sure="yes")
    assert "The two records have been merged." in asked(reference=other.lower(), reason="a slip", is_sure="yes")

    (kept,) = centre.rows("SELECT keep_id, reason FROM attendee_merge WHERE organisation_id = %(org)s")
    assert (f"/admin/children/{kept['keep_id']}", kept["reason"]) == (page, "a slip")
