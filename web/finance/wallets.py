"""A family's wallet: what it holds, every movement, money received by hand, bonus, and what is put right."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Principal
from api.reads import people
from api.reads import wallets as shown
from api.schemas.wallets import Correction, NewBonus, NewTopUp
from engine.database import Transaction
from engine.errors import Invalid, Reason, TermbookError
from web.asked import page_of
from web.forms import NOTHING_SENT, Form, Posted, Wrong, checked, day_in, fields_are, plain_number
from web.visitor import Finance
from web.words import N_
from workflows import wallet
from workflows.payments import BY_HAND

router = APIRouter()


@router.get("/finance/families/{account_id}/wallet")
def show_wallet(visit: Finance, account_id: UUID) -> Response:
    return _page(visit, account_id)


def _page(
    visit: Finance, account_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        entries = shown.entries(who)
        entries.where("e.account_id = %(account)s", account=account_id)
        return {
            "account": people.account(tx, who, account_id).body,
            "wallet": shown.wallet(tx, who, account_id, visit.now).body,
            "page": page_of(visit, tx, entries, show=lambda row: shown.show_entry(who, row)),
        }  # fmt: skip

    return visit.show("finance/wallet.html", query, form=form, refusal=refusal, by_hand=sorted(BY_HAND),
                      undoable={kind.value for kind in wallet.UNDOABLE})  # fmt: skip


def _move(
    visit: Finance, account_id: UUID, form: Form, said: str, step: Callable[[Transaction, Principal], object]
) -> Response:  # fmt: skip
    return visit.do(form, step, to=f"/finance/families/{account_id}/wallet", said=said,
                    again=partial(_page, visit, account_id))  # fmt: skip


@router.post("/finance/families/{account_id}/wallet/top-up")
def top_up(visit: Finance, account_id: UUID, form: Posted) -> Response:
    """Record money that came in for the wallet."""

    def step(tx: Transaction, who: Principal) -> None:
        asked = checked(NewTopUp, {"amount": plain_number(form.text("amount")), "provider": form.text("provider"),
                                   "reason": form.text("reason")})  # fmt: skip
        if asked.provider not in BY_HAND:
            message = N_("Choose one from the list.")
            raise Invalid(message, reasons=[Reason("invalid", message, field="provider")])
        wallet.record_top_up(tx, account_id=account_id, amount=asked.amount, reason=asked.reason, actor=who.actor,
                             provider=asked.provider, now=visit.now)  # fmt: skip

    return _move(visit, account_id, form, N_("Wallet topped up."), step)


@router.post("/finance/families/{account_id}/wallet/bonus")
def give_bonus(visit: Finance, account_id: UUID, form: Posted) -> Response:
    def step(tx: Transaction, who: Principal) -> None:
        with fields_are(amount="bonus", reason="why", expires_at="last_day"):
            asked = checked(NewBonus, {"amount": plain_number(form.text("bonus")), "reason": form.text("why"),
                                       "expires_at": _end_of(form.text("last_day"), who)})  # fmt: skip
            wallet.give_bonus(tx, account_id=account_id, amount=asked.amount, reason=asked.reason,
                              expires_at=asked.expires_at, actor=who.actor, now=visit.now)  # fmt: skip

    return _move(visit, account_id, form, N_("Bonus added."), step)


def _end_of(text: str, who: Principal) -> datetime | Wrong | None:
    """The end of the day that was chosen, where the organisation is."""
    if not text:
        return None
    day = day_in(text)
    if day is None:
        return Wrong(Reason("malformed", N_("Please choose a date."), field="last_day"))
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(who.organisation["time_zone"]))


@router.post("/finance/families/{account_id}/wallet/correction")
def correct(visit: Finance, account_id: UUID, form: Posted) -> Response:
    """Undo a movement that was wrong."""

    def step(tx: Transaction, who: Principal) -> None:
        asked = checked(Correction, {"reason": form.text("reason")})
        wallet.correct(tx, entry_id=form.one("entry"), reason=asked.reason, actor=who.actor, now=visit.now)

    return _move(visit, account_id, form, N_("Transaction reversed."), step)
