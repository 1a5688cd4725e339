"""Expressions of interest over HTTP: registered by a family, found by an admin, converted by either."""

from typing import Any

import pytest

from models import RuleSetting
from tests.api.conftest import World
from tests.builders import add


@pytest.fixture(scope="module", autouse=True)
def offered(world: World) -> None:
    """The centre takes expressions of interest."""
    world.edit(lambda tx: add(tx, RuleSetting, scope="ORGANISATION", scope_id=tx.organisation_id, name="order_types",
                              value=["BOOKING", "TRIAL_SESSION", "EOI"]))  # fmt: skip


def draft(world: World, child: Any) -> dict[str, Any]:
    body = {"attendee_id": str(child["id"]), "term_id": str(world.term["id"]), "order_type": "EOI"}
    answer = world.rossi.post("/orders", body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def interest(world: World, child: Any, wanted: list[Any], **more: Any) -> dict[str, Any]:
    """A registered expression of interest in these sessions."""
    order = draft(world, child)
    cart = {"lines": [{"session_id": str(session["id"])} for session in wanted], **more}
    assert world.rossi.put(f"/orders/{order['id']}/lines", cart).status_code == 200
    answer = world.rossi.post(f"/orders/{order['id']}/interest")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_from_interest_to_booking(world: World) -> None:
    wanted = world.new_sessions(count=2)
    asked = interest(world, world.new_child(), wanted)
    assert (asked["status"], asked["expires_at"]) == ("SUBMITTED", None)
    assert asked["allowed"] == ["reopen", "remove", "cancel"]

    begun = world.rossi.post(f"/orders/{asked['id']}/conversion")
    cart = begun.json()
    assert (begun.status_code, begun.headers["Location"]) == (201, f"/orders/{cart['id']}")
    assert (cart["order_type"], cart["status"], cart["notices"]) == ("BOOKING", "CREATED", [])
    assert (cart["converts_order_id"], cart["total_minor"]) == (asked["id"], 2260)
    assert world.rossi.get(f"/orders/{asked['id']}").json()["status"] == "SUBMITTED"

    submitted = world.rossi.post(f"/orders/{cart['id']}/submission", world.submission(cart, "PAY_NOW_PAY_ALL"))

    assert (submitted.status_code, submitted.json()["status"]) == (200, "SUBMITTED")
    ended = world.rossi.get(f"/orders/{asked['id']}").json()
    assert (ended["status"], ended["converted_into_id"]) == ("REMOVED", cart["id"])
    assert ended["cancel_reason"] == f"converted into {cart['reference']}"


def test_an_interest_without_sessions_says_what_it_is_about(world: World) -> None:
    order = draft(world, world.new_child())
    wishes = {"offering_ids": [str(world.offering["id"])], "program_ids": [str(world.offering["program_id"])],
              "note": "Any morning"}  # fmt: skip

    saved = world.rossi.put(f"/orders/{order['id']}/lines", {"lines": [], "wishes": wishes}).json()
    expressed = world.rossi.post(f"/orders/{order['id']}/interest")

    assert [wish["name"] for wish in saved["wishes"]] == ["Karate", "Karate"]
    assert expressed.json()["note"] == "Any morning"
    read = world.admin.get(f"/orders/{order['id']}").json()
    assert read["wishes"] == saved["wishes"]
    found = world.admin.get("/orders", params={"order_type": "EOI", "offering_id": str(world.offering["id"])})
    assert order["id"] in [each["id"] for each in found.json()["items"]]


def test_what_is_wrong_is_named(world: World) -> None:
    order = draft(world, world.new_child())

    empty = world.rossi.post(f"/orders/{order['id']}/interest")
    world.rossi.put(f"/orders/{order['id']}/lines", {"lines": []})
    nothing = world.rossi.post(f"/orders/{order['id']}/interest")
    unknown = world.rossi.put(f"/orders/{order['id']}/lines",
                              {"lines": [], "wishes": {"offering_ids": [order["id"]]}})  # fmt: skip
    override = world.rossi.post(f"/orders/{order['id']}/interest", {"override_reason": "please"})
    of_another = world.chen.post(f"/orders/{order['id']}/conversion")
    submitted = world.rossi.post(f"/orders/{order['id']}/submission", world.submission(order, "PAY_NOW_PAY_ALL"))

    assert (empty.status_code, empty.json()["code"]) == (409, "not_allowed_now")
    assert [reason["code"] for reason in nothing.json()["reasons"]] == ["nothing_wanted"]
    assert unknown.status_code == 422
    assert unknown.json()["reasons"][0]["field"] == "wishes.offering_ids[0]"
    assert override.status_code == 403
    assert of_another.status_code == 404
    assert "is_interest" in [reason["code"] for reason in submitted.json()["reasons"]]


def test_only_what_stands_is_converted(world: World) -> None:
    cart = world.cart(world.rossi, world.new_child(), world.new_sessions(count=1))

    answer = world.rossi.post(f"/orders/{cart['id']}/conversion")

    assert answer.status_code == 409
    assert [reason["code"] for reason in answer.json()["reasons"]] == ["not_convertible"]


def test_an_admin_converts_several(world: World) -> None:
    wanted = world.new_sessions(capacity=1, count=1)
    asked = [interest(world, world.new_child(name), wanted) for name in ("Ada", "Ida")]
    body = {"conversions": [{"order_id": each["id"]} for each in asked], "confirmation_type": "PAY_NOW_PAY_ALL"}

    by_a_family = world.rossi.post("/eoi-conversions", body)
    all_or_none = world.admin.post("/eoi-conversions", body)
    best = world.admin.post("/eoi-conversions", {**body, "is_best_effort": True}, headers={"Idempotency-Key": "best"})
    again = world.admin.post("/eoi-conversions", {**body, "is_best_effort": True}, headers={"Idempotency-Key": "best"})

    assert by_a_family.status_code == 403
    assert all_or_none.status_code == 409
    assert [each["field"] for each in all_or_none.json()["reasons"]] == ["conversions[1].lines[0].session_id"]
    found = best.json()
    assert (found["converted"], found["refused"]) == (1, 1)
    assert found["items"][0]["order"]["converts_order_id"] == asked[0]["id"]
    assert found["items"][0]["order"]["status"] == "SUBMITTED"
    assert [reason["code"] for reason in found["items"][1]["reasons"]] == ["session_full"]
    assert again.json() == found


def test_a_booked_trial_is_converted(world: World) -> None:
    wanted, child = world.new_sessions(count=2), world.new_child()
    begun = world.rossi.post("/orders", {"attendee_id": str(child["id"]), "term_id": str(world.term["id"]),
                                         "order_type": "TRIAL_SESSION"}).json()  # fmt: skip
    cart = world.rossi.put(f"/orders/{begun['id']}/lines", {"lines": [{"session_id": str(wanted[0]["id"])}]}).json()
    submission = {"confirmation_type": "ADMIN_CONFIRM", "price_fingerprint": cart["price_fingerprint"]}
    assert world.admin.post(f"/orders/{cart['id']}/submission", submission).status_code == 200
    booked = world.admin.post(f"/orders/{cart['id']}/confirmation", {"reason": "as agreed"}).json()

    made = world.rossi.post(f"/orders/{cart['id']}/conversion").json()
    lines = [{"session_id": str(session["id"])} for session in wanted]
    saved = world.rossi.put(f"/orders/{made['id']}/lines", {"lines": lines}).json()
    answer = world.rossi.post(f"/orders/{made['id']}/submission", world.submission(saved, "PAY_NOW_PAY_ALL"))

    assert (saved["notices"], answer.status_code) == ([], 200)
    trial = world.rossi.get(f"/bookings/{booked['booking']['id']}").json()
    assert (trial["status"], trial["converted_into_id"]) == ("CANCELED", made["id"])
    assert len(trial["credit_notes"]) == 1
