"""Wallets: what a family can spend, topping up, bonus, corrections, and where a credit went."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Application, Called
from api.moves import Answer, Principal
from api.operations import OFFICE, OWNERS_AND_FINANCE, creates, for_roles
from api.reads import finance
from api.reads import wallets as shown
from api.reads.paging import Cursor, Limit
from api.reads.people import visible_account
from api.routes.payments import check_out
from api.schemas import wallets as schemas
from api.schemas.base import Page
from api.schemas.finance import Payment
from engine.database import Transaction
from models import WalletEntryKind
from workflows import wallet
from workflows.payments import BY_HAND

router = APIRouter(tags=["wallet"])


@router.get("/accounts/{account_id}/wallet", **for_roles(OWNERS_AND_FINANCE, 404, response_model=schemas.Wallet))
def read_wallet(account_id: UUID, call: Called) -> Response:
    """Balance and bonus of a family, and when which bonus expires."""
    return call.read(lambda tx, who: shown.wallet(tx, who, account_id, call.now))


@router.get(
    "/accounts/{account_id}/wallet/entries",
    **for_roles(OWNERS_AND_FINANCE, 404, response_model=Page[schemas.WalletEntry]),
)  # fmt: skip
def list_wallet_entries(
    account_id: UUID, call: Called, kind: WalletEntryKind | None = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Every movement of a wallet, newest first; they sum to what it holds."""

    def query(tx: Transaction, who: Principal) -> Answer:
        visible_account(tx, who, account_id)
        found = shown.entries(who)
        found.where("e.account_id = %(account)s", account=account_id)
        found.where("e.kind = %(kind)s", kind=kind)
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show_entry(who, row))

    return call.read(query)


@router.post(
    "/accounts/{account_id}/wallet/top-ups",
    **for_roles(OWNERS_AND_FINANCE, *creates(404, 409, 502), status_code=201, response_model=Payment),
)  # fmt: skip
def top_up_wallet(account_id: UUID, body: schemas.NewTopUp, call: Called, app: Application) -> Response:
    """Put money into a wallet: the answer's `checkout_url` is where the payer pays, and it is there when the provider
    says so. With `provider` "cash", "bank" or "manual", admins and finance record money that came in otherwise, with
    a reason.
    """
    if body.provider not in BY_HAND:
        return check_out(
            body.provider, call, app, back_to=f"/accounts/{account_id}/wallet",
            open_page=partial(wallet.open_top_up, account_id=account_id, amount=body.amount),
            show=lambda tx, who, started: finance.payment(tx, who, started.payment_id, status=201),
        )  # fmt: skip

    def verb(tx: Transaction, who: Principal) -> Answer:
        paid = wallet.record_top_up(tx, account_id=account_id, amount=body.amount, reason=body.reason, actor=who.actor,
                                    provider=body.provider, now=call.now)  # fmt: skip
        tx.flush()
        return finance.payment(tx, who, paid, status=201)

    return call.move(verb)


@router.post(
    "/accounts/{account_id}/wallet/bonuses",
    **for_roles(OFFICE, *creates(404), status_code=201, response_model=schemas.WalletEntry),
)  # fmt: skip
def give_bonus(account_id: UUID, body: schemas.NewBonus, call: Called) -> Response:
    """Give bonus to a family; what nobody has used when it expires is gone."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        entry_id = wallet.give_bonus(tx, account_id=account_id, amount=body.amount, reason=body.reason,
                                     expires_at=body.expires_at, actor=who.actor, now=call.now)  # fmt: skip
        tx.flush()
        return shown.entry(tx, who, entry_id, status=201)

    return call.move(verb)


@router.post(
    "/wallet-entries/{entry_id}/correction",
    **for_roles(OFFICE, *creates(404, 409), status_code=201, response_model=schemas.WalletEntry),
)  # fmt: skip
def correct_wallet_entry(entry_id: UUID, body: schemas.Correction, call: Called) -> Response:
    """Undo a top-up, a bonus or what a credit put into the wallet by a compensating entry, once, as far as it is still
    there.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        made = wallet.correct(tx, entry_id=entry_id, reason=body.reason, actor=who.actor, now=call.now)
        tx.flush()
        return shown.entry(tx, who, made, status=201)

    return call.move(verb)


@router.get(
    "/credit-notes/{credit_note_id}/steps", **for_roles(OWNERS_AND_FINANCE, 404, response_model=schemas.CreditSteps)
)  # fmt: skip
def read_credit_steps(credit_note_id: UUID, call: Called) -> Response:
    """Where a credit went, step by step and in words: open invoices first, then back to where it was paid from."""
    return call.read(lambda tx, who: shown.credit_steps(tx, who, credit_note_id))
