"""Promo codes: what each gives and when, who used it, and making a new one."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import desk
from api.reads import promo_codes as shown
from api.schemas.promo_codes import ChangedPromoCode, NewPromoCode
from catalogue import promo_codes
from catalogue.rules import names_of
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, Reason, TermbookError
from engine.money import to_major
from models import RuleScope
from web.asked import id_of, page_of, today_of
from web.forms import NOTHING_SENT, Form, Posted, Wrong, checked
from web.visitor import Admin
from web.words import N_

router = APIRouter()

_ORGANISATION = RuleScope.ORGANISATION.value
_MONEY = {"amount_minor": "amount", "cap_minor": "cap"}


@router.get("/admin/promo-codes")
def list_codes(visit: Admin) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found, levels = promo_codes.declared_codes(tx)
        return {"codes": shown.show_codes(tx, who, found, today=today_of(visit, who)), "levels": levels}

    return visit.show("admin/promo_codes.html", query)


@router.get("/admin/promo-codes/new")
def show_new(visit: Admin) -> Response:
    return _new_page(visit)


def _new_page(visit: Admin, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    offering = id_of(visit, "offering")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        levels = [(_ORGANISATION, who.organisation["name"])]
        for scope, table in ((RuleScope.CATEGORY, "program_category"), (RuleScope.PROGRAM, "program")):
            levels += [(f"{scope.value} {key}", words) for key, words in desk.choices(tx, table)]
        if offering is not None and (name := names_of(tx, [offering]).get(offering)):
            levels.insert(0, (f"{RuleScope.TPS.value} {offering}", name))
        return {"choices": levels, "levels": promo_codes.declared_codes(tx)[1]}

    return visit.show("admin/promo_code_form.html", query, form=form, refusal=refusal)


@router.post("/admin/promo-codes/new")
def make(visit: Admin, form: Posted) -> Response:
    scope, scope_id = _level(form.text("level"))

    def verb(tx: Transaction, who: Principal) -> Answer:
        asked = checked(NewPromoCode, _terms(form, who) | {"code": form.text("code"), "scope": scope})
        promo_codes.add_code(tx, asked.scope, scope_id or tx.organisation_id, asked.terms())
        return Answer({"code": asked.code})

    try:
        made = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _new_page(visit, form, refusal)
    return visit.go("/admin/promo-codes", visit.say("%(name)s added.", name=made["code"]))


def _level(text: str) -> tuple[str, UUID | None]:
    """The level that was chosen, and its id but for the organisation."""
    scope, _, key = text.partition(" ")
    try:
        return scope, UUID(key) if key else None
    except ValueError:
        return scope, None


def _terms(form: Form, who: Principal) -> Row:
    money = {name: form.minor(field, who.organisation, least=1) for name, field in _MONEY.items()}
    percent: str | Wrong | None = form.text("percent").replace(",", ".") or None
    if (percent is None) == (money["amount_minor"] is None):
        percent = Wrong(Reason("invalid", N_("Enter either a percentage or an amount."), field="percent"))
    return {
        "name": form.text("name"), "percent": percent, **money,
        "starts_on": form.text("starts_on") or None, "ends_on": form.text("ends_on") or None,
        "limit": form.whole("limit"), "once_per_account": form.is_ticked("once_per_account"),
        "stacks": form.is_ticked("stacks"),
    }  # fmt: skip


@router.get("/admin/promo-codes/{code}")
def show_code(visit: Admin, code: str) -> Response:
    return _code_page(visit, code)


def _code_page(
    visit: Admin, code: str, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    """A code's terms on one level, the others it is declared on, and the orders that use it."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = promo_codes.find_code(tx, code.upper(), scope_id=id_of(visit, "of"))
        codes = shown.show_codes(tx, who, found, today=today_of(visit, who))
        currency = who.organisation["currency"]
        amounts = {field: str(to_major(codes[0][name], currency)) if codes[0][name] is not None else ""
                   for name, field in _MONEY.items()}  # fmt: skip
        return {"code": codes[0], "others": codes[1:], "amounts": amounts,
                "page": page_of(visit, tx, shown.uses(code.upper()), show=shown.show_use)}  # fmt: skip

    return visit.show("admin/promo_code.html", query, form=form, refusal=refusal)


@router.post("/admin/promo-codes/{code}")
def change(visit: Admin, code: str, form: Posted) -> Response:
    """Give the code other terms on the level that the page shows, or take it away there."""
    is_removed, name = form.text("do") == "remove", code.upper()

    def verb(tx: Transaction, who: Principal) -> Answer:
        level = promo_codes.find_code(tx, name, scope_id=id_of(visit, "of"))[0].level
        if is_removed:
            promo_codes.remove_code(tx, level.scope, level.scope_id, name)
        else:
            asked = checked(ChangedPromoCode, _terms(form, who))
            promo_codes.change_code(tx, level.scope, level.scope_id, name, asked.terms())
        return Answer({})

    try:
        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _code_page(visit, code, form, refusal)
    if is_removed:
        return visit.go("/admin/promo-codes", visit.say("%(name)s is no longer accepted.", name=name))
    return visit.go(visit.address, visit.say("Changes saved."))
