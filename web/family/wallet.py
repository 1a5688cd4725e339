"""The family's wallet: what it holds and until when, how it moved, topping it up, and what was asked back."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Principal
from api.reads import family, refunds
from api.reads import wallets as shown
from api.schemas.wallets import NewTopUp
from engine.database import Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from web.asked import page_of
from web.family.paying import provider_page, wallet_news
from web.family.people import account_chosen
from web.forms import NOTHING_SENT, Form, Posted, checked, plain_number
from web.visitor import Family
from workflows.wallet import open_top_up

router = APIRouter()


@router.get("/family/wallet")
def show_wallet(visit: Family) -> Response:
    return _page(visit)


def _page(visit: Family, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        account_id = account_chosen(who, visit.asked("account"))
        entries, requests = shown.entries(who), refunds.requests(who)
        entries.where("e.account_id = %(account)s", account=account_id)
        requests.where("r.account_id = %(account)s", account=account_id)
        asked = requests.page(tx, cursor=None, limit=20, show=lambda row: refunds.show(who, row)).body
        assert asked is not None
        return {
            "account_id": account_id, "accounts": family.names_of(tx, who.actor.account_ids),
            "wallet": shown.wallet(tx, who, account_id, visit.now).body, "requests": asked["items"],
            "page": page_of(visit, tx, entries, limit=30, show=lambda row: shown.show_entry(who, row)),
            "paid": refunds.paid_bookings(tx, account_id), "news": wallet_news(visit, tx, account_id),
        }  # fmt: skip

    return visit.show(
        "family/wallet.html", query, form=form, refusal=refusal, is_online=visit.state.gateway is not None
    )


@router.post("/family/wallet/{account_id}/top-up")
def top_up(visit: Family, account_id: UUID, form: Posted) -> Response:
    """On to the provider's page; the money is there when the provider says so."""
    try:
        asked = checked(NewTopUp, {"amount": plain_number(form.text("amount"))})
        address = provider_page(
            visit, open_top_up, {"account_id": account_id, "amount": asked.amount},
            f"/family/wallet?account={account_id}",
        )  # fmt: skip
    except (Conflict, Invalid, NotFound) as refusal:
        return _page(visit, form, refusal)
    return visit.go(address)
