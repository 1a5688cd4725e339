"""A booking changed over HTTP: the difference is shown, paid for and confirmed, and nothing that was not shown is."""

from typing import Any

from engine.database import Transaction
from tests import builders as build
from tests.api.conftest import SUNDAYS, World


def lines(sessions: list[dict[str, Any]]) -> dict[str, Any]:
    return {"lines": [{"session_id": str(session["id"])} for session in sessions]}


class TestChange:
    def test_from_what_if_to_the_next_revision(self, world: World) -> None:
        sundays = world.new_sessions(count=10)
        booking = world.confirmed(world.new_child("Ada"), sundays[5:7])["booking"]["id"]
        wanted = lines(sundays[6:9])

        foreseen = world.rossi.post(f"/bookings/{booking}/billing-difference", wanted).json()
        begun = world.rossi.post(f"/bookings/{booking}/change-orders")
        change = begun.json()
        second = world.admin.post(f"/bookings/{booking}/change-orders")
        saved = world.rossi.put(f"/orders/{change['id']}/lines", wanted).json()
        shown = world.rossi.get(f"/orders/{change['id']}/billing-difference").json()
        stale = world.admin.post(f"/orders/{change['id']}/submission", {
            "confirmation_type": "ADMIN_CONFIRM", "price_fingerprint": "seen-nothing"})  # fmt: skip
        submitted = world.admin.post(f"/orders/{change['id']}/submission", {
            "confirmation_type": "ADMIN_CONFIRM", "price_fingerprint": shown["fingerprint"]})  # fmt: skip
        unseen = world.admin.post(f"/orders/{change['id']}/confirmation", {"reason": "as agreed"})
        confirmed = world.admin.post(f"/orders/{change['id']}/confirmation", {
            "reason": "as agreed", "difference_fingerprint": shown["fingerprint"]})  # fmt: skip

        assert (begun.status_code, change["status"], change["original_booking_id"]) == (201, "DRAFT", booking)
        assert (second.status_code, second.json()["reasons"][0]["code"]) == (409, "change_open")
        assert saved["price_fingerprint"] == shown["fingerprint"]
        assert foreseen == shown
        assert (shown["delta_minor"], shown["invoice_minor"], shown["credit_note_minor"]) == (1130, 2260, 1130)
        assert sorted(line["causes"][0] for line in shown["lines"]) == ["ADDED", "ADDED", "CANCELLED"]
        assert (stale.status_code, stale.json()["reasons"][0]["code"]) == (409, "price_changed")
        assert (submitted.status_code, submitted.json()["status"]) == (200, "SUBMITTED")
        (reason,) = unseen.json()["reasons"]
        assert (unseen.status_code, reason["code"]) == (409, "difference_is_stale")
        assert reason["facts"]["fingerprint"] == shown["fingerprint"]
        assert (confirmed.status_code, confirmed.json()["status"]) == (200, "APPROVED"), confirmed.text
        made = world.rossi.get(f"/bookings/{booking}").json()
        assert (made["revision"], made["total_minor"], made["session_count"]) == (2, 3390, 3)
        assert sorted(invoice["total_minor"] for invoice in made["invoices"]) == [2260, 2260]
        pdf = world.rossi.get(f"/invoices/{made['invoices'][0]['id']}/document")
        assert pdf.content[:5] == b"%PDF-"

    def test_what_if_with_adjustments_is_what_the_change_comes_to(self, world: World) -> None:
        sundays = world.new_sessions(count=10)
        booking = world.confirmed(world.new_child("Uma"), sundays[5:7])["booking"]["id"]
        dearer = {"session_id": str(sundays[5]["id"]), "amount_minor": 500, "reason": "a private lesson"}
        cheaper = {"session_id": str(sundays[6]["id"]), "amount_minor": -300, "reason": "the hall was cold"}
        adjusted = {"adjustments": [cheaper, dearer]}
        wanted = lines(sundays[5:8])

        foreseen = world.admin.post(f"/bookings/{booking}/billing-difference", wanted | adjusted)
        by_family = world.rossi.post(f"/bookings/{booking}/billing-difference", wanted | adjusted)
        too_much = world.admin.post(f"/bookings/{booking}/billing-difference", wanted | {
            "adjustments": [cheaper | {"amount_minor": -999_900}]})  # fmt: skip
        change = world.admin.post(f"/bookings/{booking}/change-orders").json()
        world.admin.put(f"/orders/{change['id']}/lines", wanted)
        world.admin.put(f"/orders/{change['id']}/adjustments", adjusted)
        shown = world.admin.get(f"/orders/{change['id']}/billing-difference").json()
        world.admin.post(f"/orders/{change['id']}/removal", {"reason": "only looked"})

        assert foreseen.status_code == 200, foreseen.text
        assert foreseen.json() == shown
        assert shown["delta_minor"] == 1130 + 500 - 300
        assert by_family.status_code == 403
        assert (too_much.status_code, too_much.json()["reasons"][0]["code"]) == (409, "adjustment_too_large")

    def test_a_family_that_only_gives_up_is_done_with_its_submission(self, world: World) -> None:
        sundays = world.new_sessions(count=10)
        booking = world.confirmed(world.new_child("Ben"), sundays[5:7])["booking"]["id"]
        change = world.rossi.post(f"/bookings/{booking}/change-orders").json()["id"]
        shown = world.rossi.put(f"/orders/{change}/lines", lines(sundays[6:7])).json()["price_fingerprint"]

        done = world.rossi.post(f"/orders/{change}/submission", {
            "confirmation_type": "PAY_NOW_PAY_ALL", "price_fingerprint": shown})  # fmt: skip

        assert (done.status_code, done.json()["status"]) == (200, "APPROVED"), done.text
        assert world.rossi.get(f"/bookings/{booking}").json()["total_minor"] == 1130

    def test_a_change_that_is_discarded_changes_nothing(self, world: World) -> None:
        booking = world.confirmed(world.new_child("Cleo"), world.new_sessions(count=10)[5:7])["booking"]["id"]
        change = world.rossi.post(f"/bookings/{booking}/change-orders").json()["id"]

        gone = world.admin.post(f"/orders/{change}/removal", {"reason": "not wanted"})

        assert gone.json()["status"] == "REMOVED"
        assert world.rossi.get(f"/bookings/{booking}").json()["revision"] == 1

    def test_what_goes_with_new_orders_only_is_refused_by_its_field(self, world: World) -> None:
        sundays = world.new_sessions(count=10)
        booking = world.confirmed(world.new_child("Dora"), sundays[5:7])["booking"]["id"]
        change = world.rossi.post(f"/bookings/{booking}/change-orders").json()["id"]

        answer = world.rossi.put(f"/orders/{change}/lines", {**lines(sundays[5:6]), "promo_code": "SPRING"})

        assert (answer.status_code, answer.json()["reasons"][0]["field"]) == (422, "promo_code")
        world.rossi.post(f"/orders/{change}/removal")

    def test_another_familys_is_not_there(self, world: World) -> None:
        sundays = world.new_sessions(count=10)
        booking = world.confirmed(world.new_child("Emil"), sundays[5:7])["booking"]["id"]

        begun = world.chen.post(f"/bookings/{booking}/change-orders")
        foreseen = world.chen.post(f"/bookings/{booking}/billing-difference", lines(sundays[5:6]))

        assert (begun.status_code, foreseen.status_code) == (404, 404)


class TestCompanions:
    """Two courses that combine: the second makes the first cheaper."""

    def booked(self, world: World) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
        karate = world.new_sessions(count=10)[5:7]

        def make(tx: Transaction) -> list[dict[str, Any]]:
            (place,) = tx.rows("SELECT s.* FROM site s JOIN program p ON p.site_id = s.id WHERE p.id = %(id)s",
                               id=world.offering["program_id"])  # fmt: skip
            made = build.offering(tx, world.term, build.program(tx, place, name="Swimming"))
            return [*build.sessions(tx, made, SUNDAYS[7]), {"program_id": made["program_id"]}]

        *swimming, of = world.edit(make)
        combined = {"kind": "COMBINE_BOOKING", "order": 1, "percent": "10",
                    "conditions": {"programs": [str(of["program_id"])]}}  # fmt: skip
        rule = world.admin.put(f"/rules/TPS/{karate[0]['term_program_set_id']}/discounts", {"value": [combined]})
        assert rule.status_code == 200, rule.text
        mia = world.new_child("Mia")
        return world.confirmed(mia, karate)["booking"], mia, swimming

    def test_is_shown_held_and_confirmed_with_its_cause(self, world: World) -> None:
        booking, mia, swimming = self.booked(world)
        cart = world.cart(world.rossi, mia, swimming)
        before = {order["id"] for order in world.rossi.get("/orders?limit=200").json()["items"]}

        submitted = world.rossi.post(f"/orders/{cart['id']}/submission", world.submission(cart, "PAY_NOW_PAY_ALL"))

        (shown,) = cart["companions"]
        assert (shown["was_minor"], shown["becomes_minor"], shown["status"]) == (2260, 2034, None)
        assert shown["delta"] == "-$2.26"
        assert submitted.status_code == 200, submitted.text
        (held,) = submitted.json()["companions"]
        assert held["status"] == "SUBMITTED_CHANGE"
        assert {order["id"] for order in world.rossi.get("/orders?limit=200").json()["items"]} == before
        companion = world.rossi.get(f"/orders/{held['order_id']}").json()
        assert (companion["status"], companion["cause_order_id"]) == ("SUBMITTED_CHANGE", cart["id"])
        refused = world.rossi.post(f"/orders/{held['order_id']}/removal")
        assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (409, "is_companion")

        confirmed = world.admin.post(f"/orders/{cart['id']}/confirmation",
                                     {"reason": "as agreed", "confirmation_type": "ADMIN_CONFIRM"})  # fmt: skip

        assert confirmed.status_code == 200, confirmed.text
        given_up = world.rossi.post(f"/bookings/{confirmed.json()['booking_id']}/billing-difference", {"lines": []})
        assert given_up.status_code == 200, given_up.text
        (back,) = given_up.json()["companions"]
        assert (back["was_minor"], back["becomes_minor"]) == (2034, 2260)
        (made,) = world.rossi.get(f"/orders/{cart['id']}").json()["companions"]
        assert (made["status"], made["delta_minor"]) == ("APPROVED", -226)
        assert made["why"][0] == "Combined booking discount: booked together"
        assert world.rossi.get(f"/bookings/{booking['id']}").json()["total_minor"] == 2034


class TestAQuotedOrder:
    def test_is_changed_adjusted_and_quoted_anew(self, world: World) -> None:
        child, sessions = world.new_child("Kim"), world.new_sessions(count=4)
        order = world.submitted(child, sessions[:2])
        world.admin.post(f"/orders/{order['id']}/quote")

        begun = world.admin.post(f"/orders/{order['id']}/change-orders")
        change = f"/orders/{begun.json()['id']}"
        lines = [{"session_id": str(each["id"])} for each in sessions[:3]]
        world.admin.put(f"{change}/lines", {"lines": lines})
        adjusted = world.admin.put(f"{change}/adjustments", {"adjustments": [
            {"session_id": lines[0]["session_id"], "amount_minor": -100, "reason": "The hall was cold"}]})  # fmt: skip
        review = world.admin.get(f"{change}/billing-difference").json()
        submitted = {"confirmation_type": "ADMIN_CONFIRM", "price_fingerprint": review["fingerprint"]}
        world.admin.post(f"{change}/submission", submitted)
        confirmed = world.admin.post(
            f"{change}/confirmation", {"reason": "as agreed", "difference_fingerprint": review["fingerprint"]}
        )

        assert (begun.status_code, begun.json()["original_order_id"]) == (201, order["id"])
        assert adjusted.status_code == 200, adjusted.text
        assert {cause for line in review["lines"] for cause in line["causes"]} == {"ADDED", "MANUAL"}
        assert (confirmed.status_code, confirmed.json()["status"]) == (200, "APPROVED"), confirmed.text
        read = world.admin.get(f"/orders/{order['id']}").json()
        assert (read["status"], read["total_minor"]) == ("QUOTE", 3 * 1130 - 100)

    def test_an_adjustment_of_nothing_is_no_adjustment(self, world: World) -> None:
        booking = world.confirmed(world.new_child("Lou"), world.new_sessions(count=2))["booking"]["id"]
        change = world.admin.post(f"/bookings/{booking}/change-orders").json()
        line = {"session_id": change["id"], "amount_minor": 0, "reason": "none"}

        answer = world.admin.put(f"/orders/{change['id']}/adjustments", {"adjustments": [line]})

        assert (answer.status_code, answer.json()["reasons"][0]["field"]) == (422, "adjustments[0].amount_minor")
