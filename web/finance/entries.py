"""Entries of the books that a person posts by hand, and their reversal."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import books as shown
from api.schemas.books import Because, NewEntry
from billing import journal
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, Reason, TermbookError
from web.asked import page_of
from web.forms import NOTHING_SENT, Form, Posted, Wrong, checked, together
from web.visitor import Finance
from web.words import N_

router = APIRouter()

ROWS = 4  # a manual entry has two sides nearly always


@router.get("/finance/entries")
def list_entries(visit: Finance) -> Response:
    return _page(visit)


def _page(visit: Finance, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    is_all = visit.asked("show") == "all"

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.entries()
        if not is_all:
            found.where("e.source_kind = %(kind)s", kind=journal.SOURCE_KIND)
        return {"page": page_of(visit, tx, found)}

    return visit.show("finance/entries.html", query, form=form, refusal=refusal, rows=ROWS, is_all=is_all,
                      accounts=[one.value for one in sorted(journal.BY_HAND)])  # fmt: skip


@router.post("/finance/entries")
def post_entry(visit: Finance, form: Posted) -> Response:
    """Post what balances, on an open day."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        asked = checked(NewEntry, _asked(form, who.organisation))
        postings = [(each.ledger_account, each.amount_minor) for each in asked.postings]
        journal.post_by_hand(tx, postings=postings, reason=asked.reason, posted_on=asked.posted_on, actor=who.actor,
                             now=visit.now)  # fmt: skip
        return Answer({})

    try:
        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, form, refusal)
    return visit.go("/finance/entries", visit.say("Entry posted."))


_TOO_FEW = Wrong(Reason("too_short", N_("Fill in at least two lines."), field="postings"))


def _asked(form: Form, organisation: Row) -> Row:
    """The lines that name an amount: a debit is positive, a credit negative. Raises Invalid at what is none."""
    postings: list[Row] = []
    with together() as faults:
        for n in range(ROWS):
            amounts: list[int] = []
            for side, sign in (("debit", 1), ("credit", -1)):
                with faults:
                    if (found := form.amount(f"{side}-{n}", organisation)) is not None:
                        amounts.append(sign * found)
            if amounts:
                postings.append({"ledger_account": form.text(f"account-{n}"), "amount_minor": sum(amounts)})
    return {
        "postings": postings if len(postings) > 1 else _TOO_FEW,
        "reason": form.text("reason"),
        "posted_on": form.text("posted_on") or None,
    }


@router.post("/finance/entries/{entry_id}/reversal")
def reverse_entry(visit: Finance, entry_id: UUID, form: Posted) -> Response:
    """Post its mirror, today and once."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        asked = checked(Because, {"reason": form.text("reason")})
        journal.reverse_by_hand(tx, entry_id=entry_id, reason=asked.reason, actor=who.actor, now=visit.now)
        return Answer({})

    try:
        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, form, refusal)
    return visit.go("/finance/entries", visit.say("Entry reversed."))
