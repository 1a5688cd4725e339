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
