"""What a family has on paper: invoices, credit notes and quotes as PDF, payments, its calendar for other programs."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import family
from api.reads import finance as shown
from engine.database import Row, Transaction
from invoicing.account_papers import Receipt, Statement, render_receipt, render_statement
from web.family.people import account_chosen, children_of
from web.forms import Posted
from web.visitor import Family
from workflows.account_papers import receipt_of, statement_of
from workflows.calendar_feeds import feed_link, renew_feed
from workflows.documents import credit_note_document, invoice_document, quote_document, zero_statement_document
from workflows.payment_due import read_due

router = APIRouter()


@router.get("/family/documents")
def show_documents(visit: Family) -> Response:
    """Everything with a number, newest first, and what is still to be paid."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        def newest(found: Any, show: Any) -> list[Row]:
            page = found.page(tx, cursor=None, limit=50, show=show).body
            items: list[Row] = page["items"]
            return items

        owed = family.owed_bookings(tx, who.actor.account_ids)
        dues = read_due(tx, [booking["order_id"] for booking in owed], actor=who.actor, now=visit.now)
        return {
            "due": [(booking, dues[booking["order_id"]]) for booking in owed if booking["order_id"] in dues],
            "invoices": newest(shown.invoices(who), shown.show_numbered),
            "credit_notes": newest(shown.credit_notes(who), shown.show_numbered),
            "payments": newest(shown.payments(who), lambda row: shown.show_payment(who, row)),
            "owing": family.owing(tx, who.actor.account_ids, now=visit.now), "children": children_of(tx, who),
            "accounts": family.names_of(tx, who.actor.account_ids),
        }  # fmt: skip

    return visit.show("family/documents.html", query)


@router.get("/family/documents/invoices/{invoice_id}")
def read_invoice(visit: Family, invoice_id: UUID) -> Response:
    return shown.printed(visit.fetch, invoice_id, shown.invoice, invoice_document)


@router.get("/family/documents/credit-notes/{credit_note_id}")
def read_credit_note(visit: Family, credit_note_id: UUID) -> Response:
    return shown.printed(visit.fetch, credit_note_id, shown.credit_note, credit_note_document)


@router.get("/family/documents/zero-statements/{statement_id}")
def read_zero_statement(visit: Family, statement_id: UUID) -> Response:
    return shown.printed(visit.fetch, statement_id, shown.zero_statement, zero_statement_document)


@router.get("/family/documents/quotes/{quote_id}")
def read_quote(visit: Family, quote_id: UUID) -> Response:
    return shown.printed(visit.fetch, quote_id, shown.quote, quote_document)


@router.get("/family/documents/receipts/{payment_id}")
def read_receipt(visit: Family, payment_id: UUID) -> Response:
    def query(tx: Transaction, who: Principal) -> Receipt:
        shown.payment(tx, who, payment_id)
        return receipt_of(tx, payment_id)

    receipt = visit.fetch(query)
    return shown.as_pdf(render_receipt(receipt), name=f"receipt-{receipt.number}")


@router.get("/family/documents/statement")
def read_statement(visit: Family) -> Response:
    """What an account was charged and paid in the last 90 days, as PDF."""

    def query(tx: Transaction, who: Principal) -> Statement:
        today = who.today(visit.now)
        account_id = account_chosen(who, visit.asked("account"))
        return statement_of(tx, account_id, first=today - timedelta(days=90), last=today)

    statement = visit.fetch(query)
    return shown.as_pdf(render_statement(statement), name=f"statement-{statement.number}-{statement.issued_on}")


@router.get("/family/calendar-feeds")
def show_feeds(visit: Family) -> Response:
    """An address for each child, for other calendar programs; the address is the secret."""
    settings = visit.state.settings

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        feeds = []
        for child in children_of(tx, who):
            link, until = feed_link(tx, attendee_id=child["id"], account_id=None, actor=who.actor,
                                    secret=settings.secret, now=visit.now)  # fmt: skip
            feeds.append({**child, "feed": f"{settings.base_url.rstrip('/')}/calendars/{link}.ics", "until": until})
        return {"feeds": feeds}

    return visit.show("family/feeds.html", query)


@router.post("/family/calendar-feeds/{child_id}")
def renew_address(visit: Family, child_id: UUID, form: Posted) -> Response:
    """A new address; the one before opens nothing any more."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        renew_feed(tx, attendee_id=child_id, account_id=None, actor=who.actor, secret=visit.state.settings.secret,
                   now=visit.now)  # fmt: skip
        return Answer({})

    visit.move(form, verb)
    return visit.go("/family/calendar-feeds", visit.say("The old link no longer works. Add the new one to your "
                                                        "calendar."))  # fmt: skip
