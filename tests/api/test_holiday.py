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
        assert "Wed 15 Apr 2026" in reasons[0]["message"]
