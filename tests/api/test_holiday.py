"""Holiday programmes over HTTP: which mode each day gets and why."""

from datetime import datetime, timedelta

import pytest

from engine.database import Transaction
from models import ProgramCategory
from tests.api.conftest import World
from tests.builders import TORONTO, Row, add, offering, program, sessions

MONDAY = datetime(2026, 4, 13, 9, tzinfo=TORONTO)


@pytest.fixture(scope="module")
def camp(world: World) -> list[Row]:
    """Two weeks of camp, Monday to Friday: 48.00 a day, 200.00 a week."""

    def make(tx: Transaction) -> list[Row]:
        category = add(tx, ProgramCategory, name="Camps", program_type=12)
        course = offering(
            tx, world.term, program(tx, world.site, name="Spring Camp", category=category), capacity=24,
            modes=["CASUAL", "FULL_WEEK"], session_price_minor=4800, full_week_price_minor=20000,
        )  # fmt: skip
        days = [MONDAY + timedelta(days=7 * week + day) for week in range(2) for day in range(5)]
        return sessions(tx, course, *days, minutes=420)

    found: list[Row] = world.edit(make)
    return found


def save(world: World, child: Row, days: list[Row], mode: str = "CASUAL") -> tuple[int, dict[str, object]]:
    order = world.draft(world.rossi, child)
    lines = [{"session_id": str(day["id"]), "mode": mode} for day in days]
    answer = world.rossi.put(f"/orders/{order['id']}/lines", {"lines": lines})
    return answer.status_code, answer.json()


class TestModes:
    def test_five_single_days_become_the_week_and_the_cart_says_so(self, world: World, camp: list[Row]) -> None:
        _, cart = save(world, world.new_child("Ada"), camp[:6])

        assert cart["total_minor"] == 20000 + 4800
        lines = cart["lines"]
        assert isinstance(lines, list)
        why = "All 5 days of the week of Mon 13 Apr 2026 are chosen: full week price."
        assert [(line["mode"], line["asked_mode"], line["mode_reason"]) for line in lines] == [
            *[("FULL_WEEK", "CASUAL", why)] * 5, ("CASUAL", "CASUAL", None)
        ]  # fmt: skip
        assert sum(line["price_minor"] for line in lines) == 24800
        read = world.rossi.get(f"/orders/{cart['id']}").json()
        assert [line["mode_reason"] for line in read["lines"]] == [line["mode_reason"] for line in lines]

    def test_a_week_with_a_missing_day_is_refused_and_names_it(self, world: World, camp: list[Row]) -> None:
        status, refused = save(world, world.new_child("Ben"), [*camp[:2], *camp[3:5]], "FULL_WEEK")

        reasons = refused["reasons"]
        assert isinstance(reasons, list)
        assert (status, reasons[0]["code"], reasons[0]["rule"]) == (409, "selection_incomplete", "modes")
        assert reasons[0]["field"] == "lines[0].mode"
        assert "as full week takes every session of the week; missing: Wed 15 Apr 2026" in reasons[0]["message"]


class TestActivities:
    def test_are_added_chosen_and_shown(self, world: World, camp: list[Row]) -> None:
        offering = f"/offerings/{camp[0]['term_program_set_id']}/activities"

        made = world.admin.post(offering, {"date": "2026-04-13", "title": "Pirates", "capacity": 2})
        again = world.admin.post(offering, {"date": "2026-04-13", "title": "Pirates"})
        order = world.draft(world.rossi, world.new_child("Cleo"))
        line = {"session_id": str(camp[0]["id"]), "activity_ids": [made.json()["id"]]}
        cart = world.rossi.put(f"/orders/{order['id']}/lines", {"lines": [line]}).json()

        assert (made.status_code, made.json()["left"]) == (201, 2)
        assert (again.status_code, again.json()["code"]) == (409, "already_exists")
        assert cart["lines"][0]["activities"] == ["Pirates"]
        assert world.rossi.get(f"/orders/{order['id']}").json()["lines"][0]["activities"] == ["Pirates"]
        assert [each["title"] for each in world.rossi.get(offering).json()["items"]] == ["Pirates"]
        sessions_shown = world.rossi.get(f"/sessions?offering_id={camp[0]['term_program_set_id']}").json()["items"]
        assert {each["product_type"] for each in sessions_shown} == {"SESSION"}

    def test_on_a_class_are_refused(self, world: World) -> None:
        answer = world.admin.post(
            f"/offerings/{world.offering['id']}/activities", {"date": "2026-04-12", "title": "Pirates"}
        )

        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (422, "no_activities")

    def test_are_given_more_places(self, world: World, camp: list[Row]) -> None:
        made = world.admin.post(
            f"/offerings/{camp[0]['term_program_set_id']}/activities", {"date": "2026-04-14", "title": "Space"}
        ).json()

        changed = world.admin.patch(f"/activities/{made['id']}", {"capacity": 30, "title": "Rockets"}).json()

        assert (made["capacity"], changed["capacity"], changed["title"]) == (None, 30, "Rockets")
