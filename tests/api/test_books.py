"""The books over HTTP: reports tie to them, files neutralise formulas, months are locked, receivables given up."""

import csv
import io
import zipfile
from datetime import date, timedelta
from typing import Any

import pytest

from billing.recognition import recognise_of
from billing.reports.catalogue import ReportName, make_report
from billing.reports.form import Period
from engine.database import Transaction
from tests.api.conftest import World
from tests.builders import NOW, Ordered, payment
from workflows.overdue_fees import charge_overdue

REPORTS = (
    "aged-receivables", "deferred-revenue", "revenue-by-program", "revenue-by-extra", "revenue-by-period", "takings",
    "gateway-reconciliation", "tax", "trial-balance",
)  # fmt: skip


@pytest.fixture(scope="module")
def lively(world: World) -> dict[str, Any]:
    """Families that owe, that paid, that were credited and given up; two sessions were held; one is called =Ada."""
    owing = world.confirmed(world.mia, world.sessions[:3])
    credited = world.confirmed(world.new_child("Ada"), world.sessions[6:8])
    path = f"/bookings/{credited['booking']['id']}/cancellation"
    seen = {"reason": "moved away", "fingerprint": world.admin.get(path).json()["fingerprint"]}
    assert world.admin.post(path, seen).status_code == 200
    paying = world.submitted(world.new_child("Ivo"), world.sessions[5:6], "PAY_NOW_PAY_ALL")
    world.finance.post(f"/orders/{paying['id']}/payments", {"provider": "manual", "reason": "cash",
                                                            "amount_minor": paying["total_minor"]})  # fmt: skip
    (order,) = world.rows("SELECT * FROM term_booking_order WHERE id = %(id)s", id=paying["id"])
    world.edit(lambda tx: payment(tx, Ordered(order, []), amount_minor=500))  # more, through a provider
    given_up = world.confirmed(world.new_child("Una"), world.sessions[1:2])
    world.edit(lambda tx: tx.run("UPDATE account SET name = '=HYPERLINK(1)' WHERE id = %(id)s",
                                 id=world.rossi_account["id"]))  # fmt: skip
    written = world.finance.post(f"/invoices/{given_up['invoice_id']}/write-offs", {"reason": "no reply"})
    assert written.status_code == 201, written.text
    recognise_of(world.database, world.organisation_id, now=NOW + timedelta(days=20))
    return {"owing": owing, "write_off": written.json()}


def read(world: World, name: str, **asked: Any) -> dict[str, Any]:
    answer = world.finance.get(f"/reports/{name}", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class TestReports:
    @pytest.mark.parametrize("name", REPORTS)
    @pytest.mark.parametrize("until", ["2026-03-31", "2026-04-10", "2026-04-30", "2026-12-31"])
    def test_each_ties_to_the_books_on_any_day(
        self, world: World, lively: dict[str, Any], name: str, until: str
    ) -> None:
        shown = read(world, name, since="2026-01-01", until=until)

        assert shown["tie"]["holds"], shown["tie"]
        assert all(sum(row[column] for row in shown["rows"]) == total for column, total in shown["totals"].items())

    def test_none_is_empty_here(self, world: World, lively: dict[str, Any]) -> None:
        empty = [name for name in REPORTS if not read(world, name, since="2026-01-01", until="2026-12-31")["rows"]]

        assert empty == []

    @pytest.mark.parametrize("name", REPORTS)
    def test_each_takes_three_statements_at_most(
        self, world: World, lively: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen, execute = [], Transaction._execute

        def counting(tx: Transaction, sql: str, given: dict[str, Any]) -> Any:
            seen.append(sql)
            return execute(tx, sql, given)

        with world.database.transaction(world.organisation_id) as tx:
            monkeypatch.setattr(Transaction, "_execute", counting)
            make_report(tx, ReportName(name), Period(date(2026, 1, 1), date(2026, 12, 31)))

        assert 1 <= len(seen) <= 3

    def test_what_is_owed_by_its_age(self, world: World, lively: dict[str, Any]) -> None:
        owed = lively["owing"]["total_minor"]
        ages = [read(world, "aged-receivables", until=str(NOW.date() + timedelta(days=days)))["totals"]
                for days in (0, 20, 50, 80, 120)]  # fmt: skip

        columns = ("not_due_minor", "days_1_minor", "days_31_minor", "days_61_minor", "days_91_minor")
        assert [age[column] for age, column in zip(ages, columns, strict=True)] == [owed] * 5
        assert all(age["total_minor"] == owed for age in ages)

    def test_revenue_is_in_the_month_of_the_session(self, world: World, lively: dict[str, Any]) -> None:
        shown = read(world, "revenue-by-period", since="2026-01-01", until="2026-12-31")

        assert [row["month"] for row in shown["rows"]] == ["2026-04"]

    def test_rows_come_in_parts_with_the_sums_of_all(self, world: World, lively: dict[str, Any]) -> None:
        whole = read(world, "trial-balance", since="2026-01-01", until="2026-12-31")
        first = read(world, "trial-balance", since="2026-01-01", until="2026-12-31", limit=2)
        second = read(world, "trial-balance", since="2026-01-01", until="2026-12-31", limit=1000, first_row=2)

        assert first["rows"] + second["rows"] == whole["rows"]
        assert (first["next_row"], second["next_row"], first["totals"]) == (2, None, whole["totals"])

    @pytest.mark.parametrize("asked", [{"since": "2026-05-01", "until": "2026-04-01"}, {"since": "1990-01-01"}])
    def test_a_period_that_is_none_is_refused(self, world: World, asked: dict[str, str]) -> None:
        answer = world.finance.get("/reports/tax", params=asked)

        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (422, "not_a_period")


class TestFiles:
    @pytest.mark.parametrize("name", REPORTS)
    @pytest.mark.parametrize("format", ["csv", "xlsx"])
    def test_the_same_books_give_the_same_bytes(
        self, world: World, lively: dict[str, Any], name: str, format: str
    ) -> None:
        path = f"/reports/{name}/file?format={format}&since=2026-01-01&until=2026-12-31"

        first, second = world.finance.get(path), world.finance.get(path)

        assert first.status_code == 200, first.text
        assert first.content == second.content

    def test_a_name_that_is_a_formula_is_shown_as_text(self, world: World, lively: dict[str, Any]) -> None:
        path = "/reports/aged-receivables/file?since=2026-01-01&until=2026-12-31&format="
        rows = list(csv.reader(io.StringIO(world.finance.get(f"{path}csv").text)))
        book = zipfile.ZipFile(io.BytesIO(world.finance.get(f"{path}xlsx").content))

        assert rows[1][1] == "'=HYPERLINK(1)"
        assert "'=HYPERLINK(1)" in book.read("xl/sharedStrings.xml").decode()
        assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode()
        assert rows[-1][0] == "Total"

    def test_the_journal_balances_and_holds_every_posting(self, world: World, lively: dict[str, Any]) -> None:
        text = world.finance.get("/ledger/journal?since=2026-01-01&until=2026-12-31").text

        rows = list(csv.DictReader(io.StringIO(text)))
        assert len(rows) == world.count("ledger_posting")
        assert sum(_cents(row["Debit"]) - _cents(row["Credit"]) for row in rows) == 0

    def test_for_xero_each_month_is_a_journal_that_balances(self, world: World, lively: dict[str, Any]) -> None:
        path = "/ledger/journal?format=xero&since=2026-03-01&until=2026-12-31"
        rows = list(csv.DictReader(io.StringIO(world.finance.get(f"{path}&codes=RECEIVABLE:610").text)))

        months = {(row["*Narration"], row["*Date"]) for row in rows}
        assert ("Termbook 2026-03", "31/03/2026") in months
        for narration, _ in months:
            assert sum(_cents(row["*Amount"]) for row in rows if row["*Narration"] == narration) == 0
        assert {row["*AccountCode"] for row in rows if row["Description"] == "Receivable"} == {"610"}
        assert world.finance.get(f"{path}&codes=TILL:9").status_code == 422


def _cents(text: str) -> int:
    return round(float(text or 0) * 100)


class TestLedger:
    def test_an_account_line_by_line_ends_at_its_balance(self, world: World, lively: dict[str, Any]) -> None:
        lines, cursor = [], None
        while True:
            page = world.finance.get("/ledger/accounts/RECEIVABLE/lines",
                                     params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()  # fmt: skip
            lines += page["items"]
            if (cursor := page["next_cursor"]) is None:
                break

        running = 0
        for line in lines:
            running += line["amount_minor"]
            assert line["balance_minor"] == running
        assert running == lively["owing"]["total_minor"]

    def test_posted_by_hand_and_reversed_once(self, world: World) -> None:
        postings = [{"ledger_account": "BANK", "amount_minor": 500}, {"ledger_account": "CASH", "amount_minor": -500}]
        posted = world.finance.post("/ledger/entries", {"postings": postings, "reason": "banked"})
        assert posted.status_code == 201, posted.text
        path = f"/ledger/entries/{posted.json()['id']}"

        undone = world.finance.post(f"{path}/reversal", {"reason": "counted twice"})

        assert (undone.status_code, undone.json()["reverses_id"]) == (201, posted.json()["id"])
        assert world.finance.get(path).json()["reversed_by"] == undone.json()["id"]
        again = world.finance.post(f"{path}/reversal", {"reason": "again"})
        assert (again.status_code, again.json()["code"]) == (409, "reversed_already")
        found = world.finance.get("/ledger/entries", params={"ledger_account": "CASH"}).json()["items"]
        assert [each["reason"] for each in found] == ["counted twice", "banked"]

    def test_what_documents_hold_is_not_posted_by_hand(self, world: World) -> None:
        postings = [{"ledger_account": "WALLET", "amount_minor": 500}, {"ledger_account": "CASH", "amount_minor": -400}]
        before = world.count("ledger_entry")

        answer = world.finance.post("/ledger/entries", {"postings": postings, "reason": "gift"})

        assert answer.status_code == 422
        assert {reason["code"] for reason in answer.json()["reasons"]} == {"not_balanced", "held_by_documents"}
        assert world.count("ledger_entry") == before


class TestLocks:
    def test_a_locked_month_refuses_by_name_until_it_is_unlocked(self, world: World) -> None:
        locked = world.finance.post("/period-locks", {"month": "2026-01-01", "note": "filed"})
        assert locked.status_code == 201, locked.text
        postings = [{"ledger_account": "BANK", "amount_minor": 500}, {"ledger_account": "CASH", "amount_minor": -500}]
        entry = {"postings": postings, "reason": "banked", "posted_on": "2026-01-15"}

        refused = world.finance.post("/ledger/entries", entry)
        opened = world.finance.post(f"/period-locks/{locked.json()['id']}/unlocking", {"reason": "a late bill"})

        assert (refused.status_code, refused.json()["code"]) == (409, "period_locked")
        assert "January 2026 is locked" in refused.json()["detail"]
        assert opened.json()["unlock_reason"] == "a late bill"
        assert world.finance.post("/ledger/entries", entry).status_code == 201
        listed = world.finance.get("/period-locks", params={"is_locked": False}).json()["items"]
        assert [each["month"] for each in listed] == ["2026-01"]

    def test_this_month_is_not_over(self, world: World) -> None:
        answer = world.finance.post("/period-locks", {"month": str(date(NOW.year, NOW.month, 1))})

        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (422, "month_not_over")


class TestWriteOffs:
    def test_undone_the_invoice_is_owed_again(self, world: World, lively: dict[str, Any]) -> None:
        write_off = lively["write_off"]
        shown = world.finance.get(f"/invoices/{write_off['invoice_id']}").json()
        assert (shown["owing_minor"], shown["credited_minor"]) == (0, 0)
        assert shown["written_off_minor"] == write_off["amount_minor"]
        assert world.finance.get(f"/invoices/{write_off['invoice_id']}/document").status_code == 200
        listed = world.finance.get("/write-offs", params={"invoice_id": write_off["invoice_id"]}).json()["items"]
        assert [each["amount_minor"] for each in listed] == [write_off["amount_minor"]]

        undone = world.finance.post(f"/write-offs/{write_off['id']}/reversal", {"reason": "they paid after all"})

        assert undone.json()["undo_reason"] == "they paid after all"
        owing = world.finance.get(f"/invoices/{write_off['invoice_id']}").json()["owing_minor"]
        assert owing == write_off["amount_minor"]
        again = world.finance.post(f"/write-offs/{write_off['id']}/reversal", {"reason": "again"})
        assert (again.status_code, again.json()["code"]) == (409, "undone_already")


class TestOverdueFees:
    def test_an_invoice_says_what_it_cost_and_finance_waives_it(self, world: World, lively: dict[str, Any]) -> None:
        invoice_id = lively["owing"]["invoice_id"]
        rule = {"value": {"after_days": 7, "amount_minor": 900}}
        path = f"/rules/ORGANISATION/{world.organisation_id}/overdue_fee"
        assert world.admin.put(path, rule).status_code == 200
        charge_overdue(world.database, now=NOW + timedelta(days=30))

        (fee,) = world.finance.get("/overdue-fees", params={"invoice_id": invoice_id}).json()["items"]
        assert (fee["amount_minor"], fee["overdue_invoice_id"], fee["waived_at"]) == (900, invoice_id, None)
        assert world.finance.get(f"/invoices/{invoice_id}").json()["overdue_fee_minor"] == 900
        asked = world.finance.get(f"/invoices/{fee['invoice_id']}").json()
        assert (asked["total_minor"], asked["lines"][0]["description"][:21]) == (900, "Late payment fee, INV")

        assert world.finance.post(f"/overdue-fees/{fee['id']}/waiver", {"reason": ""}).status_code == 422
        waived = world.finance.post(f"/overdue-fees/{fee['id']}/waiver", {"reason": "The bank was late"})

        assert (waived.status_code, waived.json()["waive_reason"]) == (200, "The bank was late")
        assert world.finance.get(f"/invoices/{invoice_id}").json()["overdue_fee_minor"] == 0
        assert world.finance.get(f"/invoices/{fee['invoice_id']}").json()["owing_minor"] == 0
        again = world.finance.post(f"/overdue-fees/{fee['id']}/waiver", {"reason": "again"})
        assert (again.status_code, again.json()["code"]) == (409, "waived_already")
