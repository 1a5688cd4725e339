"""Wallets and refunds over HTTP: what each caller gets, and what is refused with its reason."""

from typing import Any

from tests.api.conftest import World


def topped_up(world: World, account: dict[str, Any], amount: str = "50.00") -> dict[str, Any]:
    made = world.finance.post(f"/accounts/{account['id']}/wallet/top-ups", {
        "amount": amount, "provider": "cash", "reason": "at the desk"})  # fmt: skip
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


class TestWallet:
    def test_holds_what_came_in_and_says_so(self, world: World) -> None:
        path = f"/accounts/{world.rossi_account['id']}/wallet"
        before = world.rossi.get(path).json()

        topped_up(world, world.rossi_account)
        given = world.admin.post(f"{path}/bonuses", {"amount": "10.00", "reason": "Welcome"})
        after = world.rossi.get(path).json()
        entries = world.rossi.get(f"{path}/entries").json()["items"]

        assert (given.status_code, given.json()["kind"]) == (201, "GRANTED")
        assert after["balance_minor"] - before["balance_minor"] == 50_00
        assert after["bonus_minor"] - before["bonus_minor"] == 10_00
        assert [entry["kind"] for entry in entries[:2]] == ["GRANTED", "TOPPED_UP"]
        assert {e["kind"] for e in world.rossi.get(f"{path}/entries?kind=GRANTED").json()["items"]} == {"GRANTED"}

    def test_pays_an_order_and_what_is_too_much_is_refused(self, world: World) -> None:
        topped_up(world, world.rossi_account)
        order = world.submitted(world.new_child("Uma"), world.new_sessions()[:1], "PAY_NOW_PAY_ALL")
        payments = f"/orders/{order['id']}/payments"

        more = world.rossi.post(payments, {"provider": "wallet", "amount_minor": 99_999_99})
        paid = world.rossi.post(payments, {"provider": "wallet"})

        assert (more.status_code, [r["code"] for r in more.json()["reasons"]]) == (422, ["amount_not_in_wallet"])
        assert (paid.status_code, paid.json()["status"]) == (201, "SUCCESS")
        assert world.rossi.get(f"/orders/{order['id']}").json()["status"] == "APPROVED"

    def test_pays_an_order_with_its_submission(self, world: World) -> None:
        spend_all(world)
        topped_up(world, world.rossi_account, "1000.00")
        cart = world.cart(world.rossi, world.new_child("Uma"), world.new_sessions()[:1])
        path, asked = f"/orders/{cart['id']}/submission", world.submission(cart, "PAY_NOW_PAY_ALL")

        later = world.rossi.post(path, world.submission(cart, "CONFIRM_WITHOUT_PAYMENT") | {"from_wallet": True})
        paid = world.rossi.post(path, asked | {"from_wallet": True})

        assert (later.status_code, [r["code"] for r in later.json()["reasons"]]) == (422, ["not_paid_now"])
        assert (paid.status_code, paid.json()["status"]) == (200, "APPROVED"), paid.text
        held = world.rossi.get(f"/accounts/{world.rossi_account['id']}/wallet").json()["available_minor"]
        assert held == 1000_00 - cart["total_minor"]

    def test_that_is_empty_refuses_the_submission_whole(self, world: World) -> None:
        spend_all(world)
        cart = world.cart(world.rossi, world.new_child("Uma"), world.new_sessions()[:1])
        path, asked = f"/orders/{cart['id']}/submission", world.submission(cart, "PAY_NOW_PAY_ALL")

        refused = world.rossi.post(path, asked | {"from_wallet": True})

        assert (refused.status_code, refused.json()["code"]) == (409, "wallet_empty")
        assert world.rossi.get(f"/orders/{cart['id']}").json()["status"] == "CREATED"

    def test_pays_a_part_of_it_with_the_submission(self, world: World) -> None:
        spend_all(world)
        topped_up(world, world.rossi_account, "1.00")
        cart = world.cart(world.rossi, world.new_child("Uma"), world.new_sessions()[:1])

        part = world.rossi.post(f"/orders/{cart['id']}/submission",
                                world.submission(cart, "PAY_NOW_PAY_ALL") | {"from_wallet": True})  # fmt: skip
        rest = world.admin.post(f"/orders/{cart['id']}/payments", {
            "provider": "cash", "amount_minor": cart["total_minor"] - 1_00, "reason": "at the desk"})  # fmt: skip

        assert (part.status_code, part.json()["status"]) == (200, "SUBMITTED"), part.text
        assert rest.status_code == 201, rest.text
        assert world.rossi.get(f"/orders/{cart['id']}").json()["status"] == "APPROVED"

    def test_pays_a_group_order_whole_or_not_at_all(self, world: World) -> None:
        group = world.group_order(world.new_child("Amy"), world.new_child("Bob"), world.new_sessions()[:1])
        submitted = world.rossi.post(f"/group-orders/{group['id']}/submission", {
            "confirmation_type": "PAY_NOW_PAY_ALL", "price_fingerprint": group["price_fingerprint"]})  # fmt: skip
        assert submitted.status_code == 200, submitted.text
        path, total = f"/group-orders/{group['id']}/payments", submitted.json()["total_minor"]
        wallet = f"/accounts/{world.rossi_account['id']}/wallet"
        spend_all(world)
        topped_up(world, world.rossi_account, f"{(total - 1) / 100:.2f}")

        short = world.rossi.post(path, {"provider": "wallet"})
        topped_up(world, world.rossi_account, "0.01")
        paid = world.rossi.post(path, {"provider": "wallet"})

        assert (short.status_code, short.json()["code"]) == (409, "wallet_too_low")
        assert paid.status_code == 201, paid.text
        orders = world.rossi.get(f"/group-orders/{group['id']}").json()["orders"]
        assert [order["status"] for order in orders] == ["APPROVED"] * 2
        assert world.rossi.get(wallet).json()["available_minor"] == 0

    def test_a_wrong_movement_is_undone_once(self, world: World) -> None:
        path = f"/accounts/{world.chen_account['id']}/wallet"
        world.admin.post(f"{path}/bonuses", {"amount": "7.00", "reason": "Welcome"})
        entry = world.admin.get(f"{path}/entries?kind=GRANTED").json()["items"][0]["id"]

        undone = world.finance.post(f"/wallet-entries/{entry}/correction", {"reason": "Typed twice"})
        again = world.finance.post(f"/wallet-entries/{entry}/correction", {"reason": "Typed twice"})

        assert (undone.status_code, undone.json()["corrects_id"]) == (201, entry)
        assert (again.status_code, again.json()["code"]) == (409, "not_undoable")

    def test_what_is_wrong_is_named_and_nothing_is_written(self, world: World) -> None:
        path, before = f"/accounts/{world.rossi_account['id']}/wallet", world.count("wallet_entry")

        for amount in ("0.00", "-5.00", "1.005", "many"):
            answer = world.finance.post(f"{path}/top-ups", {"amount": amount, "provider": "cash", "reason": "desk"})
            assert (answer.status_code, [r["field"] for r in answer.json()["reasons"]]) == (422, ["amount"]), amount
        late = {"amount": "5.00", "reason": "late", "expires_at": "2020-01-01T00:00:00-05:00"}
        assert world.admin.post(f"{path}/bonuses", late).json()["reasons"][0]["code"] == "expires_in_the_past"
        assert world.count("wallet_entry") == before

    def test_is_nobody_elses(self, world: World) -> None:
        path = f"/accounts/{world.rossi_account['id']}/wallet"

        assert world.chen.get(path).status_code == 404
        assert world.chen.get(f"{path}/entries").status_code == 404
        assert world.chen.post(f"{path}/top-ups", {"amount": "5.00"}).status_code == 404
        assert world.rossi.post(f"{path}/bonuses", {"amount": "5.00", "reason": "mine"}).status_code == 403


def test_bookings_are_listed_by_how_they_stand_with_what_they_owe(world: World) -> None:
    booking = paid_and_cancelled(world, "Zoe")

    paid = world.finance.get("/bookings?payment_state=PAID").json()["items"]
    waiting = world.finance.get("/bookings?payment_state=PENDING_PAYMENT").json()["items"]
    unknown = world.finance.get("/bookings?payment_state=LATER")

    assert booking in {one["id"] for one in paid}
    assert {one["payment_state"] for one in paid} == {"PAID"}
    assert (waiting, unknown.status_code) == ([], 422)


class TestRefunds:
    def test_is_asked_rejected_asked_again_and_approved(self, world: World) -> None:
        booking = paid_and_cancelled(world, "Ivy")
        path = f"/bookings/{booking}/refund-request"

        asked = world.rossi.post(path, {"amount": "1.00", "destination": "ORIGINAL", "reason": "We move"})
        request = f"/refund-requests/{asked.json()['id']}"
        twice = world.rossi.post(path, {"amount": "1.00", "destination": "ORIGINAL"})
        rejected = world.finance.post(f"{request}/rejection", {"note": "Too early"})
        again = world.rossi.post(path, {"amount": "1.00", "destination": "ORIGINAL"})
        approved = world.finance.post(f"{request}/approval", {"note": "As agreed"})
        late = world.admin.post(f"{request}/approval", {"note": "Again"})

        assert (asked.status_code, asked.json()["status"]) == (201, "PENDING")
        assert (twice.status_code, twice.json()["code"]) == (409, "not_allowed_now")
        assert (rejected.json()["status"], again.json()["attempt"]) == ("REJECTED", 2)
        assert (approved.json()["status"], approved.json()["refunds"][0]["amount_minor"]) == ("APPROVED", 1_00)
        assert (late.status_code, late.json()["code"]) == (409, "not_allowed_now")
        (sent,) = world.rossi.get(request).json()["refunds"]
        by_hand = world.finance.post(f"/refunds/{sent['id']}/payment")
        assert by_hand.status_code == 200, by_hand.text
        once_more = world.finance.post(f"/refunds/{sent['id']}/payment")
        assert (once_more.status_code, once_more.json()["code"]) == (409, "refund_is_settled")

    def test_more_than_is_refundable_is_refused(self, world: World) -> None:
        booking = paid_and_cancelled(world, "Eve")

        answer = world.rossi.post(f"/bookings/{booking}/refund-request", {"amount": "9999.00"})

        assert (answer.status_code, [r["code"] for r in answer.json()["reasons"]]) == (422, ["above_refundable"])

    def test_is_nobody_elses(self, world: World) -> None:
        booking = paid_and_cancelled(world, "Una")
        asked = world.rossi.post(f"/bookings/{booking}/refund-request", {"amount": "1.00"}).json()

        assert world.chen.get(f"/refund-requests/{asked['id']}").status_code == 404
        assert world.chen.post(f"/bookings/{booking}/refund-request", {"amount": "1.00"}).status_code == 404
        assert world.rossi.post(f"/refund-requests/{asked['id']}/approval", {}).status_code == 403
        listed = world.finance.get("/refund-requests?is_open=true&limit=200").json()["items"]
        assert asked["id"] in {each["id"] for each in listed}


class TestRefundsOfWallets:
    def test_is_asked_without_a_booking_and_paid_out_once(self, world: World) -> None:
        account = world.rossi_account["id"]
        held = world.rossi.get(f"/accounts/{account}/wallet").json()["balance_minor"]
        topped = world.finance.post(f"/accounts/{account}/wallet/top-ups", {
            "amount": "7.00", "provider": "cash", "reason": "at the desk"})  # fmt: skip
        assert topped.status_code == 201, topped.text
        path = f"/accounts/{account}/wallet/refund-request"

        asked = world.rossi.post(path, {"amount": "7.00", "reason": "We move"})
        request = f"/refund-requests/{asked.json()['id']}"
        twice = world.rossi.post(path, {"amount": "1.00"})
        approved = world.finance.post(f"{request}/approval", {"note": "As agreed"})

        assert (asked.status_code, asked.json()["booking_id"], asked.json()["booking_reference"]) == (201, None, None)
        assert (twice.status_code, twice.json()["code"]) == (409, "not_allowed_now")
        assert sum(sent["amount_minor"] for sent in approved.json()["refunds"]) == 7_00
        assert world.rossi.get(f"/accounts/{account}/wallet").json()["balance_minor"] == held
        listed = world.finance.get("/refund-requests?is_of_wallet=true").json()["items"]
        assert {one["booking_id"] for one in listed} == {None}
        assert asked.json()["id"] in {one["id"] for one in listed}

    def test_is_nobody_elses_and_never_more_than_there_is(self, world: World) -> None:
        path = f"/accounts/{world.rossi_account['id']}/wallet/refund-request"

        more = world.rossi.post(path, {"amount": "99999.00"})
        named = world.rossi.post(path, {"amount": "1.00", "destination": "WALLET"})

        assert world.chen.post(path, {"amount": "1.00"}).status_code == 404
        assert (more.status_code, [r["code"] for r in more.json()["reasons"]]) in (
            (422, ["above_refundable"]), (409, ["above_refundable"]))  # fmt: skip
        assert named.status_code == 422


def spend_all(world: World) -> None:
    """What is in the wallet of the Rossi family pays a pass of just that price."""
    held = world.rossi.get(f"/accounts/{world.rossi_account['id']}/wallet").json()["available_minor"]
    if held:
        elsewhere = str(world.rows("SELECT id FROM program LIMIT 1")[0]["id"])
        sold = world.admin.post("/pass-products", {
            "name": "One extra", "price": f"{held / 100:.2f}", "validity_days": 1, "units": 1, "covers": "EXTRAS",
            "program_ids": [elsewhere]})  # fmt: skip
        bought = world.rossi.post(f"/accounts/{world.rossi_account['id']}/passes", {"product_id": sold.json()["id"]})
        assert bought.status_code == 201, bought.text


def paid_and_cancelled(world: World, name: str) -> str:
    """A booking that was paid in cash and given up in time: the money is in the wallet."""
    order = world.submitted(world.new_child(name), world.new_sessions()[5:6], "PAY_NOW_PAY_ALL")
    paid = world.finance.post(f"/orders/{order['id']}/payments", {
        "provider": "cash", "amount_minor": order["total_minor"], "reason": "at the desk"})  # fmt: skip
    assert paid.status_code == 201, paid.text
    booking: str = world.rossi.get(f"/orders/{order['id']}").json()["booking"]["id"]
    review = world.rossi.get(f"/bookings/{booking}/cancellation").json()
    gone = world.rossi.post(f"/bookings/{booking}/cancellation", {
        "reason": "we move", "fingerprint": review["fingerprint"]})  # fmt: skip
    assert gone.status_code == 200, gone.text
    return booking
