"""A family books its children in one request and submits them in another."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.conftest import World
from tests.api.test_hot_path import counting
from tests.builders import Row


def submission(group: dict[str, Any], how: str = "PAY_NOW_PAY_ALL") -> dict[str, Any]:
    return {"confirmation_type": how, "price_fingerprint": group["price_fingerprint"]}


def submit(world: World, group: dict[str, Any], how: str = "PAY_NOW_PAY_ALL", **more: Any) -> Any:
    return world.rossi.post(f"/group-orders/{group['id']}/submission", submission(group, how), **more)


def names_free_places(world: World, reason: dict[str, Any]) -> bool:
    """Whether the alternatives of a reason can be looked up and have as many places left as it says."""
    alternatives = reason["facts"]["alternatives"]
    shown = [world.rossi.get(f"/sessions/{each['session_id']}").json() for each in alternatives]
    return bool(alternatives) and [each["left"] for each in alternatives] == [session["left"] for session in shown]


class TestBegin:
    def test_answers_with_the_carts_and_the_price_of_all(self, world: World) -> None:
        slots = world.new_sessions(count=2)

        group = world.group_order(world.new_child("Zoe"), world.new_child("Ivo"), slots)

        assert [order["status"] for order in group["orders"]] == ["CREATED", "CREATED"]
        assert [len(order["lines"]) for order in group["orders"]] == [2, 2]
        assert (group["total_minor"], group["submitted_at"]) == (4520, None)
        assert group["policy_in_words"].startswith("All or nothing")
        assert world.rossi.get(f"/group-orders/{group['id']}").json()["price_fingerprint"] == group["price_fingerprint"]

    def test_the_carts_are_filled_anew(self, world: World) -> None:
        slots, zoe = world.new_sessions(count=2), world.new_child("Zoe")
        group = world.group_order(zoe, slots)

        body = {"orders": [{"attendee_id": str(zoe["id"]), "lines": [{"session_id": str(slots[0]["id"])}]}]}
        saved = world.rossi.put(f"/group-orders/{group['id']}/lines", body).json()

        assert saved["total_minor"] == 1130
        assert submit(world, group).status_code == 409
        assert submit(world, saved).status_code == 200

    def test_bad_input_names_the_field_and_writes_nothing(self, world: World) -> None:
        zoe, before = world.new_child("Zoe"), world.count("group_order")
        line = {"session_id": str(world.sessions[0]["id"])}
        cart = {"attendee_id": str(zoe["id"]), "lines": [line]}
        for orders, code, field in (
            ([], "too_short", "orders"),
            ([cart, cart], "twice", "orders[1].attendee_id"),
            ([{**cart, "lines": [line, line]}], "twice", "orders[0].lines[1].session_id"),
            ([{**cart, "lines": [{"session_id": str(uuid4())}]}], "unknown", "orders[0].lines[0].session_id"),
            ([{**cart, "order_type": "EOI"}], "literal_error", "orders[0].order_type"),
        ):
            answer = world.rossi.post("/group-orders", {"term_id": str(world.term["id"]), "orders": orders})

            assert answer.status_code == 422, answer.text
            assert (answer.json()["reasons"][0]["code"], answer.json()["reasons"][0]["field"]) == (code, field)
        assert world.count("group_order") == before

    def test_lists_show_a_family_its_own(self, world: World) -> None:
        group = world.group_order(world.new_child("Zoe"), world.new_sessions(count=1))

        theirs = world.rossi.get("/group-orders?is_submitted=false&limit=200").json()["items"]

        assert [found["attendees"] for found in theirs if found["id"] == group["id"]] == [["Zoe"]]
        assert world.chen.get("/group-orders").json()["items"] == []


class TestSubmit:
    def test_takes_the_places_of_all_and_says_so_again(self, world: World) -> None:
        group = world.group_order(world.new_child("Zoe"), world.new_child("Ivo"), world.new_sessions(count=2))
        key = {"Idempotency-Key": str(uuid4())}

        answer, again = (submit(world, group, headers=key) for _ in range(2))

        assert [order["status"] for order in answer.json()["orders"]] == ["SUBMITTED", "SUBMITTED"]
        assert answer.json()["left_out"] == []
        assert answer.json() == again.json()
        assert again.headers["idempotent-replayed"] == "true"

    def test_one_conflict_refuses_all_and_names_what_is_free(self, world: World) -> None:
        slots = world.new_sessions(capacity=1, count=2)
        world.submitted(world.new_child("Early"), slots[:1])
        group = world.group_order(world.new_child("Zoe"), slots[:1])

        refused = submit(world, group).json()

        (reason,) = refused["reasons"]
        assert (refused["code"], reason["code"]) == ("refused", "session_full")
        assert reason["field"] == "orders[0].lines[0].session_id"
        assert names_free_places(world, reason)

    def test_a_single_order_is_told_what_is_free_too(self, world: World) -> None:
        slots = world.new_sessions(capacity=1, count=2)
        world.submitted(world.new_child("Early"), slots[:1])
        cart = world.cart(world.rossi, world.new_child("Zoe"), slots[:1])

        refused = world.rossi.post(f"/orders/{cart['id']}/submission", world.submission(cart, "PAY_NOW_PAY_ALL"))

        assert names_free_places(world, refused.json()["reasons"][0])

    def test_best_effort_submits_what_can_be_had(self, world: World) -> None:
        slots = world.new_sessions(capacity=1, count=3)
        world.submitted(world.new_child("Early"), slots[:1])
        zoe, ivo = world.new_child("Zoe"), world.new_child("Ivo")
        group = world.group_order(zoe, ivo, slots[:2], policy="BEST_EFFORT")

        submitted = submit(world, group).json()

        assert [order["status"] for order in submitted["orders"]] == ["SUBMITTED", "CREATED"]
        assert submitted["total_minor"] == 1130 + 2260
        assert world.rossi.get(f"/group-orders/{group['id']}").json()["total_minor"] == 1130 + 2260
        assert [left["session_ids"] for left in submitted["left_out"]] == [
            [str(slots[0]["id"])], [str(slots[0]["id"]), str(slots[1]["id"])],
        ]  # fmt: skip

    def test_the_answer_keeps_the_order_in_which_they_were_named(self, world: World) -> None:
        full, free = world.new_sessions(capacity=1, count=1), world.new_sessions(count=1)
        world.submitted(world.new_child("Early"), full)
        zoe, ivo = world.new_child("Zoe"), world.new_child("Ivo")
        group = world.rossi.post("/group-orders", {
            "term_id": str(world.term["id"]), "policy": "BEST_EFFORT", "orders": [
                {"attendee_id": str(child["id"]), "lines": [{"session_id": str(wanted[0]["id"])}]}
                for child, wanted in ((zoe, full), (ivo, free))
            ],
        }).json()  # fmt: skip

        submitted = submit(world, group).json()

        assert [(order["attendee_id"], order["status"]) for order in submitted["orders"]] == [
            (str(zoe["id"]), "CREATED"), (str(ivo["id"]), "SUBMITTED"),
        ]  # fmt: skip

    @pytest.mark.parametrize("policy", ["ALL_OR_NOTHING", "BEST_EFFORT"])
    def test_an_overdue_hold_is_in_nobodys_way(self, world: World, policy: str) -> None:
        slots = world.new_sessions(capacity=1, count=2)
        early = world.submitted(world.new_child("Early"), slots[:1], "PAY_NOW_PAY_ALL")
        group = world.group_order(world.new_child("Zoe"), slots, policy=policy)

        world.clock.move(timedelta(minutes=16))
        submitted = submit(world, group).json()

        assert submitted["left_out"] == []
        assert [order["status"] for order in submitted["orders"]] == ["SUBMITTED"]
        assert world.rossi.get(f"/orders/{early['id']}").json()["status"] == "CANCELED"

    def test_by_direct_debit_shows_the_schedules_of_all_first(self, world: World) -> None:
        slots = world.new_sessions(count=1)
        rule = f"/rules/TPS/{slots[0]['term_program_set_id']}/confirmation_types"
        world.admin.put(rule, {"value": ["PAY_NOW_PAY_ALL", "DIRECT_DEBIT"]})
        group = world.group_order(world.new_child("Zoe"), slots)
        path = f"/group-orders/{group['id']}"

        schedule = world.rossi.get(f"{path}/payment-schedule?confirmation_type=DIRECT_DEBIT").json()
        blind = submit(world, group, "DIRECT_DEBIT")
        agreed = world.rossi.post(f"{path}/submission", submission(group, "DIRECT_DEBIT")
                                  | {"schedule_fingerprint": schedule["fingerprint"]})  # fmt: skip

        (its,) = schedule["orders"]
        assert sum(part["amount_minor"] for part in its["instalments"]) == schedule["total_minor"]
        assert (blind.status_code, blind.json()["reasons"][0]["code"]) == (409, "schedule_changed")
        assert agreed.status_code == 200, agreed.text
        assert [order["status"] for order in agreed.json()["orders"]] == ["SUBMITTED"]

    def test_only_an_admin_sets_rules_aside(self, world: World) -> None:
        group = world.group_order(world.new_child("Zoe"), world.new_sessions(count=1))

        answer = world.rossi.post(f"/group-orders/{group['id']}/submission",
                                  submission(group) | {"override_reason": "please"})  # fmt: skip

        assert (answer.status_code, answer.json()["reasons"][0]["field"]) == (403, "override_reason")


class TestCost:
    def test_a_submission_takes_as_many_statements_at_any_number_of_children_and_sessions(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The family's first submission begins its billing group; those after it go on in it.
        self.submission_of(world, 1, 1, monkeypatch)
        sent = {size: self.submission_of(world, *size, monkeypatch) for size in ((1, 1), (2, 10), (5, 10))}

        assert len({len(statements) for statements in sent.values()}) == 1, {k: len(v) for k, v in sent.items()}
        assert len(sent[5, 10]) <= 8, sent[5, 10]
        # Not one long statement in place of many either: it has as many parts.
        assert len({tuple(s.count("UPDATE") for s in statements) for statements in sent.values()}) == 1

    def test_by_pay_later_too(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        sent = [self.submission_of(world, *size, monkeypatch, "CONFIRM_WITHOUT_PAYMENT") for size in ((1, 1), (5, 10))]

        assert len(sent[0]) == len(sent[1]) <= 10, sent[1]

    def test_a_refusal_with_alternatives_does_too(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        counts = set()
        for children, sessions in ((1, 1), (2, 10), (5, 10)):
            slots = world.new_sessions(capacity=1, count=sessions)
            world.submitted(world.new_child("Early"), slots)
            group = world.group_order(*self.children(world, children), slots)
            with counting(monkeypatch) as sent:
                assert submit(world, group).status_code == 409
            counts.add(len(sent))

        assert len(counts) == 1, counts

    def submission_of(
        self, world: World, children: int, sessions: int, monkeypatch: pytest.MonkeyPatch, how: str = "PAY_NOW_PAY_ALL"
    ) -> list[str]:  # fmt: skip
        group = world.group_order(*self.children(world, children), world.new_sessions(count=sessions))
        with counting(monkeypatch) as sent:
            answer = submit(world, group, how, headers={"Idempotency-Key": str(uuid4())})
        assert answer.status_code == 200, answer.text
        return sent

    def children(self, world: World, count: int) -> list[Row]:
        return [world.new_child(f"Child {n}") for n in range(count)]
