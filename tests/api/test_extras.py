"""Extras over the API: an admin sets how many there are, a family sees what is left, and who is late is refused."""

from typing import Any

import pytest

from tests.api.conftest import World


@pytest.fixture
def lunch(world: World) -> dict[str, Any]:
    """Two lunches at each session."""
    made = world.admin.post("/extras", {"name": "Lunch", "price_minor": 750, "stock": 2})
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


def left(world: World, session: Any, lunch: dict[str, Any]) -> int | None:
    items = world.rossi.get(f"/sessions/{session['id']}/extras").json()["items"]
    (found,) = [item for item in items if item["extra_id"] == lunch["id"]]
    return found["left"]  # type: ignore[no-any-return]


def ask(world: World, session: Any, lunch: dict[str, Any], quantity: int) -> dict[str, Any]:
    """A cart of the session with so many lunches."""
    cart = world.draft(world.rossi, world.new_child())
    lines = [{"session_id": str(session["id"]), "extras": [{"extra_id": lunch["id"], "quantity": quantity}]}]
    saved = world.rossi.put(f"/orders/{cart['id']}/lines", {"lines": lines})
    assert saved.status_code == 200, saved.text
    found: dict[str, Any] = saved.json()
    return found


def test_what_is_left_is_shown_and_what_is_not_is_refused(world: World, lunch: dict[str, Any]) -> None:
    (session,) = world.new_sessions(count=1)
    cart = ask(world, session, lunch, 2)
    assert left(world, session, lunch) == 2
    submitted = world.admin.post(f"/orders/{cart['id']}/submission", world.submission(cart))
    assert submitted.status_code == 200, submitted.text

    late = ask(world, session, lunch, 1)
    refusal = world.admin.post(f"/orders/{late['id']}/submission", world.submission(late))

    assert left(world, session, lunch) == 0
    assert [notice["code"] for notice in late["notices"]] == ["extra_sold_out"]
    assert refusal.status_code == 409
    (reason,) = refusal.json()["reasons"]
    assert (reason["code"], reason["field"]) == ("extra_sold_out", "lines[0].extras")


def test_a_change_brings_the_extras_of_the_sessions_that_it_adds(world: World, lunch: dict[str, Any]) -> None:
    first, second, third = world.new_sessions(count=3)
    booking = world.confirmed(world.new_child("Ida"), [first])["booking"]["id"]
    with_it = [{"extra_id": lunch["id"], "quantity": 1}]
    asked = {"lines": [{"session_id": str(first["id"])}, {"session_id": str(second["id"]), "extras": with_it}]}
    too_many = {"lines": [*asked["lines"], {"session_id": str(third["id"]), "extras": [with_it[0] | {"quantity": 3}]}]}

    foreseen = world.rossi.post(f"/bookings/{booking}/billing-difference", asked).json()
    change = world.rossi.post(f"/bookings/{booking}/change-orders").json()["id"]
    refused = world.rossi.put(f"/orders/{change}/lines", too_many).json()
    shown = world.rossi.put(f"/orders/{change}/lines", asked).json()["price_fingerprint"]
    world.admin.post(f"/orders/{change}/submission", {"confirmation_type": "ADMIN_CONFIRM", "price_fingerprint": shown})
    held = left(world, second, lunch)
    made = world.admin.post(f"/orders/{change}/confirmation", {"reason": "agreed", "difference_fingerprint": shown})

    assert foreseen["fingerprint"] == shown
    (extra,) = [line for line in foreseen["lines"] if line["component"].startswith("EXTRA:")]
    assert (extra["causes"], extra["session_id"]) == (["ADDED"], str(second["id"]))
    assert extra["description"].startswith("Lunch, ")
    assert [(notice["code"], notice["field"]) for notice in refused["notices"]] == [
        ("extra_sold_out", "lines[2].extras")]  # fmt: skip
    assert made.status_code == 200, made.text
    assert (held, left(world, second, lunch), left(world, third, lunch)) == (1, 1, 2)
    booked = world.rossi.get(f"/bookings/{booking}").json()["lines"]
    assert {line["session_id"]: [extra["name"] for extra in line["extras"]] for line in booked} == {
        str(first["id"]): [], str(second["id"]): ["Lunch"]}  # fmt: skip


def test_a_stock_is_never_less_than_what_is_taken(world: World, lunch: dict[str, Any]) -> None:
    (session,) = world.new_sessions(count=1)
    cart = ask(world, session, lunch, 2)
    world.admin.post(f"/orders/{cart['id']}/submission", world.submission(cart))

    refusal = world.admin.patch(f"/extras/{lunch['id']}", {"stock": 1})
    assert (refusal.status_code, refusal.json()["reasons"][0]["field"]) == (422, "stock")
    assert world.admin.patch(f"/extras/{lunch['id']}", {"stock": 3}).json()["stock"] == 3
    assert left(world, session, lunch) == 1
    assert world.admin.patch(f"/extras/{lunch['id']}", {"stock": None}).json()["stock"] is None
    assert left(world, session, lunch) is None


@pytest.mark.parametrize("stock", [-1, 1.5, "many", True])
def test_a_stock_is_a_whole_number(world: World, stock: Any) -> None:
    refusal = world.admin.post("/extras", {"name": "Bus", "price_minor": 0, "stock": stock})

    assert refusal.status_code == 422
    assert {reason["field"] for reason in refusal.json()["reasons"]} == {"stock"}
