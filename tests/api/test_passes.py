"""Passes over HTTP: put on sale, bought, used by an order, given back, and who may not."""

from typing import Any
from uuid import uuid4

from tests.api.conftest import World

TEN = {"name": "Ten sessions", "price": "100.00", "validity_days": 180, "units": 10, "tax_name": "HST",
       "tax_percent": "13", "returns": "ALWAYS"}  # fmt: skip


def on_sale(world: World, **more: Any) -> dict[str, Any]:
    made = world.admin.post("/pass-products", {**TEN, **more})
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


def bought(world: World, product: dict[str, Any], *, by: Any = None) -> dict[str, Any]:
    account = (by or world.rossi_account)["id"]
    made = world.finance.post(f"/accounts/{account}/passes", {
        "product_id": product["id"], "provider": "cash", "reason": "at the desk"})  # fmt: skip
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


class TestSelling:
    def test_is_put_on_sale_and_withdrawn(self, world: World) -> None:
        program = str(world.rows("SELECT program_id FROM term_program_set WHERE id = %(id)s",
                                 id=world.offering["id"])[0]["program_id"])  # fmt: skip
        product = on_sale(world, program_ids=[program])

        assert (product["total_minor"], product["tax_percent"], product["program_ids"]) == (100_00, "13", [program])
        assert product["id"] in {p["id"] for p in world.rossi.get("/pass-products?is_on_sale=true").json()["items"]}
        withdrawn = world.admin.post(f"/pass-products/{product['id']}/withdrawal")
        assert withdrawn.json()["withdrawn_at"] is not None
        refused = world.finance.post(f"/accounts/{world.rossi_account['id']}/passes", {
            "product_id": product["id"], "provider": "cash", "reason": "at the desk"})  # fmt: skip
        assert (refused.status_code, refused.json()["code"]) == (409, "pass_withdrawn")

    def test_all_are_listed_with_their_family_and_a_family_sees_its_own(self, world: World) -> None:
        pass_id = bought(world, on_sale(world))["id"]

        def listed(query: str = "", *, by: Any = world.finance) -> dict[str, str]:
            return {one["id"]: one["account"] for one in by.get(f"/passes{query}").json()["items"]}

        assert listed()[pass_id] == world.rossi_account["name"]
        assert pass_id in listed("?is_good=true")
        assert pass_id not in listed("?is_good=false")
        assert set(listed(by=world.rossi).values()) == {world.rossi_account["name"]}

    def test_what_is_wrong_is_named_by_field(self, world: World) -> None:
        for wrong, field in (
            ({"price": "0.00"}, "price"), ({"price": "1.005"}, "price"), ({"units": 0}, "units"),
            ({"category_ids": [str(uuid4())]}, "category_ids[0]"), ({"validity_days": 0}, "validity_days"),
        ):  # fmt: skip
            answer = world.admin.post("/pass-products", {**TEN, **wrong})
            assert (answer.status_code, [r["field"] for r in answer.json()["reasons"]]) == (422, [field])

    def test_a_wallet_with_too_little_buys_none(self, world: World) -> None:
        product, before = on_sale(world), world.count("entitlement")

        answer = world.chen.post(f"/accounts/{world.chen_account['id']}/passes", {"product_id": product["id"]})

        assert (answer.status_code, answer.json()["code"]) == (409, "wallet_too_low")
        assert world.count("entitlement") == before

    def test_finance_takes_one_back_once_and_says_why(self, world: World) -> None:
        mine = bought(world, on_sale(world))
        path, wallet = f"/passes/{mine['id']}/revocation", f"/accounts/{world.rossi_account['id']}/wallet"
        before = world.finance.get(wallet).json()["balance_minor"]
        assert world.finance.post(path, {"reason": " "}).status_code == 422
        assert world.rossi.post(path, {"reason": "please"}).status_code == 403

        taken = world.finance.post(path, {"reason": "They move away"})

        assert taken.status_code == 200, taken.text
        assert (taken.json()["revoked_minor"], taken.json()["left"]) == (100_00, 0)
        assert taken.json()["revoke_reason"] == "They move away"
        assert world.finance.get(wallet).json()["balance_minor"] == before + 100_00
        again = world.finance.post(path, {"reason": "again"})
        assert (again.status_code, again.json()["code"]) == (409, "pass_revoked")

    def test_nobody_buys_or_sees_another_familys(self, world: World) -> None:
        product = on_sale(world)
        mine = bought(world, product)

        assert world.chen.get(f"/passes/{mine['id']}").status_code == 404
        assert world.chen.get(f"/passes/{mine['id']}/uses").status_code == 404
        assert world.chen.get(f"/accounts/{world.rossi_account['id']}/passes").status_code == 404
        path = f"/accounts/{world.rossi_account['id']}/passes"
        assert world.chen.post(path, {"product_id": product["id"]}).status_code == 404
        assert world.rossi.post(path, {"product_id": product["id"], "provider": "cash"}).status_code == 403


class TestUsing:
    def test_from_the_wallet_to_the_session_and_back(self, world: World) -> None:
        product, account = on_sale(world), world.chen_account["id"]
        world.finance.post(f"/accounts/{account}/wallet/top-ups", {
            "amount": "100.00", "provider": "cash", "reason": "at the desk"})  # fmt: skip

        mine = world.chen.post(f"/accounts/{account}/passes", {"product_id": product["id"]}).json()
        cart = world.cart(world.chen, world.lin, world.new_sessions()[3:5])
        made = world.chen.post(f"/orders/{cart['id']}/submission", world.submission(cart, "PAY_NOW_PAY_ALL")).json()
        used = world.chen.get(f"/passes/{mine['id']}").json()
        booking = f"/bookings/{made['booking']['id']}"
        review = world.chen.get(f"{booking}/cancellation").json()
        world.chen.post(f"{booking}/cancellation", {"reason": "ill", "fingerprint": review["fingerprint"]})

        assert (cart["total_minor"], made["status"]) == (0, "APPROVED")
        assert (used["used"], used["left"]) == (2, 8)
        assert [(p["kind"], p["units"]) for p in review["passes"]] == [("RETURNS", 1)] * 2
        uses = world.chen.get(f"/passes/{mine['id']}/uses").json()["items"]
        assert len(uses) == 2
        assert all(use["returned_at"] for use in uses)
        listed = world.chen.get(f"/accounts/{account}/passes?is_valid=true").json()["items"]
        assert (mine["id"], 0) in {(p["id"], p["used"]) for p in listed}

    def test_at_a_provider_it_waits_for_the_money(self, world: World) -> None:
        product, before = on_sale(world), world.count("entitlement")

        answer = world.chen.post(f"/accounts/{world.chen_account['id']}/pass-checkouts", {
            "product_id": product["id"], "provider": "nobody"})  # fmt: skip

        assert (answer.status_code, world.count("entitlement")) == (422, before)
