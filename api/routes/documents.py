"""The documents of an account: a list of all, the receipt of each payment, the statement of a period."""

from datetime import date, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import OWNERS_AND_FINANCE, PDF, for_roles
from api.reads import documents as shown
from api.reads import finance
from api.reads.paging import Cursor, Limit
from api.schemas.base import Day, Page
from api.schemas.documents import AccountDocument
from api.schemas.documents import Statement as ShownStatement
from engine.database import Transaction
from invoicing.account_papers import Receipt, Statement, render_receipt, render_statement
from workflows.account_papers import receipt_of, statement_of

router = APIRouter(tags=["finance"])

Kind = Literal["INVOICE", "CREDIT_NOTE", "ZERO_STATEMENT", "QUOTE", "RECEIPT"]
_USUAL = timedelta(days=90)


@router.get("/documents", **for_roles(OWNERS_AND_FINANCE, response_model=Page[AccountDocument]))
def list_documents(
    call: Called, account_id: UUID | None = None,
    kind: Annotated[list[Kind] | None, Query(max_length=5)] = None, issued_from: Day | None = None,
    issued_until: Day | None = None, cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Invoices, credit notes, zero statements, quotes and receipts, newest first; a family sees its own."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.documents(who)
        found.where("d.account_id = %(account)s", account=account_id)
        found.where("d.kind = ANY(%(kind)s)", kind=kind or [])
        found.where("d.issued_on >= %(issued_from)s", issued_from=issued_from)
        found.where("d.issued_on <= %(issued_until)s", issued_until=issued_until)
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show_document(who, row))

    return call.read(query)


@router.get(
    "/payments/{payment_id}/receipt",
    **for_roles(OWNERS_AND_FINANCE, 404, 409, responses=PDF, response_class=Response),
)  # fmt: skip
def read_receipt(payment_id: UUID, call: Called) -> Response:
    """The receipt of a payment as PDF, with what it was used for by now."""

    def query(tx: Transaction, who: Principal) -> Receipt:
        finance.payment(tx, who, payment_id)
        return receipt_of(tx, payment_id)

    receipt = call.fetch(query)
    return finance.as_pdf(render_receipt(receipt), name=f"receipt-{receipt.number}")


From = Annotated[Day | None, Query(alias="from", description="The first day; 90 days before the last one if left out.")]
Until = Annotated[Day | None, Query(description="The last day, today if left out: of what came later it says nothing.")]


def _days(first: date | None, until: date | None, today: date) -> dict[str, date]:
    last = until or today
    return {"first": first or last - _USUAL, "last": last}


@router.get("/accounts/{account_id}/statement", **for_roles(OWNERS_AND_FINANCE, 404, response_model=ShownStatement))
def read_account_statement(account_id: UUID, call: Called, first: From = None, until: Until = None) -> Response:
    """What the account owed, was charged and paid from the first to the last day, from the books."""

    def query(tx: Transaction, who: Principal) -> Answer:
        shown.require_account(tx, who, account_id)
        statement = statement_of(tx, account_id, **_days(first, until, who.today(call.now)))
        return Answer(shown.show_statement(who, account_id, statement))

    return call.read(query)


@router.get(
    "/accounts/{account_id}/statement/document",
    **for_roles(OWNERS_AND_FINANCE, 404, responses=PDF, response_class=Response),
)  # fmt: skip
def read_account_statement_document(
    account_id: UUID, call: Called, first: From = None, until: Until = None
) -> Response:
    """The statement as PDF."""

    def query(tx: Transaction, who: Principal) -> Statement:
        shown.require_account(tx, who, account_id)
        return statement_of(tx, account_id, **_days(first, until, who.today(call.now)))

    statement = call.fetch(query)
    return finance.as_pdf(render_statement(statement), name=f"statement-{statement.number}-{statement.issued_on}")
