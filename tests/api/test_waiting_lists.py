"""A waiting list over HTTP: join, see where one stands, be offered a place, accept or decline it."""

from typing import Any

import pytest

from tests.api.conftest import Person, World
from tests.builders import Row, attendee


def joined(world: World, by: Person, child: Row, wanted: list[Row], account: Row | None = None) -> dict[str, Any]:
    """What the waiting list answers when a child joins it."""
    cart = wanting(world, by, child, wanted, account)
    answer = by.post(f"/orders/{cart['id']}/waiting-entries")
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def wanting(world: World, by: Person, child: Row, wanted: list[Row], account: Row | None = None) -> dict[str, Any]:
    body = {"attendee_id": str(child["id"]), "term_id": str(world.term["id"]), "order_type": "WAITING_LIST"}
    order = by.post("/orders", body | ({"account_id": str(account["id"])} if account else {})).json()
    lines = [{"session_id": str(session["id"])} for session in wanted]
    answer = by.put(f"/orders/{order['id']}/lines", {"lines": lines})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def chens(world: World) -> Row:
    """A child of the Chens whose time is free."""
    found: Row = world.edit(lambda tx: attendee(tx, world.chen_account, name="Kai Chen"))
    return found


@pytest.fixture
def full(world: World) -> list[Row]:
    """A session of one place."""
    return world.new_sessions(capacity=1, count=1)


class TestJoining:
    def test_shows_the_position_and_the_policy_in_words(self, world: World, full: list[Row]) -> None:
        world.submitted(world.new_child(), full)

        first = joined(world, world.chen, chens(world), full)
        second = joined(world, world.rossi, world.new_child("Cleo"), full)

        assert [(e["status"], e["position"]) for e in first["entries"] + second["entries"]] == [
            ("WAITING", 1), ("WAITING", 2),
        ]  # fmt: skip
        assert "waited longest comes first" in first["policy"]
        assert "why" not in first["entries"][0]

    def test_a_family_sees_its_own_and_an_admin_all_with_the_reason(self, world: World, full: list[Row]) -> None:
        world.submitted(world.new_child(), full)
        joined(world, world.chen, chens(world), full)
        joined(world, world.rossi, world.new_child("Dora"), full)
        address = f"/waiting-entries?session_id={full[0]['id']}"

        own = world.chen.get(address).json()["items"]
        every = world.admin.get(address).json()["items"]

        assert [entry["attendee"] for entry in own] == ["Kai Chen"]
        assert [entry["position"] for entry in every] == [1, 2]
        assert every[0]["why"] == "By its time."

    def test_is_not_a_submission(self, world: World, full: list[Row]) -> None:
        cart = wanting(world, world.chen, chens(world), full)

        answer = world.chen.post(f"/orders/{cart['id']}/submission", world.submission(cart, "PAY_NOW_PAY_ALL"))

        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (409, "is_waiting")
        assert "wait" in cart["allowed"]
        assert "submit" not in cart["allowed"]


class TestAnOffer:
    def test_is_read_accepted_and_paid_like_any_order(self, world: World, full: list[Row]) -> None:
        held = world.submitted(world.new_child(), full)
        waits = joined(world, world.chen, chens(world), full)["entries"][0]
        world.admin.post(f"/orders/{held['id']}/cancellation", {"reason": "moved"})
        entry = world.chen.get(f"/waiting-entries?order_id={waits['order_id']}").json()["items"][0]
        offer = world.chen.get(f"/waiting-offers/{entry['offer_id']}").json()

        answer = world.chen.post(
            f"/waiting-offers/{offer['id']}/acceptance",
            {"confirmation_type": "CONFIRM_WITHOUT_PAYMENT", "price_fingerprint": offer["price_fingerprint"]},
        )
        again = world.chen.post(
            f"/waiting-offers/{offer['id']}/acceptance",
            {"confirmation_type": "PAY_NOW_PAY_ALL", "price_fingerprint": offer["price_fingerprint"]},
        )

        assert (offer["is_open"], offer["total_minor"]) == (True, 1130)
        assert answer.status_code == 200, answer.text
        (order,) = answer.json()["orders"]
        assert (order["status"], order["order_type"], order["total_minor"]) == ("APPROVED", "BOOKING", 1130)
        ended = world.chen.get(f"/orders/{waits['order_id']}").json()
        assert (ended["status"], ended["cancel_reason"]) == ("REMOVED", f"accepted as {order['reference']}")
        assert (again.status_code, again.json()["code"]) == (409, "not_allowed_now")

    def test_of_another_price_is_refused_with_the_price_of_now(self, world: World, full: list[Row]) -> None:
        entry = joined(world, world.rossi, world.new_child("Emil"), full)["entries"][0]

        answer = world.rossi.post(
            f"/waiting-offers/{entry['offer_id']}/acceptance",
            {"confirmation_type": "PAY_NOW_PAY_ALL", "price_fingerprint": "of another price"},
        )

        offer = world.rossi.get(f"/waiting-offers/{entry['offer_id']}").json()
        assert answer.status_code == 409
        assert answer.json()["reasons"][0]["code"] == "price_changed"
        assert answer.json()["reasons"][0]["facts"]["price_fingerprint"] == offer["price_fingerprint"]
        assert offer["is_open"]

    def test_declined_goes_to_the_next(self, world: World, full: list[Row]) -> None:
        first = joined(world, world.rossi, world.new_child("Finn"), full)["entries"][0]
        second = joined(world, world.chen, chens(world), full)["entries"][0]

        answer = world.rossi.post(f"/waiting-offers/{first['offer_id']}/declination", {"reason": "found another"})

        assert (first["status"], second["status"]) == ("OFFERED", "WAITING")
        assert [entry["status"] for entry in answer.json()["entries"]] == ["DECLINED"]
        now = world.chen.get(f"/waiting-entries?order_id={second['order_id']}").json()["items"][0]
        assert now["status"] == "OFFERED"

    def test_of_another_family_does_not_exist(self, world: World, full: list[Row]) -> None:
        entry = joined(world, world.rossi, world.new_child("Gus"), full)["entries"][0]

        assert world.chen.get(f"/waiting-offers/{entry['offer_id']}").status_code == 404
        assert world.chen.post(f"/waiting-offers/{entry['offer_id']}/declination").status_code == 404


class TestCapacity:
    def test_that_is_raised_is_offered_at_once(self, world: World, full: list[Row]) -> None:
        world.submitted(world.new_child(), full)
        waits = joined(world, world.chen, chens(world), full)["entries"][0]

        answer = world.admin.patch(f"/sessions/{full[0]['id']}", {"capacity": 2, "reason": "a second coach"})

        assert (answer.status_code, answer.json()["taken"], answer.json()["left"]) == (200, 2, 0)
        now = world.chen.get(f"/waiting-entries?order_id={waits['order_id']}").json()["items"][0]
        assert now["status"] == "OFFERED"


class TestAGroup:
    def test_joins_together_and_sees_its_group(self, world: World, full: list[Row]) -> None:
        carts = [wanting(world, world.rossi, world.new_child(name), full) for name in ("Hana", "Ida")]

        answer = world.rossi.post("/waiting-groups", {"order_ids": [cart["id"] for cart in carts]})

        assert answer.status_code == 201, answer.text
        assert sorted(entry["status"] for entry in answer.json()["entries"]) == ["SAVED", "WAITING"]
        assert {entry["group_id"] for entry in answer.json()["entries"]} == {answer.json()["group_id"]}

    def test_of_too_many_orders_is_refused(self, world: World) -> None:
        answer = world.rossi.post("/waiting-groups", {"order_ids": []})

        assert (answer.status_code, answer.json()["reasons"][0]["field"]) == (422, "order_ids")
