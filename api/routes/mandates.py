"""Direct debit over HTTP: mandates, and the debits that the office collects and hears of."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import Called, NoInput
from api.moves import Answer, Call, Principal
from api.operations import OFFICE, OWNERS_AND_FINANCE, creates, for_roles
from api.reads import finance
from api.reads import mandates as shown
from api.reads.paging import Cursor, Limit
from api.schemas.base import Page
from api.schemas.finance import Payment
from api.schemas.mandates import Activation, BankAnswer, Mandate, MandateStatus, NewDebit, NewMandate
from api.schemas.orders import Ending
from billing.bank_accounts import read_bank_account
from engine.database import Transaction
from models import MandateStatus as Status
from workflows import direct_debit as debits
from workflows import mandate as verbs

router = APIRouter(tags=["direct debit"])


@router.post("/mandates", **for_roles(OWNERS_AND_FINANCE, *creates(404, 409), status_code=201, response_model=Mandate))
def give_mandate(body: NewMandate, call: Called) -> Response:
    """Give a mandate. It waits for the office to verify the signature; nothing is collected before."""
    account = read_bank_account(iban=body.iban, bank_code=body.bank_code, account_number=body.account_number)

    def verb(tx: Transaction, who: Principal) -> Answer:
        given = verbs.give(tx, account_id=body.account_id, holder=body.holder, bank_account=account,
                           signed_on=body.signed_on, actor=who.actor, now=call.now)  # fmt: skip
        tx.flush()
        return shown.mandate(tx, who, given.id, status=201)

    return call.move(verb)


@router.get("/mandates", **for_roles(OWNERS_AND_FINANCE, response_model=Page[Mandate]))
def list_mandates(
    call: Called, account_id: UUID | None = None,
    status: Annotated[list[MandateStatus] | None, Query(max_length=3)] = None, cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:  # fmt: skip
    """Mandates, newest first; a family sees its own."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.mandates(who)
        found.where("m.account_id = %(account)s", account=account_id)
        found.where("m.status = ANY(%(status)s)", status=[int(Status[name]) for name in status or ()])
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show_mandate(who, row))

    return call.read(query)


@router.get("/mandates/{mandate_id}", **for_roles(OWNERS_AND_FINANCE, 304, 404, response_model=Mandate))
def read_mandate(mandate_id: UUID, call: Called) -> Response:
    """A mandate as it stands."""
    return call.read(lambda tx, who: shown.mandate(tx, who, mandate_id))


def _move(call: Call, mandate_id: UUID, step: Callable[..., verbs.Mandate], **asked: Any) -> Response:
    """One step of a mandate; the answer is the mandate as it stands then."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        step(tx, mandate_id=mandate_id, actor=who.actor, now=call.now, **asked)
        tx.flush()
        return shown.mandate(tx, who, mandate_id)

    return call.move(verb)


@router.post("/mandates/{mandate_id}/activation", **for_roles(OFFICE, *creates(404, 409), response_model=Mandate))
def activate_mandate(mandate_id: UUID, call: Called, body: Activation | None = None) -> Response:
    """The signature is verified: debits may be collected. The account's mandate before it is revoked."""
    return _move(call, mandate_id, verbs.activate, signed_on=body.signed_on if body else None)


@router.post(
    "/mandates/{mandate_id}/revocation", **for_roles(OWNERS_AND_FINANCE, *creates(404, 409), response_model=Mandate)
)
def revoke_mandate(mandate_id: UUID, call: Called, body: Ending | None = None) -> Response:
    """Withdraw a mandate: nothing more is collected by it. What was confirmed stays so."""
    return _move(call, mandate_id, verbs.revoke, reason=body.reason if body else "")


@router.post(
    "/invoices/{invoice_id}/debits",
    **for_roles(OFFICE, *creates(404, 409), status_code=201, response_model=Payment),
)  # fmt: skip
def collect_debit(invoice_id: UUID, call: Called, body: NewDebit | None = None) -> Response:
    """Collect what an invoice still asks by the family's mandate; the answer is the payment that waits for the bank."""
    asked = body or NewDebit()

    def verb(tx: Transaction, who: Principal) -> Answer:
        debit = debits.collect(tx, invoice_id=invoice_id, collect_on=asked.collect_on, amount_minor=asked.amount_minor,
                               actor=who.actor, now=call.now)  # fmt: skip
        tx.flush()
        return finance.payment(tx, who, debit.payment_id, status=201)

    return call.move(verb)


def _hear(call: Call, payment_id: UUID, word: Callable[..., Any], **told: Any) -> Response:
    """What the bank says of a debit; the answer is the payment as it stands then."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        word(tx, payment_id=payment_id, actor=who.actor, now=call.now, **told)
        tx.flush()
        return finance.payment(tx, who, payment_id)

    return call.move(verb)


@router.post("/debits/{payment_id}/presentation", **for_roles(OFFICE, *creates(404, 409), response_model=Payment))
def present_debit(payment_id: UUID, call: Called, _: NoInput = None) -> Response:
    """The debit is handed to the bank, over no more than is open by now. Where nothing is, it fails and says so."""
    return _hear(call, payment_id, debits.present)


@router.post("/debits/{payment_id}/settlement", **for_roles(OFFICE, *creates(404, 409), response_model=Payment))
def settle_debit(payment_id: UUID, call: Called, _: NoInput = None) -> Response:
    """The bank has paid: the money settles the invoice."""
    return _hear(call, payment_id, debits.settle)


@router.post("/debits/{payment_id}/refusal", **for_roles(OFFICE, *creates(404, 409), response_model=Payment))
def refuse_debit(payment_id: UUID, call: Called, body: BankAnswer | None = None) -> Response:
    """The bank does not pay: the invoice stays open, and the family is told."""
    return _hear(call, payment_id, debits.refuse, reason=body.reason if body else "")


@router.post("/debits/{payment_id}/return", **for_roles(OFFICE, *creates(404, 409), response_model=Payment))
def return_debit(payment_id: UUID, call: Called, body: BankAnswer | None = None) -> Response:
    """The bank takes back what it has paid: the invoice is open again, the family is told, and no status moves."""
    return _hear(call, payment_id, debits.return_debit, reason=body.reason if body else "")
