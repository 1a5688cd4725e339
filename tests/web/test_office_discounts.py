"""Discounts on the office's pages: each kind by a form of its own, refused at its field, changed and taken away."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.web.conftest import Centre, Somebody
from tests.web.test_family_booking import family_class
from tests.web.test_family_forms import Tab, enter, sessions_of
from web.admin.discounts import KINDS

HERE = "scope=ORGANISATION"
LIST = f"/admin/discounts?{HERE}"


@pytest.fixture
def office(centre: Centre) -> Iterator[Tab]:
    with enter(centre, "admin@centre7.example") as client:
        yield Tab(client, client.get("/admin/programme"))


@pytest.fixture(autouse=True)
def nothing_declared(centre: Centre) -> None:
    centre.edit(lambda tx: tx.run("DELETE FROM rule_setting WHERE organisation_id = %(org)s AND name = 'discounts'"))


def new(kind: str, level: str = HERE) -> str:
    return f"/admin/discounts/new?kind={kind}&{level}"


def made(office: Tab, kind: str, level: str = HERE, **terms: Any) -> str:
    """What the office reads after it made a discount."""
    page = new(kind, level)
    given = {"percent": "10", "order": "10", "on_edit": "REPRICE_FUTURE", "do": "save", **terms}
    return office.text(office.open(page).send(page, given))


def declared(centre: Centre, scope: str = "ORGANISATION") -> list[dict[str, Any]]:
    rows = centre.rows("SELECT value FROM rule_setting WHERE organisation_id = %(org)s AND name = 'discounts' "
                       "AND scope = %(scope)s", scope=scope)  # fmt: skip
    return rows[0]["value"] if rows else []


class TestEachKind:
    @pytest.mark.parametrize(
        ("kind", "terms", "conditions"),
        [
            ("SIBLING", {"from_child": "3", "every_child": "yes"}, {"from_child": 3, "every_child": True}),
            ("MULTI_SESSION", {"sessions": "5"}, {"sessions": 5}),
            ("FULL_WEEK", {}, None),
            ("FULL_TERM", {}, None),
            ("EARLY_BIRD", {"until": "2026-04-30"}, {"until": "2026-04-30"}),
            ("EARLY_BIRD", {"days_before": "14"}, {"days_before": 14}),
            ("STAFF", {}, None),
        ],
    )
    def test_is_kept_as_its_form_says(
        self, centre: Centre, office: Tab, kind: str, terms: dict[str, str], conditions: dict[str, Any] | None
    ) -> None:
        said = made(office, kind, name="Ours", percent="", amount="5,50", cap="20", stacks="yes", on_edit="FREEZE",
                    order="20", **terms)  # fmt: skip

        assert "Ours added." in said
        (kept,) = declared(centre)
        assert kept == {
            "kind": kind, "order": 20, "name": "Ours", "amount_minor": 550, "cap_minor": 2000, "stacks": True,
            "on_edit": "FREEZE", **({"conditions": conditions} if conditions else {}),
        }  # fmt: skip

    def test_programs_together_are_chosen_by_name(self, centre: Centre, office: Tab) -> None:
        programs = centre.rows("SELECT id FROM program WHERE organisation_id = %(org)s ORDER BY name LIMIT 2")
        ids = [str(row["id"]) for row in programs]

        assert " added." in made(office, "COMBINE_BOOKING", programs=ids)

        assert declared(centre)[0]["conditions"] == {"programs": ids}
        page = f"/admin/discounts/10?{HERE}"
        assert office.client.get(page).text.count(" checked") >= 2

    def test_there_is_a_form_for_every_kind_but_promo_codes(self, office: Tab) -> None:
        for kind in KINDS:
            assert office.client.get(new(kind.value)).status_code == 200, kind
        assert office.client.get(new("PROMO_CODE")).status_code == 404
        assert office.client.get(new("NONSENSE")).status_code == 404


class TestWhatCannotBe:
    @pytest.mark.parametrize(
        ("kind", "terms", "field", "said"),
        [
            ("STAFF", {"percent": "5", "amount": "5"}, "percent", "Enter either a percentage or an amount."),
            ("STAFF", {"percent": ""}, "percent", "Enter either a percentage or an amount."),
            ("STAFF", {"percent": "101"}, "percent", "Enter a percentage above 0, up to 100."),
            ("STAFF", {"percent": "a lot"}, "percent", "Enter a percentage above 0, up to 100."),
            ("STAFF", {"percent": "", "amount": "5.505"}, "amount", "has too many decimals"),
            ("STAFF", {"percent": "", "amount": "0"}, "amount", "Enter an amount above 0."),
            ("STAFF", {"cap": "-1"}, "cap", "Enter an amount above 0."),
            ("STAFF", {"order": "first"}, "order", "Enter a whole number."),
            ("STAFF", {"on_edit": "SOMETIMES"}, "on_edit", "Choose one from the list."),
            ("STAFF", {"name": "x" * 61}, "name", "Use at most 60 characters."),
            ("SIBLING", {"from_child": "1"}, "from_child", "At least 2."),
            ("MULTI_SESSION", {"sessions": "1"}, "sessions", "At least 2."),
            ("MULTI_SESSION", {}, "sessions", "fill this in"),
            ("EARLY_BIRD", {}, "until", "Enter either a last day or a number of days."),
            ("EARLY_BIRD", {"until": "2026-04-30", "days_before": "3"}, "until", "Enter either a last day"),
            ("EARLY_BIRD", {"until": "tomorrow"}, "until", "Please choose a date."),
            ("COMBINE_BOOKING", {}, "programs", "Choose at least 1."),
        ],
    )
    def test_is_said_at_its_field_and_nothing_is_kept(
        self, centre: Centre, office: Tab, kind: str, terms: dict[str, str], field: str, said: str
    ) -> None:
        read = made(office, kind, **terms)

        assert said in read
        assert f'id="{field}-fault"' in office.page.text
        assert office.page.status_code == 422
        assert declared(centre) == []

    def test_two_have_no_one_place(self, centre: Centre, office: Tab) -> None:
        made(office, "STAFF")

        assert "Staff discount comes at 10 already; choose another place." in made(office, "FULL_TERM")

        assert [each["kind"] for each in declared(centre)] == ["STAFF"]

    def test_another_kind_s_condition_is_not_taken(self, centre: Centre, office: Tab) -> None:
        made(office, "STAFF", sessions="5", until="2026-04-30")

        assert "conditions" not in declared(centre)[0]


class TestAfterwards:
    def test_one_is_changed_and_taken_away(self, centre: Centre, office: Tab) -> None:
        made(office, "SIBLING", from_child="2", name="Brothers and sisters")
        page = f"/admin/discounts/10?{HERE}"
        old = office.open(page).hidden()
        terms = {"percent": "12.5", "order": "30", "from_child": "2", "on_edit": "REPRICE_ALL", "do": "save"}

        assert "Changes saved." in office.text(office.send(page, terms))
        assert declared(centre) == [{
            "kind": "SIBLING", "order": 30, "name": "", "percent": "12.5", "stacks": False, "on_edit": "REPRICE_ALL",
            "conditions": {"from_child": 2, "every_child": False},
        }]  # fmt: skip

        assert office.client.post(page, data={**old, **terms}).status_code in (303, 404)  # it is elsewhere now
        page = f"/admin/discounts/30?{HERE}"
        office.open(page)
        assert "is no longer given." in office.text(office.send(page, {"do": "remove"}))
        assert declared(centre) == []

    def test_who_saves_over_somebody_is_told(self, centre: Centre, office: Tab) -> None:
        made(office, "STAFF")
        page = f"/admin/discounts/10?{HERE}"
        seen = office.open(page).hidden()
        terms = {"order": "10", "on_edit": "FREEZE", "do": "save"}
        office.send(page, {**terms, "percent": "20"})

        late = office.client.post(page, data={**seen, **terms, "percent": "30"})

        assert late.status_code == 422
        assert "was changed meanwhile; look at it again." in late.text
        assert declared(centre)[0]["percent"] == "20"

    def test_a_level_keeps_what_it_had(self, centre: Centre, office: Tab) -> None:
        (program,) = centre.rows("SELECT id FROM program WHERE organisation_id = %(org)s ORDER BY name LIMIT 1")
        level = f"scope=PROGRAM&of={program['id']}"
        made(office, "STAFF")

        assert "These come from" in office.text(office.client.get(f"/admin/discounts?{level}"))
        made(office, "FULL_TERM", level, order="20")

        assert [each["kind"] for each in declared(centre, "PROGRAM")] == ["STAFF", "FULL_TERM"]
        assert [each["kind"] for each in declared(centre)] == ["STAFF"]

    def test_a_level_that_is_not_there_is_not_found(self, office: Tab) -> None:
        for level in ("scope=PROGRAM", f"scope=TPS&of={UUID(int=1)}"):
            assert office.client.get(new("STAFF", level)).status_code == 404, level

    def test_families_get_it_and_read_its_name(self, centre: Centre, office: Tab) -> None:
        made(office, "MULTI_SESSION", sessions="2", name="Two at once")
        address = family_class(centre, "With a discount", hour=8, count=2)
        mia = centre.sample.rossi.attendee_ids[0]
        picks = [f"{mia}.{session['id']}" for session in sessions_of(centre, address)]

        with enter(centre) as client:
            family = Tab(client, client.get("/family"))
            assert "Two at once" in family.text(family.open(address).send(address, {"pick": picks, "do": "look"}))


class TestInTheBrowser:
    @pytest.mark.parametrize(("size", "scripts"), [("phone", False), ("desktop", True)])
    def test_one_is_made_by_hand_and_every_page_is_sound(
        self, centre: Centre, signed_in: Somebody, size: str, scripts: bool
    ) -> None:
        office = signed_in("admin@centre7.example", size=size, scripts=scripts).open(LIST)
        office.fits().click(office.page.get_by_role("link", name="Early bird"))
        office.fill("Percentage off", "10").click("Save")
        assert office.reads("Enter either a last day or a number of days.")
        office.picture(f"admin-discount-{size}").fits()
        office.fill("Or days before the first session", "14").click("Save")

        assert office.reads("Early bird discount added.")
        office.picture(f"admin-discounts-{size}").fits()
        assert declared(centre)[0]["conditions"] == {"days_before": 14}

    def test_in_french(self, centre: Centre, somebody: Somebody, office: Tab) -> None:
        office.client.headers["Accept-Language"] = "fr"

        assert "Fratrie" in office.text(office.client.get(LIST))
        assert "Indiquez soit un pourcentage, soit un montant." in made(office, "STAFF", percent="")
        made(office, "STAFF")
        assert "est déjà au rang 10" in made(office, "FULL_TERM")
