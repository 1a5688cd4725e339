"""Subscriptions by HTTP: a family asks, an admin begins, notice is given."""

from typing import Any
from uuid import UUID

import pytest

from catalogue.sessions import generate_sessions
from engine.database import Transaction
from models import RuleSetting
from tests.api.conftest import World
from tests.builders import Row, add, offering, program

CLUB = [{"weekdays": ["MON", "WED"], "starts": "15:30", "ends": "17:30"}]


@pytest.fixture(scope="module")
def club(world: World) -> Row:
    def make(tx: Transaction) -> Row:
        of = program(tx, world.site, name="Club")
        add(tx, RuleSetting, scope="PROGRAM", scope_id=of["id"], name="order_types", value=["BOOKING", "SUBSCRIPTION"])
        made = offering(tx, world.term, of, schedule=CLUB)
        generate_sessions(tx, [made["id"]])
        return made

    made: Row = world.edit(make)
    return made


def asked(world: World, club: Row, child: Row, **more: Any) -> Any:
    body = {"attendee_id": str(child["id"]), "offering_id": str(club["id"]), "weekdays": ["MON"],
            "starts_on": "2026-04-06", **more}  # fmt: skip
    return world.rossi.post("/subscriptions", body)


class TestSubscription:
    def test_is_asked_for_begun_and_ended(self, world: World, club: Row) -> None:
        answer = asked(world, club, world.new_child("Ida"))
        assert answer.status_code == 201, answer.text
        path = f"/subscriptions/{answer.json()['id']}"
        assert (answer.json()["status"], answer.json()["allowed"]) == ("REQUESTED", ["decline"])

        begun = world.admin.post(f"{path}/beginning", {"reason": "agreed by phone"})
        assert begun.status_code == 200, begun.text
        shown = world.rossi.get(path).json()
        assert (shown["status"], len(shown["bookings"])) == ("ACTIVE", 1)
        assert [each["issue_on"] for each in shown["scheduled_invoices"]] == ["2026-04-24", "2026-05-25"]
        booking = world.rossi.get(f"/bookings/{shown['bookings'][0]['booking_id']}").json()
        assert booking["order_type"] == "SUBSCRIPTION"

        ended = world.rossi.post(f"{path}/notice", {"last_day": "2026-05-31"}).json()
        assert (ended["status"], ended["ends_on"]) == ("ENDING", "2026-05-31")
        assert world.admin.get("/subscriptions", params={"status": "ENDING"}).json()["items"][0]["id"] == ended["id"]

    def test_its_notice_is_withdrawn_and_its_weekdays_change(self, world: World, club: Row) -> None:
        path = f"/subscriptions/{asked(world, club, world.new_child('Ivo')).json()['id']}"
        world.admin.post(f"{path}/beginning", {"reason": "agreed by phone"})
        world.rossi.post(f"{path}/notice", {"last_day": "2026-05-31"})

        later = world.rossi.post(f"{path}/continuation", {"last_day": "2026-06-15"})
        on = world.rossi.post(f"{path}/continuation")
        by_family = world.rossi.post(f"{path}/weekdays", {"weekdays": ["WED"]})
        changed = world.admin.post(f"{path}/weekdays", {"weekdays": ["WED"], "reason": "new timetable"})

        assert (later.status_code, later.json()["ends_on"]) == (200, "2026-06-15"), later.text
        assert (on.status_code, on.json()["status"], on.json()["ends_on"]) == (200, "ACTIVE", None), on.text
        assert by_family.status_code == 403
        assert (changed.status_code, changed.json()["weekdays"]) == (200, ["WED"]), changed.text
        again = world.admin.post(f"{path}/terms", {"offering_id": str(club["id"]), "reason": "again"})
        assert again.json()["reasons"][0]["code"] == "enrolled_already"

    def test_one_that_is_begun_twice_names_what_is_allowed(self, world: World, club: Row) -> None:
        path = f"/subscriptions/{asked(world, club, world.new_child('Ula')).json()['id']}"
        world.admin.post(f"{path}/beginning", {"reason": "agreed"})

        again = world.admin.post(f"{path}/beginning", {"reason": "agreed"})

        assert (again.status_code, again.json()["code"]) == (409, "not_allowed_now")
        assert again.json()["facts"]["status"] == "ACTIVE"

    def test_one_is_not_rolled_into_the_term_that_it_has(self, world: World, club: Row) -> None:
        path = f"/subscriptions/{asked(world, club, world.new_child('Eli')).json()['id']}"
        world.admin.post(f"{path}/beginning", {"reason": "agreed"})
        before = world.rossi.get(path).json()

        answer = world.admin.post(f"{path}/terms", {"offering_id": str(club["id"]), "reason": "again"})

        (reason,) = answer.json()["reasons"]
        assert (answer.status_code, reason["code"], reason["field"]) == (409, "enrolled_already", "offering_id")
        assert before["reference"] in reason["message"]
        assert world.rossi.get(path).json() == before

    def test_weekdays_without_a_session(self, world: World, club: Row) -> None:
        answer = asked(world, club, world.new_child("Eva"), weekdays=["TUE"])

        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (422, "no_sessions")

    def test_a_notice_that_is_too_short(self, world: World, club: Row) -> None:
        path = f"/subscriptions/{asked(world, club, world.new_child('Nia')).json()['id']}"
        world.admin.post(f"{path}/beginning", {"reason": "agreed"})

        answer = world.rossi.post(f"{path}/notice", {"last_day": "2026-04-06"})

        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (409, "notice_too_short")

    def test_an_order_of_a_subscription_is_not_begun_by_hand(self, world: World, club: Row) -> None:
        answer = world.rossi.post("/orders", {"attendee_id": str(world.mia["id"]), "term_id": str(world.term["id"]),
                                              "order_type": "SUBSCRIPTION"})  # fmt: skip

        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (422, "is_subscription")

    def test_is_nobody_elses(self, world: World, club: Row) -> None:
        path = f"/subscriptions/{asked(world, club, world.new_child('Pia')).json()['id']}"

        assert world.chen.get(path).status_code == 404
        assert world.chen.post(f"{path}/notice", {}).status_code == 404
        assert UUID(path.rsplit("/", 1)[1])
