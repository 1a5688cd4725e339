"""Direct debit over HTTP: a mandate, a debit, and what the bank says of it."""

from typing import Any

from tests.api.conftest import World

IBAN = "DE89 3704 0044 0532 0130 00"


def mandated(world: World) -> dict[str, Any]:
    """The Rossis' mandate in force."""
    given = world.rossi.post("/mandates", {"holder": "Carla Rossi", "iban": IBAN, "signed_on": "2026-03-30"})
    assert given.status_code == 201, given.text
    answer = world.finance.post(f"/mandates/{given.json()['id']}/activation")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class TestMandates:
    def test_a_family_gives_one_and_the_office_activates_it(self, world: World) -> None:
        mandate = mandated(world)

        shown = world.rossi.get(f"/mandates/{mandate['id']}").json()
        assert (shown["status"], shown["bank_account"], shown["allowed"]) == ("ACTIVE", "DE•• •••• 3000", ["revoke"])
        assert "iban" not in shown
        listed = world.finance.get(f"/mandates?account_id={world.rossi_account['id']}&status=ACTIVE").json()["items"]
        assert [each["id"] for each in listed] == [mandate["id"]]

    def test_another_family_sees_nothing_of_it(self, world: World) -> None:
        mandate = mandated(world)

        assert world.chen.get(f"/mandates/{mandate['id']}").status_code == 404
        assert world.chen.get("/mandates").json()["items"] == []
        assert world.chen.post(f"/mandates/{mandate['id']}/revocation").status_code == 404
        assert world.rossi.post(f"/mandates/{mandate['id']}/activation").status_code == 403

    def test_a_wrong_bank_account_names_its_field_and_nothing_is_kept(self, world: World) -> None:
        before = world.count("direct_debit_mandate")

        answer = world.rossi.post("/mandates", {"holder": "Carla Rossi", "iban": "DE88 3704 0044 0532 0130 00"})

        assert answer.status_code == 422
        assert [(r["code"], r["field"]) for r in answer.json()["reasons"]] == [("bank_account_invalid", "iban")]
        assert world.count("direct_debit_mandate") == before

    def test_a_family_withdraws_it(self, world: World) -> None:
        mandate = mandated(world)

        answer = world.rossi.post(f"/mandates/{mandate['id']}/revocation", {"reason": "we change banks"})

        assert (answer.status_code, answer.json()["status"]) == (200, "REVOKED")
        again = world.rossi.post(f"/mandates/{mandate['id']}/revocation")
        assert (again.status_code, again.json()["code"]) == (409, "not_allowed_now")


class TestDebits:
    def test_from_the_invoice_to_the_return(self, world: World) -> None:
        mandated(world)
        invoice_id = world.confirmed(world.new_child(), world.sessions[:2])["invoice_id"]

        debit = world.finance.post(f"/invoices/{invoice_id}/debits").json()
        said = [
            world.finance.post(f"/debits/{debit['id']}/{word}", body).json()["status"]
            for word, body in (("presentation", None), ("settlement", None), ("return", {"reason": "no funds"}))
        ]

        assert (debit["status"], debit["provider"], debit["amount_minor"]) == ("PENDING", "direct_debit", 2260)
        assert said == ["PROCESSING", "SUCCESS", "FAILED"]
        invoice = world.rossi.get(f"/invoices/{invoice_id}").json()
        assert (invoice["paid_minor"], invoice["owing_minor"]) == (0, 2260)
        shown = world.rossi.get(f"/payments/{debit['id']}").json()
        assert (shown["failure_reason"], shown["returned_at"] is not None) == ("no funds", True)
        twice = world.finance.post(f"/debits/{debit['id']}/return")
        assert (twice.status_code, twice.json()["code"], twice.json()["facts"]["status"]) == (
            409, "debit_not_there", "FAILED",
        )  # fmt: skip
        assert "is FAILED; this step takes a debit that is SUCCESS." in twice.json()["detail"]

    def test_without_a_mandate_it_is_refused_in_words(self, world: World) -> None:
        active = world.finance.get(f"/mandates?account_id={world.rossi_account['id']}&status=ACTIVE").json()["items"]
        for each in active:
            world.finance.post(f"/mandates/{each['id']}/revocation")
        invoice_id = world.confirmed(world.new_child(), world.sessions[:1])["invoice_id"]

        answer = world.finance.post(f"/invoices/{invoice_id}/debits")

        assert answer.status_code == 409
        assert [r["code"] for r in answer.json()["reasons"]] == ["no_mandate"]
        assert "Rossi family has no mandate in force" in answer.json()["detail"]


OFFERED = ["PAY_NOW_PAY_ALL", "PAY_NOW_PAY_DEPOSIT", "DIRECT_DEBIT"]


def scheduled(world: World) -> list[dict[str, Any]]:
    """Sessions of an offering with a deposit of a quarter and two instalments."""
    sessions = world.new_sessions(count=2)
    offering_id = sessions[0]["term_program_set_id"]
    for name, value in (
        ("confirmation_types", OFFERED),
        ("deposit", {"percent": "25"}),
        ("instalments", {"count": 2, "every": "FORTNIGHT"}),
        ("rest_due", {"days_after_order": 30}),
    ):
        answer = world.admin.put(f"/rules/TPS/{offering_id}/{name}", {"value": value})
        assert answer.status_code == 200, answer.text
    return sessions


class TestSchedules:
    def test_are_shown_before_the_submit_agreed_by_it_and_shown_on_the_booking(self, world: World) -> None:
        mandated(world)
        cart = world.cart(world.rossi, world.new_child(), scheduled(world))
        path = f"/orders/{cart['id']}/payment-schedule"

        shown = world.rossi.get(f"{path}?confirmation_type=DIRECT_DEBIT").json()
        blind = world.rossi.post(f"/orders/{cart['id']}/submission", world.submission(cart, "DIRECT_DEBIT"))
        body = world.submission(cart, "DIRECT_DEBIT") | {"schedule_fingerprint": shown["fingerprint"]}
        order = world.rossi.post(f"/orders/{cart['id']}/submission", body)

        assert [(part["kind"], part["amount_minor"]) for part in shown["instalments"]] == [("INSTALMENT", 1130)] * 2
        assert (shown["is_agreed"], shown["deposit_minor"], shown["notices"]) == (False, 0, [])
        assert (blind.status_code, blind.json()["reasons"][0]["code"]) == (409, "schedule_changed")
        assert (order.status_code, order.json()["status"]) == (200, "APPROVED")
        agreed = world.rossi.get(path).json()
        assert (agreed["is_agreed"], agreed["fingerprint"]) == (True, shown["fingerprint"])
        booking = world.rossi.get(f"/bookings/{order.json()['booking_id']}").json()
        assert booking["payment_schedule"] == agreed
        assert world.chen.get(path).status_code == 404

    def test_a_deposit_says_what_is_paid_first(self, world: World) -> None:
        cart = world.cart(world.rossi, world.new_child(), scheduled(world))

        shown = world.rossi.get(f"/orders/{cart['id']}/payment-schedule?confirmation_type=PAY_NOW_PAY_DEPOSIT").json()
        order = world.rossi.post(f"/orders/{cart['id']}/submission", world.submission(cart, "PAY_NOW_PAY_DEPOSIT"))

        assert (shown["deposit_minor"], [part["kind"] for part in shown["instalments"]]) == (565, ["DEPOSIT", "REST"])
        assert order.json()["status"] == "SUBMITTED"

    def test_where_there_is_none_it_says_why(self, world: World) -> None:
        cart = world.cart(world.rossi, world.new_child(), world.sessions[:1])
        path = f"/orders/{cart['id']}/payment-schedule"

        shown = world.rossi.get(f"{path}?confirmation_type=PAY_NOW_PAY_DEPOSIT").json()

        assert (shown["instalments"], [notice["code"] for notice in shown["notices"]]) == ([], ["no_deposit"])
        assert world.rossi.get(path).status_code == 404

    def test_a_rule_with_nonsense_names_itself(self, world: World) -> None:
        offering_id = world.offering["id"]
        for name, value in (
            ("instalments", {"count": 0}), ("instalments", {"count": 3, "every": "YEAR"}), ("rest_due", {}),
            ("rest_due", {"days_before_start": 1, "days_after_order": 1}), ("rest_due", {"days_before_start": -1}),
        ):  # fmt: skip
            answer = world.admin.put(f"/rules/TPS/{offering_id}/{name}", {"value": value})

            assert (answer.status_code, answer.json()["code"]) == (422, "rule_is_invalid"), value
            assert [reason["field"] for reason in answer.json()["reasons"]] == [name]
