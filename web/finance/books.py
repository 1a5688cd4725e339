"""The books: what was posted for a family line by line, and months that are locked."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import books as shown
from api.reads import desk, finance_desk, people
from api.schemas.books import NewLock
from billing import periods
from engine.database import Transaction
from engine.errors import Conflict, Invalid, TermbookError
from models import LedgerAccount
from web.asked import page_of
from web.finance.home import PAGES
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.visitor import Finance

router = APIRouter()


@router.get("/finance/families")
def find_family(visit: Finance) -> Response:
    asked = visit.asked("q")[:200]

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        return {"asked": asked, "accounts": desk.families(tx, asked)}

    return visit.show("finance/families.html", query)


@router.get("/finance/families/{account_id}")
def show_family(visit: Finance, account_id: UUID) -> Response:
    """What a family owes and has, and one account of the books line by line."""
    asked = visit.asked("books", LedgerAccount.RECEIVABLE)
    books = LedgerAccount(asked) if asked in set(LedgerAccount) else LedgerAccount.RECEIVABLE

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        page: Any = page_of(visit, tx, shown.lines(books.value, account_id))
        return {
            "account": people.account(tx, who, account_id).body, "balances": finance_desk.balances(tx, account_id),
            "page": page, "books": books.value, "pages": PAGES.own,
            "named": shown.named(tx, {line["source_id"] for line in page["items"]}),
        }  # fmt: skip

    return visit.show("finance/family.html", query)


@router.get("/finance/periods")
def list_periods(visit: Finance) -> Response:
    return _periods_page(visit)


def _periods_page(visit: Finance, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    return visit.show(
        "finance/periods.html", lambda tx, _: {"page": page_of(visit, tx, shown.locks())}, form=form, refusal=refusal
    )  # fmt: skip


@router.post("/finance/periods")
def lock_period(visit: Finance, form: Posted) -> Response:
    """From now on nothing is posted into the month."""
    try:
        month = form.text("month")
        # A browser's month field says which one; a lock is of its first day.
        asked = checked(NewLock, {"month": f"{month}-01" if month.count("-") == 1 else month or None,
                                  "note": form.text("note")})  # fmt: skip

        def verb(tx: Transaction, who: Principal) -> Answer:
            periods.lock_period(tx, month=asked.month, note=asked.note, actor=who.actor, now=visit.now)
            return Answer({})

        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _periods_page(visit, form, refusal)
    return visit.go("/finance/periods", visit.say("Month locked."))


@router.post("/finance/periods/{lock_id}/unlocking")
def unlock_period(visit: Finance, lock_id: UUID, form: Posted) -> Response:
    def verb(tx: Transaction, who: Principal) -> Answer:
        periods.unlock_period(tx, lock_id=lock_id, reason=form.text("reason"), actor=who.actor, now=visit.now)
        return Answer({})

    try:
        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _periods_page(visit, form, refusal)
    return visit.go("/finance/periods", visit.say("Month unlocked."))
