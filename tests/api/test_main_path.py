"""The main job over HTTP: from an empty draft to a confirmed booking."""

from tests.api.conftest import World


class TestAnAdminEnrolsAChild:
    def test_from_draft_to_booking(self, world: World) -> None:
        order = world.draft(world.admin, world.mia, world.rossi_account)
        assert (order["status"], order["version"], order["total_minor"]) == ("DRAFT", 1, 0)

        lines = [{"session_id": str(session["id"])} for session in world.sessions]
        cart = world.admin.put(f"/orders/{order['id']}/lines", {"lines": lines}).json()
        assert (cart["status"], cart["total_minor"], cart["total"]) == ("CREATED", 11300, "$113.00")
        assert len(cart["lines"]) == 10
        assert cart["notices"] == []

        submitted = world.admin.post(f"/orders/{order['id']}/submission", world.submission(cart))
        assert submitted.json()["status"] == "SUBMITTED"
        assert submitted.headers["etag"] == '"3"'

        quoted = world.admin.post(f"/orders/{order['id']}/quote").json()
        assert quoted["status"] == "QUOTE"
        assert quoted["expires_at"]

        accepted = world.admin.post(f"/orders/{order['id']}/acceptance").json()
        assert accepted["status"] == "ACCEPT"

        confirmed = world.admin.post(f"/orders/{order['id']}/confirmation", {"reason": "paid by cheque"}).json()
        assert confirmed["status"] == "APPROVED"
        assert confirmed["booking"]["reference"].startswith("TB-")

        whole = world.admin.get(f"/orders/{order['id']}").json()
        assert whole["quote_number"] == "Q-2026-000001"
        assert whole["invoice_id"] == confirmed["invoice_id"]
        assert whole["booking"] == confirmed["booking"]
        shared = confirmed.keys() - {"booking_id"}
        assert {key: whole[key] for key in shared} == {key: confirmed[key] for key in shared}

        history = world.admin.get(f"/orders/{order['id']}/history").json()["items"]
        assert [event["trigger"] for event in history] == ["new", "save", "submit", "quote", "accept", "confirm"]
        assert history[-1]["actor"] == "admin"
