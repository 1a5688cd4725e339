"""Invoices, credit notes and payments: found, read, and given up with a reason."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import books as kept
from api.reads import finance as shown
from engine.database import Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from models import PaymentStatus
from web import by_hand
from web.asked import id_of, page_of, today_of
from web.forms import NOTHING_SENT, Form, Posted, fields_are
from web.visitor import Finance
from web.words import N_
from workflows import overdue_fees, payment_reversal
from workflows import write_off as write_offs
from workflows.payments import BY_HAND

router = APIRouter()


@router.get("/finance/invoices")
def list_invoices(visit: Finance) -> Response:
    asked = visit.asked("number")[:40]
    show = "all" if asked else visit.asked("show", "open")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.invoices(who)
        if asked:
            year, number = _numbered(asked)
            found.where("v.year = %(year)s AND v.number = %(number)s", year=year, number=number)
        found.where("v.account_id = %(account)s", account=id_of(visit, "account"))
        if show in ("open", "overdue"):
            found.conditions.append(shown.IS_OPEN)
        if show == "overdue":
            found.where(shown.IS_OVERDUE, today=today_of(visit, who))
        return {"page": page_of(visit, tx, found, show=shown.show_numbered), "chosen": show}

    return visit.show("finance/invoices.html", query, asked=asked)


def _numbered(text: str) -> tuple[int, int]:
    """Year and number of an invoice as it is written, such as INV-2026-000042; of what is none, of no invoice."""
    found = re.fullmatch(r"(?:INV-)?([0-9]{4})-([0-9]{1,15})", text.upper())
    return (int(found[1]), int(found[2])) if found else (0, 0)


@router.get("/finance/invoices/{invoice_id}")
def show_invoice(visit: Finance, invoice_id: UUID) -> Response:
    return _invoice_page(visit, invoice_id)


def _invoice_page(
    visit: Finance, invoice_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        given_up, charged = kept.write_offs(), kept.overdue_fees(invoice_id=invoice_id)
        given_up.where("w.invoice_id = %(invoice)s", invoice=invoice_id)
        return {
            "invoice": shown.invoice(tx, who, invoice_id).body,
            "write_offs": (given_up.page(tx, cursor=None, limit=50, show=kept.show_write_off).body or {})["items"],
            "fees": (charged.page(tx, cursor=None, limit=50, show=kept.show_overdue_fee).body or {})["items"],
        }

    return visit.show("finance/invoice.html", query, form=form, refusal=refusal,
                      by_hand=sorted(BY_HAND))  # fmt: skip


@router.post("/finance/invoices/{invoice_id}/write-off")
def write_off(visit: Finance, invoice_id: UUID, form: Posted) -> Response:
    """Give up what is open of an invoice, or a part of it."""
    try:

        def verb(tx: Transaction, who: Principal) -> Answer:
            amount = form.amount("amount", who.organisation, least=1)
            with fields_are(amount_minor="amount"):
                write_offs.write_off(tx, invoice_id=invoice_id, amount_minor=amount, reason=form.text("reason"),
                                     actor=who.actor, now=visit.now)  # fmt: skip
            return Answer({})

        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _invoice_page(visit, invoice_id, form, refusal)
    return visit.go(f"/finance/invoices/{invoice_id}", visit.say("Amount written off."))


_ORDER_OF = """
SELECT b.order_id FROM invoice v JOIN term_booking b ON b.organisation_id = v.organisation_id AND b.id = v.booking_id
WHERE v.organisation_id = %(org)s AND v.id = %(id)s
"""


@router.post("/finance/invoices/{invoice_id}/payment")
def record_payment(visit: Finance, invoice_id: UUID, form: Posted) -> Response:
    """Cash or a transfer that has come in for what was invoiced."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        found = tx.row(_ORDER_OF, id=invoice_id)
        if found is None:
            raise NotFound("There is no such invoice.", what="invoice")
        return by_hand.record(tx, who, visit, form, found["order_id"])

    try:
        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _invoice_page(visit, invoice_id, form, refusal)
    return visit.go(f"/finance/invoices/{invoice_id}", visit.say("Payment recorded."))


@router.post("/finance/write-offs/{write_off_id}/reversal")
def undo_write_off(visit: Finance, write_off_id: UUID, form: Posted) -> Response:
    """The invoice is owed again."""
    return _take_back(visit, form, _invoice_before(form), N_("Write-off reversed."),
                      write_offs.undo_write_off, write_off_id=write_off_id)  # fmt: skip


@router.post("/finance/overdue-fees/{overdue_fee_id}/waiver")
def waive_overdue_fee(visit: Finance, overdue_fee_id: UUID, form: Posted) -> Response:
    """A credit note takes it back."""
    return _take_back(visit, form, _invoice_before(form), N_("Fee waived."),
                      overdue_fees.waive, overdue_fee_id=overdue_fee_id)  # fmt: skip


def _invoice_before(form: Form) -> str:
    """The invoice whose page the form stood on."""
    back = form.text("back")
    return back if back.startswith("/finance/invoices/") else "/finance/invoices"


def _take_back(
    visit: Finance, form: Form, back: str, said: str, verb: Callable[..., Any], **what: UUID
) -> Response:  # fmt: skip
    """Undo something for the reason that the form gives; where one came from says what came of it."""

    def undo(tx: Transaction, who: Principal) -> Answer:
        verb(tx, reason=form.text("reason"), actor=who.actor, now=visit.now, **what)
        return Answer({})

    try:
        visit.move(form, undo)
    except (Conflict, Invalid) as refusal:
        return visit.refuse(back, refusal)
    return visit.go(back, visit.say(said))


@router.get("/finance/credit-notes")
def list_credit_notes(visit: Finance) -> Response:
    """All of them, or the one that a search led to."""
    of = id_of(visit, "of")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.credit_notes(who)
        found.where("v.id = %(of)s", of=of)
        return {"page": page_of(visit, tx, found, show=shown.show_numbered)}

    return visit.show("finance/credit_notes.html", query, is_one=of is not None)


@router.get("/finance/payments")
def list_payments(visit: Finance) -> Response:
    """All of them, those in one state, or the one that a search led to."""
    status, of = visit.asked("status"), id_of(visit, "of")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.payments(who)
        found.where("y.status = %(status)s", status=status if status in set(PaymentStatus) else None)
        found.where("y.id = %(of)s", of=of)
        if visit.asked("debits"):
            found.conditions.append("y.mandate_id IS NOT NULL")
        return {"page": page_of(visit, tx, found, show=lambda row: shown.show_payment(who, row)), "chosen": status}

    return visit.show("finance/payments.html", query, by_hand=BY_HAND, is_one=of is not None)


@router.post("/finance/payments/{payment_id}/reversal")
def reverse_payment(visit: Finance, payment_id: UUID, form: Posted) -> Response:
    """It was recorded by hand, and was wrong."""
    return _take_back(visit, form, "/finance/payments", N_("Payment reversed."),
                      payment_reversal.reverse_payment, payment_id=payment_id)  # fmt: skip
