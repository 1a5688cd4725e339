"""The door over HTTP: a PIN and its proof, a bundle of a tablet that was offline, a conflict decided, a roll closed."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.conftest import World


class Door:
    """Mia in a session that begins now, and the roll of the site's staff."""

    def __init__(self, world: World) -> None:
        self.world, self.child = world, world.new_child("Mia", must_not_collect=["Max Mustermann"])
        self.session = world.new_sessions(count=1)[0]
        world.confirmed(self.child, [self.session])
        if world.clock.now() < self.session["starts_at"]:
            world.clock.move(self.session["starts_at"] - world.clock.now())
        self.path = f"/sessions/{self.session['id']}/roll"

    def row(self) -> dict[str, Any]:
        found: dict[str, Any] = self.world.staff.get(self.path).json()["entries"][0]
        return found

    def mark(self, status: str, **more: Any) -> dict[str, Any]:
        row = self.row()
        return {"id": str(uuid4()), "attendance_id": row["attendance_id"], "status": status,
                "marked_at": self.world.clock.now().isoformat(), "seen_version": row["version"], **more}  # fmt: skip

    def send(self, device: str = "Tablet A", **parts: Any) -> list[dict[str, Any]]:
        answer = self.world.staff.post("/roll-bundles", {"device": device, **parts})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def authorise(self, pin: str | None = "4711") -> dict[str, Any]:
        made = self.world.rossi.post(
            f"/attendees/{self.child['id']}/authorised-people",
            {"name": f"Rosa {uuid4().hex[:6]}", "relationship": "grandmother", "phone": "+1 416 555 0107", "pin": pin},
        )
        assert made.status_code == 201, made.text
        found: dict[str, Any] = made.json()
        return found


@pytest.fixture
def door(world: World) -> Door:
    return Door(world)


class TestPins:
    def test_a_pin_proves_who_collects_and_goes_with_the_sign_out(self, world: World, door: Door) -> None:
        rosa = door.authorise()
        proofs = f"/authorised-people/{rosa['id']}/pin-proofs"
        assert world.staff.post(proofs, {"pin": "0000"}).json()["code"] == "wrong_pin"
        proof = world.staff.post(proofs, {"pin": "4711"}).json()["proof"]

        marks = [door.mark("PRESENT"), door.mark("LEFT", person_id=rosa["id"], collected_by=rosa["name"],
                                                 pin_proof=proof)]  # fmt: skip
        answers = door.send(marks=marks)

        assert [answer["outcome"] for answer in answers] == ["TAKEN", "TAKEN"]
        assert door.row()["collected_by"] == rosa["name"]
        waiting = world.staff.get("/missing-signatures").json()["items"]
        assert marks[1]["id"] not in {one["sign_out_id"] for one in waiting}

    def test_guessing_is_stopped(self, world: World, door: Door) -> None:
        proofs = f"/authorised-people/{door.authorise()['id']}/pin-proofs"

        answers = [world.staff.post(proofs, {"pin": f"{number:04}"}).status_code for number in range(6)]

        assert answers == [404] * 5 + [429]

    def test_a_pin_is_shown_to_nobody(self, world: World, door: Door) -> None:
        rosa = door.authorise()
        listed = world.rossi.get(f"/attendees/{door.child['id']}/authorised-people").json()["items"]

        assert (rosa["has_pin"], "pin" in rosa, "pin_hash" in rosa) == (True, False, False)
        assert [one["id"] for one in listed] == [rosa["id"]]
        changed = world.rossi.patch(f"/authorised-people/{rosa['id']}", {"pin": None, "phone": "1"}).json()
        assert (changed["has_pin"], changed["phone"], changed["relationship"]) == (False, "1", "grandmother")
        assert world.rossi.delete(f"/authorised-people/{rosa['id']}").status_code == 204
        assert world.rossi.patch(f"/authorised-people/{rosa['id']}", {"phone": "2"}).status_code == 404

    def test_who_must_not_collect_is_not_authorised(self, world: World, door: Door) -> None:
        refused = world.rossi.post(f"/attendees/{door.child['id']}/authorised-people", {"name": "max mustermann"})

        assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (409, "must_not_collect")


class TestBundles:
    def test_are_answered_item_by_item_and_known_the_second_time(self, world: World, door: Door) -> None:
        here, left = door.mark("PRESENT"), door.mark("LEFT", collected_by="Rosa Rossi")
        parts = {
            "marks": [here, left],
            "signatures": [{"id": str(uuid4()), "sign_out_id": left["id"], "strokes": [[[1, 1], [9, 9]]],
                            "signed_at": world.clock.now().isoformat()}],
            "headcounts": [{"id": str(uuid4()), "session_id": str(door.session["id"]), "counted": 0,
                            "counted_at": world.clock.now().isoformat()}],
        }  # fmt: skip

        assert [answer["outcome"] for answer in door.send(**parts)] == ["TAKEN"] * 4
        assert [answer["outcome"] for answer in door.send(**parts)] == ["KNOWN"] * 4
        picture = world.staff.get(f"/sign-outs/{left['id']}/signature")
        assert (picture.headers["content-type"], "<path" in picture.text) == ("image/svg+xml", True)

    def test_a_conflict_is_shown_and_decided(self, world: World, door: Door) -> None:
        absent = door.mark("ABSENT")
        door.send(marks=[door.mark("PRESENT")])

        (answer,) = door.send("Tablet B", marks=[absent])
        shown = world.staff.get(door.path).json()["disagreements"]
        decided = world.staff.post(f"/roll-conflicts/{answer['conflict_id']}/resolution", {"resolution": "KEPT"})

        assert (answer["outcome"], [one["id"] for one in shown]) == ("CONFLICT", [answer["conflict_id"]])
        assert (decided.status_code, decided.json()["disagreements"]) == (200, [])

    def test_of_a_departure_that_must_not_be_leaves_the_child_signed_in(self, world: World, door: Door) -> None:
        door.send(marks=[door.mark("PRESENT")])

        (answer,) = door.send(marks=[door.mark("LEFT", collected_by="MAX Mustermann")])

        assert (answer["outcome"], answer["reasons"][0]["code"]) == ("CONFLICT", "must_not_collect")
        assert door.row()["status"] == "PRESENT"


class TestTheDay:
    def test_staff_are_on_site_and_leave_again(self, world: World, door: Door) -> None:
        place = f"/sites/{world.staff.get(door.path).json()['site_id']}/staff-presence"

        assert world.staff.put(place).status_code == 200
        assert world.staff.get(door.path).json()["ratio"]["on_site"] == 1
        assert (world.staff.delete(place).status_code, world.staff.delete(place).status_code) == (204, 404)

    def test_is_listed_closed_and_opened_again(self, world: World, door: Door) -> None:
        day = door.session["local_date"].isoformat()
        calls = world.staff.get(f"/roll-calls?day={day}").json()["items"]
        assert str(door.session["id"]) in {call["session_id"] for call in calls}

        early = world.staff.post(f"{door.path}/closing")
        assert early.json()["reasons"][0]["code"] == "session_not_over"
        world.clock.move(timedelta(hours=2))
        (forgotten,) = world.staff.post(f"{door.path}/closing").json()["reasons"]
        assert (forgotten["code"], forgotten["message"]) == ("not_marked", "Not marked yet: Mia.")
        named = {"absent": forgotten["facts"]["attendance_ids"]}
        assert world.staff.post(f"{door.path}/closing", named).json()["absent"] == 1
        late = world.staff.put(f"{door.path}/marks", {"marks": [door.mark("PRESENT")]})
        assert (late.status_code, late.json()["code"]) == (409, "roll_is_closed")
        opened = world.admin.post(f"{door.path}/reopening", {"reason": "Mia was there"})
        assert (opened.status_code, opened.json()["closed_at"]) == (200, None)
