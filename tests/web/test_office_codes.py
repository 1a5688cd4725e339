"""Promo codes on the office's pages: made, used by a family, limited, changed and taken away."""

from collections.abc import Iterator

import pytest

from tests.web.conftest import Centre
from tests.web.test_family_booking import family_class
from tests.web.test_family_forms import WAY, Tab, enter, fill, submission, tab

__all__ = ["tab"]

NEW = "/admin/promo-codes/new"


@pytest.fixture
def office(centre: Centre) -> Iterator[Tab]:
    with enter(centre, "admin@centre7.example") as client:
        yield Tab(client, client.get("/admin/programme"))


def made(office: Tab, code: str, **terms: str) -> str:
    """What the office reads after it made a code for everything."""
    organisation = {"code": code, "level": "ORGANISATION", "percent": "10"}
    return office.text(office.open(NEW).send(NEW, {**organisation, **terms}))


class TestPromoCodes:
    def test_one_is_made_used_by_a_family_and_seen_with_whom(
        self, centre: Centre, office: Tab, tab: Tab
    ) -> None:  # fmt: skip
        assert "No promo codes yet" in office.text(office.client.get("/admin/promo-codes"))
        said = made(office, "welcome", limit="1", ends_on="2026-06-30", name="New families")
        assert "WELCOME added." in said
        assert "10 %" in said
        assert "0 / 1" in said

        fill(tab, centre, family_class(centre, "With a code", hour=8))
        term = submission(tab).rpartition("/")[0]
        assert "New families" in tab.text(tab.send(term, {"promo_code": "welcome"}, action=term))
        tab.client.post(f"{term}/submission", data={**tab.hidden(f"{term}/submission"), **WAY})

        read = office.text(office.client.get("/admin/promo-codes/WELCOME"))
        assert "Used up" in read
        assert "Rossi family" in read
        assert "used 1 of 1 times" in read

    def test_it_is_changed_and_taken_away(self, office: Tab) -> None:
        made(office, "SPRING")
        page = "/admin/promo-codes/SPRING"
        said = office.text(office.open(page).send(page, {"amount": "5,50", "starts_on": "2027-01-01"}, action=page))
        assert "Changes saved." in said
        assert "Not valid yet" in said
        assert "5.50" in said

        assert "SPRING is no longer accepted." in office.text(
            office.open(page).send(page, {"do": "remove"}, action=page)
        )
        assert office.client.get(page).status_code == 404

    def test_what_cannot_be_is_said_and_nothing_is_kept(self, centre: Centre, office: Tab) -> None:
        made(office, "TWICE")

        assert "there already" in made(office, "twice")
        assert "either a percentage or an amount" in made(office, "BOTH", amount="5")
        assert "either a percentage or an amount" in made(office, "NEITHER", percent="")
        assert "does not end before it starts" in made(office, "DAYS", starts_on="2026-06-02", ends_on="2026-06-01")
        assert "Please check the fields marked below." in made(office, "!!")
        assert "find that page" in made(office, "NOWHERE", level="PROGRAM 00000000-0000-0000-0000-000000000000")
        (row,) = centre.rows("SELECT value FROM rule_setting WHERE organisation_id = %(org)s AND name = 'discounts' "
                             "AND scope = 'ORGANISATION'")  # fmt: skip
        codes = [each["conditions"]["code"] for each in row["value"] if each["kind"] == "PROMO_CODE"]
        assert "TWICE" in codes
        assert not {"BOTH", "NEITHER", "DAYS", "NOWHERE"} & set(codes)

    def test_a_level_keeps_the_discounts_that_it_had(self, centre: Centre, office: Tab) -> None:
        made(office, "EVERYWHERE")
        (program,) = centre.rows("SELECT id FROM program WHERE organisation_id = %(org)s ORDER BY name LIMIT 1")

        made(office, "HERE", level=f"PROGRAM {program['id']}", percent="20")

        (row,) = centre.rows("SELECT value FROM rule_setting WHERE organisation_id = %(org)s AND name = 'discounts' "
                             "AND scope_id = %(id)s", id=program["id"])  # fmt: skip
        codes = [each["conditions"]["code"] for each in row["value"] if each["kind"] == "PROMO_CODE"]
        assert codes[-1] == "HERE"
        assert "EVERYWHERE" in codes
