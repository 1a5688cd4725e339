"""Seats over the API: a hall set up by an admin, its map as each person sees it, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import World

PUBLIC = "riverside-centre"
PLAN = {
    "blocks": [
        {"rows": "A", "numbers": "1-6", "seat_type": "VIP"},
        {"rows": "B-C", "numbers": "1-6"},
    ]
}


@pytest.fixture
def hall(world: World) -> dict[str, Any]:
    """A hall of eighteen seats in which a new course is seated."""
    made = world.admin.post("/venues", {"site_id": str(world.site["id"]), "name": f"Hall {world.count('venue')}"})
    assert made.status_code == 201, made.text
    venue_id = made.json()["id"]
    seats = world.admin.put(f"/venues/{venue_id}/seats", PLAN)
    assert seats.json() == {"created": 18, "changed": 0, "removed": 0, "seats": 18}
    (session,) = world.new_sessions(capacity=100, count=1)
    seating = {"venue_id": venue_id, "prices": [{"seat_type": "VIP", "price_minor": 4520}]}
    answer = world.admin.put(f"/offerings/{session['term_program_set_id']}/seating", seating)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {**seating, "seats": 18, "changed": 1, "kept": []}
    return {"venue_id": venue_id, "session": str(session["id"]), "offering": str(session["term_program_set_id"])}


def seats_of(world: World, hall: dict[str, Any], person: Any = None) -> dict[str, dict[str, Any]]:
    found = (person or world.rossi).get(f"/sessions/{hall['session']}/seat-map").json()
    return {f"{row['row']}{seat['number']}": seat for row in found["rows"] for seat in row["seats"]}


def cart_with(world: World, hall: dict[str, Any], *, seat_id: str | None, name: str = "Ben") -> Any:
    order = world.draft(world.rossi, world.new_child(name))
    line = {"session_id": hall["session"], **({"seat_id": seat_id} if seat_id else {})}
    return order, world.rossi.put(f"/orders/{order['id']}/lines", {"lines": [line]})


class TestMap:
    def test_shows_whose_each_seat_is_and_what_it_costs(self, world: World, hall: dict[str, Any]) -> None:
        order, saved = cart_with(world, hall, seat_id=seats_of(world, hall)["A3"]["id"])
        assert saved.json()["lines"][0]["seat"]["row"] == "A"
        assert saved.json()["total_minor"] == 4520
        taken = world.rossi.post(f"/orders/{order['id']}/submission", world.submission(saved.json(), "PAY_NOW_PAY_ALL"))
        assert taken.status_code == 200, taken.text

        states = {who: seats_of(world, hall, person)["A3"]["state"]
                  for who, person in (("own", world.rossi), ("other", world.chen), ("admin", world.admin))}  # fmt: skip

        assert states == {"own": "YOURS", "other": "TAKEN", "admin": "TAKEN"}
        prices = {label: seat["price_minor"] for label, seat in seats_of(world, hall).items()}
        assert (prices["A1"], prices["B1"]) == (4520, 1130)
        read = world.rossi.get(f"/orders/{order['id']}").json()
        assert read["lines"][0]["seat"] == {**read["lines"][0]["seat"], "row": "A", "number": 3, "seat_type": "VIP"}

    def test_a_hold_that_is_overdue_is_free_and_given_to_the_next(self, world: World, hall: dict[str, Any]) -> None:
        seat_id = seats_of(world, hall)["A3"]["id"]
        order, saved = cart_with(world, hall, seat_id=seat_id)
        world.rossi.post(f"/orders/{order['id']}/submission", world.submission(saved.json(), "PAY_NOW_PAY_ALL"))
        late, saved = cart_with(world, hall, seat_id=seat_id, name="Zoe")

        world.clock.move(timedelta(hours=1))
        assert seats_of(world, hall)["A3"]["state"] == "FREE"
        answer = world.rossi.post(f"/orders/{late['id']}/submission", world.submission(saved.json(), "PAY_NOW_PAY_ALL"))

        assert answer.status_code == 200, answer.text

    def test_everybody_sees_it_without_a_login(self, world: World, hall: dict[str, Any]) -> None:
        public = f"/centres/{PUBLIC}/sessions/{hall['session']}"

        found = world.client.get(f"{public}/seat-map")
        best = world.client.get(f"{public}/best-seats", params={"count": 3})

        assert (found.status_code, found.json()["free"]) == (200, 18)
        assert [(seat["row"], seat["number"]) for seat in best.json()["seats"]] == [("A", 2), ("A", 3), ("A", 4)]
        world.admin.patch(f"/offerings/{hall['offering']}", {"status": "DRAFT"})
        assert world.client.get(f"{public}/seat-map").status_code == 404
        assert world.rossi.get(f"/sessions/{hall['session']}/seat-map").status_code == 404

    def test_sessions_and_offerings_say_where_they_are_seated(self, world: World, hall: dict[str, Any]) -> None:
        assert world.rossi.get(f"/sessions/{hall['session']}").json()["venue_id"] == hall["venue_id"]
        assert world.rossi.get(f"/offerings/{hall['offering']}").json()["venue_id"] == hall["venue_id"]
        assert world.rossi.get(f"/sessions/{world.sessions[0]['id']}").json()["venue_id"] is None
        shown = world.rossi.get(f"/venues/{hall['venue_id']}/seats").json()
        assert (shown["count"], [row["row"] for row in shown["rows"]]) == (18, ["A", "B", "C"])

    def test_a_session_without_seats_has_none(self, world: World) -> None:
        assert world.rossi.get(f"/sessions/{world.sessions[0]['id']}/seat-map").status_code == 404


class TestBestSeats:
    def test_are_side_by_side_in_the_middle_of_the_front(self, world: World, hall: dict[str, Any]) -> None:
        found = world.rossi.get(f"/sessions/{hall['session']}/best-seats", params={"count": 2}).json()

        assert [(seat["row"], seat["number"]) for seat in found["seats"]] == [("A", 3), ("A", 4)]
        assert (found["groups"], found["total_minor"]) == (1, 9040)

    def test_of_a_type(self, world: World, hall: dict[str, Any]) -> None:
        asked = {"count": 7, "seat_type": "REGULAR"}
        found = world.rossi.get(f"/sessions/{hall['session']}/best-seats", params=asked).json()

        assert {seat["row"] for seat in found["seats"]} == {"B", "C"}
        assert (len(found["seats"]), found["groups"]) == (7, 2)


class TestRefusals:
    def test_bad_plans_name_the_block(self, world: World, hall: dict[str, Any]) -> None:
        wrong = (
            ({"rows": "A-3", "numbers": "1-5"}, "unreadable_seats", "blocks[0].rows"),
            ({"rows": "A", "numbers": "5-1"}, "unreadable_seats", "blocks[0].numbers"),
            ({"rows": "A", "numbers": "1-5, 5"}, "unreadable_seats", "blocks[0].numbers"),
            ({"rows": "1-9999", "numbers": "1-30"}, "too_many", "blocks[0]"),
        )
        for block, code, field in wrong:
            answer = world.admin.put(f"/venues/{hall['venue_id']}/seats", {"blocks": [block]})
            assert answer.status_code == 422, block
            assert [(r["code"], r["field"]) for r in answer.json()["reasons"]] == [(code, field)]
        twice = {"blocks": [{"rows": "A-B", "numbers": "1-5"}, {"rows": "B", "numbers": "5-6"}]}
        (reason,) = world.admin.put(f"/venues/{hall['venue_id']}/seats", twice).json()["reasons"]
        assert (reason["code"], reason["message"]) == ("twice", "Row B seat 5 is named twice.")
        assert len(seats_of(world, hall)) == 18

    def test_more_places_than_seats(self, world: World, hall: dict[str, Any]) -> None:
        answer = world.admin.patch(f"/sessions/{hall['session']}", {"capacity": 19, "reason": "More chairs"})

        assert answer.status_code == 422
        assert [r["code"] for r in answer.json()["reasons"]] == ["more_than_seats"]

    def test_a_missing_seat_a_seat_elsewhere_and_a_seat_for_nothing(self, world: World, hall: dict[str, Any]) -> None:
        order, saved = cart_with(world, hall, seat_id=None)
        assert [notice["code"] for notice in saved.json()["notices"]] == ["seat_required"]
        refused = world.rossi.post(
            f"/orders/{order['id']}/submission", world.submission(saved.json(), "PAY_NOW_PAY_ALL")
        )
        assert refused.status_code == 409
        assert [r["code"] for r in refused.json()["reasons"]] == ["seat_required"]

        plain = {"session": str(world.sessions[5]["id"])}
        _, answer = cart_with(world, plain, seat_id=seats_of(world, hall)["A1"]["id"])
        assert [r["code"] for r in answer.json()["reasons"]] == ["session_not_seated"]

    def test_families_and_staff_set_up_nothing(self, world: World, hall: dict[str, Any]) -> None:
        for person in (world.rossi, world.staff, world.finance):
            assert person.put(f"/venues/{hall['venue_id']}/seats", PLAN).status_code == 403
            assert person.put(f"/offerings/{hall['offering']}/seating", {"venue_id": None}).status_code == 403

    def test_one_price_for_each_type(self, world: World, hall: dict[str, Any]) -> None:
        prices = [{"seat_type": "VIP", "price_minor": 1}, {"seat_type": "VIP", "price_minor": 2}]
        body = {"venue_id": hall["venue_id"], "prices": prices}

        assert world.admin.put(f"/offerings/{hall['offering']}/seating", body).status_code == 422

    def test_what_is_another_organisations_does_not_exist(
        self, world: World, elsewhere: World, hall: dict[str, Any]
    ) -> None:
        assert elsewhere.admin.put(f"/venues/{hall['venue_id']}/seats", PLAN).status_code == 404
        assert elsewhere.rossi.get(f"/sessions/{hall['session']}/seat-map").status_code == 404
