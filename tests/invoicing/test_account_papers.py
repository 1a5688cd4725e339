"""Receipts and statements as PDF: what they say, over pages, and always in the same bytes."""

import hashlib
import pickle
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import weasyprint
from pypdf import PdfReader

from invoicing import pdf
from invoicing.account_papers import (
    Movement,
    OpenItem,
    Receipt,
    ReceiptUse,
    Statement,
    render_receipt,
    render_statement,
)
from invoicing.document import Letterhead, Recipient

ROOT = Path(__file__).parents[2]
HARBOUR_ARTS = Letterhead(
    name="Harbour Arts", legal_name="Harbour Arts Society", address_lines=("12 Pier Road", "Halifax NS B3J 2K9"),
    tax_registration="HST 12345 6789 RT0001",
)  # fmt: skip
INGRID = Recipient(name="Ingrid Andersen", address_lines=("1830 Robie Street",), account_reference="AC-4F7K9QW2")
COMMON: dict[str, Any] = {
    "currency": "CAD", "locale": "en_CA", "time_zone": "America/Halifax", "letterhead": HARBOUR_ARTS,
    "recipient": INGRID,
}  # fmt: skip
FIRST = date(2026, 4, 1)
USE = ReceiptUse(used_on=FIRST, label="Invoice INV-2026-000042", amount_minor=10000)


def a_receipt(**other: Any) -> Receipt:
    return Receipt(
        **{"number": "PY-5T8WM4ZK", "reference": "TO-4F7K9QW2", "issued_on": FIRST, "method": "Sandbox",
           "amount_minor": 12500, "kept_minor": 2500, "uses": (USE,), **COMMON} | other
    )  # fmt: skip


def a_statement(count: int = 3, **other: Any) -> Statement:
    """Charged 50.00 each day and paid 20.00 each other day."""
    movements = tuple(
        Movement(on=FIRST + timedelta(days=n // 2 % 28), label=f"Invoice INV-2026-{n:06d}" if n % 2 == 0 else "Payment",
                 detail="", amount_minor=5000 if n % 2 == 0 else -2000) for n in range(count)
    )  # fmt: skip
    movements = tuple(sorted(movements, key=lambda movement: movement.on))
    closing = 1500 + sum(movement.amount_minor for movement in movements)
    item = OpenItem(label="Invoice INV-2026-000002", due_on=date(2026, 4, 15), total_minor=5000, open_minor=3000)
    return Statement(
        **{"number": "AC-4F7K9QW2", "period_from": FIRST, "issued_on": date(2026, 4, 30), "opening_minor": 1500,
           "closing_minor": closing, "movements": movements, "open_items": (item,), **COMMON} | other
    )  # fmt: skip


def pages(content: bytes) -> list[str]:
    """The text of each page with single plain spaces."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(content)).pages]


class TestReceipt:
    def test_says_what_came_in_how_and_what_for(self) -> None:
        (shown,) = pages(render_receipt(a_receipt()))

        for part in (
            "Harbour Arts", "Ingrid Andersen", "Receipt", "PY-5T8WM4ZK", "TO-4F7K9QW2", "April 1, 2026", "Sandbox",
            "Amount received $125.00", "Received with thanks from Ingrid Andersen: $125.00.",
            "Invoice INV-2026-000042 100.00", "Kept as credit on the account 25.00", "All amounts in CAD.",
        ):  # fmt: skip
            assert part in shown

    def test_one_that_does_not_add_up_is_never_made(self) -> None:
        with pytest.raises(AssertionError, match="make the amount"):
            a_receipt(kept_minor=0)

    def test_speaks_the_familys_language(self) -> None:
        (shown,) = pages(render_receipt(a_receipt(locale="fr_CA")))

        assert "Reçu" in shown
        assert "Conservé comme crédit au compte" in shown

    @pytest.mark.parametrize("name", ["山田 花子", "מרים כהן", "Ольга <b>&amp;", "Zoë 🎈" * 20])
    def test_any_name_can_be_printed(self, name: str) -> None:
        assert len(pages(render_receipt(a_receipt(recipient=replace(INGRID, name=name))))) == 1


class TestStatement:
    def test_leads_from_the_opening_balance_to_the_closing_one(self) -> None:
        (shown,) = pages(render_statement(a_statement()))

        for part in (
            "Statement of account", "AC-4F7K9QW2", "Apr 1, 2026 – Apr 30, 2026", "Opening balance 15.00",
            "Invoice INV-2026-000000 50.00 65.00", "Payment 20.00 45.00", "Balance due, April 30, 2026 95.00",
            "Balance due $95.00", "Open invoices", "Invoice INV-2026-000002 OVERDUE 50.00 30.00",
        ):  # fmt: skip
            assert part in shown

    def test_runs_over_pages_with_its_head_on_each(self) -> None:
        shown = pages(render_statement(a_statement(90)))

        assert len(shown) == 3
        assert all("Paid or credited" in page for page in shown)
        assert "Harbour Arts · Statement of account AC-4F7K9QW2 · Ingrid Andersen" in shown[1]
        assert "Page 2 of 3" in shown[1]

    def test_a_period_in_which_nothing_happened(self) -> None:
        (shown,) = pages(render_statement(a_statement(0, open_items=())))

        assert "Nothing was charged or paid in this period." in shown
        assert "Open invoices" not in shown

    def test_a_credit_is_said_to_be_one(self) -> None:
        (shown,) = pages(render_statement(a_statement(0, opening_minor=-2000, closing_minor=-2000)))

        assert "Balance in your favour $20.00" in shown

    def test_one_that_does_not_add_up_is_never_made(self) -> None:
        with pytest.raises(AssertionError, match="lead from the opening"):
            a_statement(closing_minor=1)
        with pytest.raises(AssertionError, match="of the period"):
            a_statement(period_from=date(2026, 4, 2))


_PRINT = """
import hashlib, pickle, sys
from invoicing.account_papers import render_receipt, render_statement
receipt, statement = pickle.load(sys.stdin.buffer)
print(hashlib.sha256(render_receipt(receipt)).hexdigest(), hashlib.sha256(render_statement(statement)).hexdigest())
"""


def test_the_same_paper_has_the_same_bytes_in_another_process() -> None:
    papers = a_receipt(), a_statement(50)
    here = [hashlib.sha256(content).hexdigest() for content in (render_receipt(papers[0]), render_statement(papers[1]))]

    there = subprocess.run([sys.executable, "-c", _PRINT], input=pickle.dumps(papers), capture_output=True, cwd=ROOT,
                           check=True)  # fmt: skip

    assert there.stdout.decode().split() == here


def test_are_what_all_of_htmls_own_style_would_make_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [render_receipt(a_receipt(note="Thanks")), render_statement(a_statement(60))]

    monkeypatch.setattr(pdf._layout(), "html", weasyprint.HTML)

    assert [render_receipt(a_receipt(note="Thanks")), render_statement(a_statement(60))] == ours
