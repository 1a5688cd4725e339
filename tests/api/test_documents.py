"""Planned invoices, invoice runs, receipts, statements and the list of documents by HTTP."""

from io import BytesIO
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import pytest
from pypdf import PdfReader

from engine.actor import Actor
from models import ActorKind, RuleSetting
from tests.api.conftest import World
from tests.builders import NOW, Row, account, add
from workflows import wallet
from workflows.invoice_runs import finish


@pytest.fixture(scope="module")
def monthly(world: World) -> list[Row]:
    """Ten Sundays from 5 April on, invoiced per month in advance."""
    made = world.new_sessions(capacity=20, count=8)

    def rule(tx: Any) -> None:
        add(tx, RuleSetting, scope="TPS", scope_id=made[0]["term_program_set_id"], name="invoicing",
            value="PERIOD_IN_ADVANCE")  # fmt: skip

    world.edit(rule)
    return made


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages).split())


@pytest.fixture(scope="module")
def paid(world: World) -> dict[str, Any]:
    """A booking over 22.60 of which 20.00 are paid by hand."""
    order = world.confirmed(world.new_child("Uma"), world.new_sessions(count=2))
    by_hand = {"provider": "manual", "amount_minor": 2000, "reason": "cash at the desk"}
    answer = world.finance.post(f"/orders/{order['id']}/payments", by_hand)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


class TestRuns:
    def test_a_run_is_previewed_and_begun_by_finance(self, world: World, monthly: list[Row]) -> None:
        order = world.confirmed(world.new_child("Ida"), monthly)
        planned = world.rossi.get("/scheduled-invoices", params={"booking_id": order["booking_id"]}).json()["items"]
        assert [(row["period_from"], row["issue_on"]) for row in planned] == [("2026-05-01", "2026-04-24")]
        assert planned[0]["total_minor"] == planned[0]["sessions"] * 1130
        assert world.chen.get("/scheduled-invoices").json()["items"] == []

        seen = world.finance.get("/invoice-runs/preview", params={"through": "2026-04-24"}).json()
        assert (seen["invoices"], seen["total_minor"]) == (1, planned[0]["total_minor"])
        body = {"through": "2026-04-24", "fingerprint": seen["fingerprint"]}
        begun = world.finance.post("/invoice-runs", body)
        assert begun.status_code == 201, begun.text
        assert (begun.json()["status"], begun.json()["previewed_invoices"]) == ("RUNNING", 1)

        again = world.finance.post("/invoice-runs", body)
        assert (again.status_code, again.json()["reasons"][0]["code"]) == (409, "run_under_way")
        assert world.finance.get(begun.headers["location"]).json()["id"] == begun.json()["id"]
        assert world.finance.get("/invoice-runs").json()["items"][0]["id"] == begun.json()["id"]

        run_id = UUID(begun.json()["id"])
        finish(world.database, world.organisation_id, run_id=run_id, now=world.clock.now())
        (issued,) = world.finance.get("/invoices", params={"run_id": str(run_id)}).json()["items"]
        archive = world.finance.get(f"/invoice-runs/{run_id}/documents")
        assert archive.headers["content-type"] == "application/zip"
        with ZipFile(BytesIO(archive.content)) as files:
            assert files.namelist() == [f"{issued['number']}.pdf"]
            assert files.testzip() is None
            assert files.read(files.namelist()[0]) == world.finance.get(f"/invoices/{issued['id']}/document").content
        with ZipFile(BytesIO(world.finance.get(f"/invoice-runs/{run_id}/documents?part=2").content)) as nothing:
            assert nothing.namelist() == []

    def test_a_stale_preview_is_refused(self, elsewhere: World) -> None:
        answer = elsewhere.finance.post("/invoice-runs", {"through": "2026-04-24", "fingerprint": "0" * 32})

        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (422, "nothing_due")

    def test_a_slip_of_the_year_is_refused(self, world: World) -> None:
        answer = world.finance.get("/invoice-runs/preview", params={"through": "2027-04-24"})

        assert (answer.status_code, answer.json()["reasons"][0]["field"]) == (422, "through")


class TestPapers:
    def test_a_receipt_says_what_it_was_used_for(self, world: World, paid: dict[str, Any]) -> None:
        receipt = text_of(world.rossi.get(f"/payments/{paid['id']}/receipt"))

        assert paid["reference"] in receipt
        assert "Amount received $20.00" in receipt
        assert "Invoice INV-2026-" in receipt
        assert world.chen.get(f"/payments/{paid['id']}/receipt").status_code == 404

    def test_a_receipt_of_what_was_put_into_the_wallet_says_so(self, world: World) -> None:
        vogel = world.edit(lambda tx: account(tx, name="Vogel family"))
        world.edit(lambda tx: wallet.record_top_up(
            tx, account_id=vogel["id"], amount="20.00", reason="cash", provider="cash", now=NOW,
            actor=Actor(ActorKind.FINANCE, None)))  # fmt: skip
        (paid,) = world.rows("SELECT id, reference FROM payment WHERE account_id = %(id)s", id=vogel["id"])

        receipt = text_of(world.finance.get(f"/payments/{paid['id']}/receipt"))

        assert paid["reference"] in receipt
        assert "Put into the wallet 20.00" in receipt
        assert "Kept as credit" not in receipt
        listed = world.finance.get("/documents", params={"kind": ["RECEIPT"], "limit": 200}).json()["items"]
        assert paid["reference"] in [each["number"] for each in listed]

    def test_no_receipt_for_what_did_not_come_in(self, world: World) -> None:
        order = world.submitted(world.new_child("Pia"), world.new_sessions(count=1), "PAY_NOW_PAY_ALL")
        payment = world.edit(lambda tx: tx.row(
            "INSERT INTO payment (organisation_id, id, reference, account_id, order_id, billing_id, amount_minor, "
            "currency, provider, status, fingerprint, note, created_at, updated_at) SELECT organisation_id, "
            "gen_random_uuid(), 'PY-WAITS', account_id, id, billing_id, 1130, 'CAD', 'sandbox', 'PENDING', 'f', '', "
            "now(), now() FROM term_booking_order WHERE id = %(id)s RETURNING id", id=order["id"]))  # fmt: skip

        answer = world.rossi.get(f"/payments/{payment['id']}/receipt")

        assert (answer.status_code, answer.json()["code"]) == (409, "not_received")

    def test_a_statement_leads_from_the_books_to_the_balance(self, world: World, paid: dict[str, Any]) -> None:
        path, days = f"/accounts/{world.rossi_account['id']}/statement", {"from": "2026-03-01", "until": "2026-03-31"}
        shown = world.rossi.get(path, params=days).json()

        owed = world.rows("SELECT coalesce(sum(amount_minor), 0)::int AS n FROM ledger_posting WHERE account_id = "
                          "%(id)s AND ledger_account IN ('RECEIVABLE', 'CUSTOMER_CREDIT')",
                          id=world.rossi_account["id"])[0]["n"]  # fmt: skip
        assert (shown["opening_minor"], shown["closing_minor"]) == (0, owed)
        assert shown["movements"][-1]["balance_minor"] == owed
        assert {"Payment " + paid["reference"], "Manual"} <= {
            part for row in shown["movements"] for part in (row["label"], row["detail"])
        }
        assert sum(item["open_minor"] for item in shown["open_items"]) == owed

        printed = world.finance.get(f"{path}/document", params=days)
        assert "Statement of account" in text_of(printed)
        assert world.finance.get(f"{path}/document", params=days).content == printed.content
        assert world.chen.get(path, params=days).status_code == 404

    def test_the_next_one_begins_where_it_ended(self, world: World, paid: dict[str, Any]) -> None:
        path = f"/accounts/{world.rossi_account['id']}/statement"
        march = world.finance.get(path, params={"from": "2026-03-01", "until": "2026-03-31"}).json()
        april = world.finance.get(path, params={"from": "2026-04-01", "until": "2026-04-30"}).json()

        assert (april["opening_minor"], april["movements"]) == (march["closing_minor"], [])

    def test_a_period_that_runs_backwards(self, world: World) -> None:
        answer = world.finance.get(f"/accounts/{world.rossi_account['id']}/statement",
                                   params={"from": "2026-04-01", "until": "2026-03-01"})  # fmt: skip

        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (422, "out_of_range")

    def test_all_documents_of_an_account_in_one_list(self, world: World, paid: dict[str, Any]) -> None:
        found = world.rossi.get("/documents", params={"limit": 200}).json()["items"]

        assert {"INVOICE", "RECEIPT"} <= {row["kind"] for row in found}
        assert {row["account_id"] for row in found} == {str(world.rossi_account["id"])}
        receipt = next(row for row in found if row["number"] == paid["reference"])
        assert receipt["path"] == f"/payments/{paid['id']}/receipt"
        for row in found[:2]:
            assert world.rossi.get(row["path"]).status_code == 200
        only = world.rossi.get("/documents", params={"kind": ["RECEIPT"]}).json()["items"]
        assert {row["kind"] for row in only} == {"RECEIPT"}
        assert world.chen.get("/documents").json()["items"] == []
