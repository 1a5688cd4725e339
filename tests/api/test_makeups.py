"""Absences and makeup sessions over HTTP: told, listed, booked, settled."""

from typing import Any
from uuid import UUID

from models import RuleSetting
from tests.api.conftest import World
from tests.builders import add

RULE = {"notice_hours": 24, "validity_days": 90, "per_term": 3}


def with_rule(world: World) -> list[dict[str, Any]]:
    """Ten Sundays whose absences give a makeup credit."""
    wanted = world.new_sessions(count=10)
    offering: UUID = wanted[0]["term_program_set_id"]
    world.edit(lambda tx: add(tx, RuleSetting, scope="TPS", scope_id=offering, name="makeup", value=RULE))
    return wanted


class TestMakeup:
    def test_from_the_absence_to_the_session_that_makes_up_for_it(self, world: World) -> None:
        wanted, child = with_rule(world), world.new_child("Ada")
        booked = world.confirmed(child, wanted[1:2])["booking"]["id"]

        told = world.rossi.post(f"/bookings/{booked}/absences", {"session_id": str(wanted[1]["id"]), "reason": "ill"})
        credit = told.json()["makeup_credit_id"]
        listed = world.rossi.get(f"/makeup-credits?attendee_id={child['id']}").json()["items"]
        free = world.rossi.get(f"/makeup-credits/{credit}/sessions?limit=100").json()["items"]
        order = world.draft(world.rossi, child)
        line = {"session_id": str(wanted[3]["id"]), "makeup_credit_id": credit}
        cart = world.rossi.put(f"/orders/{order['id']}/lines", {"lines": [line]}).json()
        made = world.rossi.post(f"/orders/{order['id']}/submission", world.submission(cart, "PAY_NOW_PAY_ALL"))

        assert (told.status_code, told.json()["status"], told.json()["why_none"]) == (200, "ABSENT_NOTIFIED", "")
        assert [(each["id"], each["status"]) for each in listed] == [(credit, "AVAILABLE")]
        assert str(wanted[3]["id"]) in {each["id"] for each in free}
        assert (cart["total_minor"], cart["lines"][0]["kind"], made.json()["status"]) == (
            0,
            "MAKEUP_SESSION",
            "APPROVED",
        )
        (after,) = world.rossi.get(f"/makeup-credits?attendee_id={child['id']}").json()["items"]
        assert (after["status"], after["order_id"]) == ("BOOKED", order["id"])

    def test_is_taken_back_by_an_admin_and_seen_by_nobody_else(self, world: World) -> None:
        wanted, child = with_rule(world), world.new_child("Ben")
        booked = world.confirmed(child, wanted[1:2])["booking"]["id"]
        told = world.rossi.post(f"/bookings/{booked}/absences", {"session_id": str(wanted[1]["id"])}).json()
        credit = f"/makeup-credits/{told['makeup_credit_id']}"

        assert world.chen.get(f"{credit}/sessions").status_code == 404
        assert world.chen.post(f"/bookings/{booked}/absences", {"session_id": str(wanted[1]["id"])}).status_code == 404
        revoked = world.admin.post(f"{credit}/revocation", {"reason": "By mistake"})
        assert (revoked.status_code, revoked.json()["status"]) == (200, "REVOKED")
        again = world.admin.post(f"{credit}/revocation", {"reason": "By mistake"})
        assert (again.status_code, again.json()["code"]) == (409, "not_allowed_now")

    def test_a_roll_is_closed_when_its_session_is_over(self, world: World) -> None:
        wanted = world.new_sessions()
        answer = world.staff.post(f"/sessions/{wanted[0]['id']}/roll/closing")

        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (409, "session_not_over")


class TestAbsenceWithdrawal:
    def test_takes_the_absence_and_its_credit_back(self, world: World) -> None:
        wanted, child = with_rule(world), world.new_child("Abe")
        booked = world.confirmed(child, wanted[1:2])["booking"]["id"]
        absence = {"session_id": str(wanted[1]["id"])}
        world.rossi.post(f"/bookings/{booked}/absences", absence)

        back = world.rossi.post(f"/bookings/{booked}/absences/withdrawal", absence)
        again = world.rossi.post(f"/bookings/{booked}/absences/withdrawal", absence)

        assert (back.status_code, back.json()["status"]) == (200, "EXPECTED"), back.text
        (credit,) = world.rossi.get(f"/makeup-credits?attendee_id={child['id']}").json()["items"]
        assert (credit["status"], credit["reach"]) == ("REVOKED", "PROGRAM")
        assert (again.status_code, again.json()["reasons"][0]["code"]) == (409, "not_absent")
