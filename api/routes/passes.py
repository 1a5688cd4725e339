"""Passes: put on sale and withdrawn, bought by families, and what uses them."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Application, Called, NoInput
from api.moves import Answer, Principal
from api.operations import ADMIN, OFFICE, OWNERS_AND_FINANCE, creates, for_roles
from api.reads import finance
from api.reads import passes as shown
from api.reads.paging import Cursor, Limit
from api.reads.people import visible_account
from api.routes.payments import check_out
from api.schemas import passes as schemas
from api.schemas.base import Page
from api.schemas.finance import Payment
from engine.database import Transaction
from engine.errors import Invalid
from engine.money import NotAnAmount, parse_asked, why_no_amount
from workflows import passes
from workflows.passes import Offer
from workflows.payments import BY_HAND

router = APIRouter(tags=["passes"])


@router.get("/pass-products", **for_roles(OWNERS_AND_FINANCE, response_model=Page[schemas.PassProduct]))
def list_pass_products(
    call: Called, is_on_sale: bool | None = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:  # fmt: skip
    """Passes as they are, or were, sold."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.products()
        found.where("(p.withdrawn_at IS NULL) = %(is_on_sale)s", is_on_sale=is_on_sale)
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show_product(who, row))

    return call.read(query)


@router.post(
    "/pass-products", **for_roles(ADMIN, *creates(), status_code=201, response_model=schemas.PassProduct)
)  # fmt: skip
def make_pass_product(body: schemas.NewPassProduct, call: Called) -> Response:
    """Put a pass on sale. Its terms never change: sell another and withdraw this one."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        given = body.model_dump(exclude={"price"})
        offer = Offer(price_minor=_minor(body.price, who), **{
            **given, "category_ids": tuple(body.category_ids), "program_ids": tuple(body.program_ids),
        })  # fmt: skip
        made = passes.declare(tx, offer=offer, actor=who.actor, now=call.now)
        tx.flush()
        return shown.product(tx, who, made, status=201)

    return call.move(verb)


def _minor(price: str, who: Principal) -> int:
    try:
        return parse_asked(price, who.organisation["currency"], who.organisation["locale"])
    except NotAnAmount as error:
        raise Invalid(error.message, reasons=[why_no_amount(error, "price")]) from error


@router.post(
    "/pass-products/{product_id}/withdrawal", **for_roles(ADMIN, *creates(404), response_model=schemas.PassProduct)
)  # fmt: skip
def withdraw_pass_product(product_id: UUID, call: Called, _: NoInput = None) -> Response:
    """Sell a pass no more; those that were sold stay good."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        passes.withdraw(tx, product_id=product_id, actor=who.actor, now=call.now)
        return shown.product(tx, who, product_id)

    return call.move(verb)


@router.get("/accounts/{account_id}/passes", **for_roles(OWNERS_AND_FINANCE, 404, response_model=Page[schemas.Pass]))
def list_passes(
    account_id: UUID, call: Called, is_valid: bool | None = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """The passes of a family, newest first. `is_valid` are those whose last day is not over."""

    def query(tx: Transaction, who: Principal) -> Answer:
        visible_account(tx, who, account_id)
        found = shown.passes(who)
        found.where("e.account_id = %(account)s", account=account_id)
        if is_valid is not None:
            today = who.today(call.now)
            found.where("(e.valid_until >= %(today)s) = %(is_valid)s", today=today, is_valid=is_valid)
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show_pass(who, row))

    return call.read(query)


@router.post(
    "/accounts/{account_id}/passes",
    **for_roles(OWNERS_AND_FINANCE, *creates(404, 409), status_code=201, response_model=schemas.Pass),
)  # fmt: skip
def buy_pass(account_id: UUID, body: schemas.NewPass, call: Called) -> Response:
    """Buy a pass from the family's wallet, or record one that was paid by hand (admins and finance, with a reason)."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        buy = partial(passes.buy_by_hand, provider=body.provider, reason=body.reason, is_muted=body.is_muted)
        made = (buy if body.provider in BY_HAND else passes.buy)(
            tx, account_id=account_id, product_id=body.product_id, valid_from=body.valid_from, actor=who.actor,
            now=call.now,
        )  # fmt: skip
        tx.flush()
        return shown.one(tx, who, made, status=201)

    return call.move(verb)


@router.post(
    "/accounts/{account_id}/pass-checkouts",
    **for_roles(OWNERS_AND_FINANCE, *creates(404, 409, 502), status_code=201, response_model=Payment),
)  # fmt: skip
def check_out_pass(account_id: UUID, body: schemas.NewPassCheckout, call: Called, app: Application) -> Response:
    """Pay a pass at a provider: the answer's `checkout_url` is where the payer pays. The pass is the family's as soon
    as the provider says that it is paid; money of another amount stays in the wallet.
    """
    return check_out(
        body.provider, call, app, back_to=f"/accounts/{account_id}/passes",
        open_page=partial(passes.open_purchase, account_id=account_id, product_id=body.product_id,
                          valid_from=body.valid_from),
        show=lambda tx, who, started: finance.payment(tx, who, started.payment_id, status=201),
    )  # fmt: skip


@router.get("/passes", **for_roles(OWNERS_AND_FINANCE, response_model=Page[schemas.Pass]))
def list_all_passes(
    call: Called, is_good: bool | None = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:  # fmt: skip
    """Passes of every family, newest first; a family sees its own. `is_good` are those that still cover something."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.passes(who)
        today = who.today(call.now)
        shown.narrow(found, is_good=is_good, today=today)
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show_pass(who, row))

    return call.read(query)


@router.get("/passes/{pass_id}", **for_roles(OWNERS_AND_FINANCE, 404, response_model=schemas.Pass))
def read_pass(pass_id: UUID, call: Called) -> Response:
    """A pass, with what of it is left."""
    return call.read(lambda tx, who: shown.one(tx, who, pass_id))


@router.post("/passes/{pass_id}/revocation", **for_roles(OFFICE, *creates(404), response_model=schemas.Pass))
def revoke_pass(pass_id: UUID, body: schemas.Revocation, call: Called) -> Response:
    """Take a pass back, with a reason: what is used of it stays, the price of the rest goes back into the wallet, as
    balance and bonus as it was paid.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        passes.revoke(tx, pass_id=pass_id, reason=body.reason, actor=who.actor, now=call.now, is_muted=body.is_muted)
        tx.flush()
        return shown.one(tx, who, pass_id)

    return call.move(verb)


@router.get("/passes/{pass_id}/uses", **for_roles(OWNERS_AND_FINANCE, 404, response_model=Page[schemas.PassUse]))
def list_pass_uses(pass_id: UUID, call: Called, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """What uses a pass, and what has given its units back, newest first."""

    def query(tx: Transaction, who: Principal) -> Answer:
        shown.one(tx, who, pass_id)
        return shown.uses(pass_id).page(tx, cursor=cursor, limit=limit, show=dict)

    return call.read(query)
