"""A key makes a retry safe: the same request gets the same answer, another one is refused, one at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from engine.database import Transaction
from tests.api.conftest import World


def key() -> dict[str, str]:
    return {"Idempotency-Key": f"try-{uuid4()}"}


class TestTheSameRequest:
    def test_makes_one_order(self, world: World) -> None:
        body = {"attendee_id": str(world.mia["id"]), "term_id": str(world.term["id"])}
        headers, before = key(), world.count("term_booking_order")

        first = world.rossi.post("/orders", body, headers=headers)
        second = world.rossi.post("/orders", body, headers=headers)

        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json() == second.json()
        assert second.headers["idempotent-replayed"] == "true"
        assert second.headers["etag"] == first.headers["etag"]
        assert second.headers["location"] == first.headers["location"]
        assert world.count("term_booking_order") == before + 1

    def test_gets_the_answer_of_a_move_long_after_the_order_has_moved_on(self, world: World) -> None:
        cart = world.cart(world.admin, world.new_child(), world.sessions[:2], world.rossi_account)
        headers, path = key(), f"/orders/{cart['id']}/submission"
        first = world.admin.post(path, world.submission(cart), headers=headers)
        world.admin.post(f"/orders/{cart['id']}/confirmation", {"reason": "agreed"})

        again = world.admin.post(path, world.submission(cart), headers=headers)

        assert (again.status_code, again.json()) == (200, first.json())

    def test_gets_the_same_refusal_though_it_would_pass_now(self, world: World) -> None:
        full = world.new_sessions(capacity=1, count=1)
        holder = world.submitted(world.new_child(), full)
        cart = world.cart(world.rossi, world.new_child(), full)
        headers, path = key(), f"/orders/{cart['id']}/submission"
        body = world.submission(cart, "PAY_NOW_PAY_ALL")
        refused = world.rossi.post(path, body, headers=headers)
        world.admin.post(f"/orders/{holder['id']}/cancellation", {"reason": "gone"})

        again = world.rossi.post(path, body, headers=headers)

        assert (refused.status_code, again.status_code) == (409, 409)
        assert again.json() | {"request_id": ""} == refused.json() | {"request_id": ""}
        assert again.json()["request_id"] == again.headers["x-request-id"]
        assert again.headers["content-type"] == "application/problem+json"
        assert world.rossi.post(path, body, headers=key()).status_code == 200

    def test_of_another_person_is_another_request(self, world: World) -> None:
        headers = key()

        mine = world.rossi.post("/orders", _draft(world, world.mia), headers=headers)
        theirs = world.chen.post("/orders", _draft(world, world.lin), headers=headers)

        assert (mine.status_code, theirs.status_code) == (201, 201)
        assert mine.json()["id"] != theirs.json()["id"]

    def test_works_for_admin_writes_too(self, world: World) -> None:
        headers = key()

        made = [world.admin.post("/accounts", {"name": "Nguyen family"}, headers=headers) for _ in range(2)]

        assert [answer.status_code for answer in made] == [201, 201]
        assert made[0].json() == made[1].json()

    def test_shows_the_secret_of_a_token_once(self, world: World) -> None:
        headers = key()

        first, second = (world.admin.post("/tokens", {"label": "kiosk"}, headers=headers) for _ in range(2))

        assert first.json()["token"].startswith("tb_")
        assert second.json() == first.json() | {"token": None}
        stored = world.rows("SELECT response::text AS kept FROM idempotency_key WHERE organisation_id = %(org)s")
        assert not any(first.json()["token"] in row["kept"] for row in stored)


class TestAnotherRequest:
    @pytest.mark.parametrize("change", ["body", "path"])
    def test_with_the_same_key_is_refused(self, world: World, change: str) -> None:
        headers = key()
        world.rossi.post("/orders", _draft(world, world.mia), headers=headers)

        if change == "body":
            answer = world.rossi.post("/orders", _draft(world, world.mia) | {"order_type": "TRIAL_SESSION"},
                                      headers=headers)  # fmt: skip
        else:
            answer = world.rossi.post("/attendees", {"name": "Ada", "date_of_birth": "2018-01-01"}, headers=headers)

        assert answer.status_code == 422
        assert answer.json()["code"] == "idempotency_key_reused"

    def test_a_key_is_visible_ascii(self, world: World) -> None:
        for bad in ("", "with space", "x" * 201):
            answer = world.rossi.post("/orders", _draft(world, world.mia), headers={"Idempotency-Key": bad})

            assert answer.status_code == 422, bad
            assert "idempotency-key" in answer.text


class TestInFlight:
    def test_a_second_attempt_is_told_to_wait(self, world: World) -> None:
        cart = world.cart(world.admin, world.new_child(), world.sessions[:1], world.rossi_account)
        headers, path = key(), f"/orders/{cart['id']}/submission"
        locked, let_go = threading.Event(), threading.Event()

        def hold_the_order(tx: Transaction) -> None:
            tx.rows("SELECT 1 FROM term_booking_order WHERE organisation_id = %(org)s AND id = %(id)s FOR UPDATE",
                    id=cart["id"])  # fmt: skip
            locked.set()
            let_go.wait(30)

        with ThreadPoolExecutor(2) as pool:
            pool.submit(world.edit, hold_the_order)
            locked.wait(30)
            first = pool.submit(world.admin.post, path, world.submission(cart), headers=headers)
            second = _until_in_flight(world, path, cart, headers)
            let_go.set()
            done = first.result(30)

        assert second.status_code == 409
        assert second.json()["code"] == "in_flight"
        assert "retry-after" in second.headers
        assert done.status_code == 200
        assert world.admin.post(path, world.submission(cart), headers=headers).json() == done.json()

    def test_many_at_once_make_one_order(self, world: World) -> None:
        headers, before = key(), world.count("term_booking_order")

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: world.rossi.post("/orders", _draft(world, world.mia), headers=headers),
                                    range(24)))  # fmt: skip

        assert {answer.status_code for answer in answers} <= {201, 409}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"in_flight"}
        assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
        assert world.count("term_booking_order") == before + 1


def _until_in_flight(world: World, path: str, cart: dict[str, Any], headers: dict[str, str]) -> Any:
    """The first attempt holds its key as soon as it is authenticated; the second never waits."""
    deadline = threading.Event()
    while not deadline.wait(0.1):
        held = world.rows("SELECT count(*) AS n FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
                          "WHERE l.locktype = 'advisory' AND d.datname = current_database()")[0]["n"]  # fmt: skip
        if held:
            return world.admin.post(path, world.submission(cart), headers=headers)
    raise AssertionError("the first attempt holds its key")


def _draft(world: World, child: dict[str, Any]) -> dict[str, str]:
    return {"attendee_id": str(child["id"]), "term_id": str(world.term["id"])}
