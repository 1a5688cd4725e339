"""A family's permission to debit its bank account: given on a page, seen with what it waits for, and withdrawn."""

from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import family
from api.reads import mandates as shown
from api.schemas.mandates import NewMandate
from billing.bank_accounts import read_bank_account
from engine.database import Transaction
from engine.errors import Conflict, Invalid, TermbookError
from web.asked import today_of
from web.family.people import account_chosen
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.visitor import Family
from workflows import mandate

router = APIRouter()


@router.get("/family/mandates")
def show_mandates(visit: Family) -> Response:
    return _page(visit)


def _page(visit: Family, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        account_id = account_chosen(who, form.text("account") or visit.asked("account"))
        own = shown.mandates(who)
        own.where("m.account_id = %(account)s", account=account_id)
        found = own.page(tx, cursor=None, limit=20, show=partial(shown.show_mandate, who)).body
        assert found is not None
        return {
            "account_id": account_id, "accounts": family.names_of(tx, who.actor.account_ids),
            "mandates": found["items"], "today": today_of(visit, who),
        }  # fmt: skip

    return visit.show("family/mandates.html", query, form=form, refusal=refusal)


@router.post("/family/mandates")
def give_mandate(visit: Family, form: Posted) -> Response:
    """Give one; the centre looks at it before anything is collected."""
    try:
        values = {name: form.text(name) or None for name in ("iban", "bank_code", "account_number", "signed_on")}
        asked = checked(NewMandate, {"holder": form.text("holder"), **values})
        bank_account = read_bank_account(
            iban=asked.iban, bank_code=asked.bank_code, account_number=asked.account_number
        )

        def verb(tx: Transaction, who: Principal) -> Answer:
            account_id = account_chosen(who, form.text("account"))
            given = mandate.give(tx, account_id=account_id, holder=asked.holder, bank_account=bank_account,
                                 signed_on=asked.signed_on, actor=who.actor, now=visit.now)  # fmt: skip
            tx.flush()
            return shown.mandate(tx, who, given.id, status=201)

        made = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, form, refusal)
    return visit.go(
        f"/family/mandates?account={made['account_id']}",
        visit.say("Your mandate has been saved. Once the centre has reviewed it, you can pay by direct debit."),
    )


@router.post("/family/mandates/{mandate_id}/revocation")
def revoke_mandate(visit: Family, mandate_id: UUID, form: Posted) -> Response:
    """Nothing more is collected by it; what was confirmed stays so."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        mandate.revoke(tx, mandate_id=mandate_id, actor=who.actor, now=visit.now, reason="")
        tx.flush()
        return shown.mandate(tx, who, mandate_id)

    try:
        made = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, NOTHING_SENT, refusal)
    return visit.go(f"/family/mandates?account={made['account_id']}",
                    visit.say("Mandate cancelled. Nothing more will be collected with it."))  # fmt: skip
