"""Bank statements, runs of debits and finance's list over HTTP."""

from typing import Any
from uuid import UUID

import pytest

from engine.ids import new_id
from models import PaymentReview, PaymentReviewKind
from tests import builders as build
from tests.api.conftest import World
from tests.builders import NOW

MAPPING = {"booked_on": "Date", "amount": "Amount", "payer_name": "Payer", "text": ["Text"], "date_form": "DD/MM/YYYY"}


def statement(*rows: str, name: str = "march.csv", **changed: Any) -> dict[str, Any]:
    content = "\n".join(["Date,Payer,Text,Amount", *rows]) + "\n"
    return {"filename": name, "format": "CSV", "bank_account": "Operating", "content": content, "mapping": MAPPING,
            **changed}  # fmt: skip


def waiting(world: World) -> dict[str, Any]:
    """A family's order that waits for its payment."""
    cart = world.cart(world.rossi, world.new_child(), world.new_sessions()[:2])
    answer = world.rossi.post(f"/orders/{cart['id']}/submission", world.submission(cart, "PAY_NOW_PAY_ALL"))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_transfer_is_imported_suggested_and_matched(world: World) -> None:
    order = waiting(world)
    amount = f"{order['total_minor'] / 100:.2f}"
    body = statement(f"31/03/2026,ROSSI,{order['reference']} thank you,{amount}", "31/03/2026,Town,rent,-500.00")

    made = world.finance.post("/bank-statements", body)
    again = world.finance.post("/bank-statements", body)

    assert (made.status_code, made.json()["lines"], made.json()["open_lines"]) == (201, 2, 1), made.text
    assert again.json()["id"] == made.json()["id"]
    [line] = world.finance.get(f"/bank-lines?status=OPEN&statement_id={made.json()['id']}").json()["items"]
    shown = world.finance.get(f"/bank-lines/{line['id']}").json()
    assert shown["suggestions"][0]["order_reference"] == order["reference"]
    matched = world.finance.post(f"/bank-lines/{line['id']}/matches", {"order_id": order["id"]})
    assert (matched.status_code, matched.json()["status"]) == (200, "MATCHED"), matched.text
    assert matched.json()["matches"][0]["order_reference"] == order["reference"]
    assert world.rossi.get(f"/orders/{order['id']}").json()["status"] == "APPROVED"
    assert world.finance.post(f"/bank-lines/{line['id']}/matches", {"order_id": order["id"]}).status_code == 409


def test_a_line_is_set_aside_and_taken_up(world: World) -> None:
    made = world.finance.post("/bank-statements", statement("01/04/2026,Town,deposit of the hall,100.00", name="a.csv"))
    [line] = world.finance.get(f"/bank-lines?statement_id={made.json()['id']}").json()["items"]

    aside = world.finance.post(f"/bank-lines/{line['id']}/setting-aside", {"reason": "the town's"})
    back = world.finance.post(f"/bank-lines/{line['id']}/taking-up")

    assert (aside.json()["status"], back.json()["status"]) == ("SET_ASIDE", "OPEN")
    assert world.finance.post(f"/bank-lines/{line['id']}/taking-up").status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (statement("31/03/2026,R,x,22.605"), "content"),
        (statement("2026-03-31,R,x,22.60"), "content"),
        (statement("31/03/2026,R,x,22.60", mapping=MAPPING | {"amount": "Betrag"}), "mapping"),
        (statement(mapping=None), ""),
        ({"filename": "x", "format": "CAMT053", "content": "<Document/>"}, "content"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_nothing_kept(world: World, body: Any, field: str) -> None:
    before = world.count("bank_statement")

    answer = world.finance.post("/bank-statements", body)

    assert answer.status_code == 422, answer.text
    assert field in [reason["field"] or "" for reason in answer.json()["reasons"]] or not field
    assert world.count("bank_statement") == before


def test_runs_are_reviewed_and_refused_in_another_currency(world: World) -> None:
    account = {"name": "Centre", "iban": "DE89370400440532013000", "creditor_id": "DE98ZZZ09999999999"}
    assert world.admin.put("/collection-accounts/SEPA", account).status_code == 200
    assert world.admin.put("/collection-accounts/ABA", account).status_code == 422

    review = world.finance.get("/debit-run-review?scheme=SEPA")
    made = world.finance.post("/debit-runs", {"scheme": "SEPA", "collect_on": review.json()["collect_on"],
                                              "fingerprint": review.json()["fingerprint"]})  # fmt: skip

    assert (review.json()["debits"], review.json()["problems"]) == (0, ["SEPA collects EUR; the books are in CAD."])
    assert (made.status_code, made.json()["code"]) == (409, "nothing_to_collect")


def test_a_file_of_returns_tells_what_it_changed(world: World) -> None:
    body = {
        "filename": "r.csv", "format": "CSV",
        "content": "Date,Reference,Amount,Code\n2026-04-16,PM-7Q2M9XKD,1.00,AM04\n",
        "mapping": {"booked_on": "Date", "amount": "Amount", "our_reference": "Reference", "return_code": "Code"},
    }  # fmt: skip

    made = world.finance.post("/debit-return-files", body)
    again = world.finance.post("/debit-return-files", body)

    assert made.status_code == 201, made.text
    assert [(one["reference"], one["outcome"]) for one in made.json()["returns"]] == [("PM-7Q2M9XKD", "UNKNOWN")]
    assert world.finance.get(f"/debit-return-files/{made.json()['id']}").json() == again.json()


def test_finances_list_is_closed_once_with_what_was_done(world: World) -> None:
    def put(tx: Any) -> UUID:
        row = build.add(
            tx, PaymentReview, kind=PaymentReviewKind.UNKNOWN_PAYMENT, provider="sandbox", external_id=str(new_id()),
            reported_minor=100, reported_currency="CAD", created_at=NOW,
        )  # fmt: skip
        found: UUID = row["id"]
        return found

    path = f"/payment-reviews/{world.edit(put)}/resolution"

    empty = world.finance.post(path, {"resolution": " "})
    done = world.finance.post(path, {"resolution": "sent back"})
    again = world.finance.post(path, {"resolution": "sent back twice"})

    assert (empty.status_code, done.status_code, done.json()["resolution"]) == (422, 200, "sent back")
    assert (again.status_code, again.json()["code"]) == (409, "review_is_resolved")


def test_a_provider_that_is_none_of_ours_is_not_compared_with(world: World) -> None:
    answer = world.finance.get("/payment-reconciliation?provider=nobody")

    assert (answer.status_code, answer.json()["reasons"][0]["field"]) == (422, "provider")
