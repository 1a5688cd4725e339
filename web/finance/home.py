"""The finance officer's first page: what needs attention first."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import finance_desk
from api.schemas.finance import ReviewResolution
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, TermbookError
from models import TermBookingStatus
from web import found
from web.asked import page_of, today_of
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.found import Pages
from web.visitor import Finance
from workflows.payment_reviews import resolve_review

router = APIRouter()


@router.get("/finance")
def show_home(visit: Finance) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        return {"attention": finance_desk.attention(tx, today=today_of(visit, who))}

    return visit.show("finance/home.html", query)


# Finance's pages of what a search finds; of everything else it opens the family's account.
PAGES = Pages(
    "/finance/search",
    own={
        "invoice": "/finance/invoices/{}", "zero_statement": "/finance/invoices/{}",
        "credit_note": "/finance/credit-notes?of={}", "payment": "/finance/payments?of={}",
        "refund_request": "/finance/refunds/{}", "entitlement": "/finance/passes/{}", "debit_run": "/finance/debits/{}",
    },
    of={"family": "/finance/families/{}"},
)  # fmt: skip


@router.get("/finance/search")
def search(visit: Finance) -> Response:
    """Families and whatever has a reference or a number, as the office finds it; what leads on are finance's pages."""
    return found.show(visit, "finance/search.html", lambda _: PAGES)


def _named(row: Row) -> Row:
    return {**row, "status": TermBookingStatus(row["status"]).name}


@router.get("/finance/stuck-orders")
def list_stuck(visit: Finance) -> Response:
    """Orders that keep their places though too little came in, or what came was taken back."""
    return visit.show(
        "finance/stuck_orders.html", lambda tx, _: {"page": page_of(visit, tx, finance_desk.stuck_orders(),
                                                                    show=_named)},
    )  # fmt: skip


@router.get("/finance/waiting-wallets")
def list_waiting_wallets(visit: Finance) -> Response:
    """Families who pay as they go and whose wallets are short, with how much."""
    return visit.show(
        "finance/waiting_wallets.html", lambda tx, _: {"page": page_of(visit, tx, finance_desk.waiting_wallets())}
    )


@router.get("/finance/reviews")
def list_reviews(visit: Finance) -> Response:
    """Money that was not what was asked, oldest first."""
    return _reviews(visit)


def _reviews(visit: Finance, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    return visit.show(
        "finance/reviews.html", lambda tx, _: {"page": page_of(visit, tx, finance_desk.open_reviews())}, form=form,
        refusal=refusal,
    )  # fmt: skip


@router.post("/finance/reviews/{review_id}")
def resolve(visit: Finance, review_id: UUID, form: Posted) -> Response:
    """Somebody has looked at it and says what was done; no money moves by this."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        asked = checked(ReviewResolution, {"resolution": form.text("resolution")})
        resolve_review(tx, review_id=review_id, resolution=asked.resolution, actor=who.actor, now=visit.now)
        return Answer({})

    try:
        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _reviews(visit, form, refusal)
    return visit.go("/finance/reviews", visit.say("Removed from the list."))
