"""Passes of a family: what is on sale, buying one from the wallet or a provider, what is left, and what used it."""

from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import family, wallets
from api.reads import passes as shown
from api.schemas.passes import NewPass
from engine.database import Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from web.asked import page_of, today_of
from web.family.paying import provider_page, wallet_news
from web.family.people import account_chosen
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.visitor import Family
from workflows import passes

router = APIRouter()


@router.get("/family/passes")
def show_passes(visit: Family) -> Response:
    """What the family has, newest first, and what is on sale."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        account_id = account_chosen(who, visit.asked("account"))
        own, sold = shown.passes(who), shown.products()
        own.where("e.account_id = %(account)s", account=account_id)
        sold.where("p.withdrawn_at IS NULL")
        on_sale = sold.page(tx, cursor=None, limit=100, show=partial(shown.show_product, who)).body
        assert on_sale is not None
        return {
            "account_id": account_id, "accounts": family.names_of(tx, who.actor.account_ids),
            "page": page_of(visit, tx, own, limit=30, show=partial(shown.show_pass, who)),
            "today": today_of(visit, who), "news": wallet_news(visit, tx, account_id),
            "on_sale": on_sale["items"], "places": shown.places_of(tx, on_sale["items"]),
        }  # fmt: skip

    return visit.show("family/passes.html", query)


@router.get("/family/passes/on-sale/{product_id}")
def show_product(visit: Family, product_id: UUID) -> Response:
    return _product(visit, product_id)


def _product(
    visit: Family, product_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        account_id = account_chosen(who, form.text("account") or visit.asked("account"))
        product = shown.product(tx, who, product_id).body
        assert product is not None
        return {
            "account_id": account_id, "product": product, "places": shown.places_of(tx, [product]),
            "wallet": wallets.wallet(tx, who, account_id, visit.now).body, "today": today_of(visit, who),
        }  # fmt: skip

    return visit.show("family/pass_product.html", query, form=form, refusal=refusal,
                      is_online=visit.state.gateway is not None)  # fmt: skip


@router.post("/family/passes/on-sale/{product_id}")
def buy_pass(visit: Family, product_id: UUID, form: Posted) -> Response:
    """From the wallet at once, or on to the provider's page: then it is there when the provider says so."""
    try:
        asked = checked(NewPass, {"product_id": product_id, "valid_from": form.text("valid_from") or None})
        account_id = visit.fetch(lambda _, who: account_chosen(who, form.text("account")))
        what = {"account_id": account_id, "product_id": product_id, "valid_from": asked.valid_from}
        if form.text("pay") == "provider":
            return visit.go(provider_page(visit, passes.open_purchase, what, f"/family/passes?account={account_id}"))

        def verb(tx: Transaction, who: Principal) -> Answer:
            made = passes.buy(tx, **what, actor=who.actor, now=visit.now)
            tx.flush()
            return shown.one(tx, who, made, status=201)

        made = visit.move(form, verb)
    except (Conflict, Invalid, NotFound) as refusal:
        return _product(visit, product_id, form, refusal)
    return visit.go(f"/family/passes/{made['id']}", visit.say("The pass is yours."))


@router.get("/family/passes/{pass_id}")
def show_pass(visit: Family, pass_id: UUID) -> Response:
    """One of them, and what it was used for."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        return {
            "one": shown.one(tx, who, pass_id).body, "today": today_of(visit, who),
            "page": page_of(visit, tx, shown.uses(pass_id), limit=50),
        }  # fmt: skip

    return visit.show("family/pass.html", query)
