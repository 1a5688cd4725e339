"""Passes at the office: put on sale and withdrawn, and what families bought and still have."""

from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import desk
from api.reads import passes as shown
from api.schemas.passes import NewPassProduct
from engine.database import Transaction
from engine.errors import Invalid, Reason, TermbookError
from models import PassCovers, PassReturns
from web.asked import today_of
from web.forms import NOTHING_SENT, Form, Posted, Wrong, checked
from web.labels import PASS_COVERS, PASS_RETURNS
from web.listed import every_pass
from web.visitor import Admin
from web.words import N_
from workflows import passes

router = APIRouter()

_MOST_ON_SALE = 100


@router.get("/admin/passes")
def list_passes(visit: Admin) -> Response:
    """Those of every family, newest first; finance takes one back, with what goes into the wallet."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        products = shown.products()
        products.where("p.withdrawn_at IS NULL")
        on_sale = products.page(tx, cursor=None, limit=_MOST_ON_SALE, show=partial(shown.show_product, who)).body or {}
        return {
            **every_pass(visit, tx, who), "on_sale": on_sale["items"],
            "places": shown.places_of(tx, on_sale["items"]),
        }  # fmt: skip

    return visit.show("admin/passes.html", query)


@router.get("/admin/passes/new")
def show_new(visit: Admin) -> Response:
    return _new_page(visit)


def _new_page(visit: Admin, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        organisation = tx.row("SELECT prices_include_tax FROM organisation WHERE id = %(org)s")
        assert organisation is not None
        return {
            "covers": [(one.value, visit.say(PASS_COVERS[one.value])) for one in PassCovers],
            "returns": [(one.value, visit.say(PASS_RETURNS[one.value])) for one in PassReturns],
            "categories": desk.choices(tx, "program_category"), "programs": desk.choices(tx, "program"),
            "chosen": {*form.texts("category_ids"), *form.texts("program_ids")},
            "is_tax_inside": organisation["prices_include_tax"],
        }  # fmt: skip

    return visit.show("admin/pass_form.html", query, form=form, refusal=refusal)


@router.post("/admin/passes/new")
def put_on_sale(visit: Admin, form: Posted) -> Response:
    def verb(tx: Transaction, who: Principal) -> Answer:
        price = form.minor("price", who.organisation)
        asked = checked(NewPassProduct, {
            "name": form.text("name"), "price": price if isinstance(price, Wrong) else form.text("price"),
            "units": _units(form),
            "validity_days": form.whole("validity_days"), "covers": form.text("covers"),
            "returns": form.text("returns"), "tax_name": form.text("tax_name"),
            "tax_percent": form.decimal("tax_percent") or 0,
            "category_ids": form.texts("category_ids"), "program_ids": form.texts("program_ids"),
        })  # fmt: skip
        assert isinstance(price, int), "what is none was told"
        offer = passes.Offer(price_minor=price, **{
            **asked.model_dump(exclude={"price"}),
            "category_ids": tuple(asked.category_ids), "program_ids": tuple(asked.program_ids),
        })  # fmt: skip
        passes.declare(tx, offer=offer, actor=who.actor, now=visit.now)
        return Answer({"name": asked.name})

    try:
        made = visit.move(form, verb)
    except Invalid as refusal:
        return _new_page(visit, form, refusal)
    return visit.go("/admin/passes", visit.say("%(name)s is on sale.", name=made["name"]))


def _units(form: Form) -> int | str | Wrong | None:
    """How often it is good; None without limit. It is wrong to say neither, or both: nobody is to sell a pass without
    limit because a field stayed empty.
    """
    units = form.whole("units")
    if (units is None) != form.is_ticked("is_unlimited"):
        message = N_("Write how often it is good, or tick that it has no limit.")
        return Wrong(Reason("invalid", message, field="units"))
    return units


_SOLD = """
SELECT count(*) AS sold, count(*) FILTER (
           WHERE valid_until >= %(today)s AND revoked_at IS NULL AND coalesce(used < granted, true)) AS good
FROM entitlement WHERE organisation_id = %(org)s AND product_id = %(id)s
"""


@router.get("/admin/passes/{product_id}/withdrawal")
def ask_to_withdraw(visit: Admin, product_id: UUID) -> Response:
    """What it means to sell it no more, before it is done."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        product = shown.product(tx, who, product_id).body
        assert product is not None
        return {"product": product, "places": shown.places_of(tx, [product]),
                "had": tx.row(_SOLD, id=product_id, today=today_of(visit, who))}  # fmt: skip

    return visit.show("admin/pass_withdrawal.html", query)


@router.post("/admin/passes/{product_id}/withdrawal")
def withdraw(visit: Admin, product_id: UUID, form: Posted) -> Response:
    def verb(tx: Transaction, who: Principal) -> Answer:
        passes.withdraw(tx, product_id=product_id, actor=who.actor, now=visit.now)
        return Answer({"name": (shown.product(tx, who, product_id).body or {})["name"]})

    moved = visit.move(form, verb)
    return visit.go("/admin/passes", visit.say("%(name)s is not sold any more.", name=moved["name"]))
