"""No more of a line is credited than it asks: what is credited is not planned again, and the database refuses it."""

from typing import Any

import psycopg
import pytest

from billing.credits import Owed, plan_credit
from engine.database import Transaction
from engine.ids import new_id
from invoicing.issue import issue_credit_note
from tests.workflows import endings
from tests.workflows.centre import NOW, Centre, sundays

LINE = {"id": new_id(), "invoice_id": new_id(), "net_minor": 1000, "tax_minor": 130}


def test_a_credited_line_has_nothing_left_to_credit() -> None:
    owed = Owed(LINE["invoice_id"], "INV-1", 1130, 0, 1130)  # type: ignore[arg-type]

    credit = plan_credit([LINE | {"credited_net_minor": 1000, "credited_tax_minor": 130}], [owed], [])

    assert (credit.lines, credit.total_minor, credit.settles) == ([], 0, {})


def test_a_credit_note_on_a_credited_line_is_refused_and_nothing_is_written(riverside: Centre) -> None:
    rossi, karate = riverside.family(), riverside.course(*sundays(1))
    cart = riverside.confirmed(rossi, rossi.child(), karate.lines())
    booking = riverside.booking(cart)
    riverside.do(endings.cancel, booking_id=booking["id"], reason="moved", actor=riverside.admin)
    (note,) = riverside.rows("SELECT * FROM credit_note WHERE booking_id = %(id)s", id=booking["id"])
    lines = riverside.rows("SELECT l.* FROM invoice_line l JOIN invoice v ON v.id = l.invoice_id "
                           "WHERE v.booking_id = %(id)s", id=booking["id"])  # fmt: skip
    before = riverside.snapshot()

    def again(tx: Transaction, **_: Any) -> None:
        issue_credit_note(
            tx.batch, account_id=rossi.id, booking_id=booking["id"], lines=lines, net_minor=note["net_minor"],
            tax_minor=note["tax_minor"], reason="again", printed=note["printed"], issued_on=NOW.date(), now=NOW,
        )  # fmt: skip

    with pytest.raises(psycopg.errors.CheckViolation, match="more is credited of an invoice line than it asks"):
        riverside.do(again)
    assert riverside.snapshot() == before
